//! AdamW, one weight: its step is the mean of its gradients, measured by their size (Kingma and Ba 2015, algorithm 1), and
//! apart from that the weight shrinks a little (Loshchilov and Hutter 2019, algorithm 2; in PyTorch's form, where the
//! learning rate multiplies the decay).
//!
//! It has no backward: nothing is learned through it.

/// What is the same for every weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub lr: f64,
    /// How much of the mean of the gradients stays at a step.
    pub beta1: f64,
    /// How much of the mean of their squares stays.
    pub beta2: f64,
    /// Keeps a weight whose gradients are all but 0 from a step of 0 / 0.
    pub epsilon: f64,
    pub weight_decay: f64,
}

/// A weight, and the running means of its gradients and of their squares, both 0 in the beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    pub value: f64,
    pub m: f64,
    pub v: f64,
}

/// An update with all that comes up on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// What the decay takes off the value.
    pub decay: f64,
    /// The means, corrected for having begun at 0.
    pub m_hat: f64,
    pub v_hat: f64,
    /// What the step takes off the value.
    pub step: f64,
    pub after: Weight,
}

/// Update number `t`, counted from 1, by `gradient`.
pub fn update(weight: Weight, gradient: f64, t: i32, rule: Rule) -> Weight {
    follow(weight, gradient, t, rule).after
}

/// [`update`], followed by hand.
pub fn follow(weight: Weight, gradient: f64, t: i32, rule: Rule) -> Update {
    let Rule { lr, beta1, beta2, epsilon, weight_decay } = rule;
    let Weight { mut value, mut m, mut v } = weight;
    // pass 1: decay
    let decay = lr * weight_decay * value;
    value -= decay;
    // pass 2: the running means
    m = beta1 * m + (1.0 - beta1) * gradient;
    v = beta2 * v + (1.0 - beta2) * gradient * gradient;
    // pass 3: bias correction. After t updates the factors in such a mean sum to 1 - beta^t only, for it began at 0.
    let m_hat = m / (1.0 - beta1.powi(t));
    let v_hat = v / (1.0 - beta2.powi(t));
    // pass 4: the step, about lr long while the gradients agree
    let step = lr * m_hat / (v_hat.sqrt() + epsilon);
    value -= step;
    Update { decay, m_hat, v_hat, step, after: Weight { value, m, v } }
}

/// The same by plain gradient descent, which remembers nothing: the new value.
pub fn descend(value: f64, gradient: f64, lr: f64) -> f64 {
    value - lr * gradient
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gradient that never changes, however large, moves a weight by lr at every step: the corrected means are exact.
    #[test]
    fn a_constant_gradient_moves_by_the_learning_rate() {
        let rule = Rule { lr: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-12, weight_decay: 0.0 };
        for gradient in [1e-3, -20.0] {
            let mut weight = Weight { value: 3.0, m: 0.0, v: 0.0 };
            for t in 1..=5 {
                let before = weight.value;
                weight = update(weight, gradient, t, rule);
                assert!((before - weight.value - 0.1 * gradient.signum()).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn without_a_gradient_a_weight_only_shrinks() {
        let rule = Rule { lr: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.5 };
        let weight = update(Weight { value: 2.0, m: 0.0, v: 0.0 }, 0.0, 1, rule);
        assert!((weight.value - 1.9).abs() < 1e-15);
    }
}
