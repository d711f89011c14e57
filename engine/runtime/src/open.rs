//! Models from files: a built library, or a `.schooner` file.

use crate::{Constants, LoadError, Model, threads};
use memmap2::{Mmap, MmapMut};
use package::{Container, ContainerError, Golden, Machine, Manifest, Slot, sections};
use plan::{DecodeError, Plan};
use recipe::{Recipe, RecipeError};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A model, and what its package says about itself.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The model, with its recipe. Its constants lie where the file was mapped or read to.
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
    let opened = map(path).and_then(|file| open_bytes(file, slot, check));
    opened.map_err(|reason| OpenError { path: path.to_path_buf(), reason })
}

/// Opens a built library or `.schooner` file as [`open`] does and checks all of it, but reads it
/// into memory of this process: whatever happens to the file afterwards, the model stays as it is.
pub fn read(path: &Path) -> Result<Opened, OpenError> {
    let opened = copy(path).and_then(|file| open_bytes(file, None, Check::Everything));
    opened.map_err(|reason| OpenError { path: path.to_path_buf(), reason })
}

fn open_bytes(file: Arc<Mmap>, slot: Option<Slot>, check: Check) -> Result<Opened, OpenReason> {
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
    // SAFETY: what was taken from the other sections are copies, and the mapping is given up here.
    let constants = unsafe { Constants::mapped(file, range) }.ok_or(OpenReason::Alignment)?;
    let model = Model::new(plan, constants)?.with_recipe(recipe);
    Ok(Opened { model, manifest, golden, checksum })
}

fn read_recipe(bytes: &[u8]) -> Result<Recipe, OpenReason> {
    let text = std::str::from_utf8(bytes).map_err(|_| OpenReason::RecipeText)?;
    Ok(Recipe::from_json(text)?)
}

/// The bytes of the file in memory of this process, on pages that no other memory shares: they go
/// back to the system with the model.
fn copy(path: &Path) -> Result<Arc<Mmap>, OpenReason> {
    let mut file = file(path)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    // There are no mappings of nothing; an empty file is refused as one that is too short.
    let mut bytes = MmapMut::map_anon(length.max(1))?;
    file.read_exact(&mut bytes[..length])?;
    Ok(Arc::new(bytes.make_read_only()?))
}

fn file(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    match file.metadata()?.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(file),
    }
}

fn map(path: &Path) -> Result<Arc<Mmap>, OpenReason> {
    let file = file(path)?;
    // SAFETY: the mapping is read-only and private. That nobody writes into the file in place is
    // asked of the user; what is used of it without being checked again is held against its
    // checksums first.
    let map = unsafe { Mmap::map(&file) }?;
    Ok(Arc::new(map))
}
