//! What a position can know of others, found out by changing them.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::math::Real;
use crate::model::card::Unit;
use crate::model::{Batch, IGNORED};

pub const INSTRUMENT: Instrument = Instrument {
    name: "influence",
    definition: "how far each layer's output at each position moves when one token is changed to another: the root of the mean square over channels, exactly 0 where the structure connects nothing; of the last layer at the last position, seen tokens move it, the farthest of them so many positions away, and changed tokens were tried",
    unit: Unit::Plain,
    measure,
};

/// What is asked for is looked at backward as well.
const BACKWARD: usize = 3;
/// So many times as many tokens are changed as an average over examples may have: each is looked for by name.
const PATIENCE: usize = 4;

/// Values (layers, T, T): layer, position that moves, token that is changed. Where training would wait, the last tokens alone
/// are changed; NaN stands for the others.
///
/// # Errors
/// If there is no layer in which positions see others, or it reads more than one sequence.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let card = subject.card;
    let levels: Vec<&str> = card.levels().into_iter().map(|part| part.name.as_str()).collect();
    if levels.is_empty() {
        let name = card.name;
        return Err(NotMeasured(format!("{name} has no row for each position that sees others")));
    }
    let mut example = surprise::looked_at(subject, arguments);
    let once = card.structure.answers_once;
    if !once {
        // Where every position answers, nothing has to be asked for to see its row.
        example.y.fill(IGNORED);
    }
    let time = example.x.len();
    if time == 0 || !example.source.is_empty() {
        return Err(NotMeasured("it takes one sequence of at least one token".to_owned()));
    }
    let vocabulary = subject.model.config().vocab_size as u32;
    let before = look(subject, &example, &levels);
    if let Some(level) = before.iter().position(Vec::is_empty) {
        return Err(NotMeasured(format!("{} has not one row for each position", levels[level])));
    }
    let affordable = PATIENCE * surprise::affordable(subject, if once { BACKWARD } else { 1 });
    let changed = if arguments.in_passing { time.min(affordable) } else { time };
    let mut values = vec![f32::NAN; levels.len() * time * time];
    for token in time - changed..time {
        let mut other = example.clone();
        other.x[token] = (other.x[token] + 1) % vocabulary;
        let after = look(subject, &other, &levels);
        for (level, (before, after)) in before.iter().zip(&after).enumerate() {
            let width = before.len() / time;
            let rows = before.chunks_exact(width).zip(after.chunks_exact(width));
            for (at, (before, after)) in rows.enumerate() {
                values[(level * time + at) * time + token] = moved(before, after);
            }
        }
    }
    let last = &values[values.len() - time..];
    let seen: Vec<usize> = (0..time).filter(|token| last[*token] > 0.0).collect();
    let farthest = seen.first().map_or(0, |token| time - 1 - token);
    let figures = [("farthest", farthest), ("seen", seen.len()), ("changed", changed)];
    let figures = figures.map(|(name, count)| (name.to_owned(), count as f64)).to_vec();
    Ok(Reading { figures, shape: vec![levels.len(), time, time], values })
}

/// Those activations, each with a row for every position; empty where it has another shape.
fn look(subject: &mut Subject<'_>, example: &Batch, names: &[&str]) -> Vec<Vec<Real>> {
    let mut found = vec![Vec::new(); names.len()];
    subject.inference.look(subject.weights, example);
    subject.inference.visit(&mut |name, shape, values| {
        if let (&[rows, _], Some(place)) = (shape, names.iter().position(|known| *known == name))
            && rows == example.x.len()
        {
            found[place] = values.to_vec();
        }
    });
    found
}

fn moved(before: &[Real], after: &[Real]) -> f32 {
    let squares = before.iter().zip(after).map(|(a, b)| (*a as f64 - *b as f64).powi(2));
    (squares.sum::<f64>() / before.len() as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sight::{Sight, cone};
    use crate::probe::testing::{Case, config};

    /// What is drawn from the structure and what is measured agree, cell by cell: exactly 0 outside, and inside the ends of
    /// the cone move.
    #[test]
    fn nothing_moves_outside_of_what_the_structure_connects() {
        for (stage, change) in [
            ("single-head", 1),
            ("layer-norm", 3),
            ("rnn", 1),
            ("gru", 2),
            ("lstm", 2),
            ("conv", 2),
            ("conv", 3),
            ("neural-gpu", 1),
            ("neural-gpu", 4),
        ] {
            let mut config = config(stage);
            config.model.n_layer = change;
            if !config.task.reads_text() {
                // Few passes over a long tape, that there is something outside.
                (config.model.hops, config.model.kernel) = (change, 3);
                config.model.diagonal_gates = change > 1;
                (config.task.distance, config.model.block_size) = (30, 32);
            }
            let case = Case::new(&config);
            let prompt: Vec<u32> = (0..config.model.block_size as u32).map(|i| i % 5).collect();
            let told = Arguments { prompt, in_passing: false, ..Arguments::default() };
            let found = case.ask("influence", &told).unwrap();
            let levels = case.card.levels();
            let sights: Vec<&Sight> = levels.iter().map(|part| &part.sight).collect();
            let &[depth, time, columns] = found.shape.as_slice() else { panic!("{found:?}") };
            assert_eq!((depth, time, columns), (levels.len(), time, time), "{stage}");
            let (mut inside, mut moves, mut outside) = (0, 0, 0);
            for level in 0..depth {
                for at in 0..time {
                    let cone = &cone(&sights[..=level], at, time)[0];
                    for (token, inside_it) in cone.iter().enumerate() {
                        let value = found.values[(level * time + at) * time + token];
                        if *inside_it {
                            inside += 1;
                            moves += usize::from(value > 0.0);
                        } else {
                            outside += 1;
                            assert_eq!(value, 0.0, "{stage}: {level} at {at} of {token}");
                        }
                    }
                }
            }
            assert!(outside > 0 && moves * 10 >= inside * 9, "{stage}: {moves} of {inside}");
            // Seen from the last position of the last layer.
            let cone = &cone(&sights, time - 1, time)[0];
            let first = cone.iter().position(|inside| *inside).unwrap();
            let (farthest, edge) = (found.figure("farthest").unwrap(), (time - 1 - first) as f64);
            // What comes through many gates at the very edge may be lost in rounding.
            let lost = if config.task.reads_text() { 0.0 } else { 2.0 };
            assert!(farthest <= edge && farthest >= edge - lost, "{stage}: {farthest} of {edge}");
            assert_eq!(found.figure("changed"), Some(time as f64));
            assert!(found.figure("seen").unwrap() <= (time - first) as f64);
        }
    }

    /// By hand: one token changed, the last layer's rows compared.
    #[test]
    fn a_value_is_the_movement_of_one_row() {
        let case = Case::of("conv");
        let prompt = vec![1, 2, 3, 1, 2, 4];
        let told = Arguments { prompt: prompt.clone(), ..Arguments::default() };
        let found = case.ask("influence", &told).unwrap();
        let name = &case.card.levels().last().unwrap().name;
        let mut other = prompt.clone();
        other[2] += 1;
        let [a, b] = [&prompt, &other].map(|tokens| case.activation(tokens, name));
        let width = a.len() / 6;
        let squares = (4 * width..5 * width).map(|i| (a[i] as f64 - b[i] as f64).powi(2));
        let expected = (squares.sum::<f64>() / width as f64).sqrt();
        let value = f64::from(found.values[(3 * 6 + 4) * 6 + 2]);
        assert!(expected > 0.0 && (value - expected).abs() < 1e-7, "{value} {expected}");
    }

    #[test]
    fn what_has_no_positions_says_so() {
        for stage in ["bigram", "memory", "encoder-decoder", "vae", "gan"] {
            let why = Case::of(stage).ask("influence", &Arguments::default()).unwrap_err();
            assert!(why.to_string().contains("no row for each position"), "{stage}: {why}");
        }
    }
}
