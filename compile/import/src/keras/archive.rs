//! The `.keras` archive: a zip file of a description, weights in HDF5 and metadata.

use crate::archive::first_name;

/// Bytes of a description in JSON: the largest of `keras.applications` has 2 MB.
pub(super) const JSON_BYTES_MAX: u64 = 16 << 20;

/// Bytes of what an archive says of itself: Keras writes three short values.
pub(super) const METADATA_BYTES_MAX: u64 = 64 << 10;

/// Does the archive's first file bear the name of one of a `.keras` archive?
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    first_name(bytes).is_some_and(|name| MEMBERS.iter().any(|member| name == member.as_bytes()))
}

/// The description of the layers.
pub(super) const CONFIG: &str = "config.json";

/// What wrote the archive.
pub(super) const METADATA: &str = "metadata.json";

/// The weights.
pub(super) const WEIGHTS: &str = "model.weights.h5";

const MEMBERS: [&str; 3] = [CONFIG, METADATA, WEIGHTS];
