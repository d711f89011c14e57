//! What a reply is to hold.

use crate::Shared;
use server::{Refusal, Regions};

/// What a reply is to hold.
#[derive(Debug, Default)]
pub struct Asked {
    /// The id to give back, when there is one.
    pub id: String,
    /// In the order of the signature.
    pub outputs: Vec<Output>,
}

/// One output of the reply.
#[derive(Debug)]
pub struct Output {
    /// Position in the signature.
    pub index: usize,
    /// The best classes instead of the elements, when above zero.
    pub classes: usize,
    /// Where its elements go.
    pub place: Place,
}

/// Where an output's elements go.
#[derive(Debug)]
pub enum Place {
    /// Into the text of the reply, where it is one.
    Json,
    /// As bytes.
    Binary,
    /// Into shared memory.
    Shared(Shared),
}

/// Writes an output where the client asked for it.
///
/// # Errors
/// When the region is not there or too small.
pub fn share(shared: &Shared, name: &str, bytes: &[u8], regions: &Regions) -> Result<(), Refusal> {
    let (room, needed) = (shared.byte_size, bytes.len());
    if room < needed as u64 {
        return Err(Refusal::SharedMemory(format!(
            "shared memory size specified with the request for output '{name}' ({room} bytes) \
             should be at least {needed} bytes"
        )));
    }
    regions.find(&shared.region)?.write(shared.offset, bytes)
}
