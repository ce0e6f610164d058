//! The wire format of protocol buffers, read from a borrowed slice that only ever shrinks.
//!
//! A message is a sequence of fields: a varint `number << 3 | type`, then by type
//!
//! | type | payload |
//! |---|---|
//! | 0 | varint: at most 10 bytes, 7 bits each, low bits first, high bit set on all but the last |
//! | 1 | 8 bytes, little-endian |
//! | 2 | varint length, then so many bytes (text, a nested message, or packed numbers) |
//! | 5 | 4 bytes, little-endian |
//!
//! Groups (types 3 and 4) are refused: ONNX has none.

use super::MAX_NAME;
use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;

/// What is left of one message.
pub(super) struct Wire<'a>(&'a [u8]);

/// The payload of one field.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Varint(u64),
    Four([u8; 4]),
    Eight,
    Bytes(&'a [u8]),
}

const TRUNCATED: &Refusal = &Refusal::Malformed(Words::FieldCutShort);
const WRONG_TYPE: &Refusal = &Refusal::Malformed(Words::FieldType);

impl<'a> Wire<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next field's number and payload; `None` at the end of the message.
    #[inline(never)]
    pub(super) fn field(&mut self) -> Refused<Option<(u64, Field<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => self.array::<8>().map(|_| Field::Eight)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| TRUNCATED)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(TRUNCATED)?;
                self.0 = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Four(self.array()?),
            _ => return Err(&Refusal::Malformed(Words::FieldTypeUnknown)),
        };
        match tag >> 3 {
            0 => Err(&Refusal::Malformed(Words::FieldNumber0)),
            number => Ok(Some((number, field))),
        }
    }

    #[inline(never)]
    fn varint(&mut self) -> Refused<u64> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(TRUNCATED)?;
            self.0 = rest;
            // The tenth byte holds the 64th bit and nothing else.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(&Refusal::Malformed(Words::VarintTooLong))
    }

    fn array<const N: usize>(&mut self) -> Refused<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or(TRUNCATED)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

impl<'a> Field<'a> {
    #[inline(never)]
    pub(super) fn int(self) -> Refused<i64> {
        match self {
            // Negative numbers travel as their two's complement.
            Self::Varint(value) => Ok(value as i64),
            _ => Err(WRONG_TYPE),
        }
    }

    pub(super) fn float(self) -> Refused<f32> {
        match self {
            Self::Four(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(WRONG_TYPE),
        }
    }

    #[inline(never)]
    pub(super) fn bytes(self) -> Refused<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(WRONG_TYPE),
        }
    }

    #[inline(never)]
    pub(super) fn text(self) -> Refused<&'a str> {
        core::str::from_utf8(self.bytes()?).map_err(|_| &Refusal::Malformed(Words::NameNotUtf8))
    }

    /// A text that an error may repeat.
    pub(super) fn name(self) -> Refused<&'a str> {
        match self.text()? {
            name if name.len() > MAX_NAME => Err(&Refusal::TooLarge(Words::NameTooLong)),
            name => Ok(name),
        }
    }

    /// Appends one number (unpacked) or many (packed); a number takes at least a byte of the message.
    pub(super) fn ints(self, into: &mut Vec<i64>) -> Refused<()> {
        if let Self::Bytes(bytes) = self {
            let mut packed = Wire(bytes);
            while !packed.0.is_empty() {
                into.push(packed.varint()? as i64);
            }
            return Ok(());
        }
        into.push(self.int()?);
        Ok(())
    }

    /// Appends one number (unpacked) or many (packed).
    pub(super) fn floats(self, into: &mut Vec<f32>) -> Refused<()> {
        if let Self::Bytes(bytes) = self {
            let (numbers, rest) = bytes.as_chunks::<4>();
            into.extend(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            return if rest.is_empty() { Ok(()) } else { Err(TRUNCATED) };
        }
        into.push(self.float()?);
        Ok(())
    }
}
