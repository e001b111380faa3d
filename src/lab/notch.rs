//! Temperature, top-k and top-p, moved by a key at a time.

use super::action::Action;
use crate::model::sampling::Sampling;

const TEMPERATURES: (f64, f64, f64) = (0.0, 5.0, 0.1);

/// Moves what the action is about by a notch; what is drawn has so many `tokens` to choose from.
pub fn notch(sampling: &mut Sampling, action: Action, tokens: usize) {
    let (coldest, hottest, notch) = TEMPERATURES;
    let temperature = |to: f64| ((to / notch).round() * notch * 100.0).round() / 100.0;
    match action {
        Action::TemperatureUp => {
            sampling.temperature = temperature(sampling.temperature + notch).min(hottest);
        }
        Action::TemperatureDown => {
            sampling.temperature = temperature(sampling.temperature - notch).max(coldest);
        }
        Action::TopKUp => {
            sampling.top_k = sampling.top_k.map(|k| k + 1).filter(|k| *k < tokens);
        }
        Action::TopKDown => {
            let k = sampling.top_k.unwrap_or(tokens);
            sampling.top_k = Some(k.saturating_sub(1).max(1));
        }
        Action::TopPUp => {
            sampling.top_p = sampling.top_p.map(|p| percent(p + 0.05)).filter(|p| *p < 1.0);
        }
        Action::TopPDown => {
            sampling.top_p = Some(percent(sampling.top_p.unwrap_or(1.0) - 0.05).max(0.05));
        }
        _ => {}
    }
}

fn percent(p: f64) -> f64 {
    (p * 100.0).round() / 100.0
}
