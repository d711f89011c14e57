//! The recipe as a file, the tensor it writes and the answers it gives.

use recipe::{
    Activation, Color, Crop, Filter, Layout, Limits, ModelInput, Normalize, Pixels, Recipe,
    RecipeError, Resize, ResizeTo, Rounding, SampleType,
};
use std::path::{Path, PathBuf};
use tensor::DType;

const FULL: &str = r#"
color = "bgr"
layout = "nhwc"
dtype = "f32"

[resize]
to = { shortest = 256 }
filter = "bicubic"

[crop]
height = 224
width = 200

[normalize]
mean = [103.939, 116.779, 123.68]
std = [1.0]

[post]
activation = "none"
top_k = 2
labels = ["cat", "dog", "cow"]
"#;

fn full() -> Recipe {
    Recipe::from_toml(FULL).unwrap()
}

#[test]
fn a_file_says_everything() {
    let recipe = full();
    assert_eq!(
        (recipe.color, recipe.layout, recipe.dtype),
        (Color::Bgr, Layout::Nhwc, SampleType::F32)
    );
    let resize = Resize { to: ResizeTo::Shortest(256), filter: Filter::Bicubic, antialias: true };
    assert_eq!(recipe.resize, Some(resize));
    assert_eq!(recipe.crop, Some(Crop::new(224, 200)));
    assert_eq!(recipe.output_shape(), Some([1, 224, 200, 3]));
    assert_eq!(recipe.post.activation, Activation::None);
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    assert_eq!(Recipe::from_json(&recipe.to_json().unwrap()).unwrap(), recipe);
}

#[test]
fn the_rounding_of_a_crop_is_said_where_it_is_not_the_common_one() {
    assert!(!full().to_toml().unwrap().contains("rounding"));
    let crop = Crop { rounding: Rounding::Down, ..Crop::new(224, 200) };
    let recipe = Recipe { crop: Some(crop), ..full() };
    let text = recipe.to_toml().unwrap();
    assert!(text.contains("rounding = \"down\""), "{text}");
    assert_eq!(Recipe::from_toml(&text).unwrap(), recipe);
    let error = Recipe::from_toml("crop = { height = 1, width = 1, rounding = \"up\" }");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`up`") && error.contains("`even` or `down`"), "{error}");
}

#[test]
fn an_empty_file_is_the_default() {
    let recipe = Recipe::from_toml("").unwrap();
    assert_eq!(recipe, Recipe::default());
    assert_eq!(Recipe::from_json("{}").unwrap(), recipe);
    assert_eq!(recipe.output_shape(), None);
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
}

#[test]
fn what_is_not_antialiased_says_so_and_nothing_else_does() {
    let text = "[resize]\nto = { shortest = 256 }\nfilter = \"sharp-bicubic\"\nantialias = false\n";
    let recipe = Recipe::from_toml(text).unwrap();
    let resize = recipe.resize.as_ref().unwrap();
    assert_eq!((resize.filter, resize.antialias), (Filter::SharpBicubic, false));
    assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    assert_eq!(Recipe::from_json(&recipe.to_json().unwrap()).unwrap(), recipe);
    // A library of before the field was there refuses what it does not know.
    assert!(!full().to_json().unwrap().contains("antialias"));
}

/// The TOML is refused with a message that holds all of `parts`.
fn check_refused(text: &str, parts: &[&str]) {
    let message = Recipe::from_toml(text).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{text}\n{message}");
    }
}

#[test]
fn what_cannot_be_run_is_refused() {
    check_refused("colour = \"rgb\"", &["colour", "color"]);
    check_refused("color = \"rbg\"", &["rbg", "bgr"]);
    check_refused("[crop]\nheight = 0\nwidth = 9", &["`crop.height`", "1 to 8192", "found 0"]);
    check_refused("resize = { to = { shortest = 9000 } }", &["`resize.to.shortest`", "9000"]);
    check_refused("resize = { to = { exact = { height = 9 } } }", &["width"]);
    check_refused(
        "crop = { height = 300, width = 300 }\nresize = { to = { shortest = 256 } }",
        &["`crop`", "inside the resized image", "300 high"],
    );
    check_refused(
        "normalize = { mean = [0.0], std = [0.0] }",
        &["`normalize.std`", "other than 0"],
    );
    check_refused("normalize = { mean = [1, 2], std = [1] }", &["`normalize.mean`", "2 numbers"]);
    check_refused("normalize = { mean = [nan], std = [1] }", &["finite", "NaN"]);
    check_refused("normalize = { mean = [1] }", &["std"]);
    check_refused("dtype = \"u8\"\nnormalize = { mean = [1], std = [1] }", &["dtype = \"u8\""]);
    check_refused("[post]\ntop_k = 0", &["`post.top_k`", "at least 1"]);
    assert!(Recipe::from_json("{\"color\": ").unwrap_err().to_string().contains("JSON"));
}

/// 3 wide, 2 high; level = 100 × row + 10 × column + channel.
fn picture() -> Pixels {
    let levels = (0..2u8)
        .flat_map(|y| (0..3u8).flat_map(move |x| (0..3u8).map(move |c| 100 * y + 10 * x + c)));
    Pixels::new(3, 2, 3, levels.collect()).unwrap()
}

#[test]
fn the_tensor_has_the_order_that_the_recipe_says() {
    for (color, layout, first_four) in [
        (Color::Rgb, Layout::Nchw, [0.0, 10.0, 20.0, 100.0]),
        (Color::Bgr, Layout::Nchw, [2.0, 12.0, 22.0, 102.0]),
        (Color::Rgb, Layout::Nhwc, [0.0, 1.0, 2.0, 10.0]),
        (Color::Bgr, Layout::Nhwc, [2.0, 1.0, 0.0, 12.0]),
    ] {
        let recipe = Recipe { color, layout, ..Recipe::default() };
        let mut out = [f32::NAN; 18];
        recipe.write(&picture(), &mut out).unwrap();
        assert_eq!(out[..4], first_four, "{color:?} {layout:?}");
        assert!(out.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn gray_images_fill_three_channels_and_channels_are_normalized_apart() {
    let gray = Pixels::new(2, 1, 1, vec![10, 20]).unwrap();
    let normalize = Normalize { mean: vec![0.0, 10.0, 0.0], std: vec![1.0, 1.0, 2.0] };
    let recipe = Recipe { normalize, ..Recipe::default() };
    let mut out = [0f32; 6];
    recipe.write(&gray, &mut out).unwrap();
    assert_eq!(out, [10.0, 20.0, 0.0, 10.0, 5.0, 10.0]);
}

#[test]
fn the_crop_is_centered() {
    let crop = Some(Crop::new(1, 1));
    let recipe = Recipe { crop, ..Recipe::default() };
    let middle = recipe.arrange(picture(), &Limits::default()).unwrap();
    // Margins 2 and 1: column 1, and row 0, for a half rounds to the even number.
    assert_eq!(middle.levels(), [10, 11, 12]);
    let recipe = Recipe { crop: Some(Crop::new(1, 4)), ..Recipe::default() };
    let error = recipe.arrange(picture(), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("at least 4x1 pixels to crop, found 3x2"), "{error}");
}

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/goldens/recipe");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn prepare_into_writes_what_prepare_returns() {
    let limits = Limits::default();
    for preset in recipe::presets::PRESETS {
        for (layout, channels) in [(Layout::Nchw, 3), (Layout::Nhwc, 3), (Layout::Nchw, 1)] {
            let recipe = Recipe::from_preset(preset.name, 112, 112, channels).unwrap();
            let recipe = Recipe { layout, ..recipe };
            for file in ["photo.png", "jpeg_gray.jpg", "webp_lossy.webp"] {
                let tensor = recipe.prepare(&golden(file)).unwrap();
                assert_eq!(tensor.shape(), recipe.output_shape().unwrap());
                let mut batch = vec![f32::NAN; 2 * tensor.len()];
                let second = &mut batch[tensor.len()..];
                recipe.prepare_into(&golden(file), &limits, second).unwrap();
                assert_eq!(second, tensor.as_slice::<f32>().unwrap());
            }
        }
    }
}

#[test]
fn buffers_of_another_length_or_type_are_refused() {
    let recipe = Recipe { dtype: SampleType::U8, ..Recipe::default() };
    let mut levels = [0u8; 18];
    recipe.write(&picture(), &mut levels).unwrap();
    assert_eq!(levels[3], 100);
    let error = recipe.write(&picture(), &mut [0f32; 18]).unwrap_err();
    assert_eq!(error, RecipeError::BufferType { expected: DType::U8, found: DType::F32 });
    let error = recipe.write(&picture(), &mut levels[1..]).unwrap_err();
    let text = "expected a buffer of 18 elements for the tensor [1, 3, 2, 3], found 17";
    assert_eq!(error.to_string(), text);
    let tensor = recipe.prepare(&golden("jpeg_420.jpg")).unwrap();
    assert_eq!((tensor.dtype(), tensor.shape()), (DType::U8, &[1, 3, 51, 61][..]));
}

#[test]
fn scores_become_named_probabilities() {
    let mut recipe = full();
    recipe.post.activation = Activation::Softmax;
    // Large scores, which would overflow without the subtraction.
    let answer = recipe.answer(&[1000.0, 1001.0, f32::NEG_INFINITY]).unwrap();
    let [first, second] = answer.classes.as_slice() else { panic!("{answer:?}") };
    assert_eq!((first.index, first.label.as_str()), (1, "dog"));
    // 1 / (1 + e⁻¹); f32 carries 6e-8 and softmax a few roundings.
    assert!((first.probability - 0.731_058_6).abs() < 1e-6);
    assert!((second.probability - 0.268_941_4).abs() < 1e-6);

    recipe.post.activation = Activation::Sigmoid;
    let answer = recipe.answer(&[0.0, -500.0, 500.0]).unwrap();
    let found: Vec<_> = answer.classes.iter().map(|c| (c.index, c.probability)).collect();
    assert_eq!(found, [(2, 1.0), (0, 0.5)]);

    recipe.post.activation = Activation::None;
    recipe.post.labels.clear();
    recipe.post.top_k = 9;
    let answer = recipe.answer(&[0.25, 0.5, 0.25]).unwrap();
    let found: Vec<_> = answer.classes.iter().map(|c| (c.label.as_str(), c.probability)).collect();
    assert_eq!(found, [("class 1", 0.5), ("class 0", 0.25), ("class 2", 0.25)]);
}

#[test]
fn the_best_are_those_of_a_whole_sort() {
    let mut recipe = Recipe::default();
    recipe.post.top_k = 7;
    let scores: Vec<f32> = (0..1000u32).map(|i| ((i * 7919) % 101) as f32).collect();
    let mut sorted: Vec<usize> = (0..1000).collect();
    sorted.sort_by(|&a, &b| scores[b].partial_cmp(&scores[a]).unwrap());
    let answer = recipe.answer(&scores).unwrap();
    let found: Vec<usize> = answer.classes.iter().map(|c| c.index).collect();
    assert_eq!(found, sorted[..7]);
}

#[test]
fn scores_that_cannot_be_ranked_are_refused() {
    let recipe = Recipe::default();
    let refused = |scores: &[f32]| recipe.answer(scores).unwrap_err().to_string();
    assert!(refused(&[]).contains("at least one score"));
    assert!(refused(&[0.0, f32::NAN]).contains("found NaN for class 1"));
    assert!(refused(&[f32::INFINITY]).contains("found inf for class 0"));
    assert!(refused(&[f32::NEG_INFINITY; 2]).contains("found -inf for class 0"));
    let error = full().answer(&[0.0; 4]).unwrap_err();
    assert_eq!(error, RecipeError::LabelCount { classes: 4, labels: 3 });
}

/// A folder of its own for one test, empty.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn files_beside_the_model_are_found() {
    let folder = folder("beside");
    let model = folder.join("cat_dog.onnx");
    let input = ModelInput {
        dims: vec![None, Some(3), Some(64), Some(64)],
        dtype: DType::F32,
        classes: Some(3),
        gives_probabilities: false,
        says: recipe::Stated::default(),
    };
    assert_eq!(Recipe::discover(&model).unwrap(), None);
    assert!(!Recipe::for_model(&model, &input).unwrap().is_known);

    std::fs::write(folder.join("labels.txt"), "a\nb\nc\n").unwrap();
    let guess = Recipe::for_model(&model, &input).unwrap();
    assert_eq!(guess.recipe.post.labels, ["a", "b", "c"]);
    assert!(guess.why.contains("labels.txt"), "{}", guess.why);

    std::fs::write(folder.join("recipe.json"), "{}").unwrap();
    assert_eq!(Recipe::discover(&model).unwrap(), Some(Recipe::default()));
    std::fs::write(folder.join("cat_dog.recipe.toml"), FULL).unwrap();
    assert_eq!(Recipe::discover(&model).unwrap(), Some(full()));
    std::fs::write(folder.join("cat_dog.labels.json"), "[\"x\", \"y\"]").unwrap();
    let error = Recipe::for_model(&model, &input).unwrap_err().to_string();
    assert!(error.contains("cat_dog.labels.json: expected one label for each"), "{error}");

    std::fs::write(folder.join("cat_dog.recipe.toml"), "crop = 3").unwrap();
    let error = Recipe::discover(&model).unwrap_err().to_string();
    assert!(error.contains("cat_dog.recipe.toml: expected a recipe in TOML"), "{error}");
}
