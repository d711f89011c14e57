//! One line of output pixels over the vectors of any ISA.

use super::Resize;
use simd::{F32Vector, Vectorize};

/// Line `line` of all output lines of the batch.
pub(super) struct Line<'c> {
    pub(super) call: &'c Resize<'c>,
    pub(super) line: usize,
}

impl Vectorize for Line<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        for column in 0..self.call.columns.count() {
            // SAFETY: the column exists; the caller vouches for the ISA and the output.
            unsafe { self.pixel::<V>(column) }
        }
    }
}

impl Line<'_> {
    /// # Safety
    /// The output column exists, the CPU has the ISA, and the output may be written.
    #[inline(always)]
    unsafe fn pixel<V: F32Vector>(&self, column: usize) {
        let Resize { rows, columns, shape: [_, height, width, channels], .. } = *self.call;
        let (image, line) = (self.line / rows.count(), self.line % rows.count());
        let target = (self.line * columns.count() + column) * channels;
        let mut channel = 0;
        while channel < channels {
            let count = (channels - channel).min(V::LANES);
            // SAFETY: the constructor has checked that taps read pixels of the input only, and
            // `count` channels are left.
            unsafe {
                let mut acc = V::splat(0.0);
                for i in rows.of(line) {
                    let row = (image * height + rows.places[i] as usize) * width;
                    for j in columns.of(column) {
                        let start = (row + columns.places[j] as usize) * channels + channel;
                        let source = self.call.input.as_ptr().add(start);
                        let x = if count == V::LANES {
                            V::load(source)
                        } else {
                            V::load_partial(source, count)
                        };
                        acc = x.mul_add(acc.fill(rows.weights[i] * columns.weights[j]), acc);
                    }
                }
                let target = self.call.out.as_mut_ptr().add(target + channel);
                if count == V::LANES { acc.store(target) } else { acc.store_partial(target, count) }
            }
            channel += V::LANES;
        }
    }
}
