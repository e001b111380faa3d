//! Looking at one pair, and answering sources.

use super::decoding::Writer;
use super::layers;
use super::micro_batch::length;
use super::stacks::{Decoded, Encoded};
use super::{START, Stacks};
use crate::math::{Real, room};
use crate::model::{Batch, Config, Inference, Look, Output, Search};
use crate::nn::attention::Memory;
use crate::nn::block::Scratch;
use crate::nn::pass::{Pass, Span};
use crate::nn::rows::visit_logits;

/// Sources are read together up to so many rows, or one.
const ROWS: usize = 512;

pub struct Reader {
    stacks: Stacks,
    config: Config,
    encoded: Encoded,
    decoded: Decoded,
    scratch: Scratch,
    /// Sources that are read at once.
    sources: usize,
    /// Of the sources that were read last.
    lengths: Vec<usize>,
    /// Sizes of the pair that was looked at: T, S, and how many of the S are no padding.
    looked: [usize; 3],
    /// The target's tokens of that pair, given or written.
    tokens: Vec<u32>,
    /// What writes answers; there when the first is asked for.
    writer: Option<Writer>,
    /// What writes with a beam, and its width.
    beam: Option<(usize, Writer)>,
}

fn longest(config: &Config) -> usize {
    config.source_size.max(config.block_size)
}

/// How many sources are read at once.
fn sources(config: &Config) -> usize {
    (ROWS / longest(config)).max(1)
}

impl Reader {
    pub fn new(stacks: &Stacks, config: &Config) -> Self {
        let (longest, sources) = (longest(config), sources(config));
        Self {
            stacks: stacks.clone(),
            config: config.clone(),
            encoded: stacks.encoder.activations(sources, config),
            decoded: stacks.decoder.activations(1, config.block_size, config),
            scratch: layers::scratch(sources, longest, config),
            sources,
            lengths: room::list(sources),
            looked: [0; 3],
            tokens: room::list(config.block_size),
            writer: None,
            beam: None,
        }
    }

    /// What writes answers to as many sources as are read at once.
    pub fn writer(stacks: &Stacks, config: &Config) -> Writer {
        Writer::new(&stacks.decoder, sources(config), sources(config), config)
    }

    /// Encodes sources of `time` tokens.
    fn read(&mut self, weights: &[Real], sources: &[u32], time: usize) {
        let Self { stacks, encoded, scratch, lengths, .. } = self;
        lengths.clear();
        lengths.extend(sources.chunks_exact(time).map(length));
        let span = Span { sequences: lengths.len(), time, first: 0 };
        stacks.encoder.forward(encoded, sources, lengths, Pass::over(span, weights), scratch);
    }

    /// Answers the sources that were read.
    fn write(&mut self, weights: &[Real], time: usize) -> Vec<Vec<u32>> {
        let Self { stacks, encoded, scratch, lengths, writer, config, .. } = self;
        let writer = writer.get_or_insert_with(|| Self::writer(stacks, config));
        let rows = &stacks.encoder.out(encoded, lengths.len() * time);
        let memory = Memory { rows, time, lengths: Some(lengths) };
        writer.greedy(memory, lengths.len(), weights, scratch)
    }
}

impl Inference for Reader {
    /// Where nothing is asked of the target, the model writes it first.
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        let time = subject.source_time;
        let source = &subject.source[..time];
        self.read(weights, source, time);
        self.tokens.clear();
        if subject.y.is_empty() || subject.targets() == 0 {
            let written = self.write(weights, time).remove(0);
            self.tokens.push(START);
            self.tokens.extend(written);
            self.tokens.truncate(self.config.block_size);
        } else {
            self.tokens.extend(subject.tokens(0));
        }
        let Self { stacks, encoded, decoded, scratch, lengths, tokens, .. } = self;
        let rows = &stacks.encoder.out(encoded, time);
        let memory = Memory { rows, time, lengths: Some(lengths) };
        let pass = Pass::over(Span::one(tokens.len()), weights);
        stacks.decoder.forward(decoded, tokens, memory, pass, scratch);
        self.looked = [tokens.len(), time, lengths[0]];
    }

    fn visit(&self, look: &mut Look<'_>) {
        let [time, source, length] = self.looked;
        let tokens: Vec<Real> = self.tokens.iter().map(|id| *id as Real).collect();
        look("target", &[time], &tokens);
        self.stacks.encoder.visit(&self.encoded, source, length, look);
        self.stacks.decoder.visit(&self.decoded, self.looked, look);
        visit_logits(&self.decoded.logits(time), look);
    }

    /// The answers, written greedily, without [`START`] and [`super::END`].
    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        let time = batch.source_time;
        let mut tokens = room::list(batch.sequences);
        for sources in batch.source.chunks(self.sources * time) {
            self.read(weights, sources, time);
            tokens.extend(self.write(weights, time));
        }
        Output { tokens, ..Output::default() }
    }

    /// See [`Writer::beam`] for what a score is.
    fn search(&mut self, weights: &[Real], subject: &Batch, width: usize) -> Search {
        let time = subject.source_time;
        self.read(weights, &subject.source[..time], time);
        let Self { stacks, encoded, scratch, lengths, beam, config, sources, .. } = self;
        // The scratch space has room for no more rows.
        let width = width.clamp(1, *sources);
        if beam.as_ref().is_none_or(|(room, _)| *room < width) {
            *beam = Some((width, Writer::new(&stacks.decoder, width, 1, config)));
        }
        let (_, writer) = beam.as_mut().expect("set above");
        let rows = &stacks.encoder.out(encoded, time);
        writer.beam(Memory { rows, time, lengths: Some(lengths) }, width, weights, scratch)
    }
}
