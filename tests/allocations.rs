//! A warm training step allocates nothing.

use std::sync::Arc;

use gpt_lab::cli::bench::allocations::{self, Counting};
use gpt_lab::stage::hyperparameter::{HYPERPARAMETERS, Range, Value, hyperparameter};
use gpt_lab::stage::{Config, STAGES};
use gpt_lab::text::{Corpus, Dataset};
use gpt_lab::train::session::SessionError;
use gpt_lab::train::{Session, Team};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The counter sees every thread, the test runner's too. What a step itself allocates is there in every round.
const ROUNDS: usize = 5;

/// What no preset has: every switch and choice the other way, and every number that is off on, each where it first means
/// something to a small preset.
fn switched(presets: &[Config]) -> Vec<Config> {
    let mut found = Vec::new();
    for known in HYPERPARAMETERS {
        let values = match known.range {
            Range::Choice(names) => names.iter().map(|name| Value::Choice(name)).collect(),
            Range::Switch => vec![Value::Switch(false), Value::Switch(true)],
            Range::Number { min: 0.0, .. } => vec![Value::Number(0.1)],
            Range::Count { min: 0, .. } => vec![Value::Count(1)],
            _ => Vec::new(),
        };
        for value in values {
            let mut small =
                presets.iter().filter(|config| !is_large(config) && known.applies(config));
            let with = |config: &Config| {
                let mut other = config.clone();
                known.set(&mut other, value).ok()?;
                other.validate().ok().map(|()| other)
            };
            if let Some(other) = small.find_map(with)
                && !presets.contains(&other)
            {
                found.push(other);
            }
        }
    }
    found
}

fn is_large(config: &Config) -> bool {
    config.model.n_embd > 64
}

#[test]
fn a_warm_step_allocates_nothing() {
    let dataset = Arc::new(Dataset::new(Corpus::bundled()).unwrap());
    let vocab_size = dataset.tokenizer.vocab_size();
    for threads in [1, 2] {
        let team = Team::new(threads).unwrap();
        let presets: Vec<_> = STAGES.iter().map(|s| s.config(vocab_size, 1337)).collect();
        let others = switched(&presets);
        for name in ["turns", "instance_noise", "fault", "shift_targets", "diagonal_gates"] {
            let known = hyperparameter(name).unwrap();
            let plain =
                |config: &&Config| presets.iter().all(|p| known.get(p) != known.get(config));
            assert!(others.iter().any(|config| plain(&config)), "{name} was left out");
        }
        let presets = presets.into_iter().map(|c| if is_large(&c) { (c, 1) } else { (c, 20) });
        for (mut config, steps) in presets.chain(others.into_iter().map(|config| (config, 4))) {
            // The paths that are off by default count too.
            config.training.dropout = 0.1;
            config.training.grad_clip = 1.0;
            if steps < 20 {
                // Two sequences take the same way as 64, in less time.
                config.training.batch_size = 2;
            }
            let name = format!("{} {:?} {:?}", config.stage, config.model, config.training);
            let mut session = match Session::with_team(config, Arc::clone(&dataset), &team) {
                // Text cut otherwise and points of a file are other data, not another step.
                Err(SessionError::Material(_)) => continue,
                session => session.unwrap(),
            };
            let made = team.run(|| {
                let mut train = |count| (0..count).all(|_| session.step().is_ok());
                assert!(train(2));
                let round = |_| {
                    let before = allocations::count();
                    assert!(train(steps));
                    allocations::count() - before
                };
                (0..ROUNDS).map(round).min()
            });
            assert_eq!(made, Some(0), "{name} with {threads} threads");
        }
    }
}
