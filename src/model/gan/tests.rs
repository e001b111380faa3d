use super::*;
use crate::model::config::Architecture;

const LOSSES: [GeneratorLoss; 3] =
    [GeneratorLoss::NonSaturating, GeneratorLoss::Minimax, GeneratorLoss::LeastSquares];

fn gan() -> Gan {
    let architecture = Architecture::Gan;
    Gan::new(&Config { architecture, n_input: 2, n_hidden: 6, n_latent: 3, ..Config::default() })
}

fn weights(gan: &Gan) -> Vec<Real> {
    let mut weights = vec![0.0; gan.registry().len()];
    gan.initialise(&mut weights, 5);
    weights
}

fn batch(gan: &Gan, n: usize) -> Batch {
    let numbers = |n: usize, step: f64| (0..n).map(move |i| (i as f64 * step).sin() as Real * 2.0);
    Batch {
        sequences: n,
        width: 2,
        values: numbers(n * 2, 1.7).collect(),
        noise_width: gan.noise(),
        noise: numbers(n * gan.noise(), 2.9).collect(),
        ..Batch::default()
    }
}

fn conditions(group: usize, generator_loss: GeneratorLoss) -> Conditions {
    Conditions { group, generator_loss, ..Conditions::default() }
}

#[cfg(feature = "f64")]
#[test]
fn gradient_of_both_groups_under_every_loss() {
    use crate::math::finite_difference::check;
    let gan = gan();
    let (weights, groups) = (weights(&gan), gan.groups());
    for (kind, n) in LOSSES.into_iter().zip([5, 1, 4]) {
        for (group, Group { name, range }) in groups.iter().enumerate() {
            let (batch, mut shard) = (batch(&gan, n), gan.shard());
            let conditions = conditions(group, kind);
            let mut gradients = vec![0.0; weights.len()];
            shard.loss_and_gradients(&weights, &batch, 0..n / 2, &conditions, &mut gradients);
            shard.loss_and_gradients(&weights, &batch, n / 2..n, &conditions, &mut gradients);
            check(name, &weights[range.clone()], &gradients[range.clone()], 1e-6, |part| {
                let mut weights = weights.clone();
                weights[range.clone()].copy_from_slice(part);
                shard.loss(&weights, &batch, 0..n, &conditions).parts[group] / n as f64
            });
        }
    }
}

/// Through noise, which is the same for a step and a row however the batch is split.
#[cfg(feature = "f64")]
#[test]
fn gradient_of_what_is_seen_through_noise() {
    use crate::math::finite_difference::check;
    let gan = gan();
    let (weights, groups, batch) = (weights(&gan), gan.groups(), batch(&gan, 5));
    for kind in LOSSES {
        for (group, Group { name, range }) in groups.iter().enumerate() {
            let conditions = Conditions { instance_noise: 0.7, ..conditions(group, kind) };
            let (mut shard, mut gradients) = (gan.shard(), vec![0.0; weights.len()]);
            shard.loss_and_gradients(&weights, &batch, 0..2, &conditions, &mut gradients);
            shard.loss_and_gradients(&weights, &batch, 2..5, &conditions, &mut gradients);
            let mut unused = vec![0.0; weights.len()];
            check(name, &weights[range.clone()], &gradients[range.clone()], 1e-6, |part| {
                let mut weights = weights.clone();
                weights[range.clone()].copy_from_slice(part);
                let whole = 0..5;
                shard.loss_and_gradients(&weights, &batch, whole, &conditions, &mut unused).parts
                    [group]
                    / 5.0
            });
        }
    }
}

/// Of its own for every row, sort and step; the generator's noise and what is only looked at stay as they are.
#[test]
fn what_is_seen_through_noise_is_noise_of_that_deviation() {
    let n = 4000;
    let points = vec![1.5; 2 * n];
    let see = |std: Real, step: u64, first: usize, sort| {
        let dropout = crate::nn::dropout::Dropout { p: 0.0, seed: 3, step };
        let of = Conditions { instance_noise: std, dropout, ..Conditions::default() };
        let mut seen = Vec::new();
        Blur::of(&of, first).unwrap().see(sort, &points, 2, &mut seen);
        seen
    };
    let seen = see(0.5, 7, 0, Sort::Real);
    let apart: Vec<f64> = seen.iter().map(|x| *x as f64 - 1.5).collect();
    let mean = apart.iter().sum::<f64>() / (2 * n) as f64;
    let square = apart.iter().map(|x| x * x).sum::<f64>() / (2 * n) as f64;
    assert!(mean.abs() < 0.02 && (square.sqrt() - 0.5).abs() < 0.01, "{mean} {square}");
    assert_eq!(seen, see(0.5, 7, 0, Sort::Real));
    assert_eq!(seen[20..], see(0.5, 7, 10, Sort::Real)[..2 * n - 20]);
    for other in [see(0.5, 7, 0, Sort::Generated), see(0.5, 8, 0, Sort::Real)] {
        assert!(seen.iter().zip(&other).all(|(a, b)| a != b));
    }
    assert!(Blur::of(&Conditions::default(), 0).is_none());
    let gan = gan();
    let (weights, batch) = (weights(&gan), batch(&gan, 7));
    let plain = conditions(0, GeneratorLoss::NonSaturating);
    let through = Conditions { instance_noise: 0.5, ..plain };
    let mut shard = gan.shard();
    let loss = |shard: &mut Box<dyn Shard>, of| shard.loss(&weights, &batch, 0..7, of);
    assert_eq!(loss(&mut shard, &through), loss(&mut shard, &plain));
    let mut gradients = vec![0.0; weights.len()];
    let stepped = shard.loss_and_gradients(&weights, &batch, 0..7, &through, &mut gradients);
    assert_ne!(stepped, loss(&mut shard, &plain));
    // Once the noise is gone, nothing of it is left.
    let stepped = shard.loss_and_gradients(&weights, &batch, 0..7, &plain, &mut gradients);
    assert_eq!(stepped, loss(&mut shard, &plain));
}

#[test]
fn a_step_gives_gradients_to_the_group_whose_turn_it_is_and_both_losses() {
    let gan = gan();
    let (weights, batch) = (weights(&gan), batch(&gan, 7));
    let groups = gan.groups();
    assert_eq!((groups[0].range.start, groups[0].range.end), (0, groups[1].range.start));
    assert_eq!(groups[1].range.end, weights.len());
    for kind in LOSSES {
        let mut shard = gan.shard();
        let expected = shard.loss(&weights, &batch, 0..7, &conditions(0, kind));
        for group in 0..2 {
            let mut gradients = vec![0.0; weights.len()];
            let conditions = conditions(group, kind);
            let losses =
                shard.loss_and_gradients(&weights, &batch, 0..7, &conditions, &mut gradients);
            assert_eq!(losses, expected);
            assert_eq!(losses.loss, losses.parts[0], "the curve is the discriminator's");
            assert!(gradients[groups[group].range.clone()].iter().any(|d| *d != 0.0));
            assert!(gradients[groups[1 - group].range.clone()].iter().all(|d| *d == 0.0));
        }
    }
}

#[test]
fn a_discriminator_that_cannot_tell_them_apart_is_at_its_balance() {
    let gan = gan();
    let (mut weights, batch) = (weights(&gan), batch(&gan, 4));
    let ln_2 = std::f64::consts::LN_2;
    weights.fill(0.0);
    for (kind, balance) in LOSSES.into_iter().zip([[2.0 * ln_2, ln_2], [2.0 * ln_2, -ln_2]]) {
        let losses = gan.shard().loss(&weights, &batch, 0..4, &conditions(0, kind));
        for (part, balance) in losses.parts.into_iter().zip(balance) {
            assert!((part / 4.0 - balance).abs() < 1e-6, "{kind:?}");
        }
    }
    // Least squares aims at 0 and 1: one half is its doubt.
    let bias = gan.registry().get("discriminator.4.bias").unwrap().offset;
    weights[bias] = 0.5;
    let kind = GeneratorLoss::LeastSquares;
    let losses = gan.shard().loss(&weights, &batch, 0..4, &conditions(0, kind));
    assert_eq!(losses.parts, [4.0 * 0.25, 4.0 * 0.125]);
}

#[test]
fn the_discriminator_has_its_steps_before_each_of_the_generator() {
    let turns =
        |d_steps| (0..6).map(|step| gan().turn(step, d_steps, Turns::InTurn)).collect::<Vec<_>>();
    assert_eq!(turns(1), [0, 1, 0, 1, 0, 1]);
    assert_eq!(turns(2), [0, 0, 1, 0, 0, 1]);
    assert_eq!(turns(5), [0, 0, 0, 0, 0, 1]);
    // Alone, whoever's turn it would be; by its place among the groups.
    for (group, name) in ["discriminator", "generator"].into_iter().enumerate() {
        let alone = Turns::alone(group).unwrap();
        assert!((0..6).all(|step| gan().turn(step, 2, alone) == group));
        assert_eq!((<&str>::from(alone), gan().groups()[group].name), (name, name));
    }
    assert_eq!(Turns::alone(2), None);
}

#[test]
fn what_visit_hands_over_is_named_shaped_and_consistent() {
    let gan = gan();
    let (weights, subject) = (weights(&gan), batch(&gan, 9));
    let mut inference = gan.inference();
    inference.look(&weights, &subject);
    let mut all = std::collections::HashMap::new();
    inference.visit(&mut |name, shape, values| {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let seen = all.insert(name.to_owned(), (shape.to_vec(), values.to_vec()));
        assert!(seen.is_none(), "{name} twice");
    });
    for (name, shape) in [
        ("generated", &[256, 2][..]),
        ("generated.gradient", &[256, 2]),
        ("real", &[9, 2]),
        ("generated.score", &[256]),
        ("surface", &[40, 80]),
    ] {
        assert_eq!(all[name].0, shape, "{name}");
    }
    let surface = |row: usize, column: usize| all["surface.score"].1[row * 80 + column];
    let (x, y) = (&all["surface.x"].1, &all["surface.y"].1);
    assert!(x[0] < x[79] && y[0] > y[39], "to the right and upwards");
    for (row, column) in [(0, 0), (3, 31), (39, 77)] {
        // The discriminator at that place, seen as a real point.
        let point = vec![x[column], y[row]];
        let alone = Batch { sequences: 1, values: point, ..subject.clone() };
        let mut other = gan.inference();
        other.look(&weights, &alone);
        other.visit(&mut |name, _, values| {
            if name == "real.probability" {
                assert!((values[0] - sigmoid(surface(row, column))).abs() < 1e-6);
            }
        });
    }
    assert!(((x[1] - x[0]) - (y[0] - y[1])).abs() < 1e-6, "as far apart across as down");
    for (score, p) in all["generated.score"].1.iter().zip(&all["generated.probability"].1) {
        assert!((sigmoid(*score) - p).abs() < 1e-6);
    }
    // A small step against its gradient makes a generated point look more real.
    let (points, gradients) = (&all["generated"].1, &all["generated.gradient"].1);
    let moved: Vec<Real> = points.iter().zip(gradients).map(|(x, d)| x - 0.01 * d).collect();
    let mut before = 0.0;
    let mut after = 0.0;
    for (values, sum) in [(points, &mut before), (&moved, &mut after)] {
        let batch = Batch { sequences: 256, values: values.clone(), ..subject.clone() };
        inference.look(&weights, &batch);
        inference.visit(&mut |name, _, values| {
            if name == "real.probability" {
                *sum = values.iter().sum::<Real>();
            }
        });
    }
    assert!(after > before, "{after} {before}");
    let made = inference.produce(&weights, &subject);
    assert_eq!((made.width, made.values.len()), (2, 18));
}
