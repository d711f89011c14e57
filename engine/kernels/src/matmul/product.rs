//! What the lanes of a tile kernel hold, and how two of them are multiplied.

use simd::F32Vector;

/// Numbers of 32 bits in all that are multiplied lane by lane: one f32, two bf16 or four bytes.
/// Registers and memory hold them as if they were f32.
pub(crate) trait Product<V: F32Vector> {
    /// May results be bytes?
    const GIVES_BYTES: bool = false;

    /// `sum` with the products of the numbers of each lane added to it.
    ///
    /// # Safety
    /// The CPU has the ISA of `V`, and the extension that the product names.
    unsafe fn add(a: V, b: V, sum: V) -> V;

    /// The sum as f32.
    #[inline(always)]
    fn to_f32(sum: V) -> V {
        sum
    }

    /// Writes the first `count` lanes of f32, rounded to bf16.
    ///
    /// # Safety
    /// As [`Product::add`]; `count` numbers can be written.
    #[inline(always)]
    unsafe fn store_bf16(x: V, target: *mut u16, count: usize) {
        // SAFETY: the caller's.
        unsafe { x.store_bf16_partial(target, count) }
    }
}

/// One f32 in each lane; each step is rounded once where the ISA has fused operations.
pub(crate) struct F32;

impl<V: F32Vector> Product<V> for F32 {
    #[inline(always)]
    unsafe fn add(a: V, b: V, sum: V) -> V {
        a.mul_add(b, sum)
    }
}

/// Two bf16 in each lane: products and sums are f32.
pub(crate) struct Bf16;

impl<V: F32Vector> Product<V> for Bf16 {
    #[inline(always)]
    unsafe fn add(a: V, b: V, sum: V) -> V {
        let sum = a.high_bf16().mul_add(b.high_bf16(), sum);
        a.low_bf16().mul_add(b.low_bf16(), sum)
    }
}

/// Four bytes in each lane, unsigned on the left and signed on the right: sums are `i32`, exact
/// and the same on every ISA.
pub(crate) struct Int8;

impl<V: F32Vector> Product<V> for Int8 {
    const GIVES_BYTES: bool = true;

    #[inline(always)]
    unsafe fn add(a: V, b: V, sum: V) -> V {
        a.dot_u8i8(b, sum)
    }

    #[inline(always)]
    fn to_f32(sum: V) -> V {
        sum.i32_bits_to_f32()
    }
}
