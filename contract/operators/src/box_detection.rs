//! MXNet `_contrib_MultiBoxDetection`.

use crate::boxes::{Rectangle, by_score};
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_rank, require_type, same_size};
use tensor::{Dim, View, ViewMut};

/// `(probabilities[N, C + 1, A], moves[N, 4 A], anchors[1, A, 4])`: what lies in each image as
/// `[N, A, 6]` rows of class, score, left, top, right, bottom, those that score highest first. The
/// first class is that of what is nothing, and classes count from the one behind it. An anchor
/// becomes a box by moving its center and scaling its sides. The class of a box that overlaps one
/// before it becomes -1, and so are all numbers of rows at the end that no box has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoxDetection {
    /// What scores less is nothing.
    pub least_score: f32,
    /// The overlap from which on the lower score goes; where it is not within 0 and 1 nothing goes,
    /// and boxes stay in the order of the anchors.
    pub overlap: f32,
    /// Does a box only suppress those of its own class?
    pub is_by_class: bool,
    /// How many boxes keep their class, those that score highest; nothing for all.
    pub most: Option<usize>,
    /// Are boxes cut at the borders of the image?
    pub is_clipped: bool,
    /// What moves are multiplied by: of the center, and of the logarithms of the sides.
    pub variances: [f32; 4],
}

/// Numbers of a row.
const WIDTH: usize = 6;

impl Compute for BoxDetection {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [scores, moves, anchors] = exactly(inputs, "3")?;
        for (input, (fact, rank)) in [(scores, 3), (moves, 2), (anchors, 3)].into_iter().enumerate()
        {
            require_type(input, fact, |d| d == scores.dtype && d.is_float(), "floats of one type")?;
            require_rank(input, fact, rank)?;
        }
        let count = &scores.shape[2];
        same_size("the batch", &scores.shape[0], &moves.shape[0])?;
        same_size("the moves", &(count.clone() * Dim::from(4)), &moves.shape[1])?;
        same_size("the sets of anchors", &Dim::from(1), &anchors.shape[0])?;
        same_size("the anchors", count, &anchors.shape[1])?;
        same_size("the numbers of a box", &Dim::from(4), &anchors.shape[2])?;
        let shape = vec![scores.shape[0].clone(), count.clone(), Dim::from(WIDTH)];
        Ok(vec![Fact { dtype: scores.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let read = |input: usize| -> Vec<f32> {
            numbers::read_floats(&inputs[input]).into_iter().map(|x| x as f32).collect()
        };
        let (scores, moves, anchors) = (read(0), read(1), read(2));
        let [batch, classes, count] = [0, 1, 2].map(|axis| inputs[0].shape[axis]);
        let mut made = Vec::with_capacity(outputs[0].len());
        for image in 0..batch {
            let scores = &scores[image * classes * count..][..classes * count];
            let moves = &moves[image * count * 4..][..count * 4];
            let found = (0..count).filter_map(|at| {
                let (class, score) = self.class(scores, count, at)?;
                let four = |x: &[f32]| [x[0], x[1], x[2], x[3]];
                let area = self.moved(four(&anchors[at * 4..]), four(&moves[at * 4..]));
                Some(Found { class, score, area })
            });
            let rows = self.suppressed(found.collect());
            let numbers =
                rows.iter().flat_map(|row| [row.class, row.score].into_iter().chain(row.area.0));
            made.extend(numbers.map(f64::from));
            made.resize((image + 1) * count * WIDTH, -1.0);
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

/// What is in a box.
#[derive(Clone, Copy)]
struct Found {
    /// The number of the class, -1 for none.
    class: f32,
    score: f32,
    area: Rectangle,
}

impl BoxDetection {
    /// The class of an anchor, and how it scores; nothing where it is nothing.
    fn class(&self, scores: &[f32], count: usize, at: usize) -> Option<(f32, f32)> {
        let classes = scores.chunks_exact(count).map(|class| class[at]).enumerate().skip(1);
        let (mut best, mut most) = (0, -1.0);
        for (class, score) in classes {
            if score > most {
                (best, most) = (class, score);
            }
        }
        (best > 0 && most >= self.least_score).then(|| ((best - 1) as f32, most))
    }

    fn moved(&self, [left, top, right, bottom]: [f32; 4], moves: [f32; 4]) -> Rectangle {
        let (width, height) = (right - left, bottom - top);
        let [x, y, wide, high] = [0, 1, 2, 3].map(|at| moves[at] * self.variances[at]);
        let (x, y) = (x * width + (left + right) / 2.0, y * height + (top + bottom) / 2.0);
        let area = Rectangle::centered([x, y, wide.exp() * width, high.exp() * height]);
        match self.is_clipped {
            true => Rectangle(area.0.map(|x| x.clamp(0.0, 1.0))),
            false => area,
        }
    }

    /// The boxes in order. Those behind the last one that may keep its class stay where they were.
    fn suppressed(&self, found: Vec<Found>) -> Vec<Found> {
        if !(self.overlap > 0.0 && self.overlap <= 1.0) {
            return found;
        }
        let order = by_score(found.len(), |at| found[at].score);
        let most = self.most.unwrap_or(found.len()).min(found.len());
        let mut rows = found.clone();
        for (row, &at) in rows.iter_mut().zip(&order[..most]) {
            *row = found[at];
        }
        rows[most..].iter_mut().for_each(|row| row.class = -1.0);
        for at in 0..most {
            let own = rows[at];
            if own.class < 0.0 {
                continue;
            }
            for row in &mut rows[at + 1..most] {
                let is_rival = !self.is_by_class || row.class == own.class;
                // Boxes without an area overlap nothing.
                if row.class >= 0.0 && is_rival && own.area.overlap(&row.area, 0.0) >= self.overlap
                {
                    row.class = -1.0;
                }
            }
        }
        rows
    }
}
