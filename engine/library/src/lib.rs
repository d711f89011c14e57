//! The C interface of a built library. `package::abi::C_HEADER` is its other half: what each
//! function takes, gives and promises stands there, and the functions here keep to its order.
//!
//! This crate is compiled once into the template that `schooner` carries; `compile/emit` puts a
//! model behind it. Nothing unwinds into the caller: every function runs its body in
//! `boundary::guarded`. No caller's struct is taken at more than the size it states.

mod boundary;
mod create;
mod describe;
mod failure;
mod handle;
mod own_file;
mod run;
mod structs;

use package::{SLOT_BYTES, Slot, empty_slot};

/// What `emit` fills in, aligned as it looks for it.
#[repr(C, align(16))]
struct SlotBytes([u8; SLOT_BYTES]);

#[used]
static SLOT: SlotBytes = SlotBytes(empty_slot());

/// What `emit` wrote into this library, or nothing in the template itself.
fn slot() -> Option<Slot> {
    // SAFETY: a reference is valid for reads. Volatile because the bytes on the disk, which are
    // mapped here, are not those that the compiler saw.
    Slot::read(&unsafe { std::ptr::read_volatile(&raw const SLOT.0) })
}
