//! Where the latest snapshot and the latest sample wait to be looked at.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use crate::train::snapshot::{Sample, Slots, Snapshot};

/// How soon to try again when the observer was just reaching into a slot.
pub(super) const RETRY: Duration = Duration::from_millis(1);

/// A place for the latest of something. Writing replaces, reading takes.
#[derive(Debug)]
pub(super) struct Slot<T>(Mutex<Option<Arc<T>>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Slot<T> {
    /// Puts the latest in place, or hands it back if the observer is just reaching into the slot.
    pub fn put(&self, latest: Arc<T>) -> Result<(), Arc<T>> {
        let mut place = match self.0.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(latest),
        };
        *place = Some(latest);
        Ok(())
    }

    pub fn take(&self) -> Option<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Debug, Default)]
pub(super) struct LatestSlots {
    pub snapshot: Slot<Snapshot>,
    pub sample: Slot<Sample>,
}

impl Slots for LatestSlots {
    fn take_snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.take()
    }

    fn take_sample(&self) -> Option<Arc<Sample>> {
        self.sample.take()
    }
}
