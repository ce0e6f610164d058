//! Texts of a file that outcomes, logs and messages repeat.

/// The most bytes of a name, and of a text that a message repeats.
const MOST: usize = 128;

/// Whether a text can be a name: 1 to [`MOST`] bytes, all of letters, digits and signs or spaces between them.
pub(super) fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| matches!(byte, None | Some(b' '));
    bytes.len() <= MOST
        && !edge(bytes.first())
        && !edge(bytes.last())
        && bytes.iter().all(|&byte| is_visible(byte) || is_of_letter(byte))
}

/// The text as a message may show it: what cannot be seen, and letters that are not ASCII's, are question marks, and it is not long.
#[cold]
#[inline(never)]
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for &byte in text.as_bytes().iter().take(MOST) {
        shown.push(if is_visible(byte) { char::from(byte) } else { '?' });
    }
    shown
}

/// A character of ASCII that can be seen, or its space.
fn is_visible(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// A byte behind the first of a character, or the first where the block is of letters: Latin, Greek, Cyrillic, Armenian, Hebrew, of
/// India and Thailand, kana, ideographs and Hangul. The others hold controls, marks of direction, line ends and what has no width.
fn is_of_letter(byte: u8) -> bool {
    matches!(byte, 0x80..=0xbf | 0xc3..=0xc9 | 0xce..=0xd7 | 0xe0 | 0xe3..=0xec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_letters_digits_and_signs() {
        for name in [
            "a",
            "minilm-l6-pca64-v1",
            "Front page, test 2 (b)",
            "modèle-é",
            "модель",
            "模型-1",
            "नमूना",
            "モデル",
            "모델",
            "דגם",
        ] {
            assert!(is_name(name), "{name}");
        }
        assert!(is_name(&"x".repeat(MOST)) && is_name(&"é".repeat(MOST / 2)));
    }

    #[test]
    fn what_cannot_be_seen_is_no_name() {
        for name in
            ["", " ", " a", "a ", &"x".repeat(MOST + 1), &"é".repeat(MOST / 2 + 1), &"x".repeat(900_000)]
        {
            assert!(!is_name(name));
        }
        // Controls, line ends, marks of direction, joiners, fillers, byte order, tags, variations, private use.
        let hidden = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{200d}\u{200e}\u{200f}\
            \u{2028}\u{2029}\u{202a}\u{202e}\u{202f}\u{2060}\u{2066}\u{2069}\u{206f}\u{e000}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffd}\
            \u{ffff}\u{1d173}\u{1fffe}\u{e0001}\u{e0041}\u{e0100}\u{f0000}\u{10ffff}";
        for char in hidden.chars() {
            assert!(!is_name(&format!("a{char}b")), "{char:?}");
        }
    }

    #[test]
    fn what_a_message_repeats_is_ascii_and_short() {
        assert_eq!(shown(&"x".repeat(900_000)), "x".repeat(MOST));
        assert_eq!(shown("ai.onnx.ml\n\0\u{202e}é"), "ai.onnx.ml???????");
        assert_eq!(shown(""), "");
    }
}
