//! Steps of one network alone, out of turn.

use super::*;

/// D, D, D out of turn, G out of turn, then two in turn: the run of a session with the same edits, also through a file.
#[test]
#[cfg(not(feature = "f64"))]
fn a_step_of_one_network_alone_is_an_edit_a_step_and_the_edit_back() {
    let mut config = crate::stage::stage("gan").unwrap().config(0, 5);
    (config.training.batch_size, config.training.eval_interval) = (16, 3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let save = |worker: &Worker| {
        worker.send(Command::Save(path.clone()));
        worker.until(|event| matches!(event, Event::Saved { .. }));
        std::fs::read(&path).unwrap()
    };
    let worker = Worker::spawn(testing::dataset(), 1, config.clone()).at_rest();
    // Asked for before the first of them is made, as fast keys do.
    for group in [0, 0, 0, 1] {
        worker.send(Command::StepAlone(group));
    }
    worker.send(Command::Step(2));
    let events = worker.until(|event| matches!(event, Event::Paused));
    let edits: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Applied(edit) => Some((edit.step, edit.new.to_string())),
            _ => None,
        })
        .collect();
    let told = [(0, 0), (1, 2), (1, 0), (2, 2), (2, 0), (3, 2), (3, 1), (4, 2)];
    let name = |i: usize| ["discriminator", "generator", "in_turn"][i].to_owned();
    assert_eq!(edits, told.map(|(step, i)| (step, name(i))));
    assert_eq!(steps(&events), [1, 2, 3, 4, 5, 6]);
    let whole = save(&worker);

    let (team, dataset) = (Team::new(1).unwrap(), testing::dataset());
    let mut session = Session::with_team(config.clone(), dataset, &team).unwrap();
    for turns in
        ["discriminator", "discriminator", "discriminator", "generator", "in_turn", "in_turn"]
    {
        session.set("turns", Value::Choice(turns)).unwrap();
        session.step().unwrap();
    }
    let kept = Checkpoint::read(&path, &[]).unwrap();
    assert_eq!(kept.history.edits, session.history().edits);
    let kept = Session::restore(kept, testing::dataset(), &team).unwrap();
    assert!(kept.weights() == session.weights());

    // Stopped in the middle of it.
    let worker = Worker::spawn(testing::dataset(), 1, config).at_rest();
    for _ in 0..2 {
        worker.send(Command::StepAlone(0));
        worker.until_paused();
    }
    save(&worker);
    let other = Worker::spawn(testing::dataset(), 1, testing::config()).at_rest();
    other.send(Command::Load { run: RunId(2), path: path.clone() });
    other.until(|event| matches!(event, Event::Opened { .. }));
    let ask = |command| other.commands().send(Order { run: Some(RunId(2)), command }).unwrap();
    ask(Command::StepAlone(0));
    ask(Command::StepAlone(1));
    ask(Command::Step(2));
    other.until(
        |event| matches!(event, Event::Steps { reports, .. } if reports.last().unwrap().step == 6),
    );
    let resumed = save(&other);
    let tensors = |bytes: &[u8]| {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert!(tensors(&resumed) == tensors(&whole));
}

#[test]
fn a_model_that_takes_no_turns_refuses_a_step_of_one_network() {
    let worker = Worker::spawn(testing::dataset(), 1, endless()).at_rest();
    worker.send(Command::StepAlone(0));
    let refused = |event: &Event| matches!(event, Event::Refused { what, why } if what == "step" && why.contains("takes no turns"));
    let events = worker.until(refused);
    assert!(steps(&events).is_empty());
}
