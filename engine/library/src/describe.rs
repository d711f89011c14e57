//! What a model is.

use crate::boundary::guarded;
use crate::failure::Failure;
use crate::handle::{Described, Handle, borrow};
use crate::structs::{Array, Description, Port};
use std::ffi::c_char;

/// See the header.
///
/// # Safety
/// Pointers are null or point at what the header says.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_describe(
    model: *const Handle,
    description: *mut Description,
) -> i32 {
    guarded(|| {
        // SAFETY: by the contract.
        let handle = unsafe { borrow(model) }?;
        // SAFETY: by the contract.
        let to = unsafe { Array::new("the description", description, 1) }?;
        let description = Description {
            struct_size: to.stride(),
            name: handle.name.as_ptr(),
            version: handle.version.as_ptr(),
            created_by: handle.created_by.as_ptr(),
            input_count: handle.inputs.len(),
            output_count: handle.outputs.len(),
            label_count: handle.label_count(),
        };
        // SAFETY: the array was found to hold a whole struct.
        unsafe { to.element(0).write(description) };
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// Pointers are null or point at what the header says.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_describe_input(
    model: *const Handle,
    index: usize,
    port: *mut Port,
) -> i32 {
    guarded(|| {
        // SAFETY: by the contract.
        let handle = unsafe { borrow(model) }?;
        // SAFETY: by the contract.
        unsafe { describe("input", &handle.inputs, index, port) }
    })
}

/// See the header.
///
/// # Safety
/// Pointers are null or point at what the header says.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_describe_output(
    model: *const Handle,
    index: usize,
    port: *mut Port,
) -> i32 {
    guarded(|| {
        // SAFETY: by the contract.
        let handle = unsafe { borrow(model) }?;
        // SAFETY: by the contract.
        unsafe { describe("output", &handle.outputs, index, port) }
    })
}

/// See the header.
///
/// # Safety
/// The model is null or a live one.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_label(
    model: *const Handle,
    index: usize,
) -> *const c_char {
    let mut label = std::ptr::null();
    guarded(|| {
        // SAFETY: by the contract.
        let handle = unsafe { borrow(model) }?;
        label = handle.label(index);
        let (what, count) = ("label", handle.label_count());
        if label.is_null() { Err(Failure::Index { what, index, count }) } else { Ok(()) }
    });
    label
}

/// Fills in the description of one port.
///
/// # Safety
/// `port` is null or points at the header's struct.
unsafe fn describe(
    what: &'static str,
    ports: &[Described],
    index: usize,
    port: *mut Port,
) -> Result<(), Failure> {
    // SAFETY: by the contract.
    let to = unsafe { Array::new("the port", port, 1) }?;
    let count = ports.len();
    let described = ports.get(index).ok_or(Failure::Index { what, index, count })?;
    // SAFETY: the array was found to hold a whole struct.
    unsafe { to.element(0).write(described.port(to.stride())) };
    Ok(())
}
