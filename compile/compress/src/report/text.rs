//! The report as lines of text, which the page shows too.

use super::{Change, LayerReport, Report};
use crate::Channels;
use crate::gate::Verdict;
use crate::search::Slow;
use std::fmt;

/// Layers that the text names; the page and JSON have all.
const LAYERS_SHOWN: usize = 12;

/// What a table says, row by row; the first row is its head.
pub(super) type Table = Vec<Vec<String>>;

/// `-0.12 points`, of a share.
pub(super) fn points(share: f64) -> String {
    format!("{:+.2} points", share * 100.0)
}

/// The figures before and after.
pub(super) fn changes(report: &Report) -> Table {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let signed = |share: f64| format!("{:+.1} %", share * 100.0);
    let row = |what: &str, change: &Change, show: &dyn Fn(f64) -> String, said: String| {
        vec![what.to_string(), show(change.before), show(change.after), said]
    };
    let rate = |change: &Change| format!("compression rate {}", percent(change.rate));
    let gain = |change: &Change| format!("performance gain {}", signed(change.gain));
    let mut rows = vec![["", "original", "compressed", ""].map(str::to_string).to_vec()];
    if let Some(disk) = &report.disk_bytes {
        rows.push(row("size on disk", disk, &bytes, rate(disk)));
    }
    let Report { memory_bytes, latency_ms, throughput, accuracy, .. } = report;
    rows.push(row("size in memory", memory_bytes, &bytes, rate(memory_bytes)));
    let ms = |ms: f64| format!("{ms:.3} ms");
    let latency = format!("latency on {}", report.certificate.target);
    rows.push(row(&latency, latency_ms, &ms, gain(latency_ms)));
    let rate = |rate: f64| format!("{rate:.1} /s");
    rows.push(row("throughput", throughput, &rate, gain(throughput)));
    let measure = report.certificate.measure.to_string();
    let share = |share: f64| format!("{:.2} %", share * 100.0);
    let lost = points(accuracy.after - accuracy.before);
    let said = format!("performance gain {} ({lost})", signed(accuracy.gain));
    rows.push(row(&measure, accuracy, &share, said));
    rows
}

/// What the gate says.
pub(super) fn claim(report: &Report) -> String {
    let c = &report.certificate;
    let (budget, confidence) = (c.budget, c.confidence * 100.0);
    let bound = c.verdict.bound() * 100.0;
    let pairs = &c.pairs;
    let counted = format!(
        "{} samples, {} lost, {} gained; the true drop of {} is at most {bound:.3} points",
        pairs.samples, pairs.lost, pairs.gained, c.measure
    );
    let verdict = match c.verdict {
        Verdict::Ship { .. } => format!("inside the budget of {budget}"),
        Verdict::NotEnough { needed, .. } => {
            format!("not enough data for a budget of {budget}: need {needed}")
        }
        Verdict::Refuse { .. } => format!("not inside the budget of {budget}"),
    };
    format!("{counted}, with {confidence} % confidence over {} tests: {verdict}", c.tests)
}

/// The layers, the guiltiest first.
pub(super) fn layers(report: &Report, most: usize) -> Table {
    let head = ["layer", "operator", "range", "arithmetic", "alone", "relief", "agreement", "done"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    rows.extend(report.layers.iter().take(most).map(|layer| {
        let LayerReport { range, macs_share, alone, relief, .. } = layer;
        let range = range.map_or("-".to_string(), |r| format!("{:.3} … {:.3}", r.low, r.high));
        vec![
            layer.layer.clone(),
            layer.op.clone(),
            range,
            format!("{:.1} %", macs_share * 100.0),
            format!("{:.2e}", alone.divergence),
            format!("{relief:+.2e}"),
            format!("{:.1} %", alone.agreement * 100.0),
            layer.done(),
        ]
    }));
    rows
}

/// Layers that are no gain, in one sentence; nothing when there is none.
pub(super) fn slow(report: &Report) -> Option<String> {
    let each = report.slow_layers.iter().map(|Slow { layer, before_ms, after_ms }| {
        format!("{layer} ({before_ms:.3} ms, compressed {after_ms:.3} ms)")
    });
    let all = each.collect::<Vec<_>>().join(", ");
    (!all.is_empty()).then(|| format!("left as they were, being slower compressed: {all}"))
}

/// What is gone from the model, in a sentence; nothing when nothing was to go.
pub(super) fn pruned(report: &Report) -> Option<String> {
    let count = |of: &dyn Fn(&Channels) -> usize| report.channels.iter().map(of).sum::<usize>();
    let (before, after) = (count(&|layer| layer.before), count(&|layer| layer.after));
    let channels = (before > 0).then(|| format!("channels left: {after} of {before}"));
    let most = report.zeros.values().fold(0.0, |most: f64, &share| most.max(share));
    let layers = report.zeros.values().filter(|&&share| share > 0.0).count();
    let zeros = (!report.zeros.is_empty()).then(|| {
        format!("zeros among the weights of {layers} layers, up to {:.1} %", most * 100.0)
    });
    let said: Vec<String> = channels.into_iter().chain(zeros).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// The models that were measured.
pub(super) fn candidates(report: &Report) -> Table {
    let head = ["model", "weights", "latency", "drop", "gate", "unbeaten", ""];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    rows.extend(report.candidates.iter().zip(&report.front).map(|(candidate, is_unbeaten)| {
        vec![
            candidate.name.clone(),
            bytes(candidate.bytes as f64),
            format!("{:.3} ms", candidate.latency_ms),
            points(candidate.drop),
            if candidate.has_passed { "passed" } else { "not passed" }.to_string(),
            if *is_unbeaten { "yes" } else { "no" }.to_string(),
            if candidate.is_chosen { "chosen" } else { "" }.to_string(),
        ]
    }));
    rows
}

/// Powers of ten, as disks are sold.
pub(super) fn bytes(count: f64) -> String {
    match count {
        count if count >= 1e9 => format!("{:.2} GB", count / 1e9),
        count if count >= 1e6 => format!("{:.2} MB", count / 1e6),
        count if count >= 1e3 => format!("{:.1} kB", count / 1e3),
        count => format!("{count:.0} B"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        aligned(f, &changes(self))?;
        writeln!(f, "\n{}\n", claim(self))?;
        if !self.layers.is_empty() {
            aligned(f, &layers(self, LAYERS_SHOWN))?;
        }
        let more = self.layers.len().saturating_sub(LAYERS_SHOWN);
        if more > 0 {
            writeln!(f, "… and {more} layers more")?;
        }
        for said in [pruned(self), slow(self)].into_iter().flatten() {
            writeln!(f, "{said}")?;
        }
        writeln!(f)?;
        aligned(f, &candidates(self))?;
        match &self.refusal {
            Some(refusal) => writeln!(f, "\nrefused: {refusal}"),
            None => Ok(()),
        }
    }
}

fn aligned(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in table {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
