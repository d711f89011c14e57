//! Change of element type.

use super::PIECE;
use super::generic::Convert;
use super::unary::checked_len;
use crate::floats::Stored;
use crate::task::{Pieces, SharedMut, Task};
use half::{bf16, f16};
use num_traits::AsPrimitive;
use simd::{Isa, Token};
use tensor::DType;
use tensor::small::{self, Narrowing};

/// `out[i] = input[i] as T`: floats to integers cut off the fraction and saturate, NaN becomes 0,
/// wide integers to narrow ones keep the low bits, anything but 0 is true, and floats become small
/// elements as [`small::from_f64`] does by default.
#[derive(Debug)]
pub struct Cast<'a> {
    token: Token,
    from: DType,
    input: &'a [u8],
    to: DType,
    out: SharedMut<'a, u8>,
    pieces: Pieces,
}

impl<'a> Cast<'a> {
    /// `input`: elements of type `from`. `out`: as many of type `to`.
    ///
    /// # Panics
    /// When the lengths differ, memory is not aligned for its elements, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        from: DType,
        input: &'a [u8],
        to: DType,
        out: SharedMut<'a, u8>,
    ) -> Cast<'a> {
        let len = checked_len(input.as_ptr(), input.len(), from);
        let found = checked_len(out.as_mut_ptr(), out.len(), to);
        assert_eq!(found, len, "input and output differ in length");
        let token = isa.require();
        Cast { token, from, input, to, out, pieces: Pieces::of_size(len, PIECE) }
    }

    /// # Safety
    /// `A` and `B` are the types of input and output; otherwise as [`Task::run`].
    unsafe fn convert<A: Stored, B: Stored>(&self, task: usize) {
        let range = self.pieces.range(task);
        let source = self.input.as_ptr().cast::<A>().wrapping_add(range.start);
        let target = self.out.as_mut_ptr().cast::<B>().wrapping_add(range.start);
        self.token.run(Convert { source, target, len: range.len() });
    }

    /// # Safety
    /// `S` is the type of the input; otherwise as [`Task::run`].
    unsafe fn from<S: Number>(&self, task: usize) {
        // SAFETY: the caller's.
        unsafe { self.read(task, |x: S| x) }
    }

    /// # Safety
    /// `S` is the type that the input's elements lie in, of which `read` gives the number;
    /// otherwise as [`Task::run`].
    unsafe fn read<S: Copy, N: Number>(&self, task: usize, read: impl Fn(S) -> N) {
        // SAFETY: the type is that of the output; the rest is the caller's.
        unsafe {
            match self.to {
                DType::F32 => self.each(task, |x| -> f32 { read(x).as_() }),
                DType::F64 => self.each(task, |x| -> f64 { read(x).as_() }),
                DType::F16 => self.each(task, |x| -> f16 { read(x).as_() }),
                DType::BF16 => self.each(task, |x| -> bf16 { read(x).as_() }),
                DType::I8 => self.each(task, |x| -> i8 { read(x).as_() }),
                DType::I16 => self.each(task, |x| -> i16 { read(x).as_() }),
                DType::I32 => self.each(task, |x| -> i32 { read(x).as_() }),
                DType::I64 => self.each(task, |x| -> i64 { read(x).as_() }),
                DType::U8 => self.each(task, |x| -> u8 { read(x).as_() }),
                DType::U16 => self.each(task, |x| -> u16 { read(x).as_() }),
                DType::U32 => self.each(task, |x| -> u32 { read(x).as_() }),
                DType::U64 => self.each(task, |x| -> u64 { read(x).as_() }),
                DType::Bool => self.each(task, |x| u8::from(read(x) != N::default())),
                DType::I4 | DType::U4 | DType::I2 | DType::U2 if !N::IS_FLOAT => {
                    self.each(task, |x| small::wrapped(self.to, read(x).as_()));
                }
                DType::I4
                | DType::U4
                | DType::I2
                | DType::U2
                | DType::F8E4M3FN
                | DType::F8E4M3FNUZ
                | DType::F8E5M2
                | DType::F8E5M2FNUZ
                | DType::F8E8M0
                | DType::F4E2M1 => self
                    .each(task, |x| small::from_f64(self.to, read(x).as_(), Narrowing::default())),
                // Buffers of them have no elements, as the constructor has checked.
                DType::String | DType::Object => {}
            }
        }
    }

    /// # Safety
    /// `S` and `T` are the types of input and output; otherwise as [`Task::run`].
    unsafe fn each<S: Copy, T>(&self, task: usize, f: impl Fn(S) -> T) {
        let source = self.input.as_ptr().cast::<S>();
        let target = self.out.as_mut_ptr().cast::<T>();
        for i in self.pieces.range(task) {
            // SAFETY: within both, whose length and alignment the constructor checked.
            unsafe { target.add(i).write(f(source.add(i).read())) };
        }
    }
}

/// A type that can be cast to all others; `default` is zero.
trait Number:
    Copy
    + Default
    + PartialEq
    + AsPrimitive<f32>
    + AsPrimitive<f64>
    + AsPrimitive<f16>
    + AsPrimitive<bf16>
    + AsPrimitive<i8>
    + AsPrimitive<i16>
    + AsPrimitive<i32>
    + AsPrimitive<i64>
    + AsPrimitive<u8>
    + AsPrimitive<u16>
    + AsPrimitive<u32>
    + AsPrimitive<u64>
{
    const IS_FLOAT: bool;
}

macro_rules! number {
    ($is_float:literal: $($T:ty),*) => { $(
        impl Number for $T {
            const IS_FLOAT: bool = $is_float;
        }
    )* };
}
number!(true: f32, f64, f16, bf16);
number!(false: Bool, i8, i16, i32, i64, u8, u16, u32, u64);

/// A boolean byte, read as 0 or 1 whatever it holds.
#[derive(Clone, Copy, Default, PartialEq)]
struct Bool(u8);

macro_rules! from_bool {
    ($($T:ty),*) => { $(
        impl AsPrimitive<$T> for Bool {
            fn as_(self) -> $T { u8::from(self.0 != 0).as_() }
        }
    )* };
}
from_bool!(f32, f64, f16, bf16, i8, i16, i32, i64, u8, u16, u32, u64);

impl Task for Cast<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        // SAFETY: the type is that of the input; the rest is the caller's.
        unsafe {
            match (self.from, self.to) {
                (DType::F32, DType::BF16) => return self.convert::<f32, u16>(task),
                (DType::BF16, DType::F32) => return self.convert::<u16, f32>(task),
                _ => {}
            }
            match self.from {
                DType::F32 => self.from::<f32>(task),
                DType::F64 => self.from::<f64>(task),
                DType::F16 => self.from::<f16>(task),
                DType::BF16 => self.from::<bf16>(task),
                DType::I8 => self.from::<i8>(task),
                DType::I16 => self.from::<i16>(task),
                DType::I32 => self.from::<i32>(task),
                DType::I64 => self.from::<i64>(task),
                DType::U8 => self.from::<u8>(task),
                DType::U16 => self.from::<u16>(task),
                DType::U32 => self.from::<u32>(task),
                DType::U64 => self.from::<u64>(task),
                DType::Bool => self.from::<Bool>(task),
                DType::I4 | DType::I2 => {
                    self.read(task, |byte: u8| small::wrapped(self.from, byte) as i8);
                }
                DType::U4 | DType::U2 => {
                    self.read(task, |byte: u8| small::wrapped(self.from, byte));
                }
                DType::F8E4M3FN
                | DType::F8E4M3FNUZ
                | DType::F8E5M2
                | DType::F8E5M2FNUZ
                | DType::F8E8M0
                | DType::F4E2M1 => {
                    let numbers = small::table(self.from);
                    self.read(task, |byte: u8| numbers[usize::from(byte)]);
                }
                DType::String | DType::Object => {}
            }
        }
    }
}
