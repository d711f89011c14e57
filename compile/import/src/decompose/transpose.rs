//! Transposed convolution, as convolution where that is possible.

use super::convolution;
use crate::build::{Builder, Operand};
use crate::error::Reason;
use ir::{Conv, Fact, Op, PadMode, SliceAxis};
use operators::conv_transpose::ConvTranspose;
use tensor::{DType, Dim, element_count};

/// What a transposed convolution makes of `x[N, C, in…]`, `weights[C, O/groups, kernel…]` and a
/// bias. One of `f32` without dilations becomes a convolution: see [`Phases`].
pub(crate) fn conv_transpose(
    build: &mut Builder,
    operator: ConvTranspose,
    x: &Operand,
    weights: &Operand,
    bias: Option<&Operand>,
) -> Result<Operand, Reason> {
    let inputs: Vec<&Operand> = [x, weights].into_iter().chain(bias).collect();
    let kernel = build.fact(weights).shape.into_iter().skip(2).map(|size| size.known_size());
    if let Some(kernel) = kernel.collect::<Option<Vec<usize>>>()
        && let Some(phases) = Phases::of(build, &operator, &inputs, &kernel)?
    {
        return phases.emit(build, x, weights, bias);
    }
    build.emit(Op::Whole(operator.into()), &inputs)
}

/// Phases have equal numbers of taps, filled up with zeros. With more than so many times the
/// kernel's own, which takes strides beyond the kernel, most of the products would be in vain.
const FILLED_MAX: usize = 4;

/// A transposed convolution as a convolution. With a stride of `s`, the elements of the result
/// whose index leaves the same rest, its phase, by `s` are made by the same taps of the kernel:
///
/// ```text
/// y[q * s + phase] = sum over j of x[q - j] * w[j * s + phase]
/// ```
///
/// So each phase is a convolution with a kernel of `k / s` taps, rounded up. All phases are
/// computed as channels of one, then moved to their places, and `pads` are cut off.
struct Phases<'c> {
    operator: &'c ConvTranspose,
    kernel: &'c [usize],
    /// Taps of a phase along each axis.
    taps: Vec<usize>,
    /// Channels of the input and of the result in each group.
    channels: [usize; 2],
}

impl<'c> Phases<'c> {
    /// `None` for one that stays a transposed convolution.
    fn of(
        build: &Builder,
        operator: &'c ConvTranspose,
        inputs: &[&Operand],
        kernel: &'c [usize],
    ) -> Result<Option<Phases<'c>>, Reason> {
        // The rule decides whether the operands fit; here they have to.
        let facts: Vec<Fact> = inputs.iter().map(|x| build.fact(x)).collect();
        let op = Op::Whole(operator.clone().into());
        if let Err(error) = op.infer_all(&facts) {
            return Err(Reason::Rule { error, inputs: facts });
        }
        let [x, weights, ..] = facts.as_slice() else { return Ok(None) };
        let is_plain = x.dtype == DType::F32
            && operator.dilations.iter().all(|&dilation| dilation == 1)
            && operator.strides.iter().all(|&stride| stride > 0)
            && operator.pads.iter().all(|&(begin, _)| begin >= 0)
            && kernel.iter().all(|&taps| taps > 0);
        let channels = weights.shape[..2].iter().map(Dim::known_size).collect::<Option<Vec<_>>>();
        let Some([inputs, outputs]) = channels.as_deref().filter(|_| is_plain) else {
            return Ok(None);
        };
        let channels = [inputs / operator.groups, *outputs];
        let each = kernel.iter().zip(&operator.strides).zip(&operator.pads);
        let taps = each.map(|((&size, &stride), &(_, end))| {
            // Padding that adds elements at the end is made by taps that are zero.
            size.saturating_add(usize::try_from(-end).unwrap_or(0)).div_ceil(stride)
        });
        let taps: Vec<usize> = taps.collect();
        let filled = taps.iter().zip(&operator.strides).map(|(taps, s)| taps.checked_mul(*s));
        let filled = filled.collect::<Option<Vec<usize>>>().and_then(|s| element_count(&s));
        let given = element_count(kernel).and_then(|count| count.checked_mul(FILLED_MAX));
        if filled.is_none_or(|filled| given.is_none_or(|given| filled > given)) {
            return Ok(None);
        }
        Ok(Some(Phases { operator, kernel, taps, channels }))
    }

    fn emit(
        &self,
        build: &mut Builder,
        x: &Operand,
        weights: &Operand,
        bias: Option<&Operand>,
    ) -> Result<Operand, Reason> {
        let weights = self.weights(build, weights)?;
        let bias = bias.map(|bias| self.bias(build, bias)).transpose()?;
        let axes = self.kernel.len();
        let conv = Conv {
            strides: vec![1; axes],
            dilations: vec![1; axes],
            pads: self.taps.iter().map(|taps| (taps - 1, taps - 1)).collect(),
            groups: self.operator.groups,
        };
        let made = convolution(build, &conv, x, &weights, bias.as_ref())?;
        let placed = self.placed(build, &made)?;
        self.cut(build, x, &placed)
    }

    /// How many phases there are.
    fn count(&self) -> usize {
        self.operator.strides.iter().product()
    }

    /// `[C, O/groups, kernel…]` as `[groups * phases * O/groups, C/groups, taps…]`, the taps in
    /// reverse.
    fn weights(&self, build: &mut Builder, weights: &Operand) -> Result<Operand, Reason> {
        let (axes, [inputs, outputs]) = (self.kernel.len(), self.channels);
        let groups = self.operator.groups;
        let mut after = vec![0, 0];
        let mut split = vec![groups, inputs, outputs];
        for ((&size, &stride), &taps) in
            self.kernel.iter().zip(&self.operator.strides).zip(&self.taps)
        {
            after.push((taps * stride - size) as i64);
            split.extend([taps, stride]);
        }
        let mut made = weights.clone();
        if after.iter().any(|&added| added > 0) {
            let (before, mode) = (vec![0; axes + 2], PadMode::Constant(0.0));
            made = build.emit(Op::Pad { before, after, mode }, &[&made])?;
        }
        made = build.reshape(&made, sizes(&split))?;
        let phases = (0..axes).map(|axis| 4 + 2 * axis);
        let taps = (0..axes).map(|axis| 3 + 2 * axis);
        let perm = [0].into_iter().chain(phases).chain([2, 1]).chain(taps).collect();
        made = build.transpose(&made, perm)?;
        let reversed = self.taps.iter().enumerate().map(|(axis, &taps)| SliceAxis {
            axis: axis + axes + 3,
            start: Dim::from(taps - 1),
            len: Dim::from(taps),
            step: -1,
        });
        made = build.emit(Op::Slice { axes: reversed.collect() }, &[&made])?;
        let mut joined = vec![product(&[groups, self.count(), outputs]), Dim::from(inputs)];
        joined.extend(sizes(&self.taps));
        build.reshape(&made, joined)
    }

    /// `[O]`, once for each phase.
    fn bias(&self, build: &mut Builder, bias: &Operand) -> Result<Operand, Reason> {
        let [groups, outputs] = [self.operator.groups, self.channels[1]];
        let made = build.reshape(bias, sizes(&[groups, 1, outputs]))?;
        let made = build.expand(&made, sizes(&[groups, self.count(), outputs]))?;
        build.reshape(&made, vec![product(&[groups, self.count(), outputs])])
    }

    /// Moves the phases from the channels to their places. The channels stay last meanwhile, as
    /// they lie in memory.
    fn placed(&self, build: &mut Builder, made: &Operand) -> Result<Operand, Reason> {
        let (shape, axes) = (build.fact(made).shape, self.kernel.len());
        let [groups, outputs] = [self.operator.groups, self.channels[1]];
        let to_last = [0].into_iter().chain(2..axes + 2).chain([1]).collect();
        let made = build.transpose(made, to_last)?;
        let mut split = vec![shape[0].clone()];
        split.extend_from_slice(&shape[2..]);
        split.push(Dim::from(groups));
        split.extend(sizes(&self.operator.strides));
        split.push(Dim::from(outputs));
        let made = build.reshape(&made, split)?;
        let places = (0..axes).flat_map(|axis| [axis + 1, axis + axes + 2]);
        let perm = [0].into_iter().chain(places).chain([axes + 1, 2 * axes + 2]).collect();
        let made = build.transpose(&made, perm)?;
        let mut joined = vec![shape[0].clone()];
        let strides = self.operator.strides.iter();
        joined.extend(shape[2..].iter().zip(strides).map(|(q, &s)| q.clone() * Dim::from(s)));
        joined.push(product(&[groups, outputs]));
        let made = build.reshape(&made, joined)?;
        let to_second = [0, axes + 1].into_iter().chain(1..=axes).collect();
        build.transpose(&made, to_second)
    }

    /// Cuts what the padding takes off.
    fn cut(&self, build: &mut Builder, x: &Operand, placed: &Operand) -> Result<Operand, Reason> {
        let (x, whole) = (build.fact(x).shape, build.fact(placed).shape);
        let mut cuts = Vec::with_capacity(self.kernel.len());
        for (axis, &(begin, end)) in self.operator.pads.iter().enumerate() {
            let windows =
                (x[axis + 2].clone() - Dim::from(1)) * Dim::from(self.operator.strides[axis]);
            let len = windows + Dim::from(self.kernel[axis]) - Dim::from(begin) - Dim::from(end);
            if begin != 0 || len != whole[axis + 2] {
                cuts.push(SliceAxis { axis: axis + 2, start: Dim::from(begin), len, step: 1 });
            }
        }
        if cuts.is_empty() {
            return Ok(placed.clone());
        }
        build.emit(Op::Slice { axes: cuts }, &[placed])
    }
}

fn sizes(sizes: &[usize]) -> Vec<Dim> {
    sizes.iter().map(|&size| Dim::from(size)).collect()
}

/// A product that no claimed size makes overflow.
fn product(factors: &[usize]) -> Dim {
    factors.iter().fold(Dim::from(1), |product, &factor| product * Dim::from(factor))
}
