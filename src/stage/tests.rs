//! Cards are held to the models that they are about: every stage, and every switch of the GPT.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::math::random::{Purpose, stream};
use crate::model::card::{GRADIENT_NORM, Part, Rows, Side};
use crate::model::config::{Fault, FeedForward, Norm, Position, QueryKey};
use crate::model::{Batch, Card, Examples, Model, Split, build};
use crate::task::card::figure_named;
use crate::text::windows::Windows;
use crate::text::{Corpus, Dataset, Source};

fn text() -> Arc<Dataset> {
    let text = "the cat sat on a mat.\n".repeat(60);
    let source = Source::File("test.txt".into());
    Arc::new(Dataset::new(Corpus { text, name: "test.txt".to_owned(), source }).unwrap())
}

/// The model of a configuration, its examples, and the names and shapes of what it shows of one.
struct Looked {
    model: Box<dyn Model>,
    examples: Arc<dyn Examples>,
    seen: BTreeMap<String, Vec<usize>>,
    subject: Batch,
}

fn look(config: &Config, text: &Arc<Dataset>) -> Looked {
    let examples: Arc<dyn Examples> = task::open(&config.task)
        .unwrap_or_else(|| Arc::new(Windows::new(text.clone(), config.model.block_size).unwrap()));
    let model = build(&config.model).unwrap();
    let mut weights = vec![0.0; model.registry().len()];
    model.initialise(&mut weights, 1);
    let mut subject = Batch::default();
    let prompt: Vec<u32> = if config.task.reads_text() { vec![1, 2, 3, 1, 2] } else { Vec::new() };
    examples.subject(&prompt, &mut subject);
    subject.add_noise(model.noise(), 1, 0);
    let mut inference = model.inference();
    inference.look(&weights, &subject);
    let mut seen = BTreeMap::new();
    inference.visit(&mut |name, shape, _| {
        seen.insert(name.to_owned(), shape.to_vec());
    });
    Looked { model, examples, seen, subject }
}

/// Every stage that is quick to build, and the GPT under every pair of switches that change its structure.
fn configs(text: &Dataset) -> Vec<Config> {
    let vocab_size = text.tokenizer.vocab_size();
    let named = STAGES.iter().filter(|stage| stage.name != "scaled-up");
    let mut all: Vec<_> = named.map(|stage| stage.config(vocab_size, 1)).collect();
    let base = stage("layer-norm").unwrap().config(vocab_size, 1);
    for norm in [Norm::None, Norm::Pre, Norm::Post] {
        for residual in [false, true] {
            for feed_forward in [FeedForward::None, FeedForward::Single, FeedForward::Mlp4] {
                for position in [Position::None, Position::Learned, Position::Sinusoidal] {
                    let (final_norm, causal) = (residual, feed_forward != FeedForward::None);
                    let model = model::Config {
                        norm,
                        residual,
                        feed_forward,
                        position,
                        final_norm,
                        causal,
                        n_layer: 2,
                        ..base.model.clone()
                    };
                    all.push(Config { model, ..base.clone() });
                }
            }
        }
    }
    for (query_key, n_head) in [(QueryKey::Tied, 4), (QueryKey::Merged, 1)] {
        let model = model::Config { n_head, query_key, ..base.model.clone() };
        all.push(Config { model, ..base.clone() });
    }
    for name in Fault::TRAINED {
        let model = model::Config { fault: name.parse().unwrap(), ..base.model.clone() };
        all.push(Config { model, ..base.clone() });
    }
    let pairs = stage("encoder-decoder").unwrap().config(vocab_size, 1);
    for norm in [Norm::Pre, Norm::Post] {
        all.push(Config { model: model::Config { norm, ..pairs.model.clone() }, ..pairs.clone() });
    }
    all
}

fn every_card(check: impl Fn(&Config, &Card, &Looked)) {
    let text = text();
    for config in configs(&text) {
        let looked = look(&config, &text);
        check(&config, &looked.model.card(), &looked);
    }
}

#[test]
fn a_flow_is_a_graph_of_what_the_model_shows() {
    every_card(|config, card, looked| {
        let stage = &config.stage;
        let mut before = BTreeSet::new();
        for part in &card.flow {
            for name in &part.from {
                assert!(before.contains(name.as_str()), "{stage}: {} reads {name}", part.name);
            }
            assert!(before.insert(part.name.as_str()), "{stage}: {} twice", part.name);
            let Part { name, seen, axes, .. } = part;
            let shape = looked.seen.get(name);
            assert_eq!(shape.is_some(), *seen, "{stage}: {name}");
            if let Some(shape) = shape {
                let sizes: Vec<_> = axes.iter().map(|axis| axis.size).collect();
                // A prompt may be shorter than T; an image has sides, points and answers are counted.
                let (last, size) = (shape.iter().product::<usize>(), sizes.last().copied());
                let fits = size.is_none_or(|size| last.is_multiple_of(size));
                assert!(fits, "{stage}: {name} is {shape:?}, not {sizes:?}");
                for inner in &part.inside {
                    assert_eq!(looked.seen.get(inner), Some(shape), "{stage}: {inner} in {name}");
                }
            }
        }
        let last = card.flow.last().unwrap();
        let read: BTreeSet<_> = card.flow.iter().flat_map(|part| &part.from).collect();
        for part in card.flow.iter().filter(|part| part.name != last.name) {
            assert!(read.contains(&part.name), "{stage}: nobody reads {}", part.name);
        }
    });
}

#[test]
fn a_model_has_a_preset_for_a_task_that_asks_for_one() {
    for name in ["memory", "attention", "lstm"] {
        let plain = stage(name).unwrap();
        assert_eq!(plain.on("stories").name, format!("{name}-stories"));
        assert_eq!(plain.on("stories").config(1, 1).task.task, task::Task::Stories);
        assert_eq!(plain.on("recall").name, name);
    }
    assert_eq!(stage("memory-stories").unwrap().on("stories").name, "memory-stories");
}

/// A recurrent net shows all of its gates, and how much gradient reaches each state.
#[test]
fn states_hold_all_that_is_of_their_shape_and_no_part_of_another() {
    let (text, mut states) = (text(), 0);
    for (name, n_layer) in [("rnn", 1), ("gru", 2), ("lstm", 3), ("lstm", 1)] {
        let mut config = stage(name).unwrap().config(text.tokenizer.vocab_size(), 1);
        config.model.n_layer = n_layer;
        let looked = look(&config, &text);
        let card = looked.model.card();
        assert_eq!(card.states().len(), n_layer);
        let mut told = BTreeSet::new();
        for part in card.states() {
            assert!(looked.seen.contains_key(&format!("{}{GRADIENT_NORM}", part.name)));
            told.extend(part.inside.iter().chain([&part.name]).cloned());
        }
        let is_state = |name: &&String| {
            name.contains("gates.") || name.ends_with("cell") || name.ends_with("hidden")
        };
        let seen: BTreeSet<_> = looked.seen.keys().filter(is_state).cloned().collect();
        assert_eq!(told, seen, "{name}");
        states += told.len();
    }
    assert_eq!(states, 1 + 2 * 4 + 3 * 6 + 6);
    for named in STAGES
        .iter()
        .filter(|stage| !["rnn", "gru", "lstm", "lstm-stories", "scaled-up"].contains(&stage.name))
    {
        let config = named.config(text.tokenizer.vocab_size(), 1);
        assert!(look(&config, &text).model.card().states().is_empty(), "{}", named.name);
    }
}

#[test]
fn maps_are_of_the_sizes_that_their_sides_have() {
    every_card(|config, card, looked| {
        for map in &card.maps {
            let name = format!("{}.weights", map.name);
            let shape = looked.seen.get(&name).unwrap_or_else(|| panic!("{name}"));
            let along = |side| match side {
                Side::Prompt => looked.subject.x.len(),
                Side::Source => looked.subject.source.len(),
                Side::Target => looked.seen["target"][0],
                Side::Question => 1,
                Side::Before => looked.subject.x.len() - 1,
                Side::Sentences { end } => Side::sentences(&looked.subject.x, end).count(),
            };
            let sides = [along(map.rows), along(map.columns)];
            let expected = [&[map.heads][..], &sides].concat();
            assert!(*shape == expected || (map.heads == 1 && *shape == sides), "{name} {shape:?}");
            if let Some(query) = looked.seen.get(&format!("{}.query", map.name)) {
                assert_eq!(query.last(), Some(&map.head_size));
            }
        }
        let named = looked.seen.keys().filter_map(|name| name.strip_suffix(".weights"));
        let maps: BTreeSet<_> = card.maps.iter().map(|map| map.name.as_str()).collect();
        assert_eq!(named.collect::<BTreeSet<_>>(), maps, "{}", config.stage);
    });
}

#[test]
fn tables_and_parameters_are_the_models() {
    every_card(|config, card, looked| {
        let registry = looked.model.registry();
        assert_eq!(card.numbers(""), registry.len(), "{}", config.stage);
        let groups: Vec<_> = looked.model.groups().iter().map(|group| group.name).collect();
        assert_eq!(card.groups, if groups.len() > 1 { groups } else { Vec::new() });
        for table in &card.tables {
            let learned = card.learned.iter().find(|(name, _)| *name == table.name);
            assert_eq!(learned.is_some(), table.learned, "{}", table.name);
            assert!(table.learned || looked.seen.contains_key(&table.name), "{}", table.name);
            let size = match table.rows {
                Rows::Tokens => config.model.vocab_size.max(config.model.source_vocab),
                Rows::Positions => config.model.block_size,
            };
            assert!(learned.is_none_or(|(_, shape)| shape[0] <= size), "{}", table.name);
        }
        // What boxes hold together is never more than there is, and of the lecture's models all there is.
        let mut prefixes: Vec<_> = card.flow.iter().map(|part| part.weights.as_str()).collect();
        prefixes.retain(|prefix| !prefix.is_empty());
        prefixes.dedup();
        let held: usize = prefixes.iter().map(|prefix| card.numbers(prefix)).sum();
        let whole =
            matches!(config.model.architecture, Architecture::Gpt | Architecture::EncoderDecoder);
        assert!(held <= registry.len() && (!whole || held == registry.len()), "{}", config.stage);
    });
}

#[test]
fn figures_are_those_that_are_measured() {
    every_card(|config, _, looked| {
        let count = looked.examples.judged().min(8);
        if count == 0 {
            return;
        }
        let mut batch = Batch::default();
        let mut rng = stream(1, Purpose::Evaluation, 0);
        looked.examples.draw(Split::Val, count, &mut rng, &mut batch);
        batch.add_noise(looked.model.noise(), 1, 1);
        let mut weights = vec![0.0; looked.model.registry().len()];
        looked.model.initialise(&mut weights, 1);
        let output = looked.model.inference().produce(&weights, &batch);
        let judged = looked.examples.judge(&batch, &output);
        let measured: Vec<_> = judged.iter().map(|(name, _)| *name).collect();
        let named: Vec<_> = config.task.card().figures.iter().map(|f| f.name).collect();
        assert_eq!(measured, named, "{}", config.stage);
        for figure in config.task.card().figures {
            let known = figure_named(figure.name).unwrap();
            let alike = std::mem::discriminant(&known.unit) == std::mem::discriminant(&figure.unit);
            assert!(alike, "{}", figure.name);
        }
    });
}

#[test]
fn a_card_says_which_keys_have_no_weight_of_their_own() {
    every_card(|config, card, looked| {
        let stage = &config.stage;
        let made = card.constants.iter().any(|constant| constant.name == "keys");
        let weight = |part: &str| {
            let name = format!("blocks.0.sa.heads.0.{part}.weight");
            card.learned.iter().any(|(known, _)| *known == name)
        };
        if config.model.architecture == Architecture::Gpt && config.model.n_layer > 0 {
            let separate = config.model.query_key == QueryKey::Separate;
            assert!(weight("query") && weight("value"), "{stage}");
            assert_eq!((weight("key"), made), (separate, !separate), "{stage}");
            // A faulty head's keys may be those of no position.
            let looked_at = looked.seen.contains_key("blocks.0.sa.key");
            assert_eq!(looked_at, config.model.fault == Fault::None, "{stage}");
        } else {
            assert!(!made, "{stage}");
        }
    });
}

#[test]
fn whoever_sees_the_future_says_so() {
    let text = text();
    for config in configs(&text) {
        let Looked { model, .. } = look(&config, &text);
        let Some(mut reader) = model.language_model() else { continue };
        let mut weights = vec![0.0; model.registry().len()];
        model.initialise(&mut weights, 1);
        let mut first = |tokens: &[u32]| {
            reader.forward(&weights, tokens);
            reader.logits().row(0).to_vec()
        };
        let changed = first(&[1, 2, 3]) != first(&[1, 2, 4]);
        let says = model.card().structure.sees_future;
        assert_eq!(changed, says, "{} causal {}", config.stage, config.model.causal);
    }
}
