use super::*;
use crate::math::Real;
use crate::model::Conditions;
use crate::probe::testing::Case;

fn ask(case: &Case) -> Reading {
    case.ask(INSTRUMENT.name, &told(40)).unwrap()
}

fn told(examples: usize) -> Arguments {
    Arguments { examples, in_passing: false, ..Arguments::default() }
}

/// The places of a parameter of an encoder-decoder, and something to put there.
fn set(case: &mut Case, name: &str, value: impl Fn(usize) -> Real) {
    let parameter = case.model.registry().get(name).unwrap().clone();
    for (i, at) in parameter.positions().enumerate() {
        case.weights[at] = value(i);
    }
}

/// Whoever says the end at once is right at the end of every answer that is given to it, and never on its own.
#[test]
fn a_model_that_always_ends_is_right_at_the_ends_that_are_given() {
    let mut case = Case::of("encoder-decoder");
    case.weights.fill(0.0);
    set(&mut case, "output.bias", |i| if i as u32 == END { 1.0 } else { 0.0 });
    let found = ask(&case);
    let mut asked = 0;
    for i in 0..40 {
        let [question, right] = [QUESTION, RIGHT].map(|plane| tokens(&found, plane, i));
        assert_eq!(tokens(&found, OWN, i), [END]);
        assert_eq!(tokens(&found, FORCED_PICKS, i), vec![END; right.len()]);
        assert_eq!(right.last(), Some(&END));
        assert_eq!(question.len() + 1, right.len());
        asked += right.len();
    }
    let figure = |name: &str| found.figure(name).unwrap();
    assert_eq!((figure(EXACT), figure(FREE), figure(ALL_RIGHT)), (0.0, 0.0, 0.0));
    assert!((figure(FORCED) - 40.0 / asked as f64).abs() < 1e-12);
    assert_eq!((figure(FIRST_ERROR), figure("first_error 1"), figure(EXAMPLES)), (1.0, 40.0, 40.0));
    // Only the shortest end at their last place.
    let lengths: Vec<usize> = (0..40).map(|i| tokens(&found, RIGHT, i).len()).collect();
    let least = *lengths.iter().min().unwrap();
    let short = lengths.iter().filter(|length| **length == least).count() as f64;
    let share = figure(&at(FORCED, least - 1));
    assert!((share - short / figure(&at(ASKED, least - 1))).abs() < 1e-12 && share < 1.0);
    assert_eq!(figure(&at(FORCED, least - 2)), 0.0);
}

/// What is counted here is what an estimate counts, by other ways: the answers' judge, and the accuracy of a forward pass.
#[test]
fn shares_are_those_of_an_estimate() {
    for stage in ["encoder-decoder", "attention", "memory"] {
        let mut case = Case::of(stage);
        // Otherwise all answers are alike.
        for (i, weight) in case.weights.iter_mut().enumerate() {
            *weight *= 3.0 + (i % 7) as Real / 4.0;
        }
        let found = ask(&case);
        let mut inference = case.model.inference();
        let subject = Subject {
            model: &*case.model,
            card: &case.card,
            weights: &case.weights,
            examples: &*case.examples,
            inference: &mut *inference,
            seed: case.seed,
        };
        let batch = held_out(&subject, &told(40), 1).unwrap();
        let output = subject.inference.produce(&case.weights, &batch);
        let judged = case.examples.judge(&batch, &output)[0].1;
        assert!((found.figure(EXACT).unwrap() - judged).abs() < 1e-12, "{stage}");
        if stage == "encoder-decoder" {
            let losses =
                case.model.shard().loss(&case.weights, &batch, 0..40, &Conditions::default());
            let right = losses.parts[0] / batch.targets() as f64;
            assert!((found.figure(FORCED).unwrap() - right).abs() < 1e-6, "{stage}");
        }
        for i in 0..40 {
            let written = &output.tokens[i];
            assert_eq!(tokens(&found, OWN, i)[..written.len()], written[..], "{stage}");
        }
    }
}

#[test]
fn places_are_those_of_the_planes() {
    let mut case = Case::of("encoder-decoder");
    for weight in &mut case.weights {
        *weight *= 4.0;
    }
    let found = ask(&case);
    let planes = |plane| (0..40).map(|i| tokens(&found, plane, i)).collect::<Vec<_>>();
    let [right, own, picks] = [RIGHT, OWN, FORCED_PICKS].map(planes);
    for place in 0..11 {
        let having: Vec<usize> = (0..40).filter(|i| place < right[*i].len()).collect();
        let of = |ones: &[Vec<u32>]| {
            having.iter().filter(|i| ones[**i].get(place) == right[**i].get(place)).count() as f64
                / having.len() as f64
        };
        assert_eq!(found.figure(&at(ASKED, place)), Some(having.len() as f64));
        assert_eq!(found.figure(&at(FORCED, place)), Some(of(&picks)));
        assert_eq!(found.figure(&at(FREE, place)), Some(of(&own)));
    }
    let firsts: f64 = (0..11).map(|i| found.figure(&at(FIRST_ERROR, i)).unwrap()).sum();
    assert_eq!(firsts + found.figure(ALL_RIGHT).unwrap(), 40.0);
}

#[test]
fn the_first_error_is_where_two_answers_part() {
    assert_eq!(first_error(&[5, 6, END], &[5, 6, END]), None);
    assert_eq!(first_error(&[5, END], &[5, 6, END]), Some(1));
    assert_eq!(first_error(&[5, 6, 7], &[5, 6, END]), Some(2));
    assert_eq!(first_error(&[], &[END]), Some(0));
}

#[test]
fn what_is_asked_no_questions_says_so() {
    for stage in ["vae", "gan", "bigram"] {
        let why = Case::of(stage).ask(INSTRUMENT.name, &told(4)).unwrap_err().to_string();
        assert!(why.contains("is asked no questions here"), "{why}");
    }
}
