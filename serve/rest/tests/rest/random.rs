//! Requests by chance.

/// Numbers by chance, the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    pub(crate) fn of<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// The bytes with a few changes.
    pub(crate) fn changed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for _ in 0..self.below(4) {
            let (at, other) = (self.below(out.len()), self.below(out.len()));
            let piece = at.min(other)..at.max(other);
            match self.below(5) {
                0 if !out.is_empty() => out[at] ^= 1 << self.below(8),
                1 if !out.is_empty() => out[at] = b"{}[]:,\"=&-0%\r\n\xff"[self.below(15)],
                2 => out.truncate(at),
                3 => drop(out.drain(piece)),
                _ => out.extend_from_within(piece),
            }
        }
        out
    }
}
