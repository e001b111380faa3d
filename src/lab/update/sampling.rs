//! Sampling settings, and keeping the trainer informed of what the visible panes want to see.

use super::super::action::Action;
use super::super::model::{Effect, Model, ToastKind};
use super::super::notch::notch;
use super::super::run::Status;
use crate::text::Tokenizer;
use crate::train::command::SampleRequest;
use crate::train::{Command, Subscription};

/// The least time between two snapshots while training.
const SNAPSHOT_SECONDS: f64 = 0.1;
/// The least time between two samples while training.
const SAMPLE_SECONDS: f64 = 2.0;
/// Characters of a sample.
const SAMPLE_TOKENS: usize = 300;

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
