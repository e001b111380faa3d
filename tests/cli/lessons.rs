//! The course on the command line: lists, pages, proofs, claims, and what a learner has done.

use crate::lab::{Lab, contains_all, number};

const LESSON: &str = r#"+++
id = "small"
title = "A small lesson"
stage = "bigram"
panes = ["lesson", "loss"]
prompt = "th"
+++

## One

A [nat](term "a unit of surprise") for each of {=V}; `{key:pause}` pauses, {!4,225} times.

```ask
id = "place"
ask = "The loss?"
measure = "val_loss"
why = "Read it off."
```

```goal
id = "low"
text = "Go under 3."
when = [{ measure = "val_loss", below = 3.0 }]
hints = ["Fast?", "Faster?", "lr 0.1."]
solution = [{ set = "lr", to = 0.1 }, { run_to = 200 }]
answer = "lr 0.1."
```

```claim
id = "faster"
text = "Ten times the learning rate is lower after 20 steps."
arms = [{ lr = 0.1 }, { lr = 0.01 }]
budget = { steps = 20 }
measure = "val_loss"
expect = { below = -0.1 }
seeds = 2
ci = true
```

## Two

```claim
id = "elsewhere"
text = "So it is there."
arms = [{ lr = 0.1 }]
budget = { steps = 1 }
measure = "val_loss"
expect = { below = 1.0 }
on = "tiny-shakespeare"
```

```review
[[prompt]]
id = "r"
q = "What is a nat?"
a = "A unit."

[[prompt]]
id = "s"
q = "And of what?"
a = "Of surprise."
```
"#;

/// A folder with the lesson in it, pieces of it replaced.
fn lab(changes: &[(&str, &str)]) -> Lab {
    let lab = Lab::new();
    let mut text = LESSON.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    std::fs::create_dir(lab.path("own")).unwrap();
    lab.write("own/90-small.md", text.as_bytes());
    lab
}

const OWN: [&str; 2] = ["--lessons", "own"];

/// What a command prints that fails with exit code 1, and its one line of error.
fn failed(lab: &Lab, arguments: &[&str]) -> (String, String) {
    let output = lab.run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let error = error.lines().find(|line| line.starts_with("error: ")).unwrap().to_owned();
    (String::from_utf8(output.stdout).unwrap(), error)
}

#[test]
fn lessons_are_listed_with_what_they_ask() {
    let lab = lab(&[]);
    let list = lab.json(&[&["lessons", "list", "--json"], &OWN[..]].concat());
    let expected = serde_json::json!({
        "number": 90, "id": "small", "title": "A small lesson", "pages": 2, "stages": ["bigram"],
        "predict": 0, "ask": 1, "goal": 1, "claim": 2, "review": 2, "terms": 1,
    });
    assert_eq!(list, [expected]);
    let course = lab.json(&["lessons", "list", "--json"]);
    assert_eq!(course.len(), gpt_lab::lesson::course::FILES.len());
    contains_all(&lab.out(&["lessons", "list"]), &["bigram", "pages", "review"]);
}

#[test]
fn a_page_is_shown_as_it_is_read() {
    let lab = lab(&[]);
    let shown = lab.out(&[&["lessons", "show", "90"], &OWN[..]].concat());
    contains_all(
        &shown,
        &["# 90 A small lesson", "## Two", "A nat for each of ", "`space` pauses, 4,225"],
    );
    contains_all(
        &shown,
        &["**Look.** The loss?", "**Goal.** Go under 3.", "**Review.** And of what?"],
    );
    assert!(!shown.contains("{=") && !shown.contains("lr 0.1."), "{shown}");
    let pages = lab.json(&[&["lessons", "show", "small", "--json"], &OWN[..]].concat());
    assert_eq!(pages.len(), 2);
    assert_eq!(pages[0]["items"][1]["id"], "low");
    // Another text, another number.
    lab.write("ab.txt", "ab\n".repeat(100).as_bytes());
    let other = ["lessons", "show", "90", "--data", "ab.txt"];
    contains_all(&lab.out(&[&other[..], &OWN].concat()), &["for each of 3;"]);
    let error = lab.error(&[&["lessons", "show", "7"], &OWN[..]].concat());
    contains_all(&error, &["there is no lesson \"7\"", "90 small"]);
}

#[test]
fn a_whole_course_is_proved() {
    let lab = lab(&[]);
    let proved = lab.out(&[&["lessons", "check"], &OWN[..]].concat());
    contains_all(
        &proved,
        &[
            "not tried: small/elsewhere is of tiny-shakespeare",
            "1 lesson and 4 items were proved on the bundled play",
        ],
    );
    assert!(!lab.path("home/progress.jsonl").exists(), "a check is nobody's progress");
}

#[test]
fn every_fault_is_said_with_its_line() {
    let lab =
        lab(&[("\"loss\"", "\"lost\""), ("{=V}", "{=W}"), ("below = 3.0 }", "below = 9.0 }")]);
    // A file that cannot be read hides nothing of the others.
    lab.write("own/91-broken.md", b"+++\nid = 3\n+++\n## One\n");
    let (said, error) = failed(&lab, &[&["lessons", "check"], &OWN[..]].concat());
    let places: Vec<_> =
        said.lines().filter_map(|line| line.split_once(": ")).map(|(at, _)| at).collect();
    assert_eq!(
        places[..4],
        ["90-small.md:1", "90-small.md:11", "90-small.md:20", "91-broken.md:2"],
        "{said}"
    );
    contains_all(&error, &["4 faults in 2 of 2 lessons"]);
    let output = lab.run(&[&["lessons", "check", "--json"], &OWN[..]].concat());
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((lines.len(), lines[0]["line"].as_u64()), (5, Some(1)));
    assert_eq!(number(&lines[4], "faults"), 4.0);
}

#[test]
fn claims_are_run_over_their_seeds() {
    let lab = lab(&[]);
    let claims = [&["lessons", "run-claims", "--json"], &OWN[..]].concat();
    let lines = lab.json(&claims);
    assert_eq!(
        (lines[0]["id"].as_str(), lines[0]["holds"].as_bool()),
        (Some("faster"), Some(true))
    );
    assert_eq!(lines[0]["expected"], serde_json::json!({"below": -0.1}));
    let seeds: Vec<f64> =
        lines[0]["seeds"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert_eq!(seeds.len(), 2);
    assert!((number(&lines[0], "difference") - f64::midpoint(seeds[0], seeds[1])).abs() < 1e-12);
    assert!(lines[1]["holds"].is_null() && lines[1]["id"] == "elsewhere");
    // The same numbers, however many threads there are.
    let again = lab.json(&[&claims[..], &["--threads", "3"]].concat());
    assert_eq!(again[0]["seeds"], lines[0]["seeds"]);
    assert_eq!(lab.json(&[&claims[..], &["--ci"]].concat()).len(), 1);
    assert_eq!(lab.json(&[&claims[..], &["small/elsewhere"]].concat()).len(), 1);
    let table = lab.out(&[&["lessons", "run-claims", "90"], &OWN[..]].concat());
    contains_all(
        &table,
        &[
            "small/faster     holds: -",
            "2 of 2 seeds",
            "silent: it is of tiny-shakespeare",
            "1 of 1 claims hold",
        ],
    );
    contains_all(
        &lab.error(&[&["lessons", "run-claims", "nothing"], &OWN[..]].concat()),
        &["\"nothing\"", "small/faster"],
    );
}

#[test]
fn a_false_claim_fails() {
    let lab = lab(&[("below = -0.1", "above = 0.1")]);
    let (said, error) = failed(&lab, &[&["lessons", "run-claims"], &OWN[..]].concat());
    contains_all(&said, &["does not hold: -", "expected above 0.1"]);
    contains_all(&error, &["1 claim does not hold", "90-small.md:29 small/faster"]);
}

#[test]
fn progress_is_read_and_moved_aside() {
    let lab = lab(&[]);
    let progress = [&["lessons", "progress", "--json"], &OWN[..]].concat();
    assert_eq!(number(&lab.json(&progress)[0], "met"), 0.0);
    let records = "{\"t\":1,\"session\":\"a\",\"lesson\":\"small\",\"item\":\"low\",\"kind\":\"goal\",\"right\":true}\n\
                   {\"t\":1,\"session\":\"a\",\"lesson\":\"small\",\"item\":\"place\",\"kind\":\"ask\",\"answer\":2.5,\"sure\":5,\"right\":true}\n\
                   {\"t\":1,\"session\":\"a\",\"lesson\":\"small\",\"item\":\"r\",\"kind\":\"review\",\"right\":true}\n\
                   {\"t\":2,\"session\":\"b\",\"lesson\":\"small\",\"item\":\"r\",\"kind\":\"review\",\"right\":true}\n";
    std::fs::create_dir_all(lab.path("home")).unwrap();
    lab.write("home/progress.jsonl", records.as_bytes());
    let lines = lab.json(&progress);
    let numbers =
        ["met", "goals", "right", "questions", "kept", "prompts"].map(|key| number(&lines[0], key));
    assert_eq!(numbers, [1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
    let table = lab.out(&[&["lessons", "progress"], &OWN[..]].concat());
    contains_all(&table, &["1 of 1", "1 of 2", "of 1 you were sure of, 1 right"]);
    // Nobody is there to be asked.
    contains_all(&lab.error(&["lessons", "reset"]), &["--yes"]);
    let aside = lab.out(&["lessons", "reset", "--yes"]);
    assert!(aside.contains("progress-2") && aside.ends_with(".jsonl\n"), "{aside}");
    assert_eq!(std::fs::read(aside.trim()).unwrap(), records.as_bytes());
    assert!(!lab.path("home/progress.jsonl").exists());
    assert_eq!(number(&lab.json(&progress)[0], "met"), 0.0);
}
