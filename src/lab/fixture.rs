//! A model filled with fixed values, for tests of panes and screens.

use std::sync::{Arc, OnceLock};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};

use super::action::Action;
use super::border::{self, Border};
use super::corpus::{Corpus, Counted};
use super::ghost::{Ghost, Origin};
use super::model::Model;
use super::pane::Seat;
use super::panes::PaneId;
use super::run::{Run, Speed, Status};
use super::theme::Theme;
use super::widgets::ascii;
use crate::lesson::{Lesson, course};
use crate::model::sampling::Sampling;
use crate::model::{self, Card};
use crate::probe::{Arguments, Measured, Reading};
use crate::stage::{Config, stage};
use crate::text::ngram::Reference;
use crate::text::{self, CharTokenizer, Dataset, Tokenizer};
use crate::train::Observed;
use crate::train::event::{Evaluation, RunId, StepReport};
use crate::train::history::{History, Point, RecordedEdit};
use crate::train::snapshot::{Norms, Sample, Snapshot, Tensor};

/// Tiny Shakespeare's 65 characters, in order.
pub const CHARACTERS: &str = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PROMPT: &str = "the king";
const HEADS: usize = 4;
const CHANNELS: usize = 32;

/// Another configuration for the run on the screen, with the card of its model.
///
/// # Panics
/// If there is no run.
pub fn reconfigure(model: &mut Model, change: impl FnOnce(&mut Config)) {
    let run = model.run.as_mut().unwrap();
    change(&mut run.config);
    run.card = Some(card(&run.config));
}

/// What the model of a configuration says of itself.
///
/// # Panics
/// If it is no configuration of a model.
pub fn card(config: &Config) -> Arc<Card> {
    Arc::new(model::build(&config.model).unwrap().card())
}

/// A small course for tests of the lab, a lesson for each stage, which stays as it is however the course's own lessons are
/// rewritten.
///
/// # Panics
/// If it is damaged.
pub fn lessons() -> Vec<Lesson> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/course");
    course::folder(std::path::Path::new(folder)).unwrap()
}

/// The lesson on multi-head attention at step 3,412, without colour.
///
/// # Panics
/// If the course has no such lesson.
pub fn model(width: u16, height: u16) -> Model {
    let lessons = lessons();
    let lesson = lessons.iter().position(|l| l.id == "multi-head").unwrap();
    let mut model = Model::new(lessons, lesson, Theme::plain(), Size::new(width, height), 1337);
    let tokenizer = Tokenizer::Characters(CharTokenizer::new(CHARACTERS));
    model.prompt.set(PROMPT, &tokenizer);
    let tokens = model.prompt.tokens.clone();
    model.corpus = Some(Corpus {
        sha256: String::new(),
        name: "Tiny Shakespeare".to_owned(),
        note: None,
        opening: "First Citizen:".to_owned(),
        tokenizer,
        characters: 65,
        train: 1_003_854,
        val: 111_540,
        references: references(),
        counted: Some(counted()),
    });
    let mut config = stage("multi-head").unwrap().config(65, 1337);
    config.training.lr = 3e-4;
    let observed = Observed {
        id: RunId::FIRST,
        card: Some(card(&config)),
        config,
        parameters: 7553,
        threads: 2,
        operations_per_token: 46_000.0,
        step: 3412,
        history: history(3412, 2.29),
        status: Status::Training,
        last: Some(StepReport {
            step: 3412,
            loss: 2.301,
            lr: 3e-4,
            grad_norm: 0.81,
            parts: [0.0; 2],
        }),
        speed: Speed { steps_per_second: 1861.0, tokens_per_second: 476_416.0, gflops: 21.9 },
    };
    let home = model.home(model.page);
    model.run = Some(Run { home, observed, signs: None, replaces: None });
    let config = stage("single-head").unwrap().config(65, 1337);
    model.ghosts.push(Ghost {
        id: RunId(u64::MAX),
        card: Some(card(&config)),
        config,
        step: 5000,
        home: "single-head".to_owned(),
        origin: Origin::Stage,
        history: Arc::new(history(5000, 2.41)),
    });
    model.snapshot = Some(Arc::new(snapshot(&tokens)));
    model.sample = Some(Arc::new(sample(&tokens, model.facts().tokenizer().unwrap())));
    model.refresh();
    model
}

/// One pane of a model, drawn with its border into a buffer of this size.
pub fn pane(model: &Model, id: PaneId, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    let seat = Seat { room: border::inside(area), focused: true, zoomed: false };
    let border = Border {
        number: Some(2),
        title: model.panes.get(id).title(),
        detail: &id.detail(model),
        about: &model.panes.get(id).about(&model.facts(), seat),
        focused: true,
    };
    border.draw(&model.theme, area, &mut buf);
    id.draw(model, false, border::inside(area), &mut buf);
    ascii::plain(&model.theme, &mut buf);
    buf
}

/// A model's pane, looked at and moved by hand.
impl PaneId {
    pub fn detail(self, model: &Model) -> String {
        model.panes.get(self).detail(&model.facts())
    }

    pub fn about(self, model: &Model) -> String {
        model.panes.get(self).about(&model.facts(), model.seat(self))
    }

    /// Without its border, and in any area.
    pub fn draw(self, model: &Model, zoomed: bool, room: Rect, buf: &mut Buffer) {
        if !room.is_empty() {
            let seat = Seat { room, focused: true, zoomed };
            model.panes.get(self).draw(&model.facts(), seat, buf);
        }
    }

    pub fn click(self, model: &mut Model, room: Rect, at: Position) {
        let seat = Seat { room, ..model.seat(self) };
        model.with(self, |pane, facts| pane.click(facts, seat, at));
    }

    pub fn act(self, model: &mut Model, action: Action) {
        let seat = model.seat(self);
        model.with(self, |pane, facts| pane.act(facts, seat, action));
    }

    pub fn refresh(self, model: &mut Model) {
        model.with(self, |pane, facts| pane.refresh(facts));
    }
}

/// The signs of a buffer, one line a row, without styles.
pub fn text(buf: &Buffer) -> String {
    let row = |y| -> String {
        let mut line = String::new();
        let mut covered = 0;
        for x in buf.area.left()..buf.area.right() {
            let symbol = buf[(x, y)].symbol();
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        line.trim_end().to_owned() + "\n"
    };
    (buf.area.top()..buf.area.bottom()).map(row).collect()
}

/// A number between -1 and 1 that depends on nothing but its place.
pub fn noise(i: usize) -> f64 {
    ((i as f64 * 12.9898).sin() * 43_758.545_3).fract()
}

/// Sizes of the batch that is looked at: B and T.
pub const BATCH: (usize, usize) = (32, 8);

/// A batch's windows of the passage, and a loss for each of their targets.
fn batch() -> [Measured; 2] {
    let (rows, time) = BATCH;
    let passage = &counted().passage;
    let windows = (0..rows).flat_map(|row| &passage[row * 40..=row * 40 + time]);
    let tokens = Reading {
        shape: vec![rows, time + 1],
        values: windows.map(|token| *token as f32).collect(),
        ..Reading::default()
    };
    let values: Vec<f32> = (0..rows * time).map(|i| (2.5 + 2.4 * noise(i + 3)) as f32).collect();
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
    let losses =
        Reading { figures: vec![("mean".to_owned(), mean)], shape: vec![rows, time], values };
    [("batch-tokens", tokens), ("loss-grid", losses)].map(|(instrument, reading)| Measured {
        instrument,
        arguments: Arguments::default(),
        step: 3400,
        reading,
    })
}

/// Counts of the bundled play, in Tiny Shakespeare's characters.
fn counted() -> Arc<Counted> {
    static COUNTED: OnceLock<Arc<Counted>> = OnceLock::new();
    let count = || {
        let tokenizer = Tokenizer::Characters(CharTokenizer::new(CHARACTERS));
        let play = text::Corpus::bundled();
        let text = tokenizer.known(&play.text).chars().take(20_000).collect();
        let dataset = Dataset::with_tokenizer(text::Corpus { text, ..play }, tokenizer);
        Arc::new(Counted::new(&dataset.unwrap()))
    };
    Arc::clone(COUNTED.get_or_init(count))
}

fn references() -> Vec<Reference> {
    let counted = [
        ("uniform", 4.174),
        ("unigram", 3.347),
        ("bigram", 2.482),
        ("trigram", 2.046),
        ("4-gram", 1.784),
    ];
    counted
        .iter()
        .zip(0..)
        .map(|(&(name, loss), order)| Reference { order, name, loss, error: None })
        .collect()
}

fn history(steps: u64, end: f64) -> History {
    let stride = 4;
    let curve = |step: u64| end + 1.9 * (-(step as f64) / 380.0).exp();
    let points = (0..steps / stride).map(|i| {
        let mean = curve(i * stride) + 0.07 * noise(i as usize);
        Point { step: i * stride + 1, count: stride, mean, min: mean - 0.08, max: mean + 0.08 }
    });
    let evaluations = (0..=steps / 500).map(|i| {
        let step = i * 500;
        Evaluation {
            step,
            train_loss: curve(step),
            val_loss: curve(step) + 0.03,
            figures: Vec::new(),
        }
    });
    let edit = |name: &str, old: &str, new: &str| RecordedEdit {
        step: 1240,
        name: name.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
    };
    let points = points.collect();
    History {
        stride,
        points,
        evaluations: evaluations.collect(),
        edits: vec![edit("lr", "1e-3", "3e-4")],
    }
}

fn tensor(name: &str, shape: &[usize], value: impl Fn(usize) -> f64) -> Tensor {
    let values = (0..shape.iter().product()).map(|i| value(i) as f32).collect();
    Tensor { name: name.to_owned(), shape: shape.to_vec(), values }
}

/// Attention whose products, scores, masked scores and weights fit each other; logits and probabilities that do.
fn snapshot(tokens: &[u32]) -> Snapshot {
    let t = tokens.len();
    let hs = CHANNELS / HEADS;
    let query = tensor("blocks.0.sa.query", &[HEADS, t, hs], |i| 1.4 * noise(i));
    let key = tensor("blocks.0.sa.key", &[HEADS, t, hs], |i| 1.4 * noise(i + 7000));
    let value = tensor("blocks.0.sa.value", &[HEADS, t, hs], |i| noise(i + 9000));
    let dot = |h: usize, i: usize, j: usize| -> f64 {
        (0..hs)
            .map(|c| {
                f64::from(query.values[(h * t + i) * hs + c] * key.values[(h * t + j) * hs + c])
            })
            .sum()
    };
    let scaled = |h, i, j| dot(h, i, j) / (hs as f64).sqrt();
    let at = |n: usize| (n / (t * t), n / t % t, n % t);
    let shape = [HEADS, t, t];
    let products = tensor("blocks.0.sa.products", &shape, |n| dot(at(n).0, at(n).1, at(n).2));
    let scores = tensor("blocks.0.sa.scores", &shape, |n| scaled(at(n).0, at(n).1, at(n).2));
    let masked = tensor("blocks.0.sa.masked", &shape, |n| {
        let (h, i, j) = at(n);
        if j <= i { scaled(h, i, j) } else { f64::NEG_INFINITY }
    });
    let weights = tensor("blocks.0.sa.weights", &shape, |n| {
        let (h, i, j) = at(n);
        let sum: f64 = (0..=i).map(|k| scaled(h, i, k).exp()).sum();
        if j <= i { scaled(h, i, j).exp() / sum } else { 0.0 }
    });
    let logits = tensor("logits", &[t, 65], |i| 3.0 * noise(i + 20_000));
    let row = |i: usize| &logits.values[i / 65 * 65..(i / 65 + 1) * 65];
    let probabilities = tensor("probabilities", &[t, 65], |i| {
        f64::from(logits.values[i]).exp() / row(i).iter().map(|&l| f64::from(l).exp()).sum::<f64>()
    });
    let squares: f64 = logits.values.iter().map(|x| f64::from(*x).powi(2)).sum();
    let rms = (squares / logits.values.len() as f64).sqrt();
    let reading = Reading { figures: vec![("logits".to_owned(), rms)], ..Reading::default() };
    let mut readings = vec![Measured {
        instrument: "sizes",
        arguments: Arguments::default(),
        step: 1861,
        reading,
    }];
    readings.extend(batch());
    let activations = vec![
        tensor("embedding.token", &[t, CHANNELS], |i| {
            noise(tokens[i / CHANNELS] as usize * CHANNELS + i % CHANNELS)
        }),
        tensor("embedding.position", &[t, CHANNELS], |i| noise(i + 50_000)),
        query,
        key,
        value,
        products,
        scores,
        masked,
        weights,
        tensor("blocks.0.ffwd.hidden", &[t, CHANNELS], |i| noise(i + 30_000)),
        logits,
        probabilities,
    ];
    let names = [
        "token_embedding_table.weight",
        "blocks.0.sa.heads.0.key.weight",
        "lm_head.weight",
        "lm_head.bias",
    ];
    let norms = names.iter().zip(1..).map(|(name, i)| Norms {
        name: (*name).to_owned(),
        weight: 0.2 * f64::from(i),
        gradient: Some(0.003 / f64::from(i)),
        update: 1e-4 * f64::from(i),
    });
    Snapshot {
        source: Vec::new(),
        run: RunId::FIRST,
        step: 3400,
        prompt: tokens.to_vec(),
        activations,
        parameters: vec![
            tensor("token_embedding_table.weight", &[65, CHANNELS], noise),
            tensor("position_embedding_table.weight", &[8, CHANNELS], |i| noise(i + 50_000)),
        ],
        norms: norms.collect(),
        weights: Vec::new(),
        readings,
    }
}

fn sample(prompt: &[u32], tokenizer: &Tokenizer) -> Sample {
    let text = "\n\nKING RICHARD:\nWhat say the thous and the hath not\nto thee, my lorden.\n";
    let tokens = tokenizer.encode(text).unwrap();
    let logits = (0..tokens.len() * 65)
        .map(|i| (if tokens[i / 65] as usize == i % 65 { 3.0 } else { 2.0 * noise(i) }) as f32)
        .collect();
    Sample {
        run: RunId::FIRST,
        step: 3400,
        prompt: prompt.to_vec(),
        tokens,
        logits,
        sampling: Sampling::default(),
        complete: true,
    }
}
