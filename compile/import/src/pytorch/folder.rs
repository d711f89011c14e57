//! The zip archive of a model: one folder of files, whatever its name is.

use super::pickle::Stored;
use crate::archive::Archive;
use crate::build::{Budget, byte_count};
use crate::error::Reason;
use tensor::{Tensor, row_major_strides};

/// Bytes of a file that is read as a whole before it is understood: descriptions and code. Those of
/// the largest models have some ten million.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// An archive's folder.
pub(super) struct Folder {
    archive: Archive,
    prefix: String,
    names: Vec<String>,
    limit: u64,
    /// Bytes of storages that may still be read, each as often as it is.
    left: u64,
    /// The storage that was read last: tensors that share one come after each other.
    last: Option<(String, Vec<u8>)>,
}

impl Folder {
    /// Reads the list of files.
    pub(super) fn open(bytes: Vec<u8>, limit: usize) -> Result<Folder, String> {
        let limit = limit as u64;
        let archive = Archive::open(bytes, limit)?;
        let mut names = archive.names();
        let first = names.first().and_then(|name| name.split_once('/'));
        let prefix = first.map(|(folder, _)| format!("{folder}/"));
        let prefix = prefix.filter(|prefix| names.iter().all(|name| name.starts_with(prefix)));
        let prefix = prefix.unwrap_or_default();
        names.iter_mut().for_each(|name| drop(name.drain(..prefix.len())));
        Ok(Folder { archive, prefix, names, limit, left: limit, last: None })
    }

    /// Is there a file of this name?
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|own| own == name)
    }

    /// The names of all files.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// A file that is read as a whole, where there is one.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.archive.read(&format!("{}{name}", self.prefix), TEXT_BYTES_MAX)
    }

    /// A file of text, where there is one.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        let bytes = self.read(name)?;
        let text = bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8"));
        text.transpose().map_err(|error| format!("{name} {error}"))
    }

    /// A file of any length, where there is one.
    pub(super) fn whole(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.archive.read(&format!("{}{name}", self.prefix), self.limit)
    }

    /// The tensor `name`, whose storage lies in the folder `place`.
    pub(super) fn tensor(
        &mut self,
        name: &str,
        place: &str,
        stored: &Stored,
        budget: &Budget,
    ) -> Result<Tensor, Reason> {
        let refused = |reason: String| Reason::Tensor { name: name.to_string(), reason };
        budget.take(byte_count(stored.dtype, &stored.sizes))?;
        let file = format!("{place}{}", stored.key);
        let last = self.last.take().filter(|(own, _)| *own == file);
        let bytes = match last {
            Some((_, bytes)) => bytes,
            None => {
                let bytes = self.whole(&file).map_err(refused)?;
                let bytes =
                    bytes.ok_or_else(|| refused(format!("its file {file} is not there")))?;
                let left = self.left.checked_sub(bytes.len() as u64);
                let again = || refused("its storages are read again and again".to_string());
                self.left = left.ok_or_else(again)?;
                bytes
            }
        };
        let made = elements(&bytes, stored).map_err(refused);
        self.last = Some((file, bytes));
        made
    }
}

/// The elements of a tensor among those of its storage.
pub(super) fn elements(bytes: &[u8], stored: &Stored) -> Result<Tensor, String> {
    let Stored { dtype, sizes, strides, offset, .. } = stored;
    let fit = || format!("{dtype}{sizes:?} does not fit {} bytes of data", bytes.len());
    let width = dtype.size();
    let mut spans =
        sizes.iter().zip(strides).map(|(size, stride)| size.saturating_sub(1).checked_mul(*stride));
    let last = spans.try_fold(*offset, |sum, span| sum.checked_add(span?)).ok_or_else(fit)?;
    let end = last.checked_add(1).and_then(|end| end.checked_mul(width)).ok_or_else(fit)?;
    let is_empty = sizes.contains(&0);
    if !is_empty && end > bytes.len() {
        return Err(fit());
    }
    let mut made = Tensor::zeros(*dtype, sizes).map_err(|error| error.to_string())?;
    if is_empty {
        return Ok(made);
    }
    let is_bool = *dtype == tensor::DType::Bool;
    if *strides == row_major_strides(sizes) {
        let length = made.bytes().len();
        made.bytes_mut().copy_from_slice(&bytes[offset * width..][..length]);
    } else {
        let mut place = vec![0; sizes.len()];
        for element in made.bytes_mut().chunks_exact_mut(width) {
            let at: usize = place.iter().zip(strides).map(|(i, stride)| i * stride).sum();
            element.copy_from_slice(&bytes[(offset + at) * width..][..width]);
            for (axis, index) in place.iter_mut().enumerate().rev() {
                *index += 1;
                if *index < sizes[axis] {
                    break;
                }
                *index = 0;
            }
        }
    }
    if is_bool {
        made.bytes_mut().iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
    Ok(made)
}
