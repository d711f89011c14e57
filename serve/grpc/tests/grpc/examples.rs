//! Examples: images where the model takes them, else features that become its inputs.

use crate::messages::*;
use crate::support::{Server, refused};
use crate::tensorflow_serving::spec;
use servables::jpeg;
use std::collections::HashMap;
use tonic::Code;

const CLASSIFY: &str = "/tensorflow.serving.PredictionService/Classify";
const REGRESS: &str = "/tensorflow.serving.PredictionService/Regress";
const MULTIPLE: &str = "/tensorflow.serving.PredictionService/MultiInference";

fn examples(model: &str, images: &[Vec<u8>]) -> ClassificationRequest {
    let example = |image: &Vec<u8>| {
        let bytes_list = Some(BytesList { value: vec![image.clone()] });
        let feature = HashMap::from([
            ("image".to_string(), Feature { bytes_list, ..Feature::default() }),
            ("other".to_string(), Feature::default()),
        ]);
        Example { features: Some(Features { feature }) }
    };
    let examples = images.iter().map(example).collect();
    let input = Input { example_list: Some(ExampleList { examples }), ..Input::default() };
    let input = Some(input);
    ClassificationRequest { model_spec: spec(model), input }
}

#[tokio::test]
async fn examples_are_classified_where_the_model_classifies() {
    let server = Server::start().await;
    let client = server.client().await;
    let asked = examples("brightness", &[jpeg(64), jpeg(128)]);
    let response: ClassificationResponse = client.call(CLASSIFY, asked.clone()).await.unwrap();
    let result = response.result.unwrap();
    let class = |label: &str, score| Class { label: label.to_string(), score };
    let expected = vec![class("bright", 0.25), class("dark", 0.75)];
    assert_eq!((result.classifications.len(), &result.classifications[0].classes), (2, &expected));
    let task = |method: &str, model: &str| {
        let method_name = format!("tensorflow/serving/{method}");
        InferenceTask { model_spec: spec(model), method_name }
    };
    let multiple = |tasks| MultiInferenceRequest { tasks, input: asked.input.clone() };
    let one = multiple(vec![task("classify", "brightness")]);
    let response: MultiInferenceResponse = client.call(MULTIPLE, one).await.unwrap();
    assert_eq!(response.results[0].classification_result, Some(result));
    let ask = async |request: MultiInferenceRequest| {
        refused(client.call::<_, MultiInferenceResponse>(MULTIPLE, request).await).1
    };
    let twice = multiple(vec![task("classify", "brightness"); 2]);
    assert_eq!(ask(twice).await, "Duplicate evaluation of signature: serving_default");
    let other = multiple(vec![task("predict", "brightness")]);
    assert_eq!(ask(other).await, "Unsupported signature method_name: tensorflow/serving/predict");
    let tensors = multiple(vec![task("classify", "i64")]);
    let text = "Expected classification signature method_name to be \
                tensorflow/serving/classify. Was: tensorflow/serving/predict";
    assert_eq!(ask(tensors).await, text);
    let asked = examples("i64", &[jpeg(1)]);
    let found = refused(client.call::<_, ClassificationResponse>(CLASSIFY, asked.clone()).await);
    assert_eq!(found, (Code::InvalidArgument, text.to_string()));
    let (_, text) = refused(client.call::<_, ClassificationResponse>(REGRESS, asked).await);
    assert!(text.starts_with("Expected regression signature method_name to be"), "{text}");
    let none = examples("brightness", &[]);
    let (_, text) = refused(client.call::<_, ClassificationResponse>(CLASSIFY, none).await);
    assert_eq!(text, "Input is empty.");
}

pub(crate) fn floats(value: &[f32]) -> Feature {
    Feature { float_list: Some(FloatList { value: value.to_vec() }), ..Feature::default() }
}

pub(crate) fn integers(value: &[i64]) -> Feature {
    Feature { int64_list: Some(Int64List { value: value.to_vec() }), ..Feature::default() }
}

fn texts(value: &[&str]) -> Feature {
    let value = value.iter().map(|text| text.as_bytes().to_vec()).collect();
    Feature { bytes_list: Some(BytesList { value }), ..Feature::default() }
}

pub(crate) fn example(features: &[(&str, Feature)]) -> Example {
    let feature = features.iter().map(|(name, feature)| (name.to_string(), feature.clone()));
    Example { features: Some(Features { feature: feature.collect() }) }
}

pub(crate) fn asked(model: &str, examples: Vec<Example>) -> ClassificationRequest {
    let input = Input { example_list: Some(ExampleList { examples }), ..Input::default() };
    ClassificationRequest { model_spec: spec(model), input: Some(input) }
}

#[tokio::test]
async fn features_become_inputs() {
    let server = Server::start().await;
    let client = server.client().await;
    let numbers = vec![example(&[("x", floats(&[1.0]))]), example(&[("x", floats(&[5.0]))])];
    let half = asked("half_plus_two", numbers.clone());
    let response: RegressionResponse = client.call(REGRESS, half).await.unwrap();
    let found: Vec<f32> = response.result.unwrap().regressions.iter().map(|r| r.value).collect();
    assert_eq!(found, [2.5, 4.5]);
    assert_eq!(response.model_spec.unwrap().version.unwrap().value, 1);
    let pair = |a: &[f32]| {
        let other = ("other", texts(&["nobody asks"]));
        example(&[("a", floats(a)), ("b", integers(&[1, -2])), other])
    };
    let both = asked("pair", vec![pair(&[1.0, 0.5]), pair(&[0.25, 2.0])]);
    let response: ClassificationResponse = client.call(CLASSIFY, both).await.unwrap();
    let scores: Vec<Vec<f32>> = response
        .result
        .unwrap()
        .classifications
        .iter()
        .map(|row| row.classes.iter().map(|class| class.score).collect())
        .collect();
    assert_eq!(scores, [[1.0, 0.5], [0.25, 2.0]]);
    let words = asked("lengths", vec![example(&[("x", texts(&["abc"]))])]);
    let response: RegressionResponse = client.call(REGRESS, words).await.unwrap();
    assert_eq!(response.result.unwrap().regressions[0].value, 3.0);
    let wide = asked("f64", vec![example(&[("x", floats(&[0.5]))])]);
    let response: RegressionResponse = client.call(REGRESS, wide).await.unwrap();
    assert_eq!(response.result.unwrap().regressions[0].value, 0.5);
    let task = InferenceTask {
        model_spec: spec("half_plus_two"),
        method_name: "tensorflow/serving/regress".to_string(),
    };
    let input = asked("", numbers).input;
    let multiple = MultiInferenceRequest { tasks: vec![task], input };
    let response: MultiInferenceResponse = client.call(MULTIPLE, multiple).await.unwrap();
    let result = response.results[0].regression_result.clone().unwrap();
    assert_eq!(result.regressions[1].value, 4.5);
}

#[tokio::test]
async fn what_examples_lack_is_the_context_s() {
    let server = Server::start().await;
    let client = server.client().await;
    let context = example(&[("b", integers(&[7, 8])), ("a", floats(&[9.0, 9.0]))]);
    let examples = vec![example(&[("a", floats(&[1.0, 2.0]))]), Example::default()];
    let list = ExampleListWithContext { examples, context: Some(context) };
    let input = Input { example_list_with_context: Some(list), ..Input::default() };
    let asked = ClassificationRequest { model_spec: spec("pair"), input: Some(input) };
    let response: ClassificationResponse = client.call(CLASSIFY, asked).await.unwrap();
    let scores: Vec<f32> =
        response.result.unwrap().classifications.iter().map(|row| row.classes[0].score).collect();
    assert_eq!(scores, [1.0, 9.0]);
}

#[tokio::test]
async fn features_that_do_not_fit_are_refused() {
    let server = Server::start().await;
    let client = server.client().await;
    let pair = |a: Feature, b: Feature| example(&[("a", a), ("b", b)]);
    let (a, b) = (floats(&[1.0, 2.0]), integers(&[1, 2]));
    let none = example(&[("a", a.clone())]);
    for (model, examples, words) in [
        ("pair", vec![none], "Feature: b (data type: int64) is required but could not be found."),
        (
            "pair",
            vec![pair(b.clone(), b.clone())],
            "Feature: a. Data types don't match. Expected type: float, found: int64",
        ),
        ("pair", vec![pair(Feature::default(), b.clone())], "Feature: a. Data types don't match."),
        (
            "pair",
            vec![pair(a.clone(), b.clone()), pair(floats(&[1.0]), b.clone())],
            "Expecting tensor size: 2 but got: 1",
        ),
        ("pair", vec![], "Input is empty."),
        ("pair", vec![pair(floats(&[1.0; 3]), b)], ""),
    ] {
        let found = refused(
            client.call::<_, ClassificationResponse>(CLASSIFY, asked(model, examples)).await,
        );
        assert!(found.0 == Code::InvalidArgument && found.1.starts_with(words), "{found:?}");
    }
    let two = asked("pair", vec![pair(a, integers(&[1, 2]))]);
    let (_, text) = refused(client.call::<_, RegressionResponse>(REGRESS, two).await);
    assert_eq!(text, "Expected one number for each example, found the shape [1, 2]");
}
