//! Why bytes are not a container that can be used here.

use crate::abi;
use crate::layout::VERSION;

/// Why bytes are not a container that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// Some other kind of file.
    #[error(
        "this is neither a built library nor a .schooner file ({bytes} bytes without a \
         container): make one with `schooner build`"
    )]
    NotAContainer {
        /// Length of the file.
        bytes: u64,
    },
    /// A file that lost its end, or to which something was added.
    #[error(
        "the file has {found} bytes, expected {expected}: {}; copy it or build it again",
        if found < expected { "it was cut short" } else { "something was added to it" }
    )]
    Length {
        /// Length that it was built with.
        expected: u64,
        /// Length that it has.
        found: u64,
    },
    /// A layout that this version does not know.
    #[error(
        "container version {found}, expected {VERSION}: build it again with this version of \
         schooner, or read it with the one that built it"
    )]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// Another agreement between library and engine.
    #[error(
        "ABI version {found}, expected {}: build it again with this version of schooner",
        abi::VERSION
    )]
    Abi {
        /// The version in the file.
        found: u32,
    },
    /// Built for another processor.
    #[error("built for {expected}, this machine is {found}: build it with `--target {found}-…`")]
    Arch {
        /// Architecture that it was built for.
        expected: &'static str,
        /// Architecture of the machine.
        found: &'static str,
    },
    /// Built for a newer processor.
    #[error("this processor lacks {missing}: build it again without, or run it on a newer one")]
    Features {
        /// Names of the instruction sets.
        missing: String,
    },
    /// Bytes that differ from those that were written.
    #[error(
        "the {part} was altered: its checksum is {found:016x}, expected {expected:016x}; copy the \
         file or build it again"
    )]
    Altered {
        /// Part of the file.
        part: &'static str,
        /// Checksum that it was built with.
        expected: u64,
        /// Checksum that it has.
        found: u64,
    },
    /// The library in memory belongs to another container than the one in the file.
    #[error(
        "the file was replaced while the library is in use (header {found:016x}, expected \
         {expected:016x}): restart the program to load the new one"
    )]
    Replaced {
        /// Checksum of the header that belongs to the library in memory.
        expected: u64,
        /// Checksum of the header in the file.
        found: u64,
    },
    /// A header that contradicts itself.
    #[error("the container's header is malformed: {0}; build it again")]
    Malformed(String),
    /// A section that must be there is not.
    #[error("the container has no {0} section: build it again")]
    MissingSection(&'static str),
    /// The golden outputs cannot be read.
    #[error("the golden outputs cannot be read: {0}; build it again")]
    Golden(String),
    /// The manifest is not one.
    #[error("the manifest cannot be read: {0}; build it again")]
    Manifest(String),
}

impl ContainerError {
    pub(crate) fn misplaced(what: &str, at: u64) -> ContainerError {
        ContainerError::Malformed(format!("{what} lies at byte {at}, out of place"))
    }
}
