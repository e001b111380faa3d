//! One cell of an attention map.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "cell",
    definition: "of one head of one layer, the weight that the position of a row gives to the position of a column, while the model reads the prompt; row_entropy, in nats, says how widely the row spreads its weights, which are the values",
    unit: Unit::Plain,
    measure,
};

/// Values (columns): the row.
///
/// # Errors
/// If there is no such cell.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let map = surprise::map(subject, arguments)?;
    let example = surprise::looked_at(subject, arguments);
    subject.inference.look(subject.weights, &example);
    let wanted = format!("{}.weights", map.name);
    let Arguments { head, row, column, .. } = *arguments;
    let mut found = None;
    subject.inference.visit(&mut |name, shape, values| {
        if name == wanted
            && let [.., rows, columns] = *shape
        {
            let within = row < rows && column < columns;
            let at = (head * rows + row) * columns;
            let row = || values[at..at + columns].iter().map(|p| *p as f32).collect::<Vec<f32>>();
            found = Some((within.then(row), rows, columns));
        }
    });
    let Some((values, rows, columns)) = found else {
        return Err(NotMeasured(format!("{wanted} was not computed")));
    };
    let Some(values) = values else {
        return Err(NotMeasured(format!(
            "the map has {rows} rows and {columns} columns: there is no row {row} with a column {column}, counted from 0"
        )));
    };
    let figures = vec![
        ("weight".to_owned(), f64::from(values[column])),
        ("row_entropy".to_owned(), surprise::entropy(values.iter().map(|p| f64::from(*p)))),
    ];
    Ok(Reading { figures, shape: vec![columns], values })
}

#[cfg(test)]
mod tests {
    use crate::probe::Arguments;
    use crate::probe::testing::Case;

    #[test]
    fn it_is_the_number_that_stands_in_the_map() {
        let case = Case::of("layer-norm");
        let prompt: Vec<u32> = vec![3, 1, 4, 1, 5, 9];
        let (n, layer, head, row, column) = (6, 2, 3, 4, 1);
        let asked =
            Arguments { prompt: prompt.clone(), layer, head, row, column, ..Arguments::default() };
        let found = case.ask("cell", &asked).unwrap();
        let map = case.activation(&prompt, "blocks.2.sa.weights");
        let expected = &map[(head * n + row) * n..][..n];
        let weight = found.figure("weight").unwrap();
        assert!((weight - expected[column] as f64).abs() < 1e-7 && weight > 0.0);
        assert!(
            found.values.iter().zip(expected).all(|(a, b)| (*a as f64 - *b as f64).abs() < 1e-7)
        );
        assert_eq!(found.values[5], 0.0, "the future is hidden");
        let entropy: f64 = expected[..5].iter().map(|p| -(*p as f64) * (*p as f64).ln()).sum();
        assert!((found.figure("row_entropy").unwrap() - entropy).abs() < 1e-6);
        // The first position can look at itself alone.
        let first = Arguments { row: 0, column: 0, ..asked.clone() };
        let found = case.ask("cell", &first).unwrap();
        assert_eq!((found.figure("weight"), found.figure("row_entropy")), (Some(1.0), Some(0.0)));
        for (wrong, why) in [
            (Arguments { layer: 3, ..asked.clone() }, "no layer 3"),
            (Arguments { head: 4, ..asked.clone() }, "no head 4"),
            (Arguments { row: 6, ..asked.clone() }, "6 rows"),
            (Arguments { column: usize::MAX, ..asked }, "6 columns"),
        ] {
            assert!(case.ask("cell", &wrong).unwrap_err().to_string().contains(why));
        }
    }

    #[test]
    fn maps_of_one_head_and_of_two_sequences_have_cells_as_well() {
        for stage in ["memory", "encoder-decoder", "single-head"] {
            let found = Case::of(stage).ask("cell", &Arguments::default()).unwrap();
            assert!((found.values.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{stage}");
        }
        assert!(Case::of("bigram").ask("cell", &Arguments::default()).is_err());
    }
}
