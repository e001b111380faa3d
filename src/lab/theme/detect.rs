//! What the terminal can show, from its environment.

use super::{Depth, Glyphs, Ground, Theme};

/// What the environment says, and whether only the terminal itself knows if it is light or dark (until it has said so,
/// the theme is dark). `var` reads one variable: `std::env::var` in the lab, a table in tests.
pub fn theme(var: &dyn Fn(&str) -> Option<String>) -> (Theme, bool) {
    let depth = depth(var);
    let ground = ground(var, depth);
    (Theme::new(depth, ground.unwrap_or(Ground::Dark), glyphs(var)), ground.is_none())
}

fn depth(var: &dyn Fn(&str) -> Option<String>) -> Depth {
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default();
    if set("NO_COLOR").is_some() || term == "dumb" {
        return Depth::None;
    }
    match set("COLORTERM").as_deref() {
        Some("truecolor" | "24bit") => Depth::Rgb,
        _ if term.contains("direct") || term.contains("kitty") || term.contains("ghostty") => {
            Depth::Rgb
        }
        _ if term.contains("256color") => Depth::Indexed,
        _ => Depth::Ansi,
    }
}

fn ground(var: &dyn Fn(&str) -> Option<String>, depth: Depth) -> Option<Ground> {
    match var("GPT_LAB_THEME").as_deref() {
        Some("light") => return Some(Ground::Light),
        Some("dark") => return Some(Ground::Dark),
        _ => {}
    }
    // Without colours, or with the terminal's own sixteen, the ground makes no difference.
    if matches!(depth, Depth::None | Depth::Ansi) {
        return Some(Ground::Dark);
    }
    // "15;0": foreground and background of the sixteen, set by rxvt, konsole and others.
    let background =
        var("COLORFGBG").and_then(|v| v.rsplit(';').next().and_then(|b| b.parse::<u8>().ok()));
    background.map(|index| if matches!(index, 7 | 15) { Ground::Light } else { Ground::Dark })
}

fn glyphs(var: &dyn Fn(&str) -> Option<String>) -> Glyphs {
    match var("GPT_LAB_ASCII").as_deref() {
        Some("0") => return Glyphs::UNICODE,
        Some(value) if !value.is_empty() => return Glyphs::ASCII,
        _ => {}
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| var(name).filter(|value| !value.is_empty()));
    match locale {
        Some(locale) => {
            let locale = locale.to_lowercase();
            if locale.contains("utf-8") || locale.contains("utf8") {
                Glyphs::UNICODE
            } else {
                Glyphs::ASCII
            }
        }
        // Nothing said: every terminal of today shows UTF-8.
        None => Glyphs::UNICODE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(vars: &[(&str, &str)]) -> Theme {
        let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        theme(&var).0
    }

    #[test]
    fn no_color_wins_over_everything() {
        let theme =
            detected(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor"), ("TERM", "xterm-256color")]);
        assert_eq!(theme.depth, Depth::None);
        assert_eq!(detected(&[("NO_COLOR", ""), ("TERM", "xterm-256color")]).depth, Depth::Indexed);
    }

    #[test]
    fn the_learners_word_on_the_ground_wins_over_the_terminals() {
        let vars = [("GPT_LAB_THEME", "dark"), ("COLORTERM", "truecolor"), ("COLORFGBG", "0;15")];
        assert_eq!(detected(&vars).ground, Ground::Dark);
        assert_eq!(detected(&vars[1..]).ground, Ground::Light);
        assert_eq!(detected(&[("COLORTERM", "truecolor")]).ground, Ground::Dark);
    }

    #[test]
    fn the_terminal_is_asked_only_where_it_makes_a_difference_and_nobody_else_knows() {
        let asks = |vars: &[(&str, &str)]| {
            theme(&|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())).1
        };
        assert!(asks(&[("TERM", "xterm-256color")]));
        assert!(asks(&[("COLORTERM", "truecolor"), ("GPT_LAB_THEME", "")]));
        assert!(!asks(&[("TERM", "xterm-256color"), ("GPT_LAB_THEME", "light")]));
        assert!(!asks(&[("TERM", "xterm-256color"), ("COLORFGBG", "15;0")]));
        assert!(!asks(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]));
        assert!(!asks(&[("TERM", "linux")]));
    }

    #[test]
    fn a_locale_without_utf_8_gets_plain_signs() {
        assert!(detected(&[("LANG", "C")]).glyphs.ascii);
        assert!(!detected(&[("LANG", "en_US.UTF-8")]).glyphs.ascii);
        assert!(!detected(&[]).glyphs.ascii);
        assert!(detected(&[("LANG", "en_US.UTF-8"), ("GPT_LAB_ASCII", "1")]).glyphs.ascii);
        assert!(detected(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")]).glyphs.ascii);
    }
}
