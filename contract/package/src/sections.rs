//! The sections that a container can hold, one constant each. They lie in the file in the order
//! of [`ALL`]: the short ones first, so that one page fault brings them all.

use crate::layout::PAGE_BYTES;

/// One kind of section.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// Its number in the file.
    pub code: u64,
    /// Its name in listings and errors.
    pub name: &'static str,
    /// What it holds and what for.
    pub purpose: &'static str,
    /// The form of its bytes.
    pub encoding: &'static str,
    /// Who writes it.
    pub writer: &'static str,
    /// Who reads it.
    pub reader: &'static str,
    /// Alignment of its first byte in the file, in bytes; a power of two.
    pub alignment: u64,
    /// Is a container without it refused?
    pub is_required: bool,
}

/// What the model is called, what it was made from and by what.
pub const MANIFEST: Section = Section {
    code: 1,
    name: "manifest",
    purpose: "name, version, origin and signature, for people and listings",
    encoding: "JSON in UTF-8: `Manifest`",
    writer: "compile/emit",
    reader: "engine/runtime, tools/cli",
    alignment: 8,
    is_required: true,
};

/// How encoded input becomes tensors and tensors become labels.
pub const RECIPE: Section = Section {
    code: 2,
    name: "recipe",
    purpose: "pre- and post-processing, with the labels; absent when the model takes tensors only",
    encoding: "JSON in UTF-8: `recipe::Recipe`",
    writer: "compile/emit",
    reader: "engine/runtime",
    alignment: 8,
    is_required: false,
};

/// What is done, in order.
pub const PLAN: Section = Section {
    code: 3,
    name: "plan",
    purpose: "steps, buffers and signature",
    encoding: "`plan::Plan::encode`: u32 format version, then postcard; little-endian",
    writer: "compile/lower through compile/emit",
    reader: "engine/runtime",
    alignment: 8,
    is_required: true,
};

/// Packed weights. The alignment makes them begin on a page even where pages are 64 KiB: all of
/// their pages are then clean, mapped from the file and shared by every process that maps it.
pub const CONSTANTS: Section = Section {
    code: 4,
    name: "constants",
    purpose: "packed weights, used by the kernels where they are mapped",
    encoding: "elements in the layouts that the plan's steps state; little-endian",
    writer: "compile/lower through compile/emit",
    reader: "engine/kernels",
    alignment: PAGE_BYTES,
    is_required: true,
};

/// What the model answers to the input that is made up for it.
pub const GOLDEN: Section = Section {
    code: 5,
    name: "golden",
    purpose: "outputs for a made-up input, to be tested where the model is loaded; absent when \
              the model does not answer it",
    encoding: "`Golden`: a line of JSON, then elements; little-endian",
    writer: "tools/cli through compile/emit",
    reader: "tools/cli",
    alignment: 8,
    is_required: false,
};

/// Every section, in the order of the file.
pub const ALL: [&Section; 5] = [&MANIFEST, &RECIPE, &PLAN, &GOLDEN, &CONSTANTS];

/// The section with this number.
pub(crate) fn by_code(code: u64) -> Option<&'static Section> {
    ALL.into_iter().find(|s| s.code == code)
}
