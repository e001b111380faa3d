//! `bench`: what it prints of training steps and of generation.

use serde_json::Value;

use crate::lab::{Lab, contains_all, number};

fn keys(row: &Value) -> Vec<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn generation_has_a_line_for_each_stage() {
    let lab = Lab::new();
    let stages = ["bigram", "single-head", "layer-norm"];
    let (bench, names) =
        (["bench", "--generation", "--data", "play.txt", "--seconds", "0.1"], stages.join(","));
    let bench = [&bench[..], &["--stage", &names]].concat();
    let rows = lab.json(&[&bench[..], &["--json"]].concat());
    assert_eq!(rows.iter().map(|row| row["stage"].as_str().unwrap()).collect::<Vec<_>>(), stages);
    for row in &rows {
        assert_eq!(
            keys(row),
            [
                "stage",
                "cached_per_second",
                "recomputed_per_second",
                "parameters",
                "bytes_per_character",
                "bound_per_second"
            ]
        );
        assert!(number(row, "recomputed_per_second") > 0.0, "{row}");
        assert!(number(row, "bytes_per_character") <= 4.0 * number(row, "parameters"), "{row}");
    }
    // A row of a table against eight rows through three blocks.
    let layer_norm = &rows[2];
    assert!(number(layer_norm, "cached_per_second") > number(layer_norm, "recomputed_per_second"));
    assert!(number(&rows[0], "cached_per_second") > number(layer_norm, "cached_per_second"));
    assert!(rows[0]["bound_per_second"].is_null(), "picking a row multiplies nothing");
    // V = 60, C = 32: all weights but the two tables, of which a row each.
    let tables = (60 + 8) * 32;
    let parameters = layer_norm["parameters"].as_u64().unwrap();
    assert_eq!(layer_norm["bytes_per_character"], 4 * (parameters - tables + 2 * 32));
    let table = lab.out(&bench);
    contains_all(table.lines().next().unwrap(), &["stage", "cached/s", "past window/s"]);
    assert_eq!(table.lines().count(), 1 + stages.len());
}

#[test]
fn generation_runs_on_one_core_and_needs_a_window_of_text() {
    let lab = Lab::new();
    let line = lab.error(&["bench", "--generation", "--threads", "2", "--data", "play.txt"]);
    contains_all(&line, &["--generation", "--threads"]);
    lab.write("short.txt", "abcde fgh\n".repeat(20).as_bytes());
    let colab = ["bench", "--generation", "--stage", "colab", "--json", "--data", "short.txt"];
    contains_all(&lab.error(&colab), &["too short", "block_size 32"]);
    let stage = lab.error(&["bench", "--generation", "--stage", "bogus", "--data", "play.txt"]);
    contains_all(&stage, &["bogus", "layer-norm"]);
}

#[test]
fn a_step_too_small_to_share_says_on_how_many_threads_it_ran() {
    let lab = Lab::new();
    let bench = ["bench", "--data", "play.txt", "--seconds", "0.02", "--threads", "2"];
    let rows = lab.json(&[&bench[..], &["--stage", "bigram,multi-head", "--json"]].concat());
    let threads: Vec<_> = rows.iter().map(|row| (&row["threads"], &row["shards"])).collect();
    assert_eq!(threads, [(&2.into(), &1.into()), (&2.into(), &2.into())]);
    for row in &rows {
        assert!(number(row, "bytes") > 40.0 * number(row, "parameters"), "{row}");
        assert!(number(row, "read_gb_per_second") > 0.1, "{row}");
    }
    let table = lab.out(&[&bench[..], &["--stage", "bigram"]].concat());
    let mut lines = table.lines();
    contains_all(lines.next().unwrap(), &["matrix products by "]);
    contains_all(lines.nth(1).unwrap(), &["bigram", "1 of 2"]);
}

#[test]
fn products_are_timed_by_tiles_and_by_what_blas_there_is() {
    let lab = Lab::new();
    let bench = ["bench", "--products", "--threads", "1", "--seconds", "0.001"];
    let rows = lab.json(&[&bench[..], &["--json"]].concat());
    let kinds: std::collections::BTreeSet<_> =
        rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(Vec::from_iter(kinds), ["bias", "dw", "dx", "forward", "scores", "values"]);
    let shape = |row: &Value| ["rows", "k", "n"].map(|side| row[side].as_u64().unwrap());
    assert!(rows.iter().any(|row| row["kind"] == "dw" && shape(row) == [512, 384, 1536]));
    for row in &rows {
        assert!(number(row, "peak_gflops") > 0.0, "{row}");
        assert!(number(&row["tiles"], "gflops") > 0.0, "{row}");
        assert!(number(&row["tiles"], "cold_gflops") > 0.0, "{row}");
        assert_eq!(row["blas"].is_null(), !cfg!(feature = "blas"), "{row}");
        assert!(["tiles", "BLAS"].contains(&row["used"].as_str().unwrap()), "{row}");
    }
    for with in ["--generation", "--stage=bigram", "--data=play.txt"] {
        contains_all(&lab.error(&["bench", "--products", with]), &["--products"]);
    }
}

#[test]
fn only_quality_takes_several_times() {
    let lab = Lab::new();
    let several = ["bench", "--stage", "bigram", "--seconds", "1,2"];
    contains_all(&lab.error(&several), &["--seconds", "--quality"]);
    contains_all(&lab.error(&["bench", "--quality", "--seconds", "1,0"]), &["above 0", "found 0"]);
    contains_all(&lab.error(&["bench", "--quality", "--products"]), &["--quality", "--products"]);
}
