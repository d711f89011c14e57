//! Mistakes that trainers make, each made on purpose and named as exactly that step.

mod support;

use recipe::{
    Color, Crop, Filter, Layout, Normalize, Recipe, Resize, ResizeTo, Rounding, SampleType,
};
use skew::{Step, Verdict};
use support::{Fed, check, drawn};

/// The shorter side resized to 8/7 of this, the center of it cropped.
fn imagenet(side: usize) -> Recipe {
    Recipe::from_preset("imagenet", side, side, 3).unwrap()
}

fn resized(recipe: &Recipe, to: ResizeTo, filter: Filter, antialias: bool) -> Recipe {
    Recipe { resize: Some(Resize { to, filter, antialias }), ..recipe.clone() }
}

fn normalized(recipe: &Recipe, mean: &[f64], std: &[f64]) -> Recipe {
    let normalize = Normalize { mean: mean.to_vec(), std: std.to_vec() };
    Recipe { normalize, ..recipe.clone() }
}

/// Its name, what was fed, the recipe it is held against, the steps to be named.
type Mistake = (&'static str, Fed, Recipe, Vec<Step>);

/// An image, and the recipe that mistakes are made against.
struct Seeds<'a> {
    image: &'a [u8],
    side: usize,
    ours: Recipe,
    /// The same with levels as they are.
    raw: Recipe,
    shortest: ResizeTo,
    exact: ResizeTo,
    size: [usize; 4],
}

impl Seeds<'_> {
    fn new(image: &[u8], side: usize) -> Seeds<'_> {
        let ours = imagenet(side);
        let raw = normalized(&ours, &[0.0], &[1.0]);
        let shortest = ResizeTo::Shortest(side * 256 / 224);
        let exact = ResizeTo::Exact { height: side, width: side };
        Seeds { image, side, ours, raw, shortest, exact, size: [1, 3, side, side] }
    }

    fn of(&self, recipe: &Recipe) -> Fed {
        Fed::of(recipe, self.image)
    }

    fn all(&self) -> Vec<Mistake> {
        let nothing = ("nothing", self.of(&self.ours), self.ours.clone(), vec![]);
        let all = [vec![nothing], self.sizes(), self.crops(), self.colors(), self.numbers()];
        [&all.concat()[..], &self.together()].concat()
    }

    fn sizes(&self) -> Vec<Mistake> {
        let (ours, shortest) = (&self.ours, self.shortest);
        let by = |filter, antialias| self.of(&resized(ours, shortest, filter, antialias));
        let stretched = Recipe { crop: None, ..resized(ours, self.exact, Filter::Bilinear, true) };
        let smaller = ResizeTo::Shortest(self.side);
        let smaller = resized(ours, smaller, Filter::Bilinear, true);
        let against = |name, fed, step| (name, fed, ours.clone(), vec![step]);
        vec![
            against("nearest", by(Filter::Nearest, true), Step::Filter),
            against("bicubic", by(Filter::Bicubic, true), Step::Filter),
            against("lanczos", by(Filter::Lanczos, true), Step::Filter),
            against("no antialias", by(Filter::Bilinear, false), Step::Antialias),
            against("stretched", self.of(&stretched), Step::Resize),
            against("resized to the side of the crop", self.of(&smaller), Step::Resize),
        ]
    }

    fn crops(&self) -> Vec<Mistake> {
        let (ours, side, size) = (&self.ours, self.side, self.size);
        let fed = self.of(ours);
        let image = support::pixels(self.image);
        let wide = side * 256 / 224;
        let middle = |long: usize, short: usize| (wide * long / short - side) / 2 + 1;
        let least = (wide - side) / 2;
        let (top, left) = match image.width() >= image.height() {
            true => (least, middle(image.width(), image.height())),
            false => (middle(image.height(), image.width()), least),
        };
        let whole = self.of(&Recipe { crop: None, ..ours.clone() });
        let cropped = |top, left| whole.moved(size, |c, y, x| (c, y + top, x + left));
        let against = |name, fed, step| (name, fed, ours.clone(), vec![step]);
        let turned = Step::Orientation;
        vec![
            against("crop off by one", cropped(top + 1, left + 1), Step::Crop),
            against("top left", cropped(0, 0), Step::Crop),
            against("transposed", fed.moved(size, |c, y, x| (c, x, y)), turned),
            against("mirrored", fed.moved(size, |c, y, x| (c, y, side - 1 - x)), turned),
        ]
    }

    fn colors(&self) -> Vec<Mistake> {
        let (ours, size) = (&self.ours, self.size);
        let Normalize { mean, std } = &ours.normalize;
        let bgr = self.of(&Recipe { color: Color::Bgr, ..ours.clone() });
        let gray = Recipe { color: Color::Gray, ..normalized(ours, &[0.0], &[1.0]) };
        let gray = self.of(&gray).moved(size, |_, y, x| (0, y, x));
        let gray = gray.mapped(|c, v| (v - mean[c]) / std[c]);
        let nhwc = self.of(&Recipe { layout: Layout::Nhwc, ..ours.clone() });
        let reshaped = Fed { shape: size.to_vec(), ..nhwc.clone() };
        let against = |name, fed, step| (name, fed, ours.clone(), vec![step]);
        vec![
            against("bgr", bgr, Step::Channels),
            against("gray", gray, Step::Channels),
            against("nhwc", nhwc, Step::Layout),
            against("reshaped", reshaped, Step::Layout),
        ]
    }

    fn numbers(&self) -> Vec<Mistake> {
        let (ours, raw) = (&self.ours, &self.raw);
        let Normalize { mean, std } = &ours.normalize;
        let by = |mean: &[f64], std: &[f64]| self.of(&normalized(ours, mean, std));
        let unit = normalized(raw, &[0.0], &[255.0]);
        let signed = normalized(raw, &[127.5], &[127.5]);
        let caffe = Recipe::from_preset("caffe", self.side, self.side, 3).unwrap();
        let reversed: Vec<f64> = caffe.normalize.mean.iter().rev().copied().collect();
        let reversed = normalized(&caffe, &reversed, &[1.0]);
        let small = by(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]);
        let twice = self.of(ours).mapped(|c, v| (v - mean[c] / 255.0) / (std[c] / 255.0));
        let levels = Recipe { dtype: SampleType::U8, ..raw.clone() };
        let against = |name, fed, recipe: &Recipe, step| (name, fed, recipe.clone(), vec![step]);
        vec![
            against("divided by 255", self.of(&unit), raw, Step::Scale),
            against("-1..1", self.of(&signed), &unit, Step::Scale),
            against("mean and std of 0..1 on levels", small, ours, Step::Scale),
            against("no mean", by(&[0.0], std), ours, Step::Mean),
            against("no std", by(mean, &[255.0]), ours, Step::Std),
            against("mean in rgb order on bgr", self.of(&reversed), &caffe, Step::Mean),
            against("twice", twice, ours, Step::Repeat),
            against("u8", self.of(&levels), raw, Step::Dtype),
        ]
    }

    /// Two at once.
    fn together(&self) -> Vec<Mistake> {
        let (ours, raw) = (&self.ours, &self.raw);
        let plain = resized(ours, self.shortest, Filter::Bilinear, false);
        let bgr = Recipe { color: Color::Bgr, ..plain };
        let stretched = Recipe { crop: None, ..resized(raw, self.exact, Filter::Bilinear, true) };
        let stretched = normalized(&stretched, &[0.0], &[255.0]);
        let nhwc = normalized(ours, &[0.0], &ours.normalize.std);
        let nhwc = Recipe { layout: Layout::Nhwc, ..nhwc };
        let larger = ResizeTo::Shortest(self.side + 8);
        let larger = resized(ours, larger, Filter::Bicubic, true);
        let against = |name, fed: &Recipe, recipe: &Recipe, steps: [Step; 2]| {
            (name, self.of(fed), recipe.clone(), steps.to_vec())
        };
        vec![
            against("bgr, no antialias", &bgr, ours, [Step::Antialias, Step::Channels]),
            against("stretched, /255", &stretched, raw, [Step::Resize, Step::Scale]),
            against("nhwc, no mean", &nhwc, ours, [Step::Mean, Step::Layout]),
            against("a bit larger, bicubic", &larger, ours, [Step::Resize, Step::Filter]),
        ]
    }
}

#[track_caller]
fn check_all(image: &[u8], side: usize) {
    for (name, fed, recipe, steps) in Seeds::new(image, side).all() {
        check(name, &fed, image, &recipe, &steps);
    }
}

#[test]
fn mistakes_on_a_drawn_picture_are_named() {
    check_all(&drawn(640, 480), 224);
}

#[test]
fn mistakes_on_an_upright_picture_are_named() {
    check_all(&drawn(411, 603), 128);
}

#[test]
fn mistakes_on_photographs_are_named() {
    let Some(folder) = testkit::fixture("imagenet-mini-153/images") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for (file, (height, width)) in [(3, (256, 190)), (77, (180, 256))] {
        eprintln!("{}", files[file].display());
        let image = std::fs::read(&files[file]).unwrap();
        check_all(&support::part(&image, height, width), 112);
    }
}

#[test]
fn the_recipe_that_is_proposed_agrees() {
    let image = drawn(500, 375);
    for (name, fed, ours, _) in Seeds::new(&image, 112).all() {
        let found = fed.compare(&image, &ours);
        let Some(proposed) = &found.recipe else {
            assert_eq!(found.verdict, Verdict::Agrees, "{name}");
            continue;
        };
        if !found.unsaid.is_empty() {
            continue;
        }
        let again = fed.compare(&image, proposed);
        assert_eq!(again.verdict, Verdict::Agrees, "{name}\n{again}");
        let read = Recipe::from_toml(&proposed.to_toml().unwrap()).unwrap();
        assert_eq!(&read, proposed, "{name}");
    }
}

#[test]
fn crops_that_are_rounded_otherwise_are_named() {
    let image = drawn(640, 480);
    let even = imagenet(224);
    // 341 columns less 222: 59 of them lie before the crop, or 60.
    let even = Recipe { crop: Some(Crop::new(222, 222)), ..even };
    let crop = Crop { rounding: Rounding::Down, ..Crop::new(222, 222) };
    let down = Recipe { crop: Some(crop), ..even.clone() };
    for (ours, theirs) in [(&even, &down), (&down, &even)] {
        let fed = Fed::of(theirs, &image);
        check("rounded", &fed, &image, ours, &[Step::Crop]);
        let found = fed.compare(&image, ours);
        assert!(found.to_string().contains("center 222x222, rounded down"), "{found}");
        assert_eq!((found.recipe.as_ref(), found.unsaid.len()), (Some(theirs), 0), "{found}");
        assert_eq!(fed.compare(&image, theirs).verdict, Verdict::Agrees);
    }
}

#[test]
fn another_image_is_said_to_be_one() {
    let fed = Fed::of(&imagenet(224), &drawn(640, 480));
    let mut levels = Vec::new();
    for i in 0..300 * 200u32 {
        let (x, y) = (i % 300, i / 300);
        levels.extend([(x * y / 99) as u8, (x ^ y) as u8, (x * 7 + y * 3) as u8]);
    }
    let other = support::encoded(300, 200, &levels);
    let found = fed.compare(&other, &imagenet(224));
    assert_eq!(found.verdict, Verdict::Unexplained, "{found}");
    assert!(found.sentence.contains("another image"), "{found}");
}
