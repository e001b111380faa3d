//! What a run is said to take is what it takes: no less, and not much more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gpt_lab::model::config::{Architecture, Position};
use gpt_lab::stage::Config;
use gpt_lab::stage::STAGES;
use gpt_lab::text::{Corpus, Dataset};
use gpt_lab::train::{Session, Subscription, Team};

/// The system's allocator, which keeps count of the bytes that are taken, and of the most that ever were.
struct Measuring;

static TAKEN: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

fn took(bytes: usize) {
    let taken = TAKEN.fetch_add(bytes as u64, Relaxed) + bytes as u64;
    PEAK.fetch_max(taken, Relaxed);
}

// SAFETY: every call is handed to the system's allocator unchanged.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size() as u64, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measuring = Measuring;

/// The most bytes at once that opening a run, a step, a look and an estimate take.
fn measured(config: Config, dataset: &Arc<Dataset>, team: &Team) -> u64 {
    let before = TAKEN.load(Relaxed);
    PEAK.store(before, Relaxed);
    let mut session = Session::with_team(config, Arc::clone(dataset), team).unwrap();
    session.step().unwrap();
    let look = Subscription {
        prompt: vec![1; session.config().model.block_size],
        activations: vec!["*.weights".to_owned(), "logits".to_owned()],
        norms: true,
        ..Subscription::default()
    };
    let _shown = session.snapshot(&look);
    session.evaluate();
    drop(session.model().language_model());
    PEAK.load(Relaxed) - before
}

/// Every stage as it is, and with other sizes.
fn configs(vocab_size: usize) -> Vec<Config> {
    let mut configs = Vec::new();
    for stage in STAGES {
        let mut config = stage.config(vocab_size, 1337);
        config.training.eval_batches = 1;
        configs.push(config.clone());
        let large = config.model.n_embd > 64;
        if large {
            continue;
        }
        config.training.batch_size *= 5;
        configs.push(config.clone());
        config.model.n_embd *= 4;
        config.model.n_hidden *= 3;
        if config.model.architecture == Architecture::Gpt && vocab_size == config.model.vocab_size {
            (config.model.n_head, config.model.block_size) = (8, 192);
            config.model.position = Position::Sinusoidal;
        }
        config.training.batch_size = 2;
        configs.push(config);
    }
    configs
}

#[test]
fn a_run_takes_what_it_is_said_to_take() {
    let dataset = Arc::new(Dataset::new(Corpus::bundled()).unwrap());
    for threads in [1, 2] {
        let team = Team::new(threads).unwrap();
        for mut config in configs(dataset.tokenizer.vocab_size()) {
            if config.model.n_embd > 64 {
                // A shard is as large for two sequences as for 64.
                config.training.batch_size = config.training.batch_size.min(2);
                if threads == 1 {
                    continue;
                }
            }
            let estimate = Session::bytes(&config, Arc::clone(&dataset), &team).unwrap();
            let measured = measured(config.clone(), &dataset, &team);
            let most = measured * 5 / 2 + (16 << 20);
            assert!(
                (measured..=most).contains(&estimate),
                "{}: said {estimate}, took {measured}: {:?}",
                config.stage,
                config.model
            );
        }
    }
}
