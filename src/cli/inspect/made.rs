//! Every intermediate value of a made task's model, on an example of the task.

use std::io::Write;

use serde_json::json;

use super::{Arguments, Failure, WIDEST, activations, maps};
use crate::model::{Batch, Inference};
use crate::task;
use crate::train::checkpoint::Checkpoint;

/// Prints what the model of a checkpoint computes on the prompt, or on the task's own example.
///
/// # Errors
/// If the prompt is no source of the task, or the task has none.
pub fn run(checkpoint: &Checkpoint, arguments: &Arguments) -> Result<(), Failure> {
    let config = &checkpoint.config;
    let prompt = arguments.prompt.as_deref().unwrap_or_default();
    let ids = match task::pairs(&config.task) {
        _ if prompt.is_empty() => Vec::new(),
        Some(pairs) => pairs.encode(prompt).map_err(Failure::usage)?,
        None => {
            let task = &config.task;
            return Err(Failure::usage(format!("{task} reads no prompt: leave out --prompt")));
        }
    };
    let examples = arguments.source.material(checkpoint)?.examples(config)?;
    crate::math::gemm::single_threaded();
    let mut subject = Batch::default();
    examples.subject(&ids, &mut subject);
    subject.add_noise(checkpoint.model.noise(), config.seed, 0);
    let mut inference = checkpoint.model.inference();
    inference.look(&checkpoint.weights, &subject);
    let (stage, step) = (&config.stage, checkpoint.step);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let mut report = json!({
            "stage": stage,
            "step": step,
            "prompt": prompt,
            "tokens": subject.x,
            "source": subject.source,
            "activations": activations(&*inference),
        });
        // The way from the activations' coordinates to the file's: times scale, plus mean.
        if let Some(own) = &checkpoint.points {
            report["points"] = json!({"mean": own.mean, "scale": own.scale});
        }
        writeln!(out, "{report}")?;
    } else {
        writeln!(out, "{stage} after {step} steps")?;
        write!(out, "{}", table(&*inference, &maps(&*checkpoint.model)))?;
    }
    Ok(())
}

/// Attention maps, and what else there is, for a reader.
fn table(inference: &dyn Inference, maps: &[String]) -> String {
    use std::fmt::Write as _;
    let (mut text, mut list) = (String::new(), String::new());
    inference.visit(&mut |name, shape, values| {
        let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
        _ = writeln!(list, "  {name} ({})", sizes.join(", "));
        let (heads, queries, keys) = match *shape {
            [heads, queries, keys] => (heads, queries, keys),
            [queries, keys] => (1, queries, keys),
            _ => return,
        };
        if !maps.iter().any(|map| map == name) || queries.max(keys) > WIDEST {
            return;
        }
        for head in 0..heads {
            _ = writeln!(text, "\n{name}, head {head}: query down, key across");
            for query in 0..queries {
                let row = &values[(head * queries + query) * keys..][..keys];
                let row: Vec<_> = row.iter().map(|x| format!("{x:.2}")).collect();
                _ = writeln!(text, "{query:>4}  {}", row.join(" "));
            }
        }
    });
    _ = write!(text, "\nall activations (their values with --json):\n{list}");
    text
}
