//! The eight ways in which a rectangle can be laid onto a grid.

/// How the trainer's image lies against ours: transposed first, then flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Orientation {
    pub(crate) is_transposed: bool,
    pub(crate) is_upside_down: bool,
    pub(crate) is_mirrored: bool,
}

impl Orientation {
    /// Every one, ours first.
    pub(crate) fn all() -> impl Iterator<Item = Orientation> {
        (0..8).map(|bits| Orientation {
            is_mirrored: bits & 1 != 0,
            is_upside_down: bits & 2 != 0,
            is_transposed: bits & 4 != 0,
        })
    }

    /// How people call it.
    pub(crate) fn name(self) -> &'static str {
        match (self.is_transposed, self.is_upside_down, self.is_mirrored) {
            (false, false, false) => "as in the file",
            (false, false, true) => "mirrored left to right",
            (false, true, false) => "flipped upside down",
            (false, true, true) => "rotated by 180°",
            (true, false, false) => "height and width transposed",
            (true, false, true) => "rotated by 90° clockwise",
            (true, true, false) => "rotated by 90° counterclockwise",
            (true, true, true) => "transposed across the other diagonal",
        }
    }

    /// Height and width before the image was turned in this way.
    pub(crate) fn size_before(self, (height, width): (usize, usize)) -> (usize, usize) {
        if self.is_transposed { (width, height) } else { (height, width) }
    }

    /// Turns a plane; `size` is what it has then.
    pub(crate) fn apply(self, plane: &[f32], size: (usize, usize)) -> Vec<f32> {
        self.places(size).map(|(_, before)| plane[before]).collect()
    }

    /// The plane that was turned into this one, which has this size.
    pub(crate) fn undo(self, plane: &[f32], size: (usize, usize)) -> Vec<f32> {
        let mut out = vec![0.0; plane.len()];
        for (after, before) in self.places(size) {
            out[before] = plane[after];
        }
        out
    }

    /// For each place of the turned plane, that place and where it was before.
    fn places(self, (height, width): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        let (_, width_before) = self.size_before((height, width));
        (0..height * width).map(move |after| {
            let (mut y, mut x) = (after / width, after % width);
            if self.is_upside_down {
                y = height - 1 - y;
            }
            if self.is_mirrored {
                x = width - 1 - x;
            }
            let (y, x) = if self.is_transposed { (x, y) } else { (y, x) };
            (after, y * width_before + x)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_turned_is_turned_back() {
        let plane: Vec<f32> = (0..6u8).map(f32::from).collect();
        for orientation in Orientation::all() {
            let size = orientation.size_before((2, 3));
            let turned = orientation.apply(&plane, size);
            assert_eq!(orientation.undo(&turned, size), plane, "{orientation:?}");
        }
    }

    #[test]
    fn the_names_say_what_is_done() {
        // 0 1 2
        // 3 4 5
        let plane: Vec<f32> = (0..6u8).map(f32::from).collect();
        let turned = |is_transposed, is_upside_down, is_mirrored| {
            let orientation = Orientation { is_transposed, is_upside_down, is_mirrored };
            let size = orientation.size_before((2, 3));
            (orientation.name(), orientation.apply(&plane, size))
        };
        let (name, found) = turned(true, false, true);
        assert_eq!((name, found), ("rotated by 90° clockwise", vec![3., 0., 4., 1., 5., 2.]));
        let (name, found) = turned(true, false, false);
        assert_eq!((name, found), ("height and width transposed", vec![0., 3., 1., 4., 2., 5.]));
        let (name, found) = turned(false, false, true);
        assert_eq!((name, found), ("mirrored left to right", vec![2., 1., 0., 5., 4., 3.]));
    }
}
