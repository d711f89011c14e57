//! Functions of two broadcast elements.

use super::generic::BinaryRun;
use super::nest::Nest;
use super::unary::checked_len;
use super::{Operand, PIECE, scalar};
use crate::task::{Pieces, SharedMut, Task};
use simd::{Isa, Token};
use tensor::{DType, scalar::Binary};

/// `out[i] = op(a[i], b[i])`, both operands broadcast to the shape of the result.
#[derive(Debug)]
pub struct BinaryMap<'a> {
    token: Token,
    op: Binary,
    dtype: DType,
    a: &'a [u8],
    b: &'a [u8],
    out: SharedMut<'a, u8>,
    nest: Nest<2>,
    pieces: Pieces,
}

impl<'a> BinaryMap<'a> {
    /// Is there such a function of elements of this type? All are there for f32, f64 and the
    /// integers; booleans have predicates only.
    pub fn supports(op: Binary, dtype: DType) -> bool {
        match dtype {
            DType::Bool => op.is_predicate(),
            _ => dtype.is_number() && !dtype.is_half(),
        }
    }

    /// The type of the results.
    pub fn output_type(op: Binary, dtype: DType) -> DType {
        if op.is_predicate() { DType::Bool } else { dtype }
    }

    /// `a` and `b`: elements of type `dtype`. `out`: dense elements of
    /// [`BinaryMap::output_type`] in the shape `shape`.
    ///
    /// # Panics
    /// When an operand cannot be broadcast, a length does not fit, memory is not aligned, the
    /// function is not there ([`BinaryMap::supports`]), or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        op: Binary,
        dtype: DType,
        a: Operand<'a>,
        b: Operand<'a>,
        shape: &[usize],
        out: SharedMut<'a, u8>,
    ) -> BinaryMap<'a> {
        assert!(BinaryMap::supports(op, dtype), "there is no {op:?} of {dtype}");
        check_operand(a, dtype, "a");
        check_operand(b, dtype, "b");
        let nest = Nest::new(shape, [a.shape, b.shape]);
        let output = BinaryMap::output_type(op, dtype);
        let found = checked_len(out.as_mut_ptr(), out.len(), output);
        assert_eq!(found, nest.len(), "result: wrong length for {shape:?}");
        let pieces = Pieces::of_size(nest.len(), PIECE);
        BinaryMap { token: isa.require(), op, dtype, a: a.bytes, b: b.bytes, out, nest, pieces }
    }
}

/// # Panics
/// When the bytes do not fit the shape.
pub(super) fn check_operand(operand: Operand<'_>, dtype: DType, name: &str) {
    let found = checked_len(operand.bytes.as_ptr(), operand.bytes.len(), dtype);
    let expected = tensor::element_count(operand.shape);
    assert_eq!(Some(found), expected, "{name}: wrong length for {:?}", operand.shape);
}

impl Task for BinaryMap<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let size = self.dtype.size();
        let out_size = BinaryMap::output_type(self.op, self.dtype).size();
        let [a_step, b_step] = self.nest.inner();
        // A broadcast operand's steps are 0 or 1 on the innermost axis.
        assert!(a_step <= 1 && b_step <= 1);
        let on_vectors = self.dtype == DType::F32 && !self.op.is_predicate();
        self.nest.rows(self.pieces.range(task), |at, len, [a, b]| {
            let a = self.a.as_ptr().wrapping_add(a * size);
            let b = self.b.as_ptr().wrapping_add(b * size);
            let target = self.out.as_mut_ptr().wrapping_add(at * out_size);
            if on_vectors {
                self.token.run(BinaryRun {
                    op: self.op,
                    a: a.cast(),
                    a_is_scalar: a_step == 0,
                    b: b.cast(),
                    b_is_scalar: b_step == 0,
                    target: target.cast(),
                    len,
                });
                return;
            }
            let steps = scalar::Steps { a, a_step, b, b_step, target, len };
            // SAFETY: the nest stays within operands and result, whose lengths the constructor
            // checked; the caller vouches for the output.
            unsafe { scalar::binary(self.op, self.dtype, steps) };
        });
    }
}
