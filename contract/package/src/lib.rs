//! A model that is ready to run, as bytes: the container that stands behind a shared library or
//! in a file of its own (`.schooner`). `compile/emit` writes it, `engine/runtime` maps it.
//!
//! ```text
//! built library:  template | zeros | header | sections … | trailer
//! .schooner file:                    header | sections … | trailer
//! ```
//!
//! All numbers are little-endian. The container begins on a multiple of [`PAGE_BYTES`], so that
//! its sections can be mapped where they lie; nothing of it is copied or parsed to be used,
//! except the short sections. Every byte of the file is under some checksum: [`Container::parse`]
//! checks those of the header, [`Container::verify_payload`] all others.
//!
//! ```
//! use package::{Container, Machine, Writer, sections};
//! let mut file = Vec::new();
//! Writer::new(Machine::ANY)
//!     .section(&sections::MANIFEST, b"{}")
//!     .section(&sections::PLAN, b"steps")
//!     .section(&sections::CONSTANTS, &[7; 64])
//!     .write_bare(&mut file)?;
//! let container = Container::parse(&file)?;
//! container.verify_payload(1)?;
//! assert_eq!(container.section(&sections::PLAN), Some(&b"steps"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod abi;
mod checksum;
mod container;
mod error;
mod golden;
mod layout;
mod machine;
mod manifest;
pub mod sections;
mod slot;
mod writer;

pub use container::Container;
pub use error::ContainerError;
pub use golden::{Expected, Golden};
pub use layout::{MAGIC, PAGE_BYTES, VERSION};
pub use machine::{Arch, Machine};
pub use manifest::{Manifest, Source};
pub use slot::{SLOT_BYTES, Slot, empty_slot, find_slot};
pub use writer::{WriteError, Writer, Written};
