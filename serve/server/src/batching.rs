//! Which requests of one model run together, and how their rows become one input and come apart.

use plan::Signature;
use repository::Batching;
use tensor::{DType, Dim, Tensor, Text, TextRow, Value};

/// How many of `waiting` requests are taken together.
pub(crate) fn take(batching: &Batching, waiting: usize) -> usize {
    let most = waiting.min(batching.max_rows.max(1));
    batching.preferred.iter().copied().filter(|&n| n > 0 && n <= most).max().unwrap_or(most)
}

/// Is there no reason to wait for more requests than these?
pub(crate) fn is_full(batching: &Batching, waiting: usize) -> bool {
    batching.max_delay.is_zero()
        || waiting >= batching.max_rows
        || batching.preferred.iter().any(|&n| n > 0 && n <= waiting)
}

/// May requests of a model with this signature share a run? Every input and output then has one
/// symbolic size first, the same for all, and nowhere else; and no output has a size that only
/// turns out while the model runs, which neighbors could change.
pub(crate) fn has_rows(signature: &Signature) -> bool {
    let first = signature.inputs.first().and_then(|port| port.shape.first());
    let Some(symbol) = first.and_then(Dim::as_symbol) else { return false };
    let is_given = |name: &str| {
        let mut dims = signature.inputs.iter().flat_map(|port| &port.shape);
        dims.any(|dim| mentions(dim, name))
    };
    let is_known = |dim: &Dim| {
        let mut is_known = true;
        dim.for_each_symbol(&mut |name| is_known &= is_given(name));
        is_known
    };
    let mut ports = signature.inputs.iter().chain(&signature.outputs);
    ports.all(|port| {
        let [rows, rest @ ..] = port.shape.as_slice() else { return false };
        let is_of_row = |dim: &Dim| is_known(dim) && !mentions(dim, symbol);
        rows.as_symbol() == Some(symbol)
            && rest.iter().all(is_of_row)
            && port.dtype != DType::Object
    })
}

/// Does the size depend on the symbol?
fn mentions(dim: &Dim, symbol: &str) -> bool {
    let mut is_found = false;
    dim.for_each_symbol(&mut |name| is_found |= name == symbol);
    is_found
}

/// Rows of these inputs, of a model that [`has_rows`].
pub(crate) fn rows(inputs: &[Value]) -> usize {
    inputs.first().and_then(|input| input.shape().first()).copied().unwrap_or(1)
}

/// Do two requests differ in the number of rows only?
pub(crate) fn fit(a: &[Value], b: &[Value]) -> bool {
    let same = |(a, b): (&Value, &Value)| {
        a.dtype() == b.dtype() && a.shape().get(1..) == b.shape().get(1..)
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// The inputs of several requests that fit, one after the other.
pub(crate) fn join(requests: &[&[Value]]) -> Result<Vec<Value>, String> {
    let count = requests.first().map_or(0, |first| first.len());
    let joined = (0..count).map(|port| {
        let parts: Vec<&Value> = requests.iter().filter_map(|request| request.get(port)).collect();
        let Some(first) = parts.first() else { return Err("an input is missing".into()) };
        let mut shape = first.shape().to_vec();
        shape[0] = parts.iter().map(|part| part.shape()[0]).sum();
        match first {
            Value::Tensor(_) => join_numbers(first.dtype(), &shape, &parts),
            Value::Text(_) => {
                let texts = parts.iter().filter_map(|part| part.text());
                let row: TextRow = texts.flat_map(|text| text.elements()).collect();
                Ok(row.shaped(&shape).map_err(|e| e.to_string())?.into())
            }
            Value::Sequence(_) | Value::Optional(_) => Err("an input is no tensor".into()),
        }
    });
    joined.collect()
}

fn join_numbers(dtype: DType, shape: &[usize], parts: &[&Value]) -> Result<Value, String> {
    let mut joined = Tensor::zeros(dtype, shape).map_err(|e| e.to_string())?;
    let mut rest = joined.bytes_mut();
    for part in parts.iter().filter_map(|part| part.tensor()) {
        let (to, behind) = rest.split_at_mut(part.bytes().len());
        to.copy_from_slice(part.bytes());
        rest = behind;
    }
    Ok(joined.into())
}

/// The outputs of requests with these numbers of rows.
pub(crate) fn part(outputs: &[Value], rows: &[usize]) -> Result<Vec<Vec<Value>>, String> {
    let total: usize = rows.iter().sum();
    let mut parts: Vec<Vec<Value>> = rows.iter().map(|_| Vec::new()).collect();
    for output in outputs {
        let found = output.shape().first().copied().unwrap_or(0);
        if found != total {
            return Err(format!("expected {total} rows in an output, found {found}"));
        }
        let mut start = 0;
        for (part, &rows) in parts.iter_mut().zip(rows) {
            part.push(rows_of(output, start, rows)?);
            start += rows;
        }
    }
    Ok(parts)
}

/// So many rows of an output that has them, from one on.
fn rows_of(output: &Value, start: usize, rows: usize) -> Result<Value, String> {
    let mut shape = output.shape().to_vec();
    let total = std::mem::replace(&mut shape[0], rows);
    let range = |length: usize| {
        let row = length.checked_div(total).unwrap_or(0);
        start * row..(start + rows) * row
    };
    let made = match output {
        Value::Tensor(tensor) => {
            let bytes = &tensor.bytes()[range(tensor.bytes().len())];
            Tensor::from_bytes(tensor.dtype(), &shape, bytes).map(Value::from)
        }
        Value::Text(text) => {
            let elements = range(text.len()).map(|at| text.element(at));
            Text::new(&shape, elements).map(Value::from)
        }
        Value::Sequence(_) | Value::Optional(_) => return Err("an output is no tensor".into()),
    };
    made.map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::Port;
    use std::time::Duration;
    use tensor::DType;

    fn policy(max_rows: usize, preferred: &[usize], delay_ms: u64) -> Batching {
        let max_delay = Duration::from_millis(delay_ms);
        Batching { max_rows, preferred: preferred.to_vec(), max_delay }
    }

    #[test]
    fn the_largest_preferred_size_is_taken() {
        let sizes = |p: &Batching| [1, 2, 3, 4, 5, 9, 40].map(|n| take(p, n));
        assert_eq!(sizes(&policy(8, &[], 0)), [1, 2, 3, 4, 5, 8, 8]);
        assert_eq!(sizes(&policy(8, &[2, 4], 0)), [1, 2, 2, 4, 4, 4, 4]);
        assert_eq!(sizes(&Batching::OFF), [1; 7]);
        assert_eq!(take(&policy(0, &[0], 0), 3), 1, "one is always taken");
    }

    #[test]
    fn waiting_ends_with_a_full_or_preferred_batch() {
        assert!(is_full(&policy(8, &[], 0), 1));
        assert!(!is_full(&policy(8, &[], 5), 7));
        assert!(is_full(&policy(8, &[], 5), 8));
        assert!(is_full(&policy(8, &[4], 5), 4));
        assert!(!is_full(&policy(8, &[4], 5), 3));
    }

    fn port(shape: Vec<Dim>) -> Port {
        Port { name: "p".to_string(), dtype: DType::F32, shape }
    }

    #[test]
    fn rows_are_one_symbol_in_front_of_everything() {
        let n = || Dim::symbol("n");
        let cases = [
            (vec![n(), Dim::from(3)], vec![n()], true),
            (vec![n(), Dim::symbol("t")], vec![n(), Dim::symbol("t")], true),
            (vec![n(), n()], vec![n()], false),
            (vec![Dim::from(1), Dim::from(3)], vec![Dim::from(1)], false),
            (vec![n()], vec![Dim::symbol("m")], false),
            (vec![n()], vec![n(), Dim::symbol("?1")], false),
            (vec![n()], vec![], false),
        ];
        for (input, output, expected) in cases {
            let signature = Signature { inputs: vec![port(input)], outputs: vec![port(output)] };
            assert_eq!(has_rows(&signature), expected, "{signature:?}");
        }
        assert!(!has_rows(&Signature { inputs: vec![], outputs: vec![] }));
    }

    #[test]
    fn what_is_joined_comes_apart() {
        let request = |rows: usize, from: f32| {
            let elements: Vec<f32> = (0..rows * 2).map(|i| from + i as f32).collect();
            let words = elements.iter().map(|x| "x".repeat(*x as usize));
            let text = Text::new(&[rows, 2], words).unwrap();
            vec![Tensor::from_slice(&[rows, 2], &elements).unwrap().into(), text.into()]
        };
        let requests: [Vec<Value>; 3] = [request(1, 0.0), request(0, 0.0), request(3, 9.0)];
        assert!(fit(&requests[0], &requests[2]));
        let joined = join(&requests.each_ref().map(Vec::as_slice)).unwrap();
        assert_eq!(joined[0].shape(), [4, 2]);
        assert_eq!(joined[1].shape(), [4, 2]);
        assert_eq!(part(&joined, &[1, 0, 3]).unwrap(), requests);
        assert!(part(&joined, &[1, 1]).is_err());
        let (numbers, text) = (&requests[0][..1], &requests[0][1..]);
        assert!(!fit(numbers, text));
    }
}
