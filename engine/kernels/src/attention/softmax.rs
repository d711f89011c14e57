//! The weights of the values: rows of scores made exponentials, in place.

use crate::floats::Stored;
use simd::{F32Vector, Vectorize, math};

/// Rows that are taken together: what one waits for is hidden behind the others.
const TOGETHER: usize = 4;

/// Makes each row of scores `e^(y - max y)` of `y = scale * score + mask`, and gives one divided by
/// the sum of each: the factor that makes what the row is multiplied to a mean.
#[derive(Debug)]
pub(super) struct Softmax {
    /// The first row.
    pub(super) scores: *mut f32,
    /// Floats from one row to the next.
    pub(super) stride: usize,
    pub(super) rows: usize,
    pub(super) keys: usize,
    pub(super) scale: f32,
    /// The first row of the mask, and floats from one row to the next.
    pub(super) mask: Option<(*const f32, usize)>,
    /// One for each row.
    pub(super) factors: *mut f32,
    /// Is each row left as bf16, an odd number of them followed by a zero? They begin where the
    /// scores do.
    pub(super) is_bf16: bool,
}

impl Vectorize for Softmax {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller vouches for the ISA, all rows of scores, those of the mask, and a
        // factor for each row.
        unsafe {
            if self.is_bf16 {
                self.all::<V, u16>();
            } else {
                self.all::<V, f32>();
            }
        }
    }
}

/// How weights are left.
trait Weight: Stored {
    /// `e^x`, as exact as the type is.
    fn exp<V: F32Vector>(x: V) -> V;
    /// Numbers that are written where `count` exist: whole lanes of products.
    fn padded(count: usize) -> usize;
}

impl Weight for f32 {
    #[inline(always)]
    fn exp<V: F32Vector>(x: V) -> V {
        math::exp(x)
    }
    #[inline(always)]
    fn padded(count: usize) -> usize {
        count
    }
}

impl Weight for u16 {
    #[inline(always)]
    fn exp<V: F32Vector>(x: V) -> V {
        math::exp_short(x)
    }
    #[inline(always)]
    fn padded(count: usize) -> usize {
        count.next_multiple_of(2)
    }
}

impl Softmax {
    #[inline(always)]
    unsafe fn all<V: F32Vector, T: Weight>(&self) {
        let together = self.rows / TOGETHER * TOGETHER;
        // SAFETY: the caller's.
        unsafe {
            for row in (0..together).step_by(TOGETHER) {
                self.some::<V, T, TOGETHER>(row);
            }
            for row in together..self.rows {
                self.some::<V, T, 1>(row);
            }
        }
    }

    /// Rows `first` to `first + R`.
    #[inline(always)]
    unsafe fn some<V: F32Vector, T: Weight, const R: usize>(&self, first: usize) {
        let whole = self.keys / V::LANES * V::LANES;
        let rest = self.keys - whole;
        // SAFETY: the caller vouches for the rows. What is written in front of a vector of scores
        // was read before: a weight takes no more room than a score.
        unsafe {
            let none = V::splat(f32::NEG_INFINITY);
            let mut most = [none; R];
            for i in (0..whole).step_by(V::LANES) {
                for (r, most) in most.iter_mut().enumerate() {
                    let y = self.masked::<V>(first + r, i, V::LANES);
                    y.store(self.row(first + r).add(i));
                    // A NaN that is lost here comes again with the exponentials.
                    *most = y.max(*most);
                }
            }
            for (r, most) in most.iter_mut().enumerate() {
                if rest > 0 {
                    let y = self.masked::<V>(first + r, whole, rest);
                    y.store_partial(self.row(first + r).add(whole), rest);
                    *most = y.first_lanes(rest, none).max(*most);
                }
                *most = V::splat(most.reduce_max());
            }
            let mut sums = [V::splat(0.0); R];
            for i in (0..whole).step_by(V::LANES) {
                for (r, sum) in sums.iter_mut().enumerate() {
                    let row = self.row(first + r);
                    let e = T::exp(V::load(row.add(i)).sub(most[r]));
                    *sum = sum.add(e);
                    T::store(e, row.cast::<T>().add(i));
                }
            }
            for (r, sum) in sums.iter_mut().enumerate() {
                if rest > 0 {
                    let row = self.row(first + r);
                    let x = V::load_partial(row.add(whole), rest);
                    let e = T::exp(x.sub(most[r])).first_lanes(rest, V::splat(0.0));
                    *sum = sum.add(e);
                    T::store_partial(e, row.cast::<T>().add(whole), T::padded(rest));
                }
                // Of no key at all the mean is zero.
                let sum = sum.reduce_sum();
                *self.factors.add(first + r) = if self.keys > 0 { 1.0 / sum } else { 0.0 };
            }
        }
    }

    #[inline(always)]
    unsafe fn row(&self, row: usize) -> *mut f32 {
        // SAFETY: the caller's.
        unsafe { self.scores.add(row * self.stride) }
    }

    /// `count` scores with factor and mask.
    #[inline(always)]
    unsafe fn masked<V: F32Vector>(&self, row: usize, i: usize, count: usize) -> V {
        // SAFETY: the caller's.
        unsafe {
            let score = load::<V>(self.row(row).add(i), count);
            let scale = V::splat(self.scale);
            match self.mask {
                Some((mask, stride)) => {
                    score.mul_add(scale, load(mask.add(row * stride + i), count))
                }
                None => score.mul(scale),
            }
        }
    }
}

#[inline(always)]
unsafe fn load<V: F32Vector>(from: *const f32, count: usize) -> V {
    // SAFETY: the caller vouches for the ISA and `count` numbers.
    unsafe { if count == V::LANES { V::load(from) } else { V::load_partial(from, count) } }
}
