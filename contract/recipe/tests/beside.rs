//! One folder for each origin: what other tools leave beside a model, as recipes.

use recipe::{
    Activation, Color, Crop, Filter, Framing, Guess, ModelInput, Normalize, Part, Recipe,
    RecipeError, Resize, ResizeTo, Rounding, Stated,
};
use std::path::{Path, PathBuf};
use tensor::DType;

/// A model's path in a folder of its own, in which these files lie.
fn model(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("beside_each").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder.join("net.onnx")
}

/// Images of any size and three classes.
fn input() -> ModelInput {
    ModelInput {
        dims: vec![None, Some(3), None, None],
        dtype: DType::F32,
        classes: Some(3),
        gives_probabilities: false,
        says: Stated::default(),
    }
}

#[track_caller]
fn found(name: &str, files: &[(&str, &str)]) -> Guess {
    Recipe::for_model(&model(name, files), &input()).unwrap()
}

#[track_caller]
fn refused(name: &str, files: &[(&str, &str)]) -> String {
    Recipe::for_model(&model(name, files), &input()).unwrap_err().to_string()
}

fn shortest(side: usize, filter: Filter) -> Option<Resize> {
    Framing::new(ResizeTo::Shortest(side), filter, None).resize
}

fn exact(side: usize, filter: Filter) -> Option<Resize> {
    Framing::new(ResizeTo::Exact { height: side, width: side }, filter, None).resize
}

fn square(side: usize) -> Option<Crop> {
    Some(Crop::new(side, side))
}

/// As Hugging Face's processors crop.
fn rounded_down(side: usize) -> Option<Crop> {
    Some(Crop { rounding: Rounding::Down, ..Crop::new(side, side) })
}

fn scale(mean: &[f64], std: &[f64]) -> Normalize {
    Normalize { mean: mean.to_vec(), std: std.to_vec() }
}

const IMAGENET: ([f64; 3], [f64; 3]) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);

#[test]
fn image_processors_of_hugging_face_are_read() {
    let halves = || scale(&[127.5], &[127.5]);
    let imagenet = || scale(&IMAGENET.0, &IMAGENET.1);
    let statistics = r#""image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]"#;
    let cases = [
        ("ViTImageProcessor", "", exact(224, Filter::Bilinear), None, halves()),
        ("ViTFeatureExtractor", r#""size": 384"#, exact(384, Filter::Bilinear), None, halves()),
        ("ViTImageProcessorFast", statistics, exact(224, Filter::Bilinear), None, imagenet()),
        (
            "DeiTImageProcessor",
            statistics,
            exact(256, Filter::Bicubic),
            rounded_down(224),
            imagenet(),
        ),
        (
            "ConvNextFeatureExtractor",
            r#""size": 224, "crop_pct": 0.95, "resample": 3"#,
            shortest(235, Filter::Bicubic),
            rounded_down(224),
            halves(),
        ),
        (
            "ConvNextImageProcessor",
            r#""size": {"shortest_edge": 384}"#,
            exact(384, Filter::Bilinear),
            None,
            halves(),
        ),
        (
            "MobileNetV2ImageProcessor",
            "",
            shortest(256, Filter::Bilinear),
            rounded_down(224),
            halves(),
        ),
        ("LevitImageProcessor", "", shortest(256, Filter::Bicubic), rounded_down(224), imagenet()),
        (
            "EfficientNetImageProcessor",
            r#""rescale_offset": true, "rescale_factor": 0.00784313725490196"#,
            exact(346, Filter::Nearest),
            None,
            scale(&[191.25], &[31.875]),
        ),
        (
            "BitImageProcessor",
            r#""do_resize": false, "do_rescale": false, "do_normalize": false, "crop_size":
               {"height": 10, "width": 10}"#,
            None,
            rounded_down(10),
            scale(&[0.0], &[1.0]),
        ),
    ];
    for (class, fields, resize, crop, normalize) in cases {
        let comma = if fields.is_empty() { "" } else { ", " };
        let text = format!("{{\"image_processor_type\": \"{class}\"{comma}{fields}}}");
        let guess = found("hugging_face", &[("preprocessor_config.json", &text)]);
        let Recipe { resize: found, crop: cropped, normalize: scaled, .. } = &guess.recipe;
        assert_eq!((found, cropped, scaled), (&resize, &crop, &normalize), "{class}");
        assert!(guess.is_known && guess.why.contains("preprocessor_config.json"), "{}", guess.why);
    }
    let text =
        r#"{"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 288}}"#;
    let guess = found("mobilevit", &[("preprocessor_config.json", text)]);
    assert_eq!(guess.recipe.color, Color::Bgr);
    assert_eq!(guess.recipe.normalize, scale(&[0.0], &[255.0]));
}

#[test]
fn what_no_recipe_can_say_is_not_replaced_by_another() {
    for (file, text, expected) in [
        ("preprocessor_config.json", r#"{"image_processor_type": "DetrImageProcessor"}"#, "`Detr"),
        ("preprocessor_config.json", r#"{"do_resize": true, "resample": 4}"#, "filter `box`"),
        (
            "preprocessor_config.json",
            r#"{"do_resize": true, "size": {"shortest_edge": 800, "longest_edge": 1333}}"#,
            "both of their sides",
        ),
        ("config.json", r#"{"pretrained_cfg": {"crop_mode": "border"}}"#, "border"),
        ("config.json", r#"{"pretrained_cfg": {"interpolation": "hamming"}}"#, "`hamming`"),
        (
            "config.json",
            r#"{"pretrained_cfg": {"input_size": [3, 224, 160]}}"#,
            "sides that differ",
        ),
    ] {
        let error = Recipe::for_model(&model("unsayable", &[(file, text)]), &input()).unwrap_err();
        assert!(matches!(error, RecipeError::Inexpressible { .. }), "{text}: {error}");
        let error = error.to_string();
        assert!(error.contains(expected) && error.contains(file), "{text}: {error}");
        // What is stored for the model itself stands above.
        let guess = found("unsayable", &[(file, text), ("net.recipe.toml", "")]);
        assert_eq!(guess.recipe.normalize, Normalize::default());
    }
}

#[test]
fn configurations_of_timm_are_read() {
    let config = r#""input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9,
        "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "test_input_size": [3, 288, 288],
        "test_crop_pct": 1.0"#;
    for text in [
        format!("{{\"architecture\": \"vit\", \"pretrained_cfg\": {{{config}}}}}"),
        format!("{{\"architecture\": \"vit\", \"default_cfg\": {{{config}}}}}"),
        format!("{{\"architecture\": \"vit\", {config}}}"),
    ] {
        let recipe = found("timm", &[("config.json", &text)]).recipe;
        assert_eq!(recipe.resize, shortest(248, Filter::Bicubic));
        assert_eq!((recipe.crop, recipe.color), (square(224), Color::Rgb));
        assert_eq!(recipe.normalize, scale(&[127.5], &[127.5]));
        // An export at another size is tested as timm does it there.
        for (side, resized) in [(288, 288), (180, 200)] {
            let dims = vec![None, Some(3), Some(side), Some(side)];
            let input = ModelInput { dims, ..input() };
            let model = model("timm", &[("config.json", &text)]);
            let recipe = Recipe::for_model(&model, &input).unwrap().recipe;
            assert_eq!(recipe.resize, shortest(resized, Filter::Bicubic));
            assert_eq!(recipe.crop, square(side));
        }
    }
    let squash = r#"{"pretrained_cfg": {"crop_mode": "squash", "crop_pct": 1.0, "interpolation":
        "bilinear", "input_size": [3, 240, 240]}, "label_names": ["n1", "n2", "n3"],
        "label_descriptions": {"n1": "cat", "n3": "newt"}}"#;
    let recipe = found("timm", &[("config.json", squash)]).recipe;
    assert_eq!((recipe.resize, recipe.crop), (exact(240, Filter::Bilinear), None));
    assert_eq!(recipe.normalize, scale(&IMAGENET.0, &IMAGENET.1));
    assert_eq!(recipe.post.labels, ["cat", "n2", "newt"]);
}

#[test]
fn classes_of_hugging_face_are_read() {
    let named = r#"{"architectures": ["ViTForImageClassification"], "problem_type":
        "multi_label_classification", "id2label": {"0": "cat", "1": "dog", "2": "newt"}}"#;
    let post = found("id2label", &[("config.json", named)]).recipe.post;
    assert_eq!((post.activation, post.labels.len()), (Activation::Sigmoid, 3));
    // Those of other tasks name other things, and placeholders name nothing.
    for text in [
        r#"{"architectures": ["DetrForObjectDetection"], "id2label": {"0": "cat"}}"#,
        r#"{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}"#,
        r#"{"model_type": "vit"}"#,
        r#"{"some": "other tool"}"#,
    ] {
        assert!(
            found("id2label", &[("config.json", text)]).recipe.post.labels.is_empty(),
            "{text}"
        );
    }
    let given = ModelInput { gives_probabilities: true, ..input() };
    let post = Recipe::for_model(&model("id2label", &[("config.json", named)]), &given).unwrap();
    assert_eq!(post.recipe.post.activation, Activation::None);
}

#[test]
fn lists_of_names_are_read() {
    for (file, text) in [
        ("labels.txt", "0 cat\n1 dog\n2 newt\n"),
        ("net.labels.json", r#"["cat", "dog", "newt"]"#),
        ("index_to_name.json", r#"{"0": "cat", "1": "dog", "2": "newt"}"#),
        ("index_to_name.json", r#"{"0": ["n1", "cat"], "1": ["n2", "dog"], "2": ["n3", "newt"]}"#),
        ("class_indices.json", r#"{"newt": 2, "cat": 0, "dog": 1}"#),
        ("synset.txt", "n02123045 cat\nn02084071 dog\nn01630670 newt\n"),
        ("imagenet_classes.txt", "cat\ndog\nnewt"),
        (
            "metadata.json",
            r#"{"packageName": "@teachablemachine/image", "labels": ["cat", "dog", "newt"]}"#,
        ),
    ] {
        let guess = found("names", &[(file, text)]);
        assert_eq!(guess.recipe.post.labels, ["cat", "dog", "newt"], "{file}");
        assert!(guess.why.contains(file), "{}", guess.why);
        let fewer = ModelInput { classes: Some(2), ..input() };
        let error = Recipe::for_model(&model("names", &[(file, text)]), &fewer).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(file) && error.contains("2 classes, found 3 labels"), "{error}");
    }
}

#[test]
fn teachable_machine_is_read() {
    let text =
        r#"{"packageName": "@teachablemachine/image", "labels": ["a", "b", "c"], "imageSize": 96}"#;
    let recipe = found("teachable", &[("metadata.json", text)]).recipe;
    assert_eq!((recipe.resize, recipe.crop), (shortest(96, Filter::Bilinear), square(96)));
    assert_eq!(recipe.normalize, scale(&[127.0], &[127.0]));
    for other in [r#"{"packageName": "@teachablemachine/pose"}"#, r#"{"labels": 3}"#] {
        assert!(!found("teachable", &[("metadata.json", other)]).is_known);
    }
}

#[test]
fn each_part_is_from_the_first_that_tells_it() {
    let processor =
        ("preprocessor_config.json", r#"{"image_processor_type": "ViTImageProcessor"}"#);
    let config = r#"{"architectures": ["ViTForImageClassification"],
        "id2label": {"0": "a", "1": "b", "2": "c"}, "pretrained_cfg": {"mean": [0.1, 0.1, 0.1]}}"#;
    let files = [processor, ("config.json", config), ("index_to_name.json", r#"["x", "y", "z"]"#)];
    let guess = found("order", &files);
    assert_eq!(guess.recipe.normalize.mean, [127.5]);
    assert_eq!(guess.recipe.post.labels, ["a", "b", "c"]);
    let from = |guess: &Guess, part| {
        let place = guess.parts.iter().find(|place| place.part == part).unwrap();
        (place.from.clone(), place.is_known)
    };
    assert!(from(&guess, Part::Size).0.ends_with("preprocessor_config.json"));
    assert!(from(&guess, Part::Labels).0.ends_with("config.json"));
    assert_eq!(from(&guess, Part::Activation), ("one class of many, as most models".into(), false));

    // What the model file says is above the others', and below what was written for this tool.
    let says = Stated {
        origin: "the file".to_string(),
        normalize: Some(scale(&[0.0], &[1.0])),
        labels: Some(["p", "q", "r"].map(str::to_string).to_vec()),
        ..Stated::default()
    };
    let inside = ModelInput { says, ..input() };
    let guess = Recipe::for_model(&model("order", &files), &inside).unwrap();
    assert_eq!(from(&guess, Part::Normalize), ("the file".into(), true));
    assert_eq!(guess.recipe.post.labels, ["p", "q", "r"]);
    let own = [&files[..], &[("labels.txt", "u\nv\nw")]].concat();
    let guess = Recipe::for_model(&model("order", &own), &inside).unwrap();
    assert_eq!(guess.recipe.post.labels, ["u", "v", "w"]);
    let own = [&files[..], &[("recipe.toml", "color = \"bgr\"")]].concat();
    let guess = Recipe::for_model(&model("order", &own), &inside).unwrap();
    assert_eq!((guess.recipe.color, guess.recipe.resize), (Color::Bgr, None));
    assert_eq!(guess.recipe.post.labels, ["p", "q", "r"]);

    // In levels there is nothing to normalize.
    let levels = ModelInput { dtype: DType::U8, ..input() };
    let guess = Recipe::for_model(&model("order", &files), &levels).unwrap();
    assert_eq!(guess.recipe.normalize, Normalize::default());
}

#[test]
fn a_repository_s_folder_of_onnx_files_is_looked_up_from() {
    let above =
        model("above", &[("config.json", r#"{"id2label": {"0": "a", "1": "b", "2": "c"}}"#)]);
    let inside = above.with_file_name("onnx");
    std::fs::create_dir(&inside).unwrap();
    let guess = Recipe::for_model(&inside.join("model.onnx"), &input()).unwrap();
    assert_eq!(guess.recipe.post.labels, ["a", "b", "c"]);
    let guess = Recipe::for_model(&above.with_file_name("other").join("m.onnx"), &input()).unwrap();
    assert!(guess.recipe.post.labels.is_empty());
}

#[test]
fn sizes_that_the_model_does_not_take_are_refused() {
    let text = r#"{"image_processor_type": "ViTImageProcessor", "size": 384}"#;
    let input = ModelInput { dims: vec![None, Some(3), Some(224), Some(224)], ..input() };
    let path = model("sizes", &[("preprocessor_config.json", text)]);
    let error = Recipe::for_model(&path, &input).unwrap_err().to_string();
    assert!(error.contains("preprocessor_config.json: expected images of 224x224"), "{error}");
    // What takes no image has no use for the file.
    let tokens = ModelInput { dims: vec![None, Some(128)], ..input };
    let error = Recipe::for_model(&path, &tokens).unwrap_err();
    assert!(matches!(error, RecipeError::NotAnImageInput { .. }), "{error}");
}

#[test]
fn hostile_files_are_errors_that_name_them() {
    let vit =
        |fields: &str| format!("{{\"image_processor_type\": \"ViTImageProcessor\", {fields}}}");
    let timm = |fields: &str| format!("{{\"pretrained_cfg\": {{{fields}}}}}");
    let deep = "[".repeat(100_000);
    let huge = format!("{{\"a\": \"{}\"}}", "x".repeat(9 << 20));
    for (file, text, expected) in [
        ("preprocessor_config.json", "", "found text that is none"),
        ("preprocessor_config.json", "[]", "found another JSON value"),
        ("preprocessor_config.json", &deep, "recursion limit"),
        ("config.json", &huge, "expected at most 8388608 bytes"),
        ("preprocessor_config.json", &vit("\"image_mean\": [NaN]"), "text that is none"),
        ("preprocessor_config.json", &vit("\"image_mean\": [1e300]"), "field `image_mean`"),
        ("preprocessor_config.json", &vit("\"image_mean\": []"), "a number for each channel"),
        ("preprocessor_config.json", &vit("\"image_mean\": [0.1, 0.2]"), "1 number or 3"),
        ("preprocessor_config.json", &vit("\"image_std\": 0"), "numbers other than 0"),
        ("preprocessor_config.json", &vit("\"size\": -1"), "field `size`"),
        ("preprocessor_config.json", &vit("\"size\": 1e9"), "field `size`"),
        ("preprocessor_config.json", &vit("\"size\": 1.5"), "whole pixels"),
        ("preprocessor_config.json", &vit("\"size\": \"big\""), "found \"big\""),
        ("preprocessor_config.json", &vit("\"do_resize\": 1"), "true or false"),
        ("preprocessor_config.json", &vit("\"resample\": -2"), "a filter of Pillow"),
        ("preprocessor_config.json", &vit("\"rescale_factor\": 0"), "field `rescale_factor`"),
        (
            "preprocessor_config.json",
            &vit("\"do_center_crop\": true, \"crop_size\": 300"),
            "recipe field `crop`",
        ),
        ("config.json", &timm("\"crop_pct\": 0"), "field `crop_pct`"),
        ("config.json", &timm("\"crop_mode\": \"odd\""), "center, squash or border"),
        ("config.json", &timm("\"input_size\": [224]"), "channels, height and width"),
        ("config.json", "{\"pretrained_cfg\": 3}", "an object, found 3"),
        ("config.json", "{\"id2label\": {\"1\": \"a\"}}", "none for index 0"),
        ("config.json", "{\"id2label\": [\"a\"], \"architectures\": 1}", "a list of names"),
        ("class_indices.json", "{\"a\": 18446744073709551615}", "none for index 0"),
    ] {
        let error = refused("hostile", &[(file, text)]);
        assert!(error.contains(file) && error.contains(expected), "{expected}: {error}");
        assert!(error.len() < 1000, "{}", error.len());
    }
}
