//! The trainer: a session that steps a model, a worker thread that drives it, commands in, events and snapshots out.
//!
//! The terminal and the headless commands are two observers of one event stream and do not know each other.

pub mod adamw;
pub mod checkpoint;
pub mod command;
pub mod event;
pub mod experiment;
pub mod fork;
pub mod generation;
pub mod history;
pub mod machine_rate;
pub mod material;
pub mod measure;
pub mod memory;
pub mod observed;
pub mod report;
pub mod schedule;
pub mod session;
pub mod snapshot;
pub mod team;
#[cfg(test)]
pub(crate) mod testing;
pub mod worker;

pub use checkpoint::Checkpoint;
pub use command::{Command, Order};
pub use event::{Event, RunId, Told};
pub use fork::Fork;
pub use generation::Generation;
pub use history::History;
pub use material::Material;
pub use observed::Observed;
pub use session::Session;
pub use snapshot::{Sample, Snapshot, Subscription};
pub use team::Team;
pub use worker::Worker;
