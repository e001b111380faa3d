//! What a model takes from each sentence of an example to answer its question.

use super::{Arguments, Instrument, JUDGED, NotMeasured, Reading, Subject, surprise};
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::batch::{argmax, asked};
use crate::model::card::{Map, Side, Unit};
use crate::model::{Batch, Card, Split};

pub const INSTRUMENT: Instrument = Instrument {
    name: "sentences",
    definition: "of one of the held-out examples that answers are judged by, or of a text of the learner's, row 0 the tokens, then one row a hop or head: what the question takes from each token, or at its end from a sentence that is one memory; of the likeliest answer its id (answer) and its probability (top), of the right one likewise (right, right_p), how many examples there are (of), and the sentences that tell it, counted from 0 (told.0 …)",
    unit: Unit::Share,
    measure,
};

/// Figures: the id of the likeliest answer and its probability, and those of the right one.
pub const LIKELIEST: [&str; 2] = ["answer", "top"];
pub const RIGHT: [&str; 2] = ["right", "right_p"];

/// The name of the sentence that is number `i` of those that tell the answer.
pub fn told(i: usize) -> String {
    format!("told.{i}")
}

/// The maps by which a question looks at what stands before it, each with one of its heads: the rows of a reading after the
/// first.
pub fn ways(card: &Card) -> impl Iterator<Item = (&Map, usize)> {
    let looks = |map: &&Map| {
        matches!(map.rows, Side::Question | Side::Prompt)
            && matches!(map.columns, Side::Sentences { .. } | Side::Prompt)
    };
    card.maps.iter().filter(looks).flat_map(|map| (0..map.heads).map(move |head| (map, head)))
}

/// Values (1 + ways, T).
///
/// # Errors
/// If the task's examples are no sentences, or the model gives no answers.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let logits = surprise::logits(subject)?;
    let Subject { card, weights, examples, inference, seed, .. } = subject;
    if examples.sizes().sentences.is_none() {
        return Err(NotMeasured("the task's examples are no sentences".to_owned()));
    }
    let mut example = Batch::default();
    if arguments.prompt.is_empty() {
        let which = arguments.row.min(examples.judged().saturating_sub(1));
        let mut rng = stream(*seed, Purpose::Evaluation, JUDGED);
        let mut drawn = Batch::default();
        examples.draw(Split::Val, which + 1, &mut rng, &mut drawn);
        let end = asked(drawn.targets_of(which)).last().map_or(0, |t| t + 1);
        examples.subject(&drawn.tokens(which)[..end], &mut example);
    } else {
        examples.subject(&arguments.prompt, &mut example);
    }
    let (tokens, time) = (&example.x, example.time);
    inference.look(weights, &example);
    let mut last: Vec<Real> = Vec::new();
    let ways: Vec<_> = ways(card).collect();
    let mut values: Vec<f32> = tokens.iter().map(|id| *id as f32).collect();
    values.resize((1 + ways.len()) * time, 0.0);
    inference.visit(&mut |name, shape, found| {
        let columns = shape.last().copied().unwrap_or(0);
        if name == logits {
            last = found[found.len() - columns..].to_vec();
        }
        let part = name.strip_suffix(".weights");
        let rows = values.chunks_exact_mut(time).skip(1).zip(&ways);
        for (row, (map, head)) in rows.filter(|(_, (map, _))| part == Some(map.name.as_str())) {
            let of_head = found.len() / map.heads.max(1);
            let own = &found[head * of_head..][..of_head];
            // The question is the last that looks.
            let own = &own[own.len().saturating_sub(columns)..];
            match map.columns {
                Side::Sentences { end } => {
                    let ends = (0..time).rev().filter(|t| tokens[*t] == end);
                    ends.zip(own.iter().rev()).for_each(|(t, weight)| row[t] = *weight as f32);
                }
                _ => row.iter_mut().zip(own).for_each(|(to, weight)| *to = *weight as f32),
            }
        }
    });
    let whole = surprise::log_sum_exp(&last);
    let p = |id: usize| last.get(id).map_or(f64::NAN, |x| (*x as f64 - whole).exp());
    let answer = argmax(&last);
    let mut figures = Vec::new();
    let mut say = |[id, of]: [&str; 2], token: usize| {
        figures.extend([(id.to_owned(), token as f64), (of.to_owned(), p(token))]);
    };
    say(LIKELIEST, answer);
    if let Some(t) = asked(&example.y).last() {
        say(RIGHT, example.y[t] as usize);
    }
    figures.push(("of".to_owned(), examples.judged() as f64));
    let facts = examples.told_by(tokens).into_iter().enumerate();
    figures.extend(facts.map(|(i, sentence)| (told(i), sentence as f64)));
    Ok(Reading { figures, shape: vec![1 + ways.len(), time], values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::Case;

    fn of(row: usize) -> Arguments {
        Arguments { row, ..Arguments::default() }
    }

    /// The example of a reading, and the rows after it.
    fn parts(found: &Reading) -> (Vec<u32>, Vec<&[f32]>) {
        let time = found.shape[1];
        let mut rows = found.values.chunks_exact(time);
        let tokens = rows.next().unwrap().iter().map(|id| *id as u32).collect();
        (tokens, rows.collect())
    }

    #[test]
    fn a_hop_stands_at_the_ends_of_sentences() {
        let case = Case::of("memory-stories");
        let end = case.examples.sizes().sentences.unwrap().end;
        let found = case.ask("sentences", &of(3)).unwrap();
        let (tokens, rows) = parts(&found);
        assert_eq!(found.shape, [4, tokens.len()]);
        for (hop, row) in rows.iter().enumerate() {
            let weights = case.activation(&tokens, &format!("hops.{hop}.weights"));
            let ends = (0..tokens.len()).filter(|t| tokens[*t] == end);
            assert!(ends.clone().map(|t| row[t]).eq(weights.iter().map(|w| *w as f32)));
            assert_eq!(row.iter().filter(|weight| **weight != 0.0).count(), ends.count());
        }
        let told: Vec<f64> = (0..3).filter_map(|i| found.figure(&told(i))).collect();
        let facts = case.examples.told_by(&tokens);
        assert!(!facts.is_empty() && told.into_iter().eq(facts.iter().map(|at| *at as f64)));
        let p = case.activation(&tokens, "probabilities");
        for [id, of] in [LIKELIEST, RIGHT] {
            let p = p[found.figure(id).unwrap() as usize] as f64;
            assert!((p - found.figure(of).unwrap()).abs() < 1e-6);
        }
    }

    #[test]
    fn a_head_is_its_last_row() {
        let case = Case::of("attention-stories");
        let found = case.ask("sentences", &of(0)).unwrap();
        let (tokens, rows) = parts(&found);
        let time = tokens.len();
        assert_eq!(rows.len(), 8);
        for (i, row) in rows.iter().enumerate() {
            let map = case.activation(&tokens, &format!("blocks.{}.sa.weights", i / 4));
            let last = &map[((i % 4) * time + time - 1) * time..][..time];
            assert!(row.iter().copied().eq(last.iter().map(|w| *w as f32)), "{i}");
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    /// The examples are those that an estimate judges: they differ, and the learner's own is looked at as it is.
    #[test]
    fn one_of_many_is_chosen_or_the_learners_own() {
        let case = Case::of("lstm-stories");
        let [first, second] = [0, 1].map(|row| parts(&case.ask("sentences", &of(row)).unwrap()).0);
        let mut judged = Batch::default();
        let mut rng = stream(case.seed, Purpose::Evaluation, JUDGED);
        case.examples.draw(Split::Val, 2, &mut rng, &mut judged);
        assert!(judged.tokens(0).starts_with(&first) && judged.tokens(1).starts_with(&second));
        assert_ne!(first, second);
        let own = Arguments { prompt: second[..12].to_vec(), ..of(0) };
        let found = case.ask("sentences", &own).unwrap();
        let (tokens, rows) = parts(&found);
        assert_eq!((tokens, rows.len()), (second[..12].to_vec(), 0));
        // It has no question, and so no answer.
        assert_eq!((found.figure("right"), found.figure("told.0")), (None, None));
        let last = parts(&case.ask("sentences", &of(999)).unwrap()).0;
        assert_eq!(parts(&case.ask("sentences", &of(usize::MAX)).unwrap()).0, last);
    }

    #[test]
    fn what_is_no_story_is_refused() {
        for (stage, why) in [("memory", "no sentences"), ("vae", "predicts no tokens")] {
            let found = Case::of(stage).ask("sentences", &of(0)).unwrap_err().to_string();
            assert!(found.contains(why), "{stage}: {found}");
        }
    }
}
