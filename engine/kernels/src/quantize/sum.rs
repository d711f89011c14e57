//! Sums of two values that bytes stand for.

use crate::task::{Pieces, SharedMut, Task};
use simd::{F32Vector, Isa, Token, Vectorize};

/// Elements of a piece.
const PIECE: usize = 1 << 14;

/// How the bytes of a sum come from those of its parts: `a * factors[0] + b * factors[1] + offset`,
/// rounded to the nearest, ties to even, between the bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SumParameters {
    /// Of the parts.
    pub factors: [f32; 2],
    /// Added last.
    pub offset: f32,
    /// The least and the greatest result, before it is rounded.
    pub bounds: [f32; 2],
}

/// `out[i] = round(clamp(a[i] * factors[0] + (b[i] * factors[1] + offset)))`; each product and the
/// sum that it is part of are rounded once together, so every ISA gives the same.
#[derive(Debug)]
pub struct Sum<'a> {
    token: Token,
    parameters: SumParameters,
    parts: [&'a [u8]; 2],
    out: SharedMut<'a, u8>,
    pieces: Pieces,
}

impl<'a> Sum<'a> {
    /// Parts and result have one length.
    ///
    /// # Panics
    /// When they have not, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        parameters: SumParameters,
        parts: [&'a [u8]; 2],
        out: SharedMut<'a, u8>,
    ) -> Sum<'a> {
        let count = out.len();
        assert!(parts.iter().all(|part| part.len() == count), "parts of {count} bytes expected");
        let pieces = Pieces::of_size(count, PIECE);
        Sum { token: isa.require(), parameters, parts, out, pieces }
    }
}

impl Task for Sum<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let range = self.pieces.range(task);
        let parts = self.parts.map(|part| &part[range.clone()]);
        let target = self.out.as_mut_ptr().wrapping_add(range.start);
        self.token.run(Piece { parameters: self.parameters, parts, target });
    }
}

/// Writes as many bytes as each part has, which the caller vouches for.
struct Piece<'a> {
    parameters: SumParameters,
    parts: [&'a [u8]; 2],
    target: *mut u8,
}

impl Vectorize for Piece<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let SumParameters { factors, offset, bounds } = self.parameters;
        let [a, b] = self.parts.map(<[u8]>::as_ptr);
        let count = self.parts[0].len();
        let whole = count / V::LANES * V::LANES;
        // SAFETY: the CPU has the ISA; each part has `count` bytes, and as many can be written.
        unsafe {
            let [first, second] = factors.map(|factor| V::splat(factor));
            let [low, high] = bounds.map(|bound| V::splat(bound));
            let offset = V::splat(offset);
            let sum = |a: V, b: V| {
                let y = a.fused_mul_add(first, b.fused_mul_add(second, offset));
                high.min(low.max(y))
            };
            for at in (0..whole).step_by(V::LANES) {
                sum(V::load_u8(a.add(at)), V::load_u8(b.add(at))).store_u8(self.target.add(at));
            }
            if whole < count {
                let left = count - whole;
                let [a, b] = [a, b].map(|part| V::load_u8_partial(part.add(whole), left));
                sum(a, b).store_u8_partial(self.target.add(whole), left);
            }
        }
    }
}
