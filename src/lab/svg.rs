//! A screen as a picture: a ratatui buffer as a small SVG, the same bytes for the same buffer.
//!
//! A run of cells of one style is one `<text>`, held to the grid by its length, so that it stands where it should in
//! whatever monospaced font there is. Solid blocks are rectangles: no font leaves gaps between them.

mod shape;

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::theme::Ground;
use shape::{DOTS, Shape};

/// A cell, in hundredths of a pixel: whole numbers are written the same everywhere.
const WIDTH: u32 = 820;
const HEIGHT: u32 = 1700;
/// From a cell's top to the baseline.
const BASELINE: u32 = 1290;
const FONT_SIZE: u32 = 1360;
/// Around the screen.
const MARGIN: u32 = 800;
const FONTS: &str = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace";

/// The sixteen colours that a terminal names, as most of them show these.
const NAMED: [u32; 16] = [
    0x00_00_00, 0xcd_31_31, 0x0d_bc_79, 0xe5_e5_10, 0x24_72_c8, 0xbc_3f_bc, 0x11_a8_cd, 0xe5_e5_e5,
    0x66_66_66, 0xf1_4c_4c, 0x23_d1_8b, 0xf5_f5_43, 0x3b_8e_ea, 0xd6_70_d6, 0x29_b8_db, 0xff_ff_ff,
];

/// The terminal's own two colours: what is written, and the ground.
fn own(ground: Ground) -> (u32, u32) {
    match ground {
        Ground::Dark => (0xd8_dd_e6, 0x14_16_1b),
        Ground::Light => (0x1f_23_28, 0xff_ff_ff),
    }
}

fn hex(colour: Color, own: u32) -> u32 {
    let named = |i: usize| NAMED[i];
    match colour {
        Color::Reset => own,
        Color::Rgb(r, g, b) => u32::from(r) << 16 | u32::from(g) << 8 | u32::from(b),
        Color::Indexed(i @ 0..16) => named(usize::from(i)),
        Color::Indexed(i @ 16..232) => {
            let level = |step: u32| if step == 0 { 0 } else { 55 + 40 * step };
            let i = u32::from(i) - 16;
            level(i / 36) << 16 | level(i / 6 % 6) << 8 | level(i % 6)
        }
        Color::Indexed(i) => (8 + 10 * (u32::from(i) - 232)) * 0x01_01_01,
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
    }
}

/// How a cell looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: u32,
    ground: u32,
    modifier: Modifier,
}

impl Look {
    fn of(cell: &Cell, own: (u32, u32)) -> Self {
        let (ink, ground) = (hex(cell.fg, own.0), hex(cell.bg, own.1));
        let reversed = cell.modifier.contains(Modifier::REVERSED);
        let (ink, ground) = if reversed { (ground, ink) } else { (ink, ground) };
        let shown = Modifier::BOLD | Modifier::DIM | Modifier::ITALIC | Modifier::UNDERLINED;
        Self { ink, ground, modifier: cell.modifier & shown }
    }

    /// What of it a class says.
    fn class(self) -> (u32, Modifier) {
        (self.ink, self.modifier)
    }
}

/// A number of hundredths, without needless digits.
fn pixels(hundredths: u32) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => whole.to_string(),
        rest if rest.is_multiple_of(10) => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    }
}

/// Text as XML holds it. What XML cannot hold has no place in a cell either, and becomes a sign.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// One row of the screen, its runs.
struct Run {
    first: u16,
    /// Columns.
    wide: u16,
    text: String,
    /// Of every sign; none where it is written.
    shapes: Vec<Shape>,
    look: Look,
}

impl Run {
    fn takes(&self, shape: Option<Shape>, look: Look) -> bool {
        let same = match (self.shapes.last(), shape) {
            (None, None) => true,
            (Some(last), Some(shape)) => last.goes_with(shape),
            _ => false,
        };
        same && self.look == look
    }
}

/// Cells of one look beside each other.
fn runs(buf: &Buffer, y: u16, own: (u32, u32)) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut covered = 0;
    for x in buf.area.left()..buf.area.right() {
        if covered > 0 {
            covered -= 1;
            continue;
        }
        let cell = &buf[(x, y)];
        let sign = cell.symbol();
        let wide = sign.width().clamp(1, usize::from(buf.area.right() - x)) as u16;
        covered = wide - 1;
        let (look, shape) = (Look::of(cell, own), Shape::of(sign));
        match runs.last_mut() {
            Some(last) if last.takes(shape, look) => {
                last.wide += wide;
                last.text.push_str(sign);
                last.shapes.extend(shape);
            }
            _ => runs.push(Run {
                first: x - buf.area.x,
                wide,
                text: sign.to_owned(),
                shapes: shape.into_iter().collect(),
                look,
            }),
        }
    }
    runs
}

/// The picture of a screen. `title` is what is said where it cannot be seen.
pub fn svg(buf: &Buffer, ground: Ground, title: &str) -> String {
    let own = own(ground);
    let (columns, rows) = (u32::from(buf.area.width), u32::from(buf.area.height));
    let (wide, high) = (columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN);
    let mut classes: Vec<(u32, Modifier)> = Vec::new();
    let mut body = String::new();
    for row in 0..buf.area.height {
        let runs = runs(buf, buf.area.y + row, own);
        let top = MARGIN + u32::from(row) * HEIGHT;
        grounds(&runs, top, own.1, &mut body);
        for run in &runs {
            match run.shapes.first() {
                Some(Shape::Block(part)) => solid(run, *part, top, &mut body),
                Some(_) => strokes(run, top, &mut body),
                None => text(run, top, &mut classes, &mut body),
            }
        }
    }
    let mut out = String::with_capacity(body.len() + 1024);
    let size = format!("{} {}", pixels(wide), pixels(high));
    _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size}\" width=\"{}\" height=\"{}\" role=\"img\">",
        pixels(wide),
        pixels(high)
    );
    _ = writeln!(out, "<title>{}</title>", escaped(title));
    _ = writeln!(out, "<style>text{{font:{}px {FONTS};white-space:pre}}", pixels(FONT_SIZE));
    let strokes = "path{fill:none}.l{stroke-width:1}.d{stroke-width:1.7;stroke-linecap:round}";
    _ = writeln!(out, "{strokes}");
    for (at, class) in classes.iter().enumerate() {
        _ = writeln!(out, "{}", style(at, *class));
    }
    _ = writeln!(out, "</style>");
    _ = writeln!(out, "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#{:06x}\"/>", own.1);
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

fn style(at: usize, (ink, modifier): (u32, Modifier)) -> String {
    let mut style = format!(".c{at}{{fill:#{ink:06x}");
    for (which, what) in [
        (Modifier::BOLD, ";font-weight:bold"),
        (Modifier::DIM, ";opacity:.65"),
        (Modifier::ITALIC, ";font-style:italic"),
        (Modifier::UNDERLINED, ";text-decoration:underline"),
    ] {
        style.push_str(if modifier.contains(which) { what } else { "" });
    }
    style.push('}');
    style
}

/// The grounds that are not the terminal's own.
fn grounds(runs: &[Run], top: u32, own: u32, body: &mut String) {
    let mut at = 0;
    while let Some(run) = runs.get(at) {
        let same = runs[at..].iter().take_while(|other| other.look.ground == run.look.ground);
        let (count, wide) = same.fold((0, 0), |(count, wide), run| (count + 1, wide + run.wide));
        if run.look.ground != own {
            rectangle(
                [MARGIN + u32::from(run.first) * WIDTH, top, u32::from(wide) * WIDTH, HEIGHT],
                run.look.ground,
                body,
            );
        }
        at += count;
    }
}

fn rectangle([x, y, wide, high]: [u32; 4], fill: u32, body: &mut String) {
    let [x, y, wide, high] = [x, y, wide, high].map(pixels);
    _ = writeln!(
        body,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" fill=\"#{fill:06x}\"/>"
    );
}

/// A run of one solid sign.
fn solid(run: &Run, [left, above, wide, high]: [u32; 4], top: u32, body: &mut String) {
    let x = MARGIN + u32::from(run.first) * WIDTH;
    let y = top + above * HEIGHT / 8;
    let high = high * HEIGHT / 8;
    if wide == 8 {
        rectangle([x, y, u32::from(run.wide) * WIDTH, high], run.look.ink, body);
        return;
    }
    for cell in 0..u32::from(run.wide) {
        rectangle(
            [x + cell * WIDTH + left * WIDTH / 8, y, wide * WIDTH / 8, high],
            run.look.ink,
            body,
        );
    }
}

/// Dots and lines of a run, one path.
fn strokes(run: &Run, top: u32, body: &mut String) {
    let (across, middle) = (WIDTH / 2, HEIGHT / 2);
    let mut path = String::new();
    for (shape, column) in run.shapes.iter().zip(0..) {
        let x = MARGIN + (u32::from(run.first) + column) * WIDTH;
        let (cx, cy) = (x + across, top + middle);
        match *shape {
            Shape::Dots(dots) => {
                for (bit, [column, row]) in (0..8).zip(DOTS) {
                    if dots >> bit & 1 == 1 {
                        let x = pixels(x + WIDTH / 4 + column * WIDTH / 2);
                        _ = write!(path, "M{x} {}h0", pixels(top + HEIGHT / 8 + row * HEIGHT / 4));
                    }
                }
            }
            Shape::Line { up, down, left, right, round: true } => {
                let side = if left { x } else { x + WIDTH };
                let end = if up { top } else { top + HEIGHT };
                debug_assert!(left != right && up != down);
                let [side, end, cx, cy] = [side, end, cx, cy].map(pixels);
                _ = write!(path, "M{side} {cy}Q{cx} {cy} {cx} {end}");
            }
            Shape::Line { up, down, left, right, round: false } => {
                if left || right {
                    let from = pixels(if left { x } else { cx });
                    let to = pixels(if right { x + WIDTH } else { cx });
                    _ = write!(path, "M{from} {}H{to}", pixels(cy));
                }
                if up || down {
                    let from = pixels(if up { top } else { cy });
                    let to = pixels(if down { top + HEIGHT } else { cy });
                    _ = write!(path, "M{} {from}V{to}", pixels(cx));
                }
            }
            Shape::Block(_) => {}
        }
    }
    let class = if matches!(run.shapes.first(), Some(Shape::Dots(_))) { "d" } else { "l" };
    if !path.is_empty() {
        _ = writeln!(
            body,
            "<path class=\"{class}\" stroke=\"#{:06x}\" d=\"{path}\"/>",
            run.look.ink
        );
    }
}

fn text(run: &Run, top: u32, classes: &mut Vec<(u32, Modifier)>, body: &mut String) {
    // Spaces at its ends show nothing, unless they are underlined.
    let lined = run.look.modifier.contains(Modifier::UNDERLINED);
    let shown = if lined { &run.text } else { run.text.trim_matches(' ') };
    if shown.is_empty() {
        return;
    }
    let before = if lined { 0 } else { run.text.len() - run.text.trim_start_matches(' ').len() };
    let after = if lined { 0 } else { run.text.len() - run.text.trim_end_matches(' ').len() };
    let x = MARGIN + (u32::from(run.first) + before as u32) * WIDTH;
    let wide = (u32::from(run.wide) - before as u32 - after as u32) * WIDTH;
    let class = run.look.class();
    let at = classes.iter().position(|known| *known == class).unwrap_or_else(|| {
        classes.push(class);
        classes.len() - 1
    });
    _ = writeln!(
        body,
        "<text class=\"c{at}\" x=\"{}\" y=\"{}\" textLength=\"{}\" xml:space=\"preserve\">{}</text>",
        pixels(x),
        pixels(top + BASELINE),
        pixels(wide),
        escaped(shown)
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    /// A tag's attributes, and the text after it.
    fn tags<'a>(svg: &'a str, name: &str) -> Vec<(BTreeMap<&'a str, &'a str>, &'a str)> {
        let start = format!("<{name} ");
        let found = svg.match_indices(&start).map(|(at, _)| {
            let (tag, rest) = svg[at + start.len()..].split_once('>').unwrap();
            let mut parts = tag.trim_end_matches('/').split('"');
            let mut attributes = BTreeMap::new();
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                attributes.insert(key.trim().trim_end_matches('='), value);
            }
            (attributes, rest.split('<').next().unwrap())
        });
        found.collect()
    }

    fn hundredths(text: &str) -> u32 {
        (text.parse::<f64>().unwrap() * 100.0).round() as u32
    }

    fn plain(text: &str) -> String {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&amp;", "&")
    }

    /// The signs of a picture, put back into cells.
    fn read(svg: &str, columns: u16, rows: u16) -> Vec<Vec<String>> {
        let mut cells = vec![vec![" ".to_owned(); columns.into()]; rows.into()];
        for (tag, text) in tags(svg, "text") {
            let column = (hundredths(tag["x"]) - MARGIN) / WIDTH;
            let row = (hundredths(tag["y"]) - MARGIN - BASELINE) / HEIGHT;
            let text = plain(text);
            assert_eq!(hundredths(tag["textLength"]), text.width() as u32 * WIDTH, "{text}");
            let mut at = column as usize;
            for c in text.chars() {
                let sign = c.to_string();
                let wide = sign.width();
                cells[row as usize][at] = sign;
                at += wide;
            }
        }
        cells
    }

    #[test]
    fn every_cell_is_in_the_picture() {
        let area = Rect::new(3, 2, 24, 4);
        let mut buf = Buffer::empty(area);
        let red = Style::new().fg(Color::Rgb(0xff, 0x7b, 0x72)).add_modifier(Modifier::BOLD);
        buf.set_string(3, 2, "a<b && \"c\" > d'e", Style::new());
        buf.set_string(5, 3, "  x  y", red);
        buf.set_string(4, 4, "日本 ●é", Style::new().fg(Color::Indexed(208)));
        buf.set_string(3, 5, "under", Style::new().add_modifier(Modifier::REVERSED));
        let picture = svg(&buf, Ground::Dark, "a <title> & more");
        assert_eq!(picture, svg(&buf, Ground::Dark, "a <title> & more"));
        assert!(picture.contains("<title>a &lt;title&gt; &amp; more</title>"));
        let cells = read(&picture, area.width, area.height);
        for y in area.top()..area.bottom() {
            let mut covered = 0;
            for x in area.left()..area.right() {
                if covered > 0 {
                    covered -= 1;
                    continue;
                }
                let sign = buf[(x, y)].symbol();
                covered = sign.width().saturating_sub(1);
                let at = (usize::from(y - area.y), usize::from(x - area.x));
                assert_eq!(cells[at.0][at.1], sign, "{at:?}\n{picture}");
            }
        }
        // Colours and weights.
        assert!(picture.contains("{fill:#ff7b72;font-weight:bold}"), "{picture}");
        assert!(picture.contains("{fill:#ff8700}"), "{picture}");
        // What is reversed has the ground's colour on the ink's.
        let under = format!("fill=\"#{:06x}\"", own(Ground::Dark).0);
        assert!(
            picture.contains(&under)
                && picture.contains(&format!("{{fill:#{:06x}}}", own(Ground::Dark).1))
        );
    }

    #[test]
    fn solid_blocks_and_grounds_are_rectangles_of_their_cells() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 2));
        let half = Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Rgb(4, 5, 6));
        buf.set_string(2, 1, "▀▀", half);
        buf.set_string(5, 0, "█▌", Style::new().fg(Color::Rgb(7, 8, 9)));
        let picture = svg(&buf, Ground::Dark, "blocks");
        let found: Vec<_> = tags(&picture, "rect")
            .into_iter()
            .filter(|(tag, _)| tag.contains_key("x"))
            .map(|(tag, _)| {
                (
                    ["x", "y", "width", "height"].map(|key| hundredths(tag[key])),
                    tag["fill"].to_owned(),
                )
            })
            .collect();
        let at = |x: u32, y: u32| (MARGIN + x * WIDTH, MARGIN + y * HEIGHT);
        let expected = [
            ([at(5, 0).0, at(5, 0).1, WIDTH, HEIGHT], "#070809"),
            ([at(6, 0).0, at(6, 0).1, WIDTH / 2, HEIGHT], "#070809"),
            ([at(2, 1).0, at(2, 1).1, 2 * WIDTH, HEIGHT], "#040506"),
            ([at(2, 1).0, at(2, 1).1, 2 * WIDTH, HEIGHT / 2], "#010203"),
        ];
        let expected: Vec<_> =
            expected.into_iter().map(|(place, fill)| (place, fill.to_owned())).collect();
        assert_eq!(found, expected, "{picture}");
        assert!(tags(&picture, "text").is_empty());
    }

    #[test]
    fn dots_and_lines_are_drawn_where_they_stand() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 6, 2));
        buf.set_string(1, 0, "⠑⣿", Style::new().fg(Color::Rgb(1, 2, 3)));
        buf.set_string(0, 1, "╭─┤", Style::new());
        let picture = svg(&buf, Ground::Dark, "strokes");
        let paths = tags(&picture, "path");
        let found: Vec<_> = paths.iter().map(|(tag, _)| (tag["class"], tag["d"])).collect();
        // Dots 1 and 5 of the first, all of the second.
        let dots: Vec<_> = found[0].1.split('M').skip(1).collect();
        assert_eq!((found[0].0, dots.len()), ("d", 10));
        let place = |column: u32, row: u32| {
            let x = MARGIN + WIDTH + WIDTH / 4 + column * WIDTH / 2;
            format!("{} {}h0", pixels(x), pixels(MARGIN + HEIGHT / 8 + row * HEIGHT / 4))
        };
        assert_eq!(dots[0], place(0, 0));
        assert_eq!(dots[1], place(1, 1));
        assert!((0..4).all(
            |row| dots[2..].contains(&&*place(2, row)) && dots[2..].contains(&&*place(3, row))
        ));
        let (x, top) = (|column: u32| pixels(MARGIN + column * WIDTH / 2), MARGIN + HEIGHT);
        let [up, middle, down] = [top, top + HEIGHT / 2, top + HEIGHT].map(pixels);
        let corner = format!("M{} {middle}Q{} {middle} {} {down}", x(2), x(1), x(1));
        let lines =
            format!("M{} {middle}H{}M{} {middle}H{}M{} {up}V{down}", x(2), x(4), x(4), x(5), x(5));
        assert_eq!(found[1], ("l", &*format!("{corner}{lines}")));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_xml_cannot_hold_is_not_in_it() {
        assert_eq!(escaped("a\u{1b}[0m\u{0}<"), "a\u{fffd}[0m\u{fffd}&lt;");
        assert_eq!(
            [pixels(820), pixels(1700), pixels(1705), pixels(5)],
            ["8.2", "17", "17.05", "0.05"]
        );
    }

    #[test]
    fn a_whole_screen_is_small_and_none_is_possible() {
        let model = crate::lab::fixture::model(120, 40);
        let mut buf = Buffer::empty(Rect::new(0, 0, 120, 40));
        crate::lab::view::draw(&model, &mut buf);
        let picture = svg(&buf, Ground::Light, "the lab");
        assert!(picture.len() < 100_000, "{}", picture.len());
        let cells = read(&picture, 120, 40);
        for (at, cell) in buf.content.iter().enumerate() {
            let read = &cells[at / 120][at % 120];
            let drawn = Shape::of(cell.symbol()).is_some();
            assert!(drawn || read == cell.symbol(), "{at} {read} {}", cell.symbol());
        }
        let nothing = svg(&Buffer::empty(Rect::ZERO), Ground::Dark, "");
        assert!(nothing.ends_with("</svg>\n"));
    }
}
