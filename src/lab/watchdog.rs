//! Leaving that cannot fail: once the lab has been told to go, it is gone after a while, whatever its threads are doing.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::terminal;

/// How long saving may take after a signal.
const GRACE: Duration = Duration::from_secs(10);
/// How long giving the terminal back may take: one that has stopped reading never takes what is written to it.
const FAREWELL: Duration = Duration::from_millis(500);

static ARMED: AtomicBool = AtomicBool::new(false);

/// Ends the process with this code if it is still there after the grace. Only the first call counts.
pub fn arm(code: u8) {
    if !ARMED.swap(true, Ordering::SeqCst) {
        thread::spawn(move || {
            thread::sleep(GRACE);
            leave(code, "saving took longer than 10 s");
        });
    }
}

/// Gives the terminal back, as far as it takes it, says why, and ends the process without a look at its other threads.
pub fn leave(code: u8, why: &str) -> ! {
    let (done, restored) = channel();
    let text = format!("error: left before everything was saved: {why}\n");
    thread::spawn(move || {
        terminal::restore();
        // A terminal that is gone reads nothing.
        _ = std::io::stderr().write_all(text.as_bytes());
        _ = done.send(());
    });
    _ = restored.recv_timeout(FAREWELL);
    terminal::calm();
    exit(code)
}

/// Ends the process at once: a thread may be in the middle of a matrix product, and the libraries' own farewells would
/// pull the ground from under it.
pub fn exit(code: u8) -> ! {
    #[cfg(unix)]
    signal_hook::low_level::exit(code.into());
    #[cfg(not(unix))]
    std::process::exit(code.into());
}
