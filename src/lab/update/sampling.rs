//! Sampling settings, and keeping the trainer informed of what the visible panes want to see.

use super::super::action::Action;
use super::super::model::{Effect, Model, ToastKind};
use super::super::notch::{HOTTEST, notch};
use super::super::run::Status;
use super::course;
use crate::model::sampling::Sampling;
use crate::text::Tokenizer;
use crate::train::command::SampleRequest;
use crate::train::{Command, Subscription};

/// The least time between two snapshots while training.
const SNAPSHOT_SECONDS: f64 = 0.1;
/// The least time between two samples while training.
const SAMPLE_SECONDS: f64 = 2.0;
/// Characters of a sample.
const SAMPLE_TOKENS: usize = 300;

/// The settings as they are typed: `0.8, 40, 0.95`.
pub fn written(sampling: &Sampling) -> String {
    let all = || "all".to_owned();
    let top_k = sampling.top_k.map_or_else(all, |k| k.to_string());
    let top_p = sampling.top_p.map_or_else(all, |p| p.to_string());
    format!("{}, {top_k}, {top_p}", sampling.temperature)
}

/// Reads what was typed: up to three numbers, with `all` where everything is kept; what is left out is kept as well.
///
/// # Errors
/// Says in a line what was expected.
pub fn parse(text: &str) -> Result<Sampling, String> {
    let expected = || "expected temperature, top-k, top-p, as in 0.8, 40, 0.95".to_owned();
    let parts: Vec<&str> = text.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    let all = |at: usize| parts.get(at).copied().filter(|part| *part != "all");
    if parts.is_empty() || parts.len() > 3 {
        return Err(expected());
    }
    let temperature = parts[0].parse().map_err(|_| expected())?;
    let top_k = all(1).map(str::parse).transpose().map_err(|_| expected())?;
    let top_p = all(2).map(str::parse).transpose().map_err(|_| expected())?;
    let sampling = Sampling { temperature, top_k, top_p };
    sampling.validate().map_err(|error| error.to_string())?;
    if temperature > HOTTEST {
        return Err(format!("temperature is at most {HOTTEST} here (found {temperature})"));
    }
    // All of the probability is all tokens.
    Ok(Sampling { top_p: top_p.filter(|p| *p < 1.0), ..sampling })
}

/// Takes settings that were typed.
pub fn take(model: &mut Model, wanted: Sampling) {
    let vocab_size = model.facts().tokenizer().map_or(usize::MAX, Tokenizer::vocab_size);
    model.sampling = Sampling { top_k: wanted.top_k.filter(|k| *k < vocab_size), ..wanted };
    model.refresh();
}

/// Temperature, top-k and top-p move by a notch; the panes follow at once.
pub fn set(model: &mut Model, action: Action) {
    let vocab_size = model.facts().tokenizer().map_or(65, Tokenizer::vocab_size);
    notch(&mut model.sampling, action, vocab_size);
    if action == Action::SampleAnew {
        model.sample_seed = model.sample_seed.wrapping_add(1);
        model.say(ToastKind::Info, "sampling anew");
    }
    model.refresh();
}

/// Tells the trainer what the visible panes want, if that has changed.
pub fn follow(model: &mut Model) -> Vec<Effect> {
    // One that is still opening may read its text in other tokens.
    let open = model.run.as_ref().is_some_and(|run| run.status != Status::Opening);
    if !open || model.quitting.is_some() {
        return Vec::new();
    }
    let mut effects = Vec::new();
    let visible = model.layout().panes;
    let facts = model.facts();
    // A made task does not read the prompt: editing it asks for nothing new.
    let reads = facts.reads_prompt();
    let mut wanted = Subscription {
        prompt: if reads { model.prompt.tokens.clone() } else { Vec::new() },
        every_seconds: SNAPSHOT_SECONDS,
        ..Subscription::default()
    };
    let mut samples = false;
    for (pane, _) in visible {
        let pane = model.panes.get(pane);
        pane.subscribe(&facts, &mut wanted);
        samples |= pane.shows_samples();
    }
    course::subscribe(model, &mut wanted);
    for names in [&mut wanted.activations, &mut wanted.parameters] {
        names.sort_unstable();
        names.dedup();
    }
    if model.subscribed.as_ref() != Some(&wanted) {
        model.subscribed = Some(wanted.clone());
        effects.push(Effect::Send(Command::Subscribe(wanted)));
    }

    let shown = reads && samples;
    if shown || model.requested.is_some() {
        let request = SampleRequest {
            prompt: model.prompt.tokens.clone(),
            tokens: if shown { SAMPLE_TOKENS } else { 0 },
            sampling: model.sampling,
            seed: model.sample_seed,
            every_seconds: shown.then_some(SAMPLE_SECONDS),
        };
        if model.requested.as_ref() != Some(&request) {
            model.requested = Some(request.clone());
            effects.push(Effect::Send(Command::Sample(request)));
        }
    }
    effects
}

#[cfg(test)]
mod tests;
