//! Base64 (RFC 4648 §4) into a buffer of the caller's.

/// Decodes `text` (standard alphabet, padding optional) into `out` and gives the number of bytes written.
///
/// `None` for a character outside the alphabet, a length no encoder produces, non-zero unused bits, or more bytes than `out` holds.
pub(crate) fn decode_into(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let text = match text {
        [head @ .., b'=', b'='] if text.len().is_multiple_of(4) => head,
        [head @ .., b'='] if text.len().is_multiple_of(4) => head,
        _ => text,
    };
    let len = decoded_len(text.len())?;
    let out = out.get_mut(..len)?;
    let (mut bits, mut held, mut wrong) = (0u32, 0u32, false);
    let mut digits = text.iter();
    for byte in out {
        while held < 8 {
            let value = DIGITS[usize::from(*digits.next()?)];
            wrong |= value == INVALID;
            bits = (bits << 6) | u32::from(value & 63);
            held += 6;
        }
        held -= 8;
        *byte = (bits >> held) as u8;
    }
    // The digits that complete the last byte are read; what is left of the bits must be zero.
    (!wrong && digits.next().is_none() && bits & ((1 << held) - 1) == 0).then_some(len)
}

/// Decodes `text` into a new vector; errors as [`decode_into`].
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
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
    fn refuses_what_no_encoder_writes() {
        for text in
            ["Z", "Zm9vY", "Zm9v!AAA", "Zh==", "Zm9=", "Z===", "====", "Zg=", "Zm\n9v", "Zm9v====", "-_-_"]
        {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode_into(b"Zm9v", &mut [0; 2]), None);
    }
}
