use std::time::Duration;

use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::parser::{ANSWER, HOLD, PASTE};
use super::*;
use crate::lab::action::ACTIONS;
use crate::lab::key::{self, Key};
use crate::lab::theme::Ground;

const MS: Duration = Duration::from_millis(1);
/// Between two reads: in one go, as over ssh, and as over a very bad line.
const DELAYS: [Duration; 5] =
    [Duration::ZERO, MS, HOLD, Duration::from_millis(400), Duration::from_secs(5)];

/// Replies that terminals send, each in the forms they are known in.
const REPLIES: &[&[u8]] = &[
    b"\x1b]10;rgb:d4d4/d4d4/d4d4\x1b\\",
    b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
    b"\x1b]11;rgb:fdfd/f6f6/e3e3\x07",
    b"\x1b]4;7;rgb:ffff/ffff/ffff\x07",
    b"\x1b]52;c;cXVpdA==\x1b\\",
    b"\x1b]lq quit r\x1b\\",
    b"\x1bP>|XTerm(390)\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1bP1$r0m\x1b\\",
    b"\x1bP!|00000000\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^private q\x1b\\",
    b"\x1bXstring q\x1b\\",
    b"\x1b[?64;1;22c",
    b"\x1b[>41;390;0c",
    b"\x1b[24;80R",
    b"\x1b[1;5R",
    b"\x1b[?1;2R",
    b"\x1b[?2026;2$y",
    b"\x1b[4;2$y",
    b"\x1b[0n",
    b"\x1b[?997;1n",
    b"\x1b[8;24;80t",
    b"\x1b[?1u",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[[A",
];

/// What these reads, each with its time, amount to; a while later.
fn parsed(reads: &[(&[u8], Duration)], asked: bool) -> Vec<Input> {
    let (mut parser, mut out) = (Parser::default(), Vec::new());
    if asked {
        parser.ask(Duration::ZERO);
    }
    for &(bytes, at) in reads {
        // As the reader does: time passes as far as it is due, then bytes come.
        while let Some(due) = parser.due().filter(|due| *due < at) {
            parser.pass(due, &mut out);
        }
        parser.feed(bytes, at, &mut out);
    }
    while let Some(due) = parser.due() {
        parser.pass(due, &mut out);
    }
    out
}

fn once(bytes: &[u8]) -> Vec<Input> {
    parsed(&[(bytes, Duration::ZERO)], false)
}

fn keys(inputs: &[Input]) -> Vec<KeyEvent> {
    inputs.iter().filter_map(|i| if let Input::Key(key) = i { Some(*key) } else { None }).collect()
}

fn plain(code: KeyCode) -> Input {
    Input::Key(code.into())
}

fn char(c: char) -> Input {
    plain(KeyCode::Char(c))
}

#[test]
fn no_reply_is_a_key_however_it_is_cut_and_however_late() {
    for reply in REPLIES {
        for delay in DELAYS {
            // After the two bytes that say what it is, every cut; and every byte on its own.
            for cut in 2..reply.len() {
                let reads = [(&reply[..cut], MS), (&reply[cut..], MS + delay), (b"z", MS + delay)];
                assert_eq!(keys(&parsed(&reads, false)), [KeyCode::Char('z').into()], "{reply:?}");
            }
            let mut reads = vec![(&reply[..2], MS)];
            for (i, byte) in reply[2..].chunks(1).enumerate() {
                reads.push((byte, MS + delay * (i as u32 + 1)));
            }
            assert_eq!(keys(&parsed(&reads, false)), [], "{reply:?} by bytes, {delay:?}");
        }
    }
}

#[test]
fn while_an_answer_is_due_it_may_be_cut_after_its_first_byte_too() {
    for reply in REPLIES.iter().filter(|reply| !reply.ends_with(b"c")) {
        for delay in [HOLD, Duration::from_millis(400), Duration::from_millis(1900)] {
            let reads = [(&reply[..1], MS), (&reply[1..], MS + delay)];
            assert_eq!(keys(&parsed(&reads, true)), [], "{reply:?} {delay:?}");
        }
    }
}

#[test]
fn replies_back_to_back_leave_the_keys_between_them() {
    let mut bytes = Vec::new();
    for reply in REPLIES {
        bytes.extend_from_slice(reply);
        bytes.push(b'x');
    }
    let found = keys(&once(&bytes));
    assert_eq!(found, vec![KeyEvent::from(KeyCode::Char('x')); REPLIES.len()]);
}

#[test]
fn the_query_is_answered_once() {
    let answer = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?64;1;22c";
    let answered = vec![Input::Ground(Ground::Light), Input::Answered];
    for cut in 1..answer.len() {
        let late = Duration::from_millis(400);
        let reads = [(&answer[..cut], late), (&answer[cut..], late * 2)];
        assert_eq!(parsed(&reads, true), answered, "{cut}");
    }
    // A terminal that knows no colours; one that says nothing; an answer that nobody waits for.
    assert_eq!(parsed(&[(b"\x1b[?6c", MS)], true), [Input::Answered]);
    assert_eq!(parsed(&[], true), [Input::Answered]);
    assert_eq!(once(b"\x1b[?6c"), []);
}

#[test]
fn a_lone_esc_is_held_and_then_a_key() {
    let mut parser = Parser::default();
    let mut out = Vec::new();
    parser.feed(b"\x1b", MS, &mut out);
    assert_eq!(parser.due(), Some(MS + HOLD));
    parser.pass(HOLD, &mut out);
    assert_eq!(out, []);
    parser.pass(MS + HOLD, &mut out);
    assert_eq!(out, [plain(KeyCode::Esc)]);
    assert_eq!(parser.due(), None);

    // While an answer is due, until it is there.
    let reads: [(&[u8], Duration); 2] = [(b"\x1b", MS), (b"\x1b[?6c", MS * 300)];
    assert_eq!(parsed(&reads, true), [plain(KeyCode::Esc), Input::Answered]);
    let mut parser = Parser::default();
    parser.ask(Duration::ZERO);
    parser.feed(b"\x1b", MS, &mut Vec::new());
    assert_eq!(parser.due(), Some(ANSWER));
    // The answer to a pressed Esc and then another key is both.
    let reads: [(&[u8], Duration); 2] = [(b"\x1b", MS), (b"n", MS * 300)];
    assert_eq!(parsed(&reads, true)[..2], [plain(KeyCode::Esc), char('n')]);
}

#[test]
fn esc_before_a_key_in_one_burst_is_alt() {
    for bytes in ["\x1bq", "\x1br", "\x1bé", "\x1b\r", "\x1b\x1b[A", "\x1b[1;3A", "\x1b[113;3u"] {
        for key in keys(&once(bytes.as_bytes())) {
            assert!(!key::is_plain(&key), "{bytes:?}: {key:?}");
        }
        assert_eq!(keys(&once(bytes.as_bytes())).len(), 1, "{bytes:?}");
    }
    let apart: [(&[u8], Duration); 2] = [(b"\x1b", MS), (b"q", MS + HOLD)];
    assert_eq!(parsed(&apart, false), [plain(KeyCode::Esc), char('q')]);
    assert_eq!(once(b"\x1b\x1b"), [plain(KeyCode::Esc), plain(KeyCode::Esc)]);
    // Esc was pressed when the reply came.
    assert_eq!(once(b"\x1b\x1b]11;?\x07x"), [plain(KeyCode::Esc), char('x')]);
}

#[test]
fn what_looks_like_a_reply_and_never_ends_is_given_up() {
    // Alt+] and its like, then keys: ctrl-c at once, another sequence at once, everything after a silence.
    for begun in ["\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX"] {
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(keys(&once(format!("{begun}qr\x03").as_bytes())), [control]);
        assert_eq!(once(format!("{begun}qr\x1b[Ax").as_bytes()), [plain(KeyCode::Up), char('x')]);
        let reads: [(&[u8], Duration); 2] =
            [(begun.as_bytes(), MS), (b"q", Duration::from_secs(11))];
        assert_eq!(parsed(&reads, false), [char('q')]);
    }
    assert_eq!(once(b"\x1b[12\rx"), [plain(KeyCode::Enter), char('x')]);
}

/// The bytes that terminals send for a key.
fn encodings(key: Key) -> Vec<Vec<u8>> {
    let sequences = |all: &[&str]| all.iter().map(|s| s.as_bytes().to_vec()).collect();
    match (key.code, key.control) {
        (KeyCode::Char(c), true) => vec![
            vec![c as u8 & 0x1f],
            format!("\x1b[{};5u", c as u32).into_bytes(),
            format!("\x1b[{};6u", c as u32).into_bytes(),
            format!("\x1b[27;5;{}~", c as u32).into_bytes(),
        ],
        (KeyCode::Char(c), false) => {
            let mut all = vec![
                c.to_string().into_bytes(),
                format!("\x1b[{}u", c as u32).into_bytes(),
                format!("\x1b[{};1:1u", c as u32).into_bytes(),
                format!("\x1b[57:{};2u", c as u32).into_bytes(),
            ];
            if c.is_uppercase() {
                all.push(format!("\x1b[{};2u", c.to_ascii_lowercase() as u32).into_bytes());
            }
            all
        }
        (KeyCode::Up, _) => sequences(&["\x1b[A", "\x1bOA", "\x1b[1;1A", "\x1b[1;2A"]),
        (KeyCode::Down, _) => sequences(&["\x1b[B", "\x1bOB", "\x1b[1;1:2B"]),
        (KeyCode::Right, _) => sequences(&["\x1b[C", "\x1bOC"]),
        (KeyCode::Left, _) => sequences(&["\x1b[D", "\x1bOD"]),
        (KeyCode::Home, _) => sequences(&["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"]),
        (KeyCode::End, _) => sequences(&["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"]),
        (KeyCode::PageUp, _) => sequences(&["\x1b[5~", "\x1b[5;1~"]),
        (KeyCode::PageDown, _) => sequences(&["\x1b[6~"]),
        (KeyCode::Delete, _) => sequences(&["\x1b[3~"]),
        (KeyCode::Tab, _) => sequences(&["\t", "\x1b[9u", "\x1b[27;1;9~"]),
        (KeyCode::BackTab, _) => sequences(&["\x1b[Z", "\x1b[1;2Z", "\x1b[9;2u", "\x1b[27;2;9~"]),
        (KeyCode::Enter, _) => sequences(&["\r", "\x1bOM", "\x1b[13u"]),
        (KeyCode::Backspace, _) => sequences(&["\x7f", "\x1b[127u"]),
        (KeyCode::Esc, _) => sequences(&["\x1b", "\x1b[27u"]),
        (code, _) => panic!("how is {code:?} sent?"),
    }
}

#[test]
fn every_key_of_the_table_arrives_in_every_encoding_cut_anywhere() {
    let places = ACTIONS.iter().flat_map(|row| row.places).flat_map(|place| place.keys).copied();
    let editing = [KeyCode::Backspace, KeyCode::Delete].map(key::named);
    for key in places.chain(editing) {
        for bytes in encodings(key) {
            for cut in 0..bytes.len() {
                // The reads of one key follow each other closely.
                let reads = [(&bytes[..cut], MS), (&bytes[cut..], MS * 2)];
                let found = keys(&parsed(&reads, false));
                assert_eq!(found.len(), 1, "{key} as {bytes:?}: {found:?}");
                assert!(key::is_plain(&found[0]), "{found:?}");
                assert_eq!(Key::from(found[0]), key, "{bytes:?}");
            }
        }
    }
    assert_eq!(once(b"\x1b[113;1:3u"), [], "a release");
    assert_eq!(once(b"\x1b[57441u"), [], "shift alone");
}

#[test]
fn characters_may_be_cut_anywhere_and_what_is_no_utf_8_is_dropped() {
    for text in ["é", "⏎", "字", "🙂"] {
        let c = text.chars().next().unwrap();
        for cut in 1..text.len() {
            let (a, b) = text.as_bytes().split_at(cut);
            assert_eq!(parsed(&[(a, MS), (b, MS * 900)], false), [char(c)]);
        }
    }
    // A lone continuation, a broken character, an overlong one, a surrogate, a C1 control.
    for bytes in ["\u{9b}".as_bytes(), b"\x80", b"\xe5\xad", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff"]
    {
        assert_eq!(once(&[bytes, b"x"].concat()), [char('x')], "{bytes:?}");
    }
}

#[test]
fn the_mouse_speaks_sgr_and_the_old_way() {
    let event =
        |kind, column, row, modifiers| Input::Mouse(MouseEvent { kind, column, row, modifiers });
    let none = KeyModifiers::NONE;
    let left = MouseButton::Left;
    let cases: [(&[u8], Input); 7] = [
        (b"\x1b[<0;1;1M", event(MouseEventKind::Down(left), 0, 0, none)),
        (b"\x1b[<0;120;40m", event(MouseEventKind::Up(left), 119, 39, none)),
        (b"\x1b[<64;300;7M", event(MouseEventKind::ScrollUp, 299, 6, none)),
        (b"\x1b[<65;3;7M", event(MouseEventKind::ScrollDown, 2, 6, none)),
        (b"\x1b[<34;3;7M", event(MouseEventKind::Drag(MouseButton::Right), 2, 6, none)),
        (b"\x1b[<16;3;7M", event(MouseEventKind::Down(left), 2, 6, KeyModifiers::CONTROL)),
        (b"\x1b[M !!", event(MouseEventKind::Down(left), 0, 0, none)),
    ];
    for (bytes, expected) in cases {
        for cut in 2..bytes.len() {
            let reads = [(&bytes[..cut], MS), (&bytes[cut..], MS * 400), (b"z", MS * 401)];
            assert_eq!(parsed(&reads, false), [expected.clone(), char('z')], "{bytes:?}");
        }
    }
    for bytes in [&b"\x1b[<0;0;1M"[..], b"\x1b[<0;1M", b"\x1b[<0;99999;1M", b"\x1b[<200;1;1M"] {
        assert_eq!(once(bytes), []);
    }
}

#[test]
fn a_paste_is_text_cut_anywhere() {
    let text = "q\x1b[Ar\x1b[201x\x1b\x1b]11;?\x07\r\nü";
    let bytes = format!("\x1b[200~{text}\x1b[201~z");
    for cut in 2..bytes.len() {
        let (a, b) = bytes.as_bytes().split_at(cut);
        let paste = Input::Paste { text: text.to_owned(), dropped: 0 };
        // The text may take its time; its beginning is like any other sequence's.
        let pause = if cut < 6 { MS * 400 } else { Duration::from_secs(60) };
        assert_eq!(parsed(&[(a, MS), (b, MS + pause)], false), [paste, char('z')], "{cut}");
    }
    assert_eq!(once(b"\x1b[201~x"), [char('x')], "an end without a beginning");
}

#[test]
fn a_paste_keeps_so_much_and_counts_the_rest() {
    // An odd byte first, so that the cut goes through a character.
    let body = format!("x{}", "ü".repeat(PASTE));
    let mut parser = Parser::default();
    let mut out = Vec::new();
    for read in format!("\x1b[200~{body}\x1b[201~").as_bytes().chunks(4096) {
        parser.feed(read, MS, &mut out);
        assert!(parser.held() <= PASTE);
    }
    let [Input::Paste { text, dropped }] = out.as_slice() else { panic!("{}", out.len()) };
    assert_eq!(text.len(), PASTE - 1);
    assert!(body.starts_with(text));
    assert_eq!(*dropped, body.len() - PASTE);
    // Replies that do not end are not kept either.
    parser.feed(b"\x1b]", MS, &mut out);
    parser.feed(&vec![b'x'; 1 << 20], MS, &mut out);
    assert!(parser.held() < 1024);
}

#[test]
fn nothing_that_comes_in_breaks_it() {
    use rand::Rng as _;
    let mut random = crate::math::random::stream(7, crate::math::random::Purpose::Batches, 0);
    let alphabet = b"\x1b\x1b\x1b[]PO<;:0129~uMmRc?\\\x07\x03qA\xc3\xbc\xff";
    let (mut parser, mut out) = (Parser::default(), Vec::new());
    let mut now = Duration::ZERO;
    for _ in 0..200_000 {
        let bytes: Vec<u8> = (0..random.random_range(0..4))
            .map(|_| alphabet[random.random_range(0..alphabet.len())])
            .collect();
        now += MS * random.random_range(0..70);
        parser.feed(&bytes, now, &mut out);
        parser.pass(now, &mut out);
    }
    assert!(out.len() > 1000);
    // Whatever has begun, silence and Esc bring it to an end.
    parser.feed(b"\x1b[201~", now, &mut out);
    out.clear();
    parser.feed(b"q", now + Duration::from_secs(11), &mut out);
    assert_eq!(out.last(), Some(&char('q')));
}
