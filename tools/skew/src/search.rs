//! The search over what the trainer may have done with the image.
//!
//! ```text
//! sizes that are likely, all orientations        } coarse: bilinear, scale and shift in closed
//! and crops at the center and in the corners     } form on some pixels
//! the best of them, moved by up to 3 pixels      }
//! the best of those, by every filter             fine: every pixel, robust
//! ```
//! Where that leaves more than rounding, the memory is read in the other layout, and then all sizes
//! are tried that crops are commonly cut from. Among what fits as well as the best, the fewest
//! changes of the recipe are chosen.

use crate::Trainer;
use crate::channels::Channels;
use crate::fit::{Affine, Difference, Moments, affine, distances};
use crate::geometry::{Geometry, Size, center, cut};
use crate::levels::Levels;
use crate::orientation::Orientation;
use crate::resample::Sampling;
use recipe::{Filter, Limits, Pixels, Rounding};

/// Levels, on average, that rounding alone leaves: what is closer is found.
const ROUNDING: f64 = 0.4;

/// Levels, on average, beyond which images are not alike.
pub(crate) const ALIKE: f64 = 10.0;

/// Pixels of the largest resized image that is tried; a crop of more is of no classifier.
const PIXELS_MAX: usize = 16 << 20;

/// What the trainer may have done, but for mean and deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hypothesis {
    pub(crate) geometry: Geometry,
    pub(crate) orientation: Orientation,
    pub(crate) channels: Channels,
    pub(crate) is_reshaped: bool,
}

/// How well a hypothesis fits.
#[derive(Debug, Clone)]
pub(crate) struct Fitted {
    pub(crate) hypothesis: Hypothesis,
    /// One for each channel of the tensor.
    pub(crate) affine: Vec<Affine>,
    /// In levels.
    pub(crate) difference: Difference,
}

/// The tensor as it was before it was turned.
struct View {
    orientation: Orientation,
    is_reshaped: bool,
    size: (usize, usize),
    planes: Vec<Vec<f32>>,
}

/// A place in the image that looks like the tensor.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    view: usize,
    size: Size,
    offset: (isize, isize),
    distance: f64,
}

/// What is searched, and in what.
pub(crate) struct Search<'a> {
    pub(crate) pixels: &'a Pixels,
    pub(crate) trainer: &'a Trainer,
    /// What the recipe does.
    pub(crate) ours: Hypothesis,
    /// How the recipe halves margins.
    pub(crate) rounding: Rounding,
    /// Of the recipe's normalization, should the image say nothing of it.
    pub(crate) affine: Vec<Affine>,
    pub(crate) limits: &'a Limits,
    /// The image, smaller if it is far larger than the tensor: for the first look.
    pub(crate) small: Pixels,
}

impl Search<'_> {
    /// What fits best with the fewest changes; `None` where nothing can be laid onto the image.
    pub(crate) fn run(&self) -> Option<Fitted> {
        let views = views_from(self.trainer, Orientation::all());
        let mut found = self.staged(&views, likely_sizes);
        if self.least(&found) > ROUNDING && self.trainer.channels() == 3 {
            let unturned = std::iter::once(Orientation::default());
            let reread = views_from(&self.trainer.reread(), unturned);
            found.extend(self.staged(&reread, likely_sizes));
        }
        if self.least(&found) > ROUNDING {
            let turned = self.likely_orientations(&views);
            found.extend(self.staged(&views_of(&views, &turned), every_size));
        }
        self.chosen(found)
    }

    fn least(&self, found: &[Fitted]) -> f64 {
        found.iter().map(|f| f.difference.mean).fold(f64::INFINITY, f64::min)
    }

    /// Among what fits about as well as the best, what changes the recipe least.
    fn chosen(&self, found: Vec<Fitted>) -> Option<Fitted> {
        let least = self.least(&found);
        let limit = |changes: usize| match changes {
            // What the recipe does stands unless something else is plainly closer: what decoders
            // differ by is there whatever the resize was, so that the right one is the closest.
            0 => 1.25 * least + 0.05,
            _ => 1.1 * least + 0.02,
        };
        let changes = |f: &Fitted| self.changes(&f.hypothesis);
        let alike = found.into_iter().filter(|f| f.difference.mean <= limit(changes(f)));
        alike.min_by(|a, b| {
            let by_mean = a.difference.mean.total_cmp(&b.difference.mean);
            changes(a).cmp(&changes(b)).then(by_mean)
        })
    }

    fn changes(&self, other: &Hypothesis) -> usize {
        let (ours, theirs) = (self.ours.geometry, other.geometry);
        let from = self.from();
        let target = other.orientation.size_before(self.trainer.size());
        let is_resized = theirs.size.resized(from, target) != from;
        [
            !ours.size.is_same(theirs.size, from, target),
            is_resized && ours.sampling.name() != theirs.sampling.name(),
            is_resized && ours.sampling.antialias() != theirs.sampling.antialias(),
            ours.offset != theirs.offset,
            self.ours.orientation != other.orientation,
            self.ours.channels != other.channels,
            other.is_reshaped,
            // Equal pixels by another rule: the recipe's own words come first.
            ours.size != theirs.size,
        ]
        .into_iter()
        .filter(|differs| *differs)
        .count()
    }

    fn from(&self) -> (usize, usize) {
        (self.pixels.height(), self.pixels.width())
    }

    /// The image at the size that this rule gives it, or `None` where the tensor is larger.
    fn whole(
        &self,
        size: Size,
        sampling: Sampling,
        target: (usize, usize),
        is_first_look: bool,
    ) -> Option<Levels> {
        let to = size.resized(self.from(), target);
        if to.0 < target.0 || to.1 < target.1 || to.0.saturating_mul(to.1) > PIXELS_MAX {
            return None;
        }
        let part;
        let source = match (size, is_first_look) {
            (Size::CropFirst(height, width), _) => {
                part = cut(self.pixels, (height, width))?;
                &part
            }
            (Size::Keep, _) | (_, false) => self.pixels,
            (Size::Shortest(_) | Size::Exact(..), true) => &self.small,
        };
        if (source.height(), source.width()) == to {
            return Some(Levels::of(source));
        }
        sampling.resize(source, to, self.limits)
    }

    /// The hypothesis' image, as large as the tensor was before it was turned.
    pub(crate) fn levels(&self, hypothesis: &Hypothesis) -> Option<Levels> {
        let target = hypothesis.orientation.size_before(self.trainer.size());
        let Geometry { size, sampling, offset } = hypothesis.geometry;
        let whole = self.whole(size, sampling, target, false)?;
        self.window(&whole, offset, target)
    }

    /// What lies so far beside the center.
    fn window(
        &self,
        whole: &Levels,
        offset: (isize, isize),
        target: (usize, usize),
    ) -> Option<Levels> {
        let (top, left) = center((whole.height, whole.width), target, self.rounding)?;
        whole.window((top + offset.0, left + offset.1), target)
    }

    /// Of the center crop: itself and the corners.
    fn offsets_of_corners(
        &self,
        whole: (usize, usize),
        target: (usize, usize),
    ) -> Vec<(isize, isize)> {
        let Some((top, left)) = center(whole, target, self.rounding) else { return Vec::new() };
        let margin = |whole: usize, part: usize| (whole - part) as isize;
        let (bottom, right) = (margin(whole.0, target.0) - top, margin(whole.1, target.1) - left);
        let mut offsets =
            vec![(0, 0), (-top, -left), (-top, right), (bottom, -left), (bottom, right)];
        offsets.dedup();
        offsets
    }

    fn staged(
        &self,
        views: &[View],
        sizes: impl Fn(&Self, (usize, usize)) -> Vec<Size>,
    ) -> Vec<Fitted> {
        let mut places = Vec::new();
        for target in targets(views) {
            for size in sizes(self, target) {
                let corners =
                    |whole: &Levels| self.offsets_of_corners((whole.height, whole.width), target);
                places.extend(self.looks(views, target, size, corners));
            }
        }
        let mut best = nearest(places, 4);
        let mut moved = best.clone();
        for place in &best {
            let around = |_: &Levels| offsets_around(place.offset);
            let target = views[place.view].size;
            moved.extend(self.looks(views, target, place.size, around));
        }
        // Each is resized by every filter: of a photograph of a camera that takes seconds.
        let is_large = self.from().0 * self.from().1 > 4 << 20;
        best = nearest(moved, if is_large { 3 } else { 8 });
        self.fine(views, &best)
    }

    /// How far each view is from each of these windows of the resized image.
    fn looks(
        &self,
        views: &[View],
        target: (usize, usize),
        size: Size,
        offsets: impl Fn(&Levels) -> Vec<(isize, isize)>,
    ) -> Vec<Place> {
        let sampling = Sampling::Recipe(Filter::Bilinear, true);
        let Some(whole) = self.whole(size, sampling, target, true) else { return Vec::new() };
        let mut places = Vec::new();
        for offset in offsets(&whole) {
            let Some(levels) = self.window(&whole, offset, target) else { continue };
            for (at, view) in views.iter().enumerate().filter(|(_, view)| view.size == target) {
                let distance = Moments::new(&levels, &view.planes).least_distance();
                places.push(Place { view: at, size, offset, distance });
            }
        }
        places
    }

    /// Every filter and every order of channels at these places, and at the recipe's own.
    fn fine(&self, views: &[View], places: &[Place]) -> Vec<Fitted> {
        let Geometry { size, offset, .. } = self.ours.geometry;
        let is_own = |v: &View| v.orientation == self.ours.orientation && !v.is_reshaped;
        let own = views.iter().position(is_own);
        let own = own.map(|view| Place { view, size, offset, distance: 0.0 });
        let all: Vec<Place> = places.iter().copied().chain(own).collect();
        let mut rough = self.rough(views, &all);
        rough.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The best may have equals, among them one that changes less.
        let limit = 1.5 * rough.first().map_or(0.0, |r| r.0) + 0.1;
        let mut kept = 0;
        rough.retain(|(distance, hypothesis, _)| {
            kept += 1;
            self.changes(hypothesis) == 0 || kept <= 4 || (*distance <= limit && kept <= 24)
        });
        let mut made: Vec<(Geometry, (usize, usize), Levels)> = Vec::new();
        let mut found = Vec::new();
        for (_, hypothesis, view) in rough {
            let View { size, planes, .. } = &views[view];
            let key = (hypothesis.geometry, *size);
            let at = made.iter().position(|(geometry, size, _)| (*geometry, *size) == key);
            let at = match at {
                Some(at) => at,
                None => {
                    let Some(levels) = self.levels(&hypothesis) else { continue };
                    made.push((hypothesis.geometry, *size, levels));
                    made.len() - 1
                }
            };
            found.extend(self.fitted(hypothesis, &made[at].2, planes));
        }
        found
    }

    /// The distance of every filter and every order of channels, by some of the pixels.
    fn rough(&self, views: &[View], places: &[Place]) -> Vec<(f64, Hypothesis, usize)> {
        let mut wholes: Vec<(Size, (usize, usize))> = Vec::new();
        for place in places {
            let key = (place.size, views[place.view].size);
            if !wholes.contains(&key) {
                wholes.push(key);
            }
        }
        let mut rough = Vec::new();
        for (size, target) in wholes {
            let is_kept = size.is_same(Size::Keep, self.from(), target);
            // Without a resize every filter is the same.
            for sampling in Sampling::ALL.into_iter().take(if is_kept { 1 } else { usize::MAX }) {
                let Some(whole) = self.whole(size, sampling, target, false) else { continue };
                for place in places.iter().filter(|place| place.size == size) {
                    let view = &views[place.view];
                    let levels =
                        (view.size == target).then(|| self.window(&whole, place.offset, target));
                    let Some(levels) = levels.flatten() else { continue };
                    let moments = Moments::new(&levels, &view.planes);
                    for channels in Channels::of_count(view.planes.len()) {
                        let geometry = Geometry { size, sampling, offset: place.offset };
                        let (orientation, is_reshaped) = (view.orientation, view.is_reshaped);
                        let hypothesis =
                            Hypothesis { geometry, orientation, channels, is_reshaped };
                        rough.push((moments.distance(channels), hypothesis, place.view));
                    }
                }
            }
        }
        rough
    }

    fn fitted(
        &self,
        hypothesis: Hypothesis,
        levels: &Levels,
        planes: &[Vec<f32>],
    ) -> Option<Fitted> {
        let mut fits = Vec::new();
        let mut all = Vec::new();
        let shown = hypothesis.channels.shown().iter().zip(planes);
        for ((&source, plane), own) in shown.zip(&self.affine) {
            let levels = levels.plane(source);
            let fit = affine(&levels, plane).unwrap_or(*own);
            all.extend(distances(&levels, plane, fit));
            fits.push(fit);
        }
        let difference = Difference::of(all);
        difference.mean.is_finite().then_some(Fitted { hypothesis, affine: fits, difference })
    }

    /// The orientations that look best at sizes that are likely, ours among them.
    fn likely_orientations(&self, views: &[View]) -> Vec<Orientation> {
        let mut places = Vec::new();
        for target in targets(views) {
            for size in [Size::Exact(target.0, target.1), Size::Shortest(target.0.min(target.1))] {
                let centers = |_: &Levels| vec![(0, 0)];
                places.extend(self.looks(views, target, size, centers));
            }
        }
        places.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let mut kept = vec![self.ours.orientation];
        kept.extend(places.iter().take(4).map(|place| views[place.view].orientation));
        kept.truncate(3);
        kept
    }
}

fn views_from(trainer: &Trainer, turned: impl Iterator<Item = Orientation>) -> Vec<View> {
    let view = |orientation: Orientation| View {
        orientation,
        is_reshaped: trainer.is_reshaped,
        size: orientation.size_before(trainer.size()),
        planes: trainer.turned_back(orientation),
    };
    turned.map(view).collect()
}

fn views_of(views: &[View], turned: &[Orientation]) -> Vec<View> {
    let kept = views.iter().filter(|view| turned.contains(&view.orientation));
    let copy = |view: &View| View { planes: view.planes.clone(), ..*view };
    kept.map(copy).collect()
}

fn targets(views: &[View]) -> Vec<(usize, usize)> {
    let mut targets: Vec<(usize, usize)> = views.iter().map(|view| view.size).collect();
    targets.dedup();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// The rules that most trainers have.
fn likely_sizes(search: &Search, target: (usize, usize)) -> Vec<Size> {
    let side = target.0.min(target.1);
    let mut sizes = vec![
        search.ours.geometry.size,
        Size::Exact(target.0, target.1),
        Size::Shortest(side),
        Size::Shortest(side * 256 / 224),
        Size::Exact(target.0 * 256 / 224, target.1 * 256 / 224),
        Size::Keep,
    ];
    sizes.extend(cuts(search, target));
    distinct(sizes)
}

/// Parts that are cut out before the resize: the largest of the tensor's shape, as Keras has it
/// with `crop_to_aspect_ratio`, and 7/8 of each side, as TensorFlow's classifiers have it.
fn cuts(search: &Search, (height, width): (usize, usize)) -> Vec<Size> {
    let (from_height, from_width) = search.from();
    let wide = (from_height * width / height).min(from_width).max(1);
    let high = (from_width * height / width).min(from_height).max(1);
    let seven_eighths = |n: usize| (n * 7).div_ceil(8);
    let largest = Size::CropFirst(high, wide);
    vec![
        largest,
        Size::CropFirst(seven_eighths(from_height), seven_eighths(from_width)),
        Size::CropFirst(seven_eighths(high), seven_eighths(wide)),
    ]
}

/// Every size up to a third larger than the tensor: models are tested on 3/4 of the image's side,
/// or on more of it.
fn every_size(search: &Search, target: (usize, usize)) -> Vec<Size> {
    let side = target.0.min(target.1);
    let step = side.div_ceil(256);
    let mut sizes = likely_sizes(search, target);
    for larger in (side..=side + side.div_ceil(3)).step_by(step) {
        sizes.push(Size::Shortest(larger));
        sizes.push(Size::Exact(target.0 * larger / side, target.1 * larger / side));
    }
    distinct(sizes)
}

fn distinct(mut sizes: Vec<Size>) -> Vec<Size> {
    let mut seen = Vec::new();
    sizes.retain(|size| {
        let is_new = !seen.contains(size);
        seen.push(*size);
        is_new
    });
    sizes
}

fn offsets_around((down, right): (isize, isize)) -> Vec<(isize, isize)> {
    (-3..=3).flat_map(|y| (-3..=3).map(move |x| (down + y, right + x))).collect()
}

/// So many of the places, the nearest first: of one size in one view two at most, for a neighbor of
/// it may be nearer once the filter is right.
fn nearest(mut places: Vec<Place>, count: usize) -> Vec<Place> {
    places.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    let mut kept: Vec<Place> = Vec::new();
    for place in places {
        let of_this_size = kept.iter().filter(|p| (p.view, p.size) == (place.view, place.size));
        let offsets: Vec<(isize, isize)> = of_this_size.map(|p| p.offset).collect();
        if kept.len() < count && offsets.len() < 2 && !offsets.contains(&place.offset) {
            kept.push(place);
        }
    }
    kept
}
