//! What tokens are called, and how one is found by its name.

use crate::lab::facts::Facts;
use crate::lab::pen::clip;
use crate::text::Tokenizer;

/// Columns of a word at most.
const WORD: usize = 12;

/// Whether tokens are words, which take more than a column.
pub fn are_words(facts: &Facts) -> bool {
    facts.reads_prompt() && matches!(facts.tokenizer(), Some(Tokenizer::Words(_)))
}

/// Columns that a name takes at most, where names stand below each other.
pub fn width(facts: &Facts) -> u16 {
    if are_words(facts) { WORD as u16 } else { 1 }
}

/// A token's name in a bounded number of columns.
pub fn name(facts: &Facts, token: usize) -> String {
    let label = facts.label(token as u32);
    if are_words(facts) { clip(&label, WORD, facts.theme.glyphs.ellipsis) } else { label }
}

/// One token, or two to compare: `good great`, `a e`.
pub fn split(facts: &Facts, text: &str) -> Vec<String> {
    // A space and a line break are tokens as well.
    if text.chars().count() == 1 || text.trim().is_empty() {
        return text.chars().take(1).map(String::from).collect();
    }
    let mut parts: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if !are_words(facts) {
        parts = parts.concat().chars().map(String::from).collect();
    }
    parts.truncate(2);
    parts
}

/// The token of this name among `count`; else the first (of words the most frequent) that begins so.
pub fn find(facts: &Facts, count: usize, text: &str) -> Option<usize> {
    let whole = match facts.run.filter(|run| !run.is_on_text()) {
        Some(_) => None,
        None => facts.tokenizer()?.id(text).map(|id| id as usize),
    };
    // What is typed may be a label: `␣`, a sign of a made task.
    let labelled = |token: &usize| facts.label(*token as u32) == text;
    let begins =
        |token: &usize| facts.label(*token as u32).to_lowercase().starts_with(&text.to_lowercase());
    let all = || 0..count;
    let by_label = || all().find(labelled).or_else(|| all().find(begins));
    whole.filter(|token| *token < count).or_else(by_label).filter(|_| !text.is_empty())
}
