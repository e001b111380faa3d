//! The worker's side of the channels.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::slot::LatestSlots;
use crate::train::command::Order;
use crate::train::event::{Event, RunId, Told};

/// The worker's ends of what connects it to its observer.
pub(super) struct Ends {
    pub inbox: Receiver<Order>,
    pub outbox: Sender<Told>,
    pub slots: Arc<LatestSlots>,
    /// The open run, which is what events are about.
    pub run: Option<RunId>,
}

impl Ends {
    pub fn tell(&self, event: Event) {
        self.tell_of(self.run, event);
    }

    pub fn tell_of(&self, run: Option<RunId>, event: Event) {
        // An observer that has left needs no answer; the next look at the inbox ends the worker.
        _ = self.outbox.send(Told { run, event });
    }

    pub fn fail(&self, message: String) {
        self.tell(Event::Failed { message });
    }
}
