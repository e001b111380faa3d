//! The lesson files, embedded in the binary: front matter in TOML, then Markdown in pages, one `## ` heading each.

pub mod course;
pub mod source;

use serde::Deserialize;

pub use course::course;

/// One lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    pub id: String,
    pub title: String,
    /// The preset it trains.
    pub stage: String,
    /// The names of the panes that it puts on the screen, in the order of their importance: where the screen is small,
    /// the first ones are seen.
    pub panes: Vec<String>,
    /// The hyperparameters that the lesson speaks of; the pane shows these first.
    pub hyperparameters: Vec<String>,
    /// The prompt to start with; empty where the stage does not read one.
    pub prompt: String,
    /// Steps a second to start with, where full speed would be over before it is seen.
    pub pace: Option<u32>,
    pub pages: Vec<Page>,
}

/// One page of a lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub heading: String,
    /// Markdown.
    pub body: String,
}

#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    #[error("lesson {file}: expected front matter between two lines of +++ at its start")]
    NoFrontMatter { file: String },
    #[error("lesson {file}: {source}")]
    FrontMatter { file: String, source: Box<toml::de::Error> },
    #[error(
        "lesson {file}: expected at least one step, a heading like \"## The idea\", after the front matter"
    )]
    NoPages { file: String },
    #[error("lesson {file}: text before the first step (\"## …\"): {text:?}")]
    Preamble { file: String, text: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    id: String,
    title: String,
    stage: String,
    panes: Vec<String>,
    #[serde(default)]
    hyperparameters: Vec<String>,
    #[serde(default)]
    prompt: String,
    pace: Option<u32>,
}

/// Parses a lesson file.
///
/// # Errors
/// If the front matter is missing or has unknown or missing fields, or there is no step.
pub fn parse(file: &str, text: &str) -> Result<Lesson, LessonError> {
    let no_front_matter = || LessonError::NoFrontMatter { file: file.to_owned() };
    let text = text.replace("\r\n", "\n");
    let rest = text.strip_prefix("+++\n").ok_or_else(no_front_matter)?;
    let (front, body) = rest.split_once("\n+++\n").ok_or_else(no_front_matter)?;
    let front: FrontMatter = toml::from_str(front).map_err(|source| LessonError::FrontMatter {
        file: file.to_owned(),
        source: Box::new(source),
    })?;

    let mut pages: Vec<Page> = Vec::new();
    let mut in_code = false;
    for line in body.lines() {
        in_code ^= line.starts_with("```");
        match (line.strip_prefix("## ").filter(|_| !in_code), pages.last_mut()) {
            (Some(heading), _) => {
                pages.push(Page { heading: heading.trim().to_owned(), body: String::new() });
            }
            (None, Some(page)) => {
                page.body.push_str(line);
                page.body.push('\n');
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => {
                return Err(LessonError::Preamble { file: file.to_owned(), text: line.to_owned() });
            }
        }
    }
    if pages.is_empty() {
        return Err(LessonError::NoPages { file: file.to_owned() });
    }
    for page in &mut pages {
        page.body = page.body.trim().to_owned();
    }
    let FrontMatter { id, title, stage, panes, hyperparameters, prompt, pace } = front;
    Ok(Lesson { id, title, stage, panes, hyperparameters, prompt, pace, pages })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"bigram\"\npanes = [\"lesson\", \"loss\"]\nprompt = \"x\"\n+++\n\n\
                        ## One\n\nText.\n\n```text\n## not a heading\n```\n\n## Two\n\nMore.\n";

    #[test]
    fn a_lesson_is_split_at_its_headings() {
        let lesson = parse("a.md", FILE).unwrap();
        assert_eq!(lesson.panes, ["lesson", "loss"]);
        assert_eq!(lesson.pages.len(), 2);
        assert_eq!(lesson.pages[0].heading, "One");
        assert!(lesson.pages[0].body.contains("## not a heading"));
        assert_eq!(lesson.pages[1], Page { heading: "Two".into(), body: "More.".into() });
        assert_eq!(parse("a.md", &FILE.replace('\n', "\r\n")).unwrap(), lesson);
    }

    #[test]
    fn damaged_lessons_are_named_with_the_fault() {
        let error = |text: &str| parse("x.md", text).unwrap_err().to_string();
        assert!(error("no front matter").contains("x.md: expected front matter"));
        assert!(error(&FILE.replace("title", "titel")).contains("titel"));
        assert!(error(&FILE.replace("## One", "One")).contains("before the first step"));
    }
}
