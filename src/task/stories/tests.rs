use super::*;

fn batch(facts: usize, split: Split, count: usize) -> Batch {
    let mut batch = Batch::default();
    Stories::new(facts).draw(split, count, &mut stream(1, Purpose::Batches, 0), &mut batch);
    batch
}

/// The examples of a batch without what fills them up, with their answers.
fn examples(batch: &Batch) -> Vec<(&[u32], u32)> {
    let all = (0..batch.sequences).map(|i| {
        let (x, y) = (batch.tokens(i), batch.targets_of(i));
        let asked: Vec<usize> = (0..batch.time).filter(|t| y[*t] != IGNORED).collect();
        let &[asked] = asked.as_slice() else { panic!("{asked:?}") };
        assert!(x[asked + 1..].iter().all(|id| *id == PAD) && x[asked] == ASKED);
        (&x[..=asked], y[asked])
    });
    all.collect()
}

/// Where things are by a reading of its own: words, last ones first.
fn place_of<'a>(words: &[Vec<&'a str>], who: &str) -> Option<&'a str> {
    words.iter().rev().find(|s| s[0] == who && s[1] == "went").map(|s| s[4])
}

/// Where a thing is after these sentences: with whoever took it, or where it was dropped.
fn thing_at<'a>(words: &[Vec<&'a str>], thing: &str) -> Option<&'a str> {
    let last = words.iter().rposition(|s| s[1] != "went" && s[3] == thing)?;
    let until = if words[last][1] == "took" { words.len() } else { last };
    place_of(&words[..until], words[last][0])
}

fn answered(text: &str) -> Option<String> {
    let (story, question) = text.rsplit_once('.')?;
    let words: Vec<Vec<&str>> = story.split('.').map(|s| s.split_whitespace().collect()).collect();
    let question: Vec<&str> = question.trim_end_matches('?').split_whitespace().collect();
    // The places of a thing in their order, without repeats.
    let before = |thing: &str, to: &str| {
        let mut places: Vec<&str> =
            (1..=words.len()).filter_map(|n| thing_at(&words[..n], thing)).collect();
        places.dedup();
        assert_eq!(places.pop(), Some(to));
        places.pop()
    };
    let is = |place: Option<&str>, asked: &str| {
        place.map(|place| if place == asked { "yes" } else { "no" }.to_owned())
    };
    match question.as_slice() {
        ["where", "is", "the", thing] => thing_at(&words, thing).map(str::to_owned),
        ["where", "is", who] => place_of(&words, who).map(str::to_owned),
        ["where", "was", "the", thing, "before", "the", to] => before(thing, to).map(str::to_owned),
        ["is", "the", thing, "in", "the", at] => is(thing_at(&words, thing), at),
        ["is", who, "in", "the", at] => is(place_of(&words, who), at),
        ["was", "the", thing, "in", "the", at, "before", "the", to] => is(before(thing, to), at),
        ["how", "many", "things", "has", who] => {
            let count = |verb: &str| words.iter().filter(|s| s[0] == *who && s[1] == verb).count();
            Some(["none", "one", "two", "three"][count("took") - count("dropped")].to_owned())
        }
        _ => panic!("{question:?}"),
    }
}

/// The answer of the world that the maker keeps.
fn of_the_maker(ids: &[u32]) -> Answer {
    let (sentences, question) = Stories::parts(ids);
    let mut world = World::default();
    for sentence in sentences.map(|s| Sentence::read(s).unwrap()) {
        assert!(world.allows(sentence));
        world.tell(sentence);
    }
    Question::read(question).unwrap().answer(&world).unwrap()
}

#[test]
fn answers_are_those_of_another_reading() {
    for facts in 1..=3 {
        for (ids, answer) in examples(&batch(facts, Split::Train, 2000)) {
            let text = Stories::decode(ids);
            assert_eq!(answered(&text).as_deref(), words::word(answer), "{text}");
            let typed = Stories::new(facts).encode(&text).unwrap();
            assert_eq!(typed, ids);
            // What was made and what is read of it are two ways to the same answer and the same facts.
            let made = of_the_maker(ids);
            let facts = made.facts().to_vec();
            assert_eq!(
                (made.id, Stories::read(&typed)),
                (answer, Told::Answer { id: answer, facts })
            );
        }
    }
}

/// Whoever leaves out a fact no longer finds the answer of a place or of yes and no; the others do not matter.
#[test]
fn facts_are_what_an_answer_needs_and_all_it_needs() {
    for facts in 1..=3 {
        for (ids, _) in examples(&batch(facts, Split::Val, 500)) {
            let answer = of_the_maker(ids);
            let (sentences, question) = Stories::parts(ids);
            let sentences: Vec<Sentence> = sentences.map(|s| Sentence::read(s).unwrap()).collect();
            let text = Stories::decode(ids);
            assert!((SHORTEST..=LONGEST).contains(&sentences.len()), "{text}");
            assert!(answer.facts().is_sorted() && answer.facts().len() <= facts, "{text}");
            let question = Question::read(question).unwrap();
            let told: Vec<Sentence> = answer.facts().iter().map(|at| sentences[*at]).collect();
            if let Question::Count(who) = question {
                let number = (answer.id - NONE) as usize;
                assert_eq!(told.len(), number.max(1), "{text}");
                for sentence in told {
                    assert!(match sentence {
                        Sentence::Took(by, _) => by == who && number > 0,
                        Sentence::Dropped(by, _) => by == who && number == 0,
                        Sentence::Went(..) => false,
                    });
                }
            } else {
                assert_eq!(told.len(), facts, "{text}");
                let people = told.iter().map(|sentence| match *sentence {
                    Sentence::Went(who, _) | Sentence::Took(who, _) | Sentence::Dropped(who, _) => {
                        who
                    }
                });
                let mut people: Vec<usize> = people.collect();
                people.dedup();
                assert_eq!(people.len(), 1, "one chain is one person's: {text}");
            }
        }
    }
}

#[test]
fn no_constant_answer_is_worth_much() {
    for facts in 1..=3 {
        let batch = batch(facts, Split::Val, 4000);
        let mut counts = [0; WORDS.len()];
        for (_, answer) in examples(&batch) {
            counts[answer as usize] += 1;
        }
        let best = counts.iter().max().unwrap();
        assert!(*best < 4000 * 35 / 100, "{counts:?}");
        let of = |ids: std::ops::Range<u32>| ids.map(|id| counts[id as usize]).sum::<i32>();
        // 2,000 and 1,000 expected; standard deviations of 32 and 27.
        assert!((of(PLACES.id(0)..PLACES.id(5)) - 2000).abs() < 160, "{counts:?}");
        assert!((of(words::NO..words::YES + 1) - 1000).abs() < 140, "{counts:?}");
        for number in 0..=facts {
            let expected = 1000 / (facts as i32 + 1);
            assert!((counts[NONE as usize + number] - expected).abs() < 110, "{counts:?}");
        }
    }
}

/// A story's thirds each hold at least an eighth of what answers need.
#[test]
fn facts_stand_all_over_a_story() {
    for facts in 1..=3 {
        let mut thirds = [0; 3];
        for (ids, _) in examples(&batch(facts, Split::Train, 2000)) {
            let sentences = ids.iter().filter(|id| **id == STOP).count();
            for at in of_the_maker(ids).facts() {
                thirds[at * 3 / sentences] += 1;
            }
        }
        let all: usize = thirds.iter().sum();
        assert!(thirds.iter().all(|third| third * 8 >= all), "{facts} facts: {thirds:?}");
    }
}

#[test]
fn no_story_is_on_both_sides() {
    for (split, side) in [(Split::Train, false), (Split::Val, true)] {
        for (ids, _) in examples(&batch(2, split, 1000)) {
            let end = ids.iter().rposition(|id| *id == STOP).unwrap() + 1;
            assert_eq!(held_out(ids[..end].iter().map(|&id| u64::from(id))), side);
        }
    }
}

#[test]
fn a_story_can_be_typed() {
    let stories = Stories::new(2);
    let text =
        "anna went to the hall. anna took the ball. anna went to the attic. where is the ball?";
    let ids = stories.encode(&text.to_uppercase()).unwrap();
    assert_eq!(Stories::decode(&ids), text);
    let answer = Stories::answer(&ids).unwrap();
    assert_eq!((words::word(answer), stories.told_by(&ids)), (Some("attic"), vec![1, 2]));
    let mut batch = Batch::default();
    stories.subject(&ids, &mut batch);
    assert_eq!((&batch.x, batch.y.last()), (&ids, Some(&answer)));
    for (untold, sentence, says) in [
        ("anna took the ball. where is the ball?", None, "does not tell"),
        ("anna went to the hall. where is ben?", None, "does not tell"),
        (
            "anna went to the hall. anna dropped the key. where is anna?",
            Some(1),
            "sentence 2 breaks",
        ),
        ("anna went to the hall. anna the where?", None, "no such question"),
    ] {
        let ids = stories.encode(untold).unwrap();
        assert_eq!(Stories::answer(&ids), None, "{untold}");
        let (found, why) = Stories::unanswered(&ids).unwrap();
        assert!(found == sentence && why.contains(says), "{untold}: {why}");
        stories.subject(&ids, &mut batch);
        assert_eq!((batch.targets(), batch.time), (0, ids.len()), "{untold}");
    }
    for (text, says) in [
        ("the cat sat.".to_owned(), "\"cat\" is no word"),
        (String::new(), "no question"),
        (".".to_owned(), "no question"),
        ("anna went to the hall.. where is anna?".to_owned(), "sentence 2 has no words"),
        ("anna went to the hall. where is anna".to_owned(), "no ? at the end"),
        ("anna went to the hall.".to_owned(), "no ? at the end"),
        ("anna went to the hall. where is anna? ben".to_owned(), "does not come last"),
        ("where is anna? anna went to the hall.".to_owned(), "does not come last"),
        ("where is anna?".to_owned(), "no story before"),
        ("anna went to the hall where is anna?".to_owned(), "missing before \"where is anna?\""),
        ("anna the hall?".to_owned(), "no full stop"),
        ("anna. ".repeat(21), "21 sentences"),
        ("anna ".repeat(131), "131 words"),
    ] {
        let said = stories.encode(&text).unwrap_err().to_string();
        assert!(said.contains(says) && said.contains("Where is Anna?"), "{text}: {said}");
    }
    stories.subject(&[], &mut batch);
    assert_eq!((batch.sequences, batch.targets(), batch.x.len()), (1, 1, batch.time));
    assert_eq!(batch.x.last(), Some(&ASKED));
}

#[test]
fn answers_are_compared_with_the_right_ones() {
    let mut batch = Batch::default();
    for text in [
        "anna went to the hall. where is anna?",
        "anna went to the hall. is anna in the attic?",
        "anna went to the hall. anna took the key. how many things has anna?",
        "ben went to the attic. where is ben?",
    ] {
        batch.x.extend(Stories::new(1).encode(text).unwrap());
        batch.time = TIME;
        let answer = Stories::answer(&batch.x[batch.sequences * TIME..]).unwrap();
        Stories::append(&mut batch, Some(answer));
    }
    let mut tokens: Vec<Vec<u32>> = examples(&batch).iter().map(|(_, id)| vec![*id]).collect();
    let judge = |tokens: &[Vec<u32>]| {
        let output = Output { tokens: tokens.to_vec(), ..Output::default() };
        Stories::new(1).judge(&batch, &output).into_iter().map(|(_, share)| share).collect()
    };
    let judged: Vec<f64> = judge(&tokens);
    assert_eq!(judged, [1.0; 4]);
    tokens[3][0] = STOP;
    assert_eq!(judge(&tokens), [0.75, 0.5, 1.0, 1.0]);
    tokens[1][0] = words::YES;
    assert_eq!(judge(&tokens), [0.5, 0.5, 0.0, 1.0]);
    tokens[2].clear();
    assert_eq!(judge(&tokens), [0.25, 0.5, 0.0, 0.0]);
    assert_eq!(judge(&vec![Vec::new(); 4]), [0.0; 4]);
}

/// The sort of a question is told by its answer.
#[test]
fn every_question_is_of_the_sort_of_its_answer() {
    for (ids, answer) in examples(&batch(2, Split::Val, 300)) {
        let sort = match answer {
            words::NO | words::YES => Sort::YesNo,
            id if PLACES.number(id).is_some() => Sort::Place,
            _ => Sort::Count,
        };
        assert_eq!(Question::sort(Stories::parts(ids).1), sort, "{}", Stories::decode(ids));
    }
}

#[test]
fn a_batch_is_reused_without_allocating() {
    let stories = Stories::new(3);
    let (mut batch, mut rng) = (Batch::default(), stream(1, Purpose::Batches, 0));
    stories.draw(Split::Train, 64, &mut rng, &mut batch);
    let places = (batch.x.as_ptr(), batch.y.as_ptr(), batch.x.capacity());
    stories.draw(Split::Val, 64, &mut rng, &mut batch);
    assert_eq!((batch.x.as_ptr(), batch.y.as_ptr(), batch.x.capacity()), places);
}
