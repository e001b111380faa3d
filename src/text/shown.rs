//! What comes from a file, a name or a text is a stranger: made fit to be shown, on a terminal or in a message.
//!
//! A character that a terminal obeys, hides or leaves blank has one sign that stands for it, the same in every pane and
//! every command. A mark is drawn with the letter that it follows: what is drawn as one (a grapheme cluster) stays one.

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Characters of a stranger's text that a message quotes at most.
const EXCERPT: usize = 80;
/// Characters of one cluster that are drawn at most: a family of four with their skins has eleven; marks without end are
/// no letter any more.
const CLUSTER: usize = 16;
/// Clusters of a word that a pane or a list shows at most.
const WORD: usize = 32;

/// What stands for a space, a line break and a tab as tokens.
pub const SPACE: &str = "␣";
pub const NEWLINE: &str = "⏎";
pub const TAB: &str = "⇥";
/// The same where only ASCII can be shown.
pub const ASCII_SPACE: &str = "_";
pub const ASCII_NEWLINE: &str = "$";
pub const ASCII_TAB: &str = "^";
/// What stands for a character that has no look of its own and no picture.
const HIDDEN: &str = "▯";
/// What stands for a space that is not the usual one.
const OTHER_SPACE: &str = "⍽";
/// What stands for whatever is not ASCII where only ASCII can be shown.
const NOT_ASCII: &str = "?";

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

/// What belongs to the character before it: a combining mark, or a joiner (zero width, or of no width at all).
pub fn is_attached(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{200c}' | '\u{200d}')
}

/// One visible sign for a character by itself, at least a column wide.
pub fn sign(c: char, ascii: bool) -> String {
    match c {
        ' ' => if ascii { ASCII_SPACE } else { SPACE }.to_owned(),
        '\n' => if ascii { ASCII_NEWLINE } else { NEWLINE }.to_owned(),
        '\t' => if ascii { ASCII_TAB } else { TAB }.to_owned(),
        '!'..='~' => c.to_string(),
        _ if ascii => NOT_ASCII.to_owned(),
        // Unicode has a picture of each of ASCII's controls.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('␀').to_string(),
        '\u{7f}' => "␡".to_owned(),
        _ if is_hidden(c) => HIDDEN.to_owned(),
        _ if c.is_whitespace() => OTHER_SPACE.to_owned(),
        _ if is_combining_mark(c) => format!("◌{c}"),
        _ if c.width().is_none_or(|width| width == 0) => HIDDEN.to_owned(),
        _ => c.to_string(),
    }
}

/// A text in the pieces that are drawn as one: grapheme clusters, but each control and each hidden beginning by itself.
pub fn clusters(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true).flat_map(|cluster| {
        let first = cluster.chars().next().unwrap_or_default();
        // A line end of two controls is one cluster, and some format characters hold on to what follows.
        let apart = is_hidden(first) || first.is_whitespace() || is_combining_mark(first);
        let head = if apart { first.len_utf8() } else { cluster.len() };
        let (whole, single) = cluster.split_at(head);
        let each = single.char_indices().map(|(at, c)| &single[at..at + c.len_utf8()]);
        std::iter::once(whole).chain(each)
    })
}

/// The visible sign of one of a text's [`clusters`].
pub fn cluster(cluster: &str, ascii: bool) -> String {
    let mut characters = cluster.chars();
    let Some(first) = characters.next() else { return String::new() };
    let mut shown = sign(first, ascii);
    if characters.as_str().is_empty() {
        return shown;
    }
    if ascii {
        return NOT_ASCII.to_owned();
    }
    shown.extend(characters.take(CLUSTER - 1));
    shown
}

/// A token, a word or a character, as panes and lists show it: a visible sign for each of its clusters, cut where it is
/// very long.
pub fn token(text: &str, ascii: bool) -> String {
    let mut pieces = clusters(text);
    let mut shown: String = pieces.by_ref().take(WORD).map(|piece| cluster(piece, ascii)).collect();
    if pieces.next().is_some() {
        shown.push_str(if ascii { "~" } else { "…" });
    }
    shown
}

/// A character as an error names it: its sign in quotes, and the code point where the sign is not the character itself.
pub fn named(c: char) -> String {
    let sign = sign(c, false);
    let own = sign.chars().eq([c]);
    if own { format!("'{sign}'") } else { format!("'{sign}' (U+{:04X})", c as u32) }
}

/// Text that flows to a terminal, made harmless piece by piece: line breaks and tabs stay, what a terminal would obey or
/// hide becomes its sign, and a mark stays with its letter.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Characters of the present cluster, after a visible character.
    attached: Option<usize>,
}

impl Flow {
    /// The next piece as a terminal may have it.
    pub fn next(&mut self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            match (c, self.attached) {
                ('\n' | '\t' | ' ', _) => {
                    shown.push(c);
                    self.attached = None;
                }
                // More marks than a cluster may have are left out.
                (c, Some(marks)) if is_attached(c) => {
                    if marks < CLUSTER {
                        shown.push(c);
                    }
                    self.attached = Some(marks + 1);
                }
                _ => {
                    shown.push_str(&sign(c, false));
                    self.attached = Some(1);
                }
            }
        }
        shown
    }
}

/// A stranger's text as a message may quote it: hidden characters escaped, and cut where it is long.
pub fn excerpt(text: &str) -> String {
    let mut shown = escaped(&text.chars().take(EXCERPT).collect::<String>());
    // Counting stops where it no longer matters.
    if text.chars().nth(EXCERPT).is_some() {
        shown.push('…');
    }
    shown
}

/// A whole text, a path for one, with its hidden characters escaped.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Characters of a message at most.
const MESSAGE: usize = 900;

/// An error with its causes, cause after cause in one line of bounded length. A cause that a message already quotes is not
/// said twice.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut whole = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !whole.contains(&text) {
            whole.push_str(": ");
            whole.push_str(&text);
        }
        cause = error.source();
    }
    line(&whole)
}

/// A text that may quote a stranger as one line of bounded length: breaks become spaces, what a terminal would obey is
/// escaped, and very long words are cut like the whole.
pub fn line(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        let word = excerpt(word);
        length += word.chars().count() + 1;
        if length > MESSAGE {
            line.push('…');
            break;
        }
        line.push_str(&word);
    }
    line
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

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

    #[test]
    fn every_character_has_one_visible_sign() {
        for c in '\0'..=char::MAX {
            let shown = sign(c, false);
            let own = shown.chars().eq([c]);
            assert!((1..=3).contains(&shown.width()), "{c:?} is drawn as {shown:?}");
            assert!(shown.chars().all(|c| !is_hidden(c) && !c.is_whitespace()), "{c:?}: {shown:?}");
            assert!(
                own || shown
                    .starts_with(|s: char| "␣⏎⇥▯⍽◌␡".contains(s) || s as u32 & !0x1f == 0x2400)
            );
            let ascii = sign(c, true);
            assert!(ascii.len() == 1 && ascii.as_bytes()[0].is_ascii_graphic(), "{c:?}: {ascii:?}");
        }
        let signs = ['\0', '\u{1b}', '\r', '\u{7f}', '\u{9b}', '\u{200d}', '\u{a0}', '\u{301}'];
        let signs = signs.map(|c| sign(c, false));
        assert_eq!(signs, ["␀", "␛", "␍", "␡", "▯", "▯", "⍽", "◌\u{301}"]);
    }

    #[test]
    fn what_is_drawn_as_one_stays_one() {
        let of = |text| clusters(text).map(|c| cluster(c, false)).collect::<Vec<_>>();
        assert_eq!(of("e\u{301}a"), ["e\u{301}", "a"]);
        assert_eq!(
            of("👩\u{200d}🔬🇫🇷1\u{fe0f}\u{20e3}"),
            ["👩\u{200d}🔬", "🇫🇷", "1\u{fe0f}\u{20e3}"]
        );
        assert_eq!(of("\r\n"), ["␍", "⏎"]);
        assert_eq!(of("\u{301}\u{302}"), ["◌\u{301}", "◌\u{302}"]);
        assert_eq!(of(" \u{301}"), ["␣", "◌\u{301}"]);
        assert_eq!(of("\u{600}1"), ["▯", "1"]);
        let marks = "\u{300}".repeat(10_000);
        assert_eq!(of(&format!("z{marks}"))[0].chars().count(), CLUSTER);
        assert_eq!(clusters("é👍🏽").map(|c| cluster(c, true)).collect::<String>(), "??");
        assert_eq!(token(&"x".repeat(5000), false), "x".repeat(32) + "…");
        assert_eq!(token("क्षमा", false), "क्षमा");
    }

    #[test]
    fn a_flow_is_the_text_without_what_a_terminal_obeys() {
        let text = "a\u{1b}[31m\tb\r\n👩\u{200d}🔬 e\u{301}\n\u{301}\u{202e}";
        let mut flow = Flow::default();
        // Token by token, as a model draws it.
        let shown: String = text.chars().map(|c| flow.next(&c.to_string())).collect();
        assert_eq!(shown, "a␛[31m\tb␍\n👩\u{200d}🔬 e\u{301}\n◌\u{301}▯");
        assert_eq!(Flow::default().next(text), shown);
    }

    #[test]
    fn an_error_is_one_line_with_all_its_causes_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Link(&'static str, #[source] Option<Box<Link>>);
        let link = |text, cause| Link(text, cause);
        let last = || Some(Box::new(link("permission\ndenied", None)));
        let error = link("no run", Some(Box::new(link("no folder", last()))));
        assert_eq!(chain(&error), "no run: no folder: permission denied");
        // Quoted already.
        let error = link("no folder: permission\ndenied", last());
        assert_eq!(chain(&error), "no folder: permission denied");
        let error = link("a\u{1b}[2J\u{202e}b", None);
        assert_eq!(chain(&error), r"a\u{1b}[2J\u{202e}b");
        let error = std::io::Error::other("x".repeat(100_000));
        assert_eq!(chain(&error), format!("{}…", "x".repeat(80)));
        let error = std::io::Error::other("word\n ".repeat(100_000));
        assert!((800..=901).contains(&chain(&error).chars().count()));
    }
}
