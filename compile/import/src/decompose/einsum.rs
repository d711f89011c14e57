//! Sums of products over labeled axes.

use crate::build::{Builder, Operand};
use crate::error::Reason;
use ir::{Op, SliceAxis};
use operators::einsum::Einsum;
use tensor::rule::broadcast;
use tensor::scalar::{Binary, Reduction};
use tensor::{DType, Dim};

/// A letter of an equation, or an axis under an ellipsis: the last one is `ELLIPSIS`, the others
/// are numbered down from it.
type Label = u32;

const ELLIPSIS: Label = Label::MAX;

/// What an equation makes of operands, of ranks that fit it; `None` when it is none for them. Sums
/// of f32 become products of matrices, pair after pair from the left; f16 and bf16 are computed in
/// f32, other types as written.
pub(crate) fn einsum(
    build: &mut Builder,
    equation: &str,
    inputs: &[&Operand],
) -> Result<Option<Operand>, Reason> {
    let ranks: Vec<usize> = inputs.iter().map(|x| build.fact(x).rank()).collect();
    let Some((terms, output)) = parse(equation, &ranks) else { return Ok(None) };
    let Some(&first) = inputs.first() else { return Ok(None) };
    let dtype = build.fact(first).dtype;
    if !matches!(dtype, DType::F32 | DType::F16 | DType::BF16) {
        let operator = Einsum { inputs: terms, output };
        return build.emit(Op::Whole(operator.into()), inputs).map(Some);
    }
    let mut operands = Vec::with_capacity(inputs.len());
    for (x, labels) in inputs.iter().zip(terms) {
        let x = build.cast(x, DType::F32)?;
        operands.push(diagonal(build, Labeled { x, labels })?);
    }
    let mut rest = operands.into_iter();
    let Some(mut made) = rest.next() else { return Ok(None) };
    while let Some(next) = rest.next() {
        let later = rest.as_slice().iter().flat_map(|operand| &operand.labels);
        let kept: Vec<Label> = output.iter().chain(later).copied().collect();
        made = joined(build, made, next, &kept)?;
    }
    let made = summed(build, made, &output)?;
    let order = output.iter().filter_map(|label| made.place(*label)).collect();
    let made = build.transpose(&made.x, order)?;
    build.cast(&made, dtype).map(Some)
}

/// The labels of each operand's axes, and of the result's; `None` when the equation is none for
/// operands of such ranks.
fn parse(text: &str, ranks: &[usize]) -> Option<(Vec<Vec<Label>>, Vec<Label>)> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (text.as_str(), None),
    };
    let sides: Vec<&str> = left.split(',').collect();
    if sides.len() != ranks.len() {
        return None;
    }
    let named = |term: &str| term.chars().filter(|&c| c != '.').count();
    let widths = sides.iter().zip(ranks).filter(|(term, _)| term.contains('.'));
    let widths: Option<Vec<usize>> =
        widths.map(|(term, rank)| rank.checked_sub(named(term))).collect();
    let widest = widths?.into_iter().max().unwrap_or(0);
    let terms = sides.iter().zip(ranks).map(|(term, &rank)| {
        labels(term, rank.checked_sub(named(term))?).filter(|labels| labels.len() == rank)
    });
    let terms: Vec<Vec<Label>> = terms.collect::<Option<_>>()?;
    let output = match right {
        Some(term) => labels(term, widest)?,
        None => implied(&terms),
    };
    let is_known = |label: &Label| terms.iter().any(|term| term.contains(label));
    let is_single = |(at, label): (usize, &Label)| !output[..at].contains(label);
    (output.iter().all(is_known) && output.iter().enumerate().all(is_single))
        .then_some((terms, output))
}

/// The labels of a term whose ellipsis stands for so many axes.
fn labels(term: &str, ellipsis: usize) -> Option<Vec<Label>> {
    let (before, after) = match term.split_once("...") {
        Some((before, after)) => (before, Some(after)),
        None => (term, None),
    };
    let letters = |text: &str| -> Option<Vec<Label>> {
        text.chars().map(|c| c.is_ascii_alphabetic().then_some(Label::from(c))).collect()
    };
    let mut labels = letters(before)?;
    if let Some(after) = after {
        let ellipsis = Label::try_from(ellipsis).ok()?;
        labels.extend((0..ellipsis).rev().map(|axis| ELLIPSIS - axis));
        labels.extend(letters(after)?);
    }
    Some(labels)
}

/// The result's labels where the equation leaves them out: the ellipsis, then the letters that
/// occur once, in the order of the alphabet.
fn implied(terms: &[Vec<Label>]) -> Vec<Label> {
    let mut all: Vec<Label> = terms.iter().flatten().copied().collect();
    all.sort_unstable();
    let is_letter = |label: &Label| char::from_u32(*label).is_some();
    let count = |label: &Label| all.iter().filter(|other| *other == label).count();
    let mut ellipsis: Vec<Label> = all.iter().copied().filter(|label| !is_letter(label)).collect();
    ellipsis.dedup();
    let once = all.iter().copied().filter(|label| is_letter(label) && count(label) == 1);
    ellipsis.into_iter().chain(once).collect()
}

/// An operand whose axes have labels.
struct Labeled {
    x: Operand,
    labels: Vec<Label>,
}

impl Labeled {
    fn place(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&own| own == label)
    }
}

/// Two axes with the same label become one, which runs along their diagonal: every `n + 1`st of
/// their `n * n` elements.
fn diagonal(build: &mut Builder, mut operand: Labeled) -> Result<Labeled, Reason> {
    let repeated = |labels: &[Label]| {
        let again = |(at, label): (usize, &Label)| {
            labels[..at].iter().position(|other| other == label).map(|first| (first, at))
        };
        labels.iter().enumerate().find_map(again)
    };
    while let Some((first, second)) = repeated(&operand.labels) {
        let shape = build.fact(&operand.x).shape;
        let size = shape[first].known().filter(|&size| shape[second].known() == Some(size));
        let square = size.and_then(|size| Some((size, size.checked_mul(size)?)));
        let Some((size, square)) = square else {
            let found = format!("{:?}", [&shape[first], &shape[second]]);
            let (name, expected) = ("equation".to_string(), "diagonals of known, equal sizes");
            return Err(Reason::Attribute { name, expected: expected.to_string(), found });
        };
        let others = (0..shape.len()).filter(|axis| ![first, second].contains(axis));
        let order: Vec<usize> = others.chain([first, second]).collect();
        let moved = build.transpose(&operand.x, order.clone())?;
        let mut flat: Vec<Dim> = order.iter().map(|&axis| shape[axis].clone()).collect();
        flat.truncate(shape.len() - 2);
        flat.push(Dim::from(square));
        let flat = build.reshape(&moved, flat)?;
        let (axis, start, len) = (shape.len() - 2, Dim::from(0), Dim::from(size));
        let cut = SliceAxis { axis, start, len, step: size + 1 };
        operand.x = build.emit(Op::Slice { axes: vec![cut] }, &[&flat])?;
        let label = operand.labels[first];
        operand.labels = order.iter().map(|&axis| operand.labels[axis]).collect();
        operand.labels.truncate(shape.len() - 2);
        operand.labels.push(label);
    }
    Ok(operand)
}

/// The axes whose labels are not kept summed up.
fn summed(build: &mut Builder, operand: Labeled, kept: &[Label]) -> Result<Labeled, Reason> {
    let Labeled { x, labels } = operand;
    let axes: Vec<usize> =
        (0..labels.len()).filter(|&axis| !kept.contains(&labels[axis])).collect();
    if axes.is_empty() {
        return Ok(Labeled { x, labels });
    }
    let op = Op::Reduce { reduction: Reduction::Sum, axes, keepdims: false };
    let x = build.emit(op, &[&x])?;
    Ok(Labeled { x, labels: labels.into_iter().filter(|label| kept.contains(label)).collect() })
}

/// The product of two operands, summed over the labels that both have and that are not kept: one
/// product of matrices, the labels that both have and that are kept being its batch.
fn joined(build: &mut Builder, a: Labeled, b: Labeled, kept: &[Label]) -> Result<Labeled, Reason> {
    let with = |other: &Labeled| kept.iter().chain(&other.labels).copied().collect::<Vec<_>>();
    let (with_a, with_b) = (with(&a), with(&b));
    let (a, b) = (summed(build, a, &with_b)?, summed(build, b, &with_a)?);
    let (a, b) = repeated(build, a, b)?;
    let pick = |from: &Labeled, is_taken: &dyn Fn(&Label) -> bool| -> Vec<Label> {
        from.labels.iter().copied().filter(|label| is_taken(label)).collect()
    };
    let batch = pick(&a, &|l| b.place(*l).is_some() && kept.contains(l));
    let inner = pick(&a, &|l| b.place(*l).is_some() && !kept.contains(l));
    let rows = pick(&a, &|l| b.place(*l).is_none());
    let columns = pick(&b, &|l| a.place(*l).is_none());
    let labels = [batch.clone(), rows.clone(), columns.clone()].concat();
    if inner.is_empty() {
        // Nothing is summed: the pairs of elements themselves.
        let a = grouped(build, &a, &[&batch, &rows], &[false, false])?;
        let wide = build.fact(&a).shape.into_iter();
        let wide = wide.chain(columns.iter().map(|_| Dim::from(1))).collect();
        let a = build.reshape(&a, wide)?;
        let b = grouped(build, &b, &[&batch, &columns], &[false, false])?;
        let mut wide = build.fact(&b).shape;
        let ones = vec![Dim::from(1); rows.len()];
        wide.splice(batch.len()..batch.len(), ones);
        let b = build.reshape(&b, wide)?;
        return Ok(Labeled { x: build.binary(Binary::Mul, &a, &b)?, labels });
    }
    let sizes = |from: &Labeled, labels: &[Label]| -> Vec<Dim> {
        let shape = build.fact(&from.x).shape;
        labels.iter().filter_map(|label| Some(shape[from.place(*label)?].clone())).collect()
    };
    let (row_sizes, column_sizes) = (sizes(&a, &rows), sizes(&b, &columns));
    let a = grouped(build, &a, &[&batch, &rows, &inner], &[false, true, true])?;
    let b = grouped(build, &b, &[&batch, &inner, &columns], &[false, true, true])?;
    let product = build.emit(Op::MatMul, &[&a, &b])?;
    let mut shape = build.fact(&product).shape;
    shape.truncate(batch.len());
    shape.extend(row_sizes);
    shape.extend(column_sizes);
    Ok(Labeled { x: build.reshape(&product, shape)?, labels })
}

/// Operands whose common axes have the same sizes, 1 being repeated.
fn repeated(
    build: &mut Builder,
    mut a: Labeled,
    mut b: Labeled,
) -> Result<(Labeled, Labeled), Reason> {
    let facts = [build.fact(&a.x), build.fact(&b.x)];
    let [mut wide_a, mut wide_b] = facts.clone().map(|fact| fact.shape);
    for (place_a, label) in a.labels.iter().enumerate() {
        let Some(place_b) = b.place(*label) else { continue };
        let pair = [&wide_a[place_a], &wide_b[place_b]].map(std::slice::from_ref);
        let common = broadcast(pair[0], pair[1])
            .map_err(|error| Reason::Rule { error, inputs: facts.to_vec() })?;
        wide_a[place_a].clone_from(&common[0]);
        wide_b[place_b].clone_from(&common[0]);
    }
    a.x = build.expand(&a.x, wide_a)?;
    b.x = build.expand(&b.x, wide_b)?;
    Ok((a, b))
}

/// The axes in the order of groups of labels; those of a group that is merged become one.
fn grouped(
    build: &mut Builder,
    operand: &Labeled,
    groups: &[&[Label]],
    is_merged: &[bool],
) -> Result<Operand, Reason> {
    let shape = build.fact(&operand.x).shape;
    let (mut order, mut sizes) = (Vec::new(), Vec::new());
    for (group, &is_merged) in groups.iter().zip(is_merged) {
        let axes = group.iter().filter_map(|label| operand.place(*label));
        let own: Vec<usize> = axes.collect();
        let each = own.iter().map(|&axis| shape[axis].clone());
        if is_merged {
            sizes.push(each.fold(Dim::from(1), |a, b| a * b));
        } else {
            sizes.extend(each);
        }
        order.extend(own);
    }
    let moved = build.transpose(&operand.x, order)?;
    build.reshape(&moved, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_give_labels() {
        let l = |text: &str| text.chars().map(Label::from).collect::<Vec<_>>();
        let e = |axes: &[u32]| axes.iter().map(|axis| ELLIPSIS - axis).collect::<Vec<_>>();
        let parsed = |text: &str, ranks: &[usize]| parse(text, ranks);
        assert_eq!(parsed("ij, jk -> ik", &[2, 2]), Some((vec![l("ij"), l("jk")], l("ik"))));
        assert_eq!(parsed("nm", &[2]), Some((vec![l("nm")], l("mn"))));
        assert_eq!(parsed("ii", &[2]), Some((vec![l("ii")], l(""))));
        let both = [e(&[1, 0]), l("i")].concat();
        assert_eq!(parsed("...i->...i", &[3]), Some((vec![both.clone()], both.clone())));
        let narrow = [e(&[0]), l("i")].concat();
        assert_eq!(parsed("...i,...i->...", &[3, 2]), Some((vec![both, narrow], e(&[1, 0]))));
        for (text, ranks) in [("ij->ik", &[2][..]), ("ij", &[3]), ("i,j", &[1]), ("i->ii", &[1])] {
            assert_eq!(parsed(text, ranks), None, "{text}");
        }
    }
}
