//! The structs of the header, member for member, and the one way to look at a caller's.

use crate::failure::Failure;
use package::abi::MAX_RANK;
use std::ffi::{c_char, c_void};

/// The largest size that a struct may state. Ours are below 200 bytes; a number above this is
/// what an uninitialized member happens to hold.
const STRUCT_SIZE_MAX: usize = 4096;

/// `schooner_options`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Options {
    pub(crate) struct_size: usize,
    pub(crate) path: *const c_char,
}

/// `schooner_description`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Description {
    pub(crate) struct_size: usize,
    pub(crate) name: *const c_char,
    pub(crate) version: *const c_char,
    pub(crate) created_by: *const c_char,
    pub(crate) input_count: usize,
    pub(crate) output_count: usize,
    pub(crate) label_count: usize,
}

/// `schooner_port`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Port {
    pub(crate) struct_size: usize,
    pub(crate) name: *const c_char,
    pub(crate) dtype: i32,
    pub(crate) rank: u32,
    pub(crate) dims: [i64; MAX_RANK],
    pub(crate) takes_image: i32,
    pub(crate) reserved: i32,
}

/// `schooner_tensor`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct View {
    pub(crate) struct_size: usize,
    pub(crate) data: *mut c_void,
    pub(crate) bytes: usize,
    pub(crate) dtype: i32,
    pub(crate) rank: u32,
    pub(crate) dims: [i64; MAX_RANK],
}

/// `schooner_class`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Class {
    pub(crate) struct_size: usize,
    pub(crate) label: *const c_char,
    pub(crate) index: i64,
    pub(crate) probability: f32,
    pub(crate) reserved: i32,
}

/// Structs in a caller's array. They may be longer than ours, when the caller was compiled
/// against a newer header; the first one's size holds for all.
pub(crate) struct Array<T> {
    first: *mut T,
    stride: usize,
}

impl<T> Array<T> {
    /// The array at `first`, when it is one.
    ///
    /// # Safety
    /// `T` is a struct of the header. `first` is null, or points at `count` such structs that the
    /// caller lends for the call, the size of the first one being set.
    pub(crate) unsafe fn new(
        what: &'static str,
        first: *const T,
        count: usize,
    ) -> Result<Array<T>, Failure> {
        let expected = size_of::<T>();
        if count == 0 {
            return Ok(Array { first: first.cast_mut(), stride: expected });
        }
        if first.is_null() || !first.is_aligned() {
            return Err(Failure::Pointer { what });
        }
        // SAFETY: every struct of the header begins with its size, and this one can be read.
        let found = unsafe { first.cast::<usize>().read() };
        let is_one = (expected..=STRUCT_SIZE_MAX).contains(&found);
        if !is_one || !found.is_multiple_of(align_of::<T>()) {
            return Err(Failure::StructSize { what, expected, found });
        }
        Ok(Array { first: first.cast_mut(), stride: found })
    }

    /// The size of one struct, as the caller knows it, in bytes.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// The struct with this index, below the count that the array was made with.
    pub(crate) fn element(&self, index: usize) -> *mut T {
        self.first.wrapping_byte_add(index.wrapping_mul(self.stride))
    }
}
