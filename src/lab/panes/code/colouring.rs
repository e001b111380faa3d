//! Which signs of a line of Rust are comments, keywords and numbers.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Comment,
    Keyword,
    Number,
    Other,
}

const KEYWORDS: [&str; 30] = [
    "as", "break", "const", "continue", "crate", "dyn", "else", "enum", "fn", "for", "if", "impl",
    "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self",
    "static", "struct", "trait", "use", "where", "while",
];

/// A line in pieces of one kind each; together they are the line.
pub fn pieces(line: &str) -> Vec<(Kind, &str)> {
    let mut found: Vec<(Kind, &str)> = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (kind, length) = if rest.starts_with("//") {
            (Kind::Comment, rest.len())
        } else if let Some(text) = rest.strip_prefix('"') {
            // A slash in a text begins no comment.
            (Kind::Other, text.find('"').map_or(rest.len(), |end| end + 2))
        } else if first.is_ascii_digit() {
            (Kind::Number, number(rest))
        } else if KEYWORDS.contains(&&rest[..word]) {
            (Kind::Keyword, word)
        } else {
            (Kind::Other, word.max(first.len_utf8()))
        };
        let (piece, after) = rest.split_at(length);
        found.push((kind, piece));
        rest = after;
    }
    found
}

/// Bytes of the number that a text begins with: `0.044_715`, `1e-6`, `0` of `0..n`.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let at = |i: usize| bytes.get(i).copied().unwrap_or(b' ');
    let mut end = 0;
    loop {
        let fraction = at(end) == b'.' && at(end + 1).is_ascii_digit();
        let exponent =
            at(end) == b'-' && end > 0 && at(end - 1) == b'e' && at(end + 1).is_ascii_digit();
        if !(at(end).is_ascii_alphanumeric() || at(end) == b'_' || fraction || exponent) {
            return end;
        }
        end += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, line: &str) -> Vec<&str> {
        pieces(line).into_iter().filter(|(k, _)| *k == kind).map(|(_, text)| text).collect()
    }

    #[test]
    fn keywords_numbers_and_comments_are_told_apart() {
        let line = "    for j in 0..n { let x1 = 1e-6 * y[2] + 0.044_715; } // pass 2: if 3";
        assert_eq!(of(Kind::Keyword, line), ["for", "in", "let"]);
        assert_eq!(of(Kind::Number, line), ["0", "1e-6", "2", "0.044_715"]);
        assert_eq!(of(Kind::Comment, line), ["// pass 2: if 3"]);
        assert_eq!(of(Kind::Comment, "let url = \"a//b\"; x"), Vec::<&str>::new());
        assert_eq!(of(Kind::Keyword, "letter iffy self.mut_of"), ["self"]);
        assert_eq!(of(Kind::Number, "1e5.max(x) f64 ½"), ["1e5"]);
    }

    /// Also where a line is cut.
    #[test]
    fn no_sign_is_lost() {
        for name in crate::lesson::source::names().iter().step_by(7) {
            for line in crate::lesson::source::region(name).unwrap().text.lines() {
                let whole: String = pieces(line).into_iter().map(|(_, text)| text).collect();
                assert_eq!(whole, line);
            }
        }
    }
}
