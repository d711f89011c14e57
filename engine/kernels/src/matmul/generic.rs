//! The tile kernel over the vectors of any ISA and any product of lanes.
//!
//! A tile of R rows and some panels of 16 columns of the result stays in registers while the sum
//! runs over all taps and all k of each tap:
//!
//! ```text
//! acc[r] = bias, or 0 where sums are scaled
//! for tap, for i < k, for r < R:  acc[r] += a[tap][r][i] * b[tap][i]
//! c[r] = clamp(acc[r] + residual[r]), or clamp(acc[r] * scales + bias + residual[r]), where
//!        products are of bytes also clamp(rounding(acc[r] * scales + bias) + residual[r])
//! ```
//!
//! Each element of the result is one chain of multiply-adds in the order of taps and i,
//! whichever tile it falls into: that is what makes answers independent of batch and threads.

use super::product::{Bf16, F32, Int8, Product};
use super::{PANEL, Rounding, TileCall, Tiles};
use crate::floats::{self, Source, Target, load};
use simd::F32Vector;
use simd::generic::F32x8;

/// One panel, up to 4 rows: what 32 registers of 4 lanes hold (and 16 nearly do).
const fn tiles<P: Product<F32x8>>() -> Tiles {
    Tiles {
        whole: &[&[by_rows::<P, 1, 2>, by_rows::<P, 2, 2>, by_rows::<P, 3, 2>, by_rows::<P, 4, 2>]],
        halves: &[by_rows::<P, 1, 1>, by_rows::<P, 2, 1>, by_rows::<P, 3, 1>, by_rows::<P, 4, 1>],
    }
}

pub(crate) const F32_TILES: Tiles = tiles::<F32>();
pub(crate) const BF16_TILES: Tiles = tiles::<Bf16>();
pub(crate) const INT8_TILES: Tiles = tiles::<Int8>();

/// # Safety
/// See [`super::TileFn`].
unsafe fn by_rows<P: Product<F32x8>, const R: usize, const N: usize>(call: &TileCall) {
    // SAFETY: the caller's; generic vectors exist everywhere.
    unsafe { tile::<F32x8, P, R, N>(call) }
}

/// See [`super::narrow::NarrowFn`].
///
/// # Safety
/// As stated there.
pub(crate) unsafe fn narrow(source: *const f32, count: usize, target: *mut u16) {
    // SAFETY: the caller's; generic vectors exist everywhere.
    unsafe { super::narrow::narrow::<F32x8>(source, count, target) }
}

/// A tile of `R` rows and `N` vectors.
///
/// # Safety
/// See [`super::TileFn`]; the CPU has the ISA of `V` and what `P` needs, and `N * V::LANES` columns
/// are whole panels.
#[inline(always)]
pub(crate) unsafe fn tile<V: F32Vector, P: Product<V>, const R: usize, const N: usize>(
    call: &TileCall,
) {
    // SAFETY: all addresses follow from the contract of `TileCall`.
    unsafe {
        // Sums that are scaled begin at zero; all others begin at the bias.
        let is_scaled = !(call.row_scales.is_null() && call.scales.is_null());
        let mut first = [V::splat(0.0); N];
        if !is_scaled && !call.bias.is_null() {
            for (j, first) in first.iter_mut().enumerate() {
                let at = j * V::LANES;
                let count = call.columns.saturating_sub(at).min(V::LANES);
                *first = V::load_partial(call.bias.wrapping_add(at), count);
            }
        }
        let mut acc = [first; R];
        for tap in 0..call.taps {
            let mut a = [std::ptr::null::<f32>(); R];
            for (r, pointer) in a.iter_mut().enumerate() {
                *pointer = *call.a.add(tap * R + r);
            }
            let mut b = call.b.add(tap * call.k * PANEL);
            for i in 0..call.k {
                let mut columns = [V::splat(0.0); N];
                for (j, column) in columns.iter_mut().enumerate() {
                    let column_start = b.add(panel_offset::<V>(j, call.panel_stride));
                    *column = V::load(column_start);
                    if R == 1 {
                        simd::prefetch(column_start.wrapping_add(STREAM_AHEAD));
                    }
                }
                if R > 1 {
                    simd::prefetch(b.wrapping_add(call.ahead));
                }
                for r in 0..R {
                    let x = V::splat(a[r].add(i).read_unaligned());
                    for j in 0..N {
                        acc[r][j] = P::add(x, columns[j], acc[r][j]);
                    }
                }
                b = b.add(PANEL);
            }
        }
        let is_full = call.columns == N * V::LANES;
        let is_simple = !is_scaled && call.residual.is_none();
        match (call.c, is_full, is_simple) {
            (Target::F32(c), true, true) => store_sums::<V, P, f32, R, N>(call, c, acc),
            (Target::F32(c), true, false) => store::<V, P, f32, R, N, true>(call, c, acc),
            (Target::F32(c), false, _) => store::<V, P, f32, R, N, false>(call, c, acc),
            (Target::Bf16(c), true, true) => store_sums::<V, P, u16, R, N>(call, c, acc),
            (Target::Bf16(c), true, false) => store::<V, P, u16, R, N, true>(call, c, acc),
            (Target::Bf16(c), false, _) => store::<V, P, u16, R, N, false>(call, c, acc),
            (Target::U8(c), true, _) if P::GIVES_BYTES => match call.bytes {
                Some(bounds) if is_of_bytes(call) => {
                    store_bytes::<V, P, R, N>(call, bounds, c, acc);
                }
                _ => store::<V, P, u8, R, N, true>(call, c, acc),
            },
            (Target::U8(c), false, _) if P::GIVES_BYTES => {
                store::<V, P, u8, R, N, false>(call, c, acc);
            }
            (Target::U8(_), ..) => unreachable!("only sums of bytes become bytes"),
        }
    }
}

/// How far in front of what a tile of one row reads it asks for more of B, in floats: some hundred
/// cycles, as long as memory takes.
const STREAM_AHEAD: usize = 48 * PANEL;

/// Where vector `j` of a row of B starts, in floats from the first panel.
#[inline(always)]
fn panel_offset<V: F32Vector>(j: usize, panel_stride: usize) -> usize {
    let column = j * V::LANES;
    column / PANEL * panel_stride + column % PANEL
}

/// [`store`] of whole tiles where only bounds are left to apply: the operations that it leaves out
/// take as long as the products where each element sums few of them.
///
/// # Safety
/// As [`store`].
#[inline(always)]
unsafe fn store_sums<V: F32Vector, P: Product<V>, T: Made<V, P>, const R: usize, const N: usize>(
    call: &TileCall,
    c: *mut T,
    acc: [[V; N]; R],
) {
    let is_bounded = call.low > f32::NEG_INFINITY || call.high < f32::INFINITY;
    // SAFETY: the caller's.
    unsafe {
        let (low, high) = (V::splat(call.low), V::splat(call.high));
        for (r, row) in acc.into_iter().enumerate() {
            for (j, sum) in row.into_iter().enumerate() {
                let mut y = P::to_f32(sum);
                if is_bounded {
                    y = high.min(low.max(y));
                }
                let at = r * call.c_stride + j * V::LANES;
                T::put::<true>(y, c.wrapping_add(at), V::LANES);
            }
        }
    }
}

/// Do the columns have factors and a bias, rows none, and is the residual of bytes?
#[inline(always)]
fn is_of_bytes(call: &TileCall) -> bool {
    let is_affine = !call.scales.is_null() && !call.bias.is_null() && call.row_scales.is_null();
    is_affine && matches!(call.residual, None | Some(Source::U8(_)))
}

/// [`store`] of whole tiles of bytes that [`is_of_bytes`] is true of: each operation is done on the
/// whole tile while it lies in registers, and bounds are applied to bytes.
///
/// # Safety
/// As [`store`].
#[inline(always)]
unsafe fn store_bytes<V: F32Vector, P: Product<V>, const R: usize, const N: usize>(
    call: &TileCall,
    bounds: [u8; 2],
    c: *mut u8,
    mut acc: [[V; N]; R],
) {
    // SAFETY: the caller's; there are factors and a bias of all columns.
    unsafe {
        for j in 0..N {
            let scales = V::load(call.scales.add(j * V::LANES));
            let bias = V::load(call.bias.add(j * V::LANES));
            for row in &mut acc {
                row[j] = P::to_f32(row[j]).fused_mul_add(scales, bias);
            }
        }
        if let Some(Rounding { bounds: [low, high], factor, offset }) = call.rounding {
            let (low, high) = (V::splat(low), V::splat(high));
            let (factor, offset) = (V::splat(factor), V::splat(offset));
            for y in acc.as_flattened_mut() {
                *y = high.min(low.max(*y)).round_even().fused_mul_add(factor, offset);
            }
        }
        if let Some(Source::U8(residual)) = call.residual {
            let scale = V::splat(call.residual_scale);
            for (r, row) in acc.iter_mut().enumerate() {
                let residual = residual.add(r * call.residual_stride);
                for (j, y) in row.iter_mut().enumerate() {
                    *y = V::load_u8(residual.add(j * V::LANES)).fused_mul_add(scale, *y);
                }
            }
        }
        for (r, row) in acc.into_iter().enumerate() {
            V::store_u8s(row, bounds, c.wrapping_add(r * call.c_stride));
        }
    }
}

/// What is done to sums on their way to memory.
///
/// # Safety
/// As [`tile`], `c` being that of the call. `FULL` says that all columns of the tile exist.
#[inline(always)]
unsafe fn store<
    V: F32Vector,
    P: Product<V>,
    T: Made<V, P>,
    const R: usize,
    const N: usize,
    const FULL: bool,
>(
    call: &TileCall,
    c: *mut T,
    acc: [[V; N]; R],
) {
    // SAFETY: only the first `columns` of bias, residual and c are touched.
    unsafe {
        let finished = Finish::<V>::new(call, T::BOUNDS);
        for (r, row) in acc.into_iter().enumerate() {
            let target = c.wrapping_add(r * call.c_stride);
            if FULL {
                let mut made = [V::splat(0.0); N];
                for (j, sum) in row.into_iter().enumerate() {
                    made[j] = finished.of::<P, true>(sum, r, j);
                }
                T::put_whole::<N>(made, target);
                continue;
            }
            for (j, sum) in row.into_iter().enumerate() {
                let y = finished.of::<P, false>(sum, r, j);
                T::put::<false>(y, target.wrapping_add(j * V::LANES), finished.count(j));
            }
        }
    }
}

/// What becomes of sums before they are written.
struct Finish<'c, V> {
    call: &'c TileCall,
    is_scaled: bool,
    is_residual_scaled: bool,
    residual_scale: V,
    rounding: Option<[V; 4]>,
    /// Is there a lower bound beside that of the type?
    is_bounded_below: bool,
    low: V,
    high: V,
}

impl<'c, V: F32Vector> Finish<'c, V> {
    /// `bounds`: those that writing a number applies by itself, if only from above it has to be
    /// kept within them.
    ///
    /// # Safety
    /// As [`tile`].
    #[inline(always)]
    unsafe fn new(call: &'c TileCall, bounds: [f32; 2]) -> Finish<'c, V> {
        // SAFETY: the caller's.
        unsafe {
            let numbers = |Rounding { bounds: [low, high], factor, offset }: Rounding| {
                [V::splat(low), V::splat(high), V::splat(factor), V::splat(offset)]
            };
            Finish {
                call,
                is_scaled: !(call.row_scales.is_null() && call.scales.is_null()),
                is_residual_scaled: call.residual_scale != 1.0,
                residual_scale: V::splat(call.residual_scale),
                rounding: call.rounding.map(numbers),
                is_bounded_below: call.low > bounds[0],
                low: V::splat(call.low),
                high: V::splat(call.high.min(bounds[1])),
            }
        }
    }

    /// The columns of vector `j` that exist.
    #[inline(always)]
    fn count(&self, j: usize) -> usize {
        self.call.columns.saturating_sub(j * V::LANES).min(V::LANES)
    }

    /// What the sums of vector `j` of row `r` become.
    ///
    /// # Safety
    /// As [`tile`]; `FULL` says that all columns of the tile exist.
    #[inline(always)]
    unsafe fn of<P: Product<V>, const FULL: bool>(&self, sum: V, r: usize, j: usize) -> V {
        let (call, first, count) = (self.call, j * V::LANES, self.count(j));
        // SAFETY: only the columns that exist are touched.
        unsafe {
            let mut y = P::to_f32(sum);
            if !call.row_scales.is_null() {
                y = y.mul(V::splat(*call.row_scales.add(r)));
            }
            let bias = match self.is_scaled && !call.bias.is_null() {
                true => load::<V, f32, FULL>(call.bias.wrapping_add(first), count),
                false => V::splat(0.0),
            };
            if !call.scales.is_null() {
                let scales = load::<V, f32, FULL>(call.scales.wrapping_add(first), count);
                y = y.fused_mul_add(scales, bias);
            } else if self.is_scaled {
                y = y.add(bias);
            }
            if P::GIVES_BYTES
                && let Some([low, high, factor, offset]) = self.rounding
            {
                y = high.min(low.max(y)).round_even().fused_mul_add(factor, offset);
            }
            if let Some(residual) = call.residual {
                let residual = residual.offset(r * call.residual_stride + first);
                let residual = residual.load::<V, FULL>(count);
                y = match self.is_residual_scaled {
                    true => residual.fused_mul_add(self.residual_scale, y),
                    false => y.add(residual),
                };
            }
            if self.is_bounded_below {
                y = self.low.max(y);
            }
            self.high.min(y)
        }
    }
}

/// A type of numbers that a product gives.
trait Made<V: F32Vector, P: Product<V>>: Copy {
    /// What lies below the first becomes it when it is written, and nothing above the second should
    /// be written.
    const BOUNDS: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

    /// Writes the first `count` lanes, or all of them if `FULL`.
    ///
    /// # Safety
    /// The CPU has what `P` needs; so many numbers can be written.
    unsafe fn put<const FULL: bool>(x: V, target: *mut Self, count: usize);

    /// Writes whole vectors, one behind the other.
    ///
    /// # Safety
    /// As [`Made::put`].
    #[inline(always)]
    unsafe fn put_whole<const N: usize>(vectors: [V; N], target: *mut Self) {
        for (j, y) in vectors.into_iter().enumerate() {
            // SAFETY: the caller's.
            unsafe { Self::put::<true>(y, target.wrapping_add(j * V::LANES), V::LANES) };
        }
    }
}

impl<V: F32Vector, P: Product<V>> Made<V, P> for f32 {
    #[inline(always)]
    unsafe fn put<const FULL: bool>(x: V, target: *mut f32, count: usize) {
        // SAFETY: the caller's.
        unsafe { floats::store::<V, f32, FULL>(x, target, count) }
    }
}

impl<V: F32Vector, P: Product<V>> Made<V, P> for u16 {
    #[inline(always)]
    unsafe fn put<const FULL: bool>(x: V, target: *mut u16, count: usize) {
        // SAFETY: the caller's.
        unsafe { P::store_bf16(x, target, if FULL { V::LANES } else { count }) }
    }
}

impl<V: F32Vector, P: Product<V>> Made<V, P> for u8 {
    const BOUNDS: [f32; 2] = [0.0, 255.0];

    #[inline(always)]
    unsafe fn put<const FULL: bool>(x: V, target: *mut u8, count: usize) {
        // SAFETY: the caller's.
        unsafe { floats::store::<V, u8, FULL>(x, target, count) }
    }

    #[inline(always)]
    unsafe fn put_whole<const N: usize>(vectors: [V; N], target: *mut u8) {
        // SAFETY: the caller's.
        unsafe { V::store_u8s(vectors, [u8::MIN, u8::MAX], target) }
    }
}
