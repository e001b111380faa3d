//! `gpt-lab data`: what the models train on, and how to get the lecture's text.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::Failure;
use crate::text::corpus::{self, TINY_SHAKESPEARE_BYTES, TINY_SHAKESPEARE_URL};
use crate::text::followers::{Followers, LONGEST};
use crate::text::shown::Flow;
use crate::text::{
    CharTokenizer, Corpus, Dataset, Source, Tokenizer, WordTokenizer, fetch, ngram, shown,
};

/// The vocabulary is shown up to this many characters.
const SHOWN: usize = 400;
/// So many of the most frequent words are shown.
const FREQUENT: usize = 16;
/// Columns that a list may fill, and where it begins.
const COLUMNS: usize = 80;
const INDENT: usize = 14;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Describe the text: where it is from, its vocabulary, its splits, and what counting n-grams achieves on it
    Info {
        /// Any UTF-8 text, - for standard input, instead of GPT_LAB_DATA, the fetched text or the bundled play
        #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
        data: Option<PathBuf>,
    },
    /// Download Tiny Shakespeare, the lecture's text (1.1 MB), and check it
    Fetch {
        /// Where to download it from
        #[arg(long, default_value = TINY_SHAKESPEARE_URL)]
        url: String,
        /// Give up after so many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
        timeout: u64,
    },
    /// Write what counting alone would: each character drawn from what followed the last few in the training text
    Write {
        /// Any UTF-8 text, - for standard input, instead of GPT_LAB_DATA, the fetched text or the bundled play
        #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
        data: Option<PathBuf>,
        /// n of the n-gram: it looks at the n - 1 characters before
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=ngram::HIGHEST as i64))]
        order: u8,
        /// The text to go on from
        #[arg(long, value_name = "TEXT", default_value = "\n", allow_hyphen_values = true)]
        prompt: String,
        /// Characters to write
        #[arg(long, value_name = "N", default_value_t = 500)]
        tokens: usize,
        /// Same seed, same text
        #[arg(long, default_value_t = 1337)]
        seed: u64,
    },
    /// Print where the fetched text is, or would be
    Path,
}

/// Runs `gpt-lab data …`.
///
/// # Errors
/// If the text cannot be read or fetched, or standard output cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match &arguments.action {
        Action::Info { data } => info(data.as_deref(), &mut out)?,
        Action::Fetch { url, timeout } => download(url, Duration::from_secs(*timeout), &mut out)?,
        Action::Write { data, order, prompt, tokens, seed } => {
            let dataset = Dataset::new(super::read_text(data.as_deref())?)?;
            let (order, tokens) = (usize::from(*order), *tokens);
            let text = prompt.clone() + &counted(&dataset, order, prompt, tokens, *seed)?;
            let text = if out.is_terminal() { Flow::default().next(&text) } else { text };
            writeln!(out, "{text}")?;
        }
        Action::Path => writeln!(out, "{}", path()?.display())?,
    }
    Ok(())
}

fn path() -> anyhow::Result<PathBuf> {
    corpus::fetched_path()
        .context("there is no home folder to keep the text in: name a folder with GPT_LAB_HOME")
}

fn info(explicit: Option<&Path>, out: &mut impl Write) -> anyhow::Result<()> {
    let corpus = super::read_text(explicit)?;
    let characters = CharTokenizer::new(&corpus.text);
    let words = WordTokenizer::new(&corpus.text, usize::MAX);
    let dataset = Dataset::with_tokenizer(corpus, Tokenizer::Characters(characters.clone()))?;
    let about = &dataset.corpus;
    let count = |n: usize| HumanCount(n as u64);
    writeln!(out, "{}", about.name)?;
    writeln!(out, "  source      {}", about.source)?;
    writeln!(out, "  sha256      {}", about.sha256)?;
    writeln!(out, "  characters  {}", count(about.characters))?;
    writeln!(out, "  train       {}  (the first nine tenths)", count(dataset.train.len()))?;
    writeln!(out, "  validation  {}  (the rest)", count(dataset.val.len()))?;
    writeln!(out, "  vocabulary  {}", count(characters.vocab_size()))?;
    let listed = &characters.characters()[..characters.vocab_size().min(SHOWN)];
    for line in wrapped(listed.iter().map(|c| shown::sign(*c, false))) {
        writeln!(out, "{:INDENT$}{line}", "")?;
    }
    if listed.len() < characters.vocab_size() {
        writeln!(out, "              and {} more", count(characters.vocab_size() - listed.len()))?;
    }
    writeln!(
        out,
        "  words       {}  different ones, in lower case (--tokens words)",
        count(words.vocab_size() - 1)
    )?;
    let frequent = words.words().iter().skip(1).take(FREQUENT);
    for line in wrapped(frequent.map(|word| shown::token(word, false))) {
        writeln!(out, "{:INDENT$}{line}", "")?;
    }
    if words.vocab_size() - 1 > FREQUENT {
        let more = count(words.vocab_size() - 1 - FREQUENT);
        writeln!(out, "{:INDENT$}and {more} more", "")?;
    }
    writeln!(out, "\nWhat counting achieves: loss on validation")?;
    writeln!(out, "  model     nats/character  bits/character")?;
    for reference in ngram::references(&dataset, ngram::HIGHEST) {
        let bits = reference.loss / std::f64::consts::LN_2;
        writeln!(out, "  {:<8}  {:>14.3}  {:>14.3}", reference.name, reference.loss, bits)?;
    }
    if about.source == Source::Bundled {
        writeln!(out, "\n`gpt-lab data fetch` downloads Tiny Shakespeare, the lecture's text.")?;
    }
    Ok(())
}

/// What counting writes after a prompt.
fn counted(
    dataset: &Dataset,
    order: usize,
    prompt: &str,
    tokens: usize,
    seed: u64,
) -> anyhow::Result<String> {
    let prompt = dataset.tokenizer.encode(prompt)?;
    let followers = Followers::new(&dataset.train).with_context(|| {
        format!("a text of at most {} characters can be looked through", HumanCount(LONGEST as u64))
    })?;
    Ok(dataset.tokenizer.decode(&followers.write(order, &prompt, tokens, seed)))
}

/// Items in lines with a space between them.
fn wrapped(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if INDENT + line.width() + 1 + item.width() <= COLUMNS => {
                line.push(' ');
                line.push_str(&item);
            }
            _ => lines.push(item),
        }
    }
    lines
}

fn download(url: &str, timeout: Duration, out: &mut impl Write) -> anyhow::Result<()> {
    let path = path()?;
    if Corpus::read(Source::Fetched(path.clone())).is_ok() {
        writeln!(out, "Tiny Shakespeare is already at {}", path.display())?;
        return Ok(());
    }
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(TINY_SHAKESPEARE_BYTES)
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(ProgressStyle::with_template(
        "Tiny Shakespeare {bar:40} {bytes} of {total_bytes}",
    )?);
    bar.tick();
    let fetched = fetch::fetch(url, &path, timeout, |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    fetched?;
    writeln!(out, "Tiny Shakespeare is at {}", path.display())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_to_its_columns() {
        let items = |text: &str, n| std::iter::repeat_n(text.to_owned(), n);
        let lines = wrapped(items("日本", 40));
        assert_eq!(lines.iter().map(|line| line.matches("日本").count()).sum::<usize>(), 40);
        let (last, full) = lines.split_last().unwrap();
        assert!(full.iter().all(|line| (57..=66).contains(&line.width())), "{lines:?}");
        assert!(last.width() <= 66);
        assert_eq!(wrapped(items(&"x".repeat(100), 2)).len(), 2);
        assert!(wrapped(items("", 0)).is_empty());
    }

    #[test]
    fn what_is_written_is_what_was_counted() {
        let text = "abcabd".repeat(300);
        let source = Source::File("x".into());
        let dataset = Dataset::new(Corpus { text, name: "x".to_owned(), source }).unwrap();
        let written = counted(&dataset, 3, "ab", 600, 1).unwrap();
        assert_eq!(written.chars().count(), 600);
        // After ab stands c or d, after both ab, and nothing else.
        assert!(written.contains("cabc") && written.contains("dabd") && written.contains("cabd"));
        let rest = written.replace("cab", "").replace("dab", "");
        assert!(rest.chars().count() < 3, "{rest}");
        assert!(counted(&dataset, 3, "x", 6, 1).is_err());
    }

    #[test]
    fn info_describes_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ab.txt");
        std::fs::write(&file, "ab".repeat(1000)).unwrap();
        let mut out = Vec::new();
        info(Some(&file), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        for expected in [
            "ab.txt",
            "(--data)",
            "2,000",
            "1,800",
            "200  (the rest)",
            "a b",
            "words       1  different",
            "uniform            0.693           1.000",
        ] {
            assert!(out.contains(expected), "{expected:?} is missing from:\n{out}");
        }
        assert!(!out.contains("data fetch"));
    }
}
