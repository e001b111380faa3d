//! The attention pane: who looks at whom, in every head, and where each number comes from.

mod arithmetic;
mod data;
mod places;
mod provenance;
#[cfg(test)]
mod tests;
mod view;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Widget};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::facts::Facts;
use crate::lab::number::probability;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put, sentence};
use crate::lab::provenance::{WALKING, Walk};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::lab::widgets::heat_map::{HeatMap, Scale, Window};
use crate::lab::widgets::miniature::Miniature;
use crate::model::Card;
use crate::model::card::{Map, Side};
use crate::stage::Config;
use crate::train::Subscription;
use arithmetic::Cell;
use data::Layer;
use places::{Content, Miniatures, Places, places};
use view::View;

/// The weights of all layers are asked for (for the miniatures) while they are at most so many numbers.
const MINIATURE_VALUES: usize = 1 << 16;
/// The most columns of a word beside the map.
const WORD: u16 = 8;
/// Positions that a page up or down moves over.
const PAGE: usize = 8;

#[derive(Debug, Default)]
pub struct Attention {
    view: View,
    layer: usize,
    head: usize,
    /// (query, key); `None` stays at the last position as the prompt grows.
    cursor: Option<(usize, usize)>,
    /// Where the number under the cursor comes from, while that is asked.
    walk: Walk,
}

/// Every map of the model on the screen; none where it has no attention.
fn maps<'a>(facts: &Facts<'a>) -> &'a [Map] {
    facts.card().map_or(&[], |card| &card.maps)
}

/// Why the model on the screen has none.
fn why_none(facts: &Facts) -> Option<String> {
    let card = facts.card()?;
    let instead = card.structure.instead_of_attention?;
    Some(format!("{} has no attention: {instead}.", card.name))
}

/// Numbers in all maps of weights together.
fn size(maps: &[Map], config: &Config, prompt: usize) -> usize {
    let along = |side| match side {
        Side::Prompt | Side::Before => prompt,
        Side::Sentences { .. } => config.model.sentences.map_or(prompt, |sentences| sentences.most),
        Side::Question => 1,
        Side::Source => config.model.source_size,
        Side::Target => config.model.block_size,
    };
    maps.iter().map(|map| map.heads * along(map.rows) * along(map.columns)).sum()
}

impl Attention {
    /// The map on the screen; `None` where the model has no attention.
    fn chosen<'a>(&self, facts: &Facts<'a>) -> Option<&'a Map> {
        let maps = maps(facts);
        let last = maps.len().checked_sub(1)?;
        maps.get(self.layer.min(last))
    }

    /// Its numbers, if they are there.
    fn layer<'a>(&self, facts: &Facts<'a>) -> Option<Layer<'a>> {
        Layer::of(facts, self.chosen(facts)?)
    }

    /// The stages that the map has: all, or where nothing is kept on the way, the weights.
    fn stages(&self, facts: &Facts) -> &'static [View] {
        let weights = self.chosen(facts).is_some_and(|map| map.head_size == 0);
        if weights { &[View::Weights] } else { &View::ALL }
    }

    /// The stage on the screen.
    fn view(&self, facts: &Facts) -> View {
        match self.stages(facts) {
            [only] => *only,
            _ => self.view,
        }
    }

    fn cursor(&self, layer: &Layer) -> (usize, usize) {
        let last = (layer.queries.len().saturating_sub(1), layer.keys.len().saturating_sub(1));
        self.cursor.map_or(last, |(query, key)| (query.min(last.0), key.min(last.1)))
    }

    /// The cell under the cursor.
    fn cell<'a>(&self, facts: &'a Facts<'a>, layer: &'a Layer<'a>) -> Option<Cell<'a>> {
        let at = self.cursor(layer);
        Some(Cell {
            theme: facts.theme,
            layer,
            head: self.head.min(layer.heads - 1),
            at,
            labels: (layer.queries[at.0].clone(), layer.keys[at.1].clone()),
            divisor: self.chosen(facts)?.divisor,
        })
    }

    /// The parts' places, the same for drawing and for the mouse.
    fn arrange(&self, facts: &Facts, layer: &Layer, area: Rect) -> Places {
        let lines = self.cell(facts, layer).map_or(0, |cell| cell.lines(self.view(facts), 0).len());
        let content = Content {
            gutter: gutter(&layer.queries),
            queries: layer.queries.len(),
            keys: layer.keys.len(),
            heads: layer.heads,
            layers: maps(facts).len(),
            cursor: self.cursor(layer),
            layer: self.layer,
            lines: lines as u16,
        };
        places(area, &content)
    }

    fn attention(&self, facts: &Facts, layer: &Layer, area: Rect, buf: &mut Buffer) {
        let head = self.head.min(layer.heads - 1);
        let Places { head: title, map: grid, text, bars, miniatures } =
            self.arrange(facts, layer, area);
        let view = self.view(facts);
        let values = layer.map(view, head);
        let scale = match view {
            View::Weights => Scale::Probability,
            _ => Scale::signed(values.into_iter().flat_map(data::Values::iter)),
        };
        self.heading(facts, scale, (grid.rows, grid.columns), title, buf);

        let hides = matches!(view, View::Masked | View::Weights);
        let value = |query: usize, key: usize| {
            let hidden = hides && key >= layer.seen(query);
            let value = values?.at(query, key)?;
            (!hidden).then_some(f64::from(value))
        };
        let ascii = facts.theme.glyphs.ascii;
        let hidden = match view {
            View::Masked if !ascii => ["·", "-∞"],
            _ if ascii => ["-", "--"],
            _ => ["·", "·"],
        };
        let clipped = |label: &String, width: u16| {
            clip(label, usize::from(width), facts.theme.glyphs.ellipsis)
        };
        let map = HeatMap {
            theme: facts.theme,
            grid,
            scale,
            value: &value,
            hidden,
            row_label: &|position| clipped(&layer.queries[position], grid.gutter - 1),
            column_label: &|position| clipped(&layer.keys[position], grid.cell.0),
            cursor: self.cursor(layer),
        };
        (&map).render(area, buf);
        if values.is_none() {
            let under = Rect {
                y: grid.area.y + 1,
                height: grid.area.height.saturating_sub(1),
                ..grid.area
            };
            sentence(facts.theme, "comes with the next step", under, buf);
        }

        if let Some(cell) = self.cell(facts, layer) {
            let lines = if text.height <= 2 && text.width < 28 {
                cell.short(view)
            } else {
                cell.lines(view, usize::from(text.width))
            };
            Paragraph::new(Text::from(lines)).render(text, buf);
        }
        self.row(facts, layer, head, bars, buf);
        if let Some(miniatures) = miniatures {
            self.grid_of_heads(facts, &miniatures, head, buf);
        }
    }

    /// The axes, the way from products to weights with the stage shown, and the scale.
    fn heading(
        &self,
        facts: &Facts,
        scale: Scale,
        (rows, columns): (Window, Window),
        area: Rect,
        buf: &mut Buffer,
    ) {
        let theme = facts.theme;
        let muted = theme.style(Role::Muted);
        let mut spans = vec![Span::raw("query ↓ "), Span::raw("key →")];
        if !rows.is_whole() || !columns.is_whole() {
            let range =
                |window: Window| format!("{}–{} ", window.first + 1, window.first + window.shown);
            spans.insert(1, Span::styled(range(rows), muted));
            spans.push(Span::styled(format!(" {}of {}", range(columns), columns.total), muted));
        }
        let view = self.view(facts);
        let stages = self.stages(facts);
        let legend = scale.legend(theme);
        let short = vec![Span::raw("   "), Span::styled(view.name(), theme.style(Role::Accent))];
        let mut long = vec![Span::raw("   ")];
        for (i, &stage) in stages.iter().enumerate() {
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
    fn row(&self, facts: &Facts, layer: &Layer, head: usize, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let (query, key) = self.cursor(layer);
        let seen = layer.seen(query);
        let Some(map) = layer.map(View::Weights, head) else { return };
        let weights: Vec<f64> =
            (0..seen).map(|key| map.at(query, key).map_or(f64::NAN, f64::from)).collect();
        let sum: f64 = weights.iter().sum();
        if area.height < 2 || area.width < 10 {
            return;
        }
        let muted = theme.style(Role::Muted);
        // A title, but not in the place of the one key that would then be missing.
        let titled = area.height > 6 && area.width >= 24 && usize::from(area.height) != seen + 1;
        let mut y = area.y;
        if titled {
            let title = format!("what query {} takes from each key", layer.queries[query]);
            put(buf, area, area.x, y, &title, muted);
            y += 1;
        }
        let gutter = gutter(&layer.keys);
        let room = usize::from(area.bottom() - 1 - y);
        let positions = shown_keys(&weights, self.cursor.map(|_| key.min(seen - 1)), room);
        for &position in &positions {
            let style = theme.style(if position == key { Role::Selected } else { Role::Text });
            let name = clip(&layer.keys[position], usize::from(gutter) - 1, "");
            put(buf, area, area.x, y, &name, style);
            let weight = weights[position];
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
        let cut = positions.len() < seen && area.width >= 24;
        let more = if cut { format!(" of {seen} keys") } else { String::new() };
        let sum = if sum.is_nan() { "?".to_owned() } else { format!("{sum:.3}") };
        put(buf, area, area.x + 2, y, &format!("{sum:>6} sum{more}"), muted);
    }

    /// Every head of every layer, small; the one shown is marked.
    fn grid_of_heads(&self, facts: &Facts, places: &Miniatures, shown: usize, buf: &mut Buffer) {
        let theme = facts.theme;
        let maps = maps(facts);
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
        for (index, map) in
            maps.iter().enumerate().skip(places.layers.first).take(places.layers.shown)
        {
            if places.gutter > 0 {
                let y = places.place(index, 0).y;
                let (text, style) = name(map.sign.clone(), index == self.layer);
                put(buf, area, area.x, y, &text, style);
            }
            let layer = Layer::of(facts, map);
            for head in 0..places.heads {
                let at = places.place(index, head);
                let values = layer.as_ref().and_then(|layer| layer.map(View::Weights, head));
                let Some((layer, values)) = layer.as_ref().zip(values) else {
                    // Too large to be fetched for all layers.
                    let faint = theme.style(Role::Faint);
                    put(buf, at, at.x, at.y, theme.glyphs.dotted, faint);
                    continue;
                };
                let size = usize::from(places.size);
                let (rows, columns) = (layer.queries.len(), layer.keys.len());
                let value = |query: usize, key: usize| values.at(query, key);
                let scale = Scale::Probability;
                (&Miniature { theme, scale, value: &value, rows, columns, size }).render(at, buf);
            }
        }
    }
}

impl Pane for Attention {
    fn title(&self) -> &'static str {
        "Attention"
    }

    fn detail(&self, facts: &Facts) -> String {
        if self.walk.is_open() {
            return self.walk.detail(facts);
        }
        match (self.chosen(facts), self.layer(facts)) {
            (Some(map), Some(layer)) => {
                let head = match layer.heads {
                    1 => String::new(),
                    heads => format!("head {} of {heads} · ", self.head.min(heads - 1) + 1),
                };
                let title = Some(&map.title).filter(|title| !title.is_empty());
                let title = title.map_or(String::new(), |title| format!("{title} · "));
                format!("{title}{head}{}", self.view(facts).name())
            }
            _ => String::new(),
        }
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        if self.walk.is_open() {
            return self.walk.about();
        }
        self.chosen(facts).map_or("who looks at whom, and how much", |map| map.about).to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        if self.walk.is_open() {
            return self.walk.draw(facts, area, buf);
        }
        match (why_none(facts), self.layer(facts)) {
            (Some(why), _) => sentence(facts.theme, &why, area, buf),
            (None, Some(layer)) => self.attention(facts, &layer, area, buf),
            _ if !facts.reads_prompt() => {
                sentence(
                    facts.theme,
                    "Who looks at whom in an example comes with the first step.",
                    area,
                    buf,
                );
            }
            _ if facts.corpus.is_some() && facts.prompt.tokens.is_empty() => {
                sentence(
                    facts.theme,
                    "Type a prompt with / to see what its characters look at.",
                    area,
                    buf,
                );
            }
            _ => sentence(
                facts.theme,
                "What your prompt's characters look at comes with the first step.",
                area,
                buf,
            ),
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        if self.walk.is_open() {
            self.walk.act(facts, action);
            return Vec::new();
        }
        let Some(layer) = self.layer(facts) else { return Vec::new() };
        let (heads, layers) = (layer.heads, maps(facts).len());
        let (query, key) = self.cursor(&layer);
        let last = (layer.queries.len() - 1, layer.keys.len() - 1);
        match action {
            // It follows the end again.
            Action::End => self.cursor = None,
            Action::CycleView => self.view = self.view.next(),
            Action::PreviousHead => self.head = (self.head.min(heads - 1) + heads - 1) % heads,
            Action::NextHead => self.head = (self.head + 1) % heads,
            Action::PreviousLayer => self.layer = (self.layer + layers - 1) % layers.max(1),
            Action::NextLayer => self.layer = (self.layer + 1) % layers.max(1),
            Action::Origin => {
                let number = self.number(facts, &layer);
                self.walk.open(facts, number);
            }
            _ => {
                let to = cursor::in_grid(action, (query, key), PAGE, last);
                self.cursor = to.or(self.cursor);
            }
        }
        Vec::new()
    }

    fn back(&mut self) -> bool {
        self.walk.back()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let area = seat.room;
        if self.walk.is_open() {
            self.walk.click(facts, area, at);
            return Vec::new();
        }
        let Some(layer) = self.layer(facts) else { return Vec::new() };
        let places = self.arrange(facts, &layer, area);
        let cell = places.map.at(at);
        let small = places.miniatures.and_then(|m| m.at(at));
        if let Some(cell) = cell {
            self.cursor = Some(cell);
        } else if let Some((layer, head)) = small {
            (self.layer, self.head) = (layer, head);
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        self.walk.subscribe(facts, wanted);
        let (Some(run), Some(map)) = (facts.run, self.chosen(facts)) else { return };
        let maps = maps(facts);
        if size(maps, &run.config, time(facts)) <= MINIATURE_VALUES {
            wanted.activations.extend(maps.iter().map(|map| format!("{}.weights", map.all)));
        } else {
            wanted.activations.push(format!("{}.weights", map.name));
        }
        wanted.activations.extend(facts.card().and_then(Card::target).map(str::to_owned));
        if map.head_size == 0 {
            return;
        }
        for part in ["query", "key", "products", "scores", "masked"] {
            wanted.activations.push(format!("{}.{part}", map.name));
        }
    }

    /// To the map that an attention makes.
    fn follow(&mut self, facts: &Facts, part: &str) -> bool {
        let card = facts.run.and_then(|run| run.card.as_ref());
        let map = card.and_then(|card| card.maps.iter().position(|map| map.name == part));
        self.layer = map.unwrap_or(self.layer);
        map.is_some()
    }

    fn refresh(&mut self, facts: &Facts) {
        let (layers, heads) = (maps(facts).len(), self.chosen(facts).map_or(1, |map| map.heads));
        let last = time(facts).saturating_sub(1);
        let ends =
            self.layer(facts).filter(|_| !facts.reads_prompt()).map_or((last, last), |layer| {
                (layer.queries.len().saturating_sub(1), layer.keys.len().saturating_sub(1))
            });
        self.layer = self.layer.min(layers.saturating_sub(1));
        self.head = self.head.min(heads.saturating_sub(1));
        self.walk.refresh(facts);
        if let Some((query, key)) = &mut self.cursor {
            (*query, *key) = ((*query).min(ends.0), (*key).min(ends.1));
        }
    }

    fn understands(&self) -> &'static [Action] {
        if self.walk.is_open() {
            return WALKING;
        }
        &[
            Action::Left,
            Action::Right,
            Action::CycleView,
            Action::PreviousHead,
            Action::NextHead,
            Action::PreviousLayer,
            Action::NextLayer,
            Action::Origin,
        ]
    }
}

/// The keys that a list has room for, in their order: around the one under the cursor where the learner has set it, else
/// around the largest weight, which is among them in any case.
fn shown_keys(weights: &[f64], cursor: Option<usize>, room: usize) -> Vec<usize> {
    let largest = (0..weights.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b]));
    let largest = largest.unwrap_or(0);
    let list = |room| {
        let window = Window::around(cursor.unwrap_or(largest), weights.len(), room);
        window.first..window.first + window.shown
    };
    if room < 2 || list(room).contains(&largest) {
        return list(room).collect();
    }
    let others = list(room - 1);
    let (before, after) =
        if largest < others.start { (Some(largest), None) } else { (None, Some(largest)) };
    before.into_iter().chain(others).chain(after).collect()
}

/// Columns of the widest label among some, and the gap after it.
fn gutter(labels: &[String]) -> u16 {
    let widths = labels.iter().map(|label| label.width() as u16);
    widths.max().unwrap_or(1).clamp(1, WORD) + 1
}

/// Tokens of the prompt that the model looks at, or of a made task's examples.
fn time(facts: &Facts) -> usize {
    let most = facts.run.map_or(1, |run| run.config.model.block_size);
    if facts.reads_prompt() { facts.prompt.tokens.len().min(most) } else { most }
}
