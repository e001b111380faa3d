//! A small text and small models for the trainer's tests.

use std::sync::Arc;

use rand::Rng;

use super::session::Session;
use super::team::Team;
use crate::math::random::{Purpose, stream};
use crate::model;
use crate::model::config::FeedForward;
use crate::stage::config::{Config, Training};
use crate::stage::stage;
use crate::text::{Corpus, Dataset, Source};

/// Different characters of [`dataset`].
pub const VOCABULARY: usize = 14;
/// The bigram's only parameter.
pub const TABLE: &str = "token_embedding_table.weight";

const WORDS: [&str; 6] = ["the ", "cat ", "sat ", "on ", "a mat.\n", "she "];

/// 4,000 characters that a model can learn something from.
pub fn dataset() -> Arc<Dataset> {
    let mut rng = stream(1, Purpose::Sampling, 0);
    let mut text = String::from("dr");
    while text.len() < 4000 {
        text.push_str(WORDS[rng.random_range(0..WORDS.len())]);
    }
    let source = Source::File("test.txt".into());
    let dataset = Dataset::new(Corpus { text, name: "test.txt".to_owned(), source }).unwrap();
    assert_eq!(dataset.tokenizer.vocab_size(), VOCABULARY);
    Arc::new(dataset)
}

/// A bigram that is evaluated every 20 steps of 100.
pub fn config() -> Config {
    let bigram = stage("bigram").unwrap().config(VOCABULARY, 1337);
    let training =
        Training { steps: 100, eval_interval: 20, eval_batches: 3, lr: 0.1, ..bigram.training };
    Config { training, ..bigram }
}

/// A GPT with dropout and enough work for four shards.
pub fn gpt() -> Config {
    let stage = stage("layer-norm").unwrap().config(VOCABULARY, 1337);
    let model =
        model::Config { n_embd: 16, n_head: 2, feed_forward: FeedForward::Mlp4, ..stage.model };
    let training = Training { lr: 1e-2, dropout: 0.1, grad_clip: 1.0, ..config().training };
    Config { model, training, ..stage }
}

pub fn open(config: Config, threads: usize) -> Session {
    Session::with_team(config, dataset(), &Team::new(threads).unwrap()).unwrap()
}

/// A new bigram.
pub fn session(threads: usize) -> Session {
    open(config(), threads)
}
