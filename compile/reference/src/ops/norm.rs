//! Normalizations.

use crate::ReferenceError;
use crate::numbers::{read_floats, store_floats};
use crate::ops::elementwise::maximum;
use tensor::Tensor;

/// `e^x / sum(e^x)` along `axis`, the largest element subtracted first so that nothing
/// overflows.
pub(crate) fn softmax(axis: usize, x: &Tensor) -> Result<Tensor, ReferenceError> {
    along(axis, x, |row| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, maximum);
        let sum: f64 = row.iter().map(|&x| (x - largest).exp()).sum();
        row.iter().map(|&x| (x - largest).exp() / sum).collect()
    })
}

/// `x - log(sum(e^x))` along `axis`.
pub(crate) fn log_softmax(axis: usize, x: &Tensor) -> Result<Tensor, ReferenceError> {
    along(axis, x, |row| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, maximum);
        let sum: f64 = row.iter().map(|&x| (x - largest).exp()).sum();
        row.iter().map(|&x| x - largest - sum.ln()).collect()
    })
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` over the axes from `axis` on.
pub(crate) fn layer_norm(
    axis: usize,
    epsilon: f32,
    inputs: &[&Tensor],
) -> Result<Tensor, ReferenceError> {
    let shape = inputs[0].shape();
    let (x, scale) = (read_floats(inputs[0])?, read_floats(inputs[1])?);
    let bias = inputs.get(2).map(|bias| read_floats(bias)).transpose()?;
    let count: usize = shape[axis..].iter().product();
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(count.max(1)) {
        let mean = row.iter().sum::<f64>() / count as f64;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count as f64;
        let deviation = (variance + f64::from(epsilon)).sqrt();
        for (i, x) in row.iter().enumerate() {
            let bias = bias.as_ref().map_or(0.0, |b| b[i]);
            y.push((x - mean) / deviation * scale[i] + bias);
        }
    }
    store_floats(inputs[0].dtype(), shape, &y)
}

/// `x / (bias + alpha / size * sum(x^2 over size neighbouring channels))^beta`. The sum of
/// channel `c` runs from `c - floor((size - 1) / 2)` to `c + ceil((size - 1) / 2)`, as far as
/// there are channels.
pub(crate) fn local_response_norm(
    size: usize,
    parameters: [f32; 3],
    x: &Tensor,
) -> Result<Tensor, ReferenceError> {
    let [alpha, beta, bias] = parameters.map(f64::from);
    let (below, above) = ((size - 1) / 2, size / 2);
    along(1, x, |channels| {
        let normalize = |c: usize| {
            let last = c.saturating_add(above).min(channels.len() - 1);
            let neighbors = &channels[c.saturating_sub(below)..=last];
            let sum: f64 = neighbors.iter().map(|x| x * x).sum();
            channels[c] / (bias + alpha / size as f64 * sum).powf(beta)
        };
        (0..channels.len()).map(normalize).collect()
    })
}

/// Replaces each row of elements along `axis` by what `function` makes of it.
fn along(
    axis: usize,
    x: &Tensor,
    function: impl Fn(&[f64]) -> Vec<f64>,
) -> Result<Tensor, ReferenceError> {
    let mut elements = read_floats(x)?;
    let shape = x.shape();
    let inner: usize = shape[axis + 1..].iter().product();
    let block = shape[axis] * inner;
    for start in (0..elements.len()).step_by(block.max(1)) {
        for first in start..start + inner {
            let at = |i: usize| first + i * inner;
            let row: Vec<f64> = (0..shape[axis]).map(|i| elements[at(i)]).collect();
            for (i, y) in function(&row).into_iter().enumerate() {
                elements[at(i)] = y;
            }
        }
    }
    store_floats(x.dtype(), shape, &elements)
}
