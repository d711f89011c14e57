//! Choice between two elements.

use super::binary::check_operand;
use super::nest::Nest;
use super::unary::checked_len;
use super::{Operand, PIECE};
use crate::task::{Pieces, SharedMut, Task};
use tensor::DType;

/// `out[i] = condition[i] ? a[i] : b[i]`, all three broadcast to the shape of the result. The
/// elements are copied as bits, so every type will do.
#[derive(Debug)]
pub struct Select<'a> {
    size: usize,
    condition: &'a [u8],
    a: &'a [u8],
    b: &'a [u8],
    out: SharedMut<'a, u8>,
    nest: Nest<3>,
    pieces: Pieces,
}

impl<'a> Select<'a> {
    /// `condition`: booleans. `a`, `b` and `out`: elements of type `dtype`; `out` is dense in
    /// the shape `shape`.
    ///
    /// # Panics
    /// When an operand cannot be broadcast, a length does not fit, or memory is not aligned.
    pub fn new(
        dtype: DType,
        condition: Operand<'a>,
        a: Operand<'a>,
        b: Operand<'a>,
        shape: &[usize],
        out: SharedMut<'a, u8>,
    ) -> Select<'a> {
        check_operand(condition, DType::Bool, "condition");
        check_operand(a, dtype, "a");
        check_operand(b, dtype, "b");
        let nest = Nest::new(shape, [condition.shape, a.shape, b.shape]);
        let found = checked_len(out.as_mut_ptr(), out.len(), dtype);
        assert_eq!(found, nest.len(), "result: wrong length for {shape:?}");
        Select {
            size: dtype.size(),
            condition: condition.bytes,
            a: a.bytes,
            b: b.bytes,
            out,
            nest,
            pieces: Pieces::of_size(nest.len(), PIECE),
        }
    }

    /// # Safety
    /// `T` has the size and alignment of the elements; otherwise as [`Task::run`].
    unsafe fn run_as<T: Copy>(&self, task: usize) {
        let [condition_step, a_step, b_step] = self.nest.inner();
        self.nest.rows(self.pieces.range(task), |at, len, [condition, a, b]| {
            let condition = self.condition.as_ptr().wrapping_add(condition);
            let a = self.a.as_ptr().cast::<T>().wrapping_add(a);
            let b = self.b.as_ptr().cast::<T>().wrapping_add(b);
            let target = self.out.as_mut_ptr().cast::<T>().wrapping_add(at);
            for i in 0..len {
                // SAFETY: the nest stays within operands and result, whose lengths the
                // constructor checked.
                unsafe {
                    let chosen = if *condition.add(i * condition_step) != 0 {
                        a.add(i * a_step)
                    } else {
                        b.add(i * b_step)
                    };
                    target.add(i).write(chosen.read());
                }
            }
        });
    }
}

impl Task for Select<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        // SAFETY: the type has the size of the elements; the rest is the caller's.
        unsafe {
            match self.size {
                1 => self.run_as::<u8>(task),
                2 => self.run_as::<u16>(task),
                4 => self.run_as::<u32>(task),
                _ => self.run_as::<u64>(task),
            }
        }
    }
}
