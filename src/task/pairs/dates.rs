//! Many spellings of a date to one: `February 3rd, 1987` -> `1987-02-03` (ISO 8601).
//!
//! Days stand before months where both are digits. A year of two digits is one of 1950 to 2049, so that every spelling
//! means one date.

use std::fmt::Write as _;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Rule;
use crate::task::line::Line;

const FIRST_YEAR: u16 = 1900;
const LAST_YEAR: u16 = 2099;
/// The years that two digits can mean.
const SHORT_YEARS: std::ops::RangeInclusive<u16> = 1950..=2049;
/// `the twenty-seventh of September 1987`.
const LONGEST_SOURCE: usize = 36;
const LONGEST_TARGET: usize = 10;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ORDINALS: [&str; 20] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
];

/// The spellings of 3 February 1987.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// `1987-02-03`
    Iso,
    /// `3 February 1987`
    DayMonthYear,
    /// `3 Feb 1987`
    DayShortMonthYear,
    /// `3-Feb-87`
    Dashes,
    /// `February 3rd, 1987`
    MonthOrdinal,
    /// `Feb 3, 1987`
    ShortMonthDay,
    /// `3rd of February 1987`
    OrdinalOf,
    /// `the third of February 1987`
    Words,
    /// `03/02/87`
    Slashes,
    /// `3/2/1987`
    LongSlashes,
    /// `03.02.1987`
    Dots,
}

const SPELLINGS: [Spelling; 11] = [
    Spelling::Iso,
    Spelling::DayMonthYear,
    Spelling::DayShortMonthYear,
    Spelling::Dashes,
    Spelling::MonthOrdinal,
    Spelling::ShortMonthDay,
    Spelling::OrdinalOf,
    Spelling::Words,
    Spelling::Slashes,
    Spelling::LongSlashes,
    Spelling::Dots,
];

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: u16,
    /// 1 to 12
    month: u8,
    /// From 1
    day: u8,
}

/// The dates of 1900 to 2099. Year, month, day of the month and spelling are drawn uniformly, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Dates;

fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `st`, `nd`, `rd`, `th`
fn suffix(day: u8) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

impl Spelling {
    /// Whether it says of a date of this year which year it is.
    fn covers(self, year: u16) -> bool {
        !matches!(self, Self::Dashes | Self::Slashes) || SHORT_YEARS.contains(&year)
    }

    fn write(self, date: Date, line: &mut Line) {
        let Date { year, month, day } = date;
        let name = MONTHS[usize::from(month) - 1];
        let short = &name[..3];
        // A line takes every date in every spelling: a test writes them all.
        _ = match self {
            Self::Iso => write!(line, "{year}-{month:02}-{day:02}"),
            Self::DayMonthYear => write!(line, "{day} {name} {year}"),
            Self::DayShortMonthYear => write!(line, "{day} {short} {year}"),
            Self::Dashes => write!(line, "{day}-{short}-{:02}", year % 100),
            Self::MonthOrdinal => write!(line, "{name} {day}{}, {year}", suffix(day)),
            Self::ShortMonthDay => write!(line, "{short} {day}, {year}"),
            Self::OrdinalOf => write!(line, "{day}{} of {name} {year}", suffix(day)),
            Self::Words => {
                let (tens, ordinal) = match day {
                    ..=20 => ("", ORDINALS[usize::from(day) - 1]),
                    30 => ("", "thirtieth"),
                    31 => ("thirty-", ORDINALS[0]),
                    _ => ("twenty-", ORDINALS[usize::from(day) - 21]),
                };
                write!(line, "the {tens}{ordinal} of {name} {year}")
            }
            Self::Slashes => write!(line, "{day:02}/{month:02}/{:02}", year % 100),
            Self::LongSlashes => write!(line, "{day}/{month}/{year}"),
            Self::Dots => write!(line, "{day:02}.{month:02}.{year}"),
        };
    }
}

/// The days of a year.
fn dates_of(year: u16) -> impl Iterator<Item = Date> {
    (1..=12)
        .flat_map(move |month| (1..=days_in(year, month)).map(move |day| Date { year, month, day }))
}

impl Rule for Dates {
    fn draw(&self, rng: &mut ChaCha8Rng, source: &mut Line, target: &mut Line) {
        let year = rng.random_range(FIRST_YEAR..=LAST_YEAR);
        let month = rng.random_range(1..=12);
        let date = Date { year, month, day: rng.random_range(1..=days_in(year, month)) };
        let spelling = loop {
            let spelling = SPELLINGS[rng.random_range(0..SPELLINGS.len())];
            if spelling.covers(year) {
                break spelling;
            }
        };
        spelling.write(date, source);
        Spelling::Iso.write(date, target);
    }

    /// Spells every day of the years that the text may mean until one reads like it.
    fn answer(&self, source: &str) -> Option<String> {
        let years = source.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| {
            let number = digits.parse().ok();
            match digits.len() {
                2 => number.map(|short: u16| if short < 50 { 2000 + short } else { 1900 + short }),
                4 => number.filter(|year| (FIRST_YEAR..=LAST_YEAR).contains(year)),
                _ => None,
            }
        });
        let mut line = Line::new();
        let mut reads = |spelling: Spelling, date| {
            line.clear();
            spelling.write(date, &mut line);
            line.bytes() == source.as_bytes()
        };
        for year in years {
            let spellings = SPELLINGS.iter().filter(|spelling| spelling.covers(year));
            for (spelling, date) in spellings.flat_map(|s| dates_of(year).map(move |d| (*s, d))) {
                if reads(spelling, date) {
                    let mut answer = Line::new();
                    Spelling::Iso.write(date, &mut answer);
                    return String::from_utf8(answer.bytes().to_vec()).ok();
                }
            }
        }
        None
    }

    fn source_characters(&self) -> &'static str {
        " ,-./0123456789ADFJMNOSabcdefghilmnoprstuvwxy"
    }

    fn target_characters(&self) -> &'static str {
        "-0123456789"
    }

    fn longest(&self) -> (usize, usize) {
        (LONGEST_SOURCE, LONGEST_TARGET)
    }

    fn different(&self, length: usize) -> usize {
        let years = FIRST_YEAR..=LAST_YEAR;
        if length == LONGEST_TARGET { years.flat_map(dates_of).count() } else { 0 }
    }

    fn understands(&self) -> String {
        "dates from 1900 to 2099 as `3 Feb 1987`, `February 3rd, 1987`, `the third of February 1987`, `3-Feb-87`, `03.02.1987`, `1987-02-03` or, day before month, `03/02/87`"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn text(spelling: Spelling, date: Date) -> String {
        let mut line = Line::new();
        spelling.write(date, &mut line);
        String::from_utf8(line.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_date_has_many_spellings() {
        let date = Date { year: 1987, month: 2, day: 3 };
        assert_eq!(
            SPELLINGS.map(|s| text(s, date)),
            [
                "1987-02-03",
                "3 February 1987",
                "3 Feb 1987",
                "3-Feb-87",
                "February 3rd, 1987",
                "Feb 3, 1987",
                "3rd of February 1987",
                "the third of February 1987",
                "03/02/87",
                "3/2/1987",
                "03.02.1987"
            ]
        );
        for (day, expected) in
            [(12, "twelfth"), (22, "twenty-second"), (30, "thirtieth"), (31, "thirty-first")]
        {
            let date = Date { year: 2000, month: 1, day };
            assert_eq!(text(Spelling::Words, date), format!("the {expected} of January 2000"));
        }
    }

    /// All 73,049 dates in all spellings: none means two dates, and all of them fit.
    #[test]
    fn every_spelling_means_one_date() {
        let mut meanings = HashMap::new();
        let (mut dates, mut longest) = (0, 0);
        for date in (FIRST_YEAR..=LAST_YEAR).flat_map(dates_of) {
            dates += 1;
            for spelling in SPELLINGS.into_iter().filter(|s| s.covers(date.year)) {
                let text = text(spelling, date);
                longest = longest.max(text.len());
                assert_eq!(*meanings.entry(text).or_insert(date), date);
            }
        }
        assert_eq!((dates, longest), (73_049, LONGEST_SOURCE));
    }

    #[test]
    fn leap_years_have_their_day() {
        let days = |year| dates_of(year).count();
        assert_eq!([1900, 1904, 1999, 2000, 2096].map(days), [365, 366, 365, 366, 366]);
    }

    #[test]
    fn what_a_learner_types_is_understood_or_not() {
        let answer = |text| Dates.answer(text);
        for text in ["3 Feb 1987", "03/02/87", "3-Feb-87", "the third of February 1987"] {
            assert_eq!(answer(text).as_deref(), Some("1987-02-03"), "{text}");
        }
        assert_eq!(answer("31/12/49").as_deref(), Some("2049-12-31"));
        assert_eq!(answer("01/01/50").as_deref(), Some("1950-01-01"));
        for text in ["", "30 Feb 1987", "3 Feb 1887", "3 Feb", "99999999", "33/02/87", "3-Feb-1987"]
        {
            assert_eq!(answer(text), None, "{text}");
        }
    }
}
