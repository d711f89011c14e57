//! ONNX NonMaxSuppression-10,11.

use super::{Evaluate, Inputs, refused};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{Tensor, Value};

/// `(boxes[N, B, 4], scores[N, C, B], most, overlap, score)`: for each image and class, boxes by
/// falling score, each of which overlaps none before it by more than `overlap`, at most `most` of
/// them, none that scores `score` or less: `i64[count, 3]` of image, class and box. The overlap of
/// two boxes is their intersection over their union.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonMaxSuppression {
    /// Is a box its center, width and height, or two opposite corners `y, x`?
    pub is_centered: bool,
    /// Is there a least score?
    pub has_least_score: bool,
}

impl Evaluate for NonMaxSuppression {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let (boxes, scores) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let (&[images, count, 4], &[same_images, classes, same_count]) =
            (boxes.shape(), scores.shape())
        else {
            let found = format!("{:?} and {:?}", boxes.shape(), scores.shape());
            return Err(refused("boxes and scores", found, "[N, B, 4] and [N, C, B]"));
        };
        if (images, count) != (same_images, same_count) {
            let found = format!("{:?} and {:?}", boxes.shape(), scores.shape());
            return Err(refused("boxes and scores", found, "of as many boxes"));
        }
        let (all, scores) = (inputs.floats(0)?, inputs.floats(1)?);
        let number = |x: Vec<f64>| x.first().copied().unwrap_or(0.0);
        let most = inputs.integers(2)?.first().copied().unwrap_or(0).max(0);
        let (overlap, least) = (number(inputs.floats(3)?), number(inputs.floats(4)?));
        let mut made: Vec<i64> = Vec::new();
        // Without a box, classes are not counted up in vain.
        let (images, classes) = if count == 0 { (0, 0) } else { (images, classes) };
        for image in 0..images {
            let corners = |at: usize| self.corners(&all[(image * count + at) * 4..][..4]);
            let areas: Vec<Area> = (0..count).map(corners).collect();
            for class in 0..classes {
                let scores = &scores[(image * classes + class) * count..][..count];
                let is_candidate = |at: &usize| !self.has_least_score || scores[*at] > least;
                let mut candidates: Vec<usize> = (0..count).filter(is_candidate).collect();
                candidates.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
                let mut kept: Vec<usize> = Vec::new();
                for at in candidates {
                    if kept.len() as i64 >= most {
                        break;
                    }
                    if kept.iter().all(|&other| areas[other].overlap(&areas[at]) <= overlap) {
                        kept.push(at);
                        made.extend([image as i64, class as i64, at as i64]);
                    }
                }
            }
        }
        Ok(vec![Tensor::from_slice(&[made.len() / 3, 3], &made)?.into()])
    }
}

/// A rectangle: the lower corner and the upper one.
struct Area {
    low: [f64; 2],
    high: [f64; 2],
}

impl NonMaxSuppression {
    fn corners(&self, x: &[f64]) -> Area {
        let (a, b) = if self.is_centered {
            ([x[0] - x[2] / 2.0, x[1] - x[3] / 2.0], [x[0] + x[2] / 2.0, x[1] + x[3] / 2.0])
        } else {
            ([x[0], x[1]], [x[2], x[3]])
        };
        let (low, high) = ([a[0].min(b[0]), a[1].min(b[1])], [a[0].max(b[0]), a[1].max(b[1])]);
        Area { low, high }
    }
}

impl Area {
    fn size(&self) -> f64 {
        (self.high[0] - self.low[0]) * (self.high[1] - self.low[1])
    }

    /// Intersection over union; 0 where a rectangle has no area.
    fn overlap(&self, other: &Area) -> f64 {
        let side =
            |i: usize| (self.high[i].min(other.high[i]) - self.low[i].max(other.low[i])).max(0.0);
        let shared = side(0) * side(1);
        let union = self.size() + other.size() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }
}
