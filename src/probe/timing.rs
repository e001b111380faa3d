//! How long one layer of each kind takes as the sequence grows: what has to go step by step, and what is done at once.

use std::time::Instant;

use rand::Rng;

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::random::{Purpose, stream};
use crate::model::card::Unit;
use crate::model::sight::{self, Sight};
use crate::model::{Batch, Card, Conditions, Config, Form, IGNORED, KINDS, Model, build};

pub const INSTRUMENT: Instrument = Instrument {
    name: "timing",
    definition: "milliseconds that a forward and a backward pass over one sequence of T random tokens take here, on one thread, the fastest of a few: one layer of each kind of model that reads rows of tokens, as wide as the subject's, with its embedding, logits and loss; the values are (kinds, T), T from 8 on, each twice the one before, and not measured (no number) once a kind takes too long",
    unit: Unit::Plain,
    measure,
};

/// Lengths of the sequences.
pub const TIMES: [usize; 7] = [8, 16, 32, 64, 128, 256, 512];

/// Seconds for which a pass is repeated; the fastest counts: others are disturbed.
const REPEATED: f64 = 0.008;
/// A kind whose pass took longer is not put to longer sequences: all of it together is to stay under three seconds.
const PATIENCE: f64 = 0.1;
/// Layers that are tried until the ends of a sequence meet.
const MOST_LAYERS: usize = 16;

/// A kind of model that reads rows of tokens, in one layer.
pub struct Contender {
    pub card: Card,
    /// Numbers that a position is multiplied by in a forward pass, of all T positions.
    pub products: f64,
    /// Of all layers that it takes: steps that have to follow one another.
    pub in_a_row: usize,
    /// Steps from the first token to the last position.
    pub path: Option<usize>,
    model: Box<dyn Model>,
    /// Whether one answer is asked for, at the end.
    once: bool,
}

/// As wide as another model, for so many tokens. What sees no other position does not compete.
pub fn contenders(like: &Config, time: usize) -> Vec<Contender> {
    let of = |n_layer: usize, kind: &crate::model::Kind| {
        let width = width(like);
        let config = Config {
            architecture: kind.architecture,
            vocab_size: like.vocab_size,
            block_size: time,
            n_embd: width,
            n_hidden: width,
            n_layer,
            kernel: like.kernel,
            // One pass for each position.
            hops: 0,
            ..Config::default()
        };
        build(&config).ok()
    };
    let kinds = KINDS
        .iter()
        .filter(|kind| [Form::Window, Form::Question].iter().any(|form| kind.takes.contains(form)));
    kinds
        .filter_map(|kind| {
            let model = of(1, kind)?;
            let card = model.card();
            let sights: Vec<&Sight> = card.levels().iter().map(|part| &part.sight).collect();
            if sights.is_empty() {
                return None;
            }
            let path = (1..=MOST_LAYERS).find_map(|layers| {
                let card = of(layers, kind)?.card();
                let sights: Vec<&Sight> = card.levels().iter().map(|part| &part.sight).collect();
                sight::path(&sights, 0, time - 1, time)
            });
            Some(Contender {
                products: model.operations_per_token() / 6.0 * time as f64,
                in_a_row: sights.iter().map(|sight| sight.in_a_row(time)).sum(),
                path,
                once: !kind.takes.contains(&Form::Window),
                card,
                model,
            })
        })
        .collect()
}

/// Of the states, or of the stream.
pub fn width(config: &Config) -> usize {
    let own = config.sizes().find(|(name, _)| *name == "n_hidden");
    own.map_or(config.n_embd, |(_, width)| width).clamp(1, 512)
}

/// Values (kinds, T), in ms.
///
/// # Errors
/// If the subject reads no tokens.
fn measure(subject: &mut Subject<'_>, _arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let like = subject.model.config();
    if !subject.card.structure.tokens || like.vocab_size == 0 {
        return Err(NotMeasured(format!("{} reads no rows of tokens", subject.card.name)));
    }
    let kinds = contenders(like, TIMES[0]).len();
    let mut values = vec![f32::NAN; kinds * TIMES.len()];
    let mut tired = vec![false; kinds];
    for (column, time) in TIMES.into_iter().enumerate() {
        for (row, contender) in contenders(like, time).iter().enumerate() {
            if !tired[row] {
                let seconds = seconds(contender, time, subject.seed);
                values[row * TIMES.len() + column] = (seconds * 1e3) as f32;
                tired[row] = seconds > PATIENCE;
            }
        }
    }
    let figures = vec![("kinds".to_owned(), kinds as f64)];
    Ok(Reading { figures, shape: vec![kinds, TIMES.len()], values })
}

fn seconds(contender: &Contender, time: usize, seed: u64) -> f64 {
    let Contender { model, once, .. } = contender;
    let mut weights = vec![0.0; model.registry().len()];
    model.initialise(&mut weights, seed);
    let mut gradients = vec![0.0; weights.len()];
    let mut shard = model.shard();
    let mut rng = stream(seed, Purpose::Examples, time as u64);
    let vocabulary = model.config().vocab_size as u32;
    let mut tokens = || (0..time).map(|_| rng.random_range(0..vocabulary)).collect::<Vec<u32>>();
    let (x, mut y) = (tokens(), tokens());
    if *once {
        y[..time - 1].fill(IGNORED);
    }
    let batch = Batch::text(x, y, 1, time);
    let (start, mut fastest, mut passes) = (Instant::now(), f64::INFINITY, 0);
    // Three times at least, unless that is out of the question: the first pass finds nothing in the caches, and another
    // program may be in the way of any.
    while passes == 0
        || passes < 3 && fastest < 5.0 * PATIENCE
        || start.elapsed().as_secs_f64() < REPEATED && fastest < PATIENCE
    {
        passes += 1;
        let one = Instant::now();
        let conditions = Conditions::default();
        shard.loss_and_gradients(&weights, &batch, 0..1, &conditions, &mut gradients);
        fastest = fastest.min(one.elapsed().as_secs_f64());
    }
    fastest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::Case;

    /// What the paper's table says of each kind, for 64 tokens.
    #[test]
    fn the_structure_is_as_in_the_papers_table() {
        let like = Config { vocab_size: 7, n_embd: 8, kernel: 3, ..Config::default() };
        let mut found: Vec<_> = contenders(&like, 64)
            .into_iter()
            .map(|one| {
                let order = one.card.levels()[0].sight.order();
                (order, one.in_a_row, one.path)
            })
            .collect();
        found.sort_unstable();
        // Dilated places of 3: 2 + 4 + 8 + 16 + 32 reach 62, so 63 takes six; of the passes each reaches 2: 32 of them.
        let expected = [
            ("k n d d", 1, Some(6)),
            ("k n d d", 65, Some(32)),
            ("n d d", 64, Some(64)),
            ("n d d", 64, Some(64)),
            ("n d d", 64, Some(64)),
            ("n n d", 1, Some(1)),
        ];
        assert_eq!(found, expected);
    }

    /// Products grow with T as the structure says: twice the tokens, twice the work, but for attention's T x T.
    #[test]
    fn products_grow_as_the_order_says() {
        let like = Config { vocab_size: 7, n_embd: 8, ..Config::default() };
        let [short, long] = [256, 512].map(|time| contenders(&like, time));
        let mut squares = 0;
        for (short, long) in short.iter().zip(&long) {
            let (levels, growth) = (short.card.levels().len(), long.products / short.products);
            if levels == 1 && short.card.levels()[0].sight == Sight::Earlier {
                assert!(growth > 3.0 && growth <= 4.0, "{growth}");
                squares += 1;
            } else if levels == 1 {
                assert!((growth - 2.0).abs() < 1e-9, "{growth}");
            }
        }
        assert_eq!(squares, 1);
    }

    #[test]
    fn every_kind_is_timed_and_what_has_no_tokens_says_so() {
        let found = Case::of("conv").ask("timing", &Arguments::default()).unwrap();
        assert_eq!(found.shape, [6, TIMES.len()]);
        for row in found.values.chunks_exact(TIMES.len()) {
            assert!(row[0] > 0.0);
            // None after the first that was not measured.
            let measured = row.iter().take_while(|ms| **ms > 0.0).count();
            assert!(row[measured..].iter().all(|ms| ms.is_nan()));
        }
        let why = Case::of("gan").ask("timing", &Arguments::default()).unwrap_err().to_string();
        assert!(why.contains("reads no rows"), "{why}");
    }
}
