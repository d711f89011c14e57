//! ONNX MaxRoiPool-1,22.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_rank, require_type, same_size};
use tensor::{DType, Dim, View, ViewMut};

/// `(x[N, C, H, W], boxes[R, 5])`: for each box, an image and `left, top, right, bottom`, the
/// largest elements of its parts as `[R, C, height, width]`. The ends of a box are brought to whole
/// elements and belong to it. A part that lies outside of the image is 0, and so are all parts of
/// a box of an image below 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoiPool {
    /// Rows and columns of the result.
    pub size: [usize; 2],
    /// What the coordinates of the boxes are multiplied by.
    pub scale: f32,
}

impl Compute for RoiPool {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x, boxes] = exactly(inputs, "2")?;
        require_type(0, x, DType::is_float, "floats")?;
        require_type(1, boxes, |d| d == x.dtype, x.dtype.name())?;
        for (input, rank) in [4, 2].into_iter().enumerate() {
            require_rank(input, &inputs[input], rank)?;
        }
        same_size("the numbers of a box", &Dim::from(5), &boxes.shape[1])?;
        let [height, width] = self.size.map(Dim::from);
        let shape = vec![boxes.shape[0].clone(), x.shape[1].clone(), height, width];
        Ok(vec![Fact { dtype: x.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (x, boxes) = (numbers::read_floats(&inputs[0]), numbers::read_floats(&inputs[1]));
        let [batch, channels, rows, columns] = [0, 1, 2, 3].map(|axis| inputs[0].shape[axis]);
        let plane = rows * columns;
        let mut made = Vec::with_capacity(outputs[0].len());
        for region in boxes.chunks_exact(5) {
            if region[0] < 0.0 {
                made.resize(made.len() + channels * self.size[0] * self.size[1], 0.0);
                continue;
            }
            let image = crate::place(region[0] as i128, batch)?;
            let down = self.parts([region[2], region[4]], self.size[0], rows);
            let across = self.parts([region[1], region[3]], self.size[1], columns);
            for channel in image * channels..(image + 1) * channels {
                let elements = x.get(channel * plane..(channel + 1) * plane).unwrap_or(&[]);
                for (down, across) in down.iter().flat_map(|d| across.iter().map(move |a| (d, a))) {
                    let line = |row: usize| &elements[row * columns..][across[0]..across[1]];
                    let all = (down[0]..down[1]).flat_map(line).copied();
                    made.push(all.reduce(f64::max).unwrap_or(0.0));
                }
            }
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }
}

impl RoiPool {
    /// Where each of the parts of a box begins and ends on an axis, within the image.
    fn parts(&self, ends: [f64; 2], count: usize, size: usize) -> Vec<[usize; 2]> {
        let [begin, end] = ends.map(|x| (x as f32 * self.scale).round());
        let part = (end - begin + 1.0).max(1.0) / count as f32;
        let inside = |place: f32| (place + begin).clamp(0.0, size as f32) as usize;
        let range = |at: usize| {
            let (first, last) = ((at as f32 * part).floor(), ((at + 1) as f32 * part).ceil());
            let first = inside(first);
            [first, inside(last).max(first)]
        };
        (0..count).map(range).collect()
    }
}
