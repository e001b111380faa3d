//! The cell under the cursor: its value and the arithmetic it came from, in the model's own numbers.

use std::fmt::Write as _;

use ratatui::text::{Line, Span};

use super::data::Layer;
use super::view::View;
use crate::lab::number::{probability, value};
use crate::lab::theme::{Role, Theme};

/// What the arithmetic is about.
pub struct Cell<'a> {
    pub theme: &'a Theme,
    pub layer: &'a Layer<'a>,
    pub head: usize,
    /// (query, key)
    pub at: (usize, usize),
    pub labels: (String, String),
    /// Products are divided by the square root of it; `None`: they are not scaled.
    pub divisor: Option<usize>,
}

impl Cell<'_> {
    /// Whether the mask hides the key from the query.
    fn hidden(&self) -> bool {
        self.at.1 >= self.layer.seen(self.at.0)
    }

    fn number(&self, view: View) -> Option<f64> {
        self.layer.at(view, self.head, self.at)
    }

    /// The lines, the most important first, in `width` columns.
    pub fn lines(&self, view: View, width: usize) -> Vec<Line<'static>> {
        let muted = self.theme.style(Role::Muted);
        let (query, key) = self.at;
        let (a, b) = &self.labels;
        let mut lines =
            vec![Line::styled(format!("query {a} ({}) · key {b} ({})", query + 1, key + 1), muted)];
        let shown = match self.number(view) {
            Some(x) if view == View::Weights => probability(x),
            Some(x) => value(x),
            None => return lines,
        };
        let name = match view {
            View::Products => "q·k",
            View::Scores => "score",
            View::Masked => "masked score",
            View::Weights => "weight",
        };
        lines.push(Line::from(vec![
            Span::raw(format!("{name} ")),
            Span::styled(shown, self.theme.style(Role::Accent)),
        ]));
        let formulas = match view {
            View::Weights if self.hidden() => vec![
                "the key comes after the query:".to_owned(),
                "masked to -∞, and e^-∞ = 0".to_owned(),
            ],
            View::Weights => self.softmax(),
            View::Masked if self.hidden() => {
                vec!["the key comes after the query:".to_owned(), "hidden from it".to_owned()]
            }
            View::Masked => vec!["not hidden: still the score".to_owned()],
            View::Scores => self.scaled().into_iter().collect(),
            View::Products => self.terms().into_iter().collect(),
        };
        let code = self.theme.style(Role::Code);
        lines.extend(formulas.into_iter().map(|line| Line::styled(line, code)));
        let back = match view {
            View::Weights | View::Masked if !self.hidden() => self.score_from_product(),
            View::Scores => self
                .number(View::Products)
                .zip(self.terms())
                .map(|(product, terms)| format!("{} {terms}", value(product))),
            _ => None,
        };
        lines.extend(back.map(|line| Line::styled(line, code)));
        lines.extend(self.vectors(width));
        if self.theme.glyphs.ascii {
            for span in lines.iter_mut().flat_map(|line| &mut line.spans) {
                span.content = span.content.replace('∞', "inf").replace('√', "sqrt ").into();
            }
        }
        lines
    }

    /// `= softmax(1.83 | row of 6)` and the quotient.
    fn softmax(&self) -> Vec<String> {
        let Some(score) = self.number(View::Scores).map(value) else { return Vec::new() };
        let (query, _) = self.at;
        let seen = self.layer.seen(query);
        let power = |key| {
            let score = self.layer.at(View::Scores, self.head, (query, key));
            format!("e^{}", score.map_or_else(String::new, value))
        };
        let sum = match seen {
            1 => power(0),
            2 => format!("({}+{})", power(0), power(1)),
            n => format!("({}+…+{})", power(0), power(n - 1)),
        };
        vec![format!("= softmax({score} | row of {seen})"), format!("= e^{score} / {sum}")]
    }

    /// `= q·k/√8 = 5.18/2.83`
    fn scaled(&self) -> Option<String> {
        let product = value(self.number(View::Products)?);
        Some(match self.divisor {
            Some(n) => format!("= q·k/√{n} = {product}/{}", value((n as f64).sqrt())),
            None => "= q·k, not scaled".to_owned(),
        })
    }

    /// `1.83 = q·k/√8 = 5.18/2.83`
    fn score_from_product(&self) -> Option<String> {
        Some(format!("{} {}", value(self.number(View::Scores)?), self.scaled()?))
    }

    /// `= 0.31×1.20 + -0.44×0.98 + … 8 terms`
    fn terms(&self) -> Option<String> {
        let q = self.layer.query(self.head, self.at.0)?;
        let k = self.layer.key(self.head, self.at.1)?;
        let term = |i: usize| Some(format!("{}×{}", number(*q.get(i)?), number(*k.get(i)?)));
        Some(match q.len() {
            0 => return None,
            1 => format!("= {}", term(0)?),
            2 => format!("= {} + {}", term(0)?, term(1)?),
            n => format!("= {} + … ({n} terms)", term(0)?),
        })
    }

    /// The query and the key themselves, as many numbers as there is room for.
    fn vectors(&self, width: usize) -> Vec<Line<'static>> {
        let row = |name: &'static str, vector: Option<&[f32]>| {
            let vector = vector?;
            // Six columns a number; an ellipsis takes two.
            let all = vector.len() * 6 < width;
            let shown = if all { vector.len() } else { width.saturating_sub(3) / 6 };
            let mut numbers = String::with_capacity(width);
            for x in vector.iter().take(shown) {
                let _ = write!(numbers, "{x:6.2}");
            }
            if !all {
                numbers.push_str(" …");
            }
            Some(Line::from(vec![
                Span::styled(name, self.theme.style(Role::Muted)),
                Span::raw(numbers),
            ]))
        };
        [
            row("q", self.layer.query(self.head, self.at.0)),
            row("k", self.layer.key(self.head, self.at.1)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Value and origin where there is no room for more: `weight 0.412`, `score 1.83`.
    pub fn short(&self, view: View) -> Vec<Line<'static>> {
        let before = match view {
            View::Products => None,
            View::Scores => Some((View::Products, "q·k")),
            View::Masked | View::Weights => Some((View::Scores, "score")),
        };
        let mut lines: Vec<_> = self.lines(view, 0).into_iter().skip(1).take(1).collect();
        let before = before.and_then(|(view, name)| Some((name, self.number(view)?)));
        lines.extend(before.map(|(name, x)| {
            Line::styled(format!("{name} {}", value(x)), self.theme.style(Role::Muted))
        }));
        lines
    }
}

fn number(x: f32) -> String {
    value(f64::from(x))
}
