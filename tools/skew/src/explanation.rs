//! What was found, as steps: the recipe's and the trainer's, and what each of them does.

use crate::compare::{Comparison, Own, Verdict, difference};
use crate::fit::{Affine, Difference};
use crate::normalization::{self, Named, Normalization};
use crate::search::{Fitted, Hypothesis, Search};
use crate::{Agreement, Row, Step, Trainer, geometry, text};
use recipe::{Crop, Layout, Normalize, Recipe, Resize, ResizeTo, Rounding, SampleType};
use tensor::DType;

use crate::geometry::{Geometry, Size};
use crate::resample::Sampling;

/// What the trainer did, against the recipe.
pub(crate) struct Explanation<'a> {
    search: &'a Search<'a>,
    recipe: &'a Recipe,
    ours: &'a Normalization,
    found: Fitted,
    named: Named,
}

/// A step as the trainer may have done it.
#[derive(Clone)]
struct Whole {
    hypothesis: Hypothesis,
    normalization: Normalization,
}

impl<'a> Explanation<'a> {
    pub(crate) fn new(
        search: &'a Search<'a>,
        recipe: &'a Recipe,
        ours: &'a Normalization,
        found: Fitted,
        tolerance: &Difference,
    ) -> Explanation<'a> {
        let colors = colors(search.ours, found.hypothesis);
        // What is left on average may also lie in one direction.
        let levels = tolerance.mean + 0.5 * found.difference.mean.min(2.0);
        let named = normalization::name(&found.affine, ours, colors.as_deref(), levels);
        Explanation { search, recipe, ours, found, named }
    }

    pub(crate) fn comparison(&self, tolerance: Difference) -> Comparison {
        let steps = self.rows();
        let residual = self.residual().unwrap_or(self.found.difference);
        let is_whole = residual.mean <= tolerance.mean && residual.most <= tolerance.most;
        let differs = steps.iter().any(|row| row.agrees == Agreement::No);
        let verdict = match (is_whole, differs) {
            (true, false) => Verdict::Agrees,
            (true, true) => Verdict::Differs,
            (false, _) => Verdict::Partly,
        };
        let sentence = text::sentence(verdict, &steps, &residual, &tolerance);
        let recipe = differs.then(|| self.said()).filter(|recipe| recipe.validate().is_ok());
        Comparison {
            verdict,
            sentence,
            steps,
            difference: None,
            residual: Some(residual),
            tolerance,
            recipe,
            unsaid: self.unsaid(),
            picture: Vec::new(),
        }
    }

    fn trainer(&self) -> &Trainer {
        self.search.trainer
    }

    fn from(&self) -> (usize, usize) {
        (self.search.pixels.height(), self.search.pixels.width())
    }

    /// Height and width of the tensor before it was turned.
    fn target(&self) -> (usize, usize) {
        self.found.hypothesis.orientation.size_before(self.trainer().size())
    }

    fn explained(&self) -> Whole {
        let normalization = self.named.normalization.clone();
        Whole { hypothesis: self.found.hypothesis, normalization }
    }

    /// The tensor that this would be.
    fn tensor(&self, whole: &Whole) -> Option<Own> {
        let levels = self.search.levels(&whole.hypothesis)?;
        let shown = whole.hypothesis.channels.shown();
        if shown.len() != whole.normalization.mean.len() {
            return None;
        }
        let (height, width) = self.trainer().size();
        let plane = |(channel, &source): (usize, &usize)| {
            let plane = whole.hypothesis.orientation.apply(&levels.plane(source), (height, width));
            let number = |x: f32| whole.normalization.number(channel, f64::from(x)) as f32;
            plane.into_iter().map(number).collect()
        };
        let planes = shown.iter().enumerate().map(plane).collect();
        Some(Own { height, width, planes })
    }

    fn difference(&self, whole: &Whole) -> Option<Difference> {
        let reread;
        let trainer = match whole.hypothesis.is_reshaped {
            true => {
                reread = self.trainer().reread();
                &reread
            }
            false => self.trainer(),
        };
        difference(&self.tensor(whole)?, trainer)
    }

    /// What the explanation leaves, in levels, overshoot aside as the search has it.
    fn residual(&self) -> Option<Difference> {
        let levels = self.search.levels(&self.found.hypothesis)?;
        let Hypothesis { orientation, channels, is_reshaped, .. } = self.found.hypothesis;
        let planes = match is_reshaped {
            true => self.trainer().reread().turned_back(orientation),
            false => self.trainer().turned_back(orientation),
        };
        let Normalization { mean, std } = &self.named.normalization;
        let mut all = Vec::new();
        for (channel, (&source, plane)) in channels.shown().iter().zip(&planes).enumerate() {
            let (m, s) = (mean[channel], std[channel]);
            let fit = Affine { scale: 1.0 / s, shift: -m / s, ..self.found.affine[channel] };
            all.extend(crate::fit::distances(&levels.plane(source), plane, fit));
        }
        Some(Difference::of(all))
    }

    fn rows(&self) -> Vec<Row> {
        let after = self.difference(&self.explained());
        let mut rows = self.geometry_rows();
        rows.extend(self.channel_rows());
        for row in rows.iter_mut().filter(|row| row.agrees == Agreement::No) {
            row.before = self.difference(&self.with_our(row.step));
            row.after = after;
        }
        let mut last = read_off(self.recipe, self.trainer());
        if self.found.hypothesis.is_reshaped {
            let layout = &mut last[0];
            layout.agrees = Agreement::No;
            layout.note = Some("the memory was reshaped where it had to be transposed".to_string());
        }
        rows.extend(last);
        rows
    }

    /// Everything as the trainer did it, but this step as the recipe does.
    fn with_our(&self, step: Step) -> Whole {
        let mut whole = self.explained();
        let ours = self.search.ours;
        let geometry = &mut whole.hypothesis.geometry;
        match step {
            Step::Resize => geometry.size = ours.geometry.size,
            Step::Filter | Step::Antialias => {
                geometry.sampling = match (step, ours.geometry.sampling, geometry.sampling) {
                    (Step::Filter, Sampling::Recipe(filter, _), Sampling::Recipe(_, wide))
                    | (Step::Antialias, Sampling::Recipe(_, wide), Sampling::Recipe(filter, _)) => {
                        Sampling::Recipe(filter, wide)
                    }
                    (_, ours, _) => ours,
                };
            }
            Step::Crop => geometry.offset = ours.geometry.offset,
            Step::Orientation => whole.hypothesis.orientation = ours.orientation,
            Step::Channels => whole.hypothesis.channels = ours.channels,
            Step::Mean => whole.normalization.mean.clone_from(&self.ours.mean),
            Step::Std => whole.normalization.std.clone_from(&self.ours.std),
            Step::Scale | Step::Repeat => whole.normalization = self.ours.clone(),
            Step::Layout | Step::Dtype => {}
        }
        whole
    }

    fn geometry_rows(&self) -> Vec<Row> {
        let (ours, theirs) = (self.search.ours.geometry, self.found.hypothesis.geometry);
        let (from, target) = (self.from(), self.target());
        let is_same_size = ours.size.is_same(theirs.size, from, target);
        let is_resized = theirs.size.resized(from, target) != from;
        let mut resize = match is_same_size {
            true => row(Step::Resize, ours.size.name(), ours.size.name(), Agreement::Yes),
            false => row(Step::Resize, ours.size.name(), theirs.size.name(), Agreement::No),
        };
        if is_same_size && from.0 == from.1 && !matches!(ours.size, Size::Keep) {
            resize.note = Some(
                "the image is square: stretched or by its shorter side, it is the same; compare an \
                 oblong one as well"
                    .to_string(),
            );
        }
        let our_resize = ours.size.resized(from, target) != from;
        let filter = |is_resized: bool, sampling: Sampling| {
            if is_resized { sampling.name().to_string() } else { "none".to_string() }
        };
        let names = (filter(our_resize, ours.sampling), filter(is_resized, theirs.sampling));
        let filter = row(Step::Filter, names.0, names.1, follows(!is_resized || !our_resize));
        let antialias = |is_resized: bool, sampling: Sampling| match sampling
            .antialias()
            .filter(|_| is_resized)
        {
            Some(true) => "yes",
            Some(false) => "no",
            None => "none",
        };
        let words = (antialias(our_resize, ours.sampling), antialias(is_resized, theirs.sampling));
        let is_moot = words.0 == "none" || words.1 == "none";
        let antialias = row(Step::Antialias, words.0, words.1, follows(is_moot));
        let our_crop = self.recipe.crop.map(|crop| (crop.height, crop.width));
        let our_crop = our_crop.filter(|crop| ours.size.resized(from, target) != *crop);
        let whole = theirs.size.resized(from, target);
        let their_crop = (whole != target).then_some(target);
        let center = geometry::center(whole, target, self.search.rounding);
        let theirs_round = self.rounding();
        let offset = if theirs_round.is_some() { (0, 0) } else { theirs.offset };
        let names = (
            text::crop(our_crop, (0, 0), None, self.search.rounding),
            text::crop(their_crop, offset, center, theirs_round.unwrap_or(self.search.rounding)),
        );
        let moved = theirs.offset != (0, 0);
        let crop = row(Step::Crop, names.0, names.1, follows(!is_same_size && !moved));
        vec![resize, filter, antialias, crop]
    }

    /// How the trainer halved margins, if that says where the crop is.
    fn rounding(&self) -> Option<Rounding> {
        let Geometry { size, offset, .. } = self.found.hypothesis.geometry;
        let whole = size.resized(self.from(), self.target());
        let start = |rounding| geometry::center(whole, self.target(), rounding);
        let ours = start(self.search.rounding)?;
        let theirs = Some((ours.0 + offset.0, ours.1 + offset.1));
        // The recipe's own comes first where both are the same.
        let all = [self.search.rounding, Rounding::Even, Rounding::Down];
        all.into_iter().find(|rounding| start(*rounding) == theirs)
    }

    fn channel_rows(&self) -> Vec<Row> {
        let (ours, theirs) = (self.search.ours, self.found.hypothesis);
        let named = &self.named;
        let is = |step: Step| named.steps.contains(&step);
        let verdict = |step: Step| if is(step) { Agreement::No } else { Agreement::Follows };
        let turned = row(
            Step::Orientation,
            ours.orientation.name(),
            theirs.orientation.name(),
            Agreement::No,
        );
        let mut order =
            row(Step::Channels, ours.channels.name(), theirs.channels.name(), Agreement::No);
        if crate::levels::is_gray(self.search.pixels) && order.agrees == Agreement::Yes {
            let note =
                "the image is gray: the order of channels is not to be seen; compare one of color";
            order.note = Some(note.to_string());
        }
        let their = &named.normalization;
        let scale = row(Step::Scale, self.ours.range(), their.range(), verdict(Step::Scale));
        let lists = |of: fn(&Normalization) -> &Vec<f64>| {
            (normalization::list(of(self.ours)), normalization::list(of(their)))
        };
        let (ours_mean, their_mean) = lists(|n| &n.mean);
        let (ours_std, their_std) = lists(|n| &n.std);
        let mean = row(Step::Mean, ours_mean, their_mean, verdict(Step::Mean));
        let std = row(Step::Std, ours_std, their_std, verdict(Step::Std));
        let times = if is(Step::Repeat) { "twice" } else { "once" };
        let repeat = row(Step::Repeat, "once", times, Agreement::No);
        let mut rows = vec![turned, order, scale, mean, std, repeat];
        let first = rows.iter().position(|row| named.steps.contains(&row.step));
        let first = first.unwrap_or(3);
        rows[first].note.clone_from(&named.note);
        rows
    }

    /// The recipe nearest to what the trainer did.
    fn said(&self) -> Recipe {
        let Hypothesis { geometry, channels, .. } = self.found.hypothesis;
        let target = self.target();
        let whole = geometry.size.resized(self.from(), target);
        let to = match geometry.size {
            Size::Keep => None,
            Size::Shortest(side) => Some(ResizeTo::Shortest(side)),
            Size::Exact(height, width) => Some(ResizeTo::Exact { height, width }),
            // What is cut out first is about what is cut out afterwards.
            Size::CropFirst(height, width) if height == width => {
                let side = target.0 * self.from().0.min(self.from().1) / height.max(1);
                Some(ResizeTo::Shortest(side))
            }
            Size::CropFirst(..) => Some(ResizeTo::Exact { height: target.0, width: target.1 }),
        };
        let (filter, antialias) = nearest_said(geometry.sampling);
        let resize = to.map(|to| Resize { to, filter, antialias });
        let is_cropped = whole != target || matches!(to, Some(ResizeTo::Shortest(_)));
        let rounding = self.rounding().unwrap_or(self.search.rounding);
        let crop = is_cropped.then_some(Crop { rounding, ..Crop::new(target.0, target.1) });
        let shortened = |list: &[f64]| match list {
            [first, rest @ ..] if rest.iter().all(|n| n == first) => vec![*first],
            _ => list.to_vec(),
        };
        let Normalization { mean, std } = &self.named.normalization;
        let normalize = Normalize { mean: shortened(mean), std: shortened(std) };
        let is_plain = normalize == Normalize::default();
        let dtype = match self.trainer().dtype {
            DType::U8 if is_plain => SampleType::U8,
            _ => SampleType::F32,
        };
        Recipe {
            color: channels.color().unwrap_or(self.recipe.color),
            layout: self.trainer().layout,
            dtype,
            resize,
            crop,
            normalize,
            post: self.recipe.post.clone(),
        }
    }

    /// What no recipe says.
    fn unsaid(&self) -> Vec<String> {
        let Hypothesis { geometry, orientation, channels, is_reshaped } = self.found.hypothesis;
        let mut unsaid = Vec::new();
        let is_resized = geometry.size.resized(self.from(), self.target()) != self.from();
        if is_resized && !matches!(geometry.sampling, Sampling::Recipe(..)) {
            unsaid.push(format!("the filter {}", geometry.sampling.name()));
        }
        if matches!(geometry.size, Size::CropFirst(..)) {
            unsaid.push("a crop before the resize".to_string());
        }
        if self.rounding().is_none() {
            unsaid.push("a crop beside the center".to_string());
        }
        if orientation.name() != self.search.ours.orientation.name() {
            unsaid.push(format!("an image {}", orientation.name()));
        }
        if channels.color().is_none() {
            unsaid.push(format!("channels that show {}", channels.name()));
        }
        if is_reshaped {
            unsaid.push("memory in another order than its shape says".to_string());
        }
        unsaid
    }
}

/// What a recipe has that is nearest to a resize.
fn nearest_said(sampling: Sampling) -> (recipe::Filter, bool) {
    match sampling {
        Sampling::Recipe(filter, antialias) => (filter, antialias),
        Sampling::Area => (recipe::Filter::Bilinear, true),
        Sampling::NearestCorner => (recipe::Filter::Nearest, true),
        Sampling::BilinearCorner | Sampling::BilinearAligned => (recipe::Filter::Bilinear, false),
    }
}

/// Layout and type: what can be read off without looking at the image.
pub(crate) fn read_off(recipe: &Recipe, trainer: &Trainer) -> Vec<Row> {
    let layout = |layout: Layout| match layout {
        Layout::Nchw => "nchw",
        Layout::Nhwc => "nhwc",
    };
    let ours = match recipe.dtype {
        SampleType::F32 => DType::F32,
        SampleType::U8 => DType::U8,
    };
    let is_wide = matches!(trainer.dtype, DType::F64 | DType::F16 | DType::BF16);
    let is_saved_otherwise = ours == DType::F32 && is_wide;
    let agrees = if is_saved_otherwise { Agreement::Yes } else { Agreement::No };
    let mut dtype = row(Step::Dtype, ours.to_string(), trainer.dtype.to_string(), agrees);
    dtype.note = is_saved_otherwise.then(|| "the same numbers in another width".to_string());
    let (our, their) = (layout(recipe.layout), layout(trainer.layout));
    let mut layout = row(Step::Layout, our, their, Agreement::No);
    layout.note = (our != their).then(|| format!("the tensor's shape is {:?}", trainer.shape));
    vec![layout, dtype]
}

/// For each channel of theirs the one of ours that shows the same color, where the order differs
/// and all of them are there.
fn colors(ours: Hypothesis, theirs: Hypothesis) -> Option<Vec<usize>> {
    if ours.channels == theirs.channels {
        return None;
    }
    let ours = ours.channels.shown();
    theirs.channels.shown().iter().map(|color| ours.iter().position(|own| own == color)).collect()
}

fn follows(is_so: bool) -> Agreement {
    if is_so { Agreement::Follows } else { Agreement::No }
}

/// A row; what is the same agrees, whatever is asked.
fn row(step: Step, recipe: impl ToString, trainer: impl ToString, if_not: Agreement) -> Row {
    let (recipe, trainer) = (recipe.to_string(), trainer.to_string());
    let agrees = if recipe == trainer { Agreement::Yes } else { if_not };
    Row { step, recipe, trainer, agrees, before: None, after: None, note: None }
}
