//! One weight before a step and after it, with all that comes up between, by the formula in its plainest form.

use crate::lab::number::{setting, value};
use crate::math::plain::adamw::{Rule, Update, Weight, descend, follow};
use crate::train::snapshot::WeightState;

/// A step of one weight.
pub struct Followed {
    rule: Rule,
    /// Which update of this weight it was, counted from 1.
    t: u64,
    /// As it was, and whether that was seen: else it is worked back from what came after.
    start: Weight,
    seen: bool,
    /// Before clipping.
    gradient: f64,
    clip: f64,
    adamw: Update,
    /// The new value by plain descent.
    descent: f64,
    /// What the model has.
    model: f64,
}

/// A line of the table; what a way has not is `None`.
pub struct Row {
    pub name: &'static str,
    pub descent: Option<f64>,
    pub adamw: Option<f64>,
}

impl Followed {
    /// `None` if the last step did not move it.
    pub fn new(before: Option<&WeightState>, now: &WeightState) -> Option<Self> {
        let (gradient, last) = (now.gradient?, now.moments.last?);
        let (rule, t) = (last.rule, now.moments.updates);
        let clipped = last.clip * gradient;
        let start = match before {
            Some(before) => {
                Weight { value: before.value, m: before.moments.m, v: before.moments.v }
            }
            None => work_back(now, clipped, rule),
        };
        let count = i32::try_from(t).unwrap_or(i32::MAX);
        Some(Self {
            rule,
            t,
            start,
            seen: before.is_some(),
            gradient,
            clip: last.clip,
            adamw: follow(start, clipped, count, rule),
            descent: descend(start.value, clipped, rule.lr),
            model: now.value,
        })
    }

    fn clipped(&self) -> f64 {
        self.clip * self.gradient
    }

    pub fn rows(&self) -> Vec<Row> {
        let both = |name, x| Row { name, descent: Some(x), adamw: Some(x) };
        let adamw = |name, x| Row { name, descent: None, adamw: Some(x) };
        let Update { decay, m_hat, v_hat, step, after } = self.adamw;
        let down = self.rule.lr * self.clipped();
        vec![
            both("w", self.start.value),
            both("g", self.clipped()),
            adamw("m", after.m),
            adamw("v", after.v),
            adamw("m-hat", m_hat),
            adamw("v-hat", v_hat),
            Row { name: "step", descent: Some(down), adamw: Some(step) },
            adamw("decay", decay),
            Row { name: "new w", descent: Some(self.descent), adamw: Some(after.value) },
            adamw("model", self.model),
        ]
    }

    /// Whether the model has what the formula says, as far as f32 can tell; `None` where the beginning was not seen.
    pub fn verdict(&self) -> (String, Option<bool>) {
        let apart = (self.model - self.adamw.after.value).abs();
        if !self.seen {
            let text = "Before: worked back from after. Pause with space, then . makes a step that is checked.";
            return (text.to_owned(), None);
        }
        // Each of the two subtractions rounds.
        let size = self.start.value.abs().max(self.model.abs()).max(self.adamw.step.abs());
        let agree = apart <= 4.0 * f64::from(f32::EPSILON) * size;
        let text = if agree {
            format!("Checked: the model's w is the formula's, to {}.", digits(apart))
        } else {
            format!("The model's w is {} from the formula's.", digits(apart))
        };
        (text, Some(agree))
    }

    /// The formula with the numbers in it, line by line.
    pub fn formulas(&self) -> Vec<String> {
        let Rule { lr, beta1, beta2, epsilon, weight_decay } = self.rule;
        let Update { decay, m_hat, v_hat, step, after } = self.adamw;
        let (g, t) = (digits(self.clipped()), self.t);
        let [b1, b2, rest1, rest2] = [beta1, beta2, 1.0 - beta1, 1.0 - beta2].map(setting);
        let lr = setting(lr);
        let mut lines = vec![
            format!("m = {b1} × {} + {rest1} × {g} = {}", digits(self.start.m), digits(after.m)),
            format!("v = {b2} × {} + {rest2} × ({g})² = {}", digits(self.start.v), digits(after.v)),
            format!("m-hat = m / (1 - {b1}^{t}) = {}", digits(m_hat)),
            format!("v-hat = v / (1 - {b2}^{t}) = {}", digits(v_hat)),
            format!(
                "step = {lr} × {} / (√{} + {}) = {}",
                digits(m_hat),
                digits(v_hat),
                setting(epsilon),
                digits(step)
            ),
            format!(
                "decay = {lr} × {} × {} = {}",
                setting(weight_decay),
                digits(self.start.value),
                digits(decay)
            ),
            "new w = w - decay - step".to_owned(),
            format!("descent: w - {lr} × {g}"),
        ];
        if self.clip < 1.0 {
            let (gradient, clip) = (digits(self.gradient), digits(self.clip));
            lines.insert(0, format!("g = {gradient} × {clip}, clipped"));
        }
        lines
    }
}

/// What it was before the update: each line of the formula solved for what it began with.
fn work_back(now: &WeightState, gradient: f64, rule: Rule) -> Weight {
    let (m, v) = (now.moments.m, now.moments.v);
    let Rule { lr, beta1, beta2, epsilon, weight_decay } = rule;
    let t = i32::try_from(now.moments.updates).unwrap_or(i32::MAX);
    let before = |after: f64, beta: f64, came: f64| {
        if beta == 0.0 || t <= 1 { 0.0 } else { (after - (1.0 - beta) * came) / beta }
    };
    let v_hat = v / (1.0 - beta2.powi(t));
    let step = lr * m / (1.0 - beta1.powi(t)) / (v_hat.sqrt() + epsilon);
    Weight {
        value: (now.value + step) / (1.0 - lr * weight_decay),
        m: before(m, beta1, gradient),
        // Rounding may leave a crumb below 0.
        v: before(v, beta2, gradient * gradient).max(0.0),
    }
}

/// Short, with three digits where it is small.
fn digits(x: f64) -> String {
    if x != 0.0 && x.abs() < 0.1 { format!("{x:.2e}") } else { value(x) }
}
