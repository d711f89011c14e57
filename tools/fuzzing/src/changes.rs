//! Random changes of seeds, for runs without a fuzzer that sees which way they take.

use fastrand::Rng;

/// Bytes at which arithmetic ends, and that end fields and texts.
const ENDS: [u8; 12] = [0, 1, 2, 7, 8, 0x0a, 0x12, 0x1a, 0x7f, 0x80, 0xfe, 0xff];

/// A few changes of `seed`, among them parts of `other`.
pub fn change(random: &mut Rng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.usize(1..6) {
        if bytes.is_empty() {
            bytes.push(random.u8(..));
        }
        let at = random.usize(..bytes.len());
        match random.u8(..10) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1..=3 => bytes[at] = ENDS[random.usize(..ENDS.len())],
            4 => bytes[at] = bytes[at].wrapping_add(random.u8(..3)).wrapping_sub(1),
            5 => bytes[at] = random.u8(..),
            6 => drop(bytes.drain(at..bytes.len().min(at + random.usize(1..9)))),
            7 => {
                let copied = bytes[at..bytes.len().min(at + random.usize(1..40))].to_vec();
                drop(bytes.splice(at..at, copied));
            }
            8 => bytes.truncate(at),
            _ if other.is_empty() => bytes[at] = 0,
            _ => {
                let from = random.usize(..other.len());
                let part = &other[from..other.len().min(from + random.usize(1..100))];
                let end = bytes.len().min(at + part.len());
                drop(bytes.splice(at..end, part.iter().copied()));
            }
        }
    }
    bytes
}

/// Numbers that take the place of others in a text.
const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "-2",
    "n",
    "2*n",
    "65536",
    "4294967296",
    "1e30",
    "nan",
    "9223372036854775807",
];

/// A few changes of a text of lines, of its numbers and its lines.
pub fn change_text(random: &mut Rng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(seed);
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    for _ in 0..random.usize(1..5) {
        if lines.is_empty() {
            return Vec::new();
        }
        let at = random.usize(..lines.len());
        match random.u8(..10) {
            0 => drop(lines.remove(at)),
            1 => {
                let to = random.usize(..lines.len());
                lines.swap(at, to);
            }
            2 => {
                let copied = lines[at].clone();
                lines.insert(at, copied);
            }
            3 => {
                let other = String::from_utf8_lossy(other);
                let others: Vec<&str> = other.lines().collect();
                if !others.is_empty() {
                    lines.insert(at, others[random.usize(..others.len())].to_string());
                }
            }
            _ => lines[at] = with_other_number(random, &lines[at]),
        }
    }
    lines.join("\n").into_bytes()
}

/// The line with one of its numbers replaced.
fn with_other_number(random: &mut Rng, line: &str) -> String {
    let mut places = Vec::new();
    let mut start = None;
    for (at, byte) in line.bytes().chain([b' ']).enumerate() {
        match (byte.is_ascii_digit(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                places.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    let Some(place) = random.choice(places) else { return line.to_string() };
    let number = NUMBERS[random.usize(..NUMBERS.len())];
    format!("{}{number}{}", &line[..place.start], &line[place.end..])
}
