//! Signals, as the driver's news. None of them leaves the terminal in raw mode, but for those that cannot be caught.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::terminal::size;
use ratatui::layout::Size;
#[cfg(target_os = "linux")]
use rustix::process::Signal;
use signal_hook::consts::signal::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;

use super::driver::Incoming;
use super::model::Msg;
use super::{terminal, watchdog};

/// Save and leave.
const LEAVING: [i32; 5] = [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGXCPU];
/// Would end a program that does not care. SIGXFSZ: the write that was too much says so itself.
const HARMLESS: [i32; 7] = [SIGUSR1, SIGUSR2, SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF, SIGIO];
/// Linux has more that end a program: power and a coprocessor that fail, and those without a meaning of their own.
#[cfg(target_os = "linux")]
const MORE: std::ops::RangeInclusive<i32> = 35..=64;
const SCREEN: [i32; 3] = [SIGTSTP, SIGCONT, SIGWINCH];
/// `timeout` and some shells send a signal to the program and again to its group: that is one.
const TWICE: Duration = Duration::from_millis(500);

/// The signal that the lab leaves on, once there is one.
#[derive(Clone, Debug, Default)]
pub struct Leaving(Arc<AtomicU8>);

impl Leaving {
    /// The exit code. Asked to go, it goes, and all is well if everything is saved; SIGQUIT is never well. `forced`: nobody
    /// was there to answer. A terminal that is lost may be noticed before the signal that tells of it: that is the same.
    pub fn code(&self, saved: bool, forced: bool) -> u8 {
        match self.0.load(Ordering::SeqCst) {
            0 if forced && !saved => terminal::LOST,
            0 => 0,
            signal if saved && i32::from(signal) != SIGQUIT => 0,
            signal => 128 + signal,
        }
    }
}

/// Watches from now on, and tells the driver.
///
/// # Errors
/// If the system refuses.
pub fn watch(sender: SyncSender<Incoming>) -> io::Result<Leaving> {
    let mut signals = Signals::new(LEAVING.into_iter().chain(HARMLESS).chain(SCREEN))?;
    #[cfg(target_os = "linux")]
    for signal in MORE.chain([Signal::POWER, Signal::STKFLT].map(Signal::as_raw)) {
        // A C library may keep some to itself.
        _ = signals.add_signal(signal);
    }
    let leaving = Leaving::default();
    let told = leaving.clone();
    thread::spawn(move || {
        let mut first: Option<Instant> = None;
        for signal in &mut signals {
            match signal {
                // The one that we sent to our own process group on the way into suspension.
                SIGTSTP if terminal::sent_by_us() => {}
                SIGTSTP => push(&sender, Incoming::Suspend),
                SIGCONT => push(&sender, Incoming::Continued),
                // A full inbox has frames behind it, and each of them looks at the size.
                SIGWINCH => {
                    if let Ok((width, height)) = size() {
                        let msg = Msg::Resize(Size::new(width, height));
                        _ = sender.try_send(Incoming::Msg(msg));
                    }
                }
                signal if LEAVING.contains(&signal) => {
                    let code = 128 + signal as u8;
                    // A terminal that closes sends several HUPs.
                    let again = signal != SIGHUP && first.is_some_and(|at| at.elapsed() > TWICE);
                    if again {
                        watchdog::leave(code, "a second signal came");
                    }
                    if first.is_none() {
                        first = Some(Instant::now());
                        told.0.store(signal as u8, Ordering::SeqCst);
                        watchdog::arm(code);
                        push(&sender, Incoming::Msg(Msg::Terminate));
                    }
                }
                _ => {}
            }
        }
    });
    Ok(leaving)
}

/// Sends without waiting here: the next signal must be seen also when the driver is stuck.
fn push(sender: &SyncSender<Incoming>, incoming: Incoming) {
    if let Err(TrySendError::Full(incoming)) = sender.try_send(incoming) {
        let sender = sender.clone();
        thread::spawn(move || _ = sender.send(incoming));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_never_a_success() {
        let code = |signal: i32, saved, forced| {
            Leaving(Arc::new(AtomicU8::new(signal as u8))).code(saved, forced)
        };
        // The learner's own choice.
        assert_eq!([code(0, true, false), code(0, false, false)], [0, 0]);
        // Lost, with the signal that tells of it or before.
        assert_eq!([code(0, true, true), code(SIGHUP, true, true)], [0, 0]);
        assert_eq!([code(0, false, true), code(SIGHUP, false, true)], [129, 129]);
        assert_eq!([code(SIGTERM, true, true), code(SIGTERM, false, true)], [0, 143]);
        assert_eq!([code(SIGQUIT, true, true), code(SIGQUIT, false, true)], [131, 131]);
    }
}
