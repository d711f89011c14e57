//! The report as a page of one file: no script, nothing loaded from elsewhere.

use super::text::{self, Table};
use super::{Report, picture};
use std::fmt::Write;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}\
table{border-collapse:collapse;margin:1rem 0}\
th,td{padding:.25rem .75rem;text-align:left;border-bottom:1px solid #ddd}\
th{background:#f4f4f4}td:not(:first-child){font-variant-numeric:tabular-nums}\
.claim{padding:.75rem 1rem;background:#eef6ee;border-left:4px solid #3a7d44}\
.refused{background:#fbeeee;border-color:#b33}\
.bar{background:#3565a8;height:.7rem;min-width:1px}\
svg{max-width:100%;height:auto}pre{overflow:auto;background:#f4f4f4;padding:1rem}";

/// Layers of which the page draws a bar.
const BARS: usize = 20;

/// The page.
pub fn page(report: &Report) -> String {
    let title = format!("{} compressed", report.model);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style><h1>{0}</h1>\n",
        escaped(&title)
    );
    let class = if report.refusal.is_some() { "claim refused" } else { "claim" };
    let _ = writeln!(page, "<p class=\"{class}\">{}</p>", escaped(&text::claim(report)));
    if let Some(refusal) = &report.refusal {
        let _ = writeln!(page, "<p class=\"claim refused\">Refused: {}</p>", escaped(refusal));
    }
    table(&mut page, "Before and after", &text::changes(report));
    table(&mut page, "Size, latency and drop", &text::candidates(report));
    let _ = writeln!(page, "{}", picture::svg(report));
    bars(&mut page, report);
    table(&mut page, "Layers, the guiltiest first", &text::layers(report, usize::MAX));
    for said in [text::pruned(report), text::slow(report)].into_iter().flatten() {
        let _ = writeln!(page, "<p>{}</p>", escaped(&said));
    }
    let certificate = serde_json::to_string_pretty(&report.certificate).unwrap_or_default();
    let _ = writeln!(page, "<h2>Certificate</h2><pre>{}</pre></html>", escaped(&certificate));
    page
}

fn table(page: &mut String, title: &str, table: &Table) {
    let _ = writeln!(page, "<h2>{}</h2><table>", escaped(title));
    for (at, row) in table.iter().enumerate() {
        let tag = if at == 0 { "th" } else { "td" };
        let cells = row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
        let _ = writeln!(page, "<tr>{}</tr>", cells.collect::<String>());
    }
    let _ = writeln!(page, "</table>");
}

/// How much each layer relieves when it alone is put back.
fn bars(page: &mut String, report: &Report) {
    let most = report.layers.iter().map(|layer| layer.relief).fold(0.0, f64::max);
    let guilty = report.layers.iter().take(BARS).filter(|layer| layer.relief > 0.0);
    let _ = writeln!(page, "<h2>Relief by layer</h2><table>");
    for layer in guilty {
        let share = 100.0 * layer.relief / most;
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td style=\"width:60%\"><div class=\"bar\" style=\"width:{share:.1}%\">\
             </div></td><td>{}</td></tr>",
            escaped(&layer.layer),
            escaped(&layer.done())
        );
    }
    let _ = writeln!(page, "</table>");
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
