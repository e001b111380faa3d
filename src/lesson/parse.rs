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
/// whole; with file and line. It is the first of what is wrong.
pub fn parse(file: &str, text: &str) -> Result<Lesson, LessonError> {
    parse_whole(file, text).map_err(|mut faults| faults.swap_remove(0))
}

/// The same, with all that is wrong: never an empty list.
///
/// # Errors
/// As [`parse`].
pub fn parse_whole(file: &str, text: &str) -> Result<Lesson, Vec<LessonError>> {
    let mut faults = Vec::new();
    match read(file, text, &mut faults) {
        Ok(lesson) if faults.is_empty() => Ok(lesson),
        Ok(_) => Err(faults),
        Err(fault) => {
            faults.push(fault);
            Err(faults)
        }
    }
}

/// Reads on after a damaged block, so that all of them are said; what cannot be read past is the error.
fn read(file: &str, text: &str, faults: &mut Vec<LessonError>) -> Result<Lesson, LessonError> {
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
                let block = reader.block(name, number, &block.join("\n"));
                faults.extend(block.err());
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
    whole(&lesson, faults);
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
fn whole(lesson: &Lesson, faults: &mut Vec<LessonError>) {
    let at = |line: usize, what: String| LessonError { file: lesson.file.clone(), line, what };
    let mut ids: Vec<&str> = Vec::new();
    for (_, item) in lesson.items() {
        let own = match &item.kind {
            Kind::Review(prompts) => prompts.iter().map(|prompt| prompt.id.as_str()).collect(),
            _ => vec![item.id.as_str()],
        };
        for id in own {
            if ids.contains(&id) {
                faults.push(at(item.line, format!("the id {id:?} stands twice in this lesson")));
            }
            ids.push(id);
        }
        faults.extend(lacks(item).map(|what| at(item.line, what)));
    }
    for page in &lesson.pages {
        let predicts = page.items().any(|item| matches!(item.kind, Kind::Predict(_)));
        // Where a block could not be read, it may have been the prediction.
        if page.setup.run == super::Start::Held && !predicts && faults.is_empty() {
            let what = "run = \"held\" waits for a prediction, and the page has none";
            faults.push(at(page.line, what.to_owned()));
        }
    }
}

/// What an item lacks by itself.
fn lacks(item: &Item) -> Option<String> {
    if let Some(question) = item.question() {
        let (choices, bands) = (question.choices.len(), question.bands.len());
        if choices != bands {
            return Some(format!("{choices} choices need as many bands (found {bands})"));
        }
        if choices == 1 || choices > 4 {
            return Some(format!("two to four choices, or none (found {choices})"));
        }
        if question.bands.iter().any(|[low, high]| low >= high) {
            return Some("a band is [from, to], the smaller first".to_owned());
        }
    }
    let what = match &item.kind {
        Kind::Goal(goal) if goal.hints.len() != 3 => {
            return Some(format!("a goal has three hints (found {})", goal.hints.len()));
        }
        Kind::Goal(goal) if goal.when.is_empty() || goal.solution.is_empty() => {
            "a goal has conditions (when) and a solution"
        }
        Kind::Claim(claim) if claim.measure.is_of_time() => {
            "a claim does not rest on time: machines differ"
        }
        Kind::Claim(claim) if !(1..=2).contains(&claim.arms.len()) => "a claim has one or two arms",
        Kind::Claim(claim) if claim.expect == crate::train::measure::Range::default() => {
            "expect is { above = … } or { below = … } or both"
        }
        Kind::Predict(predict) if predict.arms.len() > 2 => "a prediction has two arms at most",
        Kind::Race(race) if race.arms.len() < 2 || (race.combinations && race.arms.len() > 2) => {
            "a race has two arms or more; combinations need two"
        }
        _ => return None,
    };
    Some(what.to_owned())
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
        let both = FILE.replace("first_loss", "first").replace("```claim", "```clam");
        let faults = parse_whole("x.md", &both).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [25, 41]);
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
