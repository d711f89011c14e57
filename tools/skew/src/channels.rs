//! Which of an image's colors each channel of a tensor shows.

use recipe::Color;

/// The channels of a tensor, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    Rgb,
    Bgr,
    Rbg,
    Grb,
    Gbr,
    Brg,
    Gray,
    GrayThrice,
    Red,
    Green,
    Blue,
}

const LUMA: usize = 3;

/// Each with its name and what it shows: 0 red, 1 green, 2 blue, 3 luma. The likeliest first.
const ROWS: [(Channels, &str, &[usize]); 11] = [
    (Channels::Rgb, "rgb", &[0, 1, 2]),
    (Channels::Bgr, "bgr", &[2, 1, 0]),
    (Channels::GrayThrice, "gray three times", &[LUMA, LUMA, LUMA]),
    (Channels::Gray, "gray", &[LUMA]),
    (Channels::Rbg, "rbg", &[0, 2, 1]),
    (Channels::Grb, "grb", &[1, 0, 2]),
    (Channels::Gbr, "gbr", &[1, 2, 0]),
    (Channels::Brg, "brg", &[2, 0, 1]),
    (Channels::Green, "green alone", &[1]),
    (Channels::Red, "red alone", &[0]),
    (Channels::Blue, "blue alone", &[2]),
];

impl Channels {
    /// Every one with so many channels.
    pub(crate) fn of_count(count: usize) -> impl Iterator<Item = Channels> {
        ROWS.iter()
            .filter(move |(_, _, shown)| shown.len() == count)
            .map(|(channels, ..)| *channels)
    }

    /// Those of a recipe.
    pub(crate) fn of_color(color: Color) -> Channels {
        match color {
            Color::Rgb => Channels::Rgb,
            Color::Bgr => Channels::Bgr,
            Color::Gray => Channels::Gray,
        }
    }

    /// The recipe's word for them, if it has one.
    pub(crate) fn color(self) -> Option<Color> {
        [Color::Rgb, Color::Bgr, Color::Gray].into_iter().find(|c| Channels::of_color(*c) == self)
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    /// What each channel shows, as [`crate::levels::Levels::sources`] counts.
    pub(crate) fn shown(self) -> &'static [usize] {
        self.row().2
    }

    fn row(self) -> &'static (Channels, &'static str, &'static [usize]) {
        ROWS.iter().find(|row| row.0 == self).unwrap_or(&ROWS[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_its_row() {
        assert!(ROWS.iter().all(|row| row.0.row() == row));
        assert_eq!(Channels::of_count(3).count() + Channels::of_count(1).count(), ROWS.len());
        assert_eq!(Channels::Bgr.color(), Some(Color::Bgr));
        assert_eq!(Channels::GrayThrice.color(), None);
    }
}
