//! The catalogue and the export tell the same story.

use monitor::catalogue::{CATALOGUE, Kind, Row};
use monitor::{Metrics, NO_MODEL, Stage};
use std::collections::BTreeSet;
use std::time::Duration;

/// Metrics of which every handle was used once.
fn used() -> Metrics {
    let metrics = Metrics::new();
    let model = metrics.model_loaded("m", 1, Duration::from_millis(250));
    model.request("rest", 200);
    model.refusal("not_an_image");
    for stage in Stage::ALL {
        model.stage(stage, Duration::from_millis(3));
    }
    model.request_bytes(100);
    model.response_bytes(200);
    model.queued();
    model.dequeued();
    model.job_panic();
    metrics
}

#[test]
fn activity_is_another_number_when_something_was_done() {
    let metrics = used();
    let before = metrics.activity();
    assert_eq!(metrics.activity(), before);
    let guard = metrics.in_flight();
    assert_ne!(metrics.activity(), before);
    drop(guard);
    metrics.no_model().request("rest", 404);
    assert_ne!(metrics.activity(), before);
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
    a.model_loaded("m", 1, Duration::ZERO).request("rest", 200);
    assert!(!b.export().contains("schooner_requests_total{"));
}

#[test]
fn hostile_label_values_stay_inside_their_quotes() {
    let metrics = Metrics::new();
    let model = metrics.model_loaded("a\"b\\c\nd", 1, Duration::ZERO);
    model.request("rest", 200);
    let line = r#"schooner_requests_total{model="a\"b\\c\nd",protocol="rest",status="200"} 1"#;
    assert!(metrics.export().contains(line), "{}", metrics.export());
}

/// Names of models in the export.
fn models(text: &str) -> BTreeSet<&str> {
    let labels = text.lines().filter_map(|line| line.split_once("model=\""));
    labels.filter_map(|(_, rest)| rest.split('"').next()).collect()
}

#[test]
fn what_ended_is_told_once_more() {
    let metrics = Metrics::new();
    let model = metrics.model_loaded("m", 1, Duration::ZERO);
    metrics.model_loaded("m", 2, Duration::ZERO);
    model.request("rest", 200);
    metrics.model_unloaded("m", 1);
    assert!(metrics.export().contains(r#"schooner_model_loaded{model="m",version="1"} 0"#));
    let text = metrics.export();
    assert!(!text.contains(r#"version="1""#), "{text}");
    assert!(text.contains(r#"status="200"} 1"#), "the model goes on: {text}");
    metrics.model_unloaded("m", 2);
    model.request("rest", 200);
    assert!(metrics.export().contains(r#"status="200"} 2"#), "counts until then are told");
    model.request("rest", 400);
    model.refusal("not_an_image");
    model.queued();
    assert_eq!(models(&metrics.export()), BTreeSet::new(), "a late answer brings nothing back");
    assert_eq!(metrics.model("m").name(), NO_MODEL);
}

#[test]
fn what_comes_back_goes_on_counting() {
    let metrics = Metrics::new();
    metrics.model_loaded("m", 1, Duration::ZERO).request("rest", 200);
    metrics.model_unloaded("m", 1);
    metrics.model_loaded("m", 1, Duration::ZERO).request("rest", 200);
    for _ in 0..2 {
        let text = metrics.export();
        assert!(text.contains(r#"status="200"} 2"#), "{text}");
        assert!(text.contains(r#"schooner_model_loaded{model="m",version="1"} 1"#), "{text}");
    }
}

#[test]
fn nobody_s_scrapes_let_series_grow() {
    let metrics = Metrics::new();
    for version in 0..1000 {
        let model = format!("m{}", version % 500);
        metrics.model_loaded(&model, version, Duration::ZERO).request("rest", 200);
        metrics.model_unloaded(&model, version);
    }
    let text = metrics.export();
    assert!(models(&text).len() <= 64, "{text}");
    assert_eq!(models(&metrics.export()), BTreeSet::new());
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
