//! The thread that trains. It takes commands at step boundaries and answers with events and, for what panes look at,
//! with snapshots and samples in two latest-wins slots. It never waits for whoever observes it.
//!
//! ```text
//! observer ── Command ──▶ driver ── step, estimate, look, generate ──▶ session
//! observer ◀── Told (all events, in order), Snapshot and Sample (the latest) ── driver
//! ```

mod driver;
mod ends;
mod generating;
mod looking;
mod parked;
mod slot;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::command::{Command, Order};
use super::event::{Event, Told};
use super::material::Material;
use super::session::{Session, SessionError};
use super::snapshot::Slots;
use super::team::Team;
use crate::stage::config::Config;
use driver::Driver;
use ends::Ends;
use parked::Parked;
use slot::LatestSlots;

/// The observer's end of a training thread. Dropping it ends the thread at the next step boundary and waits for it.
#[derive(Debug)]
pub struct Worker {
    commands: Sender<Order>,
    /// Everything that happens, in order.
    pub events: Receiver<Told>,
    slots: Arc<LatestSlots>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread that opens a new run, [`RunId::FIRST`], paused. If it cannot be opened, the first event is a
    /// `NotOpened` that says why, and the worker waits for another `Open`.
    pub fn spawn(material: impl Into<Material>, threads: usize, config: Config) -> Self {
        Self::spawn_beside(Parked::default(), material, threads, config)
    }

    fn spawn_beside(
        parked: Parked,
        material: impl Into<Material>,
        threads: usize,
        config: Config,
    ) -> Self {
        let material = material.into();
        Self::start(move |ends| match Team::new(threads) {
            Ok(team) => team.clone().run(move || {
                let mut driver = Driver::new(material, team, parked, ends);
                driver.open_first(config);
                driver.drive();
            }),
            Err(error) => ends.fail(SessionError::from(error).to_string()),
        })
    }

    /// Starts a thread for a run that is open already, under the name it has, paused.
    pub fn of(session: Session) -> Self {
        Self::start(move |ends| {
            let team = session.team().clone();
            team.clone().run(move || {
                let material = session.material().clone();
                let mut driver = Driver::new(material, team, Parked::default(), ends);
                driver.enter(session);
                driver.drive();
            });
        })
    }

    fn start(work: impl FnOnce(Ends) + Send + 'static) -> Self {
        let (commands, inbox) = channel();
        let (outbox, events) = channel();
        let slots = Arc::new(LatestSlots::default());
        let slots_of_worker = Arc::clone(&slots);
        let ends = Ends { inbox, outbox: outbox.clone(), slots: slots_of_worker, run: None };
        let last_words = outbox.clone();
        let thread = thread::Builder::new().name("worker".to_owned()).spawn(move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(ends))) {
                // The driver catches panics of its work; this one is its own.
                let message = driver::panic_message(&*panic);
                _ = last_words.send(Event::Failed { message }.into());
            }
            _ = last_words.send(Event::Stopped.into());
        });
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                let message = format!("the training thread could not be started: {error}");
                _ = outbox.send(Event::Failed { message }.into());
                _ = outbox.send(Event::Stopped.into());
                None
            }
        };
        Self { commands, events, slots, thread }
    }

    /// Asks for something, of whichever run is open; it happens at the next step boundary. After the worker has ended,
    /// nothing does.
    pub fn send(&self, command: Command) {
        _ = self.commands.send(Order { run: None, command });
    }

    /// A second hand on the commands, for another part of the observer.
    pub fn commands(&self) -> Sender<Order> {
        self.commands.clone()
    }

    /// Where snapshots and samples appear.
    pub fn slots(&self) -> Arc<dyn Slots> {
        self.slots.clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
// With the private feature f64 what comes back from a file is rounded.
#[cfg(all(test, not(feature = "f64")))]
mod turns;
