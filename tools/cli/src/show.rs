//! Numbers and shapes as people read them.

use plan::Port;

/// `image: f32[n, 1, 28, 28]`
pub(crate) fn port(port: &Port) -> String {
    format!("{}: {}{:?}", port.name, port.dtype, port.shape)
}

/// `18.6 MB`, in powers of ten, as disks and networks are sold.
pub(crate) fn bytes(count: u64) -> String {
    with_unit(count as f64, &["B", "kB", "MB", "GB", "TB"])
}

/// `385 M`
pub(crate) fn count(count: u64) -> String {
    with_unit(count as f64, &["", "k", "M", "G", "T"]).trim_end().to_string()
}

/// Three significant digits and the largest unit that leaves one digit before the point.
fn with_unit(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match (unit, value) {
        (0, _) => 0,
        (_, v) if v >= 99.95 => 0,
        (_, v) if v >= 9.995 => 1,
        (_, _) => 2,
    };
    format!("{value:.decimals$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (77_818, "77.8 kB"),
            (999_600, "1.00 MB"),
            (18_600_000, "18.6 MB"),
            (123_456_789, "123 MB"),
        ] {
            assert_eq!(bytes(value), expected);
        }
        assert_eq!(count(385_000_000), "385 M");
        assert_eq!(count(12), "12");
    }
}
