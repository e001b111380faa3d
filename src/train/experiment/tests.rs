use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::train::{memory, testing};

fn experiment(measure: Measure) -> Experiment {
    let slow = testing::config();
    let mut quick = slow.clone();
    quick.training.lr = 0.3;
    Experiment {
        arms: vec![("quick".to_owned(), quick), ("slow".to_owned(), slow)],
        seeds: vec![1, 2, 3],
        from: None,
        budget: Budget::Steps(60),
        measure,
        compare: Compare::Difference,
        expect: Range { above: None, below: Some(0.0) },
        switches: Vec::new(),
        watched: false,
    }
}

fn run(experiment: &Experiment, threads: usize) -> Vec<Ran> {
    let material = testing::dataset().into();
    experiment.run(&material, threads, &AtomicBool::new(false), &mut |_| ()).unwrap()
}

fn error(experiment: &Experiment) -> String {
    let material = testing::dataset().into();
    let never = AtomicBool::new(false);
    experiment.run(&material, 1, &never, &mut |_| ()).unwrap_err().to_string()
}

/// Values to the last bit.
fn bits(runs: &[Ran]) -> Vec<(usize, usize, Option<u64>)> {
    runs.iter().map(|run| (run.arm, run.seed, run.value.map(f64::to_bits))).collect()
}

#[test]
fn neither_threads_nor_whoever_watches_change_a_bit() {
    let mut asked = experiment(Measure::ValLoss);
    // A GPT with dropout besides.
    asked.arms.push(("gpt".to_owned(), testing::gpt()));
    let one = run(&asked, 1);
    assert_eq!(one.len(), 9);
    assert!(one.iter().all(|run| run.value.is_some() && run.step == 60), "{one:?}");
    assert_eq!(run(&asked, 2), one);
    assert_eq!(run(&asked, 2), one);
    assert_eq!(run(&asked, 16), one);
    asked.watched = true;
    let watched = run(&asked, 2);
    assert_eq!(bits(&watched), bits(&one));
    assert_eq!((watched[0].curve.len(), one[0].curve.len()), (21, 1));
    assert_eq!(asked.verdict(&watched), asked.verdict(&one));
    // What depends on estimates on the way has the same ones whether they are watched or not.
    let mut best = experiment(Measure::BestValLoss);
    let unwatched = run(&best, 2);
    best.watched = true;
    assert_eq!(run(&best, 1), unwatched);
    assert_eq!(unwatched[0].curve.len(), 21);
}

#[test]
fn a_run_is_that_of_a_session_alone() {
    let asked = experiment(Measure::ValLoss);
    let runs = run(&asked, 2);
    let mut config = asked.arms[1].1.clone();
    config.seed = 3;
    let mut session = testing::open(config, 1);
    for _ in 0..60 {
        session.step().unwrap();
    }
    let evaluation = session.evaluate();
    assert_eq!(asked.values(&runs, 1)[2], Some(evaluation.val_loss));
    assert_eq!(runs[5].train_loss, Some(evaluation.train_loss));
    let quick_is_lower = asked.verdict(&runs);
    assert_eq!(quick_is_lower.holds, Some(true), "{quick_is_lower}");
    // And the other way round it is false.
    let turned = Experiment { expect: Range { above: Some(0.0), below: None }, ..asked };
    assert_eq!(turned.verdict(&runs).holds, Some(false));
}

#[test]
fn what_needs_no_estimate_makes_none() {
    let first = Experiment { budget: Budget::Steps(1), ..experiment(Measure::FirstLoss) };
    let runs = run(&first, 1);
    assert!(runs.iter().all(|run| run.val_loss.is_none() && run.curve.is_empty()));
    let mut session = testing::open(Config { seed: 2, ..testing::config() }, 1);
    assert_eq!(first.values(&runs, 1)[1], Some(session.step().unwrap().loss));
    let weight = Measure::Weight { parameter: testing::TABLE.to_owned(), at: vec![1, 2] };
    let runs = run(&Experiment { budget: Budget::Steps(1), ..experiment(weight) }, 1);
    let known = session.weights()[testing::VOCABULARY + 2];
    assert_eq!(runs[4].value, Some(f64::from(known as f32)));
}

#[test]
fn what_no_step_changes_is_known_without_training() {
    let parameters = experiment(Measure::Parameters);
    let runs = run(&parameters, 2);
    assert!(runs.iter().all(|run| run.step == 0 && run.curve.is_empty() && run.value.is_some()));
    let first = run(&experiment(Measure::FirstLoss), 2);
    assert!(first.iter().all(|run| run.step == 1 && run.curve.is_empty()));
    // Whoever wants curves all the same has them, and the same numbers.
    let watched = run(&Experiment { watched: true, ..experiment(Measure::FirstLoss) }, 2);
    assert!(watched.iter().all(|run| run.step == 60 && run.curve.len() == 21));
    assert_eq!(bits(&watched), bits(&first));
    // Nothing is estimated of a run that stands where it began.
    let still = Experiment { budget: Budget::Steps(0), watched: true, ..parameters };
    assert!(run(&still, 2).iter().all(|run| run.curve.is_empty()));
}

#[test]
fn a_run_that_diverges_is_a_result() {
    let mut asked = experiment(Measure::Diverged);
    // Decay turns every weight round and makes it nine times larger, step by step.
    let mut wild = testing::config();
    wild.training.lr = 10.0;
    wild.training.weight_decay = 1.0;
    asked.arms[0] = ("wild".to_owned(), wild);
    asked.budget = Budget::Steps(400);
    let runs = run(&asked, 2);
    assert_eq!(asked.values(&runs, 1), [Some(0.0); 3]);
    assert_eq!(asked.values(&runs, 0), [Some(1.0); 3], "{runs:?}");
    assert!(runs[0].diverged && runs[0].step < 400);
    asked.measure = Measure::ValLoss;
    let said = asked.verdict(&run(&asked, 2));
    assert_eq!((said.failed(), said.mean, said.holds), (3, None, Some(false)));
    assert!(said.to_string().contains("runs diverged"), "{said}");
}

#[test]
fn runs_grow_together_and_tell_of_it() {
    let mut asked = experiment(Measure::ValLoss);
    asked.budget = Budget::Steps(20_000);
    asked.watched = true;
    let mut told: Vec<Progress> = Vec::new();
    let mut widest = 0.0_f64;
    let mut at = [[0.0; 3]; 2];
    let material = testing::dataset().into();
    let never = AtomicBool::new(false);
    let runs = asked.run(&material, 2, &never, &mut |progress| {
        at[progress.arm][progress.seed] = progress.step as f64 / progress.steps as f64;
        let all = || at.iter().flatten().copied();
        if all().all(|done| done > 0.0) {
            widest = widest.max(all().fold(0.0, f64::max) - all().fold(1.0, f64::min));
        }
        told.push(progress);
    });
    let runs = runs.unwrap();
    assert!(widest < 0.9, "one run was far ahead: {widest}");
    assert_eq!(told.last().map(|last| (last.done, last.seconds_left)), Some((1.0, Some(0.0))));
    for run in &runs {
        let of = told.iter().filter(|p| (p.arm, p.seed) == (run.arm, run.seed));
        let curve: Vec<_> = of.clone().flat_map(|p| p.estimates.clone()).collect();
        assert_eq!(curve, run.curve);
        let steps: Vec<_> = of.clone().map(|p| p.step).collect();
        assert!(steps.is_sorted() && steps.last() == Some(&20_000));
        assert_eq!(of.filter_map(|p| p.ended.as_ref()).collect::<Vec<_>>(), [run]);
    }
}

#[test]
fn it_is_cancelled_between_two_slices() {
    let mut asked = experiment(Measure::ValLoss);
    asked.budget = Budget::Steps(LAST_STEP);
    let (material, cancel) = (testing::dataset().into(), AtomicBool::new(false));
    let result = asked.run(&material, 2, &cancel, &mut |_| cancel.store(true, Ordering::Relaxed));
    assert!(matches!(result, Err(ExperimentError::Cancelled)));
}

#[test]
fn memory_bounds_how_many_runs_are_open() {
    let asked = experiment(Measure::ValLoss);
    let unbounded = run(&asked, 2);
    let team = crate::train::Team::new(1).unwrap();
    let bytes = crate::train::Session::bytes(&asked.arms[0].1, testing::dataset(), &team).unwrap();
    memory::testing::PRETENDED.set(Some(bytes));
    assert_eq!(run(&asked, 2), unbounded, "one after the other");
    memory::testing::PRETENDED.set(Some(bytes - 1));
    let said = error(&asked);
    memory::testing::PRETENDED.set(None);
    assert!(said.starts_with("arm quick: the model takes about"), "{said}");
}

#[test]
fn a_budget_of_tokens_is_another_number_of_steps_for_every_batch() {
    let mut asked = experiment(Measure::Tokens);
    let of_a_step =
        (testing::config().training.batch_size * testing::config().model.block_size) as u64;
    asked.budget = Budget::Tokens(10 * of_a_step + 1);
    asked.arms[0].1.training.batch_size *= 4;
    let runs = run(&asked, 1);
    assert_eq!((runs[0].step, runs[3].step), (3, 11));
    assert_eq!(runs[0].value, Some(12.0 * of_a_step as f64));
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is_trained() {
    assert!(error(&experiment(Measure::MsPerStep)).starts_with("ms_per_step is of time"));
    let ahead = Measure::Ahead { of: "bigram".to_owned() };
    assert!(error(&experiment(ahead)).starts_with("ahead is of the runs of a session"));
    let said = error(&experiment(Measure::Edits("lrr".to_owned())));
    assert_eq!(said, "arm quick: there is no hyperparameter lrr");
    let none = Experiment { seeds: Vec::new(), ..experiment(Measure::ValLoss) };
    assert!(error(&none).contains("a seed"));
    let long = Experiment { budget: Budget::Steps(u64::MAX), ..experiment(Measure::ValLoss) };
    assert!(error(&long).contains("steps at most"));
}

#[test]
fn what_an_instrument_has_not_is_refused_with_what_it_has() {
    let reading = |figure: &str, at: Option<usize>, instrument: &str| {
        let instrument = instrument.to_owned();
        let figure = figure.to_owned();
        Measure::Reading(Reading { instrument, figure, at, ..Reading::default() })
    };
    for (measure, says) in [
        (reading("nonsense", None, "loss-by-position"), "choose one of first, last, mean"),
        (reading("", Some(1 << 60), "loss-by-position"), "the last at = 7"),
        (reading("", None, "sentences"), "no sentences"),
    ] {
        let said = error(&experiment(measure));
        assert!(said.contains(says), "{said}");
    }
    // Of a made task a text of one's own would be passed over.
    let mut asked = experiment(reading("right_p", None, "sentences"));
    let config = crate::stage::stage("memory-stories").unwrap().config(1, 1);
    asked.arms = vec![("stories".to_owned(), config)];
    if let Measure::Reading(reading) = &mut asked.measure {
        reading.prompt = "anna".to_owned();
    }
    assert!(error(&asked).contains("reads no prompt"), "{}", error(&asked));
}

#[test]
fn shares_of_all_combinations_add_up_to_the_verdict() {
    let first = testing::config();
    let mut second = first.clone();
    second.training.lr = 0.3;
    second.training.beta1 = 0.5;
    let Combinations { switches, arms } = Combinations::between(&first, &second).unwrap();
    let asked = Experiment { arms, switches, ..experiment(Measure::ValLoss) };
    let runs = run(&asked, 2);
    let shares = asked.shares(&runs);
    assert_eq!(shares.len(), 2);
    let whole = asked.verdict(&runs).mean.unwrap();
    let sum: f64 = shares.iter().map(|share| share.mean.unwrap()).sum();
    assert!((sum - whole).abs() < 1e-12 && whole.abs() > 1e-3, "{sum} {whole}");
}

/// A run of the GPT with dropout, as it is after so many steps, and an experiment that goes on from there.
fn from_a_run(measure: Measure) -> (crate::train::Session, Experiment) {
    let mut session = testing::open(testing::gpt(), 1);
    for _ in 0..25 {
        session.step().unwrap();
    }
    let as_it_is = session.config().clone();
    let mut quick = as_it_is.clone();
    quick.training.lr = 0.05;
    let mut asked = experiment(measure);
    asked.arms = vec![("as it is".to_owned(), as_it_is), ("quick".to_owned(), quick)];
    asked.seeds = vec![1337, 7];
    asked.from = Some(Arc::new(Fork::of(&session).unwrap()));
    asked.budget = Budget::Steps(30);
    (session, asked)
}

#[test]
fn arms_go_on_from_a_run_to_the_last_bit_on_any_number_of_threads() {
    let (mut session, mut asked) = from_a_run(Measure::ValLoss);
    let one = run(&asked, 1);
    for threads in [2, 3, 16] {
        assert_eq!(run(&asked, threads), one);
    }
    asked.watched = true;
    let watched = run(&asked, 2);
    assert_eq!(bits(&watched), bits(&one));
    let steps: Vec<u64> = watched[0].curve.iter().map(|estimate| estimate.step).collect();
    assert_eq!((steps[0], steps[10], steps[20], steps.len()), (25, 40, 55, 21));
    // From one point: what a seed changes is still to come.
    let begin: Vec<f64> = watched.iter().map(|run| run.curve[0].val_loss).collect();
    assert_eq!(begin[0], begin[2], "one seed, one estimate, whatever the arm");
    // The arm that changes nothing is the run itself, if that had gone on; the other is it with a live change.
    let whole = |session: &mut crate::train::Session| {
        while session.step_count() < 55 {
            session.step().unwrap();
        }
        session.evaluate().val_loss
    };
    assert_eq!(one[0].value, Some(whole(&mut session)));
    let (mut live, _) = from_a_run(Measure::ValLoss);
    live.set("lr", crate::stage::Value::Number(0.05)).unwrap();
    assert_eq!(one[2].value, Some(whole(&mut live)));
    // Another seed reads other batches from there on.
    assert_ne!(one[1].value, one[0].value);
}

#[test]
fn what_is_measured_of_a_run_that_goes_on_is_of_the_whole_of_it() {
    let of = |measure: Measure| {
        let (session, asked) = from_a_run(measure);
        let values = |arm| asked.values(&run(&asked, 2), arm);
        (session, values(0), values(1))
    };
    assert_eq!(of(Measure::Step).1, [Some(55.0); 2]);
    let (session, first, _) = of(Measure::FirstLoss);
    assert_eq!(first, [Some(session.history().points[0].mean); 2]);
    let (_, none, one) = of(Measure::Edits("lr".to_owned()));
    assert_eq!((none, one), (vec![Some(0.0); 2], vec![Some(1.0); 2]));
}

#[test]
fn runs_that_go_on_are_told_of_from_their_first_step() {
    let (_, mut asked) = from_a_run(Measure::ValLoss);
    let tokens = (testing::gpt().training.batch_size * testing::gpt().model.block_size) as u64;
    asked.budget = Budget::Tokens(3 * tokens);
    assert_eq!((asked.first(), asked.steps(&asked.arms[0].1)), (25, 28));
    let mut told = Vec::new();
    let (material, never) = (testing::dataset().into(), AtomicBool::new(false));
    asked.run(&material, 1, &never, &mut |progress| told.push(progress)).unwrap();
    assert!(told.iter().all(|p| (25..=28).contains(&p.step) && p.steps == 28));
    assert!(told.iter().map(|p| p.done).collect::<Vec<_>>().is_sorted());
}

#[test]
fn a_run_does_not_go_on_as_another_model() {
    let (_, mut asked) = from_a_run(Measure::ValLoss);
    asked.arms[1].1.model.n_head = 1;
    let said = error(&asked);
    assert!(said.starts_with("arm quick: n_head is part of the model"), "{said}");
    assert!(said.contains("step 25"), "{said}");
    let (_, mut asked) = from_a_run(Measure::ValLoss);
    asked.arms[1].1 = testing::config();
    assert!(error(&asked).contains("is part of the model"));
}

/// A race for a figure is watched as what it is: at every estimate the figure of the task, at the end the run's number.
#[test]
fn a_watched_figure_has_a_curve_of_its_own() {
    let named = |name: &str| {
        let arm: Arm = toml::from_str(&format!("stage = {name:?}\ntask = \"recall\"")).unwrap();
        (name.to_owned(), arm.config("", 65, 1).unwrap())
    };
    let arms = ["rnn", "gru", "conv", "neural-gpu", "memory", "attention"].map(named).to_vec();
    let mut asked = experiment(Measure::Figure("accuracy".to_owned()));
    asked = Experiment { arms, seeds: vec![1], budget: Budget::Steps(3), watched: true, ..asked };
    let runs = run(&asked, 2);
    assert_eq!(runs.len(), 6);
    for run in &runs {
        assert_eq!(run.curve.len(), 4);
        assert!(
            run.curve.iter().all(|e| e.figure.is_some_and(|share| (0.0..=1.0).contains(&share)))
        );
        assert_eq!(run.curve.last().unwrap().figure, run.value);
        assert!(run.value.is_some());
    }
    asked.arms.truncate(1);
    let losses = run(&Experiment { measure: Measure::ValLoss, ..asked }, 2);
    assert!(losses.iter().all(|run| run.curve.iter().all(|e| e.figure.is_none())));
}
