use std::sync::Arc;

use super::*;
use crate::lab::fixture;
use crate::lab::model::{Model, Msg};
use crate::lab::panes::PaneId;
use crate::lab::theme::Glyphs;
use crate::lab::update::update;
use crate::model;
use crate::probe::{Arguments, Measured, Reading};
use crate::stage::stage;
use crate::train::session::Session;
use crate::train::snapshot::{Norms, Snapshot};
use crate::train::team::Team;
use crate::train::{Event, testing};

fn screen(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PaneId::Inside, width, height))
}

fn change(model: &mut Model, change: impl FnOnce(&mut Snapshot)) {
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    change(&mut snapshot);
    model.snapshot = Some(Arc::new(snapshot));
    PaneId::Inside.refresh(model);
}

/// The residual stage: three blocks with feed-forwards, every parameter and activation there.
fn residual() -> Model {
    let mut model = fixture::model(120, 40);
    let config = stage("residual").unwrap().config(65, 1337);
    let run = model.run.as_mut().unwrap();
    run.config.model = config.model.clone();
    let card = fixture::card(&config);
    let parameters = card.learned.clone();
    run.card = Some(card);
    assert!(parameters.len() > 20);
    change(&mut model, |snapshot| {
        let norms = parameters.iter().zip(1..).map(|((name, _), i)| Norms {
            name: name.clone(),
            weight: 0.1 * f64::from(i % 5 + 1),
            gradient: Some(1e-3 / f64::from(i)),
            update: 1e-4 * f64::from(i % 3),
        });
        snapshot.norms = norms.collect();
        let mut figures = vec![("embedding".to_owned(), 1.474)];
        for block in 0..3 {
            let mut add =
                |part: &str, value| figures.push((format!("blocks.{block}{part}"), value));
            let dead = f64::from(10 * (block + 1));
            add(".sa", 0.5);
            add(".ffwd.activated", ((128.0 - dead) / 256.0).sqrt());
            add(".ffwd.activated.dead", dead);
            add(".ffwd.activated.units", 128.0);
            add(".ffwd", 0.5);
            add("", 0.5);
        }
        let reading = Reading { figures, ..Reading::default() };
        snapshot.readings = vec![Measured {
            instrument: "sizes",
            arguments: Arguments::default(),
            step: snapshot.step,
            reading,
        }];
    });
    model
}

#[test]
fn screens() {
    let mut model = residual();
    insta::assert_snapshot!("25x20", screen(&model, 25, 20));
    insta::assert_snapshot!("40x12", screen(&model, 40, 12));
    insta::assert_snapshot!("60x32", screen(&model, 60, 32));
    let mut buf = Buffer::empty(Rect::new(0, 0, 136, 24));
    PaneId::Inside.draw(&model, true, buf.area, &mut buf);
    insta::assert_snapshot!("zoomed", fixture::text(&buf));
    PaneId::Inside.act(&mut model, Action::CycleView);
    insta::assert_snapshot!("each_parameter_120x40", screen(&model, 120, 40));
    model.theme.glyphs = Glyphs::ASCII;
    let text = screen(&model, 120, 40).replace('·', "-");
    assert!(text.is_ascii(), "{text}");
}

/// A layer's sizes are the root mean squares of all its numbers, computed here from the parameters' own.
#[test]
fn sizes_of_a_layer_are_those_of_all_its_numbers() {
    let model = residual();
    let snapshot = model.facts().snapshot.unwrap();
    let config = &model.run.as_ref().unwrap().config.model;
    let built = model::build(config).unwrap();
    let (mut squares, mut numbers) = (0.0, 0);
    for parameter in built.registry().parameters() {
        if parameter.name.starts_with("blocks.1.sa.") {
            let norms = snapshot.norms.iter().find(|n| n.name == parameter.name).unwrap();
            let count: usize = parameter.shape.iter().product();
            squares += norms.weight.powi(2) * count as f64;
            numbers += count;
        }
    }
    // Four heads' query, key and value (8, 32), the projection (32, 32) and its bias.
    assert_eq!(numbers, 12 * 8 * 32 + 32 * 32 + 32);
    let expected = (squares / numbers as f64).sqrt();
    let layer = model.panes.inside.layers.iter().find(|l| l.name == "blocks.1.sa").unwrap();
    assert!((layer.weight - expected).abs() < 1e-12, "{layer:?} {expected}");
    let text = screen(&model, 60, 32);
    let line = text.lines().find(|line| line.contains("blocks.1.sa")).unwrap();
    let shown = line.split_whitespace().nth(2).unwrap();
    assert_eq!(shown, format!("{expected:.2}"), "{text}");
}

#[test]
fn dead_units_are_those_at_zero_everywhere() {
    let text = screen(&residual(), 60, 40);
    let line = |name: &str| text.lines().rfind(|line| line.contains(name)).unwrap().to_owned();
    assert!(line("blocks.0.ffwd.activated").contains("10/128 8 %"), "{text}");
    assert!(line("blocks.2.ffwd.activated").contains("30/128 23 %"), "{text}");
    // The values 0.5 and -0.5 have a root mean square of 0.5.
    assert!(line("blocks.2.ffwd ").contains(" 0.50"), "{text}");
    assert!(text.contains("1,861 steps/s · 476k tokens/s · 21.9 GFLOP/s"), "{text}");
    assert!(text.contains("gradient norm 0.81"), "{text}");
}

#[test]
fn every_parameter_has_its_own_figures() {
    let mut model = fixture::model(120, 40);
    PaneId::Inside.act(&mut model, Action::CycleView);
    let text = screen(&model, 60, 18);
    assert!(text.contains("weight gradient"), "{text}");
    let key = text.lines().find(|line| line.contains("blocks.0.sa.heads.0.key")).unwrap();
    let figures: Vec<&str> = key.split_whitespace().skip(2).take(4).collect();
    // The fixture's second parameter: 0.4, 0.003 / 2, 2e-4, and their ratio.
    assert_eq!(figures, ["0.40", "1.5e-3", "2.0e-4", "5.0e-4"]);
}

#[test]
fn it_asks_for_what_the_stage_has() {
    let model = residual();
    let mut wanted = Subscription::default();
    model.panes.inside.subscribe(&model.facts(), &mut wanted);
    assert!(wanted.norms);
    assert!(wanted.activations.is_empty(), "no whole tensor for one number");
    let (instrument, arguments) = &wanted.instruments[0];
    assert_eq!((*instrument, &arguments.prompt), ("sizes", &model.prompt.tokens));
}

#[test]
fn scrolling_stays_within_and_finds_the_blocks() {
    let mut model = residual();
    model.called = Some(PaneId::Inside);
    for action in [Action::End, Action::PageDown, Action::Down, Action::NextLayer] {
        PaneId::Inside.act(&mut model, action);
    }
    let bottom = model.panes.inside.scroll;
    assert!(bottom < model.panes.inside.lines(&model.facts(), 40).len());
    for action in [Action::Home, Action::PreviousLayer, Action::PageUp, Action::Up] {
        PaneId::Inside.act(&mut model, action);
        assert_eq!(model.panes.inside.scroll, 0);
    }
    PaneId::Inside.act(&mut model, Action::NextLayer);
    assert!(model.panes.inside.scroll > 0);
}

#[test]
fn no_data_or_size_is_a_problem() {
    let check = |model: &mut Model| {
        PaneId::Inside.refresh(model);
        for (width, height) in (0..150).step_by(9).flat_map(|w| (0..20).map(move |h| (w, h))) {
            let area = Rect::new(0, 0, width, height);
            for zoomed in [false, true] {
                PaneId::Inside.draw(model, zoomed, area, &mut Buffer::empty(area));
            }
        }
        PaneId::Inside.act(model, Action::NextLayer);
    };
    let mut model = residual();
    check(&mut model);
    change(&mut model, |snapshot| {
        for norms in &mut snapshot.norms {
            (norms.weight, norms.update) = (0.0, f64::NAN);
        }
        for (_, value) in &mut snapshot.readings[0].reading.figures {
            *value = f64::INFINITY;
        }
    });
    check(&mut model);
    change(&mut model, |snapshot| {
        *snapshot = Snapshot { run: snapshot.run, ..Snapshot::default() }
    });
    check(&mut model);
    insta::assert_snapshot!("none", screen(&model, 60, 18));
    model.snapshot = None;
    check(&mut model);
    model.run = None;
    check(&mut model);
    assert!(screen(&model, 60, 18).contains("The trainer is opening its first run."));
}

/// The rate comes from the trainer's own measurement; the share is the run's GFLOP/s over it, on both screens.
#[test]
fn the_share_of_peak_is_the_run_over_what_was_measured() {
    let mut model = fixture::model(240, 60);
    let shown = |model: &Model| {
        let mut header = Buffer::empty(Rect::new(0, 0, 240, 1));
        crate::lab::view::header::draw(model, header.area, &mut header);
        (fixture::text(&header), fixture::text(&fixture::pane(model, PaneId::Inside, 80, 40)))
    };
    assert!(!shown(&model).0.contains("of peak"), "nothing is shown before it is measured");
    let measured = Event::PeakRate(21.9 * 4.0);
    update(&mut model, Msg::Worker(measured.into()));
    let (header, pane) = shown(&model);
    assert!(header.contains("25 % of peak"), "{header}");
    assert!(pane.contains("25 % of this processor"), "{pane}");
}

/// Two figures that begin at 1 and at 0 have a row each, in every stage that has norms.
#[test]
fn gain_and_shift_of_a_norm_stand_apart() {
    for name in ["layer-norm", "encoder-decoder", "conv"] {
        let mut model = fixture::model(120, 40);
        let config = stage(name).unwrap().config(65, 1337);
        let card = fixture::card(&config);
        model.run.as_mut().unwrap().card = Some(card.clone());
        change(&mut model, |snapshot| {
            let norms = card.learned.iter().map(|(name, _)| Norms {
                name: name.clone(),
                weight: if name.strip_suffix(".bias").is_some() { 0.0 } else { 1.0 },
                gradient: Some(1e-3),
                update: 1e-4,
            });
            snapshot.norms = norms.collect();
        });
        let text = screen(&model, 100, 90);
        let norms = figures::norms(&card);
        assert!(!norms.is_empty(), "{name}");
        for norm in norms {
            for (half, size) in [("gain", "1.00"), ("shift", "0.00")] {
                let start = format!("{norm} {half} ");
                let row = text
                    .lines()
                    .find_map(|line| line.trim_start_matches(['│', ' ']).strip_prefix(&start));
                let row = row.unwrap_or_else(|| panic!("{start}: {text}"));
                assert!(row.trim_start().starts_with(size), "{start}: {text}");
            }
        }
    }
}

/// Of a network whose turn it was not, the last step says nothing.
#[test]
fn what_the_last_step_did_not_move_has_neither_gradient_nor_update() {
    let mut model = fixture::model(120, 40);
    change(&mut model, |snapshot| snapshot.norms[2].gradient = None);
    for (width, dashes) in [(100, 3), (40, 2), (28, 1)] {
        let text = screen(&model, width, 30);
        // Weight and bias of this layer.
        let row = text.lines().find(|line| line.contains("lm_head")).unwrap();
        let shown = row.split_whitespace().filter(|figure| *figure == "-").count();
        assert_eq!(shown, dashes, "{text}");
        assert!(!row.contains("low") && !row.contains('█'), "{text}");
    }
}

#[test]
fn names_of_the_bars_do_not_touch_and_no_figure_is_cut() {
    let mut model = residual();
    change(&mut model, |snapshot| {
        for norms in &mut snapshot.norms {
            (norms.weight, norms.gradient, norms.update) = (1.4e-110, Some(1.4e-10), 1.4e-120);
        }
    });
    let mut named = 0;
    for width in 30..130 {
        let text = screen(&model, width, 30);
        assert!(!text.contains("1e-61e-3"), "{text}");
        named += usize::from(text.contains("1e-6 ") && text.contains(" 1e-3"));
        let row = text.lines().find(|line| line.contains("lm_head")).unwrap();
        for figure in row.split_whitespace().filter(|word| word.contains("e-")) {
            let whole = ["1.4e-110", "1e-110", "1.4e-10", "1e-10", "1.4e-120", "1e-120", "1.0e-10"];
            assert!(whole.contains(&figure), "{figure}: {text}");
        }
    }
    assert!(named > 20, "{named}");
}

/// A rate that was measured while other things ran is not what the machine can do.
#[test]
fn no_share_of_peak_is_above_all_of_it() {
    let mut model = fixture::model(240, 60);
    update(&mut model, Msg::Worker(Event::PeakRate(21.9 * 0.6).into()));
    let text = screen(&model, 80, 40);
    assert!(text.contains("100 % of this processor"), "{text}");
}

/// Both rows of a sum are the root mean squares of the activations, and so long are their bars.
#[test]
fn what_is_added_has_bars_as_long_as_its_activations_are_large() {
    use crate::lab::panes::tests::{open, train};
    for scaled in [true, false] {
        let (mut model, mut session) = open("encoder-decoder", 160, 48);
        if !scaled {
            let mut config = session.config().clone();
            config.model.scale_embeddings = false;
            fixture::reconfigure(&mut model, |own| *own = config.clone());
            let team = Team::new(1).unwrap();
            session = Session::with_team(config, testing::dataset(), &team).unwrap();
        }
        model.called = Some(PaneId::Inside);
        train(&mut model, &mut session, 2);
        PaneId::Inside.refresh(&mut model);
        let names = ["source_embedding", "target_embedding"];
        let wanted: Vec<String> =
            names.iter().flat_map(|n| [format!("{n}.token"), format!("{n}.position")]).collect();
        let subscription = Subscription { activations: wanted.clone(), ..Default::default() };
        let snapshot = session.snapshot(&subscription);
        let rms = |name: &str| {
            let values = &snapshot.activation(name).unwrap().values;
            let squares: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
            (squares / values.len() as f64).sqrt()
        };
        let root = 64f64.sqrt();
        let (title, other, factor) = if scaled {
            ("embedding x sqrt(C)", "without the factor", 1.0 / root)
        } else {
            ("embedding", "with x sqrt(C)", root)
        };
        let mut due: Vec<(&str, f64)> = Vec::new();
        for name in names {
            let [token, position] = ["token", "position"].map(|row| rms(&format!("{name}.{row}")));
            due.extend([(title, token), (other, factor * token), ("sines and cosines", position)]);
        }
        assert_eq!(due[2].1, rms("source_embedding.position"));
        let most = due.iter().map(|(_, rms)| *rms).fold(0.0, f64::max);
        let glyphs = Glyphs::UNICODE;
        for width in [40, 80, 150] {
            let text = screen(&model, width, 40);
            let lines: Vec<&str> = text.lines().map(|l| l.trim_matches(['│', ' '])).collect();
            let first = lines.iter().position(|l| l.starts_with("source_embedding: rms")).unwrap();
            let of_target = lines.iter().position(|l| l.starts_with("target_embedding: rms"));
            let rows = (first + 1..first + 4).chain(of_target.unwrap() + 1..of_target.unwrap() + 4);
            let titles = due.iter().map(|(title, _)| title.len()).max().unwrap();
            // The pane's border, the titles, the size.
            let room = usize::from(width) - 4 - titles - 9;
            for (row, (title, rms)) in rows.zip(&due) {
                let rest = lines[row].strip_prefix(title).unwrap_or_else(|| panic!("{text}"));
                let mut words = rest.split_whitespace();
                assert_eq!(words.next().unwrap(), number::value(*rms), "{text}");
                let drawn = words.next().unwrap_or_default();
                assert_eq!(drawn, bar(rms / most, room, &glyphs), "{title} {text}");
            }
        }
        for width in 0..60 {
            let area = Rect::new(0, 0, width, 20);
            PaneId::Inside.draw(&model, false, area, &mut Buffer::empty(area));
        }
    }
}
