//! Loading and giving back.

use crate::boundary::guarded;
use crate::failure::Failure;
use crate::handle::Handle;
use crate::structs::{Array, Options};
use crate::{own_file, slot};
use package::abi;
use runtime::Check;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// See the header.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn schooner_abi_version() -> u32 {
    abi::VERSION
}

/// See the header.
///
/// # Safety
/// Pointers are null or point at what the header says.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_create(
    options: *const Options,
    model: *mut *mut Handle,
) -> i32 {
    guarded(|| {
        if model.is_null() || !model.is_aligned() {
            return Err(Failure::Pointer { what: "the place for the model" });
        }
        // SAFETY: options are null or the header's struct, by the contract.
        let path = unsafe { path_in(options) }?;
        let opened = match path {
            Some(path) => runtime::open(&path, None, Check::Head)?,
            None => {
                let slot = slot().ok_or(Failure::Empty)?;
                runtime::open(&own_file::path()?, Some(slot), Check::Head)?
            }
        };
        let handle = Box::new(Handle::new(opened)?);
        // SAFETY: checked above to be aligned and not null.
        unsafe { model.write(Box::into_raw(handle)) };
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// The model is null, or came from `schooner_create` and is not used by any call any more.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_destroy(model: *mut Handle) {
    if model.is_null() {
        return;
    }
    let free = || {
        // SAFETY: it came out of the box that `schooner_create` made, and nobody uses it.
        drop(unsafe { Box::from_raw(model) });
    };
    // There is no status to return, and a panic must not pass.
    let _ = catch_unwind(AssertUnwindSafe(free));
}

/// The path in the options.
///
/// # Safety
/// `options` is null or points at the header's struct.
unsafe fn path_in(options: *const Options) -> Result<Option<PathBuf>, Failure> {
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: one such struct, by the contract.
    let options = unsafe { Array::new("options", options, 1) }?.element(0);
    // SAFETY: the array was found to hold a whole struct.
    let path = unsafe { (&raw const (*options).path).read() };
    if path.is_null() {
        return Ok(None);
    }
    // SAFETY: text that ends with a zero byte, by the contract.
    let path = unsafe { CStr::from_ptr(path) };
    path_of(path).map(Some)
}

#[cfg(unix)]
fn path_of(text: &CStr) -> Result<PathBuf, Failure> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::OsStr::from_bytes(text.to_bytes()).into())
}

#[cfg(not(unix))]
fn path_of(text: &CStr) -> Result<PathBuf, Failure> {
    Ok(text.to_str().map_err(|_| Failure::Path)?.into())
}
