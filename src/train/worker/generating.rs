//! Samples while training: text in small slices between steps, all of it by the weights of one moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::slot::{RETRY, Slot};
use crate::math::Real;
use crate::train::command::SampleRequest;
use crate::train::event::RunId;
use crate::train::generation::Generation;
use crate::train::session::Session;
use crate::train::snapshot::Sample;

/// A slice ends with the token during which this has passed.
const SLICE: Duration = Duration::from_millis(2);
/// While training, the time from one slice to the next is at least this many times what a slice takes.
const TIMES_ITS_COST: u32 = 32;
/// What there is of a text that takes long is shown this often.
const PARTIAL_EVERY: Duration = Duration::from_millis(150);
/// No observer wants a text less often than this.
const LONGEST: f64 = 3600.0;
/// No text is longer: with every token its logits are kept.
const MOST_TOKENS: usize = 20_000;

pub(super) struct Generating {
    request: Option<SampleRequest>,
    /// Texts begun for this request.
    index: u64,
    text: Option<Text>,
    /// When the next slice, or the next text, may begin while training.
    next: Instant,
    /// The step of the last whole text.
    shown: Option<u64>,
    undelivered: Option<Arc<Sample>>,
    /// Kept to be used again.
    weights: Vec<Real>,
}

/// A text under way.
struct Text {
    generation: Generation,
    run: RunId,
    step: u64,
    begun: Instant,
    published: Instant,
}

impl Generating {
    pub fn new(now: Instant) -> Self {
        Self {
            request: None,
            index: 0,
            text: None,
            next: now,
            shown: None,
            undelivered: None,
            weights: Vec::new(),
        }
    }

    pub fn ask(&mut self, mut request: SampleRequest) {
        request.tokens = request.tokens.min(MOST_TOKENS);
        self.request = Some(request);
        self.index = 0;
        self.restart();
    }

    /// What the text that is asked for begins with; empty where none is.
    pub fn prompt(&self) -> &[u32] {
        self.request.as_ref().map_or(&[], |request| &request.prompt)
    }

    /// Writes nothing until it is asked again.
    pub fn forget(&mut self) {
        self.request = None;
        self.restart();
    }

    /// Begins anew: the model has changed, or the request.
    pub fn restart(&mut self) {
        self.text = None;
        self.shown = None;
        self.undelivered = None;
        self.next = Instant::now();
    }

    /// When there is something to do, if ever. A text that repeats is made again only by other weights.
    pub fn due(&self, step: u64, resting: bool) -> Option<Instant> {
        if self.undelivered.is_some() {
            return Some(self.next);
        }
        let request = self.request.as_ref()?;
        if self.text.is_none() {
            let again = request.every_seconds.is_some() && self.shown != Some(step);
            if self.shown.is_some() && !again {
                return None;
            }
            return Some(self.next);
        }
        Some(if resting { self.next.min(Instant::now()) } else { self.next })
    }

    pub fn advance(&mut self, session: &Session, slot: &Slot<Sample>) {
        let start = Instant::now();
        if let Some(sample) = self.undelivered.take() {
            self.deliver(sample, slot);
            return;
        }
        let Some(request) = &self.request else { return };
        if self.text.is_none() {
            self.weights.clear();
            self.weights.extend_from_slice(session.weights());
            // The prompt is in the text's tokens.
            let reads = session.tokenizer().is_some();
            let generation =
                reads.then(|| Generation::new(session.model(), request, self.index)).flatten();
            let Some(generation) = generation else {
                // This run has no text to give; the next one may have.
                self.shown = Some(session.step_count());
                return;
            };
            self.index += 1;
            self.text = Some(Text {
                generation,
                run: session.run(),
                step: session.step_count(),
                begun: start,
                published: start,
            });
        }
        let Some(text) = &mut self.text else { return };
        let complete = text.generation.advance(&self.weights, start + SLICE);
        let now = Instant::now();
        self.next = now + (now - start) * TIMES_ITS_COST;
        if !complete && now - text.published < PARTIAL_EVERY {
            return;
        }
        text.published = now;
        let sample = Arc::new(text.generation.sample(text.run, text.step));
        if complete {
            self.shown = Some(text.step);
            let every = request.every_seconds.unwrap_or_default().clamp(0.0, LONGEST);
            let every = Duration::try_from_secs_f64(every).unwrap_or_default();
            self.next = self.next.max(text.begun + every);
            self.text = None;
        }
        self.deliver(sample, slot);
    }

    fn deliver(&mut self, sample: Arc<Sample>, slot: &Slot<Sample>) {
        if let Err(sample) = slot.put(sample) {
            self.undelivered = Some(sample);
            self.next = Instant::now() + RETRY;
        }
    }
}
