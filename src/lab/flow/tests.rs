//! Every stage's diagram, from the cards of real models.

use std::collections::HashSet;
use std::sync::Arc;

use super::lines::{DOWN, LEFT, Point, RIGHT, UP};
use super::plan::Plan;
use super::*;
use crate::lab::fixture;
use crate::lab::theme::{Depth, Glyphs, Ground};
use crate::stage::STAGES;

/// Every stage's card, at Tiny Shakespeare's number of characters.
fn cards() -> impl Iterator<Item = (&'static str, Arc<Card>)> {
    STAGES.iter().map(|stage| (stage.name, fixture::card(&stage.config(65, 1337))))
}

/// With every part in a box of its own.
fn plan(card: &Card, room: Size, tower: usize) -> Option<Plan> {
    plan::plan(&Fold::none(&card.flow), room, tower)
}

const WIDE: Size = Size::new(300, 400);

/// Rooms of about thirty sizes.
fn rooms() -> impl Iterator<Item = Size> {
    let widths = [1, 20, 28, 36, 44, 60, 76, 90, 156];
    let heights = [1, 3, 9, 16, 20, 44];
    widths.into_iter().flat_map(move |width| heights.map(|height| Size::new(width, height)))
}

fn texts(plan: &Plan) -> Vec<Rect> {
    let boxes = plan.boxes.iter().flat_map(|placed| [Some(placed.area), placed.number]);
    let shapes = plan.shapes.iter().map(|(area, _)| *area);
    let names = plan.names.iter().map(|(area, _)| *area);
    boxes.flatten().chain(shapes).chain(names).collect()
}

#[test]
fn nothing_is_drawn_over_anything_else() {
    for (stage, card) in cards() {
        for room in rooms().chain([WIDE]) {
            let Some(plan) = plan(&card, room, 0) else { continue };
            assert!(plan.size.width <= room.width, "{stage} {room:?}");
            let texts = texts(&plan);
            let paper = Rect::new(0, 0, plan.size.width, plan.size.height);
            for (at, area) in texts.iter().enumerate() {
                assert!(paper.intersection(*area) == *area, "{stage} {room:?} {area:?}");
                assert!(
                    texts[..at].iter().all(|other| !other.intersects(*area)),
                    "{stage} {area:?}"
                );
                let crossed = plan.lines.0.iter().find(|(point, cell)| {
                    (cell.flow | cell.tip) != 0 && area.contains((**point).into())
                });
                assert_eq!(crossed, None, "{stage} {room:?} {area:?}");
            }
            assert!(plan.lines.0.keys().all(|point| paper.contains((*point).into())), "{stage}");
        }
    }
}

/// Where a way from a cell leads.
fn step((x, y): Point, way: u8) -> Point {
    match way {
        UP => (x, y - 1),
        DOWN => (x, y + 1),
        LEFT => (x - 1, y),
        _ => (x + 1, y),
    }
}

#[test]
fn every_line_ends_at_a_line_or_a_box() {
    for (stage, card) in cards() {
        for room in rooms().chain([WIDE]) {
            let Some(plan) = plan(&card, room, 0) else { continue };
            for (&point, cell) in &plan.lines.0 {
                for (way, back) in [(UP, DOWN), (DOWN, UP), (LEFT, RIGHT), (RIGHT, LEFT)] {
                    if cell.flow & way == 0 {
                        continue;
                    }
                    let next = step(point, way);
                    let there = plan.lines.at(next);
                    let meets = there.flow & back != 0;
                    let enters = plan.boxes.iter().any(|b| b.area.contains(next.into()));
                    assert!(meets || enters, "{stage} {room:?} {point:?} {way}");
                }
            }
        }
    }
}

#[test]
fn a_whole_diagram_has_every_part_and_every_arrow_of_the_card() {
    for (stage, card) in cards() {
        let plan = plan(&card, WIDE, 0).unwrap();
        assert!(plan.left_out.is_empty(), "{stage}: {:?}", plan.left_out);
        let parts: Vec<usize> = plan.boxes.iter().map(|placed| placed.part).collect();
        assert_eq!(parts, (0..card.flow.len()).collect::<Vec<_>>(), "{stage}");
        let index = |name: &str| card.flow.iter().position(|part| part.name == name).unwrap();
        let said = card.flow.iter().enumerate();
        let said: HashSet<_> =
            said.flat_map(|(to, p)| p.from.iter().map(move |from| (index(from), to))).collect();
        assert_eq!(plan.edges.len(), said.len(), "{stage}");
        assert_eq!(plan.edges.iter().copied().collect::<HashSet<_>>(), said, "{stage}");
        // Data flow upwards within a tower.
        for (from, to) in &plan.edges {
            let (from, to) = (plan.of(*from).unwrap(), plan.of(*to).unwrap());
            assert!(from.tower != to.tower || from.area.y > to.area.y, "{stage}");
        }
        let framed: HashSet<_> = card.flow.iter().map(|part| part.of.as_str()).collect();
        for of in framed.into_iter().filter(|of| !of.is_empty()) {
            let named = plan.names.iter().any(|(_, name)| name.trim() == of)
                || plan.boxes.iter().any(|placed| placed.title.ends_with(of));
            assert!(named, "{stage}: {of}");
        }
    }
}

#[test]
fn a_figure_has_every_part_in_the_room_that_a_page_has() {
    let theme = Theme::plain();
    let mut drawn = 0;
    for (stage, card) in cards() {
        // What stands before a page's figure takes two columns.
        let room = crate::lesson::COLUMNS - 2;
        for width in [1, 9, 20, room, 60, 200] {
            let Some(lines) = figure(&theme, &card, &[], width) else { continue };
            assert!(lines.iter().all(|line| line.width() <= usize::from(width)), "{stage}");
            let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
            let text = text.join("\n");
            let towers = card.flow.iter().map(|part| part.tower).max().unwrap();
            for part in card.flow.iter().filter(|part| towers == 0 || part.tower == 0) {
                assert!(text.contains(&part.title), "{stage}: {}\n{text}", part.title);
            }
            drawn += usize::from(width == room);
        }
    }
    assert!(drawn > 5, "{drawn}");
}

#[test]
fn a_figure_lights_its_parts() {
    let card = fixture::card(&STAGES[0].config(65, 1337));
    let theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let titles = |names: &[String]| {
        let lines = figure(&theme, &card, names, 33).unwrap();
        let spans = lines.into_iter().flat_map(|line| line.spans);
        let of = |title: &'static str| {
            let mut found = spans.clone().filter(move |span| span.content.contains(title));
            found.next().unwrap().style.add_modifier
        };
        card.flow.iter().map(|part| of(part.title.clone().leak())).collect::<Vec<_>>()
    };
    assert!(titles(&[]).iter().all(|style| !style.intersects(Modifier::DIM | Modifier::BOLD)));
    let lit = card.flow[1].name.clone();
    for (part, style) in card.flow.iter().zip(titles(std::slice::from_ref(&lit))) {
        assert_eq!(style.contains(Modifier::BOLD), part.name == lit, "{}", part.title);
        assert_eq!(style.contains(Modifier::DIM), part.name != lit, "{}", part.title);
    }
}

#[test]
fn the_lectures_stages_and_the_paper_fit_eighty_columns_whole() {
    for (stage, card) in cards() {
        // Inside the border of the whole screen.
        let plan = plan(&card, Size::new(76, 20), 0).unwrap();
        assert!(plan.left_out.is_empty(), "{stage}: {:?}", plan.left_out);
    }
}
