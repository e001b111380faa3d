//! A rule with its numbers: all from one snapshot, the result computed from the operands that are shown, and held to what
//! the model itself has.

use super::number::Number;
use super::rule::{Rule, rule};
use super::values::{Values, moments};
use crate::lab::facts::Facts;
use crate::math::{Real, activation};
use crate::model::config::Activation;
use crate::model::sampling::Candidate;

/// A result may be so far from the model's own number, as a share of it: snapshots are f32.
const RELATIVE: f64 = 1e-4;
/// And as a share of all its terms, which may cancel out.
const OF_TERMS: f64 = 1e-6;

/// An operand, or two that are multiplied.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub label: String,
    pub factors: Vec<(Number, f64)>,
    /// What it gives to the result.
    pub gives: Option<f64>,
}

/// Where a number comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivation {
    /// `= q·k / √8`
    pub formula: String,
    /// The same with this cell's numbers: terms of a sum, or a single one.
    pub terms: Vec<String>,
    /// Names of the columns of the rows: of the factors, and of what they give.
    pub heads: Vec<String>,
    pub rows: Vec<Row>,
    /// Computed from the rows' numbers; `None` where there is no equation.
    pub computed: Option<f64>,
    /// What the model itself has there, where it shows it.
    pub own: Option<f64>,
    /// The sum of the sizes of all terms.
    pub size: f64,
}

impl Derivation {
    /// The number: as the model has it, or computed.
    pub fn value(&self) -> Option<f64> {
        self.own.or(self.computed)
    }

    /// Whether the model has the number that the equation gives; `None` where either is missing.
    pub fn agrees(&self) -> Option<bool> {
        let (computed, own) = (self.computed?, self.own?);
        let near = (computed - own).abs() <= RELATIVE * own.abs() + OF_TERMS * self.size;
        Some(near || computed == own || (computed.is_nan() && own.is_nan()))
    }
}

fn bend(kind: Activation, x: f64) -> f64 {
    let (x, mut y) = ([x as Real], [0.0]);
    match kind {
        Activation::Relu => activation::relu(&mut y, &x),
        Activation::Gelu => activation::gelu(&mut y, &x),
        Activation::GeluTanh => activation::gelu_tanh(&mut y, &x),
    }
    #[allow(clippy::unnecessary_cast)]
    (y[0] as f64)
}

/// As many digits as it takes to compute the equation again: `1.8341`, `-4.103e-3`, `-∞`.
pub fn digits(x: f64) -> String {
    match x {
        x if x.is_nan() => "?".to_owned(),
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "-∞".to_owned(),
        0.0 => "0".to_owned(),
        x if x.abs() < 0.01 || x.abs() >= 1e4 => format!("{x:.3e}"),
        x => format!("{x:.4}"),
    }
}

/// Where a number comes from, in numbers; `None` while the snapshot has not all of them.
pub fn derive(facts: &Facts, number: &Number) -> Option<Derivation> {
    let values = Values::new(facts)?;
    let own = values.of(number);
    let found = match rule(facts, number) {
        Rule::Learned => {
            let formula =
                "a parameter: nothing is before it; each step of training moves it".to_owned();
            return Some(Derivation { formula, own: Some(own?), ..empty() });
        }
        Rule::Words(formula) => return Some(Derivation { formula, own, ..empty() }),
        rule => equation(&values, rule)?,
    };
    let found = Derivation { own, ..found };
    if found.agrees() == Some(false) {
        // An equation that does not hold is not shown as one.
        let computed = found.computed.map_or_else(String::new, digits);
        let told = format!(
            "{}: its card has a step here that no formula of single numbers shows: {} would give {computed}.",
            values.card.name, found.formula,
        );
        return Some(Derivation { formula: told, terms: Vec::new(), computed: None, ..found });
    }
    Some(found)
}

fn empty() -> Derivation {
    Derivation {
        formula: String::new(),
        terms: Vec::new(),
        heads: Vec::new(),
        rows: Vec::new(),
        computed: None,
        own: None,
        size: 0.0,
    }
}

fn equation(values: &Values, rule: Rule) -> Option<Derivation> {
    let facts = values.facts;
    let short = |number: &Number| number.short(facts);
    let row = |number: &Number, gives: Option<f64>| {
        let value = values.of(number)?;
        Some(Row { label: number.place(facts), factors: vec![(number.clone(), value)], gives })
    };
    let named =
        |number: &Number, label: &str| Some(Row { label: label.to_owned(), ..row(number, None)? });
    let heads = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Some(match rule {
        Rule::Learned | Rule::Words(_) => return None,
        Rule::Same(of) => {
            let only = named(&of, &short(&of))?;
            let x = only.factors[0].1;
            Derivation {
                formula: format!("= {}", of.title(facts)),
                terms: vec![digits(x)],
                heads: heads(&["value"]),
                rows: vec![only],
                computed: Some(x),
                size: x.abs(),
                ..empty()
            }
        }
        Rule::Sum(all) => {
            let rows: Option<Vec<_>> = all.iter().map(|of| named(of, &short(of))).collect();
            let rows = rows?;
            let x = || rows.iter().map(|row| row.factors[0].1);
            Derivation {
                formula: format!("= {}", all.iter().map(short).collect::<Vec<_>>().join(" + ")),
                terms: x().map(digits).collect(),
                heads: heads(&["value"]),
                computed: Some(x().sum()),
                size: x().map(f64::abs).sum(),
                rows,
                ..empty()
            }
        }
        Rule::Products { pairs, plus } => products(values, &pairs, plus.as_ref())?,
        Rule::Scaled(of, divisor) => {
            let only = named(&of, &short(&of))?;
            let x = only.factors[0].1;
            let by = divisor.map_or(1.0, |n| (n as f64).sqrt());
            let (formula, term) = match divisor {
                Some(n) => {
                    (format!("= {} / √{n}", short(&of)), format!("{} / {}", digits(x), digits(by)))
                }
                None => (format!("= {}, not scaled", short(&of)), digits(x)),
            };
            Derivation {
                formula,
                terms: vec![term],
                heads: heads(&["value"]),
                rows: vec![only],
                computed: Some(x / by),
                size: (x / by).abs(),
                ..empty()
            }
        }
        Rule::Masked { score, hidden } => {
            let only = named(&score, &short(&score))?;
            let x = only.factors[0].1;
            let (formula, computed) = if hidden {
                ("= -∞: the mask hides this key from the query".to_owned(), f64::NEG_INFINITY)
            } else {
                (format!("= {}: the mask lets the query see this key", short(&score)), x)
            };
            Derivation {
                formula,
                terms: vec![digits(computed)],
                heads: heads(&["value"]),
                rows: vec![only],
                computed: Some(computed),
                ..empty()
            }
        }
        Rule::Softmax { row, at } => softmax(values, &row, at)?,
        Rule::Norm { row, at, gain, shift } => norm(values, &row, at, &gain, &shift)?,
        Rule::Bend(of, kind) => {
            let only = named(&of, &short(&of))?;
            let x = only.factors[0].1;
            let name: &'static str = kind.into();
            let (formula, term) = match kind {
                Activation::Relu => {
                    (format!("= max({}, 0)", short(&of)), format!("max({}, 0)", digits(x)))
                }
                _ => (format!("= {name}({})", short(&of)), format!("{name}({})", digits(x))),
            };
            Derivation {
                formula,
                terms: vec![term],
                heads: heads(&["value"]),
                rows: vec![only],
                computed: Some(bend(kind, x)),
                size: x.abs(),
                ..empty()
            }
        }
        Rule::Length(all) => {
            let square = |of: &Number| row(of, values.of(of).map(|x| x * x));
            let rows: Option<Vec<_>> = all.iter().map(square).collect();
            let rows = rows?;
            let sum: f64 = rows.iter().filter_map(|row| row.gives).sum();
            Derivation {
                formula: format!("= √ of the sum of {} squares", rows.len()),
                terms: vec![format!("√{}", digits(sum))],
                heads: heads(&["x", "x²"]),
                rows,
                computed: Some(sum.sqrt()),
                ..empty()
            }
        }
        Rule::Whole(all) => {
            let &Number::Chance { row: at, .. } = all.first()? else { return None };
            whole(values, at)?
        }
        Rule::Drawn { row, token, sampling } => {
            let Number::Activation { at, .. } = row.first()? else { return None };
            let table = values.table(*at.first()?, &sampling)?;
            drawn(values, &row, &table, token, sampling.temperature)?
        }
        Rule::Surprise(of) => {
            let only = named(&of, "p")?;
            let p = only.factors[0].1;
            Derivation {
                formula: "= -ln p: what is averaged over a batch is the loss".to_owned(),
                terms: vec![format!("-ln {}", digits(p))],
                heads: heads(&["value"]),
                rows: vec![only],
                computed: Some(-p.ln()),
                ..empty()
            }
        }
    })
}

/// `= x·W + b`, a term a channel.
fn products(
    values: &Values,
    pairs: &[(Number, Number)],
    plus: Option<&Number>,
) -> Option<Derivation> {
    let facts = values.facts;
    let mut rows = Vec::with_capacity(pairs.len() + 1);
    for (a, b) in pairs {
        let (x, y) = (values.of(a)?, values.of(b)?);
        let factors = vec![(a.clone(), x), (b.clone(), y)];
        rows.push(Row { label: a.place(facts), factors, gives: Some(x * y) });
    }
    let names: Vec<String> = pairs
        .first()
        .map_or_else(Vec::new, |(a, b)| [a, b].map(|number| head(facts, number)).to_vec());
    let mut formula = format!("= Σ {}, {} products", names.join("·"), pairs.len());
    if let Some(bias) = plus {
        let x = values.of(bias)?;
        formula = format!("{formula} + {}", bias.short(facts));
        let label = bias.short(facts);
        rows.insert(0, Row { label, factors: vec![(bias.clone(), x)], gives: Some(x) });
    }
    let term = |row: &Row| match row.factors.as_slice() {
        [(_, x), (_, y)] => format!("{}×{}", digits(*x), digits(*y)),
        [(_, x), ..] => digits(*x),
        [] => String::new(),
    };
    let given = || rows.iter().filter_map(|row| row.gives);
    Some(Derivation {
        formula,
        terms: rows.iter().map(term).collect(),
        heads: names.into_iter().chain(["×".to_owned()]).collect(),
        computed: Some(given().sum()),
        size: given().map(f64::abs).sum(),
        rows,
        ..empty()
    })
}

/// A column's name: without the place in it.
fn head(facts: &Facts, number: &Number) -> String {
    let short = number.short(facts);
    let name = short.split('[').next().unwrap_or_default();
    name.strip_suffix(".weight").unwrap_or(name).to_owned()
}

fn softmax(values: &Values, row: &[Number], at: usize) -> Option<Derivation> {
    let facts = values.facts;
    let x: Option<Vec<f64>> = row.iter().map(|number| values.of(number)).collect();
    let x = x?;
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let power = |x: f64| (x - largest).exp();
    let sum: f64 = x.iter().map(|x| power(*x)).sum();
    let rows = row.iter().zip(&x).map(|(number, &x)| Row {
        label: number.place(facts),
        factors: vec![(number.clone(), x)],
        gives: Some(power(x) / sum),
    });
    let rows: Vec<_> = rows.collect();
    let own = rows.get(at)?.factors[0].1;
    let under = match x.as_slice() {
        [only] => format!("e^{}", digits(*only)),
        [a, .., b] => format!(
            "(e^{} +{} e^{})",
            digits(*a),
            if x.len() > 2 { " … +" } else { "" },
            digits(*b)
        ),
        [] => return None,
    };
    Some(Derivation {
        formula: format!("= softmax of a row of {}: e^x over the sum of all e^x", row.len()),
        terms: vec![format!("e^{} / {under}", digits(own))],
        heads: vec!["x".to_owned(), "share".to_owned()],
        computed: rows[at].gives,
        rows: first(rows, at),
        ..empty()
    })
}

/// The row that it is about before all others, which keep their order.
fn first(mut rows: Vec<Row>, at: usize) -> Vec<Row> {
    rows[..=at].rotate_right(1);
    rows
}

fn norm(
    values: &Values,
    row: &[Number],
    at: usize,
    gain: &Number,
    shift: &Number,
) -> Option<Derivation> {
    let facts = values.facts;
    let x: Option<Vec<f64>> = row.iter().map(|number| values.of(number)).collect();
    let x = x?;
    let (g, b) = (values.of(gain)?, values.of(shift)?);
    let (mean, deviation) = moments(&x);
    let own = *x.get(at)?;
    let rows = row.iter().zip(&x).map(|(number, &x)| Row {
        label: number.place(facts),
        factors: vec![(number.clone(), x)],
        gives: Some((x - mean) / deviation),
    });
    let learned = [(gain, g, "gain"), (shift, b, "shift")].map(|(number, x, label)| Row {
        label: label.to_owned(),
        factors: vec![(number.clone(), x)],
        gives: None,
    });
    let mut rows = first(rows.collect(), at);
    rows.splice(1..1, learned);
    let scaled = (own - mean) / deviation * g;
    Some(Derivation {
        formula: "= (x - mean) / √(variance + 1e-5) × gain + shift, of this row".to_owned(),
        terms: vec![format!(
            "({} - {}) / {} × {} + {}",
            digits(own),
            digits(mean),
            digits(deviation),
            digits(g),
            digits(b)
        )],
        heads: vec!["x".to_owned(), "normed".to_owned()],
        rows,
        computed: Some(scaled + b),
        size: scaled.abs() + b.abs(),
        ..empty()
    })
}

/// All that may come, the likeliest first, after the loss of what does come.
fn whole(values: &Values, at: usize) -> Option<Derivation> {
    let facts = values.facts;
    let table = values.table(at, &facts.sampling)?;
    let cell = |candidate: &Candidate| {
        let number = Number::Chance { row: at, token: candidate.token };
        let label = number.place(facts);
        Row { label, factors: vec![(number, candidate.probability)], gives: None }
    };
    let mut rows: Vec<_> = table.iter().map(cell).collect();
    let (all, sum) = (rows.len(), table.iter().map(|candidate| candidate.probability).sum());
    let terms = table.iter().map(|candidate| digits(candidate.probability)).collect();
    if let Some(number) =
        super::number::came(facts, at).map(|token| Number::Loss { row: at, token })
    {
        let loss = values.of(&number)?;
        rows.insert(
            0,
            Row { label: "loss".to_owned(), factors: vec![(number, loss)], gives: None },
        );
    }
    Some(Derivation {
        formula: format!("= the sum of {all} probabilities"),
        terms,
        heads: vec!["p".to_owned()],
        computed: Some(sum),
        rows,
        ..empty()
    })
}

fn drawn(
    values: &Values,
    row: &[Number],
    table: &[Candidate],
    token: u32,
    temperature: f64,
) -> Option<Derivation> {
    let facts = values.facts;
    let kept: Vec<_> = table.iter().filter(|candidate| candidate.kept).collect();
    let largest = kept.first()?.scaled;
    let power = |scaled: f64| (scaled - largest).exp();
    let sum: f64 = kept.iter().map(|candidate| power(candidate.scaled)).sum();
    let asked = table.iter().find(|candidate| candidate.token == token)?;
    let cell = |candidate: &Candidate| {
        let number = row.get(candidate.token as usize)?.clone();
        let label = number.place(facts);
        let gives = if candidate.kept { power(candidate.scaled) / sum } else { 0.0 };
        Some(Row { label, factors: vec![(number, candidate.logit)], gives: Some(gives) })
    };
    let others = kept.iter().filter(|candidate| candidate.token != token);
    let rows: Option<Vec<_>> =
        std::iter::once(cell(asked)).chain(others.map(|other| cell(other))).collect();
    let over = |x: f64| {
        if temperature == 1.0 { digits(x) } else { format!("({}/{temperature})", digits(x)) }
    };
    let (formula, term) = if !asked.kept {
        ("= 0: temperature 0, top-k or top-p keep it out".to_owned(), "0".to_owned())
    } else if temperature == 0.0 {
        ("= 1: at temperature 0 the largest logit alone is left".to_owned(), "1".to_owned())
    } else {
        let sum = match kept.as_slice() {
            [only] => format!("e^{}", over(only.logit)),
            [a, .., b] => {
                let dots = if kept.len() > 2 { " … +" } else { "" };
                format!("(e^{} +{dots} e^{})", over(a.logit), over(b.logit))
            }
            [] => return None,
        };
        let z = if temperature == 1.0 { "logit" } else { "(logit/temperature)" };
        (
            format!("= e^{z} over the sum of all {} kept", kept.len()),
            format!("e^{} / {sum}", over(asked.logit)),
        )
    };
    let computed = if asked.kept { power(asked.scaled) / sum } else { 0.0 };
    Some(Derivation {
        formula,
        terms: vec![term],
        heads: vec!["logit".to_owned(), "p".to_owned()],
        rows: rows?,
        computed: Some(computed),
        ..empty()
    })
}
