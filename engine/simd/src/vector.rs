//! What every vector of f32 can do.

/// The most lanes that a vector of any ISA has; buffers of this length hold any vector.
pub const LANES_MAX: usize = 16;

/// The place of each lane.
const PLACES: [f32; LANES_MAX] = {
    let mut places = [0.0; LANES_MAX];
    let mut lane = 0;
    while lane < LANES_MAX {
        places[lane] = lane as f32;
        lane += 1;
    }
    places
};

/// Code that is compiled once for each ISA and entered through [`crate::Token::run`].
pub trait Vectorize {
    /// What the code returns.
    type Output;

    /// The code. Mark it, and all that it calls on vectors, `#[inline(always)]`: only what is
    /// inlined here is compiled for the ISA.
    ///
    /// # Safety
    /// The CPU has the ISA of `V`.
    unsafe fn run<V: F32Vector>(self) -> Self::Output;
}

/// A register of [`F32Vector::LANES`] numbers. All operations work lane by lane and round to
/// nearest even; only the constructors are unsafe, for a vector that exists proves the ISA.
pub trait F32Vector: Copy + Sized + 'static {
    /// Lanes: 8 or 16, a divisor of [`LANES_MAX`].
    const LANES: usize;

    /// One truth value per lane.
    type Mask: Copy;

    /// All lanes `x`.
    ///
    /// # Safety
    /// The CPU has the ISA.
    unsafe fn splat(x: f32) -> Self;

    /// The numbers at `source`; no alignment is needed.
    ///
    /// # Safety
    /// The CPU has the ISA; `source` is valid for reads of `LANES` numbers.
    unsafe fn load(source: *const f32) -> Self;

    /// The first `count <= LANES` numbers at `source`, the other lanes 0. Nothing beyond them is
    /// touched.
    ///
    /// # Safety
    /// The CPU has the ISA; `source` is valid for reads of `count` numbers.
    unsafe fn load_partial(source: *const f32, count: usize) -> Self;

    /// Writes all lanes; no alignment is needed.
    ///
    /// # Safety
    /// `target` is valid for writes of `LANES` numbers.
    unsafe fn store(self, target: *mut f32);

    /// Writes the first `count <= LANES` lanes. Nothing beyond them is touched.
    ///
    /// # Safety
    /// `target` is valid for writes of `count` numbers.
    unsafe fn store_partial(self, target: *mut f32, count: usize);

    /// All lanes `x`: [`F32Vector::splat`] for who already holds a vector.
    #[inline(always)]
    fn fill(self, x: f32) -> Self {
        // SAFETY: `self` exists, so the CPU has the ISA.
        unsafe { Self::splat(x) }
    }

    /// `self + b`
    fn add(self, b: Self) -> Self;
    /// `self - b`
    fn sub(self, b: Self) -> Self;
    /// `self * b`
    fn mul(self, b: Self) -> Self;
    /// `self / b`
    fn div(self, b: Self) -> Self;
    /// `self * b + c`, rounded once where the ISA has a fused operation (generic code on x86-64
    /// and WebAssembly rounds twice).
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `self * b + c`, rounded once on every ISA, so that all give the same.
    #[inline(always)]
    fn fused_mul_add(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }
    /// `self < b ? self : b`: the second when either is NaN or both are zeros.
    fn min(self, b: Self) -> Self;
    /// `self > b ? self : b`: the second when either is NaN or both are zeros.
    fn max(self, b: Self) -> Self;
    /// `|self|`
    fn abs(self) -> Self;
    /// `-self`
    fn neg(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Rounded towards minus infinity.
    fn floor(self) -> Self;
    /// Rounded towards plus infinity.
    fn ceil(self) -> Self;
    /// Rounded to the nearest integer, halves to even.
    fn round_even(self) -> Self;
    /// The magnitude of `self` with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;

    /// `2^self` for integers in `-126 ..= 127`; other values give anything.
    fn exp2_int(self) -> Self;
    /// `self * 2^n` for whole `n` of -150 to 128, where `2^n` itself may leave the range of normal
    /// numbers.
    #[inline(always)]
    fn scale_exp2(self, n: Self) -> Self {
        let half = n.mul(n.fill(0.5)).floor();
        self.mul(half.exp2_int()).mul(n.sub(half).exp2_int())
    }
    /// `(m, e)` with `self = m * 2^e` and `m` in `[1, 2)`, for positive normal numbers; others
    /// give anything.
    fn split_exponent(self) -> (Self, Self);

    /// Of the two bf16 in each lane, the lower half of the bits, as f32.
    fn low_bf16(self) -> Self;
    /// Of the two bf16 in each lane, the upper half of the bits, as f32.
    fn high_bf16(self) -> Self;
    /// The bf16 at `source`, as f32.
    ///
    /// # Safety
    /// The CPU has the ISA; `source` is valid for reads of `LANES` numbers of 2 bytes.
    #[inline(always)]
    unsafe fn load_bf16(source: *const u16) -> Self {
        let mut lanes = [0.0; LANES_MAX];
        // SAFETY: the caller vouches for `LANES` numbers; the buffer is as long as any vector.
        unsafe {
            for (i, lane) in lanes[..Self::LANES].iter_mut().enumerate() {
                *lane = f32::from_bits(u32::from(source.add(i).read_unaligned()) << 16);
            }
            Self::load(lanes.as_ptr())
        }
    }
    /// The first `count <= LANES` bf16 at `source`, the other lanes 0. Nothing beyond them is
    /// touched.
    ///
    /// # Safety
    /// The CPU has the ISA; `source` is valid for reads of `count` numbers of 2 bytes.
    #[inline(always)]
    unsafe fn load_bf16_partial(source: *const u16, count: usize) -> Self {
        let mut halves = [0u16; LANES_MAX];
        // SAFETY: the caller vouches for `count` numbers; the buffer is as long as any vector.
        unsafe {
            halves.as_mut_ptr().copy_from_nonoverlapping(source, count);
            Self::load_bf16(halves.as_ptr())
        }
    }
    /// Writes all lanes rounded to bf16, to the nearest and ties to even; a NaN stays one.
    ///
    /// # Safety
    /// `target` is valid for writes of `LANES` numbers of 2 bytes.
    unsafe fn store_bf16(self, target: *mut u16);
    /// As [`F32Vector::store_bf16`], the first `count <= LANES` lanes only. Nothing beyond them is
    /// touched.
    ///
    /// # Safety
    /// `target` is valid for writes of `count` numbers of 2 bytes.
    #[inline(always)]
    unsafe fn store_bf16_partial(self, target: *mut u16, count: usize) {
        let mut halves = [0u16; LANES_MAX];
        // SAFETY: the caller vouches for `count` numbers; the buffer is as long as any vector.
        unsafe {
            self.store_bf16(halves.as_mut_ptr());
            target.copy_from_nonoverlapping(halves.as_ptr(), count);
        }
    }
    /// The bytes at `source`, as f32.
    ///
    /// # Safety
    /// The CPU has the ISA; `source` is valid for reads of `LANES` bytes.
    #[inline(always)]
    unsafe fn load_u8(source: *const u8) -> Self {
        let mut lanes = [0.0; LANES_MAX];
        // SAFETY: the caller vouches for `LANES` bytes; the buffer is as long as any vector.
        unsafe {
            for (i, lane) in lanes[..Self::LANES].iter_mut().enumerate() {
                *lane = f32::from(source.add(i).read());
            }
            Self::load(lanes.as_ptr())
        }
    }
    /// The first `count <= LANES` bytes at `source`, the other lanes 0. Nothing beyond them is
    /// touched.
    ///
    /// # Safety
    /// The CPU has the ISA; `source` is valid for reads of `count` bytes.
    #[inline(always)]
    unsafe fn load_u8_partial(source: *const u8, count: usize) -> Self {
        let mut bytes = [0u8; LANES_MAX];
        // SAFETY: the caller vouches for `count` bytes; the buffer is as long as any vector.
        unsafe {
            bytes.as_mut_ptr().copy_from_nonoverlapping(source, count);
            Self::load_u8(bytes.as_ptr())
        }
    }
    /// Writes all lanes rounded to the nearest byte, ties to even; what lies beyond 0 and 255
    /// becomes these, and NaN becomes 0.
    ///
    /// # Safety
    /// `target` is valid for writes of `LANES` bytes.
    #[inline(always)]
    unsafe fn store_u8(self, target: *mut u8) {
        let bounded = self.max(self.fill(0.0)).min(self.fill(255.0)).round_even();
        for (i, &x) in to_array(bounded)[..Self::LANES].iter().enumerate() {
            // SAFETY: the caller vouches for `LANES` bytes.
            unsafe { target.add(i).write(x as u8) };
        }
    }
    /// As [`F32Vector::store_u8`], the first `count <= LANES` lanes only. Nothing beyond them is
    /// touched.
    ///
    /// # Safety
    /// `target` is valid for writes of `count` bytes.
    #[inline(always)]
    unsafe fn store_u8_partial(self, target: *mut u8, count: usize) {
        let mut bytes = [0u8; LANES_MAX];
        // SAFETY: the caller vouches for `count` bytes; the buffer is as long as any vector.
        unsafe {
            self.store_u8(bytes.as_mut_ptr());
            target.copy_from_nonoverlapping(bytes.as_ptr(), count);
        }
    }
    /// As [`F32Vector::store_u8`], of some vectors one behind the other, none of whose numbers
    /// is above the greatest `i32`: bytes, and none beyond the two bounds.
    ///
    /// # Safety
    /// `target` is valid for writes of `N * LANES` bytes.
    #[inline(always)]
    unsafe fn store_u8s<const N: usize>(vectors: [Self; N], [low, high]: [u8; 2], target: *mut u8) {
        // SAFETY: the caller vouches for the bytes, and vectors show the ISA.
        unsafe {
            let (low, high) = (Self::splat(f32::from(low)), Self::splat(f32::from(high)));
            for (i, vector) in vectors.into_iter().enumerate() {
                let bounded = high.min(low.max(vector));
                bounded.store_u8(target.add(i * Self::LANES));
            }
        }
    }
    /// `sum` with the products of the 4 bytes of each lane, unsigned here and signed in `b`, added
    /// to it: both hold the bits of an `i32`, and nothing saturates.
    fn dot_u8i8(self, b: Self, sum: Self) -> Self;
    /// The number whose bits as an `i32` each lane holds, rounded to f32.
    fn i32_bits_to_f32(self) -> Self;

    /// `self == b`
    fn eq(self, b: Self) -> Self::Mask;
    /// `self > b`
    fn gt(self, b: Self) -> Self::Mask;
    /// `self >= b`
    fn ge(self, b: Self) -> Self::Mask;
    /// Is the lane NaN?
    fn is_nan(self) -> Self::Mask;
    /// `a` where the mask holds, else `b`.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;

    /// The first `count` lanes, and those of `other` behind them.
    #[inline(always)]
    fn first_lanes(self, count: usize, other: Self) -> Self {
        // SAFETY: the buffer is as long as any vector; `self` proves the ISA.
        let places = unsafe { Self::load(PLACES.as_ptr()) };
        Self::select(self.fill(count as f32).gt(places), self, other)
    }

    /// Sum of the lanes as a tree of halves: lane `i` meets lane `i + LANES / 2`, and so on.
    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        let mut lanes = to_array(self);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }

    /// Largest lane, by the same tree; NaN when any lane is NaN.
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        let mut lanes = to_array(self);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                let (a, b) = (lanes[i], lanes[i + half]);
                lanes[i] = if b > a || b.is_nan() { b } else { a };
            }
            half /= 2;
        }
        lanes[0]
    }

    /// Smallest lane; NaN when any lane is NaN.
    #[inline(always)]
    fn reduce_min(self) -> f32 {
        -self.neg().reduce_max()
    }

    /// `f` of each lane, one at a time: for functions too rare to deserve a vector form.
    #[inline(always)]
    fn map_lanes(self, f: fn(f32) -> f32) -> Self {
        let mut lanes = to_array(self);
        for x in &mut lanes[..Self::LANES] {
            *x = f(*x);
        }
        // SAFETY: the buffer is as long as any vector; `self` proves the ISA.
        unsafe { Self::load(lanes.as_ptr()) }
    }

    /// `f` of each pair of lanes, one at a time.
    #[inline(always)]
    fn zip_lanes(self, b: Self, f: fn(f32, f32) -> f32) -> Self {
        let (mut lanes, others) = (to_array(self), to_array(b));
        for (x, &y) in lanes[..Self::LANES].iter_mut().zip(&others) {
            *x = f(*x, y);
        }
        // SAFETY: the buffer is as long as any vector; `self` proves the ISA.
        unsafe { Self::load(lanes.as_ptr()) }
    }
}

#[inline(always)]
fn to_array<V: F32Vector>(v: V) -> [f32; LANES_MAX] {
    let mut lanes = [0.0; LANES_MAX];
    // SAFETY: the buffer is as long as any vector.
    unsafe { v.store(lanes.as_mut_ptr()) };
    lanes
}
