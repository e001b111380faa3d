use super::*;
use crate::math::gemm::matrix;

const CELLS: [Cell; 3] = [Cell::Rnn, Cell::Gru, Cell::Lstm];

fn span(sequences: usize, time: usize) -> Span {
    Span { sequences, time, first: 0 }
}

fn numbers(n: usize, seed: usize) -> Vec<Real> {
    (0..n).map(|i| ((i * 37 + seed * 11) as Real * 0.618).fract() * 2.0 - 1.0).collect()
}

#[cfg(feature = "f64")]
#[test]
fn gradient_of_input_weights_and_biases() {
    use crate::math::finite_difference::{check, values, weighted_sum};
    for cell in CELLS {
        for (sequences, time) in [(3, 5), (1, 4), (4, 1), (1, 1)] {
            let (n_in, n_hidden, rows) = (5, 4, sequences * time);
            let span = span(sequences, time);
            let mut registry = Registry::default();
            let layer = Recurrent::new(&mut registry, "layer", 0, cell, n_in, n_hidden);
            let weights = values(registry.len(), 1);
            let (x, dy) = (values(rows * n_in, 2), values(rows * n_hidden, 3));
            // One sequence more than there is room for shows that only what belongs to the span is used.
            let mut a = layer.activations(sequences + 1, time, 0);
            let mut scratch = layer.scratch(sequences + 1, time, 0);
            a.start(sequences);
            layer.forward(&mut a, Input::Rows(matrix(&x, rows, n_in)), span, &weights);
            let mut gradients = vec![0.0; registry.len()];
            let mut dx = Array2::zeros((rows, n_in));
            let mut d = matrix(&dy, rows, n_hidden).to_owned();
            let x_rows = matrix(&x, rows, n_in);
            layer.backward(
                &mut dx,
                &mut gradients,
                &mut d,
                Input::Rows(x_rows),
                &a,
                span,
                &weights,
                &mut scratch,
            );
            let mut loss = |x: &[f64], weights: &[f64]| {
                a.start(sequences);
                layer.forward(&mut a, Input::Rows(matrix(x, rows, n_in)), span, weights);
                weighted_sum(contiguous(&a.out(span)), &dy)
            };
            let name = format!("{cell:?} {span:?}");
            check(&name, &x, contiguous(&dx), 1e-7, |x| loss(x, &weights));
            check(&name, &weights, &gradients, 1e-7, |weights| loss(&x, weights));
        }
    }
}

/// The gradient of h_t, of which the pane shows the size: what the loss does when the state after step t is moved.
#[cfg(feature = "f64")]
#[test]
fn gradient_of_every_state() {
    use crate::math::finite_difference::{check, values, weighted_sum};
    let (n_in, n_hidden, time) = (3, 4, 6);
    for cell in CELLS {
        let mut registry = Registry::default();
        let layer = Recurrent::new(&mut registry, "layer", 0, cell, n_in, n_hidden);
        let weights = values(registry.len(), 1);
        let (x, dy) = (values(time * n_in, 2), values(time * n_hidden, 3));
        let mut a = layer.activations(1, time, 0);
        a.start(1);
        layer.forward(&mut a, Input::Rows(matrix(&x, time, n_in)), span(1, time), &weights);
        let (mut gradients, mut dx) = (vec![0.0; registry.len()], Array2::zeros((time, n_in)));
        let mut d = matrix(&dy, time, n_hidden).to_owned();
        layer.backward(
            &mut dx,
            &mut gradients,
            &mut d,
            Input::Rows(matrix(&x, time, n_in)),
            &a,
            span(1, time),
            &weights,
            &mut layer.scratch(1, time, 0),
        );
        for t in 0..time - 1 {
            let later = time - 1 - t;
            let mut rest = layer.activations(1, later, 0);
            let h = a.hidden.row(t + 1).to_vec();
            check(&format!("{cell:?} h_{t}"), &h, &d.row(t).to_vec(), 1e-7, |h| {
                rest.start(1);
                rest.from_zeros = false;
                rest.hidden.row_mut(0).assign(&ndarray::aview1(h));
                if cell == Cell::Lstm {
                    rest.cell.row_mut(0).assign(&a.cell.row(t + 1));
                }
                let x = matrix(&x[(t + 1) * n_in..], later, n_in);
                layer.forward(&mut rest, Input::Rows(x), span(1, later), &weights);
                weighted_sum(h, &dy[t * n_hidden..][..n_hidden])
                    + weighted_sum(contiguous(&rest.out(span(1, later))), &dy[(t + 1) * n_hidden..])
            });
        }
    }
}

#[test]
fn step_by_step_and_sequence_by_sequence_is_the_same_as_all_at_once() {
    let (n_in, n_hidden, sequences, time) = (5, 19, 3, 7);
    for cell in CELLS {
        let mut registry = Registry::default();
        let layer = Recurrent::new(&mut registry, "layer", 0, cell, n_in, n_hidden);
        let weights = numbers(registry.len(), 1);
        let x = numbers(sequences * time * n_in, 2);
        let mut all = layer.activations(sequences, time, 0);
        all.start(sequences);
        let whole = span(sequences, time);
        layer.forward(&mut all, Input::Rows(matrix(&x, sequences * time, n_in)), whole, &weights);
        let mut one = layer.activations(1, 1, 0);
        for b in 0..sequences {
            one.start(1);
            for t in 0..time {
                let row = t * sequences + b;
                let x = matrix(&x[row * n_in..], 1, n_in);
                layer.forward(&mut one, Input::Rows(x), span(1, 1), &weights);
                one.carry_on(1);
                for (a, b) in one.out(span(1, 1)).iter().zip(all.out(whole).row(row)) {
                    assert!((a - b).abs() < 1e-5, "{cell:?} sequence {b} step {t}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn tokens_bring_what_their_rows_bring() {
    let (n_in, n_hidden, sequences, time, tokens) = (3, 5, 4, 80, 6);
    let ids: Vec<u32> = (0..sequences * time).map(|i| (i * i % tokens) as u32).collect();
    let table = numbers(tokens * n_in, 2);
    let rows: Vec<Real> =
        ids.iter().flat_map(|id| &table[*id as usize * n_in..][..n_in]).copied().collect();
    for cell in CELLS {
        let mut registry = Registry::default();
        let layer = Recurrent::new(&mut registry, "layer", 0, cell, n_in, n_hidden);
        let weights = numbers(registry.len(), 1);
        let run = |x: Input<'_>, different: usize| {
            let mut a = layer.activations(sequences, time, tokens);
            let mut scratch = layer.scratch(sequences, time, tokens);
            let whole = span(sequences, time);
            a.start(sequences);
            layer.forward(&mut a, x, whole, &weights);
            let d = numbers(sequences * time * n_hidden, 3);
            let mut d = matrix(&d, sequences * time, n_hidden).to_owned();
            let (mut gradients, mut dx) =
                (vec![0.0; registry.len()], Array2::zeros((different, n_in)));
            let (g, s) = (&mut gradients, &mut scratch);
            layer.backward(&mut dx, g, &mut d, x, &a, whole, &weights, s);
            (a.out(whole).to_owned(), gradients, dx)
        };
        let by_row = run(Input::Rows(matrix(&rows, ids.len(), n_in)), ids.len());
        let by_token =
            run(Input::Tokens { table: matrix(&table, tokens, n_in), ids: &ids }, tokens);
        let mut d_table = Array2::<Real>::zeros((tokens, n_in));
        for (dx, &id) in by_row.2.rows().into_iter().zip(&ids) {
            d_table.row_mut(id as usize).scaled_add(1.0, &dx);
        }
        let near = |name: &str, a: &[Real], b: &[Real]| {
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() < 1e-3 * b.abs().max(1.0), "{cell:?} {name}: {a} {b}");
            }
        };
        near("h", contiguous(&by_token.0), contiguous(&by_row.0));
        near("weights", &by_token.1, &by_row.1);
        near("table", contiguous(&by_token.2), contiguous(&d_table));
    }
}

#[test]
fn names_and_layouts_are_those_of_pytorch() {
    let mut registry = Registry::default();
    for (cell, gates) in CELLS.into_iter().zip([1, 3, 4]) {
        let name = format!("{cell:?}");
        let layer = Recurrent::new(&mut registry, &name, 2, cell, 5, 7);
        let shape = |part: &str| registry.get(&format!("{name}.{part}_l2")).unwrap().shape.clone();
        assert_eq!(shape("weight_ih"), [gates * 7, 5]);
        assert_eq!(shape("weight_hh"), [gates * 7, 7]);
        assert_eq!(shape("bias_ih"), [gates * 7]);
        assert_eq!(shape("bias_hh"), [gates * 7]);
        assert_eq!(layer.products(), gates * 7 * 12);
    }
}

#[test]
fn what_visit_hands_over_makes_the_next_state() {
    let (n_in, n_hidden, time) = (3, 4, 5);
    for cell in CELLS {
        let mut registry = Registry::default();
        let layer = Recurrent::new(&mut registry, "layer", 0, cell, n_in, n_hidden);
        let weights = numbers(registry.len(), 3);
        let mut a = layer.activations(1, time + 2, 0);
        a.start(1);
        let x = numbers(time * n_in, 4);
        layer.forward(&mut a, Input::Rows(matrix(&x, time, n_in)), span(1, time), &weights);
        let mut seen = std::collections::HashMap::new();
        layer.visit(&a, time, "a.", &mut |name, shape, values| {
            assert_eq!(shape, [time, n_hidden], "{name}");
            assert_eq!(values.len(), time * n_hidden, "{name}");
            seen.insert(name.to_owned(), values.to_vec());
        });
        let at = |name: &str, i: usize| seen[&format!("a.{name}")][i];
        let last = time * n_hidden - 1;
        let before = last - n_hidden;
        let expected = match cell {
            Cell::Rnn => continue,
            Cell::Gru => {
                let z = at("gates.update", last);
                (1.0 - z) * at("gates.new", last) + z * at("hidden", before)
            }
            Cell::Lstm => {
                let kept = at("gates.forget", last) * at("cell", before);
                let c = kept + at("gates.input", last) * at("gates.cell", last);
                assert!((c - at("cell", last)).abs() < 1e-5);
                at("gates.output", last) * c.tanh()
            }
        };
        assert!((at("hidden", last) - expected).abs() < 1e-5, "{cell:?}");
    }
}
