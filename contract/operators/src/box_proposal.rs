//! MXNet `_contrib_Proposal` and `_contrib_MultiProposal`.

use crate::boxes::{Rectangle, by_score, kept};
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_rank, require_type, same_size};
use tensor::{Dim, View, ViewMut};

/// `(probabilities[N, 2 A, H, W], moves[N, 4 A, H, W], images[N, 3])`: where something may be, as
/// `[N count, 5]` rows of image, left, top, right, bottom, those that score highest first, and
/// their scores `[N count, 1]`. The second half of the probabilities are the scores. Of an image
/// its height, its width and its scale are given. Where there are too few boxes they repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoxProposal {
    /// How many boxes of an image are looked at, those that score highest; 0 for all.
    pub candidates: usize,
    /// How many boxes are made of an image.
    pub count: usize,
    /// The overlap above which the lower score goes.
    pub overlap: f32,
    /// Boxes with a side that is shorter, times the scale of the image, score -1.
    pub least_side: f32,
    /// Sides of anchors over the stride.
    pub scales: Vec<f32>,
    /// Heights of anchors over their widths.
    pub ratios: Vec<f32>,
    /// How far anchors lie apart.
    pub stride: usize,
    /// Are moves those of the corners, or of the center and the logarithms of the sides?
    pub moves_corners: bool,
}

/// A side is one element longer than its ends are apart.
const BORDER: f32 = 1.0;

impl Compute for BoxProposal {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [scores, moves, images] = exactly(inputs, "3")?;
        for (input, (fact, rank)) in [(scores, 4), (moves, 4), (images, 2)].into_iter().enumerate()
        {
            require_type(input, fact, |d| d == scores.dtype && d.is_float(), "floats of one type")?;
            require_rank(input, fact, rank)?;
        }
        let anchors = self.scales.len().checked_mul(self.ratios.len());
        let anchors = anchors.filter(|count| (1..1 << 16).contains(count) && self.count > 0);
        let Some(anchors) = anchors else {
            let (found, expected) =
                (format!("{self:?}"), "a box and an anchor at least".to_string());
            return Err(RuleError::Parameter { what: "the proposals", found, expected });
        };
        let batch = &scores.shape[0];
        same_size("the probabilities", &Dim::from(anchors * 2), &scores.shape[1])?;
        same_size("the moves", &Dim::from(anchors * 4), &moves.shape[1])?;
        for axis in [0, 2, 3] {
            same_size("the moves", &scores.shape[axis], &moves.shape[axis])?;
        }
        same_size("the images", batch, &images.shape[0])?;
        same_size("the numbers of an image", &Dim::from(3), &images.shape[1])?;
        let rows = batch.clone() * Dim::from(self.count);
        let made = |width: usize| Fact {
            dtype: scores.dtype,
            shape: vec![rows.clone(), Dim::from(width)],
        };
        Ok(vec![made(5), made(1)])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let read = |input: usize| -> Vec<f32> {
            numbers::read_floats(&inputs[input]).into_iter().map(|x| x as f32).collect()
        };
        let (scores, moves, images) = (read(0), read(1), read(2));
        let [rows, columns] = [2, 3].map(|axis| inputs[0].shape[axis]);
        let anchors = self.anchors();
        let own = anchors.len() * rows * columns;
        if own == 0 {
            let (found, expected) = (format!("{rows} x {columns}"), "an element".to_string());
            return Err(ComputeError::Element { what: "the size of the image", found, expected });
        }
        let (mut boxes, mut all_scores) = (Vec::new(), Vec::new());
        for (number, image) in images.chunks_exact(3).enumerate() {
            let scores = &scores[(2 * number + 1) * own..][..own];
            let moves = &moves[number * 4 * own..][..4 * own];
            let mut found: Vec<(Rectangle, f32)> = Vec::with_capacity(own);
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |c| (row, c))) {
                for (at, anchor) in anchors.iter().enumerate() {
                    let place = |plane: usize| (plane * rows + row) * columns + column;
                    let moves = [0, 1, 2, 3].map(|part| moves[place(4 * at + part)]);
                    let area = self.area(anchor, [row, column], moves, image);
                    let is_outside = row >= self.whole(image[0]) || column >= self.whole(image[1]);
                    let score = if is_outside { -1.0 } else { scores[place(at)] };
                    found.push(self.filtered(area, score, image[2]));
                }
            }
            for (area, score) in self.picked(&found) {
                boxes.extend([number as f64].into_iter().chain(area.0.map(f64::from)));
                all_scores.push(f64::from(score));
            }
        }
        numbers::store_floats(&mut outputs[0], &boxes);
        numbers::store_floats(&mut outputs[1], &all_scores);
        Ok(())
    }
}

impl BoxProposal {
    /// The anchors of the first place, for each ratio those of all scales.
    fn anchors(&self) -> Vec<Rectangle> {
        let side = self.stride as f32;
        let center = (side - 1.0) / 2.0;
        let anchor = |ratio: f32, scale: f32| {
            let width = ((side * side / ratio).floor().sqrt() + 0.5).floor() * scale;
            let height = (width / scale * ratio + 0.5).floor() * scale;
            let (x, y) = ((width - 1.0) / 2.0, (height - 1.0) / 2.0);
            Rectangle([center - x, center - y, center + x, center + y])
        };
        let pairs = self.ratios.iter().flat_map(|r| self.scales.iter().map(move |s| (*r, *s)));
        pairs.map(|(ratio, scale)| anchor(ratio, scale)).collect()
    }

    /// How many whole strides a length has.
    fn whole(&self, length: f32) -> usize {
        (length / self.stride.max(1) as f32) as usize
    }

    /// An anchor at a place, moved, and cut at the borders of the image.
    fn area(
        &self,
        anchor: &Rectangle,
        [row, column]: [usize; 2],
        moves: [f32; 4],
        image: &[f32],
    ) -> Rectangle {
        let (x, y) = ((column * self.stride) as f32, (row * self.stride) as f32);
        let [left, top, right, bottom] = anchor.0;
        let [left, top, right, bottom] = [left + x, top + y, right + x, bottom + y];
        let [a, b, c, d] = moves;
        let moved = if self.moves_corners {
            [left + a, top + b, right + c, bottom + d]
        } else {
            let (width, height) = (right - left + BORDER, bottom - top + BORDER);
            let x = a * width + left + 0.5 * (width - BORDER);
            let y = b * height + top + 0.5 * (height - BORDER);
            let (wide, high) = (c.exp() * width - BORDER, d.exp() * height - BORDER);
            Rectangle::centered([x, y, wide, high]).0
        };
        let last = [image[1] - BORDER, image[0] - BORDER, image[1] - BORDER, image[0] - BORDER];
        Rectangle([0, 1, 2, 3].map(|side| moved[side].min(last[side]).max(0.0)))
    }

    /// A box that is too small, with a border about it and no score.
    fn filtered(&self, area: Rectangle, score: f32, scale: f32) -> (Rectangle, f32) {
        let least = self.least_side * scale;
        let [left, top, right, bottom] = area.0;
        if right - left + BORDER >= least && bottom - top + BORDER >= least {
            return (area, score);
        }
        let half = least / 2.0;
        (Rectangle([left - half, top - half, right + half, bottom + half]), -1.0)
    }

    /// As many boxes as are to be made.
    fn picked(&self, found: &[(Rectangle, f32)]) -> Vec<(Rectangle, f32)> {
        let mut order = by_score(found.len(), |at| found[at].1);
        if self.candidates > 0 {
            order.truncate(self.candidates);
        }
        let found: Vec<(Rectangle, f32)> = order.into_iter().map(|at| found[at]).collect();
        let kept = kept(found.len(), self.count, |a, b| {
            found[a].0.overlap(&found[b].0, BORDER) > self.overlap
        });
        kept.iter().cycle().take(self.count).map(|&at| found[at]).collect()
    }
}
