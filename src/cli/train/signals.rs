//! Signals that end a run: the first lets it halt and be saved, the second ends it at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::Sender;

use crate::train::{Command, Order};

/// Signals that no longer end the program by themselves, and the first that arrived; 0 before.
pub struct Signals {
    #[cfg(unix)]
    caught: signal_hook::iterator::Signals,
    first: Arc<AtomicI32>,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// If the system refuses.
    #[cfg(unix)]
    pub fn catch() -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let mut wanted = vec![SIGINT, SIGTERM];
        if !is_ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        let caught = signal_hook::iterator::Signals::new(wanted)?;
        Ok(Self { caught, first: Arc::default() })
    }

    /// Lets them pause the trainer; where the first of them will stand.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn forward(self, trainer: Sender<Order>) -> io::Result<Arc<AtomicI32>> {
        // Its answer wakes the observer; a trainer that has ended needs no pause.
        self.watch(move || _ = trainer.send(Order { run: None, command: Command::Pause }))
    }

    /// Lets the first of them halt the work; where it will stand.
    ///
    /// # Errors
    /// If the system refuses.
    #[cfg(unix)]
    pub fn watch(mut self, halt: impl Fn() + Send + 'static) -> io::Result<Arc<AtomicI32>> {
        let first = Arc::clone(&self.first);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in &mut self.caught {
                if self.first.swap(signal, Ordering::SeqCst) != 0 {
                    signal_hook::low_level::exit(128 + signal);
                }
                halt();
            }
        })?;
        Ok(first)
    }

    #[cfg(not(unix))]
    #[allow(clippy::unnecessary_wraps)]
    pub fn catch() -> io::Result<Self> {
        Ok(Self { first: Arc::default() })
    }

    #[cfg(not(unix))]
    #[allow(clippy::unnecessary_wraps)]
    pub fn watch(self, _: impl Fn() + Send + 'static) -> io::Result<Arc<AtomicI32>> {
        Ok(self.first)
    }
}

/// Whether who started this program wants a signal to be ignored, as `nohup` does with SIGHUP. Only Linux tells.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// What a signal is called.
pub fn name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        15 => "SIGTERM",
        _ => "a signal",
    }
}
