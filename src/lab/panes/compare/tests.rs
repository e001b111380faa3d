use std::sync::atomic::AtomicBool;

use ratatui::layout::Position;

use super::*;
use crate::lab::experiment::{News, testing};
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::theme::Glyphs;
use crate::stage::stage;
use crate::train::experiment::{Combinations, Experiment};
use crate::train::testing::VOCABULARY;

fn with(shown: Shown) -> Model {
    let mut model = fixture::model(120, 40);
    model.experiment = Some(shown);
    model.refresh();
    model
}

fn screen(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PaneId::Compare, width, height))
}

fn combinations() -> Experiment {
    let mut experiment = testing::experiment();
    let mut second = experiment.arms[1].1.clone();
    second.training.beta1 = 0.5;
    let all = Combinations::between(&experiment.arms[0].1, &second).unwrap();
    (experiment.arms, experiment.switches) = (all.arms, all.switches);
    experiment
}

/// The sign of the plot's cell of a loss at a step.
fn sign<'a>(buf: &'a Buffer, chart: &Chart, step: u64, loss: f64) -> &'a str {
    let (column, row) = chart.cell(step, loss).unwrap();
    let plot = chart.plot();
    buf[Position::new(plot.x + column, plot.y + row)].symbol()
}

#[test]
fn without_an_experiment_it_says_how_to_begin_one() {
    let model = fixture::model(120, 40);
    assert!(screen(&model, 60, 18).contains("No experiment yet: ! on a claim starts one, and c"));
}

#[test]
fn what_is_drawn_is_what_was_estimated() {
    let shown = testing::shown(testing::experiment());
    for (width, height) in [(40, 10), (77, 20), (120, 33)] {
        for ascii in [false, true] {
            let mut theme = Theme::plain();
            if ascii {
                theme.glyphs = Glyphs::ASCII;
            }
            let area = Rect::new(0, 0, width, height);
            let chart = Chart::new(&shown, &theme, false, area).unwrap();
            let mut buf = Buffer::empty(area);
            chart.draw(&mut buf);
            for arm in 0..2 {
                let bands = shown.band(arm);
                for band in &bands {
                    assert_ne!(sign(&buf, &chart, band.step, band.mean), " ", "{band:?}");
                }
            }
            // The letters stand where the curves end: the lower loss lower on the screen.
            let ends: Vec<_> = (0..2).map(|arm| *shown.band(arm).last().unwrap()).collect();
            let cells: Vec<_> =
                ends.iter().map(|end| chart.cell(end.step, end.mean).unwrap()).collect();
            assert!(ends[1].mean < ends[0].mean && cells[1].1 >= cells[0].1);
            assert_eq!(sign(&buf, &chart, ends[0].step, ends[0].mean), "a");
            let second = if cells[0] == cells[1] { "a" } else { "b" };
            assert_eq!(sign(&buf, &chart, ends[1].step, ends[1].mean), second);
        }
    }
}

#[test]
fn a_band_goes_from_the_lowest_to_the_highest_seed_and_no_further() {
    let mut experiment = testing::experiment();
    experiment.arms.truncate(1);
    let shown = testing::shown(experiment);
    let theme = Theme::plain();
    let area = Rect::new(0, 0, 120, 60);
    let chart = Chart::new(&shown, &theme, true, area).unwrap();
    let mut buf = Buffer::empty(area);
    chart.draw(&mut buf);
    let plot = chart.plot();
    let bands = shown.band(0);
    let late: Vec<_> = bands.iter().filter(|band| band.step >= 20).collect();
    assert!(late.len() > 5);
    for band in late {
        let (column, top) = chart.cell(band.step, band.high).unwrap();
        let (_, bottom) = chart.cell(band.step, band.low).unwrap();
        let drawn = |row: u16| buf[(plot.x + column, plot.y + row)].symbol() != " ";
        let rows: Vec<u16> = (0..plot.height).filter(|row| drawn(*row)).collect();
        let (first, last) = (*rows.first().unwrap(), *rows.last().unwrap());
        // Half a cell's slope to the neighbours of the estimate.
        assert!(first.abs_diff(top) <= 1 && last.abs_diff(bottom) <= 1, "{band:?} {rows:?}");
        assert_eq!(rows.len(), usize::from(last - first) + 1, "no gap: {rows:?}");
    }
}

#[test]
fn numbers_are_those_of_the_runs() {
    let shown = testing::shown(testing::experiment());
    let experiment = shown.experiment.clone();
    let runs = shown.runs.clone();
    let text = screen(&with(shown), 76, 24);
    for arm in 0..2 {
        let number = experiment.alone(&runs, arm).number();
        assert!(text.contains(&format!("{}  {number}  3 seeds", experiment.arms[arm].0)), "{text}");
    }
    let verdict = experiment.verdict(&runs);
    assert!(text.contains(&format!("a - b  {}", verdict.number())), "{text}");
    assert!(
        text.contains(&format!(
            "validation loss, a - b: holds: {}, 3 of 3 seeds",
            verdict.number()
        )),
        "{text}"
    );
    assert!(text.contains("Compare") && text.contains("claim · ended"), "{text}");
}

#[test]
fn what_no_training_changes_has_numbers_and_no_curves() {
    let mut experiment = testing::experiment();
    experiment.measure = crate::train::measure::Measure::Parameters;
    let embedded = stage("single-head").unwrap().config(VOCABULARY, 1337);
    let parameters = [VOCABULARY * VOCABULARY, parameters_of(&embedded)];
    experiment.arms[1] = ("single-head".to_owned(), embedded);
    experiment.watched = false;
    let shown = testing::shown(experiment);
    assert!((0..2).all(|arm| shown.band(arm).is_empty()));
    let theme = Theme::plain();
    assert!(Chart::new(&shown, &theme, false, Rect::new(0, 0, 76, 24)).is_none());
    let text = screen(&with(shown), 76, 24);
    assert!(text.contains(&format!("{}  3 seeds", parameters[0])), "{text}");
    assert!(text.contains(&format!("{}  3 seeds", parameters[1])), "{text}");
    let difference = parameters[0] as i64 - parameters[1] as i64;
    assert!(text.contains(&format!("a - b  {difference}")), "{text}");
    assert!(text.contains("parameters, a - b: does not hold"), "{text}");
    assert!(!text.contains('⠤') && !text.contains("val loss"), "{text}");
}

/// Of each arm what tells it apart, and its number before the rest of its name, however narrow the pane is.
#[test]
fn an_arm_is_called_by_what_tells_it_apart() {
    let arms = |texts: &[&str]| {
        let arms = texts.iter().map(|text| {
            let arm: crate::train::experiment::Arm = toml::from_str(text).unwrap();
            (arm.label("layer-norm"), arm.config("layer-norm", VOCABULARY, 1).unwrap())
        });
        Experiment { arms: arms.collect(), ..testing::experiment() }
    };
    let named = |texts: &[&str]| names::names(&arms(texts), None);
    let shared = "n_embd = 32\nn_head = 4\nn_layer = 1";
    let other = format!("{shared}\ncausal = false");
    assert_eq!(named(&[shared, &other]), ["causal true", "causal false"]);
    assert_eq!(named(&["", "causal = false"]), ["causal true", "causal false"]);
    let [rnn, lstm] = ["rnn", "lstm"].map(|s| format!("stage = \"{s}\"\ntask = \"recall\""));
    assert_eq!(named(&[&rnn, &lstm]), ["rnn", "lstm"]);
    // Twins are called as they are written.
    assert_eq!(named(&["n_head = 4", "n_head = 4"]), ["n_head 4", "n_head 4"]);

    let mut experiment = arms(&[shared, &other]);
    (experiment.watched, experiment.budget) = (false, crate::train::experiment::Budget::Steps(1));
    experiment.measure = crate::train::measure::Measure::Parameters;
    let shown = testing::shown(experiment);
    for width in [26, 40, 76] {
        let area = Rect::new(0, 0, width, 8);
        let mut buf = Buffer::empty(area);
        numbers::draw(&Theme::plain(), &shown, area, Some(&mut buf));
        let text = fixture::text(&buf);
        let number = crate::lab::number::count(parameters_of(&shown.experiment.arms[0].1) as u64);
        let lines = text.lines().filter(|line| line.contains(&format!("{number}  3 seeds")));
        assert_eq!(lines.count(), 2, "{text}");
    }
}

/// Of more than two arms no two are compared unless something is expected: no number stands below all of theirs.
#[test]
fn a_race_of_many_arms_ends_without_a_difference() {
    let mut experiment = testing::experiment();
    let third = ("lr 0.2".to_owned(), experiment.arms[0].1.clone());
    experiment.arms.push(third);
    experiment.arms[2].1.training.lr = 0.2;
    experiment.expect = crate::train::measure::Range::default();
    let shown = testing::shown(experiment);
    let text = screen(&with(shown), 76, 24);
    assert!(text.contains("validation loss, 3 seeds"), "{text}");
    assert!(!text.contains("validation loss:"), "{text}");
}

/// Twelve arms have their names in columns.
#[test]
fn many_arms_have_their_key_in_columns() {
    let mut experiment = testing::experiment();
    let first = experiment.arms[0].clone();
    experiment.arms = (1..=12).map(|i| (format!("lr {i}"), first.1.clone())).collect();
    for (i, (_, config)) in experiment.arms.iter_mut().enumerate() {
        config.training.lr = (i + 1) as f64 / 64.0;
    }
    (experiment.seeds, experiment.budget) = (vec![1], crate::train::experiment::Budget::Steps(4));
    let shown = testing::shown(experiment);
    let area = Rect::new(0, 0, 120, 5);
    let mut buf = Buffer::empty(area);
    numbers::draw(&Theme::plain(), &shown, area, Some(&mut buf));
    let text = fixture::text(&buf);
    assert_eq!(text.matches("1 seed").count(), 13, "every arm, and what is measured: {text}");
}

/// Counted by the model that it builds.
fn parameters_of(config: &crate::stage::Config) -> usize {
    crate::train::testing::open(config.clone(), 1).weights().len()
}

#[test]
fn while_it_runs_it_says_how_far_it_is() {
    let experiment = testing::experiment();
    let told = testing::told(&experiment);
    let mut shown = Shown::new(1, experiment, Purpose::Race(Default::default()));
    let text = screen(&with(shown.clone()), 76, 24);
    assert!(text.contains("0 of 6 runs have ended; ctrl-x cancels"), "{text}");
    let half = told.len() / 2;
    for progress in &told[..half] {
        shown.fold(News::Grew(progress.clone()));
    }
    let ended = shown.runs.len();
    let text = screen(&with(shown.clone()), 76, 24);
    assert!(text.contains(&format!("{ended} of 6 runs have ended")), "{text}");
    assert!(text.contains(&format!("race · {:.0} %", 100.0 * shown.done)), "{text}");
    shown.fold(News::Failed("the disk is full".to_owned()));
    assert!(screen(&with(shown), 76, 24).contains("the disk is full"));
}

#[test]
fn all_combinations_have_their_shares_as_bars() {
    let experiment = combinations();
    let shown = testing::shown(experiment.clone());
    let shares = experiment.shares(&shown.runs);
    let text = screen(&with(shown), 76, 30);
    let largest = shares.iter().map(|share| share.mean.unwrap().abs()).fold(0.0, f64::max);
    for share in &shares {
        let line = text.lines().find(|line| line.contains(&format!("{} ", share.switch))).unwrap();
        let number =
            crate::train::experiment::verdict::with_error(share.mean.unwrap(), share.error);
        let lines: Vec<_> = text.lines().filter(|line| line.contains(&number)).collect();
        assert!(!lines.is_empty(), "{number} {line}\n{text}");
        let length = crate::lab::widgets::bar::bar(
            share.mean.unwrap().abs() / largest,
            16,
            &Glyphs::UNICODE,
        );
        assert!(lines.iter().any(|line| line.contains(&length)), "{text}");
    }
    // Of four arms two have curves, and those two have letters.
    assert!(text.contains("none") && text.contains("lr 0.3, beta1 0.5") && !text.contains("c ⠤"));
}

#[test]
fn any_size_can_be_drawn_and_ascii_is() {
    for experiment in [testing::experiment(), combinations()] {
        let told = testing::told(&experiment);
        let mut shown = Shown::new(1, experiment, Purpose::Claim(Default::default()));
        for (i, progress) in told.into_iter().enumerate() {
            shown.fold(News::Grew(progress));
            if i % 7 != 0 {
                continue;
            }
            let model = with(shown.clone());
            for (width, height) in [(1, 1), (3, 3), (12, 5), (16, 6), (40, 12), (78, 22), (200, 60)]
            {
                let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                PaneId::Compare.draw(&model, true, buf.area, &mut buf);
            }
        }
        shown.fold(News::Ended);
        let mut model = with(shown);
        model.theme.glyphs = Glyphs::ASCII;
        for _ in 0..2 {
            let text = screen(&model, 76, 24);
            assert!(text.is_ascii() && text.contains(" +- "), "{text}");
            PaneId::Compare.act(&mut model, Action::CycleView);
        }
    }
    // A run that was cancelled before it began.
    let never = AtomicBool::new(true);
    let material = crate::train::testing::dataset().into();
    assert!(testing::experiment().run(&material, 1, &never, &mut |_| ()).is_err());
}

/// Two arms of points: every drawn cell has the sorts of points that were told, and a collapse can be seen beside its curve.
#[test]
fn the_points_of_the_arms_stand_side_by_side_as_they_were_told() {
    let mut experiment = testing::experiment();
    let mut config = stage("gan").unwrap().config(0, 1);
    (config.training.batch_size, config.training.eval_batches) = (16, 2);
    let mut other = config.clone();
    other.training.lr = 1e-2;
    experiment.arms = vec![("gan".to_owned(), config), ("lr 1e-2".to_owned(), other)];
    experiment.seeds = vec![1];
    let mut model = with(testing::shown(experiment));
    let shown = model.experiment.clone().unwrap();
    assert_ne!(shown.cloud(0).unwrap().reading, shown.cloud(1).unwrap().reading);
    for (width, height) in [(78, 20), (100, 40), (40, 14)] {
        let area = Rect::new(0, 0, width, height);
        let (clouds, without) = clouds::placed(&shown, area);
        assert_eq!((clouds.len(), without), (2, 0));
        let mut buf = Buffer::empty(Rect { height: height + 1, ..area });
        clouds::draw(&Theme::plain(), &shown, buf.area, &mut buf);
        for (arm, cloud) in clouds.iter().enumerate() {
            let told = shown.cloud(arm).unwrap();
            assert_eq!((cloud.step, told.step), (40, 40));
            assert_eq!([&*cloud.generated, &*cloud.real].concat().concat(), told.reading.values);
            let cells = |points: &[[f32; 2]]| -> Vec<_> {
                points.iter().filter_map(|point| cloud.plot.cell(*point)).collect()
            };
            let (generated, real) = (cells(&cloud.generated), cells(&cloud.real));
            assert_eq!((cloud.generated.len(), real.len()), (64, 64));
            for at in cloud.plot.area.positions() {
                let cell = (at.x - cloud.plot.area.x, at.y - cloud.plot.area.y);
                // The line of the signs stands above.
                let found = buf[Position::new(at.x, at.y + 1)].symbol();
                match (generated.contains(&cell), real.contains(&cell)) {
                    (true, true) => assert_eq!(found, "#", "{cell:?}"),
                    (true, false) => assert_eq!(found, "+", "{cell:?}"),
                    (false, true) => assert!(!["+", "#", " "].contains(&found), "{cell:?}"),
                    (false, false) => assert_eq!(found, " ", "{cell:?}"),
                }
            }
        }
    }
    // Under the curves where there is room, in their place by a key where there is not.
    assert!(screen(&model, 100, 40).contains("64 generated"));
    assert!(!screen(&model, 78, 16).contains("64 generated"));
    for _ in 0..2 {
        PaneId::Compare.act(&mut model, Action::CycleView);
    }
    assert!(screen(&model, 78, 16).contains("64 generated"));
    for (width, height) in [(1, 1), (3, 9), (14, 9), (30, 12), (200, 70)] {
        screen(&model, width, height);
    }
}

/// Where a figure is measured, its curve is drawn, and not that of the loss.
#[test]
fn a_race_for_a_figure_draws_the_figure() {
    let mut experiment = testing::experiment();
    let named = |name: &str| (name.to_owned(), stage(name).unwrap().config(VOCABULARY, 1));
    experiment.arms = vec![named("memory"), named("attention")];
    experiment.measure = crate::train::measure::Measure::Figure("accuracy".to_owned());
    experiment.budget = crate::train::experiment::Budget::Steps(4);
    let shown = testing::shown(experiment);
    let theme = Theme::plain();
    let area = Rect::new(0, 0, 77, 20);
    let chart = Chart::new(&shown, &theme, false, area).unwrap();
    let mut buf = Buffer::empty(area);
    chart.draw(&mut buf);
    assert!(fixture::text(&buf).starts_with("accuracy"), "{}", fixture::text(&buf));
    for arm in 0..2 {
        let runs: Vec<_> = shown.runs.iter().filter(|run| run.arm == arm).collect();
        // What stands in a table before the runs have ended.
        assert_eq!(shown.figure(arm), shown.band(arm).last().map(|band| band.mean));
        for (i, band) in shown.band(arm).iter().enumerate() {
            let figures = runs.iter().map(|run| run.curve[i].figure.unwrap());
            assert!((band.mean - figures.sum::<f64>() / 3.0).abs() < 1e-12);
            assert_ne!(sign(&buf, &chart, band.step, band.mean), " ", "{band:?}");
        }
    }
}

/// Arms of several stages at several distances: a line each, a column for every distance, in it the mean over the seeds.
#[test]
fn arms_along_a_number_are_a_table() {
    let mut experiment = testing::experiment();
    let arm = |name: &str, distance: usize| {
        let text = format!("stage = {name:?}\ntask = \"recall\"\ndistance = {distance}");
        let arm: crate::train::experiment::Arm = toml::from_str(&text).unwrap();
        (arm.label(""), arm.config("", VOCABULARY, 1).unwrap())
    };
    let names = ["conv", "memory", "attention"];
    // In any order, and one is missing.
    experiment.arms = [8, 2, 4].iter().flat_map(|far| names.map(|name| arm(name, *far))).collect();
    experiment.arms.pop();
    experiment.measure = crate::train::measure::Measure::Figure("accuracy".to_owned());
    experiment.budget = crate::train::experiment::Budget::Steps(10);
    (experiment.watched, experiment.seeds) = (false, vec![1, 2]);
    let shown = testing::shown(experiment.clone());
    let along = Along::of(&experiment).unwrap();
    assert_eq!(along.name, "distance");
    let model = with(shown.clone());
    let draw = |model: &Model| {
        let area = Rect::new(0, 0, 76, 20);
        let mut buf = Buffer::empty(area);
        PaneId::Compare.draw(model, false, area, &mut buf);
        fixture::text(&buf)
    };
    let text = draw(&model);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = text.lines().map(words).collect();
    let head = lines.iter().position(|line| line.starts_with(&["accuracy".to_owned()])).unwrap();
    assert_eq!(lines[head], ["accuracy", "by", "distance", "2", "4", "8"]);
    for (place, name) in names.iter().enumerate() {
        let line = &lines[head + 1 + place];
        assert_eq!(line[0], *name, "the task is everyone's");
        for (column, far) in [2, 4, 8].into_iter().enumerate() {
            let label = arm(name, far).0;
            let expected = match experiment.arms.iter().position(|(known, _)| *known == label) {
                Some(arm) => format!("{:.3}", experiment.alone(&shown.runs, arm).mean.unwrap()),
                None => "-".to_owned(),
            };
            assert_eq!(line[1 + column], expected, "{text}");
        }
    }
    assert!(text.contains("each number: the mean over seeds"), "{text}");
    // Names give way to numbers.
    for width in [24, 40] {
        let area = Rect::new(0, 0, width, 5);
        let mut buf = Buffer::empty(area);
        along.draw(&Theme::plain(), &shown, area, &mut buf);
        let text = fixture::text(&buf);
        let head = text.lines().next().unwrap();
        let columns: Vec<_> = head.split_whitespace().rev().take(3).collect();
        assert_eq!(columns, ["8", "4", "2"], "{text}");
    }
    // Two arms are no table, nor are arms that differ in more.
    assert!(Along::of(&testing::experiment()).is_none() && Along::of(&combinations()).is_none());
    // A key goes on to the curves.
    let mut model = model;
    PaneId::Compare.act(&mut model, Action::CycleView);
    assert!(!draw(&model).contains("accuracy by distance"));
    for (width, height) in [(1, 1), (3, 2), (20, 5), (200, 60)] {
        screen(&with(shown.clone()), width, height);
    }
}

/// Distance is what they are told along, although a second number sets them apart as well.
#[test]
fn of_two_numbers_arms_are_told_along_the_one_that_leaves_no_place_empty() {
    let mut experiment = testing::experiment();
    let arm = |name: &str, distance: usize, width: usize| {
        let text = format!(
            "stage = {name:?}\ntask = \"recall\"\ndistance = {distance}\nbatch_size = {width}"
        );
        let arm: crate::train::experiment::Arm = toml::from_str(&text).unwrap();
        (arm.label(""), arm.config("", VOCABULARY, 1).unwrap())
    };
    // Each architecture has a batch size of its own.
    let nets = [("conv", 16), ("memory", 24)];
    let all = |far: &usize| nets.map(|(name, width)| arm(name, *far, width));
    experiment.arms = [2, 4, 8].iter().flat_map(all).collect();
    assert_eq!(Along::of(&experiment).unwrap().name, "distance");
    // A full grid of both: along the one with more values, whichever comes first in the table.
    let grid = [2, 4, 8].iter().flat_map(|far| [16, 24].map(|width| arm("conv", *far, width)));
    experiment.arms = grid.collect();
    assert_eq!(Along::of(&experiment).unwrap().name, "distance");
    let grid = [2, 4].iter().flat_map(|far| [8, 16, 24].map(|width| arm("conv", *far, width)));
    experiment.arms = grid.collect();
    assert_eq!(Along::of(&experiment).unwrap().name, "batch_size");
}

/// A loss is drawn while something else is asked: the chart says so, and the foot names the loss of a batch.
#[test]
fn what_is_drawn_and_what_is_asked_are_told_apart() {
    let mut experiment = testing::experiment();
    experiment.measure = crate::train::measure::Measure::Norm {
        of: crate::train::measure::Part::Weight,
        parameter: "token_embedding_table.weight".to_owned(),
    };
    experiment.budget = crate::train::experiment::Budget::Steps(4);
    let shown = testing::shown(experiment.clone());
    let theme = Theme::plain();
    let above = |shown: &Shown, width| {
        let area = Rect::new(0, 0, width, 20);
        let mut buf = Buffer::empty(area);
        Chart::new(shown, &theme, false, area).unwrap().draw(&mut buf);
        fixture::text(&buf).lines().next().unwrap().to_owned()
    };
    assert!(above(&shown, 90).contains("val loss; at the end: weight of token"));
    assert!(above(&shown, 40).starts_with("val loss; what is asked: at the end"));
    assert!(above(&shown, 20).trim() == "val loss");
    assert_eq!(above(&testing::shown(testing::experiment()), 90).trim(), "val loss");
    let mut running = Shown::new(1, experiment.clone(), Purpose::FromHere);
    running.fold(News::Grew(testing::told(&experiment)[0].clone()));
    let text = screen(&with(running), 78, 20);
    assert!(text.contains("batch loss ") || !text.contains("batch "), "{text}");
}

/// Equal numbers are equal, and not enlarged to four thousandths of a share or of a mode.
#[test]
fn an_axis_of_equal_shares_or_counts_goes_over_what_there_can_be() {
    use crate::train::measure::Measure;
    for (figure, value, expected) in [("accuracy", 0.0, 1.0), ("modes", 8.0, 9.0)] {
        let mut experiment = testing::experiment();
        experiment.measure = Measure::Figure(figure.to_owned());
        let mut shown = Shown::new(1, experiment.clone(), Purpose::FromHere);
        for mut progress in testing::told(&testing::experiment()) {
            for estimate in &mut progress.estimates {
                estimate.figure = Some(value);
            }
            shown.fold(News::Grew(progress));
        }
        let theme = Theme::plain();
        let area = Rect::new(0, 0, 77, 20);
        let mut buf = Buffer::empty(area);
        Chart::new(&shown, &theme, false, area).unwrap().draw(&mut buf);
        let text = fixture::text(&buf);
        let labels = text.lines().filter_map(|line| line.split('┤').next()?.trim().parse().ok());
        let labels: Vec<f64> = labels.collect();
        assert_eq!(labels.iter().copied().fold(0.0, f64::max), expected, "{text}");
        assert!(figure != "modes" || labels.iter().all(|x| x.fract() == 0.0), "{text}");
    }
}

/// A long name gives way to its number, which is whole wherever there is room for it and the beginning of a name.
#[test]
fn in_a_narrow_seat_names_give_way_to_numbers() {
    let mut experiment = testing::experiment();
    for (arm, _) in &mut experiment.arms {
        arm.push_str(", and a great deal more that is told of it");
    }
    let shown = testing::shown(experiment);
    let theme = Theme::plain();
    let written = shown.experiment.alone(&shown.runs, 0).number();
    let needs = (written.chars().count() + "  3 seeds".len()) as u16;
    for width in needs + 13..100 {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 20));
        numbers::draw(&theme, &shown, buf.area, Some(&mut buf));
        let text = fixture::text(&buf);
        let line = text.lines().next().unwrap();
        assert!(line.contains(&written) && line.contains("lr 0."), "{width}: {text}");
    }
}
