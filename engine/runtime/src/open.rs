//! Models from files: a built library, or a `.schooner` file.

use crate::{Constants, LoadError, Model, threads};
use memmap2::Mmap;
use package::{Container, ContainerError, Golden, Machine, Manifest, Slot, sections};
use plan::{DecodeError, Plan};
use recipe::{Recipe, RecipeError};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A model, and what its package says about itself.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The model, with its recipe. Its constants are mapped from the file.
    pub model: Model,
    /// Name, version, origin and signature.
    pub manifest: Manifest,
    /// What it answered when it was built.
    pub golden: Option<Golden>,
    /// Checksum of the container's header: equal for equal files.
    pub checksum: u64,
}

/// What of a file is held against its checksums when it is opened, beside the header, which is
/// always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Check {
    /// Every byte, which means reading the whole file: an answer is never made of damaged weights.
    #[default]
    Everything,
    /// All sections but the constants, and not the code of a library, which is running: a few
    /// milliseconds whatever the size of the model. Damaged constants give wrong answers then, or
    /// errors, but nothing leaves its memory: no place in memory is computed from them that is not
    /// checked when it is used.
    Head,
}

/// Why a file gave no model.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {}: {reason}", path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: OpenReason,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum OpenReason {
    /// It cannot be read or mapped.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is no container, a damaged one, or one for another version or machine.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The plan is of another format, or contradicts itself.
    #[error(transparent)]
    Plan(#[from] DecodeError),
    /// The recipe cannot be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The recipe is not text.
    #[error("the recipe is not UTF-8: build the library again")]
    RecipeText,
    /// The constants do not lie where they can be used.
    #[error("the constants are not aligned in the file: build it again")]
    Alignment,
    /// The plan does not fit the constants.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Model {
    /// The model in a built library or `.schooner` file, of which every byte is checked; see
    /// [`open`].
    pub fn open(path: &Path) -> Result<Model, OpenError> {
        open(path, None, Check::Everything).map(|opened| opened.model)
    }
}

/// Opens a built library or `.schooner` file: maps it, checks its bytes against the checksums, all
/// or those that `check` says, and, given the slot of a library in memory, that the file is that
/// library's own.
///
/// Constants are used where they are mapped: processes that open the same file share its pages.
/// The file must not be written to in place while the model lives; replacing it by another of
/// the same name, as `emit` does, is fine.
pub fn open(path: &Path, slot: Option<Slot>, check: Check) -> Result<Opened, OpenError> {
    open_reason(path, slot, check).map_err(|reason| OpenError { path: path.to_path_buf(), reason })
}

fn open_reason(path: &Path, slot: Option<Slot>, check: Check) -> Result<Opened, OpenReason> {
    let file = map(path)?;
    let container = Container::parse(&file)?;
    if let Some(slot) = slot {
        container.check_slot(slot)?;
    }
    container.check_machine(Machine::host())?;
    match check {
        Check::Everything => container.verify_payload(threads())?,
        Check::Head => container.verify_sections(1, |section| *section != sections::CONSTANTS)?,
    }
    // `parse` refuses a container without these three.
    let section = |section| container.section(section).unwrap_or_default();
    let manifest = Manifest::from_json(section(&sections::MANIFEST))?;
    let plan = Plan::decode(section(&sections::PLAN), section(&sections::CONSTANTS).len() as u64)?;
    let recipe = container.section(&sections::RECIPE).map(read_recipe).transpose()?;
    let golden = container.section(&sections::GOLDEN).map(Golden::decode).transpose()?;
    let range = container.range(&sections::CONSTANTS).unwrap_or_default();
    let checksum = container.checksum();
    let constants = Constants::mapped(file.clone(), range).ok_or(OpenReason::Alignment)?;
    let model = Model::new(plan, constants)?.with_recipe(recipe);
    Ok(Opened { model, manifest, golden, checksum })
}

fn read_recipe(bytes: &[u8]) -> Result<Recipe, OpenReason> {
    let text = std::str::from_utf8(bytes).map_err(|_| OpenReason::RecipeText)?;
    Ok(Recipe::from_json(text)?)
}

fn map(path: &Path) -> Result<Arc<Mmap>, OpenReason> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    // SAFETY: the mapping is read-only and private. That nobody writes into the file in place is
    // asked of the user; what is used of it without being checked again is held against its
    // checksums first.
    let map = unsafe { Mmap::map(&file) }?;
    Ok(Arc::new(map))
}
