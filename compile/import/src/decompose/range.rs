//! Ranges of axes and of numbers.

use crate::build::{Builder, Operand, lower_bound};
use crate::error::Reason;
use tensor::{DType, Dim};

/// A range as Python and ONNX write it: negative ends count from the end, those outside clamp.
pub(crate) struct Range<'a> {
    /// The first element.
    pub(crate) start: &'a Dim,
    /// The first element behind it.
    pub(crate) end: &'a Dim,
    /// Distance between elements.
    pub(crate) step: i64,
}

impl Range<'_> {
    /// First element and number of elements on an axis of `size`; `None` when not known ahead.
    pub(crate) fn on(&self, size: &Dim) -> Option<(Dim, Dim)> {
        let zero = Dim::default();
        if self.step == 0 {
            return None;
        }
        if self.step > 0 {
            let start = clamped(self.start, size);
            let end = clamped(self.end, size);
            let room = end - start.clone();
            let len = room.ceil_div(&Dim::from(self.step));
            let len = if is_at_least(&len, 0) { len } else { len.maximum(&zero) };
            return Some((if len == zero { zero } else { start }, len));
        }
        // Downwards: the start clamps to the last element, the end to the one before the first.
        let last = size.clone() - Dim::from(1);
        let start = match self.start.known()? {
            -1 | i64::MAX => last,
            _ if size.known().is_none() => return None,
            _ => {
                let start = from_start(self.start, size);
                Dim::from(start.known()?.clamp(-1, last.known()?))
            }
        };
        let end = match (self.end.known()?, size.known()) {
            (..=-0x4000_0000_0000_0000, _) => Dim::from(-1),
            (_, None) => return None,
            (_, Some(size_known)) => {
                let end = from_start(self.end, size).known()?;
                Dim::from(end.clamp(-1, size_known - 1))
            }
        };
        let step = Dim::from(self.step.checked_neg()?);
        let len = (start.clone() - end).ceil_div(&step);
        let len = if is_at_least(&len, 0) { len } else { len.maximum(&zero) };
        Some((if len == zero { zero } else { start }, len))
    }
}

fn is_at_least(dim: &Dim, least: i64) -> bool {
    lower_bound(dim).is_some_and(|bound| bound >= least)
}

/// A place counted from the start; one that is known to be negative counts from the end.
fn from_start(place: &Dim, size: &Dim) -> Dim {
    let is_negative = is_at_least(&(Dim::from(-1) - place.clone()), 0);
    if is_negative { size.clone() + place.clone() } else { place.clone() }
}

/// A start or end between 0 and `size`.
fn clamped(place: &Dim, size: &Dim) -> Dim {
    let zero = Dim::default();
    let Some(value) = place.known() else {
        let from_start = from_start(place, size);
        let is_inside = from_start == *place || is_at_least(&from_start, 0);
        return if is_inside { from_start } else { from_start.maximum(&zero) };
    };
    if let Some(size) = size.known() {
        let from_start = if value < 0 { value.saturating_add(size) } else { value };
        return Dim::from(from_start.clamp(0, size));
    }
    // Exporters write "to the end" as the largest i64 or i32, or as 10^9; no axis is as long.
    const ENDLESS: i64 = 1_000_000_000;
    if value >= ENDLESS {
        return size.clone();
    }
    if value == 0 || value <= -ENDLESS {
        return zero;
    }
    let place = from_start(place, size);
    if is_at_least(&(size.clone() - place.clone()), 0) && is_at_least(&place, 0) {
        return place;
    }
    if value < 0 { place.maximum(&zero) } else { place.minimum(size) }
}

/// How many elements there are from a start to a limit in steps of some size, where the ends are
/// known, or are sizes.
pub(crate) fn range_count(build: &mut Builder, ends: &[Operand; 3]) -> Result<Option<Dim>, Reason> {
    match ends.iter().all(|end| end.known().is_some()) {
        true => known_count(build, ends).map(Some),
        false => Ok(symbolic_count(ends)),
    }
}

/// How many elements lie between constant ends.
fn known_count(build: &mut Builder, ends: &[Operand]) -> Result<Dim, Reason> {
    let mut values = [0.0; 3];
    for (index, (value, end)) in values.iter_mut().zip(ends).enumerate() {
        let wide = build.cast(end, DType::F64)?;
        *value = match wide.known().map(|t| t.as_slice::<f64>()) {
            Some(Ok(&[value])) => value,
            _ => {
                let (expected, found) = ("one number".to_string(), format!("{end:?}"));
                return Err(Reason::Input { input: index, expected, found });
            }
        };
    }
    let [start, limit, delta] = values;
    let count = ((limit - start) / delta).ceil().max(0.0);
    if delta == 0.0 || !(0.0..=9e15).contains(&count) {
        let found = format!("{start}..{limit} step {delta}");
        return Err(Reason::Input { input: 1, expected: "a range that ends".to_string(), found });
    }
    Ok(Dim::from(count as i64))
}

/// How many integers lie between ends that are sizes, at a known distance.
fn symbolic_count(ends: &[Operand]) -> Option<Dim> {
    let end = |index: usize| ends[index].sizes()?.dims.first().cloned();
    let (start, limit, delta) = (end(0)?, end(1)?, end(2)?.known()?);
    let (room, step) = match delta {
        1.. => (limit - start, delta),
        _ => (start - limit, delta.checked_neg()?),
    };
    let count = (step > 0).then(|| room.ceil_div(&Dim::from(step)))?;
    let is_size = lower_bound(&count).is_some_and(|least| least >= 0);
    Some(if is_size { count } else { count.maximum(&Dim::default()) })
}
