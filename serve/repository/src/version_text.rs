//! TorchServe's versions are texts such as `1.0`, everybody else's are numbers.

/// Bits of the second and of the third number, and the mark of a number that was made of several.
/// A plain version is below it up to 2⁴⁰.
const PART_BITS: u32 = 20;
const MARK: u64 = 1 << 62;
const MAJOR_MAX: u64 = (1 << (62 - 2 * PART_BITS)) - 1;
const PART_MAX: u64 = (1 << PART_BITS) - 1;

/// The number of a version: `7` and `7.0` are 7; one with a second or third number that is not
/// zero is above all of those, in the usual order. `None` when it is no such text.
///
/// ```
/// use repository::{version_number, version_text};
/// assert_eq!(version_number("2.0"), Some(2));
/// assert_eq!(version_text(2), "2.0");
/// let (old, new) = (version_number("1.9").unwrap(), version_number("1.10.2").unwrap());
/// assert!(old < new);
/// assert_eq!(version_text(new), "1.10.2");
/// ```
pub fn version_number(text: &str) -> Option<u64> {
    let mut parts = [0; 3];
    for (at, part) in text.split('.').enumerate() {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        *parts.get_mut(at)? = is_number.then(|| part.parse::<u64>().ok()).flatten()?;
    }
    let [major, minor, patch] = parts;
    if minor == 0 && patch == 0 {
        return (major < MARK).then_some(major);
    }
    let fits = major <= MAJOR_MAX && minor <= PART_MAX && patch <= PART_MAX;
    fits.then_some(MARK | major << (2 * PART_BITS) | minor << PART_BITS | patch)
}

/// The text of a version's number.
pub fn version_text(number: u64) -> String {
    if number & MARK == 0 || number > (MARK | (MARK - 1)) {
        return format!("{number}.0");
    }
    let number = number & !MARK;
    let (major, minor) = (number >> (2 * PART_BITS), number >> PART_BITS & PART_MAX);
    match number & PART_MAX {
        0 => format!("{major}.{minor}"),
        patch => format!("{major}.{minor}.{patch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_one_to_one() {
        for text in ["0.0", "1.0", "9.0", "20240131.0", "1.1", "0.1", "1.0.1", "2.10.3"] {
            assert_eq!(version_text(version_number(text).unwrap()), text);
        }
        for text in ["1", "1.0", "1.0.0", "01.0"] {
            assert_eq!(version_number(text), Some(1), "{text}");
        }
        for text in ["", ".", "1.", "v1", "1.0.0.0", "-1", "1e3", "9999999999999999999.0"] {
            assert_eq!(version_number(text), None, "{text}");
        }
    }

    #[test]
    fn versions_of_several_numbers_keep_their_order() {
        let versions = ["0.1", "1.1", "1.2", "1.10", "1.10.1", "2.1"];
        let numbers: Vec<u64> = versions.iter().map(|v| version_number(v).unwrap()).collect();
        assert!(numbers.is_sorted());
    }
}
