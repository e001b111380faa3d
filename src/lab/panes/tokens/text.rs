//! A text as characters with their ids and bytes, and as words with theirs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::strip::{Column, Strip};
use super::{characters, words};
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::{Role, class};
use crate::text::{Tokenizer, shown};

/// What stands where there is no id.
const NONE: &str = "none";

/// Where the parts stand: the characters between a line above and one below, the words under them.
struct Places {
    characters: Rect,
    words: Rect,
    lines: bool,
}

fn places(area: Rect, characters: &Strip, words: Option<&Strip>) -> Places {
    let lines = area.height >= 6;
    let body = if lines { Rect { y: area.y + 1, height: area.height - 2, ..area } } else { area };
    // A line of its own names them.
    let wanted = words.map_or(0, |words| words.height(area.width));
    let least = body.height.saturating_sub(characters.height(area.width));
    let height = wanted.min(least.max(body.height / 3));
    let height = if height < 2 { 0 } else { height };
    let above = Rect { height: body.height - height, ..body };
    Places { characters: above, words: Rect { y: above.bottom(), height, ..body }, lines }
}

/// The bytes of a character as they stand in a file.
fn bytes(c: char) -> String {
    let mut room = [0; 4];
    let bytes = c.encode_utf8(&mut room).bytes();
    bytes.map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn of_characters<'a>(facts: &Facts<'a>, tokenizer: &Tokenizer, text: &str, at: usize) -> Strip<'a> {
    let ascii = facts.theme.glyphs.ascii;
    let column = |c: char| {
        let id = tokenizer.id(&c.to_string());
        let role = id.map_or(Role::Bad, |_| class(c));
        let id = id.map_or(NONE.to_owned(), |id| id.to_string());
        Column { lines: vec![shown::sign(c, ascii), id, bytes(c)], style: facts.theme.style(role) }
    };
    let columns: Vec<_> = text.chars().map(column).collect();
    let cursor = columns.len().checked_sub(1).map(|last| at.min(last));
    Strip { theme: facts.theme, names: &["char", "id", "byte"], columns, cursor }
}

fn of_words<'a>(facts: &Facts<'a>, text: &str) -> Option<Strip<'a>> {
    let ascii = facts.theme.glyphs.ascii;
    let tokenizer = words(facts)?;
    let column = |id: u32| Column {
        lines: vec![shown::token(&tokenizer.token(id), ascii), id.to_string()],
        style: facts.theme.style(Role::Text),
    };
    let columns = tokenizer.encode(text).ok()?.into_iter().map(column).collect();
    Some(Strip { theme: facts.theme, names: &["word", "id"], columns, cursor: None })
}

/// The character under a position of the screen.
pub fn at(facts: &Facts, text: &str, cursor: usize, area: Rect, at: Position) -> Option<usize> {
    let strip = of_characters(facts, characters(facts)?, text, cursor);
    strip.at(places(area, &strip, of_words(facts, text).as_ref()).characters, at)
}

pub fn draw(facts: &Facts, text: &str, cursor: usize, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let ascii = theme.glyphs.ascii;
    let Some(tokenizer) = characters(facts).filter(|_| !text.is_empty()) else {
        let why = match facts.corpus {
            Some(_) => "Press enter and type a text to see its numbers.",
            None => "The vocabulary is there as soon as the text is read.",
        };
        return sentence(theme, why, area, buf);
    };
    let strip = of_characters(facts, tokenizer, text, cursor);
    let words = of_words(facts, text);
    let places = places(area, &strip, words.as_ref());
    strip.draw(places.characters, buf);
    if let Some(drawn) = &words {
        drawn.draw(places.words, buf);
        let unknown = self::words(facts).map_or_else(Vec::new, |known| known.unknown(text));
        let unknown: Vec<_> = unknown.iter().map(|word| shown::token(word, ascii)).collect();
        // In the gap under the last of them.
        if !unknown.is_empty() && places.words.height >= drawn.height(area.width) {
            let line = format!("too rare for the vocabulary: {}", unknown.join(", "));
            let line = clip(&line, usize::from(area.width), theme.glyphs.ellipsis);
            let y = places.words.bottom() - 1;
            put(buf, area, area.x, y, &line, theme.style(Role::Warning));
        }
    }
    if !places.lines {
        return;
    }
    let muted = theme.style(Role::Muted);
    let room = usize::from(area.width);
    let number = |n: usize, one: &str, more: &str| {
        format!("{} {}", count(n as u64), if n == 1 { one } else { more })
    };
    let mut sizes = number(text.chars().count(), "character", "characters");
    let bytes = number(text.len(), "byte", "bytes");
    let cut = words.map(|words| number(words.columns.len(), "word or sign", "words and signs"));
    for more in [Some(bytes), cut].into_iter().flatten() {
        if sizes.width() + 2 + more.width() <= room {
            sizes = format!("{sizes}, {more}");
        }
    }
    put(buf, area, area.x, area.y, &clip(&sizes, room, theme.glyphs.ellipsis), muted);
    let Some(c) = text.chars().nth(cursor.min(text.chars().count() - 1)) else { return };
    let line = match tokenizer.id(&c.to_string()) {
        Some(id) => {
            format!(
                "{} U+{:04X}: id {id} of {}",
                shown::sign(c, theme.glyphs.ascii),
                c as u32,
                tokenizer.vocab_size()
            )
        }
        None => format!("{}: not in the training text, so it has no id", shown::named(c)),
    };
    let line = clip(&line, room, theme.glyphs.ellipsis);
    put(buf, area, area.x, area.bottom() - 1, &line, theme.style(Role::Accent));
}
