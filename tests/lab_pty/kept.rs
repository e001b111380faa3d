//! What is there again when the lab has been killed, or left in the middle of something.

use super::*;

/// Whether the file that a lab would go on with holds the run as far as the screen has it now. Its name is of the step at
/// which it was asked for; the run may have been a step further by then.
fn is_kept(lab: &Lab) -> bool {
    let folder = lab.home.path().join("autosave");
    let note = std::fs::read_to_string(folder.join("resume.json")).unwrap_or_default();
    let files = lab.files("autosave");
    let Some(file) = files.iter().find(|name| note.contains(name.as_str())) else { return false };
    let run = std::fs::read(folder.join(file)).unwrap_or_default();
    let step = steps(&lab.text()).map(|step| format!("\"step\":\"{step}\""));
    step.is_some_and(|step| String::from_utf8_lossy(&run).contains(&step))
}

#[test]
fn killed_in_the_middle_it_goes_on_where_it_was() {
    let mut lab = Lab::start(100, 30, &["--lesson", "multi-head"]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    lab.press("n ");
    lab.wait("a pause", |screen| screen.contains("paused"));
    wait_until("the run to be written down", || is_kept(&lab));
    let held = steps(&lab.text()).unwrap();
    kill_process(lab.pid(), Signal::KILL).unwrap();
    lab.child.wait().unwrap();
    let home = home_of(&mut lab);

    let mut lab = Lab::start_in(home, 100, 30, &[], |command, _| {
        command.env("GPT_LAB_THEME", "dark");
    });
    lab.wait("the lesson, the page and the step", |screen| {
        screen.contains("Multi-head")
            && screen.contains("page 2")
            && screen.contains("r starts anew")
            && steps(screen) == Some(held)
    });
    // A second one beside it begins anew, and says why it writes nothing down.
    let path = lab.home.path().to_owned();
    let mut second = Lab::start_with(100, 30, &[], |command, _| {
        command.env("GPT_LAB_THEME", "dark");
        command.env("GPT_LAB_HOME", path);
    });
    second.wait("why", |screen| screen.contains("not autosaved"));
    second.wait("the first lesson", |screen| screen.contains("A bigram model"));
    second.press("\x03\x03");
    second.end();
    lab.press(".");
    lab.wait("one step", |screen| steps(screen) == Some(held + 1));
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
    assert_eq!(lab.saved(), ["multi-head.safetensors"]);

    let mut lab = Lab::start_in(home_of(&mut lab), 100, 30, &["--fresh"], |command, _| {
        command.env("GPT_LAB_THEME", "dark");
    });
    lab.wait("the first lesson", |screen| {
        screen.contains("A bigram model") && steps(screen).is_some()
    });
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
}

/// A course of one lesson with all that can be going on: a question, a claim without end, a goal out of reach.
const ENDLESS: &str = r#"+++
id = "endless"
title = "Without end"
stage = "bigram"
panes = ["lesson", "loss"]
+++

## A question

```predict
id = "guess"
ask = "What is the very first loss?"
measure = "first_loss"
after = 1
why = "About ln V."
```

## A claim

```claim
id = "claimed"
text = "It never comes to an end."
arms = [{ lr = 0.1 }, { lr = 0.01 }]
budget = { steps = 500000000 }
measure = "val_loss"
expect = { below = 0.0 }
seeds = 2
```

## A goal

```goal
id = "reached"
text = "Reach what cannot be reached."
when = [{ measure = "val_loss", below = 0.01 }]
hints = ["The first?", "The second.", "The third."]
solution = [{ run_to = 300 }]
answer = "It cannot be."
```
"#;

/// A lab with that course, whose question has been answered, in a folder that the next one starts in.
fn endless() -> (Lab, tempfile::TempDir) {
    let lessons = tempfile::tempdir().unwrap();
    std::fs::write(lessons.path().join("01-endless.md"), ENDLESS).unwrap();
    let mut lab = Lab::start(100, 30, &["--lessons", lessons.path().to_str().unwrap()]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    lab.press("i");
    lab.wait("the answer line", |screen| screen.contains("your number:"));
    lab.press("4\r");
    lab.wait("how sure", |screen| screen.contains("how sure?"));
    lab.press("2");
    lab.wait("the verdict", |screen| screen.contains("You said: 4"));
    (lab, lessons)
}

/// The claim is run.
fn claim(lab: &mut Lab) {
    lab.press("n");
    lab.wait("the claim", |screen| screen.contains("It never comes to an end."));
    lab.press("!");
    lab.wait("the experiment", |screen| screen.contains("experiment 0 %"));
    lab.wait("that the run stands", |screen| screen.contains("paused"));
}

/// What was answered, in the file.
fn answered(lab: &Lab) -> usize {
    let kept = std::fs::read_to_string(lab.home.path().join("progress.jsonl")).unwrap();
    kept.lines().filter(|line| line.contains("\"guess\"") && line.contains("truth")).count()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::yield_now();
    }
}

#[test]
fn leaving_ends_an_experiment_and_saves_the_run() {
    let leave: [fn(&mut Lab); 4] = [
        |lab| lab.press("q"),
        |lab| lab.press("\x03\x03"),
        |lab| kill_process(lab.pid(), Signal::TERM).unwrap(),
        |lab| kill_process(lab.pid(), Signal::HUP).unwrap(),
    ];
    for (way, leave) in leave.into_iter().enumerate() {
        let (mut lab, _lessons) = endless();
        claim(&mut lab);
        leave(&mut lab);
        let asked = Instant::now();
        let status = lab.end();
        // Slices of an experiment are short; waited for in vain would be 8 seconds and more.
        assert!(asked.elapsed() < Duration::from_secs(6), "{way}: {:?}", asked.elapsed());
        assert_eq!(status.exit_code(), 0, "{way}: {}", lab.text());
        // Ctrl-c twice leaves without saving; what is written down all the time is there all the same.
        let kept = if way == 1 { lab.files("autosave") } else { lab.saved() };
        assert!(kept.iter().any(|name| name.starts_with("bigram")), "{way}: {kept:?}");
    }
}

#[test]
fn killed_in_the_middle_of_a_claim_it_has_all_that_was_answered() {
    let (mut lab, lessons) = endless();
    claim(&mut lab);
    wait_until("the run to be written down", || is_kept(&lab));
    let held = steps(&lab.text()).unwrap();
    kill_process(lab.pid(), Signal::KILL).unwrap();
    lab.child.wait().unwrap();
    assert_eq!(answered(&lab), 1);
    let home = home_of(&mut lab);
    let course = ["--lessons", lessons.path().to_str().unwrap()];
    let mut lab = Lab::start_in(home, 100, 30, &course, |_, _| {});
    lab.wait("the page of the claim, and the run, which goes on as it did before it", |screen| {
        screen.contains("It never comes to an end.") && steps(screen).is_some_and(|n| n > held)
    });
    lab.press("p");
    lab.wait("the answer", |screen| screen.contains("You said: 4"));
    lab.press("n!");
    lab.wait("the claim runs again", |screen| screen.contains("experiment 0 %"));
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
    assert_eq!(answered(&lab), 1);
}

#[test]
fn killed_in_the_middle_of_a_goal_it_opens_the_same_page_with_the_run() {
    let (mut lab, lessons) = endless();
    lab.press("nn");
    lab.wait("the goal", |screen| screen.contains("Reach what cannot be reached."));
    lab.press("HH");
    lab.wait("two hints", |screen| screen.contains("The second."));
    lab.wait_for_steps();
    let note = lab.home.path().join("autosave/resume.json");
    wait_until("a run to be written down", || {
        std::fs::read_to_string(&note)
            .is_ok_and(|text| text.contains("-step-") && text.contains("\"page\": 2"))
    });
    kill_process(lab.pid(), Signal::KILL).unwrap();
    lab.child.wait().unwrap();
    assert_eq!(answered(&lab), 1);
    // Half a line, as a kill may leave one, and what a later version wrote.
    let file = lab.home.path().join("progress.jsonl");
    let mut kept = std::fs::read_to_string(&file).unwrap();
    kept.push_str("{\"kind\":\"dream\",\"lesson\":\"endless\",\"item\":\"x\",\"new\":[1,2]}\n");
    kept.push_str("{\"form\":2,\"t\":\"monday\"}\n{\"t\":17,\"sess");
    std::fs::write(&file, &kept).unwrap();
    let home = home_of(&mut lab);
    let course = ["--lessons", lessons.path().to_str().unwrap()];
    let mut lab = Lab::start_in(home, 100, 30, &course, |_, _| {});
    lab.wait("what is wrong with the file", |screen| {
        screen.contains("cut short") && screen.contains("not understood")
    });
    lab.wait("the page of the goal, and the run", |screen| {
        screen.contains("Reach what cannot be reached.") && steps(screen).is_some_and(|n| n > 0)
    });
    lab.press("pp");
    lab.wait("the answer", |screen| screen.contains("You said: 4"));
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
    let now = std::fs::read_to_string(&file).unwrap();
    assert!(now.starts_with(&kept), "a line was changed:\n{now}");
    // What was added stands in lines of its own.
    assert_eq!(now[kept.len()..].lines().next(), Some(""));
    assert_eq!(answered(&lab), 1);
}
