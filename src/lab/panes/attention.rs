//! The attention pane: who looks at whom, in every head, and where each number comes from.

mod arithmetic;
mod data;
mod places;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use super::Look;
use crate::lab::action::Action;
use crate::lab::frame::{clip, put};
use crate::lab::model::{Effect, Model};
use crate::lab::number::probability;
use crate::lab::theme::Role;
use crate::lab::widgets::ascii;
use crate::lab::widgets::bar::bar;
use crate::lab::widgets::heat_map::{HeatMap, Scale, Window};
use crate::lab::widgets::miniature::Miniature;
use crate::model::config::{Architecture, AttentionScale};
use crate::train::Subscription;
use arithmetic::Cell;
use data::Layer;
use places::{Content, Miniatures, Places, places};

/// The weights of all layers are asked for (for the miniatures) while they are at most so many numbers.
const MINIATURE_VALUES: usize = 1 << 16;
/// The most columns of a word beside the map.
const WORD: u16 = 8;
/// Positions that a page up or down moves over.
const PAGE: usize = 8;

/// The stages from a dot product to a weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    Products,
    Scores,
    Masked,
    #[default]
    Weights,
}

impl View {
    const ALL: [Self; 4] = [Self::Products, Self::Scores, Self::Masked, Self::Weights];

    fn name(self) -> &'static str {
        match self {
            Self::Products => "q·k",
            Self::Scores => "scaled",
            Self::Masked => "masked",
            Self::Weights => "softmax",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Products => Self::Scores,
            Self::Scores => Self::Masked,
            Self::Masked => Self::Weights,
            Self::Weights => Self::Products,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    view: View,
    layer: usize,
    head: usize,
    /// (query, key); `None` stays at the last position as the prompt grows.
    cursor: Option<(usize, usize)>,
}

/// Layers, heads and whether keys after the query are hidden: the run's own.
struct Shape {
    layers: usize,
    causal: bool,
    gpt: bool,
}

fn shape(model: &Model) -> Option<Shape> {
    let config = &model.run.as_ref()?.config.model;
    let gpt = config.model == Architecture::Gpt && config.n_layer > 0;
    Some(Shape { layers: config.n_layer, causal: config.causal, gpt })
}

/// The layer on the screen, if its weights are there.
fn layer(model: &Model) -> Option<Layer<'_>> {
    Layer::of(model.snapshot()?, model.panes.attention.layer)
}

impl State {
    fn cursor(&self, time: usize) -> (usize, usize) {
        let last = time.saturating_sub(1);
        self.cursor.map_or((last, last), |(query, key)| (query.min(last), key.min(last)))
    }
}

pub fn detail(model: &Model) -> String {
    let state = &model.panes.attention;
    match (shape(model), layer(model)) {
        (Some(shape), Some(layer)) if shape.gpt => {
            let part = |name: &str, index: usize, count: usize| match count {
                1 => String::new(),
                _ => format!("{name} {} of {count} · ", index + 1),
            };
            let head = part("head", state.head.min(layer.heads - 1), layer.heads);
            format!("{}{head}{}", part("layer", state.layer, shape.layers), state.view.name())
        }
        _ => String::new(),
    }
}

pub fn about(_model: &Model) -> String {
    "who looks at whom, and how much".to_owned()
}

pub fn draw(model: &Model, _look: Look, area: Rect, buf: &mut Buffer) {
    match (shape(model), layer(model)) {
        (Some(shape), _) if !shape.gpt => quiet(
            model,
            "A bigram looks at no other position: what comes next depends on the last character alone.",
            area,
            buf,
        ),
        (Some(shape), Some(layer)) => attention(model, &shape, &layer, area, buf),
        _ if model.corpus.is_some() && model.prompt.tokens.is_empty() => {
            quiet(model, "Type a prompt with / to see what its characters look at.", area, buf);
        }
        _ => quiet(
            model,
            "What your prompt's characters look at comes with the first step.",
            area,
            buf,
        ),
    }
    ascii::plain(&model.theme, area, buf);
}

fn quiet(model: &Model, text: &str, area: Rect, buf: &mut Buffer) {
    Paragraph::new(text)
        .wrap(Wrap { trim: true })
        .style(model.theme.style(Role::Muted))
        .render(area, buf);
}

/// The sign of a position of the prompt.
fn label(model: &Model, position: usize) -> String {
    let token = model.snapshot().and_then(|s| s.prompt.get(position).copied());
    token.map_or_else(String::new, |token| model.label(token))
}

/// Columns of the widest label, and the gap after it.
fn gutter(model: &Model, layer: &Layer) -> u16 {
    let widths = (0..layer.time).map(|position| label(model, position).width() as u16);
    widths.max().unwrap_or(1).clamp(1, WORD) + 1
}

/// The cell under the cursor.
fn cell<'a>(model: &'a Model, shape: &Shape, layer: &'a Layer<'a>) -> Option<Cell<'a>> {
    let state = &model.panes.attention;
    let at = state.cursor(layer.time);
    let config = &model.run.as_ref()?.config.model;
    Some(Cell {
        theme: &model.theme,
        layer,
        head: state.head.min(layer.heads - 1),
        at,
        labels: (label(model, at.0), label(model, at.1)),
        causal: shape.causal,
        divisor: match config.attention_scale {
            AttentionScale::HeadSize => Some(config.head_size()),
            AttentionScale::NEmbd => Some(config.n_embd),
            AttentionScale::None => None,
        },
    })
}

/// The parts' places, the same for drawing and for the mouse.
fn arrange(model: &Model, shape: &Shape, layer: &Layer, area: Rect) -> Places {
    let state = &model.panes.attention;
    let lines = cell(model, shape, layer).map_or(0, |cell| cell.lines(state.view, 0).len());
    let content = Content {
        gutter: gutter(model, layer),
        time: layer.time,
        heads: layer.heads,
        layers: shape.layers,
        cursor: state.cursor(layer.time),
        layer: state.layer,
        lines: lines as u16,
    };
    places(area, &content)
}

fn attention(model: &Model, shape: &Shape, layer: &Layer, area: Rect, buf: &mut Buffer) {
    let state = &model.panes.attention;
    let head = state.head.min(layer.heads - 1);
    let Places { head: title, map: grid, text, bars, miniatures } =
        arrange(model, shape, layer, area);
    let square = layer.square(state.view, head);
    let scale = match state.view {
        View::Weights => Scale::Probability,
        _ => Scale::signed(square.unwrap_or_default().iter().copied()),
    };
    heading(model, scale, (grid.rows, grid.columns), title, buf);

    let hides = shape.causal && matches!(state.view, View::Masked | View::Weights);
    let value = |query: usize, key: usize| {
        let hidden = hides && key > query;
        let value = square?.get(query * layer.time + key).copied()?;
        (!hidden).then_some(f64::from(value))
    };
    let ascii = model.theme.glyphs.ascii;
    let hidden = match state.view {
        View::Masked if !ascii => ["·", "-∞"],
        _ if ascii => ["-", "--"],
        _ => ["·", "·"],
    };
    let clipped = |position, width: u16| {
        clip(&label(model, position), usize::from(width), model.theme.glyphs.ellipsis)
    };
    let map = HeatMap {
        theme: &model.theme,
        grid,
        scale,
        value: &value,
        hidden,
        row_label: &|position| clipped(position, grid.gutter - 1),
        column_label: &|position| clipped(position, grid.cell.0),
        cursor: state.cursor(layer.time),
    };
    (&map).render(area, buf);
    if square.is_none() {
        let under =
            Rect { y: grid.area.y + 1, height: grid.area.height.saturating_sub(1), ..grid.area };
        quiet(model, "comes with the next step", under, buf);
    }

    if let Some(cell) = cell(model, shape, layer) {
        let lines = if text.height <= 2 && text.width < 28 {
            cell.short(state.view)
        } else {
            cell.lines(state.view, usize::from(text.width))
        };
        Paragraph::new(Text::from(lines)).render(text, buf);
    }
    row(model, shape, layer, head, bars, buf);
    if let Some(miniatures) = miniatures {
        grid_of_heads(model, &miniatures, head, buf);
    }
}

/// The axes, the way from products to weights with the stage shown, and the scale.
fn heading(
    model: &Model,
    scale: Scale,
    (rows, columns): (Window, Window),
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = &model.theme;
    let muted = theme.style(Role::Muted);
    let mut spans = vec![Span::raw("query ↓ "), Span::raw("key →")];
    if !rows.is_whole() || !columns.is_whole() {
        let range =
            |window: Window| format!("{}–{} ", window.first + 1, window.first + window.shown);
        spans.insert(1, Span::styled(range(rows), muted));
        spans.push(Span::styled(format!(" {}of {}", range(columns), columns.total), muted));
    }
    let view = model.panes.attention.view;
    let legend = scale.legend(theme);
    let short = vec![Span::raw("   "), Span::styled(view.name(), theme.style(Role::Accent))];
    let mut long = vec![Span::raw("   ")];
    for (i, stage) in View::ALL.into_iter().enumerate() {
        if i > 0 {
            long.push(Span::styled(" › ", muted));
        }
        long.push(if stage == view {
            Span::styled(format!("[{}]", stage.name()), theme.style(Role::Accent))
        } else {
            Span::styled(stage.name(), muted)
        });
    }
    let width = |spans: &[Span]| spans.iter().map(Span::width).sum::<usize>();
    let room = usize::from(area.width).saturating_sub(width(&spans));
    let scale_width = 3 + legend.width();
    let mut legend = legend.spans;
    if width(&long) + scale_width <= room {
        spans.extend(long);
        if scale == Scale::Probability
            && width(&spans) + scale_width + 16 <= usize::from(area.width)
        {
            legend.push(Span::styled(", by square root", muted));
        }
    } else if width(&short) + scale_width <= room {
        spans.extend(short);
    }
    spans.push(Span::raw("   "));
    spans.extend(legend);
    Line::from(spans).render(area, buf);
}

/// What the query under the cursor takes from each key it sees, and the sum.
fn row(model: &Model, shape: &Shape, layer: &Layer, head: usize, area: Rect, buf: &mut Buffer) {
    let theme = &model.theme;
    let (query, key) = model.panes.attention.cursor(layer.time);
    let seen = if shape.causal { query + 1 } else { layer.time };
    let Some(weights) = layer.square(View::Weights, head) else { return };
    let weights = &weights[query * layer.time..][..seen];
    let sum: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    if area.height < 2 || area.width < 10 {
        return;
    }
    let muted = theme.style(Role::Muted);
    let titled = area.height > 6 && area.width >= 24;
    let mut y = area.y;
    if titled {
        let title = format!("what query {} takes from each key", label(model, query));
        put(buf, area, area.x, y, &title, muted);
        y += 1;
    }
    let window = Window::around(key.min(seen - 1), seen, usize::from(area.bottom() - 1 - y));
    for i in 0..window.shown {
        let position = window.first + i;
        let style = theme.style(if position == key { Role::Selected } else { Role::Text });
        let gutter = gutter(model, layer);
        let name = clip(&label(model, position), usize::from(gutter) - 1, "");
        put(buf, area, area.x, y, &name, style);
        let weight = f64::from(weights[position]);
        let x = put(
            buf,
            area,
            area.x + gutter,
            y,
            &format!("{:>6} ", probability(weight)),
            theme.style(Role::Text),
        );
        let room = usize::from(area.right().saturating_sub(x)).min(40);
        put(buf, area, x, y, &bar(weight, room, &theme.glyphs), theme.style(Role::Accent));
        y += 1;
    }
    let cut = !window.is_whole() && area.width >= 24;
    let more = if cut { format!(" of {seen} keys") } else { String::new() };
    let sum = if sum.is_nan() { "?".to_owned() } else { format!("{sum:.3}") };
    put(buf, area, area.x + 2, y, &format!("{sum:>6} sum{more}"), muted);
}

/// Every head of every layer, small; the one shown is marked.
fn grid_of_heads(model: &Model, places: &Miniatures, shown: usize, buf: &mut Buffer) {
    let theme = &model.theme;
    let state = &model.panes.attention;
    let Some(snapshot) = model.snapshot() else { return };
    let area = places.area;
    let name = |text: String, marked: bool| {
        if marked {
            (format!("{}{text}", theme.glyphs.cursor), theme.style(Role::Accent))
        } else {
            (text, theme.style(Role::Muted))
        }
    };
    for head in 0..places.heads {
        let x = places.place(places.layers.first, head).x;
        let (text, style) = name(format!("h{}", head + 1), head == shown);
        put(buf, area, x, area.y, &text, style);
    }
    for index in places.layers.first..places.layers.first + places.layers.shown {
        if places.gutter > 0 {
            let y = places.place(index, 0).y;
            let (text, style) = name(format!("L{}", index + 1), index == state.layer);
            put(buf, area, area.x, y, &text, style);
        }
        let layer = Layer::of(snapshot, index);
        for head in 0..places.heads {
            let at = places.place(index, head);
            match layer.and_then(|layer| Some((layer.time, layer.square(View::Weights, head)?))) {
                Some((side, values)) => {
                    let size = usize::from(places.size);
                    let scale = Scale::Probability;
                    (&Miniature { theme, scale, values, side, size }).render(at, buf);
                }
                // Too large to be fetched for all layers.
                None => _ = put(buf, at, at.x, at.y, theme.glyphs.dotted, theme.style(Role::Faint)),
            }
        }
    }
}

pub fn update(model: &mut Model, action: Action) -> Vec<Effect> {
    let (Some(shape), Some(layer)) = (shape(model), layer(model)) else { return Vec::new() };
    let (time, heads, layers) = (layer.time, layer.heads, shape.layers);
    let state = &mut model.panes.attention;
    let (query, key) = state.cursor(time);
    let last = time - 1;
    let to = |query: usize, key: usize| Some((query.min(last), key.min(last)));
    match action {
        Action::Up => state.cursor = to(query.saturating_sub(1), key),
        Action::Down => state.cursor = to(query + 1, key),
        Action::Left => state.cursor = to(query, key.saturating_sub(1)),
        Action::Right => state.cursor = to(query, key + 1),
        Action::PageUp => state.cursor = to(query.saturating_sub(PAGE), key),
        Action::PageDown => state.cursor = to(query + PAGE, key),
        Action::Home => state.cursor = to(0, 0),
        Action::End => state.cursor = None,
        Action::CycleView => state.view = state.view.next(),
        Action::PreviousHead => state.head = (state.head.min(heads - 1) + heads - 1) % heads,
        Action::NextHead => state.head = (state.head + 1) % heads,
        Action::PreviousLayer => state.layer = (state.layer + layers - 1) % layers.max(1),
        Action::NextLayer => state.layer = (state.layer + 1) % layers.max(1),
        _ => {}
    }
    Vec::new()
}

pub fn click(model: &mut Model, area: Rect, at: Position) -> Vec<Effect> {
    let (Some(shape), Some(layer)) = (shape(model), layer(model)) else { return Vec::new() };
    let places = arrange(model, &shape, &layer, area);
    let cell = places.map.at(at);
    let small = places.miniatures.and_then(|m| m.at(at));
    let state = &mut model.panes.attention;
    if let Some(cell) = cell {
        state.cursor = Some(cell);
    } else if let Some((layer, head)) = small {
        (state.layer, state.head) = (layer, head);
    }
    Vec::new()
}

pub fn subscribe(model: &Model, wanted: &mut Subscription) {
    let Some(run) = model.run.as_ref() else { return };
    let config = &run.config.model;
    if config.model != Architecture::Gpt {
        return;
    }
    let time = model.prompt.tokens.len().min(config.block_size);
    if time * time * config.n_head * config.n_layer <= MINIATURE_VALUES {
        wanted.activations.push("blocks.*.sa.weights".to_owned());
    } else {
        wanted.activations.push(format!("blocks.{}.sa.weights", model.panes.attention.layer));
    }
    for part in ["query", "key", "products", "scores", "masked"] {
        wanted.activations.push(format!("blocks.{}.sa.{part}", model.panes.attention.layer));
    }
}

pub fn refresh(model: &mut Model) {
    let Some(run) = &model.run else { return };
    let config = &run.config.model;
    let state = &mut model.panes.attention;
    state.layer = state.layer.min(config.n_layer.saturating_sub(1));
    state.head = state.head.min(config.n_head.saturating_sub(1));
    if let Some((query, key)) = &mut state.cursor {
        let last = model.prompt.tokens.len().min(config.block_size).saturating_sub(1);
        (*query, *key) = ((*query).min(last), (*key).min(last));
    }
}
