//! `gpt-lab sample`: text from a checkpoint, printed as it is drawn; or what a model of a made task makes.

mod made;

use std::io::{IsTerminal, Write};

use super::Failure;
use super::opening::{self, Source};
use super::options::Structure;
use crate::model::sampling::Sampling;
use crate::text::shown::Flow;
use crate::text::tokenizer::Decoder;
use crate::train::Generation;
use crate::train::command::SampleRequest;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Made tasks: how many held-out examples to answer, images or points to make [default: 10]
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Tasks of pairs: search for the answer to --prompt with a beam of K, and print the best few with their scores
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=64))]
    beam: Option<u8>,
    /// The text to continue, or a source to answer; without it the model starts from its first character, as in the lecture, or from a line break
    #[arg(long, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    prompt: String,
    /// Text: how many tokens to draw, characters or words [default: 500]
    #[arg(long, value_name = "N")]
    tokens: Option<usize>,
    /// Text: logits are divided by it; 0 always takes the likeliest token [default: 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    temperature: Option<f64>,
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
    let Arguments { top_k, top_p, .. } = *arguments;
    let temperature = arguments.temperature.unwrap_or(1.0);
    let sampling = Sampling { temperature, top_k, top_p };
    sampling.validate().map_err(Failure::usage)?;
    let checkpoint = arguments.source.read(&arguments.structure.0)?;
    crate::math::gemm::single_threaded();
    if !checkpoint.config.task.reads_text() {
        return made::run(&checkpoint, arguments);
    }
    let idle = [
        ("--count", arguments.count.is_some(), "made tasks"),
        ("--beam", arguments.beam.is_some(), "one --prompt of a task of pairs"),
    ];
    opening::refuse_idle(&idle, &checkpoint.config.task)?;
    let tokenizer = arguments.source.tokenizer(&checkpoint)?;
    let mut prompt = opening::prompt(&tokenizer, &arguments.prompt)?;
    let mut decoder = Decoder::after(&tokenizer, prompt.last().copied());
    if prompt.is_empty() {
        prompt.push(tokenizer.start());
    }
    let (tokens, seed) = (arguments.tokens.unwrap_or(500), arguments.seed);
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
