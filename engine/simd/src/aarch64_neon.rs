//! Vectors of NEON: eight numbers in two registers, since loops over vectors are written for eight
//! lanes at least.

use crate::{F32Vector, Vectorize};
use std::arch::aarch64::{
    float32x4_t, int32x4_t, uint32x4_t, vabsq_f32, vaddq_f32, vaddq_s32, vandq_u32, vbslq_f32,
    vceqq_f32, vcgeq_f32, vcgtq_f32, vcltq_f32, vcvtq_f32_s32, vcvtq_s32_f32, vdivq_f32,
    vdupq_n_f32, vdupq_n_s32, vdupq_n_u32, vfmaq_f32, vget_low_s8, vget_low_s16, vget_low_u8,
    vld1q_f32, vmovl_high_s8, vmovl_high_u8, vmovl_s8, vmovl_u8, vmull_high_s16, vmull_s16,
    vmulq_f32, vmvnq_u32, vnegq_f32, vorrq_u32, vpaddq_s32, vreinterpretq_f32_s32,
    vreinterpretq_f32_u32, vreinterpretq_s8_f32, vreinterpretq_s16_u16, vreinterpretq_s32_f32,
    vreinterpretq_s32_u32, vreinterpretq_u8_f32, vreinterpretq_u32_f32, vrndmq_f32, vrndnq_f32,
    vrndpq_f32, vshlq_n_s32, vshlq_n_u32, vshrq_n_u32, vsqrtq_f32, vst1q_f32, vsubq_f32, vsubq_s32,
};

/// Numbers in a register.
const HALF: usize = 4;

/// Eight numbers; exists only where NEON does.
#[derive(Debug, Clone, Copy)]
pub struct F32x8([float32x4_t; 2]);

/// Every 64-bit Arm processor that Rust's Linux and macOS targets run on has it.
pub fn is_available() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

/// Runs `f` on these vectors.
///
/// # Safety
/// [`is_available`] holds.
#[target_feature(enable = "neon")]
pub unsafe fn enter<F: Vectorize>(f: F) -> F::Output {
    // SAFETY: the caller vouches for the ISA.
    unsafe { f.run::<F32x8>() }
}

impl F32x8 {
    #[inline(always)]
    fn map(self, f: impl Fn(float32x4_t) -> float32x4_t) -> F32x8 {
        F32x8(self.0.map(f))
    }

    #[inline(always)]
    fn zip(self, b: F32x8, f: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> F32x8 {
        F32x8([f(self.0[0], b.0[0]), f(self.0[1], b.0[1])])
    }

    #[inline(always)]
    fn compare(
        self,
        b: F32x8,
        f: impl Fn(float32x4_t, float32x4_t) -> uint32x4_t,
    ) -> [uint32x4_t; 2] {
        [f(self.0[0], b.0[0]), f(self.0[1], b.0[1])]
    }
}

/// Methods of each register that are one intrinsic.
macro_rules! lanewise {
    ($(fn $name:ident($($arg:ident)?) = $intrinsic:ident;)*) => { $(
        #[inline(always)]
        fn $name(self $(, $arg: F32x8)?) -> F32x8 {
            lanewise!(self $intrinsic $($arg)?)
        }
    )* };
    ($self:ident $intrinsic:ident) => {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        $self.map(|x| unsafe { $intrinsic(x) })
    };
    ($self:ident $intrinsic:ident $arg:ident) => {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        $self.zip($arg, |x, y| unsafe { $intrinsic(x, y) })
    };
}

impl F32Vector for F32x8 {
    const LANES: usize = 2 * HALF;
    type Mask = [uint32x4_t; 2];

    #[inline(always)]
    unsafe fn splat(x: f32) -> F32x8 {
        // SAFETY: the caller vouches for the ISA.
        F32x8([unsafe { vdupq_n_f32(x) }; 2])
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> F32x8 {
        // SAFETY: the caller vouches for the ISA and the memory.
        F32x8(unsafe { [vld1q_f32(source), vld1q_f32(source.add(HALF))] })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> F32x8 {
        let mut lanes = [0.0; 2 * HALF];
        for (i, lane) in lanes.iter_mut().enumerate().take(count) {
            // SAFETY: the caller vouches for `count` numbers.
            *lane = unsafe { source.add(i).read() };
        }
        // SAFETY: the array is as long as a vector; the caller vouches for the ISA.
        unsafe { F32x8::load(lanes.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for the memory.
        unsafe {
            vst1q_f32(target, self.0[0]);
            vst1q_f32(target.add(HALF), self.0[1]);
        }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        let mut lanes = [0.0; 2 * HALF];
        // SAFETY: the array is as long as a vector; the caller vouches for `count` numbers.
        unsafe {
            self.store(lanes.as_mut_ptr());
            target.copy_from_nonoverlapping(lanes.as_ptr(), count.min(2 * HALF));
        }
    }

    lanewise! {
        fn add(b) = vaddq_f32;
        fn sub(b) = vsubq_f32;
        fn mul(b) = vmulq_f32;
        fn div(b) = vdivq_f32;
        fn abs() = vabsq_f32;
        fn neg() = vnegq_f32;
        fn sqrt() = vsqrtq_f32;
        fn floor() = vrndmq_f32;
        fn ceil() = vrndpq_f32;
        fn round_even() = vrndnq_f32;
    }

    #[inline(always)]
    fn mul_add(self, b: F32x8, c: F32x8) -> F32x8 {
        let half = |i: usize| {
            // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
            unsafe { vfmaq_f32(c.0[i], self.0[i], b.0[i]) }
        };
        F32x8([half(0), half(1)])
    }
    #[inline(always)]
    fn min(self, b: F32x8) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        self.zip(b, |x, y| unsafe { vbslq_f32(vcltq_f32(x, y), x, y) })
    }
    #[inline(always)]
    fn max(self, b: F32x8) -> F32x8 {
        // SAFETY: as above.
        self.zip(b, |x, y| unsafe { vbslq_f32(vcgtq_f32(x, y), x, y) })
    }
    #[inline(always)]
    fn copysign(self, sign: F32x8) -> F32x8 {
        // SAFETY: as above.
        self.zip(sign, |x, y| unsafe { vbslq_f32(vdupq_n_u32(1 << 31), y, x) })
    }
    #[inline(always)]
    fn exp2_int(self) -> F32x8 {
        // SAFETY: as above.
        self.map(|x| unsafe {
            let biased = vaddq_s32(vcvtq_s32_f32(x), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
        })
    }
    #[inline(always)]
    fn split_exponent(self) -> (F32x8, F32x8) {
        // SAFETY: as above.
        let mantissa = self.map(|x| unsafe {
            let fraction = vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0x007f_ffff));
            vreinterpretq_f32_u32(vorrq_u32(fraction, vdupq_n_u32(0x3f80_0000)))
        });
        // SAFETY: as above.
        let exponent = self.map(|x| unsafe {
            let biased = vshrq_n_u32::<23>(vreinterpretq_u32_f32(x));
            vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(biased), vdupq_n_s32(127)))
        });
        (mantissa, exponent)
    }
    #[inline(always)]
    fn low_bf16(self) -> F32x8 {
        // SAFETY: as above.
        self.map(|x| unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<16>(vreinterpretq_u32_f32(x))) })
    }
    #[inline(always)]
    fn high_bf16(self) -> F32x8 {
        // SAFETY: as above.
        self.map(|x| unsafe {
            vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0xffff_0000)))
        })
    }
    #[inline(always)]
    unsafe fn store_bf16(self, target: *mut u16) {
        let mut lanes = [0.0; 2 * HALF];
        // SAFETY: the array is as long as a vector; the caller vouches for `LANES` numbers.
        unsafe {
            self.store(lanes.as_mut_ptr());
            let halves = lanes.map(crate::generic::round_bf16);
            target.copy_from_nonoverlapping(halves.as_ptr(), halves.len());
        }
    }
    #[inline(always)]
    fn dot_u8i8(self, b: F32x8, sum: F32x8) -> F32x8 {
        // SAFETY: `self` exists, so the CPU has the ISA; only registers are touched.
        let half = |i: usize| unsafe {
            let sums = vreinterpretq_s32_f32(sum.0[i]);
            vreinterpretq_f32_s32(vaddq_s32(sums, dot(self.0[i], b.0[i])))
        };
        F32x8([half(0), half(1)])
    }
    #[inline(always)]
    fn i32_bits_to_f32(self) -> F32x8 {
        // SAFETY: as above.
        self.map(|x| unsafe { vcvtq_f32_s32(vreinterpretq_s32_f32(x)) })
    }
    #[inline(always)]
    fn eq(self, b: F32x8) -> [uint32x4_t; 2] {
        // SAFETY: as above.
        self.compare(b, |x, y| unsafe { vceqq_f32(x, y) })
    }
    #[inline(always)]
    fn gt(self, b: F32x8) -> [uint32x4_t; 2] {
        // SAFETY: as above.
        self.compare(b, |x, y| unsafe { vcgtq_f32(x, y) })
    }
    #[inline(always)]
    fn ge(self, b: F32x8) -> [uint32x4_t; 2] {
        // SAFETY: as above.
        self.compare(b, |x, y| unsafe { vcgeq_f32(x, y) })
    }
    #[inline(always)]
    fn is_nan(self) -> [uint32x4_t; 2] {
        // SAFETY: as above.
        self.compare(self, |x, y| unsafe { vmvnq_u32(vceqq_f32(x, y)) })
    }
    #[inline(always)]
    fn select(mask: [uint32x4_t; 2], a: F32x8, b: F32x8) -> F32x8 {
        // SAFETY: `a` exists, so the CPU has the ISA; only registers are touched.
        let half = |i: usize| unsafe { vbslq_f32(mask[i], a.0[i], b.0[i]) };
        F32x8([half(0), half(1)])
    }
}

/// The sum of the four products of bytes in each lane, unsigned in `a` and signed in `b`.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
unsafe fn dot(a: float32x4_t, b: float32x4_t) -> int32x4_t {
    // SAFETY: the caller's; only registers are touched.
    unsafe {
        let (a, b) = (vreinterpretq_u8_f32(a), vreinterpretq_s8_f32(b));
        // Four products of neighbors each, summed in pairs and in pairs of pairs.
        let a_low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(a)));
        let b_low = vmovl_s8(vget_low_s8(b));
        let low = vmull_s16(vget_low_s16(a_low), vget_low_s16(b_low));
        let low = vpaddq_s32(low, vmull_high_s16(a_low, b_low));
        let (a_high, b_high) = (vreinterpretq_s16_u16(vmovl_high_u8(a)), vmovl_high_s8(b));
        let high = vmull_s16(vget_low_s16(a_high), vget_low_s16(b_high));
        let high = vpaddq_s32(high, vmull_high_s16(a_high, b_high));
        vpaddq_s32(low, high)
    }
}
