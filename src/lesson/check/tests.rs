use super::*;
use crate::lesson::parse_whole;
use crate::train::testing;

const PANES: [&str; 3] = ["lesson", "loss", "softmax"];

const FILE: &str = r#"+++
id = "small"
title = "A small lesson"
stage = "bigram"
panes = ["lesson", "loss"]
hyperparameters = ["lr"]
prompt = "the cat"
+++

## One

```page
set = { lr = 0.1 }
```

A [nat](term "a unit of surprise") is paid for each of {=V} characters; `{key:pause}` pauses. See
[the paper](https://arxiv.org/abs/1706.03762). It is {!196} by chance.

```text
lr      steps   loss
0.1     100     low
0.001   100     high
```

```predict
id = "first"
ask = "The first loss?"
choices = ["under ln V", "over ln V"]
measure = "first_loss"
bands = [[0.0, 2.6], [2.6, 9.0]]
after = 1
why = "Noise is confident and wrong."
```

```ask
id = "place"
ask = "How likely is the likeliest?"
measure = "val_loss"
pane = "softmax"
why = "Read it off."
```

## Two

```goal
id = "low"
text = "Go under 2.4."
when = [{ measure = "val_loss", below = 2.4 }]
hints = ["Is it fast?", "The learning rate is small.", "lr 0.1."]
solution = [{ set = "lr", to = 0.1 }, { run_to = 200 }]
answer = "lr 0.1, 200 steps."
```

```claim
id = "faster"
text = "Ten times the learning rate is lower after 20 steps."
arms = [{ lr = 0.1 }, { lr = 0.01 }]
budget = { steps = 20 }
measure = "val_loss"
expect = { below = -0.1 }
seeds = 2
```

```code
show = "math::plain::softmax::forward"
```

```review
[[prompt]]
id = "r"
q = "What is a nat?"
a = "A unit of surprise."
```
"#;

/// What is wrong with the lesson when one of its pieces is another.
fn report(text: &str) -> Report {
    let team = Team::new(1).unwrap();
    let texts = [Known { dataset: testing::dataset(), references: Vec::new(), words: 0 }];
    let keys = [("pause", "space".to_owned())];
    let against = Against {
        panes: &PANES,
        keys: &keys,
        texts: &texts,
        lessons: &["elsewhere"],
        team: &team,
        counts: false,
        whole: true,
    };
    let lessons = [parse_whole("x.md", text).unwrap()];
    check(&lessons[0], &lessons, &against)
}

fn changed(from: &str, to: &str) -> String {
    assert!(FILE.contains(from), "{from}");
    FILE.replacen(from, to, 1)
}

#[track_caller]
fn fails(from: &str, to: &str, parts: &[&str]) {
    let text = changed(from, to);
    let faults: Vec<_> = report(&text).faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    for part in parts {
        assert!(faults[0].contains(part), "{part:?} is missing from {:?}", faults[0]);
    }
}

#[test]
fn a_whole_lesson_has_no_faults() {
    let report = report(FILE);
    assert_eq!(report.faults, []);
    assert_eq!((report.items, report.silent.len()), (6, 0));
}

#[test]
fn a_goal_is_not_met_at_the_start() {
    fails("below = 2.4 }", "below = 9.0 }", &["x.md:45: goal \"low\": it is met before"]);
}

#[test]
fn a_solution_reaches_its_goal() {
    let parts = ["x.md:45: ", "at step 200 validation loss: ", "(to be below 0.5000)"];
    fails("below = 2.4 }", "below = 0.5 }", &parts);
    // A run that diverges meets what asks for it.
    let diverges =
        changed("measure = \"val_loss\", below = 2.4", "measure = \"diverged\", above = 0");
    let faults = report(&diverges).faults;
    assert!(faults[0].what.contains("diverged: not yet"), "{faults:?}");
}

#[test]
fn a_goal_of_another_text_is_not_tried() {
    let text = changed("answer = \"lr 0.1,", "on = \"tiny-shakespeare\"\nanswer = \"lr 0.1,");
    let report = report(&text.replace("below = 2.4 }", "below = 0.5 }"));
    assert_eq!(report.faults, []);
    assert_eq!(report.silent, [("small".into(), "low".into(), "tiny-shakespeare".into())]);
    fails(
        "answer = \"lr 0.1,",
        "on = \"tiny\"\nanswer = \"lr 0.1,",
        &["x.md:45: on: there is no text"],
    );
}

#[test]
fn moves_of_a_solution_are_those_of_the_lab() {
    // A new run with more than one change, another stage and back: the edit is of the run on the screen.
    let solution = "solution = [{ set = \"lr\", to = 0.02 }, { run_to = 5 }, { stage = \"single-head\" }, { run_to = 2 },\
         { stage = \"bigram\" }, { set = \"lr\", to = 0.1 }, { run_to = 6 }]";
    let when = "when = [{ measure = { edits = \"lr\" }, above = 1 }]";
    let text = changed("solution = [{ set = \"lr\", to = 0.1 }, { run_to = 200 }]", solution);
    let text = text.replace("when = [{ measure = \"val_loss\", below = 2.4 }]", when);
    assert_eq!(report(&text).faults, []);
    let rebuilt = "solution = [{ set = \"init\", to = \"nothing\" }]";
    let text = text.replace(solution, rebuilt);
    let faults = report(&text).faults;
    assert!(
        faults[0].to_string().contains("x.md:45: move 1 of the solution: init must be"),
        "{faults:?}"
    );
}

#[test]
fn a_measure_gives_a_number() {
    fails(
        "measure = \"first_loss\"",
        "measure = { figure = \"exact\" }",
        &["x.md:25: \"first\": exact has no number after 1 steps"],
    );
    fails(
        "measure = \"val_loss\"\npane",
        "measure = { probability = { after = \"the\", token = \"xy\" } }\npane",
        &["x.md:35: \"xy\" is not one token of the text (on test.txt)"],
    );
}

#[test]
fn one_choice_is_right() {
    fails(
        "[[0.0, 2.6], [2.6, 9.0]]",
        "[[0.0, 1.0], [1.0, 2.0]]",
        &["x.md:25: ", "in none of the bands"],
    );
    fails("[[0.0, 2.6], [2.6, 9.0]]", "[[0.0, 9.0], [1.0, 9.0]]", &["x.md:25: ", "in 2 bands"]);
}

#[test]
fn arms_answer_a_prediction() {
    let arms =
        "arms = [{ lr = 0.1 }, { lr = 0.001 }]\nbudget = { steps = 20 }\nmeasure = \"val_loss\"";
    let text = changed("measure = \"first_loss\"", arms);
    assert!(
        report(&text).faults[0].what.contains("in none of the bands"),
        "their difference is below 0"
    );
    let text = text.replace("[[0.0, 2.6], [2.6, 9.0]]", "[[-9.0, -0.01], [0.0, 9.0]]");
    assert_eq!(report(&text).faults, []);
}

#[test]
fn hints_are_graded() {
    fails("\"Is it fast?\"", "\"\"", &["x.md:45: hint 1 is empty"]);
    fails(
        "\"Is it fast?\", \"The learning rate is small.\"",
        "\"a\", \"a\"",
        &["x.md:45: hint 2 says what"],
    );
}

#[test]
fn what_is_named_is_there() {
    fails(
        "\"lesson\", \"loss\"",
        "\"lesson\", \"lost\"",
        &["x.md:1: there is no pane \"lost\": expected one of lesson, "],
    );
    fails("pane = \"softmax\"", "pane = \"soft\"", &["x.md:35: there is no pane"]);
    fails(
        "hyperparameters = [\"lr\"]",
        "hyperparameters = [\"n_head\"]",
        &["n_head is none of the stage bigram"],
    );
    fails(
        "set = { lr = 0.1 }",
        "set = { lrr = 0.1 }",
        &["x.md:10: there is no hyperparameter lrr"],
    );
    fails(
        "set = { lr",
        "parts = [\"nose\"]\nset = { lr",
        &["x.md:10: bigram has no part \"nose\""],
    );
    fails("stage = \"bigram\"", "stage = \"bigramm\"", &["x.md:1: ", "bigramm"]);
    fails(
        "prompt =",
        "needs = [\"nowhere\"]\nprompt =",
        &["x.md:1: needs: there is no other lesson \"nowhere\""],
    );
    fails(
        "\"the cat\"",
        "\"zebra\"",
        &["x.md:1: the prompt \"zebra\" cannot be read with test.txt"],
    );
    fails("softmax::forward", "softmax::foreword", &["x.md:64: there is no \"foreword\""]);
    fails("{ lr = 0.01 }]", "{ n_head = 2 }]", &["x.md:54: n_head is none of the stage bigram"]);
    assert_eq!(report(&changed("prompt =", "needs = [\"elsewhere\"]\nprompt =")).faults, []);
}

#[test]
fn terms_are_explained_once() {
    fails("(term \"a unit of surprise\")", "(term)", &["x.md:16: a term says what it means"]);
    fails(
        "It is {!196}",
        "A [Nat](term \"again\") {!196}",
        &["x.md:17: \"nat\" is explained in line 16 already"],
    );
    fails(
        "https://arxiv.org/abs/1706.03762",
        "paper.pdf",
        &["x.md:17: the link to \"paper.pdf\" leads nowhere"],
    );
}

#[test]
fn values_and_keys_are_known() {
    fails("{=V}", "{=W}", &["x.md:16: there is no value \"W\""]);
    fails("{key:pause}", "{key:paws}", &["x.md:16: there is no action \"paws\""]);
    fails("Read it off.", "It is {=W}.", &["x.md:35: there is no value \"W\""]);
}

#[test]
fn what_is_computed_is_not_typed() {
    let parts =
        ["196 is the V_times_V that is computed (on test.txt)", "write {=V_times_V}, or {!196}"];
    fails("{!196}", "196", &[&parts[..], &["x.md:17: "]].concat());
    fails("0.1     100     low", "0.1     196     low", &[&parts[..], &["x.md:21: "]].concat());
    fails("Noise is", "196 is", &[&parts[..], &["x.md:25: "]].concat());
}

#[test]
fn tables_fit_the_smallest_screen() {
    let wide = "0.1     100     low and much wider than a pane";
    fails("0.1     100     low", wide, &["x.md:21: a table has 35 columns at most"]);
    let table = "lr      steps   loss\n0.1     100     low\n0.001   100     high";
    // A formula is no table: what is too wide of it goes on in the next line.
    let formula = "q   = x·Wq     (B, T, hs)\nS   = softmax(q·kᵀ / √hs), row by row     (B, T, T)";
    assert_eq!(report(&changed(table, formula)).faults, []);
    fails("It is {!196}", "\n| a | b |\n\n{!196}", &["x.md:18: a table is a block of code"]);
}

/// What is written for those who write lessons is a lesson.
#[test]
fn the_example_for_contributors_is_a_lesson() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/CONTRIBUTING.md"));
    let (_, rest) = text.split_once("The whole format in one file:\n\n").unwrap();
    let (example, _) = rest.split_once("\n\nBlocks named").unwrap();
    let example: Vec<_> = example.lines().map(|l| l.strip_prefix("    ").unwrap_or(l)).collect();
    let lesson = parse_whole("90-batch.md", &example.join("\n")).unwrap();
    let kinds: Vec<_> = lesson.items().map(|(_, item)| item.kind_name()).collect();
    let all = ["predict", "ask", "goal", "claim", "race", "code", "figure", "review"];
    assert_eq!(kinds, all);
    let team = Team::new(1).unwrap();
    let play = Known::new(Dataset::new(crate::text::Corpus::bundled()).unwrap());
    let against = Against {
        panes: &["lesson", "loss", "inside", "embeddings"],
        keys: &[("pause", "space".to_owned())],
        texts: &[play],
        lessons: &["bigram"],
        team: &team,
        counts: false,
        whole: false,
    };
    assert_eq!(check(&lesson, std::slice::from_ref(&lesson), &against).faults, []);
}

#[test]
fn the_course_asks_enough() {
    let lesson = parse_whole("03-x.md", FILE).unwrap();
    let mut faults = Faults { file: "03-x.md", list: Vec::new() };
    counts::check(&lesson, &mut faults);
    let said: Vec<_> = faults.list.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "03-x.md:1: lesson 3 needs more predictions: 2 at least (found 1)");
    assert_eq!(said.len(), 5);
    let later = parse_whole("12-x.md", FILE).unwrap();
    let mut faults = Faults { file: "12-x.md", list: Vec::new() };
    counts::check(&later, &mut faults);
    assert_eq!(faults.list, []);
}
