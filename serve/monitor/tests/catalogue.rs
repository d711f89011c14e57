//! The catalogue and the export tell the same story.

use monitor::catalogue::{CATALOGUE, Kind, Row};
use monitor::{Metrics, Stage};
use std::collections::BTreeSet;
use std::time::Duration;

/// Metrics of which every handle was used once.
fn used() -> Metrics {
    let metrics = Metrics::new();
    metrics.request("m", "rest", 200);
    metrics.refusal("m", "not_an_image");
    for stage in Stage::ALL {
        metrics.stage("m", stage, Duration::from_millis(3));
    }
    metrics.request_bytes("m", 100);
    metrics.response_bytes("m", 200);
    metrics.queued("m");
    metrics.dequeued("m");
    metrics.job_panic("m");
    metrics.model_loaded("m", 1, Duration::from_millis(250));
    metrics
}

#[test]
fn the_export_has_exactly_the_rows_of_the_catalogue() {
    let text = used().export();
    let exported: BTreeSet<(String, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let suffix = if kind == "counter" { "_total" } else { "" };
            (format!("{name}{suffix}"), kind.to_string())
        })
        .collect();
    let expected: BTreeSet<(String, String)> =
        CATALOGUE.iter().map(|r| (r.name.to_string(), r.kind.name().to_string())).collect();
    assert_eq!(exported, expected);
}

#[test]
fn every_sample_has_exactly_the_labels_of_its_row() {
    for line in used().export().lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let row = row_of(name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        let found: Vec<&str> = labels
            .trim_end_matches('}')
            .split(',')
            .filter_map(|pair| pair.split_once('=').map(|(label, _)| label))
            .filter(|&label| label != "le")
            .collect();
        assert_eq!(found, row.labels, "{line}");
    }
}

#[test]
fn help_is_the_catalogue_s() {
    let text = used().export();
    for row in CATALOGUE {
        let name = row.name.trim_end_matches("_total");
        assert!(text.contains(&format!("# HELP {name} {}", row.help)), "{name}");
        assert!(!row.why.is_empty(), "{name} lacks a reason to exist");
    }
}

#[test]
fn a_guard_counts_while_it_lives() {
    let metrics = Metrics::new();
    let guards = [metrics.in_flight(), metrics.in_flight()];
    assert!(metrics.export().contains("schooner_requests_in_flight 2\n"));
    drop(guards);
    assert!(metrics.export().contains("schooner_requests_in_flight 0\n"));
}

#[test]
fn two_servers_count_for_themselves() {
    let (a, b) = (Metrics::new(), Metrics::new());
    a.request("m", "rest", 200);
    assert!(!b.export().contains("schooner_requests_total{"));
}

#[test]
fn hostile_label_values_stay_inside_their_quotes() {
    let metrics = Metrics::new();
    metrics.request("a\"b\\c\nd", "rest", 200);
    let line = r#"schooner_requests_total{model="a\"b\\c\nd",protocol="rest",status="200"} 1"#;
    assert!(metrics.export().contains(line), "{}", metrics.export());
}

/// The row of a sample; histograms append to the name.
fn row_of(sample: &str) -> Option<&'static Row> {
    CATALOGUE.iter().find(|row| match row.kind {
        Kind::Counter | Kind::Gauge => sample == row.name,
        Kind::Histogram => ["_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| sample.strip_suffix(suffix) == Some(row.name)),
    })
}
