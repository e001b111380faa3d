//! What a frame costs the thread that draws: taking in what happened, drawing, comparing with the last frame, writing.
//!
//! In time of a core, which is what training goes without. Waiting is no part of it: for a core that the trainer holds, or
//! for a slow terminal.

use std::collections::VecDeque;
use std::time::Duration;

/// How long the calling thread has been at work; `None` where the system does not say.
pub fn at_work() -> Option<Duration> {
    #[cfg(unix)]
    {
        use rustix::time::{ClockId, clock_gettime};
        Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
    }
    #[cfg(not(unix))]
    None
}

/// How many frames are remembered: some two seconds of them.
const REMEMBERED: usize = 64;

/// The costs of the latest frames.
#[derive(Clone, Debug, Default)]
pub struct FrameCost(VecDeque<Duration>);

impl FrameCost {
    pub fn drawn(&mut self, cost: Duration) {
        self.0.truncate(REMEMBERED - 1);
        self.0.push_front(cost);
    }

    /// Of one frame; `None` before the first.
    pub fn mean(&self) -> Option<Duration> {
        let frames = u32::try_from(self.0.len()).ok().filter(|frames| *frames > 0)?;
        Some(self.0.iter().sum::<Duration>() / frames)
    }

    pub fn worst(&self) -> Option<Duration> {
        self.0.iter().max().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_frames_count() {
        let mut frames = FrameCost::default();
        assert_eq!((frames.mean(), frames.worst()), (None, None));
        frames.drawn(Duration::from_millis(90));
        for cost in [1, 3].repeat(REMEMBERED / 2 - 1) {
            frames.drawn(Duration::from_millis(cost));
        }
        assert_eq!(frames.worst(), Some(Duration::from_millis(90)));
        frames.drawn(Duration::from_millis(1));
        frames.drawn(Duration::from_millis(3));
        assert_eq!(frames.mean(), Some(Duration::from_millis(2)));
        assert_eq!(frames.worst(), Some(Duration::from_millis(3)));
    }
}
