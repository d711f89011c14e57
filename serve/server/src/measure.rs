//! Whether and how far a model gains by running requests together, measured before it answers.

use crate::batching::{has_rows, join, part};
use crate::{Refusal, Servable};
use repository::Batching;
use std::time::{Duration, Instant};
use tensor::{DType, Tensor, TensorError, Text, Value};

/// Most rows that are tried. Beyond, the first of a batch waits longer than it gains.
const ROWS_MAX: usize = 64;

/// Time for all of it. Small models, the ones that gain, need a fraction.
const BUDGET: Duration = Duration::from_millis(100);

/// Longest run of one batch: others wait for as long.
const RUN_MAX: Duration = Duration::from_millis(20);

/// Twice the rows must save this share of the time of each.
const GAIN_MIN: f64 = 0.1;

/// How long the model runs on the example, once it has run before.
///
/// # Errors
/// When the model fails on the example.
pub fn measure_run(servable: &Servable, example: &[Value]) -> Result<Duration, Refusal> {
    timed(servable, example).map(|(_, time)| time)
}

/// The batch sizes at which the model takes least time for a row: the powers of two up to where
/// doubling saves less than a tenth. `example` is the input for one row, which takes `run`.
///
/// A model whose answers change with their neighbors (one that sums over its rows, say) runs each
/// request alone: two rows are run together and alone, and must give the same bytes.
///
/// # Errors
/// When the model fails on the example.
pub fn measure_batching(
    servable: &Servable,
    example: &[Value],
    run: Duration,
) -> Result<Batching, Refusal> {
    if !has_rows(servable.signature()) || run > RUN_MAX {
        return Ok(Batching::OFF);
    }
    let (start, mut best) = (Instant::now(), run);
    let first = servable.run(example)?;
    // Another row may be one that the model does not bear, an index that it does not have.
    let (other, second) =
        match another(example).and_then(|other| Ok((servable.run(&other)?, other))) {
            Ok((second, other)) => (other, second),
            Err(_) => (example.to_vec(), first.clone()),
        };
    let expected = [first, second];
    let mut max_rows = 1;
    let mut rows = 2;
    while rows <= ROWS_MAX && start.elapsed() < BUDGET {
        let pair = [example, other.as_slice()];
        let requests: Vec<&[Value]> = (0..rows).map(|row| pair[row % 2]).collect();
        let failure = |reason| servable.failure(reason);
        let (outputs, time) = timed(servable, &join(&requests).map_err(failure)?)?;
        let parts = part(&outputs, &vec![1; rows]).map_err(failure)?;
        if (0..rows).any(|row| parts[row] != expected[row % 2]) {
            return Ok(Batching::OFF);
        }
        let each = time / rows as u32;
        if time > RUN_MAX || each.as_secs_f64() > (1.0 - GAIN_MIN) * best.as_secs_f64() {
            break;
        }
        (best, max_rows) = (each, rows);
        rows *= 2;
    }
    let preferred = std::iter::successors(Some(1), |rows| Some(rows * 2));
    let preferred = preferred.take_while(|&rows| rows <= max_rows).collect();
    Ok(Batching { max_rows, preferred, max_delay: Duration::ZERO })
}

/// The outputs, and the best time of some runs: the first one also binds the plan to the size.
fn timed(servable: &Servable, inputs: &[Value]) -> Result<(Vec<Value>, Duration), Refusal> {
    const RUNS: usize = 3;
    let mut outputs = servable.run(inputs)?;
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        outputs = servable.run(inputs)?;
        best = best.min(start.elapsed());
        if best > RUN_MAX {
            break;
        }
    }
    Ok((outputs, best))
}

/// Another row, about as valid as the first: the same elements in the reverse order, and where that
/// is the same row, other numbers.
fn another(inputs: &[Value]) -> Result<Vec<Value>, Refusal> {
    let other = |input: &Value| {
        let other = match input {
            Value::Tensor(tensor) => {
                let (dtype, shape) = (tensor.dtype(), tensor.shape());
                let elements = tensor.bytes().chunks_exact(dtype.size());
                let reversed: Vec<u8> = elements.rev().flatten().copied().collect();
                match reversed == tensor.bytes() {
                    false => Tensor::from_bytes(dtype, shape, &reversed),
                    true => changed(tensor),
                }
                .map(Value::from)
            }
            Value::Text(text) => Text::new(text.shape(), text.elements().rev()).map(Value::from),
            Value::Sequence(_) | Value::Optional(_) => Ok(input.clone()),
        };
        other.map_err(|e| Refusal::InvalidArgument(e.to_string()))
    };
    inputs.iter().map(other).collect()
}

/// Floats of half the size, and integers that hardly any model refuses: 0 in place of others, 1 in
/// place of 0.
fn changed(tensor: &Tensor) -> Result<Tensor, TensorError> {
    /// In place of zero: pixels and features have as much.
    const SOME: f32 = 0.25;
    let mut changed = tensor.clone();
    match tensor.dtype() {
        DType::F32 => {
            let half = |x: &mut f32| *x = if *x == 0.0 { SOME } else { 0.5 * *x };
            changed.as_mut_slice()?.iter_mut().for_each(half);
        }
        DType::F64 => {
            let half = |x: &mut f64| *x = if *x == 0.0 { SOME.into() } else { 0.5 * *x };
            changed.as_mut_slice()?.iter_mut().for_each(half);
        }
        dtype if dtype.is_float() => {}
        dtype => {
            for element in changed.bytes_mut().chunks_exact_mut(dtype.size()) {
                let one = u8::from(element.iter().all(|&byte| byte == 0));
                element.fill(0);
                element[0] = one;
            }
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rowwise;

    fn example() -> [Value; 1] {
        [Tensor::from_slice(&[1], &[0.5f32]).unwrap().into()]
    }

    /// A model that takes this long, whatever the rows.
    fn of_fixed_cost(cost: Duration) -> Servable {
        rowwise("fixed", move |inputs| {
            std::thread::sleep(cost);
            Ok(inputs.to_vec())
        })
    }

    fn measured(servable: &Servable) -> Result<Batching, Refusal> {
        measure_batching(servable, &example(), measure_run(servable, &example())?)
    }

    #[test]
    fn a_model_of_fixed_cost_gains_by_every_doubling() {
        let batching = measured(&of_fixed_cost(Duration::from_millis(2))).unwrap();
        assert!(batching.max_rows >= 8, "{batching:?}");
        assert_eq!(batching.preferred.last(), Some(&batching.max_rows));
    }

    #[test]
    fn a_model_that_takes_long_runs_each_alone() {
        assert_eq!(measured(&of_fixed_cost(2 * RUN_MAX)), Ok(Batching::OFF));
    }

    #[test]
    fn a_model_that_mixes_its_rows_runs_each_alone() {
        let mixing = rowwise("mixing", |inputs| {
            std::thread::sleep(Duration::from_millis(1));
            let x = inputs[0].as_slice::<f32>().unwrap();
            let rows = x.len() as f32;
            let y: Vec<f32> = x.iter().map(|x| x / rows).collect();
            Ok(vec![Tensor::from_slice(&[x.len()], &y).unwrap().into()])
        });
        assert_eq!(measured(&mixing), Ok(Batching::OFF));
        // What goes from row to row is seen although a row is one number.
        let shifting = rowwise("shifting", |inputs| {
            std::thread::sleep(Duration::from_millis(1));
            let mut x = inputs[0].as_slice::<f32>().unwrap().to_vec();
            x.rotate_left(1);
            Ok(vec![Tensor::from_slice(&[x.len()], &x).unwrap().into()])
        });
        assert_eq!(measured(&shifting), Ok(Batching::OFF));
    }

    #[test]
    fn another_row_is_another() {
        let rows: [Value; 4] = [
            Tensor::from_slice(&[1], &[0.0f32]).unwrap().into(),
            Tensor::from_slice(&[1, 3], &[7i64, 0, 7]).unwrap().into(),
            Tensor::from_slice(&[1, 2], &[1u8, 2]).unwrap().into(),
            Text::new(&[2], ["a", "b"]).unwrap().into(),
        ];
        let others = another(&rows).unwrap();
        assert!(rows.iter().zip(&others).all(|(row, other)| row != other), "{others:?}");
        assert_eq!(others[1].tensor().unwrap().as_slice::<i64>().unwrap(), [0, 1, 0]);
    }
}
