//! What comes from a file, a name or a text is a stranger: made fit to be shown, on a terminal or in a message.

/// Characters of a stranger's text that a message quotes at most.
const EXCERPT: usize = 80;

/// Characters that a terminal obeys or hides instead of drawing them: controls, marks of direction, joiners and other
/// format characters (Unicode's categories Cc, Cf, Zl and Zp), and what is no character at all.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c as u32,
            0xAD | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x0890..=0x0891 | 0x08E2 | 0x180E
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
            | 0x1_10BD | 0x1_10CD | 0x1_3430..=0x1_343F | 0x1_BCA0..=0x1_BCA3
            | 0x1_D173..=0x1_D17A | 0xE_0000..=0xE_0FFF)
        || (c as u32) & 0xFFFE == 0xFFFE
}

/// A stranger's text as a message may quote it: hidden characters escaped, and cut where it is long.
pub fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(EXCERPT) {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    // Counting stops where it no longer matters.
    if text.chars().nth(EXCERPT).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_quotes_nothing_that_a_terminal_obeys() {
        assert_eq!(excerpt("lm_head.weight"), "lm_head.weight");
        assert_eq!(excerpt("a\u{1b}[2Jb\u{202e}c\nd\u{9b}e"), r"a\u{1b}[2Jb\u{202e}c\nd\u{9b}e");
        assert_eq!(excerpt("日本 é"), "日本 é");
        let long = excerpt(&"x".repeat(1_000_000));
        assert_eq!(long.chars().count(), 81);
        assert!(long.ends_with("x…"));
        assert_eq!(excerpt(&"x".repeat(80)).chars().count(), 80);
    }
}
