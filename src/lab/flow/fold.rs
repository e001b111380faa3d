//! What is drawn of a card: layers that are all alike once, with how many there are, and in one box what a paper draws as one.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::model::card::{Glance, Op, Part};

/// Layers of a tower that follow each other and are alike: of each its parts' places in the card's flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    pub layers: Vec<Vec<usize>>,
}

impl Stack {
    /// In which layer a part stands, and at which place in it.
    pub fn place(&self, part: usize) -> Option<(usize, usize)> {
        let at = |layer: &Vec<usize>| layer.iter().position(|own| *own == part);
        self.layers.iter().enumerate().find_map(|(number, layer)| Some((number, at(layer)?)))
    }
}

/// The layer that is drawn for all of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What its parts are parts of: `encoder layer 2`.
    pub of: String,
    /// From 0.
    pub layer: usize,
    pub count: usize,
}

impl Shown {
    /// `encoder layer 2 of 6`, and the same in two.
    pub fn names(&self) -> (String, Option<[String; 2]>) {
        let whole = format!("{} of {}", self.of, self.count);
        let words: Vec<&str> = whole.split(' ').collect();
        // The last four: `layer 2 of 6`.
        let halves = words.len().checked_sub(4).filter(|first| *first > 0);
        let halves = halves.map(|first| [words[..first].join(" "), words[first..].join(" ")]);
        (whole, halves)
    }
}

/// Parts as they are drawn.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    pub flow: Vec<Part>,
    /// Of each the places in the card's flow of what it stands for, in their order; what leaves it is the last one's.
    pub parts: Vec<Vec<usize>>,
    pub shown: Vec<Shown>,
}

/// The stacks of two layers or more.
pub fn stacks(flow: &[Part]) -> Vec<Stack> {
    let mut layers: Vec<Vec<usize>> = Vec::new();
    for (at, part) in flow.iter().enumerate().filter(|(_, part)| !part.of.is_empty()) {
        let goes_on = |layer: &&mut Vec<usize>| {
            layer.last() == at.checked_sub(1).as_ref() && flow[layer[0]].of == part.of
        };
        match layers.last_mut().filter(goes_on) {
            Some(layer) => layer.push(at),
            None => layers.push(vec![at]),
        }
    }
    let mut stacks: Vec<Stack> = Vec::new();
    for layer in layers {
        match stacks.last_mut().filter(|stack| goes_on(flow, stack, &layer)) {
            Some(stack) => stack.layers.push(layer),
            None => stacks.push(Stack { layers: vec![layer] }),
        }
    }
    stacks.retain(|stack| stack.layers.len() > 1);
    stacks
}

/// Whether a layer is one more of a stack: the same parts, which read each other, the layer before, or the same from elsewhere.
fn goes_on(flow: &[Part], stack: &Stack, layer: &[usize]) -> bool {
    let Some((before, earlier)) = stack.layers.split_last() else { return false };
    if before.len() != layer.len() || before.last().map(|last| last + 1) != layer.first().copied() {
        return false;
    }
    let place = |layer: &[usize], name: &str| layer.iter().position(|at| flow[*at].name == name);
    let alike = |a: &Part, b: &Part| {
        let look = |part: &Part| (part.op, part.glance, part.tower, part.seen, part.from.len());
        look(a) == look(b) && a.title == b.title && a.axes == b.axes
    };
    let reads = |a: &str, b: &str| match (place(before, a), place(layer, b), place(before, b)) {
        (Some(a), Some(b), _) => a == b,
        (None, None, Some(out)) => earlier.last().is_none_or(|e| place(e, a) == Some(out)),
        (None, None, None) => a == b,
        _ => false,
    };
    before.iter().zip(layer).all(|(a, b)| {
        let (a, b) = (&flow[*a], &flow[*b]);
        alike(a, b) && a.from.iter().zip(&b.from).all(|(a, b)| reads(a, b))
    })
}

impl Fold {
    /// Every part in a box of its own.
    pub fn none(flow: &[Part]) -> Self {
        let parts = (0..flow.len()).map(|part| vec![part]).collect();
        Self { flow: flow.to_vec(), parts, shown: Vec::new() }
    }

    /// Every layer, with what belongs together in one box.
    pub fn joined(flow: &[Part]) -> Self {
        Self::none(flow).join()
    }

    /// Of every stack the layer that `layer` says.
    pub fn new(flow: &[Part], layer: impl Fn(&Stack) -> usize) -> Self {
        let stacks = stacks(flow);
        let chosen: Vec<usize> =
            stacks.iter().map(|stack| layer(stack).min(stack.layers.len() - 1)).collect();
        // Whoever reads another layer's part is drawn as a reader of the same part of the one that is drawn.
        let mut stands_for: HashMap<&str, &str> = HashMap::new();
        for (stack, &chosen) in stacks.iter().zip(&chosen) {
            for layer in &stack.layers {
                let pairs = layer.iter().zip(&stack.layers[chosen]);
                stands_for.extend(pairs.map(|(a, b)| (&*flow[*a].name, &*flow[*b].name)));
            }
        }
        let mut fold = Self::default();
        for (at, part) in flow.iter().enumerate() {
            let within = stacks.iter().zip(&chosen).find_map(|(stack, &chosen)| {
                stack.place(at).map(|(layer, place)| (stack, layer == chosen, place))
            });
            let mut part = part.clone();
            match within {
                Some((_, false, _)) => continue,
                // What comes from outside comes to all of them as it comes to the first.
                Some((stack, true, place)) => {
                    let first = &stack.layers[0];
                    let outside = |name: &&String| first.iter().all(|at| flow[*at].name != **name);
                    let as_first = &flow[first[place]].from;
                    for (own, name) in part.from.iter_mut().zip(as_first) {
                        if outside(&name) {
                            own.clone_from(name);
                        }
                    }
                }
                None => {}
            }
            let mut from: Vec<String> = Vec::new();
            for name in &part.from {
                let name = stands_for.get(&**name).copied().unwrap_or(name);
                if from.iter().all(|other| other != name) {
                    from.push(name.to_owned());
                }
            }
            part.from = from;
            fold.flow.push(part);
            fold.parts.push(vec![at]);
        }
        fold.shown = stacks
            .iter()
            .zip(chosen)
            .map(|(stack, layer)| Shown {
                of: flow[stack.layers[layer][0]].of.clone(),
                layer,
                count: stack.layers.len(),
            })
            .collect();
        fold.join()
    }

    /// Puts a sum and the norm of it, and what is inside a feed-forward and its end, into one box.
    fn join(self) -> Self {
        let Self { flow, parts, shown } = self;
        let mut fold = Self { shown, ..Self::default() };
        let readers = |name: &String| flow.iter().filter(|part| part.from.contains(name)).count();
        let mut before: Option<&Part> = None;
        for (part, mut at) in flow.iter().zip(parts) {
            let inner = before.filter(|inner| {
                part.from == [inner.name.clone()]
                    && inner.of == part.of
                    && !part.of.is_empty()
                    && inner.glance == Glance::No
                    && readers(&inner.name) == 1
            });
            let title = inner.and_then(|inner| match (inner.op, part.op) {
                (Op::Add, Op::Norm) if inner.from.len() > 1 => Some("Add & Norm".to_owned()),
                (Op::FeedForward, Op::FeedForward) => Some(part.title.clone()),
                _ => None,
            });
            let mut drawn = part.clone();
            if let Some(title) = title {
                drawn.title = title;
                drawn.from = fold.flow.pop().map_or(Vec::new(), |inner| inner.from);
                at.splice(0..0, fold.parts.pop().unwrap_or_default());
            }
            fold.flow.push(drawn);
            fold.parts.push(at);
            before = Some(part);
        }
        fold
    }
}
