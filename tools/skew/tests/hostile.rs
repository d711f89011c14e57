//! Whatever tensor, image and recipe meet, there is an answer or an error, and no panic.

mod support;

use recipe::{Color, Crop, Filter, Layout, Limits, Normalize, Recipe, Resize, ResizeTo};
use skew::{Trainer, Verdict};
use support::{Fed, drawn, encoded};
use tensor::DType;
use testkit::Random;

/// An image of any size and few or many levels.
fn any_image(random: &mut Random) -> Vec<u8> {
    let (width, height) = (1 + random.below(90), 1 + random.below(90));
    let channels = random.of(&[1, 3]);
    let levels = 1 + random.below(255);
    let count = width * height * channels;
    let levels: Vec<u8> = (0..count).map(|_| random.below(levels) as u8).collect();
    encoded(width, height, &levels)
}

fn any_recipe(random: &mut Random) -> Recipe {
    let side = |random: &mut Random| 1 + random.below(70);
    let to = match random.below(2) {
        0 => ResizeTo::Shortest(side(random)),
        _ => ResizeTo::Exact { height: side(random), width: side(random) },
    };
    let filters = [Filter::Bilinear, Filter::SharpBicubic, Filter::Nearest];
    let resize = Resize { to, filter: random.of(&filters), antialias: random.below(2) == 0 };
    let crop = Crop::new(side(random), side(random));
    Recipe {
        color: random.of(&[Color::Rgb, Color::Bgr, Color::Gray]),
        layout: random.of(&[Layout::Nchw, Layout::Nhwc]),
        resize: (random.below(4) != 0).then_some(resize),
        crop: (random.below(2) == 0).then_some(crop),
        normalize: Normalize { mean: vec![7.0], std: vec![random.of(&[-3.0, 1.0, 255.0])] },
        ..Recipe::default()
    }
}

#[test]
fn nothing_that_is_compared_panics() {
    let mut random = Random(7);
    let mut answers = 0;
    for _ in 0..60 {
        let (image, recipe) = (any_image(&mut random), any_recipe(&mut random));
        let (height, width) = (8 + random.below(40), 8 + random.below(40));
        let channels = random.of(&[1, 3]);
        let bound = random.of(&[2, 255, 100_000]);
        let count = channels * height * width;
        let values: Vec<f64> = (0..count).map(|_| random.below(bound) as f64 - 9.0).collect();
        let shape = [1, channels, height, width];
        let Ok(trainer) = Trainer::new(&shape, DType::F32, &values, recipe.layout) else {
            continue;
        };
        match skew::compare(&image, &trainer, &recipe, &Limits::default()) {
            Ok(found) => {
                assert!(!found.sentence.is_empty() && !found.picture.is_empty());
                answers += 1;
            }
            // A crop that is larger than the resized image is refused.
            Err(error) => assert!(error.to_string().contains("expected"), "{error}"),
        }
    }
    assert!(answers > 15, "{answers}");
}

#[test]
fn a_strip_and_a_single_pixel_are_compared() {
    let recipe = Recipe::from_preset("imagenet", 224, 224, 3).unwrap();
    let fed = Fed::of(&recipe, &drawn(300, 260));
    for (width, height) in [(4000, 3), (3, 4000), (1, 1)] {
        let levels: Vec<u8> = (0..width * height * 3).map(|i| (i * 31 % 251) as u8).collect();
        let found = fed.compare(&encoded(width, height, &levels), &recipe);
        assert_eq!(found.verdict, Verdict::Unexplained, "{found}");
    }
}

#[test]
fn a_gray_image_does_not_show_the_order_of_channels() {
    let levels: Vec<u8> = (0..120 * 90u32).map(|i| (i % 120 * 2) as u8 ^ (i / 977) as u8).collect();
    let image = encoded(120, 90, &levels);
    let recipe = Recipe::from_preset("unit", 48, 48, 3).unwrap();
    let fed = Fed::of(&Recipe { color: Color::Bgr, ..recipe.clone() }, &image);
    let found = fed.compare(&image, &recipe);
    assert_eq!(found.verdict, Verdict::Agrees, "{found}");
    assert!(found.to_string().contains("the image is gray"), "{found}");
}

#[test]
fn a_square_image_does_not_show_by_what_rule_it_is_resized() {
    let image = drawn(90, 90);
    let recipe = Recipe::from_preset("unit", 48, 48, 3).unwrap();
    let resize = Resize { to: ResizeTo::Shortest(48), filter: Filter::Bilinear, antialias: true };
    let fed = Fed::of(&Recipe { resize: Some(resize), ..recipe.clone() }, &image);
    let found = fed.compare(&image, &recipe);
    assert_eq!(found.verdict, Verdict::Agrees, "{found}");
    assert!(found.to_string().contains("the image is square"), "{found}");
}
