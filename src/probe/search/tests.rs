use super::*;
use crate::math::Real;
use crate::probe::answers::{self, QUESTION, RIGHT, tokens};
use crate::probe::surprise::losses;
use crate::probe::testing::Case;
use crate::task;

/// One whose answers differ.
fn case() -> Case {
    let mut case = Case::of("encoder-decoder");
    for (i, weight) in case.weights.iter_mut().enumerate() {
        *weight *= 3.0 + (i % 5) as Real / 4.0;
    }
    case
}

fn of(rows: &[Row], what: What) -> Vec<Row> {
    rows.iter().filter(|row| row.what == what).cloned().collect()
}

#[test]
fn it_is_asked_the_question_that_stands_in_that_row_of_the_answers() {
    let case = case();
    let told = Arguments { examples: 9, in_passing: false, ..Arguments::default() };
    let all = case.ask(answers::INSTRUMENT.name, &told).unwrap();
    for row in [0, 3, 8] {
        let found = case.ask(INSTRUMENT.name, &Arguments { row, ..Arguments::default() }).unwrap();
        let rows = rows(&found);
        assert_eq!(of(&rows, What::Question)[0].tokens, tokens(&all, QUESTION, row));
        assert_eq!(of(&rows, What::Right)[0].tokens, tokens(&all, RIGHT, row));
        // The last place of a beam of one is what the model answers.
        let greedy = of(&rows, What::Greedy);
        assert_eq!(greedy.last().unwrap().tokens, tokens(&all, answers::OWN, row));
        assert_eq!(of(&rows, What::Own)[0].tokens, tokens(&all, answers::OWN, row));
        let exact = greedy.last().unwrap().tokens == tokens(&all, RIGHT, row);
        assert_eq!(found.figure(GREEDY_EXACT), Some(f64::from(u8::from(exact))));
    }
}

/// ln p of an answer is what a forward pass with that answer given says of all its tokens.
#[test]
fn an_answer_costs_what_a_forward_pass_says_of_it() {
    let case = case();
    let told = Arguments { row: 5, beam: 3, ..Arguments::default() };
    let found = case.ask(INSTRUMENT.name, &told).unwrap();
    let rows = rows(&found);
    let mut inference = case.model.inference();
    let mut subject = Subject {
        model: &*case.model,
        card: &case.card,
        weights: &case.weights,
        examples: &*case.examples,
        inference: &mut *inference,
        seed: case.seed,
    };
    let mut batch = example(&question(&subject, 5), 5);
    let mut checked = 0;
    for row in rows.iter().filter(|row| [What::Greedy, What::Beam].contains(&row.what)) {
        batch.x = [&batch.x[..1], &row.tokens[..row.tokens.len() - 1]].concat();
        (batch.y, batch.time) = (row.tokens.clone(), row.tokens.len());
        assert_eq!(row.place + 1, row.tokens.len());
        let ln_p = -losses(&mut subject, &batch).unwrap().iter().sum::<f64>();
        assert!((ln_p - f64::from(row.log_p)).abs() < 1e-3 * ln_p.abs().max(1.0), "{row:?} {ln_p}");
        checked += 1;
    }
    assert!(checked > 5, "{checked}");
    let greedy = of(&rows, What::Greedy).last().unwrap().log_p;
    let best = of(&rows, What::Found)[0].log_p;
    let figure = |name: &str| found.figure(name).unwrap();
    assert!((figure(GREEDY) - f64::from(greedy)).abs() < 1e-5);
    assert!((figure(BEST) - f64::from(best)).abs() < 1e-5);
    assert!((figure(GAIN) - figure(BEST) + figure(GREEDY)).abs() < 1e-9);
    let one = case.ask(INSTRUMENT.name, &Arguments { beam: 1, ..told }).unwrap();
    assert_eq!(one.figure(GAIN), Some(0.0));
}

#[test]
fn a_typed_question_has_its_right_answer_or_none() {
    let case = Case::of("encoder-decoder");
    let pairs = task::pairs(&crate::stage::stage("encoder-decoder").unwrap().config(0, 1).task);
    let pairs = pairs.unwrap();
    let ask =
        |prompt| case.ask(INSTRUMENT.name, &Arguments { prompt, row: 7, ..Arguments::default() });
    let found = ask(pairs.encode("abc").unwrap()).unwrap();
    let rows = rows(&found);
    assert_eq!(pairs.decode_source(&of(&rows, What::Question)[0].tokens), "abc");
    let right = pairs.answer("abc").unwrap();
    assert_eq!(pairs.decode_target(&of(&rows, What::Right)[0].tokens), right);
    assert!(found.figure(BEST_EXACT).is_some());
    assert!(ask(vec![1000]).unwrap_err().to_string().contains("outside the vocabulary"));
    let dates = Case::new(&{
        let mut config = crate::probe::testing::config("encoder-decoder");
        config.task.task = task::Task::Dates;
        task::open(&config.task).unwrap().sizes().apply(&mut config.model);
        config
    });
    let prompt = task::pairs(&task::Config { task: task::Task::Dates, ..Default::default() });
    let prompt = prompt.unwrap().encode("may may may").unwrap();
    let none = dates.ask(INSTRUMENT.name, &Arguments { prompt, ..Arguments::default() }).unwrap();
    assert_eq!(none.figure(BEST_EXACT), None);
    assert!(of(&super::rows(&none), What::Right)[0].tokens.is_empty());
    assert!(!of(&super::rows(&none), What::Found).is_empty());
}

#[test]
fn what_does_not_search_says_so() {
    let told = Arguments::default();
    let found = Case::of("vae").ask(INSTRUMENT.name, &told).unwrap_err().to_string();
    assert!(found.contains("asked no questions"), "{found}");
    // One that picks its answer has one all the same.
    let case = Case::of("attention");
    let found = case.ask(INSTRUMENT.name, &told).unwrap();
    assert!(found.figures.is_empty());
    let told = Arguments { examples: 1, in_passing: false, ..Arguments::default() };
    let answers = case.ask(answers::INSTRUMENT.name, &told).unwrap();
    let found: Vec<_> = rows(&found).into_iter().map(|row| (row.what, row.tokens)).collect();
    let plane = |plane| tokens(&answers, plane, 0);
    let expected = [(What::Question, QUESTION), (What::Right, RIGHT), (What::Own, answers::OWN)];
    assert_eq!(found, expected.map(|(what, of)| (what, plane(of))));
    let far = Arguments { row: usize::MAX, ..Arguments::default() };
    let found = Case::of("encoder-decoder").ask(INSTRUMENT.name, &far).unwrap_err().to_string();
    assert!(found.contains("too far"), "{found}");
}
