//! Numbers that are computed with as f32, as they lie in memory: as f32, or rounded to bf16 when
//! they are written, which takes half the room, or to bytes, a quarter.

use crate::task::SharedMut;
use simd::F32Vector;
use std::ops::Range;

/// Numbers that a kernel reads.
#[derive(Debug, Clone, Copy)]
pub enum Floats<'a> {
    /// As f32.
    F32(&'a [f32]),
    /// As bits of bf16.
    Bf16(&'a [u16]),
    /// As whole numbers from 0 to 255.
    U8(&'a [u8]),
}

impl<'a> Floats<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Floats::F32(floats) => floats.len(),
            Floats::Bf16(halves) => halves.len(),
            Floats::U8(bytes) => bytes.len(),
        }
    }

    /// Is there no number?
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Some of them.
    pub(crate) fn part(self, range: Range<usize>) -> Floats<'a> {
        match self {
            Floats::F32(floats) => Floats::F32(&floats[range]),
            Floats::Bf16(halves) => Floats::Bf16(&halves[range]),
            Floats::U8(bytes) => Floats::U8(&bytes[range]),
        }
    }

    /// The address of one of them.
    pub(crate) fn at(self, index: usize) -> Source {
        match self {
            Floats::F32(floats) => Source::F32(floats.as_ptr().wrapping_add(index)),
            Floats::Bf16(halves) => Source::Bf16(halves.as_ptr().wrapping_add(index)),
            Floats::U8(bytes) => Source::U8(bytes.as_ptr().wrapping_add(index)),
        }
    }

    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Floats::F32(_) => 4,
            Floats::Bf16(_) => 2,
            Floats::U8(_) => 1,
        }
    }
}

impl<'a> From<&'a [f32]> for Floats<'a> {
    fn from(floats: &'a [f32]) -> Floats<'a> {
        Floats::F32(floats)
    }
}

impl<'a> From<&'a Vec<f32>> for Floats<'a> {
    fn from(floats: &'a Vec<f32>) -> Floats<'a> {
        Floats::F32(floats)
    }
}

/// Numbers that a kernel writes.
#[derive(Debug, Clone, Copy)]
pub enum FloatsMut<'a> {
    /// As f32.
    F32(SharedMut<'a, f32>),
    /// As bits of bf16.
    Bf16(SharedMut<'a, u16>),
    /// Rounded to whole numbers from 0 to 255, those beyond them being these.
    U8(SharedMut<'a, u8>),
}

impl<'a> FloatsMut<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            FloatsMut::F32(floats) => floats.len(),
            FloatsMut::Bf16(halves) => halves.len(),
            FloatsMut::U8(bytes) => bytes.len(),
        }
    }

    /// Is there no number?
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The address of one of them.
    pub(crate) fn at(self, index: usize) -> Target {
        match self {
            FloatsMut::F32(floats) => Target::F32(floats.as_mut_ptr().wrapping_add(index)),
            FloatsMut::Bf16(halves) => Target::Bf16(halves.as_mut_ptr().wrapping_add(index)),
            FloatsMut::U8(bytes) => Target::U8(bytes.as_mut_ptr().wrapping_add(index)),
        }
    }

    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            FloatsMut::F32(_) => 4,
            FloatsMut::Bf16(_) => 2,
            FloatsMut::U8(_) => 1,
        }
    }

    /// Some of them.
    pub(crate) fn part(self, range: Range<usize>) -> FloatsMut<'a> {
        match self {
            FloatsMut::F32(floats) => FloatsMut::F32(floats.subset(range)),
            FloatsMut::Bf16(halves) => FloatsMut::Bf16(halves.subset(range)),
            FloatsMut::U8(bytes) => FloatsMut::U8(bytes.subset(range)),
        }
    }
}

impl<'a> From<SharedMut<'a, f32>> for FloatsMut<'a> {
    fn from(floats: SharedMut<'a, f32>) -> FloatsMut<'a> {
        FloatsMut::F32(floats)
    }
}

/// # Panics
/// When input, residual and output are not all of one type.
pub(crate) fn check_types(input: Floats<'_>, residual: Option<Floats<'_>>, out: FloatsMut<'_>) {
    let is_same = [Some(input), residual].iter().flatten().all(|of| of.size() == out.size());
    assert!(is_same, "input, residual and output are of different types");
}

/// Where a kernel reads numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    F32(*const f32),
    Bf16(*const u16),
    U8(*const u8),
}

impl Source {
    /// The address so many numbers further.
    #[inline(always)]
    pub(crate) fn offset(self, numbers: usize) -> Source {
        match self {
            Source::F32(floats) => Source::F32(floats.wrapping_add(numbers)),
            Source::Bf16(halves) => Source::Bf16(halves.wrapping_add(numbers)),
            Source::U8(bytes) => Source::U8(bytes.wrapping_add(numbers)),
        }
    }

    /// The first `count` numbers, or a whole vector if `FULL`.
    ///
    /// # Safety
    /// The CPU has the ISA; so many numbers can be read.
    #[inline(always)]
    pub(crate) unsafe fn load<V: F32Vector, const FULL: bool>(self, count: usize) -> V {
        // SAFETY: the caller's.
        unsafe {
            match self {
                Source::F32(floats) => load::<V, f32, FULL>(floats, count),
                Source::Bf16(halves) => load::<V, u16, FULL>(halves, count),
                Source::U8(bytes) => load::<V, u8, FULL>(bytes, count),
            }
        }
    }
}

/// Where a kernel writes numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    F32(*mut f32),
    Bf16(*mut u16),
    U8(*mut u8),
}

impl Target {
    /// The address so many numbers further.
    #[inline(always)]
    pub(crate) fn offset(self, numbers: usize) -> Target {
        match self {
            Target::F32(floats) => Target::F32(floats.wrapping_add(numbers)),
            Target::Bf16(halves) => Target::Bf16(halves.wrapping_add(numbers)),
            Target::U8(bytes) => Target::U8(bytes.wrapping_add(numbers)),
        }
    }
}

/// How one number lies in memory: `f32`, `u16` for the bits of a bf16, or `u8`.
pub(crate) trait Stored: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// # Safety
    /// The CPU has the ISA; a vector of numbers can be read.
    unsafe fn load<V: F32Vector>(source: *const Self) -> V;
    /// # Safety
    /// The CPU has the ISA; `count` numbers can be read.
    unsafe fn load_partial<V: F32Vector>(source: *const Self, count: usize) -> V;
    /// # Safety
    /// A vector of numbers can be written.
    unsafe fn store<V: F32Vector>(x: V, target: *mut Self);
    /// # Safety
    /// `count` numbers can be written.
    unsafe fn store_partial<V: F32Vector>(x: V, target: *mut Self, count: usize);
}

/// Each method is one of the vector's.
macro_rules! stored {
    ($T:ty: $load:ident $load_partial:ident $store:ident $store_partial:ident) => {
        impl Stored for $T {
            #[inline(always)]
            unsafe fn load<V: F32Vector>(source: *const $T) -> V {
                // SAFETY: the caller's.
                unsafe { V::$load(source) }
            }
            #[inline(always)]
            unsafe fn load_partial<V: F32Vector>(source: *const $T, count: usize) -> V {
                // SAFETY: the caller's.
                unsafe { V::$load_partial(source, count) }
            }
            #[inline(always)]
            unsafe fn store<V: F32Vector>(x: V, target: *mut $T) {
                // SAFETY: the caller's.
                unsafe { x.$store(target) }
            }
            #[inline(always)]
            unsafe fn store_partial<V: F32Vector>(x: V, target: *mut $T, count: usize) {
                // SAFETY: the caller's.
                unsafe { x.$store_partial(target, count) }
            }
        }
    };
}
stored!(f32: load load_partial store store_partial);
stored!(u16: load_bf16 load_bf16_partial store_bf16 store_bf16_partial);
stored!(u8: load_u8 load_u8_partial store_u8 store_u8_partial);

/// The first `count` numbers, or a whole vector if `FULL`.
///
/// # Safety
/// The CPU has the ISA; so many numbers can be read.
#[inline(always)]
pub(crate) unsafe fn load<V: F32Vector, T: Stored, const FULL: bool>(
    source: *const T,
    count: usize,
) -> V {
    // SAFETY: the caller's.
    unsafe { if FULL { T::load(source) } else { T::load_partial(source, count) } }
}

/// Writes the first `count` lanes, or all of them if `FULL`.
///
/// # Safety
/// So many numbers can be written.
#[inline(always)]
pub(crate) unsafe fn store<V: F32Vector, T: Stored, const FULL: bool>(
    x: V,
    target: *mut T,
    count: usize,
) {
    // SAFETY: the caller's.
    unsafe { if FULL { T::store(x, target) } else { T::store_partial(x, target, count) } }
}

/// `target[i] = function(source[i])` of `len` numbers, however either lies in memory.
///
/// # Safety
/// The CPU has the ISA; so many numbers can be read and written.
#[inline(always)]
pub(crate) unsafe fn map<V: F32Vector, A: Stored, B: Stored>(
    source: *const A,
    target: *mut B,
    len: usize,
    function: impl Fn(V) -> V,
) {
    let whole = len / V::LANES * V::LANES;
    // SAFETY: the caller's; the last lanes are those that are left.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            B::store(function(A::load(source.add(at))), target.add(at));
        }
        if whole < len {
            let rest = function(A::load_partial(source.add(whole), len - whole));
            B::store_partial(rest, target.add(whole), len - whole);
        }
    }
}
