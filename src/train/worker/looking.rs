//! Snapshots while training: when they are due, and what they may cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::slot::{RETRY, Slot};
use crate::train::session::Session;
use crate::train::snapshot::{Snapshot, Subscription};

/// While training, the time from one snapshot to the next is at least this many times what a snapshot takes.
const TIMES_ITS_COST: u32 = 40;
/// No observer looks less often than this; larger wishes are cut, so that time can be added up without care.
const LONGEST: f64 = 3600.0;

pub(super) struct Looking {
    subscription: Subscription,
    every: Duration,
    /// When the next one may be made while training.
    next: Instant,
    /// The step the last one shows; `None`: it is out of date for another reason.
    shown: Option<u64>,
    /// One that the observer's hand kept from its slot.
    undelivered: Option<Arc<Snapshot>>,
}

impl Looking {
    pub fn new(now: Instant) -> Self {
        Self {
            subscription: Subscription::default(),
            every: Duration::ZERO,
            next: now,
            shown: None,
            undelivered: None,
        }
    }

    pub fn subscribe(&mut self, subscription: Subscription) {
        let every = subscription.every_seconds.clamp(0.0, LONGEST);
        self.every = Duration::try_from_secs_f64(every).unwrap_or_default();
        self.subscription = subscription;
        self.restart();
    }

    /// The prompts that it is about.
    pub fn prompts(&self) -> impl Iterator<Item = &[u32]> {
        let instruments = self.subscription.instruments.iter();
        let prompts = instruments.map(|(_, arguments)| &arguments.prompt[..]);
        std::iter::once(&self.subscription.prompt[..]).chain(prompts)
    }

    /// Makes the next one at once: what it shows has changed.
    pub fn restart(&mut self) {
        self.shown = None;
        self.undelivered = None;
        self.next = Instant::now();
    }

    /// When the next one is due, if ever. While the run rests, at once if the last one is out of date.
    pub fn due(&self, step: u64, resting: bool) -> Option<Instant> {
        // Without a prompt there may still be activations: a made task has examples of its own.
        if self.undelivered.is_some() {
            return Some(self.next);
        }
        if self.subscription.is_of_nothing() || self.shown == Some(step) {
            return None;
        }
        Some(if resting || self.shown.is_none() {
            self.next.min(Instant::now())
        } else {
            self.next
        })
    }

    pub fn look(&mut self, session: &mut Session, slot: &Slot<Snapshot>) {
        let snapshot = match self.undelivered.take() {
            Some(snapshot) if self.shown == Some(session.step_count()) => snapshot,
            _ => {
                let start = Instant::now();
                let snapshot = session.snapshot(&self.subscription);
                self.shown = Some(snapshot.step);
                self.next = start + self.every.max(start.elapsed() * TIMES_ITS_COST);
                Arc::new(snapshot)
            }
        };
        if let Err(snapshot) = slot.put(snapshot) {
            self.undelivered = Some(snapshot);
            self.next = Instant::now() + RETRY;
        }
    }
}
