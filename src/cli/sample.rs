//! `gpt-lab sample`: text from a checkpoint, printed as it is drawn; or what a model of a made task makes.

mod made;

use std::io::{IsTerminal, Write};

use super::Failure;
use super::opening::{self, Source};
use super::options::Structure;
use crate::model::sampling::Sampling;
use crate::task::Task;
use crate::text::shown::Flow;
use crate::text::tokenizer::Decoder;
use crate::train::Generation;
use crate::train::command::SampleRequest;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Made tasks: how many held-out examples to answer, images or points to make
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: usize,
    /// Tasks of pairs: search for the answer to --prompt with a beam of K, and print the best few with their scores
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=64))]
    beam: Option<u8>,
    /// The text to continue, or a source to answer; without it the model starts from its first character, as in the lecture, or from a line break
    #[arg(long, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    prompt: String,
    /// How many tokens to draw: characters, or words
    #[arg(long, value_name = "N", default_value_t = 500)]
    tokens: usize,
    /// Logits are divided by it; 0 always takes the likeliest token
    #[arg(long, value_name = "X", default_value_t = 1.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Keep only the K likeliest tokens
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Keep the likeliest tokens whose probabilities reach P together
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// Same seed, same text
    #[arg(long, value_name = "N", default_value_t = 1337)]
    seed: u64,
    #[command(flatten)]
    structure: Structure,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { temperature, top_k, top_p, .. } = *arguments;
    let sampling = Sampling { temperature, top_k, top_p };
    sampling.validate().map_err(Failure::usage)?;
    let checkpoint = arguments.source.read(&arguments.structure.0)?;
    crate::math::gemm::single_threaded();
    if checkpoint.config.task.task != Task::Text {
        return made::run(&checkpoint, arguments);
    }
    let tokenizer = arguments.source.tokenizer(&checkpoint)?;
    let mut prompt = opening::prompt(&tokenizer, &arguments.prompt)?;
    let mut decoder = Decoder::after(&tokenizer, prompt.last().copied());
    if prompt.is_empty() {
        prompt.push(tokenizer.start());
    }
    let (tokens, seed) = (arguments.tokens, arguments.seed);
    let request = SampleRequest { prompt, tokens: 0, sampling, seed, every_seconds: None };
    let Some(mut generation) = Generation::new(&*checkpoint.model, &request, 0) else {
        let stage = &checkpoint.config.stage;
        return Err(Failure::usage(format!("{stage} does not continue text")));
    };
    let mut out = std::io::stdout().lock();
    // A terminal would obey what a pipe carries.
    let mut flow = out.is_terminal().then(Flow::default);
    let mut print = |text: &str| match &mut flow {
        Some(flow) => write!(out, "{}", flow.next(text)).and_then(|()| out.flush()),
        None => write!(out, "{text}").and_then(|()| out.flush()),
    };
    print(&arguments.prompt)?;
    for _ in 0..tokens {
        let token = generation.next(&checkpoint.weights);
        print(&decoder.next(token))?;
    }
    print("\n")?;
    Ok(())
}
