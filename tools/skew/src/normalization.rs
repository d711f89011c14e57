//! What a scale and a shift of each channel are called: mean and deviation, given, left out, given
//! twice, in the wrong unit or in the wrong order.

use crate::Step;
use crate::fit::Affine;
use recipe::presets::PRESETS;

/// `(level - mean) / std`, one of each for each channel of the tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Normalization {
    pub(crate) mean: Vec<f64>,
    pub(crate) std: Vec<f64>,
}

/// What the trainer did, against the recipe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) normalization: Normalization,
    /// The steps that differ from the recipe, and what is known of that.
    pub(crate) steps: Vec<Step>,
    pub(crate) note: Option<String>,
}

/// Levels within which two normalizations are the same.
const LEVELS: f64 = 0.5;

impl Normalization {
    fn uniform(mean: f64, std: f64, channels: usize) -> Normalization {
        Normalization { mean: vec![mean; channels], std: vec![std; channels] }
    }

    /// One for each channel from the recipe's lists, which may be shorter; of three for one channel
    /// their average, as presets have it.
    pub(crate) fn of_recipe(normalize: &recipe::Normalize, channels: usize) -> Normalization {
        let spread = |list: &[f64]| -> Vec<f64> {
            if channels == 1 {
                return vec![list.iter().sum::<f64>() / list.len().max(1) as f64];
            }
            (0..channels).map(|c| list[c.min(list.len() - 1)]).collect()
        };
        Normalization { mean: spread(&normalize.mean), std: spread(&normalize.std) }
    }

    /// Only a change of range, the same for every channel: 0 to 255, to 1, -1 to 1.
    fn is_range(&self) -> bool {
        RANGES.iter().any(|&(mean, std, _)| *self == Self::uniform(mean, std, self.mean.len()))
    }

    /// The number that this level becomes.
    pub(crate) fn number(&self, channel: usize, level: f64) -> f64 {
        (level - self.mean[channel]) / self.std[channel]
    }

    /// The range that levels become: `0..1`.
    pub(crate) fn range(&self) -> String {
        let ends = |level: f64| (0..self.mean.len()).map(move |c| self.number(c, level));
        let all: Vec<f64> = ends(0.0).chain(ends(255.0)).collect();
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let inverted = if self.std.iter().all(|s| *s < 0.0) { ", inverted" } else { "" };
        format!("{}..{}{inverted}", short(least), short(greatest))
    }

    /// Levels by which it misses what was measured, where the image has its levels.
    fn misses(&self, measured: &[Affine]) -> f64 {
        let miss = |(channel, affine): (usize, &Affine)| {
            let ends = [-2.0, 2.0].map(|part| affine.middle + part * affine.spread);
            let at = |level: f64| {
                let measured = affine.scale * level + affine.shift;
                ((self.number(channel, level) - measured) / affine.scale).abs()
            };
            at(ends[0].clamp(0.0, 255.0)).max(at(ends[1].clamp(0.0, 255.0)))
        };
        measured.iter().enumerate().map(miss).fold(0.0, f64::max)
    }
}

/// Mean, deviation and what they make of levels.
const RANGES: [(f64, f64, &str); 4] = [
    (0.0, 1.0, "levels are left as they are"),
    (0.0, 255.0, "levels are divided by 255"),
    (127.5, 127.5, "levels are carried to -1..1"),
    (255.0, -255.0, "levels are divided by 255 and inverted"),
];

/// The name of what was measured: what differs from `ours` in the fewest steps. `colors` says for
/// each channel which of ours shows the same color, where the order differs. A known one may miss
/// what was measured by `tolerance` levels.
pub(crate) fn name(
    measured: &[Affine],
    ours: &Normalization,
    colors: Option<&[usize]>,
    tolerance: f64,
) -> Named {
    let mut best: Option<(usize, f64, Named)> = None;
    for named in candidates(ours, colors) {
        let (steps, misses) = (named.steps.len(), named.normalization.misses(measured));
        let is_better = best.as_ref().is_none_or(|(s, m, _)| (steps, misses) < (*s, *m));
        if misses <= tolerance && is_better {
            best = Some((steps, misses, named));
        }
    }
    best.map_or_else(|| as_measured(measured, ours), |(_, _, named)| named)
}

fn candidates(ours: &Normalization, colors: Option<&[usize]>) -> Vec<Named> {
    let channels = ours.mean.len();
    let with = |mean: &[f64], std: &[f64], steps: &[Step], note: &str| Named {
        normalization: Normalization { mean: mean.to_vec(), std: std.to_vec() },
        steps: steps.to_vec(),
        note: (!note.is_empty()).then(|| note.to_string()),
    };
    let (mean, std) = (&ours.mean[..], &ours.std[..]);
    let times = |list: &[f64], by: f64| -> Vec<f64> { list.iter().map(|x| x * by).collect() };
    let mut all = vec![with(mean, std, &[], "")];
    if let Some(colors) = colors {
        let of = |list: &[f64]| -> Vec<f64> { colors.iter().map(|&c| list[c]).collect() };
        all.push(with(&of(mean), &of(std), &[], "mean and std go with their colors"));
    }
    for (m, s, note) in RANGES {
        let range = Normalization::uniform(m, s, channels);
        let steps = if ours.is_range() { vec![Step::Scale] } else { unlike(ours, &range) };
        all.push(with(&range.mean, &range.std, &steps, note));
    }
    for by in [255.0, 1.0] {
        let twice = |m: f64, s: f64| (m + m * s / by, s * s / by);
        let both: Vec<(f64, f64)> = mean.iter().zip(std).map(|(&m, &s)| twice(m, s)).collect();
        let (means, stds): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
        all.push(with(&means, &stds, &[Step::Repeat], "it is normalized twice"));
    }
    let zero = vec![0.0; channels];
    let unit = 1.0 / 255.0;
    all.push(with(&zero, std, &[Step::Mean], "no mean is subtracted"));
    all.push(with(mean, &vec![255.0; channels], &[Step::Std], "it is divided by 255 alone"));
    all.push(with(mean, &vec![1.0; channels], &[Step::Std], "it is divided by nothing"));
    let note = "levels are not divided by 255 before mean and std of 0..1";
    all.push(with(&times(mean, unit), &times(std, unit), &[Step::Scale], note));
    let note = "levels are divided by 255 before mean and std of 0..255";
    all.push(with(&times(mean, 255.0), &times(std, 255.0), &[Step::Scale], note));
    all.push(with(&times(mean, unit), std, &[Step::Mean], "a mean of 0..1 is taken from levels"));
    let reversed = |list: &[f64]| -> Vec<f64> { list.iter().rev().copied().collect() };
    let other = Normalization { mean: reversed(mean), std: reversed(std) };
    let steps = unlike(ours, &other);
    all.push(with(&other.mean, &other.std, &steps, "they are in the opposite order of channels"));
    let note = "the mean is in the opposite order of channels";
    all.push(with(&other.mean, std, &[Step::Mean], note));
    for preset in PRESETS {
        for shown in [[0, 1, 2], [2, 1, 0]] {
            let of = |list: [f64; 3]| -> Vec<f64> {
                if channels == 3 {
                    return shown.iter().map(|&c| list[c]).collect();
                }
                vec![list.iter().sum::<f64>() / 3.0; channels]
            };
            let known = Normalization { mean: of(preset.mean), std: of(preset.std) };
            let note = format!("mean and std are those of preset `{}`", preset.name);
            all.push(with(&known.mean, &known.std, &unlike(ours, &known), &note));
        }
    }
    all
}

/// What was measured, in few digits, where it has no name.
fn as_measured(measured: &[Affine], ours: &Normalization) -> Named {
    let both = measured.iter().map(|affine| affine.mean_and_std());
    let (mean, std): (Vec<f64>, Vec<f64>) = both.map(|(m, s)| (rounded(m), rounded(s))).unzip();
    let normalization = Normalization { mean, std };
    let is_plain = normalization.mean.iter().all(|m| m.abs() < LEVELS);
    let steps = match ours.is_range() && is_plain {
        true => vec![Step::Scale],
        false => unlike(ours, &normalization),
    };
    let steps = if steps.is_empty() { vec![Step::Mean] } else { steps };
    Named { normalization, steps, note: Some("measured".to_string()) }
}

/// Which of mean and deviation differ.
fn unlike(ours: &Normalization, theirs: &Normalization) -> Vec<Step> {
    let mut steps = Vec::new();
    if ours.mean.iter().zip(&theirs.mean).any(|(a, b)| (a - b).abs() > LEVELS) {
        steps.push(Step::Mean);
    }
    // Half a level of 255.
    if ours.std.iter().zip(&theirs.std).any(|(a, b)| (a / b - 1.0).abs() > LEVELS / 255.0) {
        steps.push(Step::Std);
    }
    steps
}

/// To four digits, at most three of them behind the point.
fn rounded(number: f64) -> f64 {
    let digits = 3 - number.abs().max(1e-3).log10().floor() as i32;
    let by = 10f64.powi(digits.min(3));
    (number * by).round() / by
}

fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

/// A list of numbers, one where all are the same.
pub(crate) fn list(numbers: &[f64]) -> String {
    match numbers {
        [first, rest @ ..] if rest.iter().all(|n| n == first) => short(*first),
        _ => numbers.iter().map(|&n| short(n)).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEAN: [f64; 3] = [123.675, 116.28, 103.53];
    const STD: [f64; 3] = [58.395, 57.12, 57.375];

    fn named(mean: [f64; 3], std: [f64; 3], ours: ([f64; 3], [f64; 3])) -> Named {
        let measured: Vec<Affine> = mean
            .iter()
            .zip(std)
            .map(|(m, s)| Affine { scale: 1.0 / s, shift: -m / s, middle: 120.0, spread: 60.0 })
            .collect();
        let ours = Normalization { mean: ours.0.to_vec(), std: ours.1.to_vec() };
        name(&measured, &ours, None, LEVELS)
    }

    #[test]
    fn mistakes_have_their_names() {
        let imagenet = (MEAN, STD);
        let raw = ([0.0; 3], [1.0; 3]);
        let unit = ([0.0; 3], [255.0; 3]);
        let map = |list: [f64; 3], by: f64| list.map(|x| x * by);
        let twice = std::array::from_fn(|c| MEAN[c] + MEAN[c] * STD[c] / 255.0);
        for (theirs, ours, steps) in [
            (imagenet, imagenet, &[][..]),
            (([0.0; 3], STD), imagenet, &[Step::Mean]),
            ((MEAN, [255.0; 3]), imagenet, &[Step::Std]),
            (unit, imagenet, &[Step::Mean, Step::Std]),
            (unit, raw, &[Step::Scale]),
            (([127.5; 3], [127.5; 3]), unit, &[Step::Scale]),
            (([255.0; 3], [-255.0; 3]), unit, &[Step::Scale]),
            ((map(MEAN, 1.0 / 255.0), map(STD, 1.0 / 255.0)), imagenet, &[Step::Scale]),
            ((twice, map(STD, 1.0).map(|s| s * s / 255.0)), imagenet, &[Step::Repeat]),
            (([0.0; 3], [65025.0; 3]), unit, &[Step::Repeat]),
            (([MEAN[2], MEAN[1], MEAN[0]], [1.0; 3]), (MEAN, [1.0; 3]), &[Step::Mean]),
            (([127.5; 3], [127.5; 3]), ([127.0; 3], [128.0; 3]), &[Step::Std]),
            (([0.0; 3], [256.0; 3]), unit, &[Step::Scale]),
            (([90.0, 91.0, 92.0], [33.0; 3]), imagenet, &[Step::Mean, Step::Std]),
        ] {
            let found = named(theirs.0, theirs.1, ours);
            let is_close = found.normalization.mean.iter().zip(theirs.0).all(|(a, b)| {
                (a - b).abs() < 0.6 // ours is kept within the tolerance
            });
            assert!(is_close, "{found:?}");
            if theirs.1 != [127.5; 3] || ours.1 != [128.0; 3] {
                assert_eq!(found.steps, steps, "{theirs:?} against {ours:?}: {found:?}");
            } else {
                assert!(!found.steps.is_empty(), "{found:?}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(list(&MEAN), "123.675, 116.28, 103.53");
        assert_eq!(list(&[255.0; 3]), "255");
        assert_eq!(
            [rounded(123.45678), rounded(0.0123456), rounded(-57.125)],
            [123.5, 0.012, -57.13]
        );
        let unit = Normalization::uniform(0.0, 255.0, 3);
        assert_eq!((unit.range(), unit.is_range()), ("0..1".to_string(), true));
    }
}
