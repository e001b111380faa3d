//! A warm training step allocates nothing.

use std::sync::Arc;

use gpt_lab::cli::bench::allocations::{self, Counting};
use gpt_lab::model::config::{Fault, QueryKey};
use gpt_lab::stage::{Config, STAGES, stage};
use gpt_lab::text::{Corpus, Dataset};
use gpt_lab::train::{Session, Team};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The counter sees every thread, the test runner's too. What a step itself allocates is there in every round.
const ROUNDS: usize = 5;

/// What no preset has.
fn switched(vocab_size: usize) -> Vec<Config> {
    let preset = || stage("layer-norm").expect("a preset").config(vocab_size, 1337);
    let [mut tied, mut merged, mut faulty] = [(); 3].map(|()| preset());
    tied.model.query_key = QueryKey::Tied;
    (merged.model.query_key, merged.model.n_head) = (QueryKey::Merged, 1);
    faulty.model.fault = Fault::SoftmaxAxis;
    vec![tied, merged, faulty]
}

#[test]
fn a_warm_step_allocates_nothing() {
    let dataset = Arc::new(Dataset::new(Corpus::bundled()).unwrap());
    let vocab_size = dataset.tokenizer.vocab_size();
    for threads in [1, 2] {
        let team = Team::new(threads).unwrap();
        let presets = STAGES.iter().map(|stage| stage.config(vocab_size, 1337));
        for mut config in presets.chain(switched(vocab_size)) {
            // The paths that are off by default count too.
            config.training.dropout = 0.1;
            config.training.grad_clip = 1.0;
            let large = config.model.n_embd > 64;
            if large {
                // Two sequences take the same way as 64, in less time.
                config.training.batch_size = 2;
            }
            let name = format!("{} {:?}", config.stage, config.model);
            let steps = if large { 1 } else { 20 };
            let mut session = Session::with_team(config, Arc::clone(&dataset), &team).unwrap();
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
