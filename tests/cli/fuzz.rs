//! Texts and points that were damaged at random: no panic, no hang, and errors of one line that a terminal can be shown.
//! 200 of each, 500 with GPT_LAB_FUZZ=1.

use std::path::Path;

use gpt_lab::task::points::Points;
use gpt_lab::text::shown::{self, Flow};
use gpt_lab::text::{Corpus, Dataset, Source, Tokens};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 1337;

fn cases() -> u64 {
    if std::env::var_os("GPT_LAB_FUZZ").is_some() { 500 } else { 200 }
}

/// A text with a few things wrong with it.
fn damaged(base: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=bytes.len());
        let mut insert = |what: &[u8]| drop(bytes.splice(at..at, what.iter().copied()));
        match rng.random_range(0..14) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(..at)),
            4 => insert(&[0; 40]),
            5 => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
            6 => drop(bytes.splice(0..0, *b"\xff\xfe")),
            // Half of a surrogate pair, as UTF-8 must not hold it.
            7 => insert(b"\xed\xa0\xbd"),
            8 => insert(&b"long".repeat(5000)),
            9 => insert(format!("z{}", "\u{301}".repeat(10_000)).as_bytes()),
            10 => insert("👩\u{200d}".repeat(500).as_bytes()),
            11 => insert("\u{1b}[2J\u{202e}\u{9b}\u{7f}\r\n\u{feff}\u{600}🇫".as_bytes()),
            12 => bytes = bytes.iter().flat_map(|byte| [*byte, 0]).collect(),
            _ => insert(b"1e999,-nan;inf\t0x10,,,\n"),
        }
    }
    bytes
}

fn one_clean_line(error: &dyn std::fmt::Display, case: u64) {
    let line = error.to_string();
    assert!(!line.chars().any(shown::is_hidden), "case {case}: {line:?}");
    assert!(line.len() < 2000, "case {case}: {line}");
}

/// What becomes of a text on its way to the screen.
fn text(path: &Path, case: u64) -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Corpus::read(Source::File(path.to_owned()))?;
    let whole = corpus.text.clone();
    for (tokens, most) in [(Tokens::Characters, 0), (Tokens::Words, 50)] {
        let dataset = Dataset::of(corpus.clone(), tokens, most)?;
        let tokenizer = &dataset.tokenizer;
        let ids = tokenizer.encode(&whole)?;
        if tokens == Tokens::Characters {
            assert_eq!(tokenizer.decode(&ids), whole, "case {case}");
        }
        let opening = dataset.opening_words(24);
        assert!(!opening.chars().any(char::is_control), "case {case}: {opening:?}");
        assert!(whole.contains(&opening), "case {case}: {opening:?}");
        for id in 0..tokenizer.vocab_size() as u32 {
            for ascii in [false, true] {
                let sign = shown::token(&tokenizer.token(id), ascii);
                assert!(!sign.is_empty() && sign.len() < 3000, "case {case}: {sign:?}");
                assert!(!sign.chars().any(char::is_control), "case {case}: {sign:?}");
                assert!(!ascii || sign.is_ascii(), "case {case}: {sign:?}");
            }
        }
    }
    let printed = Flow::default().next(&whole);
    let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!printed.chars().any(obeyed), "case {case}: {printed:?}");
    // What this text was cut from is read with another's vocabulary, or refused in a line.
    let play = Dataset::new(Corpus::bundled())?;
    play.tokenizer.encode_typed(&whole)?;
    Ok(())
}

#[test]
fn damaged_texts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a\u{1b}[31m\u{202e}.txt");
    let play = Corpus::bundled().text;
    let other =
        "Où êtes-vous, Noe\u{308}l ? 👩\u{200d}🔬 क्षमा करो, मित्र। 🇫🇷 می\u{200c}خواهم\n".repeat(20);
    let bases = [&play.as_bytes()[..2000], other.as_bytes(), b"anna\nbob\neve\n"];
    let mut read = 0;
    for case in 0..cases() {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + case);
        let bytes = damaged(bases[rng.random_range(0..bases.len())], &mut rng);
        std::fs::write(&path, bytes).unwrap();
        match text(&path, case) {
            Ok(()) => read += 1,
            Err(error) => one_clean_line(&*error, case),
        }
    }
    assert!((1..cases()).contains(&read), "{read} of {} were read", cases());
}

#[test]
fn damaged_points() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a\u{1b}[31m\u{202e}.csv");
    let lines = |separator: &str| -> String {
        let lines = (0..60).map(|i| format!("{}.5{separator}-{}e-1", i * i % 17, i % 7));
        lines.collect::<Vec<_>>().join("\n")
    };
    let bases = [lines(","), format!("x;y\n# a\n{}", lines(";")), lines("\t")];
    let mut read = 0;
    for case in 0..cases() {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + case);
        let base = &bases[rng.random_range(0..bases.len())];
        std::fs::write(&path, damaged(base.as_bytes(), &mut rng)).unwrap();
        match Points::read(&path, 2) {
            Ok(_) => read += 1,
            Err(error) => one_clean_line(&error, case),
        }
    }
    assert!((1..cases()).contains(&read), "{read} of {} were read", cases());
}
