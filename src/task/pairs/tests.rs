use std::collections::HashMap;

use super::*;

fn tasks() -> [(&'static str, Pairs); 6] {
    [
        ("reverse", Pairs::reverse(10)),
        ("reverse one", Pairs::reverse(1)),
        ("sort", Pairs::sort(10)),
        ("sort one", Pairs::sort(1)),
        ("dates", Pairs::dates()),
        ("numbers", Pairs::numbers()),
    ]
}

fn by_name(name: &str) -> Pairs {
    tasks().into_iter().find(|(found, _)| *found == name).unwrap().1
}

fn draw(pairs: &Pairs, split: Split, count: usize, seed: u64) -> Batch {
    let mut batch = Batch::default();
    pairs.draw(split, count, &mut stream(seed, Purpose::Batches, 0), &mut batch);
    batch
}

/// Sources and targets of a batch as texts.
fn texts(pairs: &Pairs, batch: &Batch) -> Vec<(String, String)> {
    let sources = batch.source.chunks(batch.source_time).map(|ids| pairs.decode_source(ids));
    sources.zip(batch.y.chunks(batch.time).map(|ids| pairs.decode_target(ids))).collect()
}

#[test]
fn every_target_is_the_answer_to_its_source() {
    for (name, pairs) in tasks() {
        let batch = draw(&pairs, Split::Train, 300, 1);
        for (source, target) in texts(&pairs, &batch) {
            assert!(!source.is_empty() && !target.is_empty());
            assert_eq!(pairs.answer(&source).as_ref(), Some(&target), "{name}: {source}");
        }
    }
    assert_eq!(Pairs::reverse(10).answer("abc").unwrap(), "cba");
    assert_eq!(Pairs::sort(10).answer("banana").unwrap(), "aaabnn");
    assert_eq!(Pairs::numbers().answer("four hundred and seven").unwrap(), "407");
    assert_eq!(Pairs::dates().answer("3 Feb 1987").unwrap(), "1987-02-03");
}

/// However much is drawn with whatever seed: no answer is both trained on and held out, and every length is trained.
#[test]
fn no_answer_is_on_both_sides() {
    for (name, pairs) in tasks() {
        for pairs in [pairs.split_by(1), by_name(name)] {
            let drawn = [Split::Train, Split::Val].map(|split| {
                let drawn = (0..4).flat_map(|seed| texts(&pairs, &draw(&pairs, split, 1000, seed)));
                drawn.map(|(_, target)| target).collect::<std::collections::HashSet<_>>()
            });
            assert!(!drawn[0].is_empty() && !drawn[1].is_empty(), "{name}");
            assert!(drawn[0].iter().all(|target| !pairs.held_out(target.as_bytes())));
            if pairs.held_out_from.is_some() {
                assert!(drawn[0].is_disjoint(&drawn[1]), "{name}");
            }
            let longest = drawn[0].iter().map(String::len).max().unwrap();
            let lengths = (1..=longest).filter(|&n| pairs.rule.different(n) > 0);
            for length in lengths {
                assert!(drawn[0].iter().any(|target| target.len() == length), "{name} {length}");
            }
        }
    }
}

/// Where one example is much of what is judged, figures say little of the rest.
#[test]
fn no_held_out_example_is_a_hundredth_of_what_is_judged() {
    const DRAWN: usize = 40_000;
    let share = |pairs: &Pairs| {
        let mut counts = HashMap::new();
        for (_, target) in texts(pairs, &draw(pairs, Split::Val, DRAWN, 9)) {
            *counts.entry(target).or_insert(0) += 1;
        }
        f64::from(*counts.values().max().unwrap()) / DRAWN as f64
    };
    let lengths = (3..=10).flat_map(|n| [Pairs::reverse(n), Pairs::sort(n)]);
    for pairs in lengths.chain([Pairs::dates(), Pairs::numbers()]) {
        assert!(pairs.held_out_from.is_some());
        // 400 expected at the most, with a standard deviation of 20.
        assert!(share(&pairs) < 0.01, "{}", pairs.rule.understands());
    }
    // What the second rule is for.
    assert!(share(&Pairs::numbers().split_by(1)) > 0.1);
    // Of so few none is held out.
    for pairs in [1, 2].iter().flat_map(|&n| [Pairs::reverse(n), Pairs::sort(n)]) {
        assert_eq!(pairs.held_out_from, None);
    }
}

#[test]
fn different_targets_are_counted() {
    let drawn = |pairs: &Pairs, length| pairs.rule.different(length);
    assert_eq!([1, 2, 3].map(|n| drawn(&Pairs::reverse(10), n)), [26, 676, 17_576]);
    // Pairs of 26 letters without order: 26 * 27 / 2; triples: 26 * 27 * 28 / 6.
    assert_eq!([1, 2, 3].map(|n| drawn(&Pairs::sort(10), n)), [26, 351, 3276]);
    assert_eq!([1, 2, 6].map(|n| drawn(&Pairs::numbers(), n)), [10, 90, 900_000]);
    // 200 years, of which 49 have a leap day (1900 has none).
    assert_eq!(drawn(&Pairs::dates(), 10), 200 * 365 + 49);
    assert!(Pairs::sort(80).rule.different(80) > 1 << 40);
}

#[test]
fn a_batch_is_laid_out_as_the_decoder_reads_it() {
    let pairs = Pairs::reverse(4);
    let sizes = pairs.sizes();
    assert_eq!((sizes.vocab_size, sizes.source_vocab), (29, 27));
    assert_eq!((sizes.block_size, sizes.source_size), (Some(5), 4));
    let mut batch = Batch::default();
    pairs.begin(&mut batch);
    pairs.append(b"abc", b"cba", &mut batch);
    pairs.append(b"wxyz", b"zyxw", &mut batch);
    assert_eq!((batch.sequences, batch.time, batch.source_time), (2, 5, 4));
    assert_eq!(batch.source, [1, 2, 3, PAD, 23, 24, 25, 26]);
    assert_eq!(batch.x, [START, 5, 4, 3, PAD, START, 28, 27, 26, 25]);
    assert_eq!(batch.y, [5, 4, 3, END, IGNORED, 28, 27, 26, 25, END]);
    assert_eq!(batch.targets(), 9);
}

#[test]
fn every_example_fits_the_sizes() {
    for (name, pairs) in tasks() {
        let sizes = pairs.sizes();
        let batch = draw(&pairs, Split::Train, 500, 2);
        assert_eq!(batch.source.len(), 500 * sizes.source_size, "{name}");
        assert_eq!(batch.x.len(), 500 * sizes.block_size.unwrap(), "{name}");
        assert_eq!(batch.y.len(), batch.x.len(), "{name}");
        assert!(batch.source.iter().all(|id| (*id as usize) < sizes.source_vocab), "{name}");
        assert!(batch.x.iter().all(|id| (*id as usize) < sizes.vocab_size), "{name}");
    }
}

/// A character without an id would be padding in the middle of a text, and one that no text has an id for nothing.
#[test]
fn alphabets_hold_what_is_drawn_and_nothing_else() {
    for (name, pairs) in tasks() {
        let mut seen = [vec![false; pairs.source.size()], vec![false; pairs.target.size()]];
        let (mut source, mut target) = (Line::new(), Line::new());
        let mut rng = stream(3, Purpose::Batches, 0);
        for _ in 0..20_000 {
            source.clear();
            target.clear();
            pairs.rule.draw(&mut rng, &mut source, &mut target);
            pairs.source.ids(source.bytes()).for_each(|id| seen[0][id as usize] = true);
            pairs.target.ids(target.bytes()).for_each(|id| seen[1][id as usize] = true);
        }
        assert!(!seen[0][0] && seen[0][1..].iter().all(|seen| *seen), "{name}: {:?}", seen[0]);
        assert!(!seen[1][0] && seen[1][3..].iter().all(|seen| *seen), "{name}: {:?}", seen[1]);
    }
}

#[test]
fn a_batch_is_a_function_of_its_stream_and_reused_without_allocating() {
    for (_, pairs) in tasks() {
        let first = draw(&pairs, Split::Val, 50, 5);
        assert_eq!(draw(&pairs, Split::Val, 50, 5), first);
        assert_ne!(draw(&pairs, Split::Val, 50, 6), first);
        let mut batch = first;
        let places = (batch.x.as_ptr(), batch.y.as_ptr(), batch.source.as_ptr());
        pairs.draw(Split::Train, 50, &mut stream(7, Purpose::Batches, 0), &mut batch);
        assert_eq!((batch.x.as_ptr(), batch.y.as_ptr(), batch.source.as_ptr()), places);
    }
}

#[test]
fn answers_are_right_to_the_last_character_or_wrong() {
    let pairs = Pairs::reverse(4);
    let mut batch = Batch::default();
    pairs.begin(&mut batch);
    pairs.append(b"abc", b"cba", &mut batch);
    pairs.append(b"wxyz", b"zyxw", &mut batch);
    let judge = |answers: [&[u32]; 2]| {
        let tokens = answers.map(<[u32]>::to_vec).to_vec();
        pairs.judge(&batch, &Output { tokens, ..Output::default() })
    };
    assert_eq!(judge([&[5, 4, 3], &[28, 27, 26, 25]]), [("exact_match", 1.0)]);
    assert_eq!(judge([&[5, 4], &[28, 27, 26, 25]]), [("exact_match", 0.5)]);
    assert_eq!(judge([&[5, 4, 3, 3], &[28, 27, 26]]), [("exact_match", 0.0)]);
}

#[test]
fn a_typed_source_is_answered_or_refused() {
    let pairs = Pairs::dates();
    let ids = pairs.encode("3 Feb 1987").unwrap();
    assert_eq!(pairs.decode_source(&ids), "3 Feb 1987");
    let mut batch = Batch::default();
    pairs.subject(&ids, &mut batch);
    assert_eq!((batch.sequences, pairs.decode_target(&batch.y).as_str()), (1, "1987-02-03"));
    // Readable, but no date: the model may answer, and nothing is asked of it.
    pairs.subject(&pairs.encode("30 Feb 1987").unwrap(), &mut batch);
    assert_eq!((batch.x[0], batch.x[1], batch.targets()), (START, PAD, 0));
    pairs.subject(&[], &mut batch);
    let fixed = batch.clone();
    pairs.subject(&[], &mut batch);
    assert!(batch == fixed && answer_held_out(pairs.decode_target(&batch.y).as_bytes()));
    for (text, says) in [("", "is empty"), ("3 Mär 1987", "'ä'"), ("1".repeat(37).as_str(), "37")]
    {
        let said = pairs.encode(text).unwrap_err().to_string();
        assert!(said.contains(says) && said.contains("`3 Feb 1987`"), "{said}");
    }
}

#[test]
fn what_can_be_read_and_has_no_answer_is_not_understood_in_words() {
    let dates = Pairs::dates();
    assert!(dates.encode("may may may").is_ok());
    let why = dates.understand("may may may").unwrap_err().to_string();
    assert!(why.starts_with("\"may may may\" has no answer: the task understands"), "{why}");
    assert!(dates.understand("#").unwrap_err().to_string().contains("holds '#'"));
    assert_eq!(Pairs::reverse(5).understand("abc").as_deref(), Ok("cba"));
}
