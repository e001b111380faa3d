use std::sync::Arc;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::text::{Tokens, ngram};
use crate::train::command::SampleRequest;

const TEXT: &str = "\n\nKING RICHARD:\nWhat say the thous and the hath not\nto thee, my lorden.\n";

fn screen(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PaneId::Samples, width, height))
}

fn press(model: &mut Model, actions: &[Action]) {
    for action in actions {
        PaneId::Samples.act(model, *action);
    }
}

fn change(model: &mut Model, change: impl FnOnce(&mut Sample)) {
    let mut sample = (**model.sample.as_ref().unwrap()).clone();
    change(&mut sample);
    model.sample = Some(Arc::new(sample));
    PaneId::Samples.refresh(model);
}

#[test]
fn words_stand_apart_and_punctuation_does_not() {
    let mut model = fixture::model(120, 40);
    let words = Tokenizer::new("what say you, my lord?\n", Tokens::Words, 20);
    model.corpus.as_mut().unwrap().tokenizer = words.clone();
    change(&mut model, |sample| {
        sample.prompt = words.encode("what say").unwrap();
        sample.tokens = words.encode("you, lord?\nmy lord").unwrap();
        sample.logits = vec![0.0; sample.tokens.len() * words.vocab_size()];
    });
    let screen = screen(&model, 40, 12);
    assert!(screen.contains("what say you, lord?"), "{screen}");
    assert!(screen.lines().any(|line| line.contains("my lord") && !line.contains('?')), "{screen}");
}

#[test]
fn screens() {
    let mut model = fixture::model(120, 40);
    insta::assert_snapshot!("40x12", screen(&model, 40, 12));
    press(&mut model, &[Action::Right, Action::Down, Action::Down, Action::Down, Action::Right]);
    insta::assert_snapshot!("cursor_40x12", screen(&model, 40, 12));
    insta::assert_snapshot!("cursor_60x18", screen(&model, 60, 18));
    insta::assert_snapshot!("cursor_120x40", screen(&model, 120, 40));
    change(&mut model, |sample| {
        sample.complete = false;
        sample.sampling = Sampling { temperature: 0.8, top_k: Some(40), top_p: Some(0.5) };
    });
    insta::assert_snapshot!("cut_off", screen(&model, 70, 24));
    model.theme.glyphs = Glyphs::ASCII;
    let text = screen(&model, 70, 24).replace('·', "-");
    assert!(text.is_ascii(), "{text}");
}

/// The text on the screen is the model's, character for character.
#[test]
fn text_is_exact() {
    let model = fixture::model(120, 40);
    let text = screen(&model, 60, 18);
    let inside: Vec<String> = text
        .lines()
        .skip(1)
        .take(16)
        .map(|line| line.chars().skip(2).take(56).collect::<String>().trim_end().to_owned())
        .collect();
    let expected = format!("the king{TEXT}");
    assert_eq!(inside.join("\n").trim_end(), expected.trim_end());
}

/// What is shown for a character is what its own row of logits gives, computed here by the definition of softmax.
#[test]
fn the_table_is_the_one_drawn_from() {
    let mut model = fixture::model(120, 40);
    let temperature = 0.5;
    change(&mut model, |sample| sample.sampling.temperature = temperature);
    let index = 17;
    press(&mut model, &[Action::Home]);
    for _ in 0..index {
        press(&mut model, &[Action::Right]);
    }
    let sample = model.facts().sample.unwrap();
    assert_eq!(TEXT.chars().nth(index), Some('h'));
    let row = &sample.logits[index * 65..(index + 1) * 65];
    let powers: Vec<f64> = row.iter().map(|l| (f64::from(*l) / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    let drawn = sample.tokens[index] as usize;
    let rank = powers.iter().filter(|p| **p > powers[drawn]).count() + 1;
    let text = screen(&model, 120, 40);
    let headline = format!("drawn: h   p {:.3}   rank {rank} of 65", powers[drawn] / sum);
    assert!(text.contains(&headline), "{headline:?} is not on\n{text}");
    assert!(text.contains("…he king⏎⏎KING RICHARD:⏎W\""), "{text}");
    let mut likeliest: Vec<usize> = (0..65).collect();
    likeliest.sort_by(|a, b| powers[*b].total_cmp(&powers[*a]));
    for &token in &likeliest[..5] {
        let sign = model.facts().label(token as u32);
        let (logit, p) = (f64::from(row[token]), powers[token] / sum);
        let line = format!("{sign:<3} {logit:>7.2} {:>7.2} {p:>7.3}", logit / temperature);
        assert!(text.contains(&line), "{line:?} is not on\n{text}");
    }
}

#[test]
fn a_drawn_character_far_down_the_list_is_still_shown() {
    let mut model = fixture::model(120, 40);
    change(&mut model, |sample| {
        let drawn = sample.tokens[4] as usize;
        sample.logits[4 * 65 + drawn] = -9.0;
    });
    press(&mut model, &[Action::Home, Action::Right, Action::Right, Action::Right, Action::Right]);
    let text = screen(&model, 60, 18);
    assert!(text.contains("rank 65 of 65") && text.contains("▸ N     -9.00"), "{text}");
}

#[test]
fn colours_follow_the_probabilities_and_never_stand_alone() {
    let mut model = fixture::model(120, 40);
    change(&mut model, |sample| {
        // Token 2 is certain, token 3 unlikely.
        for (index, logit) in [(2, 40.0), (3, -5.0)] {
            let token = sample.tokens[index] as usize;
            sample.logits[index * 65 + token] = logit;
        }
    });
    press(&mut model, &[Action::CycleView]);
    let style = |model: &Model, column: u16| {
        let buf = fixture::pane(model, PaneId::Samples, 60, 18);
        assert_eq!(buf[(2, 3)].symbol(), "K");
        buf[(column, 3)].style()
    };
    let has = |style: Style, modifier| style.add_modifier.contains(modifier);
    assert!(has(style(&model, 2), Modifier::BOLD));
    assert!(has(style(&model, 3), Modifier::UNDERLINED));
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    assert_eq!(style(&model, 2).bg, Some(model.theme.ramp(1.0)));
    assert!(has(style(&model, 3), Modifier::UNDERLINED));
    assert!(!has(style(&model, 2), Modifier::UNDERLINED));
}

#[test]
fn a_text_under_way_says_how_far_it_is() {
    let mut model = fixture::model(120, 40);
    assert_eq!(PaneId::Samples.detail(&model), "step 3,400 · temperature 1");
    change(&mut model, |sample| {
        sample.complete = false;
        sample.tokens.truncate(12);
        sample.logits.truncate(12 * 65);
    });
    let detail = PaneId::Samples.detail(&model);
    assert!(detail.starts_with("step 3,400 · generating… 12"), "{detail}");
}

#[test]
fn clicks_hit_characters() {
    let mut model = fixture::model(120, 40);
    let inner = Rect::new(2, 1, 56, 16);
    PaneId::Samples.click(&mut model, inner, Position::new(2 + 5, 1 + 3));
    // The third line is "What say …".
    assert_eq!(model.panes.samples.cursor, Some(2 + "KING RICHARD:\n".len() + 5));
    PaneId::Samples.click(&mut model, inner, Position::new(2, 1));
    assert_eq!(model.panes.samples.cursor, None, "the prompt was not drawn from anything");
}

#[test]
fn no_data_or_size_is_a_problem() {
    let mut model = fixture::model(120, 40);
    press(&mut model, &[Action::End]);
    let check = |model: &mut Model| {
        PaneId::Samples.refresh(model);
        for (width, height) in (0..90).step_by(7).flat_map(|w| (0..20).map(move |h| (w, h))) {
            let area = Rect::new(0, 0, width, height);
            PaneId::Samples.draw(model, false, area, &mut Buffer::empty(area));
        }
        press(model, &[Action::Up, Action::PageDown, Action::CycleView, Action::Home, Action::End]);
        assert!(!PaneId::Samples.about(model).is_empty());
    };
    check(&mut model);
    change(&mut model, |sample| sample.logits.fill(f32::NAN));
    check(&mut model);
    change(&mut model, |sample| sample.logits.clear());
    check(&mut model);
    change(&mut model, |sample| sample.tokens.fill(u32::MAX));
    check(&mut model);
    change(&mut model, |sample| sample.tokens.clear());
    check(&mut model);
    assert_eq!(model.panes.samples.cursor, None);
    model.corpus = None;
    check(&mut model);
    model.sample = None;
    check(&mut model);
    insta::assert_snapshot!("none", screen(&model, 40, 12));
    model.run = None;
    check(&mut model);
}

#[test]
fn the_third_view_is_drawn_from_the_texts_counts() {
    let mut model = fixture::model(120, 40);
    press(&mut model, &[Action::CycleView, Action::CycleView]);
    assert_eq!(PaneId::Samples.detail(&model), "counted 5-gram");
    let mut seen = Vec::new();
    for order in (1..=5).rev() {
        let counted = &model.panes.samples.counted;
        let followers = model.corpus.as_ref().unwrap().counted().unwrap().followers.clone();
        let expected = followers.unwrap().write(order, &model.prompt.tokens, 300, 0);
        assert_eq!((counted.order, &counted.tokens), (order, &expected));
        // And it is what stands on the screen, sign for sign.
        let signs: String = model
            .prompt
            .tokens
            .iter()
            .chain(&expected)
            .map(|token| fixture::CHARACTERS.chars().nth(*token as usize).unwrap())
            .filter(|c| !c.is_whitespace())
            .collect();
        let screen = screen(&model, 80, 80);
        let rows: Vec<&str> = screen.lines().collect();
        let text = rows[2..rows.len() - 1].iter().flat_map(|row| row.chars());
        let shown: String = text.filter(|c| !c.is_whitespace() && *c != '│').collect();
        assert_eq!(shown, signs, "{screen}");
        assert!(rows[1].contains(ngram::name(order)), "{screen}");
        seen.push(expected);
        press(&mut model, &[Action::Left]);
    }
    // The lowest stays the lowest; its loss is the reference's.
    assert_eq!(model.panes.samples.counted.order, 1);
    press(&mut model, &[Action::Right]);
    assert_eq!(PaneId::Samples.detail(&model), "counted bigram · val 2.482");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5, "each order writes another text");
    press(&mut model, &[Action::CycleView]);
    assert!(PaneId::Samples.detail(&model).starts_with("step"));
}

#[test]
fn anew_draws_another_text_from_the_same_counts() {
    let mut model = fixture::model(120, 40);
    press(&mut model, &[Action::CycleView, Action::CycleView]);
    let text = |model: &Model| model.panes.samples.counted.tokens.clone();
    let first = text(&model);
    model.requested = Some(SampleRequest {
        prompt: model.prompt.tokens.clone(),
        tokens: 300,
        sampling: Sampling::default(),
        seed: 1,
        every_seconds: None,
    });
    PaneId::Samples.refresh(&mut model);
    let second = text(&model);
    assert_ne!(first, second);
    // Nothing new draws nothing new.
    PaneId::Samples.refresh(&mut model);
    assert_eq!(text(&model), second);
}

#[test]
fn where_nothing_is_counted_it_says_so() {
    let mut model = fixture::model(120, 40);
    press(&mut model, &[Action::CycleView, Action::CycleView]);
    model.corpus.as_mut().unwrap().counted = None;
    PaneId::Samples.refresh(&mut model);
    assert!(screen(&model, 60, 12).contains("The text is being counted."));
    let mut model = fixture::model(120, 40);
    let words = Tokenizer::new("what say you, my lord?\n", Tokens::Words, 20);
    model.corpus.as_mut().unwrap().tokenizer = words;
    press(&mut model, &[Action::CycleView, Action::CycleView]);
    assert!(screen(&model, 70, 12).contains("this run reads other tokens"));
}
