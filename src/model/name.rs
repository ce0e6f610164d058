//! Texts of a file that outcomes, logs and messages repeat.

/// The most characters of a name, and of a text that a message repeats.
const MOST: usize = 128;

/// Whether a text can be a name: 1 to [`MOST`] characters, each one that [`is_printable`], without a space at either end.
pub(super) fn is_name(text: &str) -> bool {
    let mut count = 0;
    for char in text.chars() {
        count += 1;
        if count > MOST || !is_printable(char) {
            return false;
        }
    }
    let edge = |byte: Option<&u8>| byte == Some(&b' ');
    count > 0 && !edge(text.as_bytes().first()) && !edge(text.as_bytes().last())
}

/// The text as a message may show it: without what cannot be seen, and not long.
#[cold]
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (place, char) in text.chars().enumerate() {
        if place == MOST {
            shown.push('…');
            break;
        }
        shown.push(if is_printable(char) { char } else { '?' });
    }
    shown
}

/// Whether a character is one of ASCII's that can be seen, its space, or of the blocks that hold the letters of most languages: no
/// control, end of a line, mark of direction or character without width.
fn is_printable(char: char) -> bool {
    matches!(char,
        ' '..='~' | '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{5ff}' | '\u{620}'..='\u{6d3}' | '\u{900}'..='\u{109f}'
        | '\u{3041}'..='\u{3163}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
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
            assert_eq!(shown(name), name);
        }
        assert!(is_name(&"é".repeat(MOST)));
    }

    #[test]
    fn what_cannot_be_seen_is_no_name() {
        for name in ["", " ", " a", "a ", &"x".repeat(MOST + 1), &"é".repeat(MOST + 1)] {
            assert!(!is_name(name), "{name:?}");
        }
        // Controls, line ends, marks of direction, joiners, fillers, byte order, tags, variations, private use.
        let hidden = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{200d}\u{200e}\u{200f}\
            \u{2028}\u{2029}\u{202a}\u{202e}\u{202f}\u{2060}\u{2066}\u{2069}\u{206f}\u{3000}\u{3164}\u{e000}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffd}\
            \u{ffff}\u{1d173}\u{1fffe}\u{e0001}\u{e0041}\u{e0100}\u{f0000}\u{10ffff}";
        for char in hidden.chars() {
            assert!(!is_name(&format!("a{char}b")), "{char:?}");
            assert_eq!(shown(&format!("a{char}b")), "a?b", "{char:?}");
        }
    }

    #[test]
    fn what_a_message_repeats_is_short() {
        assert_eq!(shown(&"x".repeat(900_000)).chars().count(), MOST + 1);
        assert_eq!(shown(&"x".repeat(MOST)), "x".repeat(MOST));
        assert_eq!(shown(""), "");
    }
}
