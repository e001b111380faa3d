//! The course: lesson files, what stands in them, what a learner has answered.
//!
//! A lesson is a Markdown file: front matter in TOML between two lines of `+++`, then pages, a `## ` heading each. In a page,
//! blocks of code named `page`, `predict`, `ask`, `goal`, `claim`, `race`, `code`, `figure` and `review` are TOML and
//! make up what the lesson can do ([`Item`]); everything else is read. In the text `{=name}` is a number that is computed
//! ([`values`]), and `[nat](term "what it is")` explains a term. CONTRIBUTING.md describes it for those who write one.

pub mod check;
pub mod course;
pub mod experiment;
pub mod item;
pub mod keys;
mod parse;
pub mod parts;
pub mod progress;
pub mod source;
pub mod values;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use course::course;
pub use item::{Ask, Claim, Code, Figure, Goal, Item, Kind, Move, Predict, Prompt, Race};
pub use parse::{LessonError, parse, parse_whole};

/// Columns of text that the smallest screen has for a page. A table or a block of code that is wider is broken there.
pub const COLUMNS: u16 = 35;

/// One lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// Its file's name.
    pub file: String,
    /// Its place in the course, from 0.
    pub number: usize,
    /// Given once, kept for ever: progress is told by it.
    pub id: String,
    pub title: String,
    /// The preset it trains.
    pub stage: String,
    /// Lessons that it builds on: said on the map, never a lock.
    pub needs: Vec<String>,
    /// The names of the panes that it puts on the screen, in the order of their importance: where the screen is small,
    /// the first ones are seen.
    pub panes: Vec<String>,
    /// The hyperparameters that the lesson speaks of; the pane shows these first.
    pub hyperparameters: Vec<String>,
    /// The prompt to start with; empty where the stage does not read one.
    pub prompt: String,
    /// Steps a second to start with, where full speed would be over before it is seen.
    pub pace: Option<u32>,
    pub pages: Vec<Page>,
}

/// One page of a lesson.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub heading: String,
    /// Of the heading, in the file.
    pub line: usize,
    pub setup: Setup,
    pub pieces: Vec<Piece>,
}

/// What a page wants on the screen; what it does not say is the lesson's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setup {
    /// Another stage than the lesson's.
    pub stage: Option<String>,
    /// Hyperparameters of the page's own run.
    pub set: BTreeMap<String, toml::Value>,
    pub run: Start,
    pub panes: Option<Vec<String>>,
    /// Parts of the model's card that are lit in the diagram.
    pub parts: Vec<String>,
    pub hyperparameters: Option<Vec<String>>,
    pub prompt: Option<String>,
    /// Steps a second.
    pub pace: Option<u32>,
}

/// How a page finds its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The stage's own run, wherever that is.
    #[default]
    Own,
    /// A run of the page's own, new when it is first opened, training.
    Fresh,
    /// A run of the page's own that waits for the learner's prediction.
    Held,
}

/// Something to read, or something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text {
        /// Markdown.
        text: String,
        /// Its first line, in the file.
        line: usize,
    },
    Item(Item),
}

impl Page {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Item(item) => Some(item),
            Piece::Text { .. } => None,
        })
    }

    /// The regions of our source that it shows.
    pub fn code(&self) -> impl Iterator<Item = &Code> {
        self.items().filter_map(|item| match &item.kind {
            Kind::Code(code) => Some(code),
            _ => None,
        })
    }
}

impl Lesson {
    pub fn items(&self) -> impl Iterator<Item = (usize, &Item)> {
        self.pages.iter().enumerate().flat_map(|(n, page)| page.items().map(move |item| (n, item)))
    }

    /// The terms that it explains, in the order of its text.
    pub fn terms(&self) -> Vec<Term> {
        self.pages.iter().flat_map(terms_of).collect()
    }

    /// The panes of a page, the most important first.
    pub fn panes_of(&self, page: usize) -> &[String] {
        self.pages[page].setup.panes.as_deref().unwrap_or(&self.panes)
    }

    /// The hyperparameters that a page speaks of.
    pub fn hyperparameters_of(&self, page: usize) -> &[String] {
        self.pages[page].setup.hyperparameters.as_deref().unwrap_or(&self.hyperparameters)
    }

    /// The stage that a page is about.
    pub fn stage_of(&self, page: usize) -> &str {
        self.pages[page].setup.stage.as_deref().unwrap_or(&self.stage)
    }

    /// The prompt that a page starts with.
    pub fn prompt_of(&self, page: usize) -> &str {
        self.pages[page].setup.prompt.as_deref().unwrap_or(&self.prompt)
    }

    /// Steps a second that a page starts with.
    pub fn pace_of(&self, page: usize) -> Option<u32> {
        self.pages[page].setup.pace.or(self.pace)
    }
}

/// A word and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub word: String,
    pub meaning: String,
}

/// The terms that a page explains.
pub fn terms_of(page: &Page) -> Vec<Term> {
    let texts = page.pieces.iter().filter_map(|piece| match piece {
        Piece::Text { text, .. } => Some(text.as_str()),
        Piece::Item(_) => None,
    });
    texts.flat_map(terms).collect()
}

/// The terms that a piece of Markdown explains: `[word](term "meaning")`.
pub fn terms(markdown: &str) -> Vec<Term> {
    use pulldown_cmark::{Event, Parser, Tag, TagEnd};
    let mut found: Vec<Term> = Vec::new();
    let mut open = false;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::Link { dest_url, title, .. }) if &*dest_url == "term" => {
                open = true;
                found.push(Term { word: String::new(), meaning: title.into_string() });
            }
            Event::End(TagEnd::Link) => open = false,
            Event::Text(text) | Event::Code(text) if open => {
                if let Some(term) = found.last_mut() {
                    term.word.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}
