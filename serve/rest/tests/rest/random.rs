//! Requests by chance.

use testkit::Random;

/// The bytes with a few changes.
pub(crate) fn changed(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..random.below(4) {
        let (at, other) = (random.below(out.len()), random.below(out.len()));
        let piece = at.min(other)..at.max(other);
        match random.below(5) {
            0 if !out.is_empty() => out[at] ^= 1 << random.below(8),
            1 if !out.is_empty() => out[at] = b"{}[]:,\"=&-0%\r\n\xff"[random.below(15)],
            2 => out.truncate(at),
            3 => drop(out.drain(piece)),
            _ => out.extend_from_within(piece),
        }
    }
    out
}
