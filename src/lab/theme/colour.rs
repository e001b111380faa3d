//! The palettes behind the roles.

use ratatui::style::Color;

use super::{Depth, Ground, Role};

/// A role's colour, or `None` for the terminal's own.
pub fn of(role: Role, depth: Depth, ground: Ground) -> Option<Color> {
    let (dark, light, ansi) = palette(role)?;
    match depth {
        Depth::Rgb => Some(rgb(if ground == Ground::Dark { dark } else { light })),
        Depth::Indexed => Some(indexed(if ground == Ground::Dark { dark } else { light })),
        Depth::Ansi => ansi,
        Depth::None => None,
    }
}

/// On a dark ground, on a light one, and of the sixteen (`None`: the foreground, told apart by a modifier).
#[rustfmt::skip]
fn palette(role: Role) -> Option<(u32, u32, Option<Color>)> {
    Some(match role {
        Role::Text | Role::Selected => return None,
        Role::Muted       => (0x8d_96_a5, 0x5c_65_73, None),
        Role::Faint       => (0x4a_52_60, 0xb4_ba_c4, None),
        Role::Heading     => (0xe6_c3_84, 0x8a_5a_00, Some(Color::Yellow)),
        Role::Accent      => (0x7a_b7_ff, 0x0b_5c_c4, Some(Color::Blue)),
        Role::Code        => (0xa8_cc_8c, 0x2f_6b_1f, Some(Color::Green)),
        Role::Key         => (0xff_d2_80, 0x8f_4e_00, Some(Color::Yellow)),
        Role::Good        => (0x7f_d1_8c, 0x1d_7a_36, Some(Color::Green)),
        Role::Warning     => (0xff_b8_6c, 0xa8_55_00, Some(Color::Yellow)),
        Role::Bad         => (0xff_7b_72, 0xb8_1e_1e, Some(Color::Red)),
        Role::TrainRaw    => (0x3f_5f_86, 0xa9_c4_e4, None),
        Role::Train       => (0x6c_b6_ff, 0x0f_62_c9, Some(Color::Blue)),
        Role::Validation  => (0xff_c4_6b, 0xb0_62_00, Some(Color::Yellow)),
        Role::Ghost(0)    => (0x7d_6f_97, 0xa5_96_c2, Some(Color::Magenta)),
        Role::Ghost(1)    => (0x5f_80_80, 0x86_a8_a8, Some(Color::Cyan)),
        Role::Ghost(_)    => (0x8f_72_6a, 0xbf_9d_94, Some(Color::Red)),
        Role::Reference   => (0x6b_74_82, 0x8b_94_a2, None),
        Role::Marker      => (0xd2_a8_ff, 0x7a_3d_c0, Some(Color::Magenta)),
        Role::Batch       => (0xf2_8f_ad, 0xb0_2a_5b, Some(Color::Red)),
        Role::Time        => (0x8b_d5_ca, 0x0c_72_6a, Some(Color::Cyan)),
        Role::Channel     => (0xc6_a0_f6, 0x6c_3b_b5, Some(Color::Magenta)),
        Role::HeadSize    => (0x91_d7_e3, 0x0f_6c_8c, Some(Color::Blue)),
        Role::Vocabulary  => (0xf5_a9_7f, 0xa8_4a_10, Some(Color::Yellow)),
        Role::Vowel       => (0xff_8f_8f, 0xb8_2c_2c, Some(Color::Red)),
        Role::Consonant   => (0x8c_c8_ff, 0x1a_5f_b0, Some(Color::Blue)),
        Role::Capital     => (0xd9_b3_ff, 0x74_36_b8, Some(Color::Magenta)),
        Role::Digit       => (0x7f_e0_c8, 0x0b_74_60, Some(Color::Cyan)),
        Role::Punctuation => (0xf0_d0_7c, 0x80_5e_00, Some(Color::Yellow)),
        Role::Space       => (0x9a_e0_84, 0x2c_74_14, Some(Color::Green)),
    })
}

const fn channels(hex: u32) -> [u8; 3] {
    [(hex >> 16) as u8, (hex >> 8) as u8, hex as u8]
}

fn rgb(hex: u32) -> Color {
    let [r, g, b] = channels(hex);
    Color::Rgb(r, g, b)
}

/// The nearest of the 6 x 6 x 6 cube and the 24 greys of the 256-colour palette.
fn indexed(hex: u32) -> Color {
    nearest(channels(hex))
}

fn nearest(colour: [u8; 3]) -> Color {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let closest = |value: u8| (0..6).min_by_key(|&i| LEVELS[i].abs_diff(value)).unwrap_or(0);
    let cube = colour.map(closest);
    let distance = |other: [u8; 3]| -> u32 {
        colour.iter().zip(other).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let mean = (colour.iter().map(|&c| u32::from(c)).sum::<u32>() / 3) as u8;
    let grey = (mean.saturating_sub(3) / 10).min(23);
    let grey_value = 8 + 10 * grey;
    if distance([grey_value; 3]) < distance(cube.map(|i| LEVELS[i])) {
        Color::Indexed(232 + grey)
    } else {
        Color::Indexed((16 + 36 * cube[0] + 6 * cube[1] + cube[2]) as u8)
    }
}

/// Stops of the sequential ramp: from the ground through blue and teal to a warm light (or, on light, to a deep blue).
const DARK_RAMP: [u32; 6] =
    [0x1a_1d_24, 0x24_3b_6b, 0x1f_6f_8b, 0x3a_a6_7c, 0xb5_d1_4f, 0xff_f0_8a];
const LIGHT_RAMP: [u32; 6] =
    [0xf4_f4_f0, 0xc9_e2_dd, 0x84_c4_c8, 0x3f_95_b5, 0x23_5f_9c, 0x1b_2a_66];
const DARK_DIVERGING: [u32; 5] = [0x5a_a9_ff, 0x2a_4a_7a, 0x1a_1d_24, 0x7d_45_2a, 0xff_9d_5c];
const LIGHT_DIVERGING: [u32; 5] = [0x1c_5f_bd, 0xa5_c5_ea, 0xf4_f4_f0, 0xf2_c2_9f, 0xb8_51_0d];

pub fn ramp(share: f64, depth: Depth, ground: Ground) -> Color {
    between(if ground == Ground::Dark { &DARK_RAMP } else { &LIGHT_RAMP }, share, depth)
}

pub fn diverging(value: f64, depth: Depth, ground: Ground) -> Color {
    let stops = if ground == Ground::Dark { &DARK_DIVERGING } else { &LIGHT_DIVERGING };
    between(stops, f64::midpoint(value, 1.0), depth)
}

/// What can be read on the ramp at this share.
pub fn ink(share: f64, ground: Ground) -> Color {
    let bright = if ground == Ground::Dark { share > 0.55 } else { share < 0.55 };
    if bright { Color::Black } else { Color::White }
}

fn between(stops: &[u32], share: f64, depth: Depth) -> Color {
    let place = share * (stops.len() - 1) as f64;
    let below = (place as usize).min(stops.len() - 2);
    let (a, b) = (channels(stops[below]), channels(stops[below + 1]));
    let part = place - below as f64;
    let mixed = [0, 1, 2]
        .map(|i| (f64::from(a[i]) + (f64::from(b[i]) - f64::from(a[i])) * part).round() as u8);
    match depth {
        Depth::Rgb => Color::Rgb(mixed[0], mixed[1], mixed[2]),
        Depth::Indexed => nearest(mixed),
        Depth::Ansi | Depth::None => Color::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_256_palette_is_met_where_it_has_the_colour() {
        assert_eq!(nearest([0, 0, 0]), Color::Indexed(16));
        assert_eq!(nearest([255, 255, 255]), Color::Indexed(231));
        assert_eq!(nearest([95, 135, 175]), Color::Indexed(67));
        assert_eq!(nearest([8, 8, 8]), Color::Indexed(232));
    }

    #[test]
    fn the_ramp_starts_and_ends_at_its_stops() {
        assert_eq!(ramp(0.0, Depth::Rgb, Ground::Dark), rgb(DARK_RAMP[0]));
        assert_eq!(ramp(1.0, Depth::Rgb, Ground::Dark), rgb(DARK_RAMP[5]));
        assert_eq!(diverging(0.0, Depth::Rgb, Ground::Light), rgb(LIGHT_DIVERGING[2]));
    }
}
