//! The formula as it is written and the formula as it is computed, in f32.

use super::{Logits, float, logit, names_and_sum};
use crate::lab::facts::Facts;
use crate::lab::theme::Role;
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::math::plain::overflow::{Softmax, largest, softmax};

/// Numbers, of which those that are none stand out.
fn floats(numbers: &[f32], sum: f32) -> Cells {
    let role = |x: f32| if x.is_finite() { Role::Text } else { Role::Bad };
    let all = numbers.iter().copied().chain([sum]);
    Cells::Numbers(all.map(|x| (float(x), role(x))).collect())
}

pub fn table<'a>(pane: &Logits, facts: &Facts<'a>) -> (Columns<'a>, Vec<String>) {
    let z: Vec<f32> = pane.shifted().iter().map(|z| *z as f32).collect();
    let most = largest(&z);
    let written = softmax(&z, 0.0);
    let computed = softmax(&z, most);
    let p = |softmax: &Softmax| floats(&softmax.p, softmax.p.iter().sum());
    let lowered = z.iter().map(|z| logit(f64::from(z - most)));
    let columns = vec![
        Column::new("", Cells::words(names_and_sum(z.len()))),
        Column::new("z", Cells::numbers(z.iter().map(|z| logit(f64::from(*z))))),
        Column::new("e^z", floats(&written.exponentials, written.sum)),
        Column::new("naive", p(&written)),
        Column::new("safe", p(&computed)),
        Column::new("z-max", Cells::numbers(lowered)),
        Column::new("e^(z-max)", floats(&computed.exponentials, computed.sum)),
    ];
    let mut said = Vec::new();
    let pairs = written.p.iter().zip(&computed.p);
    let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    if written.p.iter().any(|p| p.is_nan()) {
        let how = if written.sum.is_infinite() { "inf / inf" } else { "0 / 0" };
        said.push(format!("Naive: {how} is no number. Safe: with z - max no power is above 1."));
    } else if apart > 1e-3 {
        said.push(
            "Naive: a number by inf is 0. Safe: with z - max no power is above 1.".to_owned(),
        );
    } else {
        said.push(format!("Both agree to {}; pgup adds 10 to a logit.", float(apart)));
    }
    said.push(format!(
        "The largest f32 is {:.1e} = e^{:.1}; the largest logit {} is taken off all.",
        f32::MAX,
        f32::MAX.ln(),
        logit(f64::from(most)),
    ));
    (Columns { theme: facts.theme, columns, cursor: Some(pane.chosen), foot: 1 }, said)
}
