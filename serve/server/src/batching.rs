//! Which requests of one model run together, and how their rows become one input and come apart.

use plan::Signature;
use repository::Batching;
use tensor::{Dim, Tensor};

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
/// symbolic size first, the same for all, and nowhere else.
pub(crate) fn has_rows(signature: &Signature) -> bool {
    let ports = || signature.inputs.iter().chain(&signature.outputs);
    let first = signature.inputs.first().and_then(|port| port.shape.first());
    let Some(symbol) = first.and_then(Dim::as_symbol) else { return false };
    let depends = |dim: &Dim| {
        let mut is_found = false;
        dim.for_each_symbol(&mut |name| is_found |= name == symbol);
        is_found
    };
    ports().all(|port| {
        let [rows, rest @ ..] = port.shape.as_slice() else { return false };
        rows.as_symbol() == Some(symbol) && !rest.iter().any(depends) && port.dtype.is_dense()
    })
}

/// Rows of these inputs, of a model that [`has_rows`].
pub(crate) fn rows(inputs: &[Tensor]) -> usize {
    inputs.first().and_then(|input| input.shape().first()).copied().unwrap_or(1)
}

/// Do two requests differ in the number of rows only?
pub(crate) fn fit(a: &[Tensor], b: &[Tensor]) -> bool {
    let same = |(a, b): (&Tensor, &Tensor)| {
        a.dtype() == b.dtype() && a.shape().get(1..) == b.shape().get(1..)
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// The inputs of several requests that fit, one after the other.
pub(crate) fn join(requests: &[&[Tensor]]) -> Result<Vec<Tensor>, String> {
    let count = requests.first().map_or(0, |first| first.len());
    (0..count)
        .map(|port| {
            let parts = || requests.iter().filter_map(|request| request.get(port));
            let Some(first) = parts().next() else { return Err("an input is missing".into()) };
            let mut shape = first.shape().to_vec();
            shape[0] = parts().map(|part| part.shape()[0]).sum();
            let mut joined = Tensor::zeros(first.dtype(), &shape).map_err(|e| e.to_string())?;
            let mut rest = joined.bytes_mut();
            for part in parts() {
                let (to, behind) = rest.split_at_mut(part.bytes().len());
                to.copy_from_slice(part.bytes());
                rest = behind;
            }
            Ok(joined)
        })
        .collect()
}

/// The outputs of requests with these numbers of rows.
pub(crate) fn part(outputs: &[Tensor], rows: &[usize]) -> Result<Vec<Vec<Tensor>>, String> {
    let total: usize = rows.iter().sum();
    let mut parts: Vec<Vec<Tensor>> = rows.iter().map(|_| Vec::new()).collect();
    for output in outputs {
        let found = output.shape().first().copied().unwrap_or(0);
        if found != total {
            return Err(format!("expected {total} rows in an output, found {found}"));
        }
        let row_bytes = output.bytes().len().checked_div(total).unwrap_or(0);
        let mut start = 0;
        for (part, &rows) in parts.iter_mut().zip(rows) {
            let mut shape = output.shape().to_vec();
            shape[0] = rows;
            let bytes = &output.bytes()[start..start + rows * row_bytes];
            start += rows * row_bytes;
            part.push(
                Tensor::from_bytes(output.dtype(), &shape, bytes).map_err(|e| e.to_string())?,
            );
        }
    }
    Ok(parts)
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
        let tensor = |rows: usize, from: f32| {
            let elements: Vec<f32> = (0..rows * 2).map(|i| from + i as f32).collect();
            Tensor::from_slice(&[rows, 2], &elements).unwrap()
        };
        let requests = [vec![tensor(1, 0.0)], vec![tensor(0, 0.0)], vec![tensor(3, 9.0)]];
        assert!(fit(&requests[0], &requests[2]));
        let joined = join(&requests.each_ref().map(Vec::as_slice)).unwrap();
        assert_eq!(joined[0].shape(), [4, 2]);
        assert_eq!(part(&joined, &[1, 0, 3]).unwrap(), requests);
        assert!(part(&joined, &[1, 1]).is_err());
    }
}
