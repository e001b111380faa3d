//! From a lesson's text to a [`Lesson`]. Whatever is wrong is said with its file and line.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::item::{Code, Reviews};
use super::{Item, Kind, Lesson, Page, Piece, Setup};

/// What is wrong with a lesson, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct LessonError {
    pub file: String,
    pub line: usize,
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    id: String,
    title: String,
    stage: String,
    #[serde(default)]
    needs: Vec<String>,
    panes: Vec<String>,
    #[serde(default)]
    hyperparameters: Vec<String>,
    #[serde(default)]
    prompt: String,
    pace: Option<u32>,
}

/// Blocks of code that are only shown.
const SHOWN: [&str; 3] = ["", "text", "rust"];

/// Parses a lesson file.
///
/// # Errors
/// If the front matter or a block is damaged or says what there is not, there is no page, or a page's items are not
/// whole; with file and line.
pub fn parse(file: &str, text: &str) -> Result<Lesson, LessonError> {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<&str> = text.lines().collect();
    let at = |line: usize, what: &str| LessonError {
        file: file.to_owned(),
        line,
        what: what.to_owned(),
    };
    let missing = "expected front matter in TOML between two lines of +++ at the file's start";
    let end = lines.iter().skip(1).position(|line| *line == "+++").map(|end| end + 1);
    let end = end.filter(|_| lines.first() == Some(&"+++")).ok_or_else(|| at(1, missing))?;
    let front: FrontMatter = toml(file, 2, &lines[1..end].join("\n"))?;

    let mut reader = Reader { file, pages: Vec::new(), text: Vec::new(), first: 0 };
    let mut lines = lines.iter().enumerate().skip(end + 1);
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        if let Some(heading) = line.strip_prefix("## ") {
            reader.flush();
            let heading = heading.trim().to_owned();
            reader.pages.push(Page { heading, line: number, ..Page::default() });
        } else if let Some(name) = line.strip_prefix("```") {
            let name = name.trim();
            let mut block = Vec::new();
            loop {
                match lines.next() {
                    Some((_, line)) if line.trim_end() == "```" => break,
                    Some((_, line)) => block.push(*line),
                    None => return Err(at(number, "this block of code has no end (```)")),
                }
            }
            if SHOWN.contains(&name) {
                reader.read(number, line);
                for (i, line) in block.iter().enumerate() {
                    reader.read(number + 1 + i, line);
                }
                reader.read(number + 1 + block.len(), "```");
            } else {
                reader.block(name, number, &block.join("\n"))?;
            }
        } else if reader.pages.is_empty() && !line.trim().is_empty() {
            return Err(at(number, "text before the first page (\"## …\")"));
        } else {
            reader.read(number, line);
        }
    }
    reader.flush();
    if reader.pages.is_empty() {
        return Err(at(end + 1, "expected at least one page, a heading like \"## The idea\""));
    }
    let digits = file.split('-').next().unwrap_or_default();
    let FrontMatter { id, title, stage, needs, panes, hyperparameters, prompt, pace } = front;
    let lesson = Lesson {
        file: file.to_owned(),
        number: digits.parse().unwrap_or(0),
        id,
        title,
        stage,
        needs,
        panes,
        hyperparameters,
        prompt,
        pace,
        pages: reader.pages,
    };
    whole(&lesson)?;
    Ok(lesson)
}

/// Pages as they are read.
struct Reader<'a> {
    file: &'a str,
    pages: Vec<Page>,
    text: Vec<&'a str>,
    /// The line of the first of `text`.
    first: usize,
}

impl<'a> Reader<'a> {
    fn read(&mut self, number: usize, line: &'a str) {
        if self.text.is_empty() {
            if line.trim().is_empty() {
                return;
            }
            self.first = number;
        }
        self.text.push(line);
    }

    /// What was read so far is a piece of the last page.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text).join("\n").trim_end().to_owned();
        if let Some(page) = self.pages.last_mut().filter(|_| !text.is_empty()) {
            page.pieces.push(Piece::Text { text, line: self.first });
        }
    }

    fn block(&mut self, name: &str, line: usize, body: &str) -> Result<(), LessonError> {
        self.flush();
        let wrong = |what: String| LessonError { file: self.file.to_owned(), line, what };
        let Some(page) = self.pages.last_mut() else {
            return Err(wrong("a block before the first page (\"## …\")".to_owned()));
        };
        let (file, first) = (self.file, line + 1);
        let (id, kind) = match name {
            "page" => {
                if page.setup != Setup::default() {
                    return Err(wrong("a page has one block of this name at most".to_owned()));
                }
                page.setup = toml(file, first, body)?;
                return Ok(());
            }
            "predict" => {
                let predict: Box<super::Predict> = toml(file, first, body)?;
                (predict.id.clone(), Kind::Predict(predict))
            }
            "ask" => {
                let ask: Box<super::Ask> = toml(file, first, body)?;
                (ask.id.clone(), Kind::Ask(ask))
            }
            "goal" => {
                let goal: Box<super::Goal> = toml(file, first, body)?;
                (goal.id.clone(), Kind::Goal(goal))
            }
            "claim" => {
                let claim: Box<super::Claim> = toml(file, first, body)?;
                (claim.id.clone(), Kind::Claim(claim))
            }
            "race" => {
                let race: Box<super::Race> = toml(file, first, body)?;
                (race.id.clone(), Kind::Race(race))
            }
            "code" => {
                let code: Code = toml(file, first, body)?;
                (format!("code-{line}"), Kind::Code(code))
            }
            "figure" => (format!("figure-{line}"), Kind::Figure(toml(file, first, body)?)),
            "review" => {
                let reviews: Reviews = toml(file, first, body)?;
                (format!("review-{line}"), Kind::Review(reviews.prompt))
            }
            _ => {
                let what = format!(
                    "there is no block {name:?}: expected page, predict, ask, goal, claim, race, code, figure, review, or text and rust to show"
                );
                return Err(wrong(what));
            }
        };
        page.pieces.push(Piece::Item(Item { id, line, kind }));
        Ok(())
    }
}

/// Reads a block; an error says the line of the file.
fn toml<T: DeserializeOwned>(file: &str, first: usize, text: &str) -> Result<T, LessonError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
        let line = first + before.matches('\n').count();
        LessonError { file: file.to_owned(), line, what: error.message().replace('\n', " ") }
    })
}

/// Whether its items say all that they must; what they name is for `check` to look up.
fn whole(lesson: &Lesson) -> Result<(), LessonError> {
    let mut ids: Vec<&str> = Vec::new();
    for (page, item) in lesson.items() {
        let wrong =
            |what: String| Err(LessonError { file: lesson.file.clone(), line: item.line, what });
        let own = match &item.kind {
            Kind::Review(prompts) => prompts.iter().map(|prompt| prompt.id.as_str()).collect(),
            _ => vec![item.id.as_str()],
        };
        for id in own {
            if ids.contains(&id) {
                return wrong(format!("the id {id:?} stands twice in this lesson"));
            }
            ids.push(id);
        }
        if let Some(question) = item.question() {
            let (choices, bands) = (question.choices.len(), question.bands.len());
            if choices != bands {
                return wrong(format!("{choices} choices need as many bands (found {bands})"));
            }
            if choices == 1 || choices > 4 {
                return wrong(format!("two to four choices, or none (found {choices})"));
            }
            if question.bands.iter().any(|[low, high]| low >= high) {
                return wrong("a band is [from, to], the smaller first".to_owned());
            }
        }
        match &item.kind {
            Kind::Goal(goal) => {
                if goal.hints.len() != 3 {
                    let found = goal.hints.len();
                    return wrong(format!("a goal has three hints (found {found})"));
                }
                if goal.when.is_empty() || goal.solution.is_empty() {
                    return wrong("a goal has conditions (when) and a solution".to_owned());
                }
            }
            Kind::Claim(claim) => {
                if claim.measure.is_of_time() {
                    return wrong("a claim does not rest on time: machines differ".to_owned());
                }
                if !(1..=2).contains(&claim.arms.len()) {
                    return wrong("a claim has one or two arms".to_owned());
                }
                if claim.expect == crate::train::measure::Range::default() {
                    return wrong("expect is { above = … } or { below = … } or both".to_owned());
                }
            }
            Kind::Predict(predict) if predict.arms.len() > 2 => {
                return wrong("a prediction has two arms at most".to_owned());
            }
            Kind::Race(race)
                if race.arms.len() < 2 || (race.combinations && race.arms.len() > 2) =>
            {
                return wrong("a race has two arms or more; combinations need two".to_owned());
            }
            _ => {}
        }
        if lesson.pages[page].setup.run == super::Start::Held
            && !lesson.pages[page].items().any(|item| matches!(item.kind, Kind::Predict(_)))
        {
            return wrong(
                "run = \"held\" waits for a prediction, and the page has none".to_owned(),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::measure::Measure;

    const FILE: &str = r#"+++
id = "a"
title = "A"
stage = "bigram"
panes = ["lesson", "loss"]
prompt = "x"
+++

## One

```page
panes = ["lesson", "softmax"]
run = "held"
```

Text about a [nat](term "a unit").

```text
## not a heading
```

```predict
id = "first"
ask = "The first loss?"
measure = "first_loss"
after = 1
why = "Because."
```

## Two

```goal
id = "low"
text = "Go low."
when = [{ measure = "val_loss", below = 2.6 }]
hints = ["a", "b", "c"]
solution = [{ set = "lr", to = 0.1 }, { run_to = 500 }]
answer = "lr 0.1"
```

```claim
id = "lower"
text = "Larger is lower."
arms = [{ lr = 0.1 }, { lr = 0.001 }]
measure = "val_loss"
expect = { below = -0.1 }
```

```review
[[prompt]]
id = "r"
q = "Why?"
a = "So."
```
"#;

    fn error(from: &str, to: &str) -> String {
        assert!(FILE.contains(from), "{from}");
        parse("x.md", &FILE.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_lesson_is_pages_of_text_and_items() {
        let lesson = parse("03-a.md", FILE).unwrap();
        assert_eq!((lesson.number, lesson.pages.len()), (3, 2));
        let kinds: Vec<_> = lesson.items().map(|(page, item)| (page, item.kind_name())).collect();
        assert_eq!(kinds, [(0, "predict"), (1, "goal"), (1, "claim"), (1, "review")]);
        let [Piece::Text { text, line }, Piece::Item(item)] = &lesson.pages[0].pieces[..] else {
            panic!("{:?}", lesson.pages[0].pieces)
        };
        assert!(text.starts_with("Text about") && text.contains("## not a heading"));
        assert_eq!((*line, item.line), (16, 22));
        assert_eq!(item.measures(), [&Measure::FirstLoss]);
        assert_eq!(lesson.panes_of(0), ["lesson", "softmax"]);
        assert_eq!(lesson.panes_of(1), ["lesson", "loss"]);
        assert_eq!(lesson.terms()[0].meaning, "a unit");
        assert_eq!(parse("03-a.md", &FILE.replace('\n', "\r\n")).unwrap(), lesson);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert!(error("+++\nid", "id").starts_with("x.md:1: expected front matter"));
        assert!(error("title =", "titel =").starts_with("x.md:3: "));
        assert!(error("## One", "One").starts_with("x.md:9: text before the first page"));
        assert!(error("measure = \"first_loss\"", "measure = \"first\"").starts_with("x.md:25: "));
        assert!(error("\"b\", ", "").starts_with("x.md:32: a goal has three hints (found 2)"));
        assert!(
            error("expect = { below = -0.1 }", "expect = {}").starts_with("x.md:41: expect is")
        );
        assert!(error("id = \"r\"", "id = \"low\"").contains("stands twice"));
        assert!(error("```claim", "```clam").starts_with("x.md:41: there is no block \"clam\""));
        assert!(error("why = \"Because.\"", "").starts_with("x.md:23: missing field `why`"));
        assert!(error("measure = \"val_loss\"\n", "measure = \"ms_per_step\"\n").contains("time"));
        let cut = &FILE[..FILE.len() - 4];
        assert!(parse("x.md", cut).unwrap_err().to_string().contains("x.md:49: this block"));
    }

    #[test]
    fn choices_and_bands_belong_together() {
        let choices = "choices = [\"a\", \"b\"]\nmeasure = \"first_loss\"";
        assert!(error("measure = \"first_loss\"", choices).contains("as many bands (found 0)"));
        let bands = format!("{choices}\nbands = [[0.0, 4.0], [4.0, 9.0]]");
        let lesson = parse("x.md", &FILE.replacen("measure = \"first_loss\"", &bands, 1)).unwrap();
        let (_, item) = lesson.items().next().unwrap();
        let question = item.question().unwrap();
        assert!(question.is_right(1.0, 4.6) && !question.is_right(0.0, 4.6));
    }
}
