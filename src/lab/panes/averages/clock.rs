//! How long each way takes on a batch as large as one that is trained on: measured when it is asked for.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand::Rng;

use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::math::Real;
use crate::math::averages::{WAYS, Way};
use crate::math::random::{Purpose, stream};

/// B and C of the batch.
const BATCH: usize = 32;
const CHANNELS: usize = 32;
/// The contexts that can be chosen.
pub const TIMES: [usize; 3] = [8, 64, 256];
/// A way is repeated for so long, and at least done once; the fastest counts: others are disturbed.
const BUDGET: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
pub struct Clock {
    /// Which of the contexts.
    chosen: usize,
    /// Seconds of each way, by context; `None` until measured.
    pub measured: [Option<[f64; 3]>; 3],
}

impl Clock {
    pub fn shorter(&mut self) {
        self.chosen = self.chosen.saturating_sub(1);
    }

    pub fn longer(&mut self) {
        self.chosen = (self.chosen + 1).min(TIMES.len() - 1);
    }

    pub fn measure(&mut self) {
        let time = TIMES[self.chosen];
        let mut rng = stream(0, Purpose::Examples, 1);
        let x: Vec<Real> =
            (0..BATCH * time * CHANNELS).map(|_| rng.random_range(-1.0..1.0)).collect();
        self.measured[self.chosen] = Some(WAYS.map(|(_, way)| seconds(way, &x, time)));
    }

    /// What the table below it is.
    pub fn says(&self) -> String {
        format!("One batch, B {BATCH}, C {CHANNELS}, in ms; s times T {}.", TIMES[self.chosen])
    }

    pub fn table<'a>(&self, theme: &'a Theme) -> Columns<'a> {
        let contexts = TIMES.map(|time| (time.to_string(), Role::Time)).to_vec();
        let mut first = Column::new("T", Cells::Numbers(contexts));
        first.role = Role::Time;
        let of = |way: usize| {
            Cells::Numbers(self.measured.iter().map(|all| cell(all.map(|all| all[way]))).collect())
        };
        let ways = WAYS.iter().enumerate().map(|(i, (name, _))| Column::new(*name, of(i)));
        let columns = std::iter::once(first).chain(ways).collect();
        Columns { theme, columns, cursor: Some(self.chosen), foot: 0 }
    }
}

fn cell(seconds: Option<f64>) -> (String, Role) {
    match seconds {
        Some(seconds) => (format!("{:.3}", seconds * 1e3), Role::Text),
        None => ("not yet".to_owned(), Role::Muted),
    }
}

fn seconds(way: Way, x: &[Real], time: usize) -> f64 {
    let start = Instant::now();
    let mut fastest = f64::INFINITY;
    loop {
        let one = Instant::now();
        black_box(way(black_box(x), time, CHANNELS));
        fastest = fastest.min(one.elapsed().as_secs_f64());
        if start.elapsed() >= BUDGET {
            return fastest;
        }
    }
}
