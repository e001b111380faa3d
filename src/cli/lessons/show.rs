//! `gpt-lab lessons show`: the pages of a lesson as a learner reads them.

use std::io::Write;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use serde_json::json;

use super::{Course, Text, find};
use crate::cli::Failure;
use crate::lab::action::first_keys;
use crate::lab::flow;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::lesson::check::Known;
use crate::lesson::experiment::{FIRST_SEED, of_page};
use crate::lesson::{COLUMNS, Figure, Item, Kind, Piece, keys, source, values};
use crate::model;
use crate::stage::Config;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Number or id of a lesson
    #[arg(value_name = "N")]
    lesson: String,
    #[command(flatten)]
    course: Course,
    #[command(flatten)]
    text: Text,
    /// One JSON object a page
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let lessons = arguments.course.read()?;
    let lesson = find(&lessons, &arguments.lesson)?;
    let known = arguments.text.known()?;
    let known_keys = first_keys(false);
    let mut out = std::io::stdout().lock();
    if !arguments.json {
        writeln!(out, "# {} {}", lesson.number, lesson.title)?;
    }
    for (n, page) in lesson.pages.iter().enumerate() {
        let spoken_of = of_page(lesson, n, known.text().vocab_size, FIRST_SEED)
            .map_err(|error| anyhow::anyhow!("{}:{}: {error}", lesson.file, page.line))?;
        let filler = Filler { spoken_of: &spoken_of, known: &known, keys: &known_keys };
        let filled = |text: &str, line: usize| {
            let wrong = |what: String| anyhow::anyhow!("{}:{line}: {what}", lesson.file);
            filler.fill(text).map_err(wrong)
        };
        let heading = filled(&page.heading, page.line)?;
        let mut texts = Vec::new();
        let mut items = Vec::new();
        for piece in &page.pieces {
            match piece {
                Piece::Text { text, line } => texts.push(without_terms(&filled(text, *line)?)),
                Piece::Item(item) => {
                    let text = filled(&asked(item), item.line)?;
                    let text = match &item.kind {
                        Kind::Figure(figure) => {
                            let vocab_size = known.dataset.tokenizer.vocab_size();
                            let config = of_page(lesson, n, vocab_size, FIRST_SEED)?;
                            format!("{}{text}", drawn(&config, figure)?)
                        }
                        _ => text,
                    };
                    items.push(json!({"kind": item.kind_name(), "id": item.id, "text": text}));
                    texts.push(text);
                }
            }
        }
        if arguments.json {
            let line = json!({
                "lesson": lesson.id,
                "page": n + 1,
                "heading": heading,
                "stage": lesson.stage_of(n),
                "panes": lesson.panes_of(n),
                "text": texts.join("\n\n"),
                "items": items,
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "\n## {heading}\n\n{}", texts.join("\n\n"))?;
        }
    }
    Ok(())
}

/// A figure's drawing, as a block of text that is as wide as a page is in the lab at least.
fn drawn(config: &Config, figure: &Figure) -> Result<String, Failure> {
    let card = model::build(&config.model)?.card();
    let plain = Theme::new(Depth::None, Ground::Dark, Glyphs::UNICODE);
    let mut widths = [COLUMNS, 2 * COLUMNS, u16::MAX].into_iter();
    let lines = widths.find_map(|width| flow::figure(&plain, &card, &figure.parts, width));
    let lines: Vec<_> = lines.unwrap_or_default().iter().map(ToString::to_string).collect();
    Ok(format!("```text\n{}\n```\n", lines.join("\n")))
}

/// What stands for values and keys.
struct Filler<'a> {
    spoken_of: &'a Config,
    known: &'a Known,
    keys: &'a [(&'static str, String)],
}

impl Filler<'_> {
    fn fill(&self, text: &str) -> Result<String, String> {
        let text = values::fill(text, self.spoken_of, &self.known.text());
        let text = text.map_err(|error| error.to_string())?;
        keys::fill(&text, self.keys).map_err(|error| error.to_string())
    }
}

/// An item as it stands on the page before anything is done about it.
fn asked(item: &Item) -> String {
    match &item.kind {
        Kind::Predict(_) | Kind::Ask(_) => {
            let word = if matches!(item.kind, Kind::Predict(_)) { "Predict" } else { "Look" };
            let question = item.question();
            let (ask, choices) = question.map_or(("", &[][..]), |q| (q.ask, q.choices));
            let choices = choices.iter().enumerate().map(|(i, c)| format!("{}. {c}", i + 1));
            let lines = std::iter::once(format!("**{word}.** {ask}")).chain(choices);
            lines.collect::<Vec<_>>().join("\n")
        }
        Kind::Goal(goal) => format!("**Goal.** {}", goal.text),
        Kind::Claim(claim) => format!("**Claim.** {}", claim.text),
        Kind::Race(race) => format!("**Race.** {}", race.text),
        Kind::Code(code) => match source::region(&code.show) {
            Ok(region) => format!("```rust\n{}\n```", region.text),
            Err(error) => error.to_string(),
        },
        Kind::Figure(figure) => format!("**Figure.** {}", figure.caption),
        Kind::Review(prompts) => {
            let prompts: Vec<_> = prompts.iter().map(|p| format!("**Review.** {}", p.q)).collect();
            prompts.join("\n\n")
        }
    }
}

/// A text in which words stand for the terms that they are.
fn without_terms(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut copied = 0;
    let mut word: Option<String> = None;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) if &*dest_url == "term" => {
                text.push_str(&markdown[copied..range.start]);
                copied = range.end;
                word = Some(String::new());
            }
            Event::Text(piece) | Event::Code(piece) => {
                if let Some(word) = &mut word {
                    word.push_str(&piece);
                }
            }
            Event::End(TagEnd::Link) => text.push_str(&word.take().unwrap_or_default()),
            _ => {}
        }
    }
    text.push_str(&markdown[copied..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_read_as_its_word() {
        let text = "A [nat](term \"a unit\") and `x` [a](https://b.org) [`q` k](term \"y\").";
        assert_eq!(without_terms(text), "A nat and `x` [a](https://b.org) q k.");
    }
}
