//! `schooner skew`: a trainer's tensor held against the recipe's, as a user does it.

mod support;

use recipe::{Color, Layout, Recipe, SampleType};
use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{check, fashion, folder, word};

const SAMPLE: &str = "samples/109_Coat.jpg";

/// A `.npy` file of version 1.
fn npy(dtype: &str, shape: &[usize], elements: &[u8]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let header = format!("{header:<117}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), elements].concat()
}

fn floats(shape: &[usize], elements: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
    npy("<f4", shape, &bytes)
}

/// What a recipe makes of an image, as a file.
fn fed(to: &Path, recipe: &Recipe, image: &str) -> PathBuf {
    let tensor = recipe.prepare(&std::fs::read(image).unwrap()).unwrap();
    let bytes = match recipe.dtype {
        SampleType::F32 => floats(tensor.shape(), tensor.as_slice::<f32>().unwrap()),
        SampleType::U8 => npy("|u1", tensor.shape(), tensor.as_slice::<u8>().unwrap()),
    };
    let path = to.join("fed.npy");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn fashion_recipe() -> Recipe {
    Recipe::from_toml(&std::fs::read_to_string(fashion("fashion.recipe.toml")).unwrap()).unwrap()
}

/// Runs it with `--json` and requires these steps to be named.
#[track_caller]
fn check_steps(words: &[&str], steps: &[&str]) -> Value {
    let code = if steps.is_empty() { 0 } else { 3 };
    let (stdout, _) = check(&[&["skew", "--json"], words].concat(), code);
    let found: Value = serde_json::from_str(&stdout).unwrap();
    let rows = found["steps"].as_array().unwrap().iter().filter(|row| row["agrees"] == "no");
    let named: Vec<&str> = rows.map(|row| row["step"].as_str().unwrap()).collect();
    assert_eq!(named, steps, "{stdout}");
    found
}

#[test]
fn a_recipe_that_does_the_same_agrees() {
    let (to, image) = (folder("skew-same"), fashion(SAMPLE));
    let tensor = fed(&to, &fashion_recipe(), &image);
    let words = [&fashion("fashion.onnx"), "--tensor", word(&tensor), "--image", &image];
    let found = check_steps(&words, &[]);
    assert_eq!(found["verdict"], "agrees");
    assert_eq!(found["answers"]["recipe"]["label"], "Coat");
    assert_eq!(found["answers"]["trainer"]["label"], "Coat");
    let (stdout, stderr) = check(&[&["skew"], &words[..]].concat(), 0);
    assert!(stdout.contains("The recipe does what the trainer did"), "{stdout}");
    assert!(stderr.contains("recipe: "), "{stderr}");
}

#[test]
fn a_mistake_is_named_drawn_and_mended() {
    let (to, image) = (folder("skew-mended"), fashion(SAMPLE));
    let model = to.join("coat.onnx");
    std::fs::copy(fashion("fashion.onnx"), &model).unwrap();
    let written = to.join("coat.recipe.toml");
    std::fs::copy(fashion("fashion.recipe.toml"), &written).unwrap();
    let mut theirs = fashion_recipe();
    theirs.normalize = recipe::Normalize { mean: vec![0.0], std: vec![255.0] };
    let tensor = fed(&to, &theirs, &image);
    let picture = to.join("skew.png");
    let words = [word(&model), "--tensor", word(&tensor), "--image", &image];
    let drawn = [&words[..], &["--picture", word(&picture)]].concat();
    let found = check_steps(&drawn, &["mean", "std"]);
    assert!(found["sentence"].as_str().unwrap().contains("step that differs is the mean"));
    let decoded = recipe::decode::decode(&std::fs::read(&picture).unwrap(), &Default::default());
    assert_eq!(decoded.unwrap().height(), 28);
    let (stdout, _) = check(&[&["skew"], &words[..]].concat(), 3);
    assert!(stdout.contains("the recipe that agrees:\n"), "{stdout}");

    let write = [&["skew"], &words[..], &["--write", word(&written)]].concat();
    let (_, stderr) = check(&write, 2);
    assert!(stderr.contains("is there; give --force"), "{stderr}");
    check(&[&write[..], &["--force"]].concat(), 3);
    let read = Recipe::from_toml(&std::fs::read_to_string(&written).unwrap()).unwrap();
    assert_eq!(read.normalize, theirs.normalize);
    check_steps(&words, &[]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_fix() {
    let (to, image) = (folder("skew-refused"), fashion(SAMPLE));
    let model = fashion("fashion.onnx");
    let path = |name: &str, bytes: &[u8]| {
        std::fs::write(to.join(name), bytes).unwrap();
        word(&to.join(name)).to_string()
    };
    let mut hole = [0.5; 784];
    hole[9] = f32::NAN;
    hole[8] = 0.25;
    let good =
        path("good.npy", &floats(&[28, 28], &std::array::from_fn::<f32, 784, _>(|i| i as f32)));
    let no_image = path("no_image.jpg", b"hello");
    for (tensor, image, code, part) in [
        (path("nan.npy", &floats(&[28, 28], &hole)), &image, 1, "NaN, at element 9"),
        (path("flat.npy", &floats(&[28, 28], &[0.5; 784])), &image, 1, "0.5 everywhere"),
        (path("rank.npy", &floats(&[784], &[0.5; 784])), &image, 1, "found [784]"),
        (path("batch.npy", &floats(&[2, 14, 28, 1], &[0.5; 784])), &image, 1, "batch of 2"),
        (path("text.npy", b"hello"), &image, 1, "text.npy"),
        (path("text.txt", b"hello"), &image, 1, "expected a file in .npy"),
        (word(&to.join("absent.npy")).to_string(), &image, 5, "no such file"),
        (good.clone(), &word(&to.join("absent.jpg")).to_string(), 5, "no such file"),
        (good.clone(), &no_image, 1, "expected a JPEG, PNG or WebP"),
    ] {
        let (_, stderr) = check(&["skew", &model, "--tensor", &tensor, "--image", image], code);
        assert!(stderr.contains(part), "{tensor}: {stderr}");
    }
    // A tensor of another image is no error: it is an answer.
    let (stdout, _) = check(&["skew", &model, "--tensor", &good, "--image", &image], 3);
    assert!(stdout.contains("another image"), "{stdout}");
    let library = path("features.onnx", &testkit::onnx::chain(1, &["Relu"]));
    let (_, stderr) = check(&["skew", &library, "--tensor", &good, "--image", &image], 2);
    assert!(stderr.contains("expected a model that takes an image"), "{stderr}");
}

#[test]
fn the_cifar_10_network_wants_levels_in_rgb() {
    let Some(model) = testkit::fixture("cifar-10-model/cnn_model.h5") else { return };
    let Some(images) = testkit::fixture("foolbox-samples/data") else { return };
    let to = folder("skew-cifar");
    let image = word(&images.join("cifar10_01_8.png")).to_string();
    let right = Recipe { layout: Layout::Nhwc, ..Recipe::from_preset("raw", 32, 32, 3).unwrap() };
    let tensor = fed(&to, &right, &image);
    let words = |recipe: &str| {
        let words = [word(&model), "--tensor", word(&tensor), "--image", &image];
        [&words[..], &["--recipe", recipe]].concat().iter().map(|w| w.to_string()).collect()
    };
    let bgr = to.join("bgr.toml");
    let text = Recipe { color: Color::Bgr, ..right.clone() }.to_toml().unwrap();
    std::fs::write(&bgr, text).unwrap();
    for (recipe, steps) in [
        ("raw", &[][..]),
        ("unit", &["scale"]),
        ("inception", &["scale"]),
        (word(&bgr), &["channels"]),
    ] {
        let words: Vec<String> = words(recipe);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = check_steps(&words, steps);
        assert_eq!(found["answers"]["trainer"]["index"], 8, "{found}");
    }
}
