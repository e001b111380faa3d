//! Draws the model: header, panes, footer, and what lies over them.

mod boxed;
mod footer;
pub(super) mod header;
mod lists;
mod overlay;

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Widget};

use super::border::{self, Border};
use super::course::doable;
use super::layout::SMALLEST;
use super::model::Model;
use super::overlays::Overlay;
use super::pane::Seat;
use super::theme::Role;
use super::widgets::ascii;

/// Draws one frame; returns where the text cursor stands, if there is one.
pub fn draw(model: &Model, buf: &mut Buffer) -> Option<Position> {
    let cursor = draw_signs(model, buf);
    ascii::plain(&model.theme, buf);
    cursor
}

fn draw_signs(model: &Model, buf: &mut Buffer) -> Option<Position> {
    let screen = buf.area;
    let layout = model.layout();
    let fits = layout.header.width <= screen.width && layout.footer.bottom() <= screen.height;
    if layout.panes.is_empty() || !fits {
        too_small(model, screen, buf);
        return None;
    }
    header::draw(model, layout.header, buf);
    let covered = !model.overlays.is_empty();
    let facts = model.facts();
    let lesson = model.lesson_panes();
    for &(id, area) in &layout.panes {
        let pane = model.panes.get(id);
        let seat = Seat {
            room: border::inside(area),
            focused: id == model.focus && !covered,
            zoomed: model.zoomed,
        };
        let border = Border {
            number: lesson.iter().position(|pane| *pane == id).map(|i| i + 1),
            title: pane.title(),
            detail: &pane.detail(&facts),
            about: &pane.about(&facts, seat),
            focused: seat.focused,
        };
        border.draw(&model.theme, area, buf);
        if !seat.room.is_empty() {
            pane.draw(&facts, seat, buf);
        }
    }
    footer::toasts(model, layout.footer, buf);
    let cursor = footer::draw(model, layout.footer, buf);
    let body = Rect {
        y: layout.header.bottom(),
        height: layout.footer.y - layout.header.bottom(),
        ..screen
    };
    overlay::draw(model, body, buf).or(cursor)
}

/// Whether enter on the page answers something.
fn asks(model: &Model) -> bool {
    !doable(model.page()).is_empty()
}

/// Whether the prompt that is asked shows its answer, and waits for the learner's grade.
fn answer_is_shown(model: &Model) -> bool {
    if matches!(model.overlays.last(), Some(Overlay::Review)) {
        return model.course.reviewing.as_ref().is_some_and(|reviewing| reviewing.open);
    }
    let all = doable(model.page());
    let chosen = all.get(model.course.chosen).filter(|doable| doable.prompt.is_some());
    chosen.is_some_and(|doable| {
        let key = (model.lesson().id.clone(), doable.id().to_owned());
        model.course.opened.contains(&key)
    })
}

/// What to do about a screen that is too small.
fn too_small(model: &Model, screen: Rect, buf: &mut Buffer) {
    if screen.is_empty() {
        return;
    }
    let text = Text::from(vec![
        Line::from("gpt-lab needs more room:"),
        Line::from(format!("at least {} x {},", SMALLEST.width, SMALLEST.height)),
        Line::from(format!("this is {} x {}", screen.width, screen.height)),
    ]);
    let top = screen.height.saturating_sub(3) / 2;
    let area = Rect { y: screen.y + top, height: (screen.height - top).min(3), ..screen };
    Paragraph::new(text)
        .alignment(Alignment::Center)
        .style(model.theme.style(Role::Warning))
        .render(area, buf);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::action::Action;
    use crate::lab::fixture;
    use crate::lab::model::ToastKind;
    use crate::lab::overlays::{Answer, Confirm, InputLine, List, ListKind, Overlay, Purpose};
    use crate::lab::panes::PaneId;
    use crate::lab::run::Status;
    use crate::lab::theme::Glyphs;

    #[test]
    fn no_size_is_a_problem() {
        for width in (0..=250).step_by(7).chain([79, 80, 110, 120, 170]) {
            for height in (0..=80).step_by(5).chain([23, 24, 32, 44]) {
                let model = fixture::model(width, height);
                draw(&model, &mut Buffer::empty(Rect::new(0, 0, width, height)));
            }
        }
    }

    fn screen(model: &Model) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, model.size.width, model.size.height));
        draw(model, &mut buf);
        fixture::text(&buf)
    }

    /// The lesson beside the hyperparameters.
    fn small() -> Model {
        let mut model = fixture::model(80, 24);
        model.focus = PaneId::Hyperparameters;
        model.called = Some(PaneId::Hyperparameters);
        model
    }

    #[test]
    fn lesson_and_hyperparameters() {
        insta::assert_snapshot!(screen(&small()));
    }

    #[test]
    fn whole_screens() {
        for (width, height) in [(80, 24), (120, 40), (160, 48), (200, 60)] {
            let model = fixture::model(width, height);
            insta::assert_snapshot!(format!("{width}x{height}"), screen(&model));
        }
    }

    #[test]
    fn a_zoomed_lesson() {
        let mut model = fixture::model(160, 48);
        model.zoomed = true;
        insta::assert_snapshot!(screen(&model));
    }

    #[test]
    fn a_diverged_run_with_a_word_to_the_learner() {
        let mut model = small();
        model.run.as_mut().unwrap().status = Status::Diverged(3413);
        let error = "lr must be a number from 1e-9 to 10 (found -1)".to_owned();
        model.asked.error = Some(error);
        model.say(ToastKind::Warning, "the loss is no longer finite");
        insta::assert_snapshot!(screen(&model));
    }

    #[test]
    fn the_lists() {
        let kinds = [(ListKind::Help, "curve"), (ListKind::Palette, "le"), (ListKind::Lessons, "")];
        for (kind, filter) in kinds {
            let mut model = small();
            let list = List { kind, filter: filter.into(), selected: 2, ..List::default() };
            model.overlays.push(Overlay::List(list));
            insta::assert_snapshot!(format!("{kind:?}"), screen(&model));
        }
    }

    #[test]
    fn a_question_and_the_input_line() {
        let mut model = small();
        let yes = Answer::QuitUnsaved;
        let text = "Not saved: save: the disk is full. Leave all the same?".to_owned();
        let title = "Leave without saving?".to_owned();
        model.overlays.push(Overlay::Confirm(Confirm { title, text, yes }));
        insta::assert_snapshot!("question", screen(&model));
        let purpose = Purpose::Prompt { before: String::new() };
        let error = Some("1 character is outside the vocabulary of 65: '€'".to_owned());
        let line = InputLine { purpose, input: "the king €".into(), selected: false, error };
        model.overlays = vec![Overlay::Input(line)];
        insta::assert_snapshot!("input", screen(&model).lines().last().unwrap());
    }

    /// Every page of every lesson, every pane in every view, and what lies over them. The text of the fixture is ASCII, so
    /// that what is not is ours.
    #[test]
    fn plain_signs_only_where_there_is_no_unicode() {
        let mut model = small();
        model.theme.glyphs = Glyphs::ASCII;
        let check = |model: &Model| {
            let mut signs = Buffer::empty(Rect::new(0, 0, 80, 24));
            draw_signs(model, &mut signs);
            let mut plain = signs.clone();
            draw(model, &mut plain);
            for (sign, plain) in signs.content.iter().zip(&plain.content) {
                assert!(plain.symbol().is_ascii(), "{}", plain.symbol());
                // Each of ours has a stand-in.
                assert!(sign.symbol().is_ascii() || plain.symbol() != "?", "{}", sign.symbol());
            }
        };
        for lesson in 0..model.lessons.len() {
            model.lesson = lesson;
            for page in 0..model.lesson().pages.len() {
                model.page = page;
                model.refresh();
                check(&model);
            }
            model.page = 0;
        }
        model.lesson = small().lesson;
        model.refresh();
        model.zoomed = true;
        for pane in PaneId::ALL {
            model.focus = pane;
            for _ in 0..6 {
                check(&model);
                pane.act(&mut model, Action::CycleView);
            }
        }
        for kind in [ListKind::Help, ListKind::Palette, ListKind::Lessons] {
            let list = List { kind, ..List::default() };
            model.overlays = vec![Overlay::List(list)];
            check(&model);
        }
    }

    #[test]
    fn a_buffer_smaller_than_the_model_believes_is_no_problem() {
        let model = fixture::model(200, 60);
        for (width, height) in [(0, 0), (10, 3), (80, 24), (199, 60), (200, 59)] {
            draw(&model, &mut Buffer::empty(Rect::new(0, 0, width, height)));
        }
    }
}
