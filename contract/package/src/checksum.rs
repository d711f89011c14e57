//! Checksums: XXH3-64 over chunks, so that several threads can share the work and the result
//! does not depend on how many they are. They detect damage; they are no defense against a
//! person who alters a file with intent.

use std::sync::atomic::{AtomicUsize, Ordering};
use twox_hash::XxHash3_64;

/// Bytes under one digest. 1 MiB keeps a chunk in the level-2 cache and still gives 100 chunks
/// of work to share in a 100 MB model.
const CHUNK_BYTES: usize = 1 << 20;

/// The XXH3-64 of `bytes`, in one piece.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// The checksum of `parts` one after the other: XXH3-64 of the digests of their chunks, each 8
/// bytes little-endian. Chunks do not cross from one part into the next.
pub(crate) fn checksum(parts: &[&[u8]], threads: usize) -> u64 {
    let chunks: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(CHUNK_BYTES)).collect();
    let digests = if threads > 1 && chunks.len() > 1 {
        digest_in_parallel(&chunks, threads.min(chunks.len()))
    } else {
        chunks.iter().map(|chunk| digest(chunk)).collect()
    };
    digest(&digests.into_iter().flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
}

fn digest_in_parallel(chunks: &[&[u8]], threads: usize) -> Vec<u64> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = chunks.get(index) else { return done };
            done.push((index, digest(chunk)));
        }
    };
    let mut digests = vec![0; chunks.len()];
    std::thread::scope(|scope| {
        // A system that refuses another thread costs time, not the answer: this one works too.
        let builder = || std::thread::Builder::new().name("checksum".to_string());
        let helpers: Vec<_> =
            (1..threads).filter_map(|_| builder().spawn_scoped(scope, work).ok()).collect();
        let mut done = work();
        for helper in helpers {
            match helper.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        for (index, digest) in done {
            digests[index] = digest;
        }
    });
    digests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let bytes: Vec<u8> = (0..5 * CHUNK_BYTES / 2).map(|i| ((i * i) >> 7) as u8).collect();
        let one = checksum(&[&bytes, b"tail"], 1);
        for threads in [2, 3, 8] {
            assert_eq!(checksum(&[&bytes, b"tail"], threads), one, "{threads} threads");
        }
        assert_ne!(checksum(&[&bytes], 1), one);
    }

    #[test]
    fn the_digest_is_the_published_one() {
        // XXH3_64bits of no bytes with seed 0, from the xxHash specification's test vectors.
        assert_eq!(digest(b""), 0x2D06_8005_38D3_94C2);
    }
}
