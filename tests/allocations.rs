//! A warm training step allocates nothing.

use std::sync::Arc;

use gpt_lab::cli::bench::allocations::{self, Counting};
use gpt_lab::text::{Corpus, Dataset};
use gpt_lab::train::stage::STAGES;
use gpt_lab::train::{Session, Team};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Stages that take too long for a test without optimisation.
const TOO_LARGE: [&str; 2] = ["nano-cpu", "scaled-up"];

#[test]
fn a_warm_step_allocates_nothing() {
    let dataset = Arc::new(Dataset::new(Corpus::bundled()).unwrap());
    let vocab_size = dataset.tokenizer.vocab_size();
    for threads in [1, 2] {
        let team = Team::new(threads).unwrap();
        for stage in STAGES.iter().filter(|stage| !TOO_LARGE.contains(&stage.name)) {
            let mut config = stage.config(vocab_size, 1337);
            // The paths that are off by default count too.
            config.training.dropout = 0.1;
            config.training.grad_clip = 1.0;
            let mut session = Session::with_team(config, Arc::clone(&dataset), &team).unwrap();
            let made = team.run(|| {
                let mut steps = |count| (0..count).all(|_| session.step().is_ok());
                assert!(steps(5));
                let before = allocations::count();
                assert!(steps(100));
                allocations::count() - before
            });
            assert_eq!(made, 0, "{} with {threads} threads", stage.name);
        }
    }
}
