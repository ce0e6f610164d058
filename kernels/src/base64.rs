//! Base64 (RFC 4648 §4) into a buffer of the caller's.

/// Decodes `text` (standard alphabet, padding optional) into `out` and gives the number of bytes written.
///
/// `None` for a character outside the alphabet, a length no encoder produces, non-zero unused bits, or more bytes than `out` holds.
#[inline(never)]
pub fn decode_into(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let text = match text {
        [head @ .., b'=', b'='] if text.len().is_multiple_of(4) => head,
        [head @ .., b'='] if text.len().is_multiple_of(4) => head,
        _ => text,
    };
    let len = decoded_len(text.len())?;
    let out = out.get_mut(..len)?;
    let mut seen = 0;
    let mut value = |&digit: &u8| {
        let value = DIGITS[usize::from(digit)];
        seen |= value;
        u32::from(value)
    };
    let (groups, rest) = text.as_chunks::<4>();
    let (triples, tail) = out.as_chunks_mut::<3>();
    for (triple, group) in triples.iter_mut().zip(groups) {
        let bits = group.iter().fold(0, |bits, digit| (bits << 6) | value(digit));
        let [_, bytes @ ..] = bits.to_be_bytes();
        *triple = bytes;
    }
    let bits = rest.iter().fold(0, |bits, digit| (bits << 6) | value(digit)) << (6 * (4 - rest.len()));
    let [_, bytes @ ..] = u32::to_be_bytes(bits);
    let (bytes, unused) = bytes.split_at(tail.len());
    tail.copy_from_slice(bytes);
    (seen < 64 && unused.iter().all(|&byte| byte == 0)).then_some(len)
}

/// Decodes `text` into a new vector; errors as [`decode_into`].
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() / 4 * 3 + 3];
    let len = decode_into(text.as_bytes(), &mut out)?;
    out.truncate(len);
    Some(out)
}

/// Bytes behind `digits` unpadded base64 digits; one digit alone in the last group stands for nothing.
fn decoded_len(digits: usize) -> Option<usize> {
    match digits % 4 {
        0 => Some(digits / 4 * 3),
        2 => Some(digits / 4 * 3 + 1),
        3 => Some(digits / 4 * 3 + 2),
        _ => None,
    }
}

const INVALID: u8 = 255;

const DIGITS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [INVALID; 256];
    let mut i = 0;
    while i < alphabet.len() {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use ::base64::prelude::{BASE64_STANDARD as STANDARD, BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD, Engine};

    use super::*;

    #[test]
    fn decodes_the_test_vectors_of_rfc_4648() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE", "fooba"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode("+/+/").as_deref(), Some(&[0xfb, 0xff, 0xbf][..]));
    }

    #[test]
    fn decodes_what_another_encoder_writes() {
        for len in 0..70usize {
            let bytes: Vec<_> = (0..len).map(|i| (i * 89 + len * 31) as u8).collect();
            for engine in [&STANDARD, &STANDARD_NO_PAD] {
                assert_eq!(decode(&engine.encode(&bytes)), Some(bytes.clone()));
            }
        }
    }

    #[test]
    fn refuses_a_wrong_character_anywhere() {
        for len in [6, 7, 8] {
            for at in 0..len {
                for wrong in (0..=u8::MAX).filter(|&byte| DIGITS[usize::from(byte)] == INVALID) {
                    let mut text = vec![b'A'; len];
                    text[at] = wrong;
                    // The eighth place may hold padding.
                    let padded = (at, wrong) == (7, b'=');
                    assert_eq!(decode_into(&text, &mut [0; 6]).is_some(), padded, "{wrong} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn refuses_what_no_encoder_writes() {
        for text in
            ["Z", "Zm9vY", "Zm9v!AAA", "Zh==", "Zm9=", "Z===", "====", "Zg=", "Zm\n9v", "Zm9v====", "-_-_"]
        {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode_into(b"Zm9v", &mut [0; 2]), None);
    }
}
