//! Long short-term memory, one unit and one step (Hochreiter and Schmidhuber 1997; the forget gate: Gers, Schmidhuber and
//! Cummins 2000). A layer is many of them; what goes into their gates, x W_ih + b_ih + h_before W_hh + b_hh, is
//! [`linear`](super::linear).
//!
//! - input gate i = sigmoid, forget gate f = sigmoid, candidate g = tanh, output gate o = sigmoid of what goes into them
//! - the cell c = f c_before + i g: kept as far as f is open, written as far as i is
//! - the state h = o tanh(c): read as far as o is open

use super::activation::{sigmoid, sigmoid_derivative, tanh_derivative};

/// Returns the gates i, f, g, o from what goes `into` them, the cell c and the state h.
pub fn forward(into: [f64; 4], c_before: f64) -> ([f64; 4], f64, f64) {
    let [i, f, g, o] = [sigmoid(into[0]), sigmoid(into[1]), into[2].tanh(), sigmoid(into[3])];
    let c = f * c_before + i * g;
    ([i, f, g, o], c, o * c.tanh())
}

/// From dh, and d_cell, what later steps say of c: the gradients of what goes into the gates, and of c_before.
pub fn backward(dh: f64, d_cell: f64, gates: [f64; 4], c_before: f64, c: f64) -> ([f64; 4], f64) {
    let [i, f, g, o] = gates;
    // term 1: from later steps; term 2: from this step's h
    let dc = d_cell + dh * o * tanh_derivative(c.tanh());
    let d_into = [
        dc * g * sigmoid_derivative(i),
        dc * c_before * sigmoid_derivative(f),
        dc * i * tanh_derivative(g),
        dh * c.tanh() * sigmoid_derivative(o),
    ];
    // To the step before through f alone, and no matrix: where f is near 1, a gradient does not vanish.
    (d_into, dc * f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values};

    #[test]
    fn gradient() {
        for seed in 0..8 {
            // What goes into the gates, c_before; dh and d_cell.
            let (x, d) = (values(5, seed), values(2, seed + 8));
            let run = |x: &[f64]| forward([x[0], x[1], x[2], x[3]], x[4]);
            let (gates, c, _) = run(&x);
            let (d_into, d_before) = backward(d[0], d[1], gates, x[4], c);
            let [di, df, dg, d_o] = d_into;
            check("lstm", &x, &[di, df, dg, d_o, d_before], 1e-7, |x| {
                let (_, c, h) = run(x);
                d[0] * h + d[1] * c
            });
        }
    }
}
