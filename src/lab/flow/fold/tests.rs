//! On cards of real models of one layer, two and six; of towers that are not equally deep.

use std::collections::HashSet;

use ratatui::layout::{Rect, Size};

use super::*;
use crate::lab::fixture;
use crate::lab::flow::plan::{Plan, plan};
use crate::model::config::Norm;
use crate::stage::{STAGES, stage};

/// The flow of a stage with so many layers.
fn flow(name: &str, n_layer: usize, norm: Option<Norm>) -> Vec<Part> {
    let mut config = stage(name).unwrap().config(65, 1337);
    config.model.n_layer = n_layer;
    config.model.norm = norm.unwrap_or(config.model.norm);
    fixture::card(&config).flow.clone()
}

/// An encoder of two layers under a decoder of four: of four and four without two of the encoder's.
fn mixed() -> Vec<Part> {
    let mut flow = flow("encoder-decoder", 4, None);
    flow.retain(|part| !["encoder layer 3", "encoder layer 4"].contains(&part.of.as_str()));
    let memory = flow.iter_mut().find(|part| part.name == "memory").unwrap();
    memory.from = vec!["encoder.1".to_owned()];
    flow
}

fn names(flow: &[Part], parts: &[usize]) -> Vec<String> {
    parts.iter().map(|part| flow[*part].name.clone()).collect()
}

fn counts(flow: &[Part]) -> Vec<usize> {
    stacks(flow).iter().map(|stack| stack.layers.len()).collect()
}

#[test]
fn layers_that_are_alike_are_a_stack() {
    assert_eq!(counts(&flow("encoder-decoder", 1, None)), Vec::<usize>::new());
    assert_eq!(counts(&flow("encoder-decoder", 2, None)), [2, 2]);
    assert_eq!(counts(&flow("encoder-decoder", 6, None)), [6, 6]);
    assert_eq!(counts(&flow("encoder-decoder", 6, Some(Norm::Pre))), [6, 6]);
    assert_eq!(counts(&mixed()), [2, 4]);
    assert_eq!(counts(&flow("layer-norm", 1, None)), Vec::<usize>::new());
    for norm in [Norm::None, Norm::Pre, Norm::Post] {
        assert_eq!(counts(&flow("layer-norm", 6, Some(norm))), [6], "{norm:?}");
    }
    // Other shapes or other titles, and it is another layer.
    let mut odd = flow("layer-norm", 3, None);
    let last = odd.iter_mut().rfind(|part| part.op == Op::Attention).unwrap();
    last.title.push_str(", wrong");
    assert_eq!(counts(&odd), [2]);
    // What reads something else is one as well: this one's first sum adds what was before all layers.
    let mut odd = flow("layer-norm", 3, None);
    let sum = odd.iter_mut().rfind(|part| part.name.ends_with("sum1")).unwrap();
    sum.from[0] = "embedding".to_owned();
    assert_eq!(counts(&odd), [2]);
}

/// Whichever layer is drawn, it is drawn as the first is where there is only one.
#[test]
fn a_layer_for_all_is_drawn_like_a_model_of_one_layer() {
    for norm in [Norm::Pre, Norm::Post] {
        for (name, count) in [("encoder-decoder", 2), ("encoder-decoder", 6), ("layer-norm", 6)] {
            let one = Fold::joined(&flow(name, 1, Some(norm)));
            let all = flow(name, count, Some(norm));
            let place = |fold: &Fold, from: &String| {
                fold.flow.iter().position(|part| part.name == *from).unwrap()
            };
            for layer in 0..count {
                let fold = Fold::new(&all, |_| layer);
                assert_eq!(fold.flow.len(), one.flow.len(), "{name} {norm:?} {layer}");
                for (drawn, alone) in fold.flow.iter().zip(&one.flow) {
                    assert_eq!((&drawn.title, drawn.op), (&alone.title, alone.op));
                    let reads: Vec<_> = drawn.from.iter().map(|from| place(&fold, from)).collect();
                    let due: Vec<_> = alone.from.iter().map(|from| place(&one, from)).collect();
                    assert_eq!(reads, due, "{name} {norm:?} {layer}: {}", drawn.name);
                }
                for shown in &fold.shown {
                    assert_eq!((shown.layer, shown.count), (layer, count));
                    assert!(shown.of.ends_with(&(layer + 1).to_string()), "{}", shown.of);
                }
                // The layer's own parts, and of no other.
                let drawn: HashSet<usize> = fold.parts.iter().flatten().copied().collect();
                for stack in stacks(&all) {
                    for (number, parts) in stack.layers.iter().enumerate() {
                        let are = parts.iter().all(|part| drawn.contains(part));
                        assert_eq!(are, number == layer);
                        assert_eq!(parts.iter().any(|part| drawn.contains(part)), number == layer);
                    }
                }
            }
        }
    }
}

#[test]
fn a_sum_and_the_norm_of_it_are_one_box_where_the_norm_stands_after() {
    let post = flow("encoder-decoder", 2, Some(Norm::Post));
    let fold = Fold::new(&post, |_| 1);
    let joined: Vec<_> =
        fold.flow.iter().zip(&fold.parts).filter(|(p, _)| p.title == "Add & Norm").collect();
    assert_eq!(joined.len(), 5);
    let (part, parts) = joined[0];
    assert_eq!(names(&post, parts), ["encoder.1.self_attn.sum", "encoder.1.ln1"]);
    assert_eq!(part.from, ["source_embedding", "encoder.1.self_attn"]);
    for flow in
        [flow("encoder-decoder", 2, Some(Norm::Pre)), flow("layer-norm", 2, Some(Norm::Pre))]
    {
        let fold = Fold::new(&flow, |_| 0);
        assert!(fold.flow.iter().all(|part| part.title != "Add & Norm"));
        let ops: Vec<Op> = fold.flow.iter().map(|part| part.op).collect();
        let attention = ops.iter().position(|op| *op == Op::Attention).unwrap();
        assert_eq!(ops[attention - 1..=attention + 1], [Op::Norm, Op::Attention, Op::Add]);
    }
    // A norm after all blocks is none of theirs.
    let fold = Fold::joined(&flow("layer-norm", 1, Some(Norm::Pre)));
    assert_eq!(fold.flow.iter().rfind(|part| part.op == Op::Norm).unwrap().name, "ln_f");
}

#[test]
fn every_part_is_in_one_box_when_every_layer_is_drawn() {
    for stage in STAGES {
        let flow = &fixture::card(&stage.config(65, 1337)).flow;
        let parts: Vec<usize> = Fold::joined(flow).parts.concat();
        assert_eq!(parts, (0..flow.len()).collect::<Vec<_>>(), "{}", stage.name);
    }
}

fn texts(plan: &Plan) -> Vec<Rect> {
    let boxes = plan.boxes.iter().flat_map(|placed| [Some(placed.area), placed.number]);
    let others = plan.shapes.iter().map(|(area, _)| *area);
    let others = others.chain(plan.names.iter().map(|(area, _)| *area));
    boxes.flatten().chain(others).chain(plan.times.iter().map(|(area, ..)| *area)).collect()
}

#[test]
fn nothing_is_drawn_over_anything_else_at_any_size() {
    let mut flows = vec![mixed()];
    for norm in [Norm::Pre, Norm::Post] {
        flows.extend([2, 6, 12].map(|count| flow("encoder-decoder", count, Some(norm))));
        flows.extend([2, 12].map(|count| flow("layer-norm", count, Some(norm))));
    }
    for flow in &flows {
        for fold in [Fold::new(flow, |_| 0), Fold::new(flow, |_| 1), Fold::joined(flow)] {
            for width in (1..200).step_by(7).chain([76, 96, 156]) {
                for height in [1, 20, 26, 60] {
                    let Some(plan) = plan(&fold, Size::new(width, height), 0) else { continue };
                    assert!(plan.size.width <= width);
                    let paper = Rect::new(0, 0, plan.size.width, plan.size.height);
                    let texts = texts(&plan);
                    for (at, area) in texts.iter().enumerate() {
                        assert!(paper.intersection(*area) == *area, "{width} {area:?}");
                        let over = texts[..at].iter().any(|other| other.intersects(*area));
                        let crossed = plan.lines.0.iter().any(|(point, cell)| {
                            (cell.flow | cell.tip) != 0 && area.contains((*point).into())
                        });
                        assert!(!over && !crossed, "{width} {area:?}");
                    }
                    if !plan.left_out.contains(&"frames") {
                        // How many, and which, stand by every frame.
                        let seen = |tower: usize| plan.boxes.iter().any(|b| b.tower == tower);
                        let due = fold.shown.iter().enumerate().filter(|(tower, _)| seen(*tower));
                        assert_eq!(plan.times.len(), due.clone().count(), "{width}x{height}");
                        for (_, shown) in due {
                            assert!(plan.times.iter().any(|(_, count, _)| *count == shown.count));
                            let says = format!("{} of {} ", shown.layer + 1, shown.count);
                            let named = plan.names.iter().any(|(_, name)| name.ends_with(&says));
                            assert!(named || width < 76, "{width}x{height} {:?}", plan.names);
                        }
                    }
                }
            }
        }
    }
}

/// Two towers of six layers on a screen of a hundred columns and thirty rows, less what is around a pane and a line below it.
#[test]
fn the_paper_fits_a_screen() {
    for count in [2, 6] {
        let flow = flow("encoder-decoder", count, Some(Norm::Post));
        let plan = plan(&Fold::new(&flow, |_| 0), Size::new(96, 25), 0).unwrap();
        assert!(plan.left_out.is_empty() && plan.size.height <= 25, "{:?}", plan.size);
    }
}
