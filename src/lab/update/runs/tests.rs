//! Runs that are gone back to and opened from files, and the pages that they are on.

use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Size;

use super::*;
use crate::lab::action::Action;
use crate::lab::fixture;
use crate::lab::model::Msg;
use crate::lab::panes::PaneId;
use crate::lab::update::tests::{
    ctrl, focus_hyperparameters, key, press, say_of_the_run, sent, settled, typed,
};
use crate::lab::update::update;
use crate::train::{Event, History};

#[test]
fn the_table_has_every_run_and_enter_goes_back_to_it() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "n_head");
    press(&mut model, KeyCode::Left);
    key(&mut model, 'y');
    let run = model.run.as_mut().unwrap();
    (run.status, run.step) = (Status::Training, 12);
    key(&mut model, ']');
    assert_eq!(model.past.len(), 2);
    key(&mut model, 'd');
    let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 120, 40));
    crate::lab::view::draw(&model, &mut buf);
    let screen = fixture::text(&buf);
    let first = fixture::model(120, 40);
    let first = first.run.as_ref().unwrap();
    let last = first.evaluation().unwrap();
    let row = screen.lines().find(|line| line.contains("3,412")).expect(&screen);
    for number in [
        number::loss(last.train_loss),
        number::loss(last.val_loss),
        number::loss(first.best().unwrap().val_loss),
        "lr 3e-4".to_owned(),
        "1337".to_owned(),
    ] {
        assert!(row.contains(&number), "{number} in {row}");
    }
    assert!(screen.contains("n_head 2"), "{screen}");
    for c in "3,412".chars() {
        key(&mut model, c);
    }
    let effects = sent(&press(&mut model, KeyCode::Enter));
    assert!(effects.contains(&"Open multi-head as 0".to_owned()), "{effects:?}");
    assert_eq!(model.lesson().id, "multi-head");
    assert_eq!(model.run.as_ref().unwrap().stage(), "multi-head");
}

#[test]
fn checkpoints_are_listed_and_opened_and_what_cannot_be_is_said() {
    use crate::lab::folder::Listed;
    use crate::train::checkpoint::About;
    let about = |stage: &str, corpus: &str| About {
        config: Config { stage: stage.to_owned(), ..opening("bigram", 65, 7) },
        step: 1234,
        history: History::default(),
        corpus: corpus.to_owned(),
    };
    let listed = |name: &str, about| Listed {
        name: name.to_owned(),
        path: format!("/home/{name}").into(),
        about,
    };
    let mut model = settled(120, 40);
    assert_eq!(sent(&ctrl(&mut model, 'o')), ["ListCheckpoints"]);
    let files = vec![
        listed("runs/a.safetensors", Ok(about("bigram", ""))),
        listed("runs/b.safetensors", Ok(about("bigram", "another"))),
        listed("runs/c.safetensors", Ok(about("none", ""))),
        listed("runs/d.safetensors", Err("runs/d.safetensors is damaged".to_owned())),
    ];
    update(&mut model, Msg::Checkpoints(files.clone()));
    let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 80, 24));
    model.size = Size::new(80, 24);
    crate::lab::view::draw(&model, &mut buf);
    let screen = fixture::text(&buf);
    let row = screen.lines().find(|line| line.contains("a.safetensors")).unwrap();
    assert!(row.contains("1,234") && row.contains("bigram"), "{row}");
    for (name, said) in [("d.safe", "damaged"), ("b.safe", "another text")] {
        ctrl(&mut model, 'o');
        update(&mut model, Msg::Checkpoints(files.clone()));
        typed(&mut model, name);
        assert!(!sent(&press(&mut model, KeyCode::Enter)).iter().any(|c| c.starts_with("Load")));
        assert!(model.toasts.last().unwrap().text.contains(said), "{:?}", model.toasts);
        model.overlays.clear();
    }
    ctrl(&mut model, 'o');
    update(&mut model, Msg::Checkpoints(files));
    typed(&mut model, "a.safe");
    let effects = sent(&press(&mut model, KeyCode::Enter));
    assert!(effects.iter().any(|c| c.starts_with("Load") && c.contains("a.safetensors")));
    assert_eq!((model.lesson().stage.as_str(), model.page), ("bigram", 0));
    // What was on the screen is in the table, and comes back where the file is no good after all.
    assert_eq!(model.past.len(), 1);
    let why = "its numbers are not those that were written".to_owned();
    let effects = sent(&say_of_the_run(&mut model, Event::NotOpened { why }));
    assert!(effects.iter().any(|c| c.starts_with("Open bigram")), "{effects:?}");
    assert!(model.toasts.iter().any(|toast| toast.text.contains("numbers are not")));
}

/// Every pane, whatever its keys change of it: another page has its first view, and who comes back finds his own.
#[test]
fn a_page_opens_with_the_first_views_of_its_panes_and_gives_back_those_that_were_left() {
    let names: Vec<_> = PaneId::ALL.map(|pane| format!("\"{}\"", pane.name())).to_vec();
    let text = format!(
        "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"multi-head\"\npanes = [{}]\nhyperparameters = [\"lr\"]\n\
         prompt = \"the\"\n+++\n\n## One\n\nRead.\n\n## Two\n\nRead.\n",
        names.join(", ")
    );
    let page = || {
        let mut model = fixture::model(120, 40);
        model.lessons[model.lesson] = crate::lesson::parse("90-a.md", &text).unwrap();
        model.page = 0;
        let home = model.home(0);
        model.run.as_mut().unwrap().home = home;
        model.refresh();
        model
    };
    let seen = |model: &Model, pane| fixture::text(&fixture::pane(model, pane, 70, 24));
    let fresh = page();
    let mut changed = 0;
    for pane in PaneId::ALL {
        let mut model = page();
        for action in [Action::Right, Action::Down, Action::CycleView, Action::Right, Action::Down]
        {
            pane.act(&mut model, action);
        }
        model.refresh();
        let set = seen(&model, pane);
        changed += usize::from(set != seen(&fresh, pane));
        open_page(&mut model, 1);
        assert_eq!(model.page, 1);
        if pane != PaneId::Lesson {
            assert_eq!(seen(&model, pane), seen(&fresh, pane), "{pane:?}");
            open_page(&mut model, 0);
            assert_eq!(seen(&model, pane), set, "{pane:?}");
        }
    }
    assert!(changed > 12, "{changed}");
}
