//! A prompt for whom none is given: words of the text itself.

use super::shown;

/// The first clean words of a text, to be read on from: whole grapheme clusters, no characters that cannot be seen, and
/// nothing that the text does not have just so. At most `length` clusters, and whole words where the text has spaces; empty
/// if there is nothing of the kind.
pub fn opening_words(text: &str, length: usize) -> String {
    // The text may begin in the middle of a word, even of a line.
    let after = |separates: fn(char) -> bool| {
        let (at, c) = text.char_indices().find(|(_, c)| separates(*c))?;
        words(&text[at + c.len_utf8()..], length)
    };
    after(|c| c == '\n')
        .or_else(|| after(char::is_whitespace))
        .or_else(|| words(text, length))
        .unwrap_or_default()
}

/// The first clean run of a text.
fn words(text: &str, length: usize) -> Option<String> {
    let mut run = String::new();
    let mut count = 0;
    // Where the last word ended.
    let mut whole = None;
    let mut ended = true;
    for cluster in shown::clusters(text) {
        let space = cluster == " ";
        let clean = space
            || !cluster.starts_with(|c: char| {
                c.is_whitespace() || shown::is_hidden(c) || shown::is_attached(c)
            });
        if (space && run.is_empty()) || (!clean && run.trim().is_empty()) {
            run.clear();
            continue;
        }
        if !clean {
            break;
        }
        if space {
            whole = Some(run.len());
        }
        if count == length {
            ended = false;
            break;
        }
        run.push_str(cluster);
        count += 1;
    }
    // What was cut ends with its last whole word, if it has spaces.
    run.truncate(whole.filter(|_| !ended).unwrap_or(run.len()));
    let run = run.trim_end();
    (!run.is_empty()).then(|| run.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_whole_words_of_the_text() {
        for (text, length, expected) in [
            ("ful fate\nWe come to speak of that\n", 12, "We come to"),
            ("ful fate\nWe come to speak", 7, "We come"),
            ("ful of fate", 100, "of fate"),
            ("\n\n  \u{1b}\0Roses are red", 9, "Roses are"),
            ("anna\nbob\neve\n", 20, "bob"),
            ("क्षमा करो मित्र", 3, "करो"),
            ("日本語の文章", 3, "日本語"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
            ("a tab\there", 20, "tab"),
            ("supercalifragilistic", 5, "super"),
            ("\0\0\0", 5, ""),
            ("", 5, ""),
            ("a b", 0, ""),
        ] {
            assert_eq!(opening_words(text, length), expected, "{text:?}");
        }
    }

    #[test]
    fn a_prompt_has_no_letters_that_the_text_lacks() {
        let play = crate::text::Corpus::bundled().text;
        let words = opening_words(&play[play.len() * 9 / 10..], 24);
        assert!((8..=24).contains(&words.len()) && play.contains(&words), "{words:?}");
    }
}
