//! What people read.

use crate::compare::{Comparison, Verdict};
use crate::{Agreement, Difference, Row};
use recipe::Rounding;
use std::fmt;

/// The comparison in a sentence, the first step that differs first.
pub(crate) fn sentence(
    verdict: Verdict,
    steps: &[Row],
    residual: &Difference,
    tolerance: &Difference,
) -> String {
    let left = format!(
        "{:.2} levels of 255 on average, {:.1} at most for 99 of 100 elements",
        residual.mean, residual.most
    );
    let mut guilty = steps.iter().filter(|row| row.agrees == Agreement::No);
    let Some(first) = guilty.next() else {
        return match verdict {
            Verdict::Partly => format!(
                "Every step agrees as far as it can be told, but the tensors do not: {left}, where \
                 decoders and rounding account for {} and {}; the trainer's file may be another \
                 one, or was augmented.",
                tolerance.mean, tolerance.most
            ),
            Verdict::Agrees | Verdict::Differs | Verdict::Unexplained => {
                format!("The recipe does what the trainer did: {left}.")
            }
        };
    };
    let note = first.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
    let mut text = format!(
        "The first step that differs is the {}: the recipe has {}, the trainer had {}{note}.",
        first.step.name(),
        first.recipe,
        first.trainer,
    );
    let others: Vec<&str> = guilty.map(|row| row.step.name()).collect();
    if !others.is_empty() {
        text.push_str(&format!(" The others: {}.", others.join(", ")));
    }
    match verdict {
        Verdict::Partly => text.push_str(&format!(
            " That leaves {left}, which nothing that is known explains: color, contrast or \
             sharpness were changed, or the file is another one."
        )),
        Verdict::Agrees | Verdict::Differs | Verdict::Unexplained => {
            text.push_str(&format!(" With that mended the tensors agree: {left}."));
        }
    }
    text
}

/// When nothing looks like the tensor.
pub(crate) fn unexplained() -> String {
    "Nothing that is known makes this image look like the tensor: it is of another image, or a \
     step was done that is not known (a random crop, a change of color, a padding); compare the \
     same file, without augmentation."
        .to_string()
}

/// A crop of this height and width, if there is one.
pub(crate) fn crop(
    size: Option<(usize, usize)>,
    (down, right): (isize, isize),
    center: Option<(isize, isize)>,
    rounding: Rounding,
) -> String {
    let Some((height, width)) = size else { return "none".to_string() };
    let size = format!("{height}x{width}");
    if (down, right) == (0, 0) {
        return match rounding {
            Rounding::Even => format!("center {size}"),
            Rounding::Down => format!("center {size}, rounded down"),
        };
    }
    if center == Some((-down, -right)) {
        return format!("top left {size}");
    }
    format!("{size}, {down} down and {right} right of the center")
}

fn cells(row: &Row) -> [String; 5] {
    let agrees = match row.agrees {
        Agreement::Yes => "yes",
        Agreement::No => "NO",
        Agreement::Follows => "follows",
    };
    let costs = match (row.before, row.after) {
        (Some(before), Some(after)) => format!(
            "{} (max {}) -> {} (max {})",
            short(before.mean),
            short(before.max),
            short(after.mean),
            short(after.max)
        ),
        (None, Some(_)) => "another shape".to_string(),
        (Some(_) | None, None) => String::new(),
    };
    // In one word, as JSON has it.
    let step = format!("{:?}", row.step).to_lowercase();
    [step, row.recipe.clone(), row.trainer.clone(), agrees.to_string(), costs]
}

fn short(number: f64) -> String {
    if number >= 100.0 { format!("{number:.0}") } else { format!("{number:.3}") }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["step", "recipe", "trainer", "agrees", "difference before -> after mending it"];
        let mut lines = vec![head.map(str::to_string)];
        lines.extend(self.steps.iter().map(cells));
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..4).map(width).collect();
        for line in &lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                text.push_str(&format!("{cell:<width$}  "));
            }
            text.push_str(&line[4]);
            writeln!(f, "{}", text.trim_end())?;
        }
        writeln!(f)?;
        if let Some(difference) = &self.difference {
            let Difference { mean, max, .. } = difference;
            writeln!(f, "difference of the tensors: {mean:.4} on average, {max:.4} at most")?;
        }
        for row in &self.steps {
            if let Some(note) = row.note.as_ref().filter(|_| row.agrees != Agreement::No) {
                writeln!(f, "{}: {note}", row.step.name())?;
            }
        }
        writeln!(f, "{}", self.sentence)?;
        if !self.unsaid.is_empty() {
            writeln!(f, "no recipe says: {}", self.unsaid.join("; "))?;
        }
        Ok(())
    }
}
