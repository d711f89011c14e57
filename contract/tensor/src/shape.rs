//! Arithmetic on concrete shapes.

/// The number of elements, or `None` when it does not fit in a `usize`.
///
/// ```
/// assert_eq!(tensor::element_count(&[2, 3, 4]), Some(24));
/// assert_eq!(tensor::element_count(&[]), Some(1));
/// ```
pub fn element_count(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |count, &d| count.checked_mul(d))
}

/// Distance in elements between neighbours along each axis of a dense row-major tensor.
///
/// ```
/// assert_eq!(tensor::row_major_strides(&[2, 3, 4]), [12, 4, 1]);
/// ```
pub fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

/// The common shape of two operands under the multidirectional broadcasting of ONNX and NumPy,
/// or `None` when there is none.
///
/// ```
/// assert_eq!(tensor::broadcast(&[4, 1, 3], &[2, 1]), Some(vec![4, 2, 3]));
/// assert_eq!(tensor::broadcast(&[2], &[3]), None);
/// ```
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], axis: usize| {
        let missing = rank - s.len();
        if axis < missing { 1 } else { s[axis - missing] }
    };
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}
