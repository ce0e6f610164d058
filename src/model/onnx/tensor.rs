//! Tensors: their element types, and their data in any of the ways in which a file can hold it.

use super::MAX_RANK;
use super::wire::Wire;
use crate::model::refusal::{Refusal, Refused};
use crate::words::Words;

/// The element types of tensors that can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Element {
    F32,
    U8,
    I8,
    I32,
    I64,
    Bool,
}

pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) element: Element,
    /// At most [`MAX_RANK`]; their product is the number of elements that `data` holds.
    pub(crate) dims: Vec<usize>,
    data: Data<'a>,
}

enum Data<'a> {
    /// Little-endian elements.
    Raw(&'a [u8]),
    Floats(Vec<f32>),
    /// Each within its element type.
    Ints(Vec<i64>),
}

pub(super) fn read_tensor(bytes: &[u8]) -> Refused<Tensor<'_>> {
    let (mut name, mut kind) = ("", 0);
    let (mut dims, mut raw) = (Vec::new(), None);
    let (mut floats, mut ints, mut longs) = (Vec::new(), Vec::new(), Vec::new());
    let mut wire = Wire::new(bytes);
    while let Some((number, field)) = wire.field()? {
        match number {
            1 => field.ints(&mut dims)?,
            2 => kind = field.int()?,
            4 => field.floats(&mut floats)?,
            5 => field.ints(&mut ints)?,
            7 => field.ints(&mut longs)?,
            8 => name = field.text()?,
            9 => raw = Some(field.bytes()?),
            13 => return Err(&Refusal::Unsupported(Words::OtherFiles)),
            14 if field.int()? != 0 => return Err(&Refusal::Unsupported(Words::OtherFiles)),
            _ => {}
        }
    }
    let element = read_element(kind)?;
    let data = match (raw, element) {
        (Some(raw), _) if floats.is_empty() && ints.is_empty() && longs.is_empty() => Data::Raw(raw),
        (None, Element::F32) if ints.is_empty() && longs.is_empty() => Data::Floats(floats),
        (None, Element::I64) if floats.is_empty() && ints.is_empty() => Data::Ints(longs),
        (None, Element::I32 | Element::I8 | Element::U8 | Element::Bool)
            if floats.is_empty() && longs.is_empty() =>
        {
            if !ints.iter().all(|&value| element.holds(value)) {
                return Err(&Refusal::Malformed(Words::TensorElement));
            }
            Data::Ints(ints)
        }
        _ => return Err(&Refusal::Malformed(Words::TensorData)),
    };
    if dims.len() > MAX_RANK {
        return Err(&Refusal::TooLarge(Words::ManyDimensions));
    }
    let (mut sizes, mut elements) = (Vec::with_capacity(dims.len()), Some(1_usize));
    for dim in dims {
        let size = usize::try_from(dim).or(Err(&Refusal::Malformed(Words::TensorNegative)))?;
        elements = elements.and_then(|elements| elements.checked_mul(size));
        sizes.push(size);
    }
    let tensor = Tensor { name, element, dims: sizes, data };
    if elements.is_none() || elements != tensor.stored() {
        return Err(&Refusal::Malformed(Words::TensorNotFilled));
    }
    Ok(tensor)
}

pub(super) fn read_element(kind: i64) -> Refused<Element> {
    Ok(match kind {
        1 => Element::F32,
        2 => Element::U8,
        3 => Element::I8,
        6 => Element::I32,
        7 => Element::I64,
        9 => Element::Bool,
        0 => return Err(&Refusal::Malformed(Words::TensorUntyped)),
        10 => return Err(&Refusal::Unsupported(Words::Float16)),
        11 => return Err(&Refusal::Unsupported(Words::Double)),
        _ => {
            return Err(&Refusal::Unsupported(Words::OtherElements));
        }
    })
}

impl Element {
    fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::F32 | Self::I32 => 4,
            Self::I64 => 8,
        }
    }

    /// Whether an integer of the file is in this type's range.
    fn holds(self, value: i64) -> bool {
        match self {
            Self::U8 => u8::try_from(value).is_ok(),
            Self::I8 => i8::try_from(value).is_ok(),
            Self::I32 => i32::try_from(value).is_ok(),
            Self::Bool => value == 0 || value == 1,
            Self::I64 => true,
            Self::F32 => false,
        }
    }
}

impl Tensor<'_> {
    /// Elements in the data; `None` if a part of one is left over.
    fn stored(&self) -> Option<usize> {
        match &self.data {
            Data::Raw(raw) => {
                let size = self.element.bytes();
                (raw.len() % size == 0).then_some(raw.len() / size)
            }
            Data::Floats(floats) => Some(floats.len()),
            Data::Ints(ints) => Some(ints.len()),
        }
    }

    /// The elements of a tensor of [`Element::F32`]; none of any other.
    pub(crate) fn floats(&self) -> Vec<f32> {
        match &self.data {
            Data::Raw(raw) if self.element == Element::F32 => {
                raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            Data::Floats(floats) => floats.clone(),
            _ => Vec::new(),
        }
    }

    /// The elements of a tensor of integers or truth values (0 and 1); none of floats.
    pub(crate) fn ints(&self) -> Vec<i64> {
        let raw = match &self.data {
            Data::Ints(ints) => return ints.clone(),
            Data::Raw(raw) if self.element != Element::F32 => raw,
            _ => return Vec::new(),
        };
        let element = |bytes: &[u8]| {
            let low = bytes.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
            match self.element {
                Element::I8 => i64::from(low as i8),
                Element::I32 => i64::from(low as i32),
                Element::Bool => i64::from(low != 0),
                _ => low.cast_signed(),
            }
        };
        raw.chunks_exact(self.element.bytes()).map(element).collect()
    }
}
