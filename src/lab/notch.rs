//! Temperature, top-k and top-p, moved by a key at a time.

use super::action::Action;
use crate::model::sampling::Sampling;

/// The highest temperature.
pub const HOTTEST: f64 = 5.0;
const TEMPERATURE_NOTCH: f64 = 0.1;

/// Tokens that top-k keeps, notch by notch.
const KEPT: [usize; 16] = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 60, 100, 200, 500, 1000];
/// What top-k begins with, coming from all.
const MOST_KEPT: usize = 40;
/// So few tokens that each of them counts.
const FEW: usize = 12;

/// Moves what the action is about by a notch; what is drawn has so many `tokens` to choose from.
pub fn notch(sampling: &mut Sampling, action: Action, tokens: usize) {
    let notch = TEMPERATURE_NOTCH;
    let temperature = |to: f64| ((to / notch).round() * notch * 100.0).round() / 100.0;
    match action {
        Action::TemperatureUp => {
            sampling.temperature = temperature(sampling.temperature + notch).min(HOTTEST);
        }
        Action::TemperatureDown => {
            sampling.temperature = temperature(sampling.temperature - notch).max(0.0);
        }
        Action::TopKUp => {
            let above = |k: usize| KEPT.into_iter().find(|kept| *kept > k);
            sampling.top_k = sampling.top_k.and_then(above).filter(|k| *k < tokens);
        }
        Action::TopKDown => {
            let below = |k: usize| KEPT.into_iter().rev().find(|kept| *kept < k).unwrap_or(1);
            // All but a few are as good as all: it begins where it can be seen.
            let half = (tokens / 2).min(MOST_KEPT);
            let first = if tokens <= FEW { tokens.saturating_sub(1) } else { half };
            sampling.top_k = Some(sampling.top_k.map_or(first.max(1), below));
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
