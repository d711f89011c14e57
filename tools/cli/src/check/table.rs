//! Findings as a table that a person reads.

use super::finding::{Finding, Severity};
use super::{Figures, Triage, Verdict};
use crate::show;
use std::fmt;

impl fmt::Display for Triage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for input in &self.signature.inputs {
            writeln!(f, "input       {input}")?;
        }
        for output in &self.signature.outputs {
            writeln!(f, "output      {output}")?;
        }
        writeln!(f, "recipe      {}", self.recipe)?;
        write!(f, "{}", self.figures)?;
        rows(f, &self.findings)?;
        for comparison in &self.comparisons {
            let verdict = if comparison.agrees { "OK" } else { "NO" };
            writeln!(f, "{verdict} {comparison}")?;
        }
        let refused = self.findings.iter().filter(|f| f.severity == Severity::Refused).count();
        let reasons = if refused == 1 { "reason" } else { "reasons" };
        match self.verdict {
            Verdict::Ok => writeln!(f, "OK {} can be served", self.model),
            Verdict::NotFinite => writeln!(f, "NO {} runs, but not to finite numbers", self.model),
            Verdict::Differs => writeln!(f, "NO {} runs, but differs from reference", self.model),
            Verdict::Refused => {
                writeln!(f, "REFUSED {} cannot be served, for {refused} {reasons}", self.model)
            }
            Verdict::OverBudget => {
                writeln!(f, "REFUSED {} takes more memory than it may", self.model)
            }
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = if self.is_estimate { ", by what is known of it" } else { "" };
        if let Some(steps) = self.steps {
            writeln!(f, "steps       {steps}")?;
        }
        if let Some(macs) = self.macs {
            writeln!(f, "arithmetic  {} multiply-accumulates{about}", show::count(macs))?;
        }
        writeln!(f, "constants   {}{about}", show::bytes(self.constant_bytes))?;
        if let Some(arena) = self.arena_bytes {
            writeln!(f, "arena       {}{about}", show::bytes(arena))?;
        }
        if let Some(load) = self.load_ms {
            writeln!(f, "load        {load:.1} ms")?;
        }
        match self.first_run_ms {
            Some(first) => writeln!(f, "first run   {first:.1} ms"),
            None => Ok(()),
        }
    }
}

/// A line for each finding in columns, and below it what it takes and makes, why, and what to do.
fn rows(f: &mut fmt::Formatter<'_>, findings: &[Finding]) -> fmt::Result {
    let cells: Vec<[String; 3]> = findings.iter().map(cells).collect();
    let mut widths = [0; 3];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for (finding, [severity, place, operator]) in findings.iter().zip(&cells) {
        let [a, b, c] = widths;
        let line = format!("{severity:a$}  {place:b$}  {operator:c$}  {}", share(finding));
        writeln!(f, "{}", line.trim_end())?;
        if !finding.takes.is_empty() || !finding.makes.is_empty() {
            let (takes, makes) = (finding.takes.join(", "), finding.makes.join(", "));
            writeln!(f, "    ({takes}) -> ({makes})")?;
        }
        writeln!(f, "    why  {}\n    fix  {}", finding.text, finding.fix)?;
    }
    Ok(())
}

fn cells(finding: &Finding) -> [String; 3] {
    let severity = match finding.severity {
        Severity::Refused => "REFUSED",
        Severity::No => "NO",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let operator = match &finding.operator {
        Some(operator) => {
            let opset = operator.opset.map_or_else(|| "?".to_string(), |opset| opset.to_string());
            format!("{}.{}-{opset}", operator.domain, operator.op)
        }
        None => String::new(),
    };
    [severity.to_string(), format!("{} `{}`", finding.kind, finding.name), operator]
}

/// The share of the arithmetic; a `?` where a node is refused and does not tell.
fn share(finding: &Finding) -> String {
    match finding.macs_share {
        Some(share) => format!("{:.1} % of the arithmetic", share * 100.0),
        None if finding.severity == Severity::Refused && finding.kind == "node" => {
            "? of the arithmetic".to_string()
        }
        None => String::new(),
    }
}
