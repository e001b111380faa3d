//! Temperature, top-k and top-p, by key and typed.

use ratatui::crossterm::event::KeyCode;

use crate::lab::overlays::Overlay;
use crate::lab::panes::PaneId;
use crate::lab::update::tests::{key, press, settled, typed};

#[test]
fn sampling_is_typed_and_top_k_begins_where_it_is_seen() {
    let mut model = settled(120, 40);
    model.focus_on(PaneId::Softmax);
    key(&mut model, 'a');
    assert_eq!(model.sampling.top_k, Some(32), "half of 65");
    key(&mut model, 'a');
    assert_eq!(model.sampling.top_k, Some(30));
    key(&mut model, 'A');
    key(&mut model, 'A');
    assert_eq!(model.sampling.top_k, Some(60));
    key(&mut model, 'A');
    assert_eq!(model.sampling.top_k, None);
    key(&mut model, '=');
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("no line") };
    assert_eq!(line.input.value(), "1, all, all");
    typed(&mut model, "0.8 5, 1.5");
    press(&mut model, KeyCode::Enter);
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert!(line.error.as_ref().unwrap().contains("top-p"), "{:?}", line.error);
    for _ in 0..3 {
        press(&mut model, KeyCode::Backspace);
    }
    typed(&mut model, "0.95");
    press(&mut model, KeyCode::Enter);
    let sampling = model.sampling;
    assert_eq!((sampling.temperature, sampling.top_k, sampling.top_p), (0.8, Some(5), Some(0.95)));
    key(&mut model, '=');
    typed(&mut model, "2");
    press(&mut model, KeyCode::Enter);
    assert_eq!((model.sampling.temperature, model.sampling.top_k), (2.0, None));
}
