//! How much memory a model may take.

use std::fs;
use std::path::Path;

/// Share of the memory that this process may use that a model may take: the other half is for
/// what is held twice while a model loads, for requests, and for other programs.
const SHARE: usize = 2;

/// What is assumed where the system does not tell.
const ASSUMED_BYTES: usize = 4 << 30;

/// Units by how they are written; those of ten and those of two.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
];

/// An amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) bytes: usize,
}

impl Memory {
    /// Reads `512MB`, `2GiB` or `1.5g`.
    pub(crate) fn parse(text: &str) -> Result<Memory, String> {
        let expected = || format!("expected a size like 512MB or 2GiB, found `{text}`");
        let is_digit = |c: char| c.is_ascii_digit() || c == '.';
        let (number, unit) = text.split_at(text.find(|c| !is_digit(c)).unwrap_or(text.len()));
        let unit = unit.trim().to_ascii_lowercase();
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?;
        let number: f64 = number.parse().map_err(|_| expected())?;
        let bytes = number * *unit as f64;
        // Conversion saturates: what is more than all memory is no limit at all.
        if bytes >= 1.0 { Ok(Memory { bytes: bytes as usize }) } else { Err(expected()) }
    }

    /// What a model may take when nothing else is said.
    pub(crate) fn share_of_this_machine() -> Memory {
        let limits = [installed(), of_control_group(), of_address_space()];
        let usable = limits.into_iter().flatten().min().unwrap_or(ASSUMED_BYTES);
        Memory { bytes: usable / SHARE }
    }
}

/// The machine's memory.
fn installed() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

/// The limit of the control group that this process is in, and of those around it.
fn of_control_group() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            names if names.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let read = |group: &Path| {
            let path = Path::new(root).join(group.strip_prefix("/").ok()?).join(file);
            // `max`, where there is no limit, is no number.
            fs::read_to_string(path).ok()?.trim().parse::<usize>().ok()
        };
        Path::new(path).ancestors().filter_map(read).min()
    });
    limits.min()
}

/// The limit of `ulimit -v`.
fn of_address_space() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current?;
    usize::try_from(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("512MB", 512_000_000),
            ("2GiB", 2 << 30),
            ("1.5g", 1_500_000_000),
            ("64 kib", 64 << 10),
            ("4096", 4096),
        ] {
            assert_eq!(Memory::parse(text), Ok(Memory { bytes }), "{text}");
        }
        for text in ["", "GB", "-1GB", "12parsecs", "0", "1..2MB"] {
            assert!(Memory::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_machine_has_memory() {
        assert!(Memory::share_of_this_machine().bytes > 1 << 20);
    }
}
