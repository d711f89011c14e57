//! Elements of an image and their weights, for what is read between elements.

/// Elements of an image, by their place in row-major order, and how much each weighs.
pub(crate) type Taps = Vec<(usize, f64)>;

/// The two elements around a place on one axis; what is outside of the axis counts as zero.
pub(crate) fn linear(place: f64, size: usize) -> impl Iterator<Item = (usize, f64)> {
    let before = place.floor();
    let ratio = place - before;
    let pair = [(before as i64, 1.0 - ratio), ((before as i64).saturating_add(1), ratio)];
    pair.into_iter().filter_map(move |(index, weight)| {
        let index = usize::try_from(index).ok().filter(|&index| index < size)?;
        Some((index, weight))
    })
}

/// Puts every combination of the elements of each axis in place of what `made` holds.
pub(crate) fn combine(axes: &[Taps], strides: &[usize], made: &mut Taps) {
    made.clear();
    made.push((0, 1.0));
    for (taps, stride) in axes.iter().zip(strides) {
        let count = made.len();
        for before in 0..count {
            let (at, weight) = made[before];
            made.extend(taps.iter().map(|&(index, factor)| (at + index * stride, weight * factor)));
        }
        made.drain(..count);
    }
}

/// The weighted sum of the elements.
pub(crate) fn sum(image: &[f64], taps: &[(usize, f64)]) -> f64 {
    taps.iter().map(|&(at, weight)| image[at] * weight).sum()
}
