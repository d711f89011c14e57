//! Arithmetic on sizes: the operators that models use to compute shapes, on symbolic integers.
//! Each gives `None` where it cannot, and the sizes then enter the graph as data.

use super::operand::Sizes;
use ir::{Op, SliceAxis};
use std::cell::OnceCell;
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{Bindings, DType, Dim};

/// What `op` makes of sizes, when that is again a vector or scalar of sizes.
pub(crate) fn evaluate(op: &Op, inputs: &[Sizes]) -> Option<Sizes> {
    let x = inputs.first()?;
    match op {
        Op::Unary(function) => {
            let dims = x.dims.iter().map(|d| unary(*function, d)).collect::<Option<_>>()?;
            let dtype = if *function == Unary::Not { DType::Bool } else { x.dtype };
            Some(made(dims, x.is_scalar, dtype))
        }
        Op::Binary(function) => {
            let dtype = if function.is_predicate() { DType::Bool } else { x.dtype };
            zip(inputs, dtype, |dims| binary(*function, dims[0], dims[1]))
        }
        Op::Select => zip(inputs, inputs.get(1)?.dtype, |dims| {
            let chosen = if dims[0].known()? != 0 { dims[1] } else { dims[2] };
            Some(chosen.clone())
        }),
        Op::Cast(dtype) => cast(*dtype, x),
        Op::Reduce { reduction, axes, keepdims } => {
            let dim =
                if axes.as_slice() == [0] { reduce(*reduction, &x.dims)? } else { return None };
            Some(made(vec![dim], !keepdims, x.dtype))
        }
        // The rule holds, so that one axis or none has as many elements as there are.
        Op::Reshape { shape } if shape.len() <= 1 => {
            Some(made(x.dims.clone(), shape.is_empty(), x.dtype))
        }
        Op::Transpose { .. } => Some(x.clone()),
        Op::Slice { axes } => axes.iter().try_fold(x.clone(), |x, cut| slice(&x, cut)),
        Op::Concat { .. } => {
            let dims = inputs.iter().flat_map(|part| part.dims.clone()).collect();
            Some(made(dims, false, x.dtype))
        }
        Op::Expand { shape } => {
            let [len] = shape.as_slice() else { return None };
            let ones = made(vec![Dim::from(1); len.known_size()?], false, x.dtype);
            zip(&[x.clone(), ones], x.dtype, |dims| Some(dims[0].clone()))
        }
        Op::Gather { .. } => gather(x, inputs.get(1)?),
        Op::Conv(_)
        | Op::MatMul
        | Op::Quantize { .. }
        | Op::Dequantize { .. }
        | Op::Pool(_)
        | Op::Arg(_)
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::LayerNorm { .. }
        | Op::LocalResponseNorm { .. }
        | Op::Reshape { .. }
        | Op::Pad { .. }
        | Op::Dimensions(_)
        | Op::TreeEnsemble { .. }
        | Op::Whole(_)
        | Op::Dynamic(_)
        | Op::If { .. }
        | Op::Loop(_) => None,
    }
}

/// The least value of a size, where that can be told: every symbol of the inputs is at least 1,
/// since an axis without elements gives a model nothing to compute; of sizes that turn out while
/// the model runs, nothing is known. Known are the forms `c + a*n + b*m + …` and `c + a*n*m*…` with
/// coefficients that are not negative.
pub(crate) fn lower_bound(dim: &Dim) -> Option<i64> {
    if let Some(value) = dim.known() {
        return Some(value);
    }
    if dim.is_measured() {
        return None;
    }
    let mut symbols = Vec::new();
    dim.for_each_symbol(&mut |name| symbols.push(name.to_string()));
    symbols.sort();
    symbols.dedup();
    let at = |value: &dyn Fn(&str) -> i64| {
        let sizes: Bindings = symbols.iter().map(|s| (s.clone(), value(s))).collect();
        dim.evaluate(&sizes).ok()
    };
    let constant = at(&|_| 0)?;
    let mut sum = Dim::from(constant);
    let mut bound = constant;
    let mut is_rising = true;
    for symbol in &symbols {
        let slope = at(&|s| i64::from(s == symbol))?.checked_sub(constant)?;
        sum = sum + Dim::symbol(symbol) * Dim::from(slope);
        bound = bound.checked_add(slope)?;
        is_rising &= slope >= 0;
    }
    if sum == *dim {
        return is_rising.then_some(bound);
    }
    let coefficient = at(&|_| 1)?.checked_sub(constant)?;
    let factors = symbols.iter().map(|s| Dim::symbol(s));
    let product = factors.fold(Dim::from(coefficient), |a, b| a * b);
    let is_product = product + Dim::from(constant) == *dim;
    (is_product && coefficient >= 0).then_some(constant.checked_add(coefficient)?)
}

/// Is `a` at least `b`, whatever the symbols are?
fn is_at_least(a: &Dim, b: &Dim) -> bool {
    lower_bound(&(a.clone() - b.clone())).is_some_and(|d| d >= 0)
}

fn made(dims: Vec<Dim>, is_scalar: bool, dtype: DType) -> Sizes {
    Sizes { dims, is_scalar, dtype, id: OnceCell::new() }
}

fn slice(x: &Sizes, cut: &SliceAxis) -> Option<Sizes> {
    let (start, len) = (cut.start.known()?, cut.len.known()?);
    let at = |i: i64| usize::try_from(start.checked_add(i.checked_mul(cut.step)?)?).ok();
    let dims = (0..len).map(|i| x.dims.get(at(i)?).cloned()).collect::<Option<_>>()?;
    Some(made(dims, false, x.dtype))
}

fn gather(x: &Sizes, indices: &Sizes) -> Option<Sizes> {
    let len = i64::try_from(x.dims.len()).ok()?;
    let pick = |index: &Dim| {
        let index = index.known()?;
        let from_start = if index < 0 { index.checked_add(len)? } else { index };
        x.dims.get(usize::try_from(from_start).ok()?).cloned()
    };
    let dims = indices.dims.iter().map(pick).collect::<Option<_>>()?;
    Some(made(dims, indices.is_scalar, x.dtype))
}

/// Applies `function` to the entries side by side; scalars and single entries repeat.
fn zip(inputs: &[Sizes], dtype: DType, function: impl Fn(&[&Dim]) -> Option<Dim>) -> Option<Sizes> {
    let is_scalar = inputs.iter().all(|x| x.is_scalar);
    let len = inputs.iter().map(|x| x.dims.len()).find(|&len| len != 1).unwrap_or(1);
    let at = |x: &Sizes, i: usize| -> Option<Dim> {
        x.dims.get(if x.dims.len() == 1 { 0 } else { i }).cloned()
    };
    if inputs.iter().any(|x| x.dims.len() != len && x.dims.len() != 1) {
        return None;
    }
    let mut dims = Vec::with_capacity(len);
    for i in 0..len {
        let entries: Vec<Dim> = inputs.iter().map(|x| at(x, i)).collect::<Option<_>>()?;
        dims.push(function(&entries.iter().collect::<Vec<_>>())?);
    }
    Some(made(dims, is_scalar, dtype))
}

fn cast(dtype: DType, x: &Sizes) -> Option<Sizes> {
    let dims = match dtype {
        DType::I64 | DType::I32 => x.dims.clone(),
        DType::Bool => x.dims.iter().map(is_not_zero).collect::<Option<_>>()?,
        _ => return None,
    };
    Some(made(dims, x.is_scalar, dtype))
}

fn is_not_zero(dim: &Dim) -> Option<Dim> {
    binary(Binary::Equal, dim, &Dim::default()).map(|is_zero| Dim::from(1) - is_zero)
}

fn reduce(reduction: Reduction, dims: &[Dim]) -> Option<Dim> {
    let function = match reduction {
        Reduction::Sum => Binary::Add,
        Reduction::Prod => Binary::Mul,
        Reduction::Max => Binary::Max,
        Reduction::Min => Binary::Min,
        Reduction::Mean
        | Reduction::L1
        | Reduction::L2
        | Reduction::SumSquare
        | Reduction::LogSum
        | Reduction::LogSumExp => return None,
    };
    let (first, rest) = dims.split_first()?;
    rest.iter().try_fold(first.clone(), |made, dim| binary(function, &made, dim))
}

fn unary(function: Unary, x: &Dim) -> Option<Dim> {
    let is_positive = || lower_bound(x).is_some_and(|b| b >= 0);
    match function {
        Unary::Neg => Some(x.clone() * Dim::from(-1)),
        Unary::Abs | Unary::Relu => is_positive().then(|| x.clone()),
        Unary::Not => Some(Dim::from(1) - x.clone()),
        Unary::Sign
        | Unary::Exp
        | Unary::Log
        | Unary::Sqrt
        | Unary::Reciprocal
        | Unary::Floor
        | Unary::Ceil
        | Unary::Round
        | Unary::Erf
        | Unary::Sin
        | Unary::Cos
        | Unary::Tanh
        | Unary::Sigmoid
        | Unary::Softplus
        | Unary::LeakyRelu { .. }
        | Unary::Elu { .. }
        | Unary::HardSigmoid { .. }
        | Unary::HardSwish
        | Unary::Silu
        | Unary::Gelu
        | Unary::GeluTanh
        | Unary::Clip { .. }
        | Unary::IsNan => None,
    }
}

fn binary(function: Binary, a: &Dim, b: &Dim) -> Option<Dim> {
    let is_positive = |d: &Dim, least: i64| lower_bound(d).is_some_and(|bound| bound >= least);
    let truth = |is_true: bool| Some(Dim::from(i64::from(is_true)));
    let not = |dim: Dim| Dim::from(1) - dim;
    match function {
        Binary::Add => Some(a.clone() + b.clone()),
        Binary::Sub => Some(a.clone() - b.clone()),
        Binary::Mul => Some(a.clone() * b.clone()),
        Binary::Div => match (a.known(), b.known()) {
            (Some(a), Some(b)) => Some(Dim::from(a.checked_div(b).unwrap_or(0))),
            _ if is_positive(a, 0) && is_positive(b, 1) => Some(a.floor_div(b)),
            // A quotient without a rest is not rounded, whatever its sign.
            _ => Some(a.floor_div(b)).filter(|q| is_positive(b, 1) && q.clone() * b.clone() == *a),
        },
        Binary::Mod if is_positive(b, 1) => Some(a.clone() - a.floor_div(b) * b.clone()),
        Binary::Fmod if is_positive(b, 1) && is_positive(a, 0) => {
            Some(a.clone() - a.floor_div(b) * b.clone())
        }
        Binary::Max if is_at_least(a, b) => Some(a.clone()),
        Binary::Max if is_at_least(b, a) => Some(b.clone()),
        Binary::Max => Some(a.maximum(b)),
        Binary::Min if is_at_least(a, b) => Some(b.clone()),
        Binary::Min if is_at_least(b, a) => Some(a.clone()),
        Binary::Min => Some(a.minimum(b)),
        Binary::Equal if a == b => truth(true),
        Binary::Equal => {
            let one = Dim::from(1);
            let differ =
                is_at_least(&(a.clone() - one.clone()), b) || is_at_least(&(b.clone() - one), a);
            if differ { truth(false) } else { None }
        }
        Binary::Less if is_at_least(&(b.clone() - Dim::from(1)), a) => truth(true),
        Binary::Less if is_at_least(a, b) => truth(false),
        Binary::LessOrEqual => binary(Binary::Less, b, a).map(not),
        Binary::Greater => binary(Binary::Less, b, a),
        Binary::GreaterOrEqual => binary(Binary::Less, a, b).map(not),
        Binary::And => truth(a.known()? != 0 && b.known()? != 0),
        Binary::Or => truth(a.known()? != 0 || b.known()? != 0),
        Binary::Xor => truth((a.known()? != 0) != (b.known()? != 0)),
        Binary::Pow | Binary::Mod | Binary::Fmod | Binary::Less => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n() -> Dim {
        Dim::symbol("n")
    }

    #[test]
    fn the_least_value_is_known_for_sums_and_products() {
        let m = Dim::symbol("m");
        let cases = [
            (Dim::from(-3), Some(-3)),
            (n(), Some(1)),
            (n() * Dim::from(4) + m.clone() - Dim::from(2), Some(3)),
            (n() * m.clone() * Dim::from(3), Some(3)),
            (n() - m.clone(), None),
            (Dim::from(5) - n(), None),
            (n() * n(), None),
            (n().floor_div(&Dim::from(2)), None),
        ];
        for (dim, expected) in cases {
            assert_eq!(lower_bound(&dim), expected, "{dim}");
        }
    }

    #[test]
    fn comparisons_are_decided_only_when_they_hold_for_all_sizes() {
        let one = Dim::from(1);
        let cases = [
            (Binary::Equal, n(), Dim::from(-1), Some(0)),
            (Binary::Equal, n(), n(), Some(1)),
            (Binary::Equal, n(), Dim::from(7), None),
            (Binary::Less, Dim::default(), n(), Some(1)),
            (Binary::Less, n(), one.clone(), Some(0)),
            (Binary::LessOrEqual, one.clone(), n(), Some(1)),
            (Binary::Greater, n(), Dim::from(3), None),
            (Binary::GreaterOrEqual, n(), one, Some(1)),
        ];
        for (function, a, b, expected) in cases {
            let found = binary(function, &a, &b).map(|d| d.known().unwrap());
            assert_eq!(found, expected, "{function:?} {a} {b}");
        }
    }

    #[test]
    fn division_is_that_of_integers() {
        let div = |a: i64, b: i64| binary(Binary::Div, &Dim::from(a), &Dim::from(b)).unwrap();
        assert_eq!(div(-7, 2), Dim::from(-3));
        assert_eq!(div(7, 0), Dim::from(0));
        let twice = n() * Dim::from(6);
        assert_eq!(binary(Binary::Div, &twice, &Dim::from(3)), Some(n() * Dim::from(2)));
        assert_eq!(binary(Binary::Div, &(n() - Dim::from(5)), &Dim::from(3)), None);
        let three = Dim::from(3);
        let third = (Dim::from(7) - n()).floor_div(&three);
        let whole = third.clone() * three.clone();
        assert_eq!(binary(Binary::Div, &whole, &three), Some(third));
    }
}
