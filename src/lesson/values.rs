//! Numbers in the text that depend on the corpus or on a configuration are computed, never typed: `{=V}`, `{=parameters}`,
//! `{=bigram}`, `{=lr}`, and of another stage `{=parameters@multi-head}`. They are those of the page's own run, with what the
//! page sets: on a page that reads words, V is the number of words. A number that only happens to be equal to one of these
//! is marked: `{!4,225}` is shown as `4,225`.

use crate::model;
use crate::stage::hyperparameter::{HYPERPARAMETERS, hyperparameter};
use crate::stage::{Config, stage};
use crate::text::Tokens;
use crate::text::ngram::Reference;

/// What is known of the text.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    pub name: &'a str,
    /// Different characters.
    pub vocab_size: usize,
    /// Different words and signs, with the one for unknown ones; none until they are counted.
    pub words: Option<usize>,
    /// Characters of both splits.
    pub train: usize,
    pub val: usize,
    /// Empty until they are counted.
    pub references: &'a [Reference],
}

/// A value that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no value {name:?}: expected one of {NAMES}, a hyperparameter, or one of these of a stage (name@stage)"
)]
pub struct UnknownValue {
    pub name: String,
}

const NAMES: &str = "V, ln_V, V_times_V, ln_V_plus_half, text, characters, train_characters, val_characters, words, \
     parameters, T, B, C, B_times_T, head_size, uniform, unigram, bigram, trigram, 4-gram, 5-gram";

/// What stands for a number that is being counted.
const COUNTING: &str = "…";

/// A text with every `{=name}` as it is with this text and the configuration that is spoken of.
///
/// # Errors
/// If there is no value of a name.
pub fn fill(markdown: &str, spoken_of: &Config, text: &Text) -> Result<String, UnknownValue> {
    let mut filled = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find(['{']) {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        match (braced(from, "{="), marked(from)) {
            (Some(name), _) => {
                filled.push_str(&value(name, spoken_of, text)?);
                rest = &from[name.len() + 3..];
            }
            (None, Some(number)) => {
                filled.push_str(number);
                rest = &from[number.len() + 3..];
            }
            (None, None) => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// What stands between such a start and the next brace.
fn braced<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    Some(text.strip_prefix(start)?.split_once('}')?.0)
}

/// The number of a mark `{!4,225}` at a text's start.
fn marked(text: &str) -> Option<&str> {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.');
    braced(text, "{!").filter(|number| !number.is_empty() && number.chars().all(digits))
}

/// The numbers that a text may not hold as typed digits, for they are computed: of this text, and the sizes of what is spoken
/// of.
pub fn computed(spoken_of: &Config, text: &Text) -> Vec<(String, String)> {
    let names = NAMES.split(',').map(str::trim).filter(|name| *name != "text");
    let known = |name: &str| Some((name.to_owned(), value(name, spoken_of, text).ok()?));
    names.filter_map(known).collect()
}

fn value(name: &str, spoken_of: &Config, text: &Text) -> Result<String, UnknownValue> {
    let unknown = || UnknownValue { name: name.to_owned() };
    let (own, mut config) = match name.split_once('@') {
        Some((own, of)) => {
            (own, stage(of).map_err(|_| unknown())?.config(text.vocab_size, spoken_of.seed))
        }
        None => (name, spoken_of.clone()),
    };
    let vocab_size = match config.task.tokens {
        Tokens::Characters => Some(text.vocab_size),
        Tokens::Words => text.words.map(|words| words.min(config.task.max_words as usize)),
    };
    // A made task has a vocabulary of its own.
    if let Some(vocab_size) = vocab_size.filter(|_| config.task.reads_text()) {
        config.model.vocab_size = vocab_size;
    }
    let of_vocabulary =
        |write: &dyn Fn(usize) -> String| vocab_size.map_or_else(|| COUNTING.to_owned(), write);
    let Text { train, val, .. } = *text;
    Ok(match own {
        "V" => of_vocabulary(&count),
        "V_times_V" => of_vocabulary(&|v| count(v * v)),
        "ln_V" => of_vocabulary(&|v| loss((v as f64).ln())),
        "ln_V_plus_half" => of_vocabulary(&|v| format!("{:.2}", (v as f64).ln() + 0.5)),
        "text" => text.name.to_owned(),
        "characters" => count(train + val),
        "train_characters" => count(train),
        "val_characters" => count(val),
        "words" => text.words.map_or_else(|| COUNTING.to_owned(), count),
        "parameters" if vocab_size.is_none() => COUNTING.to_owned(),
        "parameters" => count(parameters(&config).ok_or_else(unknown)?),
        "T" => count(config.model.block_size),
        "B" => count(config.training.batch_size),
        "C" => count(config.model.n_embd),
        "B_times_T" => count(config.training.batch_size * config.model.block_size),
        "head_size" => count(config.model.n_embd / config.model.n_head.max(1)),
        _ if NAMES.split(',').any(|known| known.trim() == own) => {
            let counted = text.references.iter().find(|reference| reference.name == own);
            counted.map_or_else(|| COUNTING.to_owned(), |counted| loss(counted.loss))
        }
        _ => hyperparameter(own).ok_or_else(unknown)?.get(&config).to_string(),
    })
}

fn parameters(config: &Config) -> Option<usize> {
    Some(model::build(&config.model).ok()?.registry().len())
}

fn loss(x: f64) -> String {
    format!("{x:.3}")
}

/// 4225 as `4,225`.
fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut written = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

/// Every name that stands in a text.
pub fn names(markdown: &str) -> Vec<&str> {
    let starts = markdown.match_indices("{=").map(|(at, _)| &markdown[at..]);
    starts.filter_map(|rest| braced(rest, "{=")).collect()
}

/// A text with spaces where a value or a marked number stands, at the same places: what is left was typed.
pub fn typed(markdown: &str) -> String {
    let mut left = markdown.to_owned();
    for (at, _) in markdown.match_indices('{') {
        let from = &markdown[at..];
        if let Some(inner) = braced(from, "{=").or_else(|| marked(from)) {
            let end = at + inner.len() + 3;
            left.replace_range(at..end, &" ".repeat(end - at));
        }
    }
    left
}

/// Whether a name is a value of any stage, for lists.
pub fn is_known(name: &str) -> bool {
    let own = name.split('@').next().unwrap_or(name);
    NAMES.split(',').any(|known| known.trim() == own)
        || HYPERPARAMETERS.iter().any(|known| known.name == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Text = Text {
        name: "Tiny Shakespeare",
        vocab_size: 65,
        words: Some(11_000),
        train: 1_003_854,
        val: 111_540,
        references: &[Reference { order: 2, name: "bigram", loss: 2.4819, error: None }],
    };

    fn config(of: &str) -> Config {
        stage(of).unwrap().config(TEXT.vocab_size, 1)
    }

    #[test]
    fn numbers_are_those_of_the_text_and_the_stage() {
        let filled = |markdown: &str| fill(markdown, &config("bigram"), &TEXT).unwrap();
        assert_eq!(
            filled(
                "V = {=V}, ln V = {=ln_V}, {=V_times_V} of {=parameters}; {=bigram}, {=trigram}"
            ),
            "V = 65, ln V = 4.174, 4,225 of 4,225; 2.482, …"
        );
        assert_eq!(filled("{=characters} {=lr} {=lr@multi-head}"), "1,115,394 0.01 1e-3");
        assert_eq!(filled("{=parameters@residual}"), "41,921");
        assert_eq!(filled("{=parameters@encoder-decoder}"), "237,789", "of its task's letters");
        assert_eq!(filled("no {value} {= open"), "no {value} {= open");
        assert_eq!(filled("{!4,225} {!4.174}, {!x} {{=V}}"), "4,225 4.174, {!x} {65}");
    }

    #[test]
    fn numbers_are_those_of_what_a_page_sets() {
        let mut words = config("bigram");
        words.task.tokens = Tokens::Words;
        words.task.max_words = 1000;
        words.training.lr = 0.03;
        let filled =
            |text: &Text| fill("{=V} {=parameters} {=ln_V} {=lr} {=V@bigram}", &words, text);
        assert_eq!(filled(&TEXT).unwrap(), "1,000 1,000,000 6.908 0.03 65");
        assert_eq!(fill("{=words}", &words, &TEXT).unwrap(), "11,000");
        assert_eq!(filled(&Text { words: Some(7), ..TEXT }).unwrap(), "7 49 1.946 0.03 65");
        assert_eq!(filled(&Text { words: None, ..TEXT }).unwrap(), "… … … 0.03 65");
    }

    #[test]
    fn a_stranger_is_named() {
        let error = fill("{=W}", &config("bigram"), &TEXT).unwrap_err().to_string();
        assert!(error.contains("\"W\"") && error.contains("ln_V"));
        assert!(fill("{=V@nowhere}", &config("bigram"), &TEXT).is_err());
        assert!(is_known("lr") && is_known("V@bigram") && !is_known("W"));
    }

    #[test]
    fn every_listed_name_is_computed() {
        let computed = computed(&config("multi-head"), &TEXT);
        assert_eq!(computed.len() + 1, NAMES.split(',').count());
        assert!(computed.contains(&("parameters".to_owned(), "7,553".to_owned())));
    }
}
