//! The first line: lesson, state of the run, progress, speed, validation loss.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::lab::experiment::Shown;
use crate::lab::model::Model;
use crate::lab::number;
use crate::lab::run::{Run, Status};
use crate::lab::theme::{Role, Theme};

/// Cells of the progress bar.
const BAR: usize = 12;

/// A part of the line. Where there is not room for all, those of the highest rank go first.
struct Part {
    rank: u8,
    right: bool,
    spans: Vec<Span<'static>>,
}

impl Part {
    fn left(rank: u8, spans: Vec<Span<'static>>) -> Self {
        Self { rank, right: false, spans }
    }

    fn right(rank: u8, spans: Vec<Span<'static>>) -> Self {
        Self { rank, right: true, spans }
    }

    fn width(&self) -> usize {
        self.spans.iter().map(Span::width).sum::<usize>() + 2
    }
}

pub fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    let mut parts = parts(model);
    let room = usize::from(area.width).saturating_sub(1);
    while parts.iter().map(Part::width).sum::<usize>() > room && parts.len() > 1 {
        let worst = (0..parts.len()).max_by_key(|&i| parts[i].rank).unwrap_or(0);
        parts.remove(worst);
    }
    let line = |right: bool, before: &str, after: &str| {
        let mut spans = Vec::new();
        for part in parts.iter().filter(|p| p.right == right) {
            spans.push(Span::raw(before.to_owned()));
            spans.extend(part.spans.iter().cloned());
            spans.push(Span::raw(after.to_owned()));
        }
        Line::from(spans)
    };
    line(false, " ", " ").render(area, buf);
    let right = line(true, "  ", "");
    let width = (right.width() as u16 + 1).min(area.width);
    right.render(Rect { x: area.right() - width, width, ..area }, buf);
}

fn parts(model: &Model) -> Vec<Part> {
    let theme = &model.theme;
    let muted = theme.style(Role::Muted);
    let lesson = model.lesson();
    let mut parts = vec![
        Part::left(5, vec![Span::styled("gpt-lab", theme.style(Role::Accent))]),
        Part::left(
            1,
            vec![
                Span::styled(format!("{} ", lesson.number), theme.style(Role::Key)),
                Span::styled(lesson.title.clone(), Style::new().bold()),
            ],
        ),
    ];
    if let Some(shown) = model.experiment.as_ref().filter(|shown| shown.is_running()) {
        parts.push(Part::left(0, vec![Span::styled(experiment(shown), theme.style(Role::Marker))]));
    }
    match (&model.run, &model.corpus) {
        (Some(run), _) => {
            parts.push(Part::left(0, status(model, run)));
            // How far it is, it has still to say.
            if run.status != Status::Opening {
                parts.push(Part::left(2, progress(run, theme)));
                parts.push(Part::left(7, bar(run, theme)));
            }
            parts.extend(speed(model, run));
            if let Some(evaluation) = run.evaluation() {
                let loss = number::loss(evaluation.val_loss);
                let mut spans = vec![
                    Span::styled("val ", muted),
                    Span::styled(loss, theme.style(Role::Validation)),
                ];
                // What stands long is not taken for news.
                if evaluation.is_old(run.step) {
                    let step = number::count(evaluation.step);
                    spans.push(Span::styled(format!(" @{step}"), muted));
                }
                parts.push(Part::right(3, spans));
            }
        }
        (None, Some(_)) => {
            parts.push(Part::left(0, vec![Span::styled("the trainer is starting", muted)]));
        }
        (None, None) => parts.push(Part::left(0, vec![Span::styled("reading the text", muted)])),
    }
    if let Some(corpus) = model.corpus.as_ref().filter(|_| model.facts().reads_prompt()) {
        parts.push(Part::right(9, vec![Span::styled(corpus.name.clone(), muted)]));
    }
    let seed = model.run.as_ref().map_or(model.seed, |run| run.config.seed);
    parts.push(Part::right(8, vec![Span::styled(format!("seed {seed}"), muted)]));
    parts.push(Part::right(
        4,
        vec![Span::styled("?", theme.style(Role::Key)), Span::styled(" help", muted)],
    ));
    parts
}

/// `experiment 34 %, 12 s left`.
fn experiment(shown: &Shown) -> String {
    let left = shown.seconds_left.map(|s| format!(", {} left", number::duration(s)));
    format!("experiment {:.0} %{}", 100.0 * shown.done, left.unwrap_or_default())
}

fn status(model: &Model, run: &Run) -> Vec<Span<'static>> {
    let theme = &model.theme;
    let glyphs = &theme.glyphs;
    let (sign, word, role) = match &run.status {
        Status::Opening => {
            let text = format!("opening {}{}", run.stage(), glyphs.ellipsis);
            return vec![Span::styled(text, theme.style(Role::Muted))];
        }
        Status::Training => (glyphs.training, "training", Role::Good),
        Status::Paused => (glyphs.paused, "paused", Role::Warning),
        Status::Finished => (glyphs.done, "trained", Role::Good),
        Status::Diverged(_) => (glyphs.failed, "diverged", Role::Bad),
        Status::Failed(_) => (glyphs.failed, "failed", Role::Bad),
    };
    vec![Span::styled(format!("{sign} "), theme.style(role)), Span::styled(word, theme.style(role))]
}

fn progress(run: &Run, theme: &Theme) -> Vec<Span<'static>> {
    let goal = number::count(run.config.training.steps);
    let step = number::count(run.step);
    // As wide as it will become, so that nothing moves while it counts.
    vec![
        Span::raw(format!("{step:>width$}", width = goal.len())),
        Span::styled(format!(" / {goal}"), theme.style(Role::Muted)),
    ]
}

fn bar(run: &Run, theme: &Theme) -> Vec<Span<'static>> {
    let share = run.step as f64 / run.config.training.steps.max(1) as f64;
    let eighths = (share.clamp(0.0, 1.0) * (BAR * 8) as f64) as usize;
    let mut done = theme.glyphs.bar[7].repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        done.push_str(theme.glyphs.bar[eighths % 8 - 1]);
    }
    let left = BAR.saturating_sub(eighths.div_ceil(8));
    vec![
        Span::styled(done, theme.style(Role::Train)),
        Span::styled(theme.glyphs.dotted.repeat(left), theme.style(Role::Faint)),
    ]
}

fn speed(model: &Model, run: &Run) -> Vec<Part> {
    let theme = &model.theme;
    let muted = theme.style(Role::Muted);
    // Standing still it has no speed, and an estimate of what it could do is no news.
    if run.speed.steps_per_second <= 0.0 || run.status == Status::Paused {
        return Vec::new();
    }
    let figure = |rank, figure: f64, unit: &'static str| {
        Part::left(
            rank,
            vec![Span::raw(format!("{:>5}", number::short(figure))), Span::styled(unit, muted)],
        )
    };
    let products = |parts: &mut Vec<Part>| {
        if run.speed.gflops > 0.0 {
            parts.push(figure(11, run.speed.gflops, " GFLOP/s"));
        }
        if let Some(share) = model.facts().peak_share() {
            parts.push(figure(12, share * 100.0, " % of peak"));
        }
    };
    let mut parts = match model.throttle {
        // What it is held back to, rather than what it could do.
        Some(limit) if run.is_training() => {
            vec![figure(6, limit.min(run.speed.steps_per_second), " steps/s, > faster")]
        }
        _ => {
            let mut parts = vec![
                figure(6, run.speed.steps_per_second, " steps/s"),
                figure(
                    10,
                    run.speed.tokens_per_second,
                    if run.has_tokens() { " tok/s" } else { " examples/s" },
                ),
            ];
            products(&mut parts);
            parts
        }
    };
    if let Some(seconds) = run.seconds_left().filter(|s| *s > 90.0 && run.is_training()) {
        parts.push(Part::left(
            8,
            vec![Span::styled(format!("{} left", number::duration(seconds)), muted)],
        ));
    }
    parts
}
