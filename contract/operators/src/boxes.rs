//! Rectangles of images as detectors make them. They are computed in single precision: which of two
//! boxes goes depends on the last bit where an overlap is just at the threshold.

/// A rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rectangle(pub(crate) [f32; 4]);

impl Rectangle {
    /// Of its center, width and height.
    pub(crate) fn centered([x, y, width, height]: [f32; 4]) -> Rectangle {
        let (width, height) = (width / 2.0, height / 2.0);
        Rectangle([x - width, y - height, x + width, y + height])
    }

    /// Width times height where a side is longer by `border` than its ends are apart; 0 for a
    /// side below 0.
    pub(crate) fn area(&self, border: f32) -> f32 {
        let [left, top, right, bottom] = self.0;
        let (width, height) = (right - left + border, bottom - top + border);
        if width < 0.0 || height < 0.0 { 0.0 } else { width * height }
    }

    /// The area that both have.
    pub(crate) fn shared(&self, other: &Rectangle, border: f32) -> f32 {
        let side = |low: usize, high: usize| {
            let (low, high) = (self.0[low].max(other.0[low]), self.0[high].min(other.0[high]));
            (high - low + border).max(0.0)
        };
        side(0, 2) * side(1, 3)
    }

    /// The shared area over that of both together; not a number where that is 0.
    pub(crate) fn overlap(&self, other: &Rectangle, border: f32) -> f32 {
        let shared = self.shared(other, border);
        shared / (self.area(border) + other.area(border) - shared)
    }
}

/// Places by falling score, equal ones in order.
pub(crate) fn by_score(count: usize, score: impl Fn(usize) -> f32) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|&a, &b| score(b).partial_cmp(&score(a)).unwrap_or(std::cmp::Ordering::Equal));
    places
}

/// Which of so many are kept, at most `most`, each of which drops those behind it that it is told
/// to.
pub(crate) fn kept(count: usize, most: usize, drops: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut is_dropped = vec![false; count];
    let mut kept = Vec::new();
    for at in 0..count {
        if kept.len() >= most {
            break;
        }
        if is_dropped[at] {
            continue;
        }
        kept.push(at);
        for (behind, is_dropped) in is_dropped.iter_mut().enumerate().skip(at + 1) {
            *is_dropped = *is_dropped || drops(at, behind);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_those_of_areas() {
        let (a, b) = (Rectangle([0.0, 0.0, 2.0, 2.0]), Rectangle([1.0, 0.0, 3.0, 2.0]));
        assert_eq!(a.overlap(&b, 0.0), 2.0 / 6.0);
        // With a border of one element the sides are 3 long, and 2 of them are shared.
        assert_eq!(a.overlap(&b, 1.0), 6.0 / 12.0);
        assert_eq!(Rectangle::centered([1.0, 1.0, 2.0, 2.0]), a);
        assert_eq!(Rectangle([2.0, 0.0, 0.0, 2.0]).area(0.0), 0.0);
    }

    #[test]
    fn what_is_kept_drops_what_is_behind_it_and_nothing_else() {
        // 1 would drop 2, but is dropped by 0.
        let drops = |a: usize, b: usize| (a, b) == (0, 1) || (a, b) == (1, 2);
        assert_eq!(kept(4, usize::MAX, drops), [0, 2, 3]);
        assert_eq!(kept(4, 2, drops), [0, 2]);
        assert_eq!(by_score(4, |at| [1.0, 3.0, 1.0, 2.0][at]), [1, 3, 0, 2]);
    }
}
