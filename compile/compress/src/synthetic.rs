//! Inputs made up, for models without data.
//!
//! An approximation: numbers are normally distributed, as prepared images and features about are,
//! and tokens are any of those that the model knows. Ranges that are calibrated by them are those
//! of noise; what matters is tested on real samples.

use crate::{CompressError, Samples};
use ir::{Graph, Op, ValueId};
use tensor::{DType, Tensor};

/// Tokens where no table says how many there are: 0 and 1, which masks have too.
const TOKENS: usize = 2;

impl Samples {
    /// So many made-up samples of a graph's inputs, the same for the same seed.
    pub fn synthetic(graph: &Graph, count: usize, seed: u64) -> Result<Samples, CompressError> {
        let sizes = lower::default_sizes(&lower::signature(graph));
        let mut random = fastrand::Rng::with_seed(seed);
        let mut inputs = Vec::with_capacity(count);
        for _ in 0..count {
            let made = graph.inputs.iter().map(|&id| {
                let value = graph.value(id);
                let dims = value.shape.iter().map(|dim| dim.evaluate(&sizes));
                let shape: Option<Vec<usize>> =
                    dims.map(|dim| usize::try_from(dim.ok()?).ok()).collect();
                let shape = shape.ok_or_else(|| refused(&value.name, "known sizes", "others"))?;
                input(graph, id, &shape, &mut random)
            });
            inputs.push(made.collect::<Result<_, _>>()?);
        }
        Ok(Samples { inputs, labels: None })
    }
}

fn refused(name: &str, expected: &str, found: &str) -> CompressError {
    CompressError::Unfit(format!(
        "input `{name}`: expected {expected} to make up samples, found {found}; give samples"
    ))
}

fn input(
    graph: &Graph,
    id: ValueId,
    shape: &[usize],
    random: &mut fastrand::Rng,
) -> Result<Tensor, CompressError> {
    let value = graph.value(id);
    let count = tensor::element_count(shape)
        .ok_or_else(|| refused(&value.name, "sizes that fit in memory", "more"))?;
    let tokens = tokens(graph, id);
    match value.dtype {
        DType::F32 => {
            let numbers: Vec<f32> = (0..count).map(|_| normal(random)).collect();
            Ok(Tensor::from_slice(shape, &numbers)?)
        }
        DType::I64 => {
            let numbers: Vec<i64> = (0..count).map(|_| random.i64(0..tokens as i64)).collect();
            Ok(Tensor::from_slice(shape, &numbers)?)
        }
        DType::I32 => {
            let most = i32::try_from(tokens).unwrap_or(i32::MAX);
            let numbers: Vec<i32> = (0..count).map(|_| random.i32(0..most)).collect();
            Ok(Tensor::from_slice(shape, &numbers)?)
        }
        found => Err(refused(&value.name, "f32, i32 or i64", found.name())),
    }
}

/// Rows of the smallest table that an input picks from.
fn tokens(graph: &Graph, id: ValueId) -> usize {
    let tables = graph.nodes.iter().filter_map(|node| match node.op {
        Op::Gather { axis } if node.inputs[1] == id => {
            graph.known(node.inputs[0])?.shape().get(axis)
        }
        _ => None,
    });
    tables.copied().min().unwrap_or(TOKENS).max(1)
}

/// Standard normal (Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958).
fn normal(random: &mut fastrand::Rng) -> f32 {
    let (radius, angle) = (1.0 - random.f64(), random.f64() * std::f64::consts::TAU);
    ((-2.0 * radius.ln()).sqrt() * angle.cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Dim;

    #[test]
    fn numbers_are_normal_and_tokens_are_in_the_table() {
        let mut graph = Graph::new("text");
        let tokens = graph.input("tokens", DType::I64, [2, 50].map(Dim::from).to_vec());
        let numbers = graph.input("numbers", DType::F32, vec![Dim::from(4000)]);
        let table = Tensor::zeros(DType::F32, &[7, 3]).unwrap();
        let table = graph.constant("table", table);
        let made = graph.add("embed", Op::Gather { axis: 0 }, &[table, tokens]).unwrap();
        graph.output("y", made);
        graph.output("z", numbers);
        let samples = Samples::synthetic(&graph, 2, 9).unwrap();
        let picked = samples.inputs[1][0].as_slice::<i64>().unwrap();
        assert!(picked.iter().all(|token| (0..7).contains(token)) && picked.contains(&6));
        let numbers = samples.inputs[0][1].as_slice::<f32>().unwrap();
        let (mean, square) = numbers.iter().fold((0.0, 0.0), |(m, s), x| (m + x, s + x * x));
        assert!((mean / 4000.0).abs() < 0.06 && (square / 4000.0 - 1.0).abs() < 0.08);
        let again = Samples::synthetic(&graph, 2, 9).unwrap();
        assert_eq!(samples.inputs, again.inputs);
    }
}
