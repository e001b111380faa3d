//! `gpt-lab inspect`: every intermediate value of a checkpoint's forward pass over a prompt, or the neighbours of a token.

mod made;
mod measured;
mod neighbours;

use std::io::Write;

use serde::{Serialize, Serializer};

use super::Failure;
use super::opening::{self, Source};
use super::options::Structure;
use crate::model::sampling::{Sampling, distribution};
use crate::model::{Inference, LanguageModel, Model};
use crate::text::{Tokenizer, shown};

/// Rows of the next-token table for a reader.
const ROWS: usize = 10;
/// Attention maps up to this many tokens are printed for a reader.
const WIDEST: usize = 32;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// The text to look at, of which the model sees the last block_size tokens; for a task of pairs, a source. Other
    /// tasks have an example of their own
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// The ten tokens (characters, or words) whose embeddings point most nearly the same way, by cosine
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true, conflicts_with = "prompt")]
    neighbours: Option<String>,
    /// Asks an instrument instead, by its name: what it finds, and how that is defined
    #[arg(long, value_name = "NAME", conflicts_with = "neighbours")]
    measure: Option<String>,
    /// A point of the latent space for --measure picture: numbers with commas between
    #[arg(
        long,
        value_name = "X,Y",
        value_delimiter = ',',
        allow_hyphen_values = true,
        requires = "measure"
    )]
    point: Vec<f32>,
    /// Held-out examples that --measure averages over, where it does
    #[arg(long, value_name = "N", default_value_t = 100, requires = "measure")]
    examples: u16,
    /// Which attention --measure cell, scores and ablation look at, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "measure")]
    layer: usize,
    /// Which of its heads, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "measure")]
    head: usize,
    /// Who looks, for --measure cell: a position of the prompt, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "measure")]
    row: usize,
    /// Who is looked at
    #[arg(long, value_name = "N", default_value_t = 0, requires = "measure")]
    column: usize,
    /// For --measure scores: standard normal queries and keys of so many numbers instead of the model's own
    #[arg(long, value_name = "N", requires = "measure")]
    head_size: Option<usize>,
    /// A mistake for --measure fault, by its name; a name that is none lists them
    #[arg(long, value_name = "NAME", default_value = "none", requires = "measure")]
    fault: String,
    /// One JSON object on standard output: every activation by its name, row-major; what is not finite (a masked score)
    /// is null
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    structure: Structure,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let checkpoint = arguments.source.read(&arguments.structure.0)?;
    if let Some(name) = &arguments.measure {
        return measured::run(&checkpoint, name, arguments);
    }
    if !checkpoint.config.task.reads_text() && arguments.neighbours.is_none() {
        return made::run(&checkpoint, arguments);
    }
    let tokenizer = arguments.source.tokenizer(&checkpoint)?;
    if let Some(token) = &arguments.neighbours {
        return neighbours::run(&checkpoint, &tokenizer, token, arguments.json);
    }
    let prompt = arguments.prompt.as_deref().unwrap_or_default();
    let tokens = opening::prompt(&tokenizer, prompt)?;
    if tokens.is_empty() {
        return Err(Failure::usage(
            "there is nothing to look at: give a text of at least one token with --prompt",
        ));
    }
    crate::math::gemm::single_threaded();

    let model: &dyn Model = &*checkpoint.model;
    let tokens = &tokens[tokens.len().saturating_sub(model.config().block_size)..];
    let Some(mut inference) = model.language_model() else {
        let stage = &checkpoint.config.stage;
        return Err(Failure::usage(format!("{stage} does not read text")));
    };
    inference.forward(&checkpoint.weights, tokens);
    let (stage, step) = (&checkpoint.config.stage, checkpoint.step);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let activations = activations(&*inference);
        let report = Report { stage, step, prompt, tokens, activations };
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        writeln!(out, "{stage} after {step} steps")?;
        let maps = maps(model);
        write!(out, "{}", table(&*inference, &maps, tokens, &tokenizer))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Report<'a> {
    stage: &'a str,
    step: u64,
    prompt: &'a str,
    /// What the model saw of the prompt.
    tokens: &'a [u32],
    activations: Activations,
}

/// By name, in the order in which the model computes them.
struct Activations(Vec<(String, Activation)>);

#[derive(Serialize)]
struct Activation {
    shape: Vec<usize>,
    /// Row-major. As f32, so that every number is printed with the digits it needs and no more.
    values: Vec<f32>,
}

impl Serialize for Activations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, activation)| (name, activation)))
    }
}

fn activations(inference: &dyn Inference) -> Activations {
    let mut activations = Vec::new();
    inference.visit(&mut |name, shape, values| {
        let values = values.iter().map(|x| *x as f32).collect();
        activations.push((name.to_owned(), Activation { shape: shape.to_vec(), values }));
    });
    Activations(activations)
}

/// A token as it can be printed: between quotes, with a sign for what cannot be seen.
fn quoted(token: &str) -> String {
    format!("\"{}\"", shown::token(token, false))
}

/// Names of the weights of the model's maps.
fn maps(model: &dyn Model) -> Vec<String> {
    model.card().maps.iter().map(|map| format!("{}.weights", map.name)).collect()
}

/// Attention maps, the likeliest next tokens, and what else there is, for a reader.
fn table(
    inference: &dyn LanguageModel,
    maps: &[String],
    tokens: &[u32],
    tokenizer: &Tokenizer,
) -> String {
    use std::fmt::Write as _;
    let spelled = |token: u32| quoted(&tokenizer.token(token));
    let mut text = String::new();
    let mut list = String::new();
    inference.visit(&mut |name, shape, values| {
        let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
        _ = writeln!(list, "  {name} ({})", sizes.join(", "));
        let &[heads, queries, keys] = shape else { return };
        if !maps.iter().any(|map| map == name) || queries > WIDEST {
            return;
        }
        for head in 0..heads {
            _ = writeln!(text, "\n{name}, head {head}: query down, key across");
            for (query, token) in tokens.iter().enumerate() {
                let row = &values[(head * queries + query) * keys..][..keys];
                let row: Vec<_> = row.iter().map(|x| format!("{x:.2}")).collect();
                let token = spelled(*token);
                _ = writeln!(text, "{token:>6}  {}", row.join(" "));
            }
        }
    });
    let logits = inference.logits();
    let last = logits.row(logits.nrows() - 1).to_vec();
    _ = writeln!(
        text,
        "\n{:>14}  logit  probability",
        format!("next {}", tokenizer.tokens().singular())
    );
    for candidate in distribution(&last, &Sampling::default()).iter().take(ROWS) {
        let (logit, probability) = (candidate.logit, candidate.probability);
        _ = writeln!(text, "{:>14} {logit:>6.2}  {probability:.6}", spelled(candidate.token));
    }
    _ = write!(text, "\nall activations (their values with --json):\n{list}");
    text
}
