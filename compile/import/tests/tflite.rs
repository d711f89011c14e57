//! Files of TensorFlow Lite that are refused, with what is said of them, and how models are chosen
//! from. The files are those of `suites/tflite`.

use import::{Options, import, survey};
use std::collections::BTreeMap;

fn models() -> BTreeMap<String, Vec<u8>> {
    let cases = testkit::cases(&testkit::repository().join("suites/tflite/lite.zip.zst"));
    let model = |(name, mut files): (String, BTreeMap<String, Vec<u8>>)| {
        (name, files.remove("model.tflite").unwrap())
    };
    cases.into_iter().map(model).collect()
}

#[track_caller]
fn refused(bytes: Vec<u8>, options: &Options, expected: &str) {
    let error = import(bytes, options).expect_err("it was imported").to_string();
    assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
}

#[test]
fn what_is_not_known_is_named() {
    let mut models = models();
    let mut said = |name: &str| {
        let survey = survey(models.remove(name).unwrap(), &Options::default()).unwrap();
        let texts: Vec<String> = survey.refusals.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert_eq!(survey.origins.len(), 2, "{:?}", survey.origins);
        texts[0].clone()
    };
    let text = said("refused_tensorflow");
    assert!(text.contains("(tflite.FlexErf): the operator is not supported"), "{text}");
    assert!(text.contains("serve the SavedModel"), "{text}");
    let text = said("refused_custom");
    assert!(text.contains("(tflite.Erf): the operator is not supported"), "{text}");
}

#[test]
fn outputs_and_signatures_are_chosen_from() {
    let model = models().remove("net_labelled").unwrap();
    let options = |output: &str, signature: Option<&str>| Options {
        outputs: Vec::from_iter((!output.is_empty()).then(|| output.to_string())),
        signature: signature.map(str::to_string),
        ..Options::default()
    };
    let made = import(model.clone(), &options("scores", Some("serving_default"))).unwrap().graph;
    assert_eq!(made.outputs[0].name, "scores");
    let expected = "`other`: expected an output or a value of the graph; outputs are scores";
    refused(model.clone(), &options("other", None), expected);
    let expected = "expected a signature of the model, found serving_default";
    refused(model, &options("", Some("other")), expected);
}

#[test]
fn what_the_metadata_says_of_pixels_is_read_exactly() {
    let pixels = import(models().remove("net_labelled").unwrap(), &Options::default());
    let pixels = pixels.unwrap().metadata.pixels.unwrap();
    let scale = import::Scale { mean: vec![127.5], std: vec![128.0] };
    assert_eq!((pixels.scale, pixels.channels, pixels.framing), (Some(scale), None, None));
    let plain = import(models().remove("net_two_layers_int8").unwrap(), &Options::default());
    assert_eq!(plain.unwrap().metadata.pixels, None);
}

#[test]
fn sizes_that_are_open_may_be_fixed() {
    let model = models().remove("net_labelled").unwrap();
    let sizes = [("batch".to_string(), 4)].into_iter().collect();
    let options = Options { sizes, ..Options::default() };
    let graph = import(model, &options).unwrap().graph;
    assert_eq!(format!("{:?}", graph.fact(graph.inputs[0]).shape), "[4, 6]");
}

#[test]
fn files_that_break_off_are_refused() {
    let model = models().remove("net_two_layers_int8").unwrap();
    for end in (8..model.len()).step_by(7) {
        let _ = import(model[..end].to_vec(), &Options::default());
    }
    refused(model[..model.len() / 2].to_vec(), &Options::default(), "file is damaged");
    let mut far = model;
    far[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(far, &Options::default(), "the TensorFlow Lite file is damaged: it breaks off");
}
