//! A batch of the run on the screen, drawn by an instrument to be looked at: windows of the text, and what each token costs.

use unicode_width::UnicodeWidthStr;

use super::facts::Facts;
use crate::probe::Arguments;
use crate::text::Tokens;
use crate::train::Subscription;

/// The instrument whose values are token ids, (B, T + 1): the inputs, and the last target.
pub const TOKENS: &str = "batch-tokens";
/// The instrument whose values are -ln p of the targets of the same batch, (B, T), in nats.
pub const LOSSES: &str = "loss-grid";
/// Windows of a batch at most.
const MOST: usize = 32;

/// The windows of a batch.
#[derive(Clone, Copy, Debug)]
pub struct DrawnBatch<'a> {
    /// (B, T + 1)
    ids: &'a [f32],
    /// B
    pub rows: usize,
    /// T
    pub time: usize,
}

/// Asks for an instrument of the batch, where the run reads windows of the text.
pub fn subscribe(facts: &Facts, instrument: &'static str, wanted: &mut Subscription) {
    let Some(run) = facts.run.filter(|_| facts.reads_prompt()) else { return };
    let examples = run.config.training.batch_size.min(MOST);
    let asked = (instrument, Arguments { examples, ..Arguments::default() });
    // Two panes may show the same batch.
    if !wanted.instruments.contains(&asked) {
        wanted.instruments.push(asked);
    }
}

impl<'a> DrawnBatch<'a> {
    pub fn read(facts: &Facts<'a>) -> Option<Self> {
        let reading = facts.snapshot.filter(|_| facts.reads_prompt())?.reading(TOKENS)?;
        let &[rows, width] = reading.shape.as_slice() else { return None };
        let whole = rows > 0 && width > 1 && reading.values.len() == rows * width;
        whole.then_some(Self { ids: &reading.values, rows, time: width - 1 })
    }

    /// The tokens of a window, T + 1.
    pub fn window(&self, row: usize) -> Vec<u32> {
        let width = self.time + 1;
        self.ids[row * width..(row + 1) * width].iter().map(|id| *id as u32).collect()
    }
}

/// The batch with what each of its targets costs, (B, T): of a large model perhaps of its first windows only.
pub fn with_losses<'a>(facts: &Facts<'a>) -> Option<(DrawnBatch<'a>, &'a [f32])> {
    let batch = DrawnBatch::read(facts)?;
    let reading = facts.snapshot?.reading(LOSSES)?;
    let &[rows, time] = reading.shape.as_slice() else { return None };
    let rows = rows.min(batch.rows);
    let losses = reading.values.get(..rows * time)?;
    (rows > 0 && time == batch.time).then_some((DrawnBatch { rows, ..batch }, losses))
}

/// The last of some tokens, as many as `room` columns hold; words with a gap between them.
pub fn tail(facts: &Facts, ids: &[u32], room: usize) -> String {
    let words = facts.tokenizer().is_some_and(|tokenizer| tokenizer.tokens() == Tokens::Words);
    let mut shown = String::new();
    for id in ids.iter().rev() {
        let gap = if words && !shown.is_empty() { " " } else { "" };
        let longer = format!("{}{gap}{shown}", facts.label(*id));
        if longer.width() > room {
            break;
        }
        shown = longer;
    }
    shown
}

/// Why there is no batch to see.
pub fn why_none(facts: &Facts) -> String {
    match facts.card().filter(|_| !facts.reads_prompt()) {
        Some(card) => format!("{} is not trained on windows of a text.", card.name),
        None => "A batch is shown as soon as the trainer has drawn one to look at.".to_owned(),
    }
}
