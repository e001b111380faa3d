//! The lesson pane, drawn.

use crate::lab::fixture;
use crate::lab::panes::PaneId;

/// A page with one goal that asks for this, on the fixture's run.
fn goal(when: &str, more: &str) -> String {
    let text = format!(
        "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"multi-head\"\npanes = [\"lesson\"]\n+++\n\n## One\n\n```goal\n\
         id = \"b\"\ntext = \"Do it.\"\nwhen = [{when}]\nhints = [\"a?\", \"b\", \"c\"]\n\
         solution = [{{ run_to = 10 }}]\nanswer = \"So.\"\n{more}```\n"
    );
    let mut model = fixture::model(120, 40);
    model.lessons[model.lesson] = crate::lesson::parse("90-a.md", &text).unwrap();
    model.page = 0;
    model.refresh();
    let drawn = fixture::text(&fixture::pane(&model, PaneId::Lesson, 60, 20));
    // As one line, however it is broken.
    let words = drawn.split_whitespace().filter(|word| !"│▌".contains(word));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_goal_says_how_every_condition_of_it_stands() {
    let recovered = "{ measure = { recovered = { from = 8.0, to = 2.7 } }, above = 0 }";
    let drawn = goal(recovered, "");
    assert!(drawn.contains("now: above 8 and back under 2.7: not yet"), "{drawn}");
    let two = "{ measure = { edits = \"lr\" }, above = 0 }, { measure = { rank = { after = \"q\", token = \"u\" } }, below = 2 }";
    let drawn = goal(two, "");
    assert!(drawn.contains("changes of lr:"), "{drawn}");
    assert!(drawn.contains("rank of \"u\" after \"q\": not known yet"), "{drawn}");
    let causal = "{ measure = { hyperparameter = \"causal\" }, below = 0.5 }";
    assert!(goal(causal, "").contains("now: causal: true (to be false)"));
}

#[test]
fn a_goal_of_another_stage_says_nothing_of_the_run_on_the_screen() {
    let loss = "{ measure = \"step\", above = 1000000 }";
    assert!(goal(loss, "").contains("(to be above 1,000,000)"));
    let drawn = goal(loss, "stage = \"bigram\"\n");
    assert!(drawn.contains("a run of multi-head is on the screen, it is about bigram"), "{drawn}");
    assert!(!drawn.contains("to be above"), "{drawn}");
}
