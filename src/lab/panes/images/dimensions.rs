//! How much each latent tells the decoder, as bars of its KL, and the verdict on them all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::latents::{Latents, Verdict};
use crate::lab::facts::Facts;
use crate::lab::number::{count, loss, setting};
use crate::lab::pen::{Lines, put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;

/// Columns before the bars: `z12   2.314  `.
pub(super) const BEFORE: u16 = 13;
/// The bars reach to this many nats at least, so that what is next to nothing looks so.
const LEAST: f64 = 1.0;

pub fn draw(facts: &Facts, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let Some(latents) = Latents::of(facts) else {
        return sentence(theme, "The latents are drawn with the next step.", area, buf);
    };
    let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
    let mut lines = Lines::new(theme, area, buf);
    if area.height >= 4 {
        let images = latents.count;
        let long = format!("KL(q(z|x) || N(0, 1)) in nats, mean of {images} held-out images");
        let head = if long.len() <= usize::from(area.width) { long } else { "KL, nats".to_owned() };
        lines.line(&head, muted);
    }
    // The sum and the verdict have their rows before the dimensions have theirs.
    let room = usize::from(lines.left().saturating_sub(3)).max(1);
    let listed = if latents.width <= room { latents.width } else { room - 1 };
    let finite = (0..latents.width).map(|i| latents.kl_of(i)).filter(|kl| kl.is_finite());
    let most = finite.fold(LEAST, f64::max);
    let width = usize::from(area.width.saturating_sub(BEFORE));
    for i in 0..listed {
        let kl = latents.kl_of(i);
        let y = lines.y;
        lines.line(&format!("z{:<3}{:>7}", i + 1, loss(kl)), text);
        let style = theme.style(if latents.is_unused(i) { Role::Warning } else { Role::Accent });
        let bars = bar(kl / most, width, &theme.glyphs);
        put(lines.buf, area, area.x + BEFORE, y, &bars, style);
    }
    if listed < latents.width {
        lines.line(&format!("and {} more", latents.width - listed), muted);
    }
    let beta = facts.run.map_or(f64::NAN, |run| run.config.training.beta);
    let all = format!("all {:>7}   beta {}", loss(latents.kl()), setting(beta));
    lines.line(&all, text);
    let (role, verdict) = said(&latents, &latents.verdict(facts));
    let area = Rect { y: lines.y, height: lines.left(), ..area };
    if !area.is_empty() {
        // A sentence in the verdict's colour, wrapped.
        sentence(theme, &verdict, area, lines.buf);
        lines.buf.set_style(area, theme.style(role));
    }
}

/// The verdict in words.
fn said(latents: &Latents, verdict: &Verdict) -> (Role, String) {
    let all = latents.width;
    match verdict {
        Verdict::Early(from) => {
            (Role::Muted, format!("Too early for a verdict: there is one from step {} on.", count(*from)))
        }
        Verdict::Collapsed => (
            Role::Bad,
            "Posterior collapse: q(z|x) is the prior for every image, and the decoder is told nothing."
                .to_owned(),
        ),
        Verdict::Unused(n) => {
            let are = if *n == 1 { "is" } else { "are" };
            (Role::Warning, format!("{n} of {all} dimensions {are} not in use (under 0.05 nat)."))
        }
        Verdict::InUse => (Role::Good, "No collapse: every dimension is in use.".to_owned()),
        Verdict::Unknown => (Role::Bad, "The numbers are none any more.".to_owned()),
    }
}
