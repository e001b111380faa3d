use ratatui::layout::Size;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::run::Status;
use crate::lab::theme::Glyphs;
use crate::train::event::Evaluation;
use crate::train::history::{History, Point, RecordedEdit};

fn screen(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PaneId::Loss, width, height))
}

fn press(model: &mut Model, actions: &[Action]) {
    for action in actions {
        PaneId::Loss.act(model, *action);
    }
}

fn run(model: &mut Model) -> &mut Run {
    model.run.as_mut().unwrap()
}

fn history(losses: impl IntoIterator<Item = f64>) -> History {
    let point = |(i, loss)| Point { step: i, count: 1, mean: loss, min: loss, max: loss };
    let points = (1..).zip(losses).map(point).collect();
    History { stride: 1, points, evaluations: Vec::new(), edits: Vec::new() }
}

#[test]
fn screens() {
    let mut model = fixture::model(120, 40);
    insta::assert_snapshot!("40x12", screen(&model, 40, 12));
    insta::assert_snapshot!("60x18", screen(&model, 60, 18));
    insta::assert_snapshot!("120x40", screen(&model, 120, 40));
    press(&mut model, &[Action::Left, Action::Up, Action::Up, Action::LogAxes, Action::LogLosses]);
    insta::assert_snapshot!("cursor_and_log_axes", screen(&model, 60, 18));
    insta::assert_snapshot!("cursor_in_little_room", screen(&model, 40, 12));
    press(&mut model, &[Action::LogAxes, Action::LogLosses, Action::CycleView]);
    insta::assert_snapshot!("close", screen(&model, 60, 18));
    press(&mut model, &[Action::CycleView]);
    insta::assert_snapshot!("table", screen(&model, 60, 18));
}

#[test]
fn zoomed_it_has_the_figures_beside_it() {
    let mut model = fixture::model(130, 30);
    model.zoomed = true;
    let mut buf = Buffer::empty(Rect::new(0, 0, 126, 26));
    PaneId::Loss.draw(&model, true, buf.area, &mut buf);
    insta::assert_snapshot!("zoomed", fixture::text(&buf));
}

#[test]
fn ascii_and_trouble() {
    let mut model = fixture::model(120, 40);
    run(&mut model).status = Status::Diverged(3413);
    insta::assert_snapshot!("diverged", screen(&model, 60, 18));
    insta::assert_snapshot!("diverged_in_little_room", screen(&model, 40, 12));
    model.theme.glyphs = Glyphs::ASCII;
    let text = screen(&model, 60, 18);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("ascii", text);
    run(&mut model).status = Status::Failed("index out of bounds".to_owned());
    assert!(screen(&model, 60, 18).contains("The trainer failed: index out of bounds."));
}

#[test]
fn a_gap_where_the_loss_is_not_finite_and_a_word_about_it() {
    let mut model = fixture::model(120, 40);
    for point in &mut run(&mut model).history.points[300..400] {
        (point.mean, point.max) = (f64::NAN, f64::INFINITY);
    }
    let text = screen(&model, 60, 18);
    assert!(text.contains('✗'), "{text}");
    insta::assert_snapshot!("gap", text);
    run(&mut model).history.points.last_mut().unwrap().mean = f64::NAN;
    assert!(screen(&model, 60, 18).contains("The loss is not finite at step"));
}

#[test]
fn a_loss_far_above_guessing_is_called_out() {
    let mut model = fixture::model(120, 40);
    run(&mut model).history = history((0..400).map(|i| 3.0 + f64::from(i) / 40.0));
    run(&mut model).step = 400;
    let text = screen(&model, 60, 18);
    assert!(text.contains("climbed") && text.contains("guessing has 4.174"), "{text}");
}

#[test]
fn without_data_it_says_what_will_come() {
    let mut model = fixture::model(120, 40);
    model.ghosts.clear();
    run(&mut model).history = history([]);
    run(&mut model).step = 0;
    insta::assert_snapshot!("no_steps", screen(&model, 60, 18));
    model.corpus = None;
    assert!(screen(&model, 60, 18).contains("The curve starts with the first step."));
    model.run = None;
    assert!(screen(&model, 60, 18).contains("The curve starts here as soon as"));
    press(&mut model, &[Action::Left, Action::Home, Action::Down]);
    PaneId::Loss.refresh(&mut model);
}

#[test]
fn no_data_size_or_view_is_a_problem() {
    let hostile = [
        history([]),
        history([2.5]),
        history([2.5; 300]),
        history([f64::NAN; 50]),
        history([0.0; 3]),
        history([-3.0, 1e300, f64::NEG_INFINITY, 2.0, f64::INFINITY, f64::NAN, 1e-300]),
        History {
            evaluations: vec![
                Evaluation {
                    step: 0,
                    train_loss: f64::NAN,
                    val_loss: f64::INFINITY,
                    ..Evaluation::default()
                },
                Evaluation {
                    step: u64::MAX,
                    train_loss: -1.0,
                    val_loss: 2.0,
                    ..Evaluation::default()
                },
            ],
            edits: vec![RecordedEdit {
                step: 7,
                name: "lr".into(),
                old: "?".into(),
                new: String::new(),
            }],
            ..history([2.0])
        },
    ];
    for history in hostile {
        let mut model = fixture::model(120, 40);
        run(&mut model).last = None;
        run(&mut model).step = 0;
        run(&mut model).history = history;
        for log in [Action::LogAxes, Action::LogLosses, Action::LogAxes] {
            for view in 0..3 {
                press(&mut model, &[Action::CycleView]);
                for cursor in [Action::Home, Action::Right] {
                    press(&mut model, &[cursor]);
                    for (width, height) in
                        (0..50).step_by(3).flat_map(|w| (0..24).step_by(2).map(move |h| (w, h)))
                    {
                        let area = Rect::new(0, 0, width, height);
                        let zoomed = view == 1;
                        PaneId::Loss.draw(&model, zoomed, area, &mut Buffer::empty(area));
                        PaneId::Loss.click(&mut model, area, Position::new(width / 2, height / 2));
                    }
                    let area = Rect::new(0, 0, 140, 30);
                    PaneId::Loss.draw(&model, true, area, &mut Buffer::empty(area));
                }
            }
            press(&mut model, &[log]);
        }
        PaneId::Loss.refresh(&mut model);
        assert!(!PaneId::Loss.detail(&model).contains("NaN"));
    }
}

/// Row and column of a text on the screen.
fn place(text: &str, wanted: &str) -> (f64, f64) {
    let found = text.lines().enumerate().find_map(|(row, line)| {
        let at = line.find(wanted)?;
        Some((row as f64, line[..at].chars().count() as f64))
    });
    found.unwrap_or_else(|| panic!("{wanted:?} is not on\n{text}"))
}

/// What stands where, told by the axes' own labels and the fixture's numbers.
#[test]
fn curves_stand_where_their_numbers_say() {
    let model = fixture::model(120, 40);
    let text = screen(&model, 120, 40);
    let row_of = |loss: f64| {
        let ((high, _), (low, _)) = (place(&text, "4.0┤"), place(&text, "2.5┤"));
        high + (4.0 - loss) / 1.5 * (low - high)
    };
    let column_of = |step: f64| {
        let axis = text.lines().rev().nth(2).unwrap();
        let ticks: Vec<usize> =
            axis.chars().enumerate().filter(|(_, c)| *c == '┬').map(|(i, _)| i).collect();
        ticks[0] as f64 + (ticks[4] - ticks[0]) as f64 * step / 4000.0
    };
    for (name, loss) in
        [("uniform 4.174", 4.174), ("unigram 3.347", 3.347), ("trigram 2.046", 2.046)]
    {
        assert!((place(&text, name).0 - row_of(loss)).abs() < 1.1, "{name}");
    }
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let evaluations = &model.run.as_ref().unwrap().history.evaluations;
    assert_eq!(evaluations.len(), 7);
    for e in evaluations {
        let (row, column) = (row_of(e.val_loss).round(), column_of(e.step as f64).round());
        let near = |row: f64, column: f64| {
            (-1..=1).any(|dy| {
                (-1..=1).any(|dx| {
                    let (y, x) = (row as i32 + dy, column as i32 + dx);
                    lines[y as usize].get(x as usize) == Some(&'●')
                })
            })
        };
        assert!(near(row, column), "{e:?} is not at row {row}, column {column} of\n{text}");
    }
    let (_, line) = place(&text, "│lr 1e-3→3e-4 @1,240");
    assert!((line - column_of(1240.0)).abs() <= 1.0, "{line}");
    assert!(text.contains("val 2.321 beats bigram"), "2.321 lies between 2.482 and 2.046");
    assert!(text.contains("single-head 2.440"), "{text}");
}

#[test]
fn the_cursor_reads_off_the_points_own_numbers() {
    let mut model = fixture::model(120, 40);
    press(&mut model, &[Action::Left]);
    for _ in 0..40 {
        press(&mut model, &[Action::Left]);
    }
    let step = model.panes.loss.cursor.unwrap();
    let run = model.run.as_ref().unwrap();
    let index =
        run.history.points.iter().position(|p| p.step <= step && step < p.step + 4).unwrap();
    // The moving average by its definition: a point counts for what it adds, and what is before it fades by exp(-4 / window)
    // a point, the window being a fiftieth of the steps so far, from 10 to 100.
    let points = &run.history.points[..=index];
    let keep = |p: &Point| (-4.0 / ((p.step + 3) as f64 / 50.0).clamp(10.0, 100.0)).exp();
    let weights: Vec<f64> = (0..=index)
        .map(|i| (1.0 - keep(&points[i])) * points[i + 1..].iter().map(keep).product::<f64>())
        .collect();
    let sum: f64 = weights.iter().zip(points).map(|(weight, point)| weight * point.mean).sum();
    let smoothed = sum / weights.iter().sum::<f64>();
    let point = run.history.points[index];
    let val = run.history.evaluations.iter().rfind(|e| e.step <= point.step + 3).unwrap();
    let text = screen(&model, 120, 40);
    let expected = [
        format!("step {}", number::count(point.step + 3)),
        format!("train {:.3}", point.mean),
        format!("smooth {smoothed:.3}"),
        format!("val {:.3} @{}", val.val_loss, number::count(val.step)),
        "lr 3e-4".to_owned(),
    ];
    for expected in expected {
        assert!(text.contains(&expected), "{expected:?} is not on\n{text}");
    }
}

#[test]
fn the_learning_rate_of_a_step_follows_the_changes() {
    let mut model = fixture::model(120, 40);
    let lr = |model: &Model, step| {
        let run = model.run.as_ref().unwrap();
        curve::reading(run, &[], step).unwrap().lr
    };
    assert_eq!([1, 1240].map(|step| lr(&model, step)), [Some(1e-3); 2]);
    assert_eq!([1241, 3400].map(|step| lr(&model, step)), [Some(3e-4); 2]);
    let config = &mut run(&mut model).config.training;
    config.schedule = crate::stage::Schedule::Cosine;
    (config.warmup_steps, config.lr_decay_steps, config.min_lr) = (99, 2000, 1e-4);
    assert_eq!(lr(&model, 4), Some(1e-3 * 4.0 / 100.0), "warming up");
    assert_eq!(lr(&model, 3400), Some(1e-4), "run down");
    run(&mut model).history.edits[0].new = "fast".to_owned();
    assert_eq!(lr(&model, 3400), None);
}

#[test]
fn the_cursor_walks_and_lets_go() {
    let mut model = fixture::model(120, 40);
    let mut at = |action| {
        press(&mut model, &[action]);
        model.panes.loss.cursor
    };
    // The last point begins at 3,409; estimates stand at every 500th step.
    assert_eq!(at(Action::Right), None);
    assert_eq!(at(Action::Left), Some(3409));
    assert_eq!(at(Action::Up), Some(3000));
    assert_eq!(at(Action::Up), Some(2500));
    assert_eq!(at(Action::Down), Some(3000));
    assert_eq!(at(Action::PageUp), Some(2500));
    assert_eq!(at(Action::Right), Some(2550));
    assert_eq!(at(Action::Home), Some(1));
    assert_eq!(at(Action::Left), Some(1));
    assert_eq!(at(Action::End), Some(3409));
    assert_eq!(at(Action::Right), None);
}

#[test]
fn a_click_reads_off_that_step() {
    let mut model = fixture::model(120, 40);
    model.size = Size::new(120, 40);
    let inner = Rect::new(2, 1, 116, 38);
    // The tick of 2,000 in the snapshot stands in column 44.
    PaneId::Loss.click(&mut model, inner, Position::new(44, 20));
    let step = model.panes.loss.cursor.unwrap();
    assert!(step.abs_diff(2000) < 60, "{step}");
    PaneId::Loss.click(&mut model, inner, Position::new(3, 20));
    assert_eq!(model.panes.loss.cursor, Some(step), "no step beside the plot");
}

#[test]
fn an_early_spike_does_not_flatten_the_rest() {
    let mut model = fixture::model(120, 40);
    model.ghosts.clear();
    let losses =
        (0..400).map(|i| if i == 3 { 900.0 } else { 2.5 + 1.7 * (-f64::from(i) / 50.0).exp() });
    run(&mut model).history = history(losses);
    run(&mut model).step = 400;
    let text = screen(&model, 60, 18);
    assert!(text.contains("4.0┤") && text.contains("uniform 4.174"), "{text}");
}

#[test]
fn a_figure_has_its_history_as_a_curve_and_as_a_column() {
    let mut model = fixture::model(120, 40);
    model.ghosts.clear();
    let task = &mut run(&mut model).config.task;
    task.task = crate::task::Task::Points;
    for (i, e) in (0_u32..).zip(&mut run(&mut model).history.evaluations) {
        let figures = [
            ("modes", f64::from(i)),
            ("high_quality", f64::from(i) / 8.0),
            ("divergence", 1.5),
            ("collapsed", 1.0),
        ];
        let figure = |(name, value): (&str, f64)| crate::train::event::Figure {
            name: name.to_owned(),
            value,
        };
        e.figures = figures.map(figure).into();
    }
    press(&mut model, &[Action::CycleView, Action::CycleView]);
    let modes = screen(&model, 60, 18);
    assert!(modes.contains("● modes 6 of 8 @3,000") && !modes.contains("uniform"), "{modes}");
    insta::assert_snapshot!("modes", modes);
    press(&mut model, &[Action::CycleView]);
    let share = screen(&model, 60, 18);
    assert!(share.contains("│ %") && share.contains("high_quality 75.0 %"), "{share}");
    press(&mut model, &[Action::Left, Action::Up, Action::Up]);
    assert!(screen(&model, 60, 18).contains("high_quality 62.5 % @2,500"));
    press(&mut model, &[Action::CycleView, Action::CycleView]);
    let verdict = screen(&model, 60, 18);
    assert!(verdict.contains("yes┤") && verdict.contains("no┤"), "{verdict}");
    press(&mut model, &[Action::CycleView]);
    let table = screen(&model, 90, 18);
    let row = "3,000   2.291   2.321  6 of 8        75.0 %      1.5000        yes";
    assert!(table.contains(row), "{table}");
    // Where there is no room for all, the rest is a key away.
    let narrow = screen(&model, 60, 18);
    assert!(!narrow.lines().nth(1).unwrap().contains("divergence"), "{narrow}");
    assert!(narrow.contains("◂ ▸ more columns"), "{narrow}");
    press(&mut model, &[Action::Right, Action::Right]);
    let narrow = screen(&model, 60, 18);
    assert!(narrow.lines().nth(1).unwrap().contains("divergence  collapsed"), "{narrow}");
}

/// Of a card that says so.
fn said(model: &mut Model, change: impl FnOnce(&mut crate::model::Card)) {
    change(std::sync::Arc::make_mut(run(model).card.as_mut().unwrap()));
}

#[test]
fn only_a_loss_with_a_direction_has_a_best_one_and_each_its_own_unit() {
    let mut model = fixture::model(120, 40);
    press(&mut model, &[Action::CycleView, Action::CycleView]);
    assert!(screen(&model, 60, 18).contains("best"));
    said(&mut model, |card| {
        card.loss.better = crate::model::card::Better::Neither;
        card.loss.unit = crate::model::card::Unit::Plain;
    });
    assert!(!screen(&model, 60, 18).contains("bigram best"));
    press(&mut model, &[Action::CycleView]);
    let chart = screen(&model, 60, 18);
    assert!(chart.contains("│ loss ⠤⠤") && !chart.contains("nats"), "{chart}");
}

#[test]
fn without_a_mask_it_beats_nothing_and_says_why() {
    let mut model = fixture::model(120, 40);
    said(&mut model, |card| card.structure.sees_future = true);
    let text = screen(&model, 100, 20);
    for told in ["beats", "bigram", "uniform", "single-head"] {
        assert!(!text.contains(told), "{told}: {text}");
    }
    assert!(text.contains("val 2.321 sees the answers"), "{text}");
    assert!(text.contains("without a mask it sees the answers"), "{text}");
}

#[test]
fn a_yardstick_that_is_worse_than_a_shorter_one_is_none() {
    let references = [(3, "trigram", 2.4), (4, "4-gram", 2.0), (5, "5-gram", 2.2)];
    let references = references.map(|(order, name, loss)| crate::text::ngram::Reference {
        order,
        name,
        loss,
        error: None,
    });
    let beaten = |loss| curve::beaten(loss, &references).map(|r| r.name);
    assert_eq!(
        [1.9, 2.1, 2.3, 2.5].map(beaten),
        [Some("4-gram"), Some("trigram"), Some("trigram"), None]
    );
}

#[test]
fn what_is_drawn_never_moves_when_the_run_grows() {
    let losses: Vec<f64> = (0..700).map(|i| 2.0 + fixture::noise(i)).collect();
    let report = |i: usize| crate::train::event::StepReport {
        step: i as u64 + 1,
        loss: losses[i],
        lr: 1e-3,
        grad_norm: 1.0,
        parts: [0.0; 2],
    };
    for stride in [1, 4] {
        let mut history = History { stride, ..History::default() };
        let mut before: Vec<(f64, f64)> = Vec::new();
        for i in 0..losses.len() {
            history.push(&report(i));
            let now = curve::smoothed(&history, View::Whole);
            assert_eq!(now[..before.len()], before, "stride {stride}, step {}", i + 1);
            before = now;
        }
        assert_eq!(before.len(), losses.len() / stride as usize);
        // Debiased: the first point is the first loss, not a fraction of it.
        let first = losses[..stride as usize].iter().sum::<f64>() / stride as f64;
        assert!((before[0].1 - first).abs() < 1e-12);
    }
    // Nor when it is to be longer.
    let mut model = fixture::model(120, 40);
    let smoothed = |model: &Model| {
        let run = model.run.as_ref().unwrap();
        curves::Curves::new(&Loss::default(), &model.facts(), run).unwrap().smoothed
    };
    let before = smoothed(&model);
    run(&mut model).config.training.steps *= 4;
    assert_eq!(smoothed(&model), before);
}

#[test]
fn ghosts_are_told_apart_without_colour_and_say_where_they_are() {
    let mut model = fixture::model(120, 40);
    for n_embd in 0..5 {
        let mut ghost = model.ghosts[0].clone();
        ghost.config = run(&mut model).config.clone();
        (ghost.config.model.n_embd, ghost.origin) =
            (64 + n_embd, crate::lab::ghost::Origin::Rebuilt);
        model.ghosts.push(ghost);
    }
    let pens: Vec<_> = (0..6).map(|i| pens::ghost_pen(&model.theme, i)).collect();
    for (i, a) in pens.iter().enumerate() {
        assert!(pens[i + 1..].iter().all(|b| a.sign != b.sign));
    }
    let rgb = crate::lab::theme::Theme { depth: crate::lab::theme::Depth::Rgb, ..model.theme };
    let pens: Vec<_> = (0..6).map(|i| pens::ghost_pen(&rgb, i)).collect();
    for (i, a) in pens.iter().enumerate() {
        assert!(pens[i + 1..].iter().all(|b| (a.style, a.dash) != (b.style, b.dash)));
    }
    let text = screen(&model, 160, 40);
    assert!(text.contains("f n_embd 68") && text.contains("e n_embd 67"), "{text}");
    // Two rows hold not all: how many more there are and where is said in words.
    let text = screen(&model, 60, 18);
    assert!(text.contains("4 more: v"), "{text}");
    model.ghosts.truncate(1);
    for point in &mut std::sync::Arc::make_mut(&mut model.ghosts[0].history).points {
        point.mean += 40.0;
    }
    model.ghosts[0].step = 5200;
    let text = screen(&model, 100, 18);
    assert!(text.contains("single-head 2.440 @5,000 (above the chart)"), "{text}");
}

#[test]
fn at_the_start_nothing_is_smoothed_and_hints_fit() {
    let mut model = fixture::model(120, 40);
    run(&mut model).history = history([]);
    run(&mut model).step = 0;
    assert!(!screen(&model, 60, 18).contains("smoothed"));
    for width in 30..80 {
        let text = screen(&model, width, 18);
        assert!(!text.contains("the curve") || text.contains("first step"), "{text}");
    }
    run(&mut model).history = history([2.5]);
    run(&mut model).step = 1;
    assert!(screen(&model, 60, 18).contains("smoothed ~1 step;"));
}

#[test]
fn yardsticks_have_their_numbers_in_little_room_and_stand_in_order() {
    let mut model = fixture::model(80, 24);
    model.ghosts.clear();
    let corpus = model.corpus.as_mut().unwrap();
    corpus.references.push(crate::text::ngram::Reference {
        order: 5,
        name: "5-gram",
        loss: 1.9,
        error: None,
    });
    run(&mut model).history = history((0..400).map(|i| 4.2 - f64::from(i) / 160.0));
    run(&mut model).step = 400;
    let text = screen(&model, 41, 22);
    let rows = ["uniform 4.17", "unigram 3.35", "bigram  2.48", "trigram 2.05", "5-gram  1.90"]
        .map(|name| place(&text, name).0);
    assert!(rows.is_sorted() && rows.windows(2).all(|pair| pair[0] < pair[1]), "{text}");
}

/// A page that holds its run until the learner has predicted this.
fn held(model: &mut Model, measure: &str) {
    let text = format!("id = \"guess\"\nask = \"?\"\nwhy = \"so\"\nmeasure = {measure}");
    let predict: crate::lesson::Predict = toml::from_str(&text).unwrap();
    let kind = crate::lesson::Kind::Predict(Box::new(predict));
    let item = crate::lesson::Item { id: "guess".to_owned(), line: 1, kind };
    let (lesson, page) = (model.lesson, model.page);
    model.lessons[lesson].pages[page].pieces = vec![crate::lesson::Piece::Item(item)];
    model.course.held = true;
}

#[test]
fn what_counting_reaches_comes_after_the_guess_of_a_loss() {
    let names = ["uniform", "unigram", "bigram", "trigram", "4-gram"];
    let shown = |model: &Model| {
        let text = screen(model, 60, 18);
        let all: Vec<_> = names.iter().filter(|name| text.contains(**name)).copied().collect();
        (all, text.contains("after your guess"))
    };
    let mut model = fixture::model(120, 40);
    run(&mut model).history = history([]);
    run(&mut model).step = 0;
    model.ghosts.clear();
    assert_eq!(shown(&model), (names.to_vec(), false));
    // What is no loss is told by no loss.
    held(&mut model, "\"parameters\"");
    assert_eq!(shown(&model), (names.to_vec(), false));
    for measure in ["\"first_loss\"", "\"val_loss\""] {
        held(&mut model, measure);
        assert_eq!(shown(&model), (Vec::new(), true), "{measure}");
        // Beside another run's curve as well, and in the table.
        let with_ghost = fixture::model(120, 40).ghosts;
        model.ghosts = with_ghost;
        assert_eq!(shown(&model), (Vec::new(), true), "{measure}");
        model.ghosts.clear();
    }
    for kind in ["predict", "skip"] {
        let line = format!(
            r#"{{"t":1,"session":"a","lesson":"{}","item":"guess","kind":"{kind}","answer":4.2}}"#,
            model.lesson().id
        );
        let mut answered = model.course.clone();
        answered.progress = crate::lesson::progress::Progress::of(&line);
        let waiting = std::mem::replace(&mut model.course, answered);
        assert_eq!(shown(&model), (names.to_vec(), false), "{kind}");
        model.course = waiting;
    }
    // A run that is let go has been answered for.
    model.course.held = false;
    assert_eq!(shown(&model), (names.to_vec(), false));
}

/// Before the first step there is nothing else to see than earlier runs: all of each, and every letter with its name.
#[test]
fn before_the_first_step_earlier_runs_are_whole_and_explained() {
    let mut model = fixture::model(120, 40);
    run(&mut model).history = history([]);
    run(&mut model).step = 0;
    for n_embd in 0..4 {
        let mut ghost = model.ghosts[0].clone();
        ghost.config.model.n_embd = 64 + n_embd;
        model.ghosts.push(ghost);
    }
    let text = screen(&model, 60, 24);
    for name in
        ["a single-head", "b single-head", "c single-head", "d single-head", "e single-head"]
    {
        assert!(text.contains(name), "{name}: {text}");
    }
    // Their ends are on the chart, and not only their beginnings.
    let facts = model.facts();
    let chart = curves::Curves::new(&model.panes.loss, &facts, facts.run.unwrap()).unwrap();
    assert_eq!(chart.x.high(), facts.run.unwrap().config.training.steps as f64);
    assert!(chart.ghosts.iter().all(|ghost| ghost.off.is_none()));
    // One that fell fast and stayed low: its beginning is no spike.
    let mut low = (*model.ghosts[0].history).clone();
    for (i, estimate) in low.evaluations.iter_mut().enumerate() {
        let loss = if i == 0 { 2.8 } else { 1e-3 };
        (estimate.train_loss, estimate.val_loss) = (loss, loss);
    }
    let shown = |model: &Model| {
        let run = model.run.as_ref().unwrap();
        curve::losses_shown(View::Whole, run, &[], std::iter::once(&low), &[], &[])
    };
    assert_eq!(shown(&model), Some((1e-3, 2.8)));
}
