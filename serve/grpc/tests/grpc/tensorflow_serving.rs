//! TensorFlow Serving's services.

use crate::messages::*;
use crate::support::{Client, Server, refused};
use half::{bf16, f16};
use prost::Message;
use servables::jpeg;
use std::collections::HashMap;
use tonic::{Code, Status};

const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";
const METADATA: &str = "/tensorflow.serving.PredictionService/GetModelMetadata";
const STATUS: &str = "/tensorflow.serving.ModelService/GetModelStatus";

pub(crate) fn spec(name: &str) -> Option<ModelSpec> {
    Some(ModelSpec { name: name.to_string(), ..ModelSpec::default() })
}

pub(crate) fn shape(sizes: &[i64]) -> Option<Shape> {
    let dim = sizes.iter().map(|&size| Dim { size }).collect();
    Some(Shape { dim, unknown_rank: false })
}

pub(crate) fn floats(sizes: &[i64], float_val: &[f32]) -> TensorProto {
    let float_val = float_val.to_vec();
    TensorProto { dtype: 1, tensor_shape: shape(sizes), float_val, ..TensorProto::default() }
}

pub(crate) fn request(model: &str, inputs: &[(&str, TensorProto)]) -> PredictRequest {
    let inputs = inputs.iter().map(|(name, tensor)| (name.to_string(), tensor.clone()));
    PredictRequest { model_spec: spec(model), inputs: inputs.collect(), output_filter: vec![] }
}

async fn predict(client: &Client, request: PredictRequest) -> Result<PredictResponse, Status> {
    client.call(PREDICT, request).await
}

async fn echo(client: &Client, model: &str, tensor: TensorProto) -> Result<TensorProto, Status> {
    let response = predict(client, request(model, &[("x", tensor)])).await?;
    Ok(response.outputs["y"].clone())
}

#[tokio::test]
async fn half_plus_two_is_answered_with_the_version_that_did_it() {
    let server = Server::start().await;
    let client = server.client().await;
    let asked = request("half_plus_two", &[("x", floats(&[3], &[1.0, 2.0, 5.0]))]);
    let response = predict(&client, asked).await.unwrap();
    assert_eq!(response.outputs["y"], floats(&[3], &[2.5, 3.0, 4.5]));
    let spec = response.model_spec.unwrap();
    assert_eq!((spec.name.as_str(), spec.version.unwrap().value), ("half_plus_two", 1));
    assert_eq!(spec.signature_name, "serving_default");
    let line = r#"schooner_requests_total{model="half_plus_two",protocol="grpc",status="200"} 1"#;
    assert!(server.has_metric(line));
}

#[tokio::test]
async fn every_type_comes_back_from_its_field_and_from_content() {
    let server = Server::start().await;
    let client = server.client().await;
    let base = |dtype| TensorProto { dtype, tensor_shape: shape(&[2]), ..TensorProto::default() };
    let halves = [f16::from_f32(-1.5), f16::INFINITY].map(|h| i32::from(h.to_bits()));
    let brains = [bf16::from_f32(-1.5), bf16::MAX].map(|h| i32::from(h.to_bits()));
    let ints = |dtype, int_val: [i32; 2]| TensorProto { int_val: int_val.to_vec(), ..base(dtype) };
    let bytes = |int_val: [i32; 2], size: usize| {
        int_val.iter().flat_map(|i| i.to_le_bytes()[..size].to_vec()).collect::<Vec<u8>>()
    };
    let double = TensorProto { double_val: vec![f64::MIN, 0.1], ..base(2) };
    let long = TensorProto { int64_val: vec![i64::MIN, 7], ..base(9) };
    let cases: Vec<(&str, TensorProto, Vec<u8>)> = vec![
        ("f64", double, [f64::MIN, 0.1].map(f64::to_le_bytes).concat()),
        ("i32", ints(3, [i32::MIN, 5]), bytes([i32::MIN, 5], 4)),
        ("u8", ints(4, [255, 1]), bytes([255, 1], 1)),
        ("i16", ints(5, [-32768, 3]), bytes([-32768, 3], 2)),
        ("i8", ints(6, [-128, 127]), bytes([-128, 127], 1)),
        ("u16", ints(17, [65535, 0]), bytes([65535, 0], 2)),
        ("i64", long, [i64::MIN, 7].map(i64::to_le_bytes).concat()),
        ("bool", TensorProto { bool_val: vec![true, false], ..base(10) }, vec![1, 0]),
        ("f16", TensorProto { half_val: halves.to_vec(), ..base(19) }, bytes(halves, 2)),
        ("bf16", TensorProto { half_val: brains.to_vec(), ..base(14) }, bytes(brains, 2)),
        (
            "u32",
            TensorProto { uint32_val: vec![u32::MAX, 1], ..base(22) },
            vec![255, 255, 255, 255, 1, 0, 0, 0],
        ),
        (
            "u64",
            TensorProto { uint64_val: vec![u64::MAX, 0], ..base(23) },
            [u64::MAX, 0].map(u64::to_le_bytes).concat(),
        ),
    ];
    for (model, tensor, content) in cases {
        assert_eq!(echo(&client, model, tensor.clone()).await.unwrap(), tensor, "{model}");
        let packed = TensorProto { tensor_content: content, ..base(tensor.dtype) };
        assert_eq!(echo(&client, model, packed).await.unwrap(), tensor, "{model}");
    }
}

#[tokio::test]
async fn the_last_value_repeats_and_what_is_too_much_is_passed_over() {
    let server = Server::start().await;
    let client = server.client().await;
    for (given, expected) in [
        (&[][..], [0.0, 0.0, 0.0]),
        (&[7.0], [7.0, 7.0, 7.0]),
        (&[1.0, 2.0], [1.0, 2.0, 2.0]),
        (&[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0]),
    ] {
        let asked = request("half_plus_two", &[("x", floats(&[3], given))]);
        let response = predict(&client, asked).await.unwrap();
        let expected = expected.map(|x| x / 2.0 + 2.0);
        assert_eq!(response.outputs["y"].float_val, expected, "{given:?}");
    }
}

#[tokio::test]
async fn outputs_are_filtered() {
    let server = Server::start().await;
    let client = server.client().await;
    let b = TensorProto {
        dtype: 9,
        tensor_shape: shape(&[1, 2]),
        int64_val: vec![3, -4],
        ..TensorProto::default()
    };
    let mut asked = request("pair", &[("a", floats(&[1, 2], &[1.0, 2.0])), ("b", b.clone())]);
    let both = predict(&client, asked.clone()).await.unwrap().outputs;
    assert_eq!((both.len(), &both["b"]), (2, &b));
    asked.output_filter = vec!["b".to_string()];
    let outputs = predict(&client, asked.clone()).await.unwrap().outputs;
    assert_eq!(outputs, HashMap::from([("b".to_string(), b)]));
    asked.output_filter = vec!["z".to_string()];
    let text = "output tensor alias not found in signature: z Outputs expected to be in the \
                set {a,b}.";
    assert_eq!(
        refused(predict(&client, asked.clone()).await),
        (Code::InvalidArgument, text.to_string())
    );
    asked.output_filter = vec!["a".to_string(), "a".to_string()];
    assert_eq!(refused(predict(&client, asked).await).1, "duplicate output tensor alias: a");
}

/// Asks each and compares what comes back with the code and the beginning of the words.
async fn check_refusals(cases: Vec<(PredictRequest, Code, &str)>) {
    let server = Server::start().await;
    let client = server.client().await;
    for (asked, code, text) in cases {
        let (found, words) = refused(predict(&client, asked).await);
        assert!(found == code && words.starts_with(text), "{found:?} {words:?}, not {text:?}");
    }
}

#[tokio::test]
async fn models_that_are_not_there_are_refused_in_tensorflow_serving_s_words() {
    let ask = |model: &str| request(model, &[("x", floats(&[1], &[1.0]))]);
    let with = |change: &dyn Fn(&mut ModelSpec)| {
        let mut asked = ask("half_plus_two");
        change(asked.model_spec.as_mut().unwrap());
        asked
    };
    let version = |value| with(&move |s| s.version = Some(Int64Value { value }));
    let label = with(&|s| s.version_label = "canary".to_string());
    let signature = with(&|s| s.signature_name = "other".to_string());
    let none = PredictRequest { model_spec: None, ..ask("") };
    let (invalid, not_found) = (Code::InvalidArgument, Code::NotFound);
    check_refusals(vec![
        (none, invalid, "Missing ModelSpec"),
        (ask(""), invalid, "ModelSpec has no name specified."),
        (ask("nope"), not_found, "Servable not found for request: Latest(nope)"),
        (version(7), not_found, "Servable not found for request: Specific(half_plus_two, 7)"),
        (version(-1), invalid, "Failed to convert version: -1 to numeric."),
        (label, invalid, "Unrecognized servable version label: canary"),
        (signature, Code::FailedPrecondition, "Serving signature key \"other\" not found."),
    ])
    .await;
}

#[tokio::test]
async fn tensors_that_do_not_fit_are_refused_in_tensorflow_serving_s_words() {
    let x = floats(&[1], &[1.0]);
    let one = |tensor: TensorProto| request("half_plus_two", &[("x", tensor)]);
    let two = request("half_plus_two", &[("x", x.clone()), ("z", x.clone())]);
    let other = request("half_plus_two", &[("z", x.clone())]);
    let content = one(TensorProto { tensor_content: vec![0; 5], ..floats(&[1], &[]) });
    let unknown_rank = Some(Shape { dim: vec![], unknown_rank: true });
    let unknown_rank = one(TensorProto { tensor_shape: unknown_rank, ..x.clone() });
    let typed = |dtype| one(TensorProto { dtype, ..x.clone() });
    let invalid = Code::InvalidArgument;
    check_refusals(vec![
        (
            request("half_plus_two", &[]),
            invalid,
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. \
             Missing but required: {x}.",
        ),
        (
            two,
            invalid,
            "input size does not match signature: 2!=1 len({x,z}) != len({x}). Sent extra: {z}. \
             Missing but required: {}.",
        ),
        (
            other,
            invalid,
            "Signature input alias: x(feed name: x) not found in request and no default value \
             provided. Inputs expected to be in the request {z}, or default input alias set: ",
        ),
        (content, invalid, "tensor parsing error: x: expected 4 bytes of tensor_content, found 5"),
        (unknown_rank, invalid, "expected a tensor with a shape, found one of unknown rank"),
        (one(floats(&[-1], &[])), invalid, "expected a size of at least 0, found -1"),
        (one(floats(&[1 << 40], &[1.0])), Code::ResourceExhausted, "expected a body of at most"),
        (typed(9), invalid, "input `x`: expected elements of type f32, found i64"),
        (typed(8), invalid, "tensor parsing error: x: expected f32, found elements of type 8"),
        (typed(7), Code::FailedPrecondition, "model half_plus_two takes tensors, not images"),
        (request("pair", &[("a", x.clone()), ("b", x.clone())]), invalid, ""),
    ])
    .await;
}

fn images(images: Vec<Vec<u8>>, sizes: &[i64]) -> PredictRequest {
    let tensor = TensorProto {
        dtype: 7,
        tensor_shape: shape(sizes),
        string_val: images,
        ..TensorProto::default()
    };
    request("brightness", &[("x", tensor)])
}

#[tokio::test]
async fn images_are_classified() {
    let server = Server::start().await;
    let client = server.client().await;
    let asked = images(vec![jpeg(64), jpeg(128)], &[2]);
    let outputs = predict(&client, asked).await.unwrap().outputs;
    assert_eq!(outputs["scores"], floats(&[2, 2], &[0.25, 0.75, 0.5, 0.5]));
    assert_eq!(outputs["indices"].int64_val, [1, 0, 1, 0]);
    assert_eq!(outputs["classes"].string_val, [&b"bright"[..], b"dark", b"bright", b"dark"]);
    let one = predict(&client, images(vec![jpeg(64)], &[])).await.unwrap().outputs;
    assert_eq!(one["scores"].float_val, [0.25, 0.75]);
    let (_, text) = refused(predict(&client, images(vec![jpeg(64), jpeg(0)], &[2])).await);
    assert_eq!(text, "image 1: the image is too dark to decode");
    let (_, text) = refused(predict(&client, images(vec![jpeg(64)], &[2])).await);
    assert!(text.starts_with("expected images as DT_STRING of shape [n]"), "{text}");
    let (_, text) = refused(predict(&client, images(vec![jpeg(1); 129], &[129])).await);
    assert!(text.starts_with("expected at most 128 images"), "{text}");
}

#[tokio::test]
async fn metadata_is_the_signature() {
    let server = Server::start().await;
    let client = server.client().await;
    let metadata_field = vec!["signature_def".to_string()];
    let asked = MetadataRequest { model_spec: spec("pair"), metadata_field };
    let response: MetadataResponse = client.call(METADATA, asked.clone()).await.unwrap();
    let any = &response.metadata["signature_def"];
    assert_eq!(any.type_url, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
    let map = SignatureDefMap::decode(&*any.value).unwrap();
    let signature = &map.signature_def["serving_default"];
    assert_eq!(signature.method_name, "tensorflow/serving/predict");
    let info = &signature.inputs["b"];
    assert_eq!(
        (info.name.as_str(), info.dtype, info.tensor_shape.clone()),
        ("b", 9, shape(&[-1, 2]))
    );
    let ask = async |request: MetadataRequest| {
        refused(client.call::<_, MetadataResponse>(METADATA, request).await).1
    };
    let none = MetadataRequest { metadata_field: vec![], ..asked.clone() };
    assert_eq!(ask(none).await, "GetModelMetadataRequest must specify at least one metadata_field");
    let other = MetadataRequest { metadata_field: vec!["x".to_string()], ..asked.clone() };
    assert_eq!(ask(other).await, "Metadata field x is not supported");
    assert_eq!(ask(MetadataRequest { model_spec: None, ..asked }).await, "Missing ModelSpec");
}

#[tokio::test]
async fn status_tells_every_version() {
    let server = Server::start().await;
    let client = server.client().await;
    server.service.store().begin("pair", 2);
    server.service.store().fail("pair", 3, "the file is damaged");
    let asked = MetadataRequest { model_spec: spec("pair"), metadata_field: vec![] };
    let response: StatusResponse = client.call(STATUS, asked).await.unwrap();
    let found: Vec<(i64, i32, String)> = response
        .model_version_status
        .into_iter()
        .map(|version| (version.version, version.state, version.status.unwrap().error_message))
        .collect();
    assert_eq!(
        found,
        [
            (3, 50, "the file is damaged".to_string()),
            (2, 20, String::new()),
            (1, 30, String::new())
        ]
    );
    let asked = MetadataRequest { model_spec: spec("nope"), metadata_field: vec![] };
    let found = refused(client.call::<_, StatusResponse>(STATUS, asked).await);
    assert_eq!(found, (Code::NotFound, "Could not find any versions of model nope".to_string()));
}
