//! The trainer's tensor: one image, whatever shape and type it was saved in.

use crate::SkewError;
use crate::orientation::Orientation;
use recipe::Layout;
use tensor::DType;

/// Least side in pixels: below it there is nothing to recognize a step by.
const SIDE_MIN: usize = 8;

/// Greatest side in pixels: the search tries tens of resizes to it.
const SIDE_MAX: usize = 2048;

/// The tensor that a trainer fed to the model for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Trainer {
    pub(crate) layout: Layout,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    /// Was the memory given another shape without its order being changed?
    pub(crate) is_reshaped: bool,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// One plane for each channel, row by row.
    pub(crate) planes: Vec<Vec<f32>>,
}

impl Trainer {
    /// Reads the tensor of one image: with or without a batch axis of 1, channels first or last, or
    /// none. Where both ends could be channels, `preferred` says which are.
    ///
    /// Errors: it is not the tensor of one image, or holds what is no number.
    pub fn new(
        shape: &[usize],
        dtype: DType,
        values: &[f64],
        preferred: Layout,
    ) -> Result<Trainer, SkewError> {
        if matches!(dtype, DType::String | DType::Object | DType::Bool) {
            return Err(SkewError::Type { dtype });
        }
        let (layout, channels, height, width) = read_shape(shape, preferred)?;
        if height.min(width) < SIDE_MIN || height.max(width) > SIDE_MAX {
            return Err(SkewError::Side { min: SIDE_MIN, max: SIDE_MAX, height, width });
        }
        let expected = channels * height * width;
        if values.len() != expected {
            let (shape, found) = (shape.to_vec(), values.len());
            return Err(SkewError::Count { shape, expected, found });
        }
        check_values(values)?;
        let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        let planes = planes(&values, layout, channels);
        let shape = shape.to_vec();
        Ok(Trainer { layout, dtype, shape, is_reshaped: false, height, width, planes })
    }

    /// Height and width in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// The image's elements in this layout, row-major.
    pub fn values(&self, layout: Layout) -> Vec<f32> {
        match layout {
            Layout::Nchw => self.planes.concat(),
            Layout::Nhwc => {
                let pixels = 0..self.height * self.width;
                pixels.flat_map(|i| self.planes.iter().map(move |plane| plane[i])).collect()
            }
        }
    }

    /// The number of channels, 1 or 3.
    pub fn channels(&self) -> usize {
        self.planes.len()
    }

    /// The same memory read in the other layout: what it is when somebody reshaped where they
    /// should have transposed.
    pub(crate) fn reread(&self) -> Trainer {
        let other = match self.layout {
            Layout::Nchw => Layout::Nhwc,
            Layout::Nhwc => Layout::Nchw,
        };
        let planes = planes(&self.values(self.layout), other, self.channels());
        Trainer { planes, is_reshaped: true, ..self.clone() }
    }

    /// The planes as they were before they were turned in this way.
    pub(crate) fn turned_back(&self, orientation: Orientation) -> Vec<Vec<f32>> {
        let size = self.size();
        self.planes.iter().map(|plane| orientation.undo(plane, size)).collect()
    }
}

fn planes(values: &[f32], layout: Layout, channels: usize) -> Vec<Vec<f32>> {
    match layout {
        Layout::Nchw => values.chunks_exact(values.len() / channels).map(<[f32]>::to_vec).collect(),
        Layout::Nhwc => (0..channels)
            .map(|channel| values.iter().skip(channel).step_by(channels).copied().collect())
            .collect(),
    }
}

/// Layout, channels, height and width.
fn read_shape(
    shape: &[usize],
    preferred: Layout,
) -> Result<(Layout, usize, usize, usize), SkewError> {
    let refused = || SkewError::Shape { shape: shape.to_vec() };
    let mut sizes = shape;
    while let [first, rest @ ..] = sizes
        && rest.len() >= 3
    {
        match first {
            1 => sizes = rest,
            0 => return Err(refused()),
            &batch => return Err(SkewError::Batch { batch, shape: shape.to_vec() }),
        }
    }
    let is_channels = |n: usize| matches!(n, 1 | 3);
    match *sizes {
        [height, width] => Ok((preferred, 1, height, width)),
        [c, height, width]
            if is_channels(c) && (preferred == Layout::Nchw || !is_channels(width)) =>
        {
            Ok((Layout::Nchw, c, height, width))
        }
        [height, width, c] if is_channels(c) => Ok((Layout::Nhwc, c, height, width)),
        [_, _, _] | [] | [_] | [_, _, _, _, ..] => Err(refused()),
    }
}

fn check_values(values: &[f64]) -> Result<(), SkewError> {
    let is_bad = |v: f64| !v.is_finite() || v.abs() > f64::from(f32::MAX);
    if let Some(index) = values.iter().position(|&v| is_bad(v)) {
        let count = values.iter().filter(|v| is_bad(**v)).count();
        return Err(SkewError::NotFinite { count, index, value: values[index] });
    }
    let first = values.first().copied().unwrap_or(0.0);
    if values.iter().all(|&v| v == first) {
        return Err(SkewError::Flat { value: first });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(shape: &[usize], preferred: Layout) -> Result<Trainer, SkewError> {
        let count: usize = shape.iter().product();
        let values: Vec<f64> = (0..count).map(|i| i as f64).collect();
        Trainer::new(shape, DType::F32, &values, preferred)
    }

    #[test]
    fn shapes_of_one_image_are_read() {
        for (shape, layout, channels) in [
            (&[1, 3, 9, 8][..], Layout::Nchw, 3),
            (&[1, 9, 8, 3], Layout::Nhwc, 3),
            (&[3, 9, 8], Layout::Nchw, 3),
            (&[9, 8, 1], Layout::Nhwc, 1),
            (&[9, 8], Layout::Nchw, 1),
            (&[1, 9, 8], Layout::Nchw, 1),
            (&[1, 1, 1, 9, 8], Layout::Nchw, 1),
        ] {
            let trainer = read(shape, Layout::Nchw).unwrap();
            assert_eq!((trainer.layout, trainer.channels()), (layout, channels), "{shape:?}");
            assert_eq!(trainer.size(), (9, 8), "{shape:?}");
            let back: Vec<f32> = trainer.values(trainer.layout);
            assert!(back.iter().enumerate().all(|(i, &v)| v == i as f32), "{shape:?}");
        }
        assert_eq!(read(&[9, 8], Layout::Nhwc).unwrap().layout, Layout::Nhwc);
    }

    #[test]
    fn what_is_not_one_image_is_refused() {
        for (shape, part) in [
            (&[][..], "found []"),
            (&[24], "found [24]"),
            (&[2, 3, 9, 8], "batch of 2"),
            (&[0, 3, 9, 8], "found [0, 3, 9, 8]"),
            (&[4, 9, 8], "found [4, 9, 8]"),
            (&[3, 4, 3], "4 high"),
            (&[1, 1, 9, 8, 7, 6], "batch of 9"),
        ] {
            let error = read(shape, Layout::Nchw).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("save"), "{shape:?}: {error}");
        }
        let mut values = vec![0.5; 243];
        let flat = Trainer::new(&[3, 9, 9], DType::F32, &values, Layout::Nchw).unwrap_err();
        assert_eq!(flat, SkewError::Flat { value: 0.5 });
        values[7] = f64::NAN;
        let error = Trainer::new(&[3, 9, 9], DType::F32, &values, Layout::Nchw).unwrap_err();
        assert!(error.to_string().contains("NaN, at element 7"), "{error}");
        let error = Trainer::new(&[3, 9, 9], DType::F32, &values[1..], Layout::Nchw).unwrap_err();
        assert!(error.to_string().contains("243 numbers"), "{error}");
    }
}
