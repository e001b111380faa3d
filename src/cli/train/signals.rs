//! Signals that end a run: the first lets it halt and be saved, the second ends it at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::Sender;

use crate::train::Command;

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
    #[cfg(unix)]
    pub fn forward(mut self, trainer: Sender<Command>) -> io::Result<Arc<AtomicI32>> {
        let first = Arc::clone(&self.first);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in &mut self.caught {
                if self.first.swap(signal, Ordering::SeqCst) != 0 {
                    signal_hook::low_level::exit(128 + signal);
                }
                // Its answer wakes the observer; a trainer that has ended needs no pause.
                _ = trainer.send(Command::Pause);
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
    pub fn forward(self, _: Sender<Command>) -> io::Result<Arc<AtomicI32>> {
        Ok(self.first)
    }
}

/// Whether who started this program wants a signal to be ignored, as `nohup` does with SIGHUP.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action it only fills the struct, for which all zeros is a value, too.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
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
