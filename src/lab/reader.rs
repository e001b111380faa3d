//! The thread that listens to the terminal. It waits where the inbox is full, and ends with the terminal.

use std::sync::mpsc::SyncSender;
use std::thread;

use super::driver::Incoming;
use super::key;
use super::model::Msg;
use super::{terminal, watchdog};

/// Listens from now on; `asked`: the terminal has been sent our query.
pub fn start(sender: SyncSender<Incoming>, asked: bool) {
    thread::spawn(move || {
        let mut send = |incoming| sender.send(incoming).is_ok();
        if listen(asked, &mut send) == Ended::Lost {
            watchdog::arm(terminal::LOST);
            send(Incoming::Msg(Msg::Terminate));
        }
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The terminal is gone.
    Lost,
    /// The driver is.
    Left,
}

#[cfg(unix)]
fn listen(asked: bool, send: &mut dyn FnMut(Incoming) -> bool) -> Ended {
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, read};

    use super::input::Parser;

    let (stdin, start) = (std::io::stdin(), Instant::now());
    let (mut parser, mut inputs, mut bytes) = (Parser::default(), Vec::new(), [0; 4096]);
    if asked {
        parser.ask(Duration::ZERO);
    }
    loop {
        let wait = parser.due().map(|due| {
            let left = due.saturating_sub(start.elapsed());
            Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos().into() }
        });
        // Whatever it says of the terminal, reading knows better.
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], wait.as_ref()) {
            Ok(0) => parser.pass(start.elapsed(), &mut inputs),
            Ok(_) => match read(&stdin, &mut bytes) {
                Ok(0) => return Ended::Lost,
                Ok(n) => parser.feed(&bytes[..n], start.elapsed(), &mut inputs),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Ended::Lost,
            },
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Ended::Lost,
        }
        if !inputs.drain(..).flat_map(incoming).all(&mut *send) {
            return Ended::Left;
        }
    }
}

#[cfg(unix)]
fn incoming(input: super::input::Input) -> Vec<Incoming> {
    use super::input::Input;

    let msg = match input {
        Input::Key(event) if key::is_plain(&event) => Msg::Key(event),
        Input::Key(_) => return Vec::new(),
        Input::Mouse(event) => Msg::Mouse(event),
        Input::Paste { text, dropped: 0 } => Msg::Paste(text),
        Input::Paste { text, dropped } => {
            let both = [Msg::Paste(text), Msg::PasteCut(dropped)];
            return both.map(Incoming::Msg).into();
        }
        Input::Ground(ground) => Msg::Ground(ground),
        Input::Answered => return vec![Incoming::Answered],
    };
    vec![Incoming::Msg(msg)]
}

#[cfg(not(unix))]
fn listen(_asked: bool, send: &mut dyn FnMut(Incoming) -> bool) -> Ended {
    use ratatui::crossterm::event::{Event, read};
    use ratatui::layout::Size;

    loop {
        let msg = match read() {
            Ok(Event::Key(event)) if key::is_plain(&event) => Msg::Key(event),
            Ok(Event::Mouse(event)) => Msg::Mouse(event),
            Ok(Event::Paste(text)) => Msg::Paste(text),
            Ok(Event::Resize(width, height)) => Msg::Resize(Size::new(width, height)),
            Ok(_) => continue,
            Err(_) => return Ended::Lost,
        };
        if !send(Incoming::Msg(msg)) {
            return Ended::Left;
        }
    }
}
