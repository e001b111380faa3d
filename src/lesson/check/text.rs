//! What is read: values and keys that there are, terms explained once, links that lead somewhere, tables that fit, and no
//! number typed that the program computes.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

use super::{Against, Faults, Known, SEED};
use crate::lesson::{COLUMNS, Lesson, Piece, experiment, keys, values};
use crate::stage::Config;

/// Columns of a table at most.
const WIDEST: usize = COLUMNS as usize;
/// Digits from which on a typed number is no accident.
const TELLING: usize = 3;

pub(super) fn check(lesson: &Lesson, against: &Against<'_>, faults: &mut Faults<'_>) {
    let mut explained: BTreeMap<String, usize> = BTreeMap::new();
    for (n, page) in lesson.pages.iter().enumerate() {
        // What is wrong with a page's run is said where its setup is proved.
        let of_page =
            |known: &Known| experiment::of_page(lesson, n, known.text().vocab_size, SEED).ok();
        let computed = computed(&of_page, against);
        let read = |text: &str, first: usize, faults: &mut Faults<'_>| {
            filled(text, first, &of_page, against, faults);
            typed(text, first, &computed, faults);
        };
        read(&page.heading, page.line, faults);
        for piece in &page.pieces {
            match piece {
                Piece::Text { text, line } => {
                    read(text, *line, faults);
                    links(text, *line, &mut explained, faults);
                    tables(text, *line, faults);
                }
                // A block's texts have its own line: where in it they stand is TOML's.
                Piece::Item(item) => {
                    for text in item.texts() {
                        read(&text.replace('\n', " "), item.line, faults);
                    }
                }
            }
        }
    }
}

/// Lines before a byte of a text.
fn lines_before(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count()
}

fn filled(
    text: &str,
    first: usize,
    of_page: &dyn Fn(&Known) -> Option<Config>,
    against: &Against<'_>,
    faults: &mut Faults,
) {
    let Some(known) = against.texts.first() else { return };
    let Some(spoken_of) = of_page(known) else { return };
    // Line by line, so that each stranger has its own.
    for (i, line) in text.lines().enumerate() {
        if let Err(error) = values::fill(line, &spoken_of, &known.text()) {
            faults.at(first + i, error);
        }
        if let Err(error) = keys::fill(line, against.keys) {
            faults.at(first + i, error);
        }
    }
}

/// A number that the program computes: its name, the text that it is of, how it is written.
struct Computed {
    name: String,
    of: String,
    digits: String,
}

fn computed(of_page: &dyn Fn(&Known) -> Option<Config>, against: &Against<'_>) -> Vec<Computed> {
    let mut all: Vec<Computed> = Vec::new();
    for known in against.texts {
        let text = known.text();
        let Some(spoken_of) = of_page(known) else { continue };
        for (name, value) in values::computed(&spoken_of, &text) {
            let digits = value.replace(',', "");
            if significant(&digits) >= TELLING && !all.iter().any(|one| one.digits == digits) {
                all.push(Computed { name, of: text.name.to_owned(), digits });
            }
        }
    }
    all
}

fn typed(text: &str, first: usize, computed: &[Computed], faults: &mut Faults) {
    for (i, line) in values::typed(text).lines().enumerate() {
        for number in numbers(line) {
            let digits = number.replace(',', "");
            if let Some(Computed { name, of, .. }) = computed.iter().find(|c| c.digits == digits) {
                faults.at(
                    first + i,
                    format!(
                        "{number} is the {name} that is computed (on {of}): write {{={name}}}, or {{!{number}}} where they only happen to be equal"
                    ),
                );
            }
        }
    }
}

/// The numbers of a line as they are written, with commas between thousands; what is part of a name is none.
fn numbers(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let digits = |c: char| !(c.is_ascii_digit() || matches!(c, ',' | '.'));
        if c.is_ascii_digit() && !before.is_alphanumeric() && before != '_' {
            let end = rest.find(digits).unwrap_or(rest.len());
            found.push(rest[..end].trim_end_matches([',', '.']));
            before = '0';
            rest = &rest[end..];
        } else {
            before = c;
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// How many digits say something: zeros before a number, or at the end of a whole one, do not.
fn significant(number: &str) -> usize {
    let number = number.trim_start_matches(['0', '.']);
    let number = if number.contains('.') { number } else { number.trim_end_matches('0') };
    number.chars().filter(char::is_ascii_digit).count()
}

fn links(text: &str, first: usize, explained: &mut BTreeMap<String, usize>, faults: &mut Faults) {
    let mut term: Option<(String, usize)> = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        let line = first + lines_before(text, range.start);
        match event {
            Event::Start(Tag::Link { dest_url, title, .. }) if &*dest_url == "term" => {
                if title.trim().is_empty() {
                    let what = "a term says what it means: [nat](term \"a unit of surprise\")";
                    faults.at(line, what);
                }
                term = Some((String::new(), line));
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. })
                if !is_address(&dest_url) =>
            {
                let what = format!(
                    "the link to {:?} leads nowhere: expected term \"…\" or an address like https://example.org/paper",
                    &*dest_url
                );
                faults.at(line, what);
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((word, _)) = &mut term {
                    word.push_str(&text);
                }
            }
            Event::End(TagEnd::Link) => {
                let Some((word, line)) = term.take() else { continue };
                let word = word.to_lowercase();
                if word.trim().is_empty() {
                    faults.at(line, "a term without a word");
                } else if let Some(earlier) = explained.get(&word) {
                    faults.at(line, format!("{word:?} is explained in line {earlier} already"));
                } else {
                    explained.insert(word, line);
                }
            }
            _ => {}
        }
    }
}

/// Whether it is a whole address; whether somebody answers there is not asked.
fn is_address(url: &str) -> bool {
    let host = url.strip_prefix("https://").map(|rest| rest.split('/').next().unwrap_or(""));
    host.is_some_and(|host| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && host.chars().all(plain)
    })
}

fn tables(text: &str, first: usize, faults: &mut Faults) {
    let mut block: Option<Vec<(usize, &str)>> = None;
    for (i, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            match block.take() {
                None => block = Some(Vec::new()),
                Some(lines) => wide_table(&lines, faults),
            }
        } else if let Some(lines) = &mut block {
            lines.push((first + i, line));
        } else if line.trim_start().starts_with('|') {
            let what = "a table is a block of code (```text): rows with | are not drawn as one";
            faults.at(first + i, what);
        }
    }
}

/// A block is a table where two of its lines have three columns. On a narrow screen its longest runs of spaces give way, as
/// far as two; what is still too wide would be broken.
fn wide_table(lines: &[(usize, &str)], faults: &mut Faults) {
    let gaps = |line: &str| {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        // `x   = a + b` is one cell, however its sign is aligned.
        cells.filter(|cell| !cell.starts_with('=')).count().saturating_sub(1)
    };
    let is_row = |line: &str| gaps(line) >= 2 || line.matches('|').count() >= 2;
    if lines.iter().filter(|(_, line)| is_row(line)).count() < 2 {
        return;
    }
    let widest = lines.iter().map(|(_, line)| line.width()).max().unwrap_or(0);
    for (number, line) in lines {
        let longest = line.trim_start().split(|c| c != ' ').map(str::len).max().unwrap_or(0);
        let cut = widest.saturating_sub(WIDEST).min(longest.saturating_sub(2));
        let width = line.width() - cut;
        if width > WIDEST {
            faults.at(*number, format!("a table has {WIDEST} columns at most (found {width})"));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_stands_alone() {
        assert_eq!(
            numbers("4,225 of 65, 4.174; conv1d n_128 (2.49) 1e-3 ×32."),
            ["4,225", "65", "4.174", "2.49", "1", "3", "32"]
        );
        let digits = ["4225", "5000", "65", "0.01", "4.174", "2.500", "0.0123"];
        assert_eq!(digits.map(significant), [4, 1, 2, 1, 4, 4, 3]);
    }

    #[test]
    fn addresses_are_whole() {
        for (url, whole) in [
            ("https://arxiv.org/abs/1706.03762", true),
            ("https://arxiv", false),
            ("http://arxiv.org", false),
            ("lessons/01.md", false),
            ("https://.org/x", false),
        ] {
            assert_eq!(is_address(url), whole, "{url}");
        }
    }
}
