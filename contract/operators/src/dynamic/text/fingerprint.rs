//! FarmHash's Fingerprint64, which never changes: the number by which TensorFlow puts text into
//! buckets. Geoff Pike, Google: <https://github.com/google/farmhash>.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// Bytes that are taken at a time of a long text.
const BLOCK: usize = 64;

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn half(bytes: &[u8], at: usize) -> u64 {
    let mut half = [0; 4];
    half.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(half))
}

const fn mixed(x: u64) -> u64 {
    x ^ (x >> 47)
}

/// Two numbers as one.
const fn joined(u: u64, v: u64, factor: u64) -> u64 {
    let a = mixed((u ^ v).wrapping_mul(factor));
    mixed((v ^ a).wrapping_mul(factor)).wrapping_mul(factor)
}

/// The fingerprint of some bytes.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0 => K2,
        1..=3 => up_to_3(bytes),
        4..=7 => {
            let first = (bytes.len() as u64).wrapping_add(half(bytes, 0) << 3);
            joined(first, half(bytes, bytes.len() - 4), factor(bytes))
        }
        8..=16 => up_to_16(bytes),
        17..=32 => up_to_32(bytes),
        33..=64 => up_to_64(bytes),
        _ => long(bytes),
    }
}

/// What short texts are multiplied by: of each length another number.
fn factor(bytes: &[u8]) -> u64 {
    K2.wrapping_add(bytes.len() as u64 * 2)
}

fn up_to_3(bytes: &[u8]) -> u64 {
    let [a, b, c] = [bytes[0], bytes[bytes.len() / 2], bytes[bytes.len() - 1]].map(u64::from);
    let (y, z) = (a + (b << 8), bytes.len() as u64 + (c << 2));
    mixed(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
}

fn up_to_16(bytes: &[u8]) -> u64 {
    let factor = factor(bytes);
    let (a, b) = (word(bytes, 0).wrapping_add(K2), word(bytes, bytes.len() - 8));
    let c = b.rotate_right(37).wrapping_mul(factor).wrapping_add(a);
    let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(factor);
    joined(c, d, factor)
}

/// The first two words and the last two, mixed in two ways.
fn ends(bytes: &[u8], first: u64) -> [u64; 3] {
    let (factor, length) = (factor(bytes), bytes.len());
    let (a, b) = (word(bytes, 0).wrapping_mul(first), word(bytes, 8));
    let c = word(bytes, length - 8).wrapping_mul(factor);
    let d = word(bytes, length - 16).wrapping_mul(K2);
    let left = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let right = a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c);
    [a, left, right]
}

fn up_to_32(bytes: &[u8]) -> u64 {
    let [_, left, right] = ends(bytes, K1);
    joined(left, right, factor(bytes))
}

fn up_to_64(bytes: &[u8]) -> u64 {
    let (factor, length) = (factor(bytes), bytes.len());
    let [a, y, right] = ends(bytes, K2);
    let z = joined(y, right, factor);
    let (e, f) = (word(bytes, 16).wrapping_mul(factor), word(bytes, 24));
    let g = y.wrapping_add(word(bytes, length - 32)).wrapping_mul(factor);
    let h = z.wrapping_add(word(bytes, length - 24)).wrapping_mul(factor);
    let left = e.wrapping_add(f).rotate_right(43).wrapping_add(g.rotate_right(30)).wrapping_add(h);
    let right = e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g);
    joined(left, right, factor)
}

/// Four words with two numbers.
fn four(bytes: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let [w, x, y, z] = [0, 8, 16, 24].map(|offset| word(bytes, at + offset));
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let sum = a.wrapping_add(x).wrapping_add(y);
    (sum.wrapping_add(z), b.wrapping_add(sum.rotate_right(44)).wrapping_add(a))
}

/// What is known of the blocks so far.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: (u64, u64),
    w: (u64, u64),
}

impl State {
    /// Takes a block; the last one in other proportions.
    fn take(&mut self, bytes: &[u8], at: usize, factor: u64, weight: u64) {
        let State { x, y, z, v, w } = self;
        let sum = x.wrapping_add(*y).wrapping_add(v.0).wrapping_add(word(bytes, at + 8));
        *x = sum.rotate_right(37).wrapping_mul(factor) ^ w.1.wrapping_mul(weight);
        let sum = y.wrapping_add(v.1).wrapping_add(word(bytes, at + 48));
        *y = sum.rotate_right(42).wrapping_mul(factor);
        *y = y.wrapping_add(v.0.wrapping_mul(weight)).wrapping_add(word(bytes, at + 40));
        *z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(factor);
        *v = four(bytes, at, v.1.wrapping_mul(factor), x.wrapping_add(w.0));
        *w = four(bytes, at + 32, z.wrapping_add(w.1), y.wrapping_add(word(bytes, at + 16)));
        std::mem::swap(x, z);
    }
}

fn long(bytes: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let z = mixed(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let x = SEED.wrapping_mul(K2).wrapping_add(word(bytes, 0));
    let mut state = State { x, y, z, v: (0, 0), w: (0, 0) };
    // The last block is full: it may have bytes of the one before.
    let before = (bytes.len() - 1) / BLOCK * BLOCK;
    for at in (0..before).step_by(BLOCK) {
        state.take(bytes, at, K1, 1);
    }
    let factor = K1.wrapping_add((state.z & 0xff) << 1);
    state.w.0 = state.w.0.wrapping_add((bytes.len() as u64 - 1) & 63);
    state.v.0 = state.v.0.wrapping_add(state.w.0);
    state.w.0 = state.w.0.wrapping_add(state.v.0);
    state.take(bytes, bytes.len() - BLOCK, factor, 9);
    let State { x, y, z, v, w } = state;
    let left = joined(v.0, w.0, factor).wrapping_add(mixed(y).wrapping_mul(K0)).wrapping_add(z);
    joined(left, joined(v.1, w.1, factor).wrapping_add(x), factor)
}
