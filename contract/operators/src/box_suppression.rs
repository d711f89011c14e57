//! MXNet `_contrib_box_nms`.

use crate::boxes::{Rectangle, by_score, kept};
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{DType, View, ViewMut};

/// What the four numbers of a box are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxForm {
    /// Left, top, right, bottom.
    Corners,
    /// The center, width and height.
    Center,
}

/// `(x[…, B, W])`: rows with a box and its score in them, by falling score, without those that
/// overlap one before them by more than `overlap`; as many rows as there were, of -1 at the end.
///
/// A box whose first number is below 0 stays in the form that it has, as the framework leaves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoxSuppression {
    /// The overlap, intersection over union, above which the lower score goes.
    pub overlap: f32,
    /// Rows that score no more than this go.
    pub least_score: f32,
    /// How many rows are looked at, those that score highest; nothing for all.
    pub most: Option<usize>,
    /// Where in a row the box begins.
    pub place: usize,
    /// Where in a row the score is.
    pub score: usize,
    /// Where in a row the class is, if it has one.
    pub class: Option<usize>,
    /// The class of what is nothing; its rows go.
    pub background: Option<f32>,
    /// Does a box only suppress those of its own class?
    pub is_by_class: bool,
    /// What the boxes are.
    pub form: BoxForm,
    /// What they become.
    pub made: BoxForm,
}

impl Compute for BoxSuppression {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        require_type(0, x, DType::is_float, "floats")?;
        let Some(width) = x.shape.last().filter(|_| x.rank() >= 2) else {
            let (expected, found) = ("at least 2".to_string(), x.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        };
        let ends = [self.place.saturating_add(4), self.score.saturating_add(1)];
        let end = ends.into_iter().chain(self.class.map(|class| class.saturating_add(1)));
        let end = end.max().unwrap_or(0);
        if width.known_size().is_none_or(|width| width < end) {
            let (expected, found) = (format!("at least {end}, a known number"), width.to_string());
            return Err(RuleError::Parameter { what: "the numbers of a row", found, expected });
        }
        Ok(vec![x.clone()])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        // Nothing is looked at: everything stays as it is.
        if self.most == Some(0) {
            outputs[0].bytes.copy_from_slice(inputs[0].bytes);
            return Ok(());
        }
        let shape = inputs[0].shape;
        let (count, width) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let mut x = numbers::read_floats(&inputs[0]);
        for rows in x.chunks_exact_mut(count * width) {
            let picked = self.picked(rows, width);
            let mut made = vec![-1.0; rows.len()];
            for (row, at) in made.chunks_exact_mut(width).zip(picked) {
                row.copy_from_slice(&rows[at * width..][..width]);
                self.convert(&mut row[self.place..self.place + 4]);
            }
            rows.copy_from_slice(&made);
        }
        numbers::store_floats(&mut outputs[0], &x);
        Ok(())
    }
}

impl BoxSuppression {
    /// Which rows stay, in order.
    fn picked(&self, rows: &[f64], width: usize) -> Vec<usize> {
        let number = |at: usize, place: usize| rows[at * width + place] as f32;
        let class = |at: usize| self.class.map(|place| number(at, place));
        let is_thing = |at: usize| class(at).zip(self.background).is_none_or(|(a, b)| a != b);
        let order = by_score(rows.len() / width, |at| number(at, self.score));
        let scores = |&at: &usize| number(at, self.score) > self.least_score && is_thing(at);
        let candidates = order.into_iter().filter(scores).take(self.most.unwrap_or(usize::MAX));
        let candidates: Vec<usize> = candidates.collect();
        let area = |&at: &usize| {
            let numbers = [0, 1, 2, 3].map(|side| number(at, self.place + side));
            match self.form {
                BoxForm::Corners => Rectangle(numbers),
                BoxForm::Center => Rectangle::centered(numbers),
            }
        };
        let areas: Vec<Rectangle> = candidates.iter().map(area).collect();
        let kept = kept(candidates.len(), usize::MAX, |a, b| {
            let is_rival = !self.is_by_class || class(candidates[a]) == class(candidates[b]);
            is_rival && areas[a].overlap(&areas[b], 0.0) > self.overlap
        });
        kept.into_iter().map(|at| candidates[at]).collect()
    }

    fn convert(&self, numbers: &mut [f64]) {
        let &mut [a, b, c, d] = numbers else { return };
        if self.form == self.made || a < 0.0 {
            return;
        }
        numbers.copy_from_slice(&match self.made {
            BoxForm::Center => [(a + c) / 2.0, (b + d) / 2.0, c - a, d - b],
            BoxForm::Corners => [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0],
        });
    }
}
