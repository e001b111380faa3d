//! Walks through models that were really trained, number by number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ratatui::layout::Rect;

use super::derivation::{Derivation, digits};
use super::rule::{Rule, rule};
use super::values::Values;
use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::update;
use crate::math::Real;
use crate::model::config::{Activation, Fault, FeedForward, Norm, Position as Positions, QueryKey};
use crate::model::sampling::{Sampling, distribution};
use crate::stage::Config;
use crate::train::session::Session;
use crate::train::testing;

fn config(name: &str, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = update::opening(name, testing::VOCABULARY, 1337);
    config.training.batch_size = 4;
    change(&mut config);
    config
}

/// A lab with a run of some real steps, and its session.
fn lab(config: Config) -> (Model, Session) {
    let mut session = testing::open(config, 1);
    for _ in 0..5 {
        session.step().unwrap();
    }
    let mut model = fixture::model(120, 40);
    let run = model.run.as_mut().unwrap();
    run.observed.config = session.config().clone();
    run.observed.card = Some(session.card().clone());
    run.signs = crate::task::signs::Signs::of(&session.config().task);
    model.corpus.as_mut().unwrap().tokenizer = testing::dataset().tokenizer.clone();
    model.prompt.tokens = vec![1, 2, 0, 1, 5, 3];
    model.snapshot = None;
    (model, session)
}

/// With the feature f64 the core calculates in f64, while snapshots stay f32.
#[allow(clippy::useless_conversion)]
fn reals(values: &[f32]) -> Vec<Real> {
    values.iter().map(|&x| x.into()).collect()
}

/// A snapshot of all there is.
fn look(model: &mut Model, session: &mut Session) {
    let all = || vec!["*".to_owned()];
    let prompt =
        if model.facts().reads_prompt() { model.prompt.tokens.clone() } else { Vec::new() };
    let wanted =
        Subscription { prompt, activations: all(), parameters: all(), ..Subscription::default() };
    model.snapshot = Some(Arc::new(session.snapshot(&wanted)));
    model.refresh();
}

/// Where panes begin: cells of every map, and what may come after every position.
fn roots(facts: &Facts) -> Vec<Number> {
    let snapshot = facts.snapshot.unwrap();
    let card = facts.card().unwrap();
    let mut roots = Vec::new();
    for map in &card.maps {
        let name = format!("{}.weights", map.name);
        let shape = &snapshot.activation(&name).unwrap().shape;
        let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        for (row, column) in [(0, 0), (rows - 1, 0), (rows - 1, columns - 1), (0, columns - 1)] {
            roots.push(Number::activation(&*name, &[map.heads - 1, row, column]));
        }
    }
    if let Some(logits) = card.logits().and_then(|logits| snapshot.activation(logits)) {
        roots.extend((0..logits.shape[0]).map(|row| Number::Chances { row }));
    }
    roots.extend(card.tables.iter().map(|table| Number::Length {
        table: table.name.clone(),
        learned: table.learned,
        row: 1,
    }));
    roots
}

/// Every sort of number that can be reached, a few of each, with its origin.
fn reached(model: &Model) -> Vec<(Number, Derivation)> {
    let facts = model.facts();
    let mut left = roots(&facts);
    let mut seen = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    while let Some(number) = left.pop() {
        let sort = match &number {
            Number::Activation { name, .. } | Number::Parameter { name, .. } => name.clone(),
            other => format!("{other:?}").split(' ').next().unwrap().to_owned(),
        };
        let count = known.entry(sort).or_default();
        *count += 1;
        if *count > 12 || seen.iter().any(|(known, _)| *known == number) {
            continue;
        }
        assert!(number::exists(&facts, &number), "{number:?}");
        let derivation = derive(&facts, &number).unwrap_or_else(|| panic!("{number:?}"));
        let operands: Vec<_> = derivation.rows.iter().flat_map(|row| &row.factors).collect();
        for (operand, _) in operands.iter().take(3).chain(operands.iter().rev().take(3)) {
            left.push(operand.clone());
        }
        seen.push((number, derivation));
    }
    seen
}

/// The lecture's model under every switch that its formula depends on.
fn switches() -> Vec<Config> {
    vec![
        config("bigram", |_| {}),
        config("single-head", |_| {}),
        config("multi-head", |_| {}),
        config("multi-head", |c| c.model.causal = false),
        config("multi-head", |c| c.model.query_key = QueryKey::Tied),
        config("single-head", |c| c.model.query_key = QueryKey::Merged),
        config("layer-norm", |c| (c.model.query_key, c.model.n_head) = (QueryKey::Merged, 1)),
        config("feed-forward", |_| {}),
        config("feed-forward", |c| c.model.activation = Activation::GeluTanh),
        config("blocks", |c| c.model.position = Positions::None),
        config("residual", |_| {}),
        config("layer-norm", |_| {}),
        config("layer-norm", |c| {
            (c.model.norm, c.model.activation) = (Norm::Post, Activation::Gelu);
            c.model.position = Positions::Sinusoidal;
        }),
        config("layer-norm", |c| {
            (c.model.norm, c.model.feed_forward) = (Norm::Pre, FeedForward::None);
            (c.model.residual, c.model.projection) = (false, false);
        }),
    ]
}

/// Every equation's right side is computed from its operands alone, and is what the model has.
#[test]
fn every_number_of_the_lectures_model_is_what_its_equation_gives() {
    for config in switches() {
        let name = format!("{} {:?}", config.stage, config.model);
        let (mut model, mut session) = lab(config);
        look(&mut model, &mut session);
        let facts = model.facts();
        let snapshot = facts.snapshot.unwrap();
        let (mut checked, mut names) = (0, HashSet::new());
        for (number, derivation) in reached(&model) {
            let words = matches!(rule(&facts, &number), Rule::Words(_) | Rule::Learned);
            assert!(words || derivation.computed.is_some(), "{name}: {number:?} {derivation:?}");
            if let Number::Activation { name: of, at } = &number {
                names.insert(of.clone());
                // What is not said is the positions that are not learned.
                let fixed =
                    facts.card().unwrap().part(of).is_some_and(|p| p.title.contains("sines"));
                assert!(!words || fixed, "{name}: {number:?} {derivation:?}");
                if let (Some(tensor), false) = (snapshot.activation(of), words) {
                    let index = at.iter().zip(&tensor.shape).fold(0, |i, (at, size)| i * size + at);
                    let own = f64::from(tensor.values[index]);
                    let computed = derivation.computed.unwrap();
                    let near = 1e-4 * own.abs() + 1e-6 * derivation.size;
                    assert!(
                        (computed - own).abs() <= near || computed == own,
                        "{name}: {number:?}: {computed} {own}"
                    );
                    assert_eq!(derivation.agrees(), Some(true));
                    checked += 1;
                }
            }
        }
        // It leads through the whole model: every part that carries numbers was met.
        let parts = &facts.card().unwrap().flow;
        let met = parts.iter().filter(|part| part.seen && !part.axes.is_empty());
        for part in met {
            assert!(names.contains(&part.name), "{name}: {} is never reached", part.name);
        }
        assert!(checked > 10, "{name}: {checked}");
    }
}

/// The numbers of each equation are the arrays', place by place.
#[test]
fn operands_are_read_at_their_own_places() {
    let (mut model, mut session) = lab(config("layer-norm", |_| {}));
    look(&mut model, &mut session);
    let facts = model.facts();
    let snapshot = facts.snapshot.unwrap();
    let map = &facts.card().unwrap().maps[1];
    // Head 2, position 4, channel 3 of the query, through the weights of the file's own layout (out, in).
    let query = format!("{}.query", map.name);
    let derivation = derive(&facts, &Number::activation(&*query, &[1, 4, 3])).unwrap();
    let weight = snapshot.parameter(&format!("{}.heads.1.query.weight", map.name)).unwrap();
    let width = weight.shape[1];
    assert_eq!(derivation.rows.len(), width);
    for (channel, row) in derivation.rows.iter().enumerate() {
        let [(_, x), (_, w)] = row.factors.as_slice() else { panic!("{row:?}") };
        assert_eq!(*w, f64::from(weight.values[3 * width + channel]));
        assert_eq!(row.gives, Some(x * w));
        assert_eq!(row.label, format!("channel {channel}"));
    }
    // The token's row of the table.
    let token = facts.card().unwrap().flow[1].name.clone();
    let derivation = derive(&facts, &Number::activation(token, &[4, 7])).unwrap();
    let table = snapshot.parameter(testing::TABLE).unwrap();
    let row = snapshot.prompt[4] as usize;
    assert_eq!(derivation.computed, Some(f64::from(table.values[row * table.shape[1] + 7])));
    let parameter = Number::parameter(testing::TABLE, &[row, 7]);
    assert_eq!(derivation.rows[0].factors[0].0, parameter);
    assert_eq!(derive(&facts, &parameter).unwrap().value(), derivation.computed);
}

/// Models whose cards say less than the lecture's: whatever is shown as an equation holds, the rest is said in words.
#[test]
fn what_a_card_does_not_say_is_said_in_words() {
    let kinds =
        ["encoder-decoder", "rnn", "gru", "lstm", "conv", "neural-gpu", "memory", "attention"];
    let faulty = Fault::TRAINED[1..]
        .iter()
        .map(|fault| config("multi-head", |c| c.model.fault = fault.parse().unwrap()));
    for config in kinds.map(|name| config(name, |_| {})).into_iter().chain(faulty) {
        let name = config.stage.clone();
        let (mut model, mut session) = lab(config);
        look(&mut model, &mut session);
        let facts = model.facts();
        let mut sorts = [0, 0];
        for (number, derivation) in reached(&model) {
            assert_ne!(derivation.agrees(), Some(false), "{name}: {number:?} {derivation:?}");
            if derivation.computed.is_none() {
                sorts[0] += 1;
                let told = &derivation.formula;
                let card = facts.card().unwrap();
                let learned = matches!(rule(&facts, &number), Rule::Learned);
                assert!(
                    learned || told.contains(card.name) || told.starts_with("Not learned"),
                    "{told}"
                );
            } else {
                sorts[1] += 1;
            }
            assert!(!number.title(&facts).is_empty() && !number.short(&facts).is_empty());
        }
        assert!(sorts[0] > 0 && sorts[1] > 3, "{name}: {sorts:?}");
    }
}

/// What the open number asks for is all that it needs, at every step of the way.
#[test]
fn a_walk_subscribes_to_what_it_shows() {
    for config in
        switches().into_iter().chain([config("encoder-decoder", |_| {}), config("memory", |_| {})])
    {
        let (mut model, mut session) = lab(config);
        look(&mut model, &mut session);
        let all = model.snapshot.clone();
        for (number, whole) in reached(&model) {
            model.snapshot.clone_from(&all);
            let mut wanted =
                Subscription { prompt: model.prompt.tokens.clone(), ..Subscription::default() };
            values::subscribe(&model.facts(), &number, &mut wanted);
            model.snapshot = Some(Arc::new(session.snapshot(&wanted)));
            let facts = model.facts();
            let found = derive(&facts, &number);
            // A row's length is that of the map, which the pane itself subscribes to.
            let (found, whole) = (found.map(|d| d.rows.len()), whole.rows.len());
            assert!(found.is_some_and(|rows| rows <= whole), "{number:?} {wanted:?}");
        }
    }
}

#[test]
fn what_is_drawn_with_is_the_generators_distribution() {
    let (mut model, mut session) = lab(config("multi-head", |_| {}));
    look(&mut model, &mut session);
    for sampling in [
        Sampling::default(),
        Sampling { temperature: 0.7, top_k: Some(5), top_p: None },
        Sampling { temperature: 1.3, top_k: None, top_p: Some(0.6) },
        Sampling { temperature: 0.0, top_k: None, top_p: None },
    ] {
        model.sampling = sampling;
        let facts = model.facts();
        let tensor =
            facts.snapshot.unwrap().activation(facts.card().unwrap().logits().unwrap()).unwrap();
        let row = reals(&tensor.values[3 * 14..4 * 14]);
        let mut whole = 0.0;
        for candidate in distribution(&row, &sampling) {
            let number = Number::Chance { row: 3, token: candidate.token };
            let derivation = derive(&facts, &number).unwrap();
            let computed = derivation.computed.unwrap();
            assert!((computed - candidate.probability).abs() < 1e-12, "{sampling:?} {number:?}");
            // From the shown logits alone.
            let scale = if sampling.temperature == 0.0 { 1.0 } else { sampling.temperature };
            let kept = derivation.rows.iter().filter(|row| row.gives != Some(0.0));
            let power = |row: &derivation::Row| (row.factors[0].1 / scale).exp();
            let sum: f64 = kept.map(power).sum();
            if candidate.kept {
                assert!((power(&derivation.rows[0]) / sum - computed).abs() < 1e-9);
            } else {
                assert_eq!(computed, 0.0);
            }
            whole += computed;
        }
        let all = derive(&facts, &Number::Chances { row: 3 }).unwrap();
        assert!((all.computed.unwrap() - 1.0).abs() < 1e-9 && (whole - 1.0).abs() < 1e-9);
        // The loss of what does come is of the model itself, whatever is drawn with.
        let (loss, value) = all.rows[0].factors[0].clone();
        assert_eq!(all.rows[0].label, "loss");
        let plain = distribution(&row, &Sampling::default());
        let came = facts.prompt.tokens[4];
        let p = plain.iter().find(|c| c.token == came).unwrap().probability;
        assert!((value + p.ln()).abs() < 1e-9);
        assert_eq!(derive(&facts, &loss).unwrap().agrees(), Some(true));
    }
}

/// By keys, from a weight to a parameter and back, and what is drawn on the way.
#[test]
fn enter_walks_back_and_esc_returns() {
    let (mut model, mut session) = lab(config("layer-norm", |_| {}));
    look(&mut model, &mut session);
    let pane = PaneId::Attention;
    let text = |model: &Model| fixture::text(&fixture::pane(model, pane, 90, 30));
    let back = |model: &mut Model| model.with(pane, |pane, _| pane.back());
    let before = text(&model);
    let mut shown = Vec::new();
    for title in ["weight of ", "masked score of ", "score of ", "q·k of ", "q of "] {
        pane.act(&mut model, Action::Origin);
        let screen = text(&model);
        assert!(
            screen.contains(title) && screen.lines().nth(1).unwrap().contains('✓'),
            "{title}\n{screen}"
        );
        shown.push(screen);
    }
    // q is x·W + nothing: the numbers on the screen are those of the arrays.
    let facts = model.facts();
    let (query, channel) = (model.prompt.tokens.len() - 1, 0);
    let name = format!("{}.query", facts.card().unwrap().maps[0].name);
    let number = Number::activation(&*name, &[0, query, channel]);
    let derivation = derive(&facts, &number).unwrap();
    let screen = shown.last().unwrap();
    let values = Values::new(&facts).unwrap();
    assert!(screen.contains(&format!("= {} ", digits(values.of(&number).unwrap()))), "{screen}");
    for row in &derivation.rows[..8] {
        let line =
            screen.lines().skip(5).find(|line| line.contains(&format!("{} ", row.label))).unwrap();
        for number in row.factors.iter().map(|(_, x)| *x).chain(row.gives) {
            assert!(line.contains(&digits(number)), "{number} {line}");
        }
    }
    let terms = format!("= {} + {} + ", derivation.terms[0], derivation.terms[1]);
    assert!(screen.contains(&terms), "{terms}\n{screen}");
    // The second factor is the weight itself.
    for action in [Action::Down, Action::Right, Action::Origin] {
        pane.act(&mut model, action);
    }
    let screen = text(&model);
    assert!(screen.contains("query.weight, row 0, column 1"), "{screen}");
    assert!(screen.contains("nothing is before it"), "{screen}");
    // Enter on what has no operand stays.
    pane.act(&mut model, Action::Origin);
    assert_eq!(text(&model), screen);
    for earlier in shown.iter().rev() {
        assert!(back(&mut model));
        // The cursor on an operand stays where it was.
        let same = |a: &str, b: &str| a.lines().zip(b.lines()).filter(|(a, b)| a != b).count() <= 2;
        assert!(same(&text(&model), earlier), "{}", text(&model));
    }
    assert!(back(&mut model));
    assert_eq!(text(&model), before);
    assert!(!back(&mut model));
}

#[test]
fn another_run_or_a_shorter_prompt_ends_the_walk() {
    let (mut model, mut session) = lab(config("multi-head", |_| {}));
    look(&mut model, &mut session);
    let pane = PaneId::Softmax;
    let open = |model: &Model| pane.about(model).contains("esc");
    pane.act(&mut model, Action::Origin);
    assert!(open(&model));
    model.prompt.tokens.truncate(3);
    look(&mut model, &mut session);
    assert!(!open(&model));
    pane.act(&mut model, Action::Origin);
    look(&mut model, &mut session);
    assert!(open(&model));
    model.run.as_mut().unwrap().observed.id = RunId(77);
    model.refresh();
    assert!(!open(&model));
}

/// A walk at every size, in colour, plain and in ASCII alone.
#[test]
fn every_size_can_be_drawn() {
    use crate::lab::theme::Glyphs;
    for name in ["layer-norm", "encoder-decoder", "bigram", "memory"] {
        let (mut model, mut session) = lab(config(name, |_| {}));
        look(&mut model, &mut session);
        let numbers = reached(&model);
        for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
            model.theme.glyphs = glyphs;
            let facts = model.facts();
            for (number, _) in numbers.iter().step_by(9) {
                let mut walk = Walk::default();
                walk.open(&facts, number.clone());
                for (width, height) in
                    [(1, 1), (2, 9), (9, 2), (12, 5), (36, 10), (78, 20), (200, 60)]
                {
                    let area = Rect::new(0, 0, width, height);
                    let mut buf = Buffer::empty(area);
                    walk.draw(&facts, area, &mut buf);
                    crate::lab::widgets::ascii::plain(&model.theme, &mut buf);
                    if glyphs.ascii {
                        assert!(buf.content.iter().all(|cell| cell.symbol().is_ascii()));
                        let marks = buf.content.iter().filter(|cell| cell.symbol() == "?").count();
                        assert!(
                            marks == 0 || number.title(&facts).contains('?'),
                            "{}",
                            fixture::text(&buf)
                        );
                    }
                    for at in area.positions().step_by(usize::from(width * height) / 7 + 1) {
                        walk.click(&facts, area, at);
                    }
                    walk.act(&facts, Action::End);
                }
            }
        }
    }
}

/// The table of tokens and the softmax begin at what is under their cursors.
#[test]
fn the_other_panes_begin_at_their_own_cells() {
    let (mut model, mut session) = lab(config("multi-head", |_| {}));
    look(&mut model, &mut session);
    let text = |model: &Model, pane: PaneId| fixture::text(&fixture::pane(model, pane, 90, 30));
    let pane = PaneId::Embeddings;
    for action in [Action::CycleView, Action::CycleView, Action::Down, Action::Right, Action::Right]
    {
        pane.act(&mut model, action);
    }
    let table = model.facts().snapshot.unwrap().parameter(testing::TABLE).unwrap().clone();
    let row = *model.prompt.tokens.last().unwrap() as usize + 1;
    pane.act(&mut model, Action::Origin);
    let screen = text(&model, pane);
    let cell = f64::from(table.values[row * table.shape[1] + 2]);
    let label = model.facts().label(row as u32);
    let line = format!("{}, row {row} ({label}), column 2 = {}", testing::TABLE, digits(cell));
    assert!(screen.contains(&line), "{line}\n{screen}");
    // On the map it is the row's length that is asked for, and each of its numbers after it.
    assert!(model.with(pane, |pane, _| pane.back()));
    for action in [Action::CycleView, Action::CycleView, Action::Origin] {
        pane.act(&mut model, action);
    }
    let screen = text(&model, pane);
    let values = &table.values[row * table.shape[1]..(row + 1) * table.shape[1]];
    let squares: f64 = values.iter().map(|x| f64::from(*x).powi(2)).sum();
    assert!(screen.contains(&format!("= {}", digits(squares.sqrt()))), "{screen}");
    for (channel, value) in values.iter().take(10).enumerate() {
        let line = screen.lines().skip(5).find(|l| l.contains(&format!("channel {channel} ")));
        assert!(line.unwrap().contains(&digits(f64::from(*value))), "{channel}\n{screen}");
    }

    let pane = PaneId::Softmax;
    pane.act(&mut model, Action::Origin);
    let screen = text(&model, pane);
    let facts = model.facts();
    let card = facts.card().unwrap();
    let logits = facts.snapshot.unwrap().activation(card.logits().unwrap()).unwrap();
    let width = logits.shape[1];
    let last = reals(&logits.values[logits.values.len() - width..]);
    let all = distribution(&last, &facts.sampling);
    // The end of the prompt: nothing has come yet, so that there is no loss.
    assert!(!screen.contains("loss"), "{screen}");
    let shown: Vec<_> = screen.lines().skip(5).take(all.len()).collect();
    for (line, candidate) in shown.iter().zip(&all) {
        assert!(line.contains(&digits(candidate.probability)), "{line}\n{screen}");
        assert!(line.contains(&facts.label(candidate.token)), "{line}\n{screen}");
    }
    // One position before it, the loss of what came stands first, and Enter tells it.
    assert!(model.with(pane, |pane, _| pane.back()));
    for action in [Action::Left, Action::Origin, Action::Home, Action::Origin] {
        pane.act(&mut model, action);
    }
    let screen = text(&model, pane);
    assert!(screen.contains("loss after") && screen.contains("= -ln p"), "{screen}");
}
