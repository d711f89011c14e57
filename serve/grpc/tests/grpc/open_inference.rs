//! The Open Inference Protocol. Triton's own client asks for the rest, in `clients`.

use crate::messages::*;
use crate::support::{Client, Server, refused};
use servables::jpeg;
use server::Limits;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;
use tonic::{Code, Request, Status};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

pub(crate) fn tensor(name: &str, datatype: &str, shape: &[i64]) -> InferTensor {
    let (name, datatype) = (name.to_string(), datatype.to_string());
    InferTensor { name, datatype, shape: shape.to_vec(), ..InferTensor::default() }
}

fn floats(values: &[f32]) -> InferTensor {
    let contents = Some(Contents { floats: values.to_vec(), ..Contents::default() });
    InferTensor { contents, ..tensor("x", "FP32", &[values.len() as i64]) }
}

pub(crate) fn ask(model: &str, inputs: Vec<InferTensor>) -> InferRequest {
    InferRequest { model_name: model.to_string(), inputs, ..InferRequest::default() }
}

async fn infer(client: &Client, request: InferRequest) -> Result<InferResponse, Status> {
    client.call(INFER, request).await
}

fn parameter(key: &str, choice: Choice) -> HashMap<String, InferParameter> {
    HashMap::from([(key.to_string(), InferParameter { choice: Some(choice) })])
}

#[tokio::test]
async fn typed_contents_of_every_type_come_back_raw() {
    let server = Server::start().await;
    let client = server.client().await;
    let of = Contents::default;
    let cases: Vec<(&str, &str, Contents, Vec<u8>)> = vec![
        ("bool", "BOOL", Contents { bools: vec![true, false], ..of() }, vec![1, 0]),
        ("i8", "INT8", Contents { ints: vec![-1, 127], ..of() }, vec![255, 127]),
        ("i16", "INT16", Contents { ints: vec![-2, 3], ..of() }, vec![254, 255, 3, 0]),
        (
            "i32",
            "INT32",
            Contents { ints: vec![-1, 1], ..of() },
            [-1_i32, 1].map(i32::to_le_bytes).concat(),
        ),
        (
            "i64",
            "INT64",
            Contents { longs: vec![i64::MIN, 1], ..of() },
            [i64::MIN, 1].map(i64::to_le_bytes).concat(),
        ),
        ("u8", "UINT8", Contents { uints: vec![255, 0], ..of() }, vec![255, 0]),
        ("u16", "UINT16", Contents { uints: vec![65535, 0], ..of() }, vec![255, 255, 0, 0]),
        (
            "u32",
            "UINT32",
            Contents { uints: vec![u32::MAX, 0], ..of() },
            [u32::MAX, 0].map(u32::to_le_bytes).concat(),
        ),
        (
            "u64",
            "UINT64",
            Contents { ulongs: vec![u64::MAX, 0], ..of() },
            [u64::MAX, 0].map(u64::to_le_bytes).concat(),
        ),
        (
            "f64",
            "FP64",
            Contents { doubles: vec![0.1, f64::MAX], ..of() },
            [0.1, f64::MAX].map(f64::to_le_bytes).concat(),
        ),
    ];
    for (model, datatype, contents, bytes) in cases {
        let typed = InferTensor { contents: Some(contents), ..tensor("x", datatype, &[2]) };
        let raw = InferRequest {
            raw_input_contents: vec![bytes.clone()],
            id: "7".to_string(),
            ..ask(model, vec![tensor("x", datatype, &[2])])
        };
        for (request, id) in [(ask(model, vec![typed]), ""), (raw, "7")] {
            let response = infer(&client, request).await.unwrap();
            assert_eq!(response.outputs, [tensor("y", datatype, &[2])], "{model}");
            assert_eq!(
                response.raw_output_contents.as_slice(),
                std::slice::from_ref(&bytes),
                "{model}"
            );
            let found = (&*response.model_name, &*response.model_version, &*response.id);
            assert_eq!(found, (model, "1", id));
        }
    }
}

#[tokio::test]
async fn images_are_bytes_and_outputs_may_be_classes() {
    let server = Server::start().await;
    let client = server.client().await;
    let contents = Some(Contents { bytes: vec![jpeg(64)], ..Contents::default() });
    let typed = InferTensor { contents, ..tensor("x", "BYTES", &[1]) };
    let mut request = ask("brightness", vec![typed]);
    let response = infer(&client, request.clone()).await.unwrap();
    assert_eq!(response.raw_output_contents, [0.25_f32.to_le_bytes()]);
    let parameters = parameter("classification", Choice::Int(3));
    request.outputs = vec![RequestedOutput { name: "y".to_string(), parameters }];
    let response = infer(&client, request).await.unwrap();
    assert_eq!(response.outputs, [tensor("y", "BYTES", &[1])]);
    assert_eq!(response.raw_output_contents, [b"\x0f\0\0\x000.250000:0:dark"]);
    let length = 5_u32.to_le_bytes().to_vec();
    let raw_input_contents = vec![[length, jpeg(64)].concat()];
    let raw = ask("brightness", vec![tensor("x", "BYTES", &[1])]);
    let response = infer(&client, InferRequest { raw_input_contents, ..raw }).await.unwrap();
    assert_eq!(response.raw_output_contents, [0.25_f32.to_le_bytes()]);
}

/// Requests that are refused, with the code and the beginning of the words.
fn refused_requests() -> Vec<(InferRequest, Code, &'static str)> {
    let good = || ask("half_plus_two", vec![floats(&[1.0])]);
    let raw = vec![vec![0; 4]];
    let typed = |contents| InferTensor { contents: Some(contents), ..tensor("x", "FP32", &[1]) };
    let doubles = Contents { doubles: vec![1.0], ..Contents::default() };
    let bare = || tensor("x", "FP32", &[2]);
    let invalid = Code::InvalidArgument;
    vec![
        (ask("nope", vec![]), Code::NotFound, "Request for unknown model: 'nope' is not found"),
        (
            InferRequest { model_version: "7".to_string(), ..good() },
            Code::NotFound,
            "Request for unknown model: 'half_plus_two' version 7 is not found",
        ),
        (
            InferRequest { model_version: "x".to_string(), ..good() },
            invalid,
            "failed to get model version from specified version string 'x'",
        ),
        (
            ask("half_plus_two", vec![]),
            invalid,
            "[request id: <id_unknown>] expected 1 inputs but got 0 inputs for model \
             'half_plus_two'. Got input(s) [], but missing required input(s) ['x'].",
        ),
        (
            InferRequest { raw_input_contents: raw.clone(), ..good() },
            invalid,
            "contents field must not be specified when using raw_input_contents for 'x' for model \
             'half_plus_two'",
        ),
        (
            ask("half_plus_two", vec![typed(doubles)]),
            invalid,
            "unexpected explicit tensor data for input tensor 'x' for model 'half_plus_two' of \
             type 'FP64', expected datatype 'FP32'",
        ),
        (
            ask("half_plus_two", vec![bare()]),
            invalid,
            "unable to find data for input tensor 'x' for model 'half_plus_two' in request.",
        ),
        (
            InferRequest { raw_input_contents: raw, ..ask("half_plus_two", vec![bare()]) },
            invalid,
            "[request id: <id_unknown>] input byte size mismatch for input 'x' for model \
             'half_plus_two'. Expected 8, got 4",
        ),
        (
            ask("half_plus_two", vec![InferTensor { shape: vec![1 << 40], ..floats(&[1.0]) }]),
            invalid,
            "[request id: <id_unknown>] input byte size mismatch for input 'x' for model \
             'half_plus_two'. Expected 4398046511104, got 4",
        ),
        (
            ask("half_plus_two", vec![InferTensor { shape: vec![1, 1], ..floats(&[1.0]) }]),
            invalid,
            "[request id: <id_unknown>] unexpected shape for input 'x' for model 'half_plus_two'. \
             Expected [-1], got [1,1]. ",
        ),
    ]
}

/// The same of parameters.
fn refused_parameters() -> Vec<(InferRequest, Code, &'static str)> {
    let good = || ask("half_plus_two", vec![floats(&[1.0])]);
    let with = |key: &str, choice| InferRequest { parameters: parameter(key, choice), ..good() };
    let invalid = Code::InvalidArgument;
    vec![
        (
            with("sequence_start", Choice::Int(1)),
            invalid,
            "invalid value type for 'sequence_start'",
        ),
        (with("priority", Choice::Int(-1)), invalid, "invalid value for 'priority'"),
        (with("timeout", Choice::Int(-1)), invalid, "invalid value for 'timeout'"),
        (with("timeout", Choice::Text(String::new())), invalid, "invalid value type for 'timeout'"),
        (with("triton_x", Choice::Unsigned(1)), invalid, "parameter keys starting with 'triton_'"),
    ]
}

#[tokio::test]
async fn refusals_have_triton_s_codes_and_words() {
    let server = Server::start().await;
    let client = server.client().await;
    for (request, code, text) in refused_requests().into_iter().chain(refused_parameters()) {
        let (found, words) = refused(infer(&client, request).await);
        assert!(found == code && words.starts_with(text), "{found:?} {words:?}, not {text:?}");
    }
}

#[tokio::test]
async fn a_request_that_waited_too_long_is_not_run() {
    let workers = NonZeroUsize::MIN;
    let server = Server::with(Limits { workers, ..Limits::default() }).await;
    let client = server.client().await;
    let slow = || ask("slow", vec![floats(&[1.0])]);
    let first = tokio::spawn({
        let (client, request) = (client.clone(), slow());
        async move { infer(&client, request).await }
    });
    while !server.has_metric("schooner_requests_in_flight 1") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let within = |timeout_us: i64| {
        let parameters = parameter("timeout", Choice::Int(timeout_us));
        infer(&client, InferRequest { parameters, ..slow() })
    };
    let (late, patient, unbounded) = tokio::join!(within(1000), within(60_000_000), within(0));
    let expired = (Code::Unavailable, "Request timeout expired".to_string());
    assert_eq!(refused(late), expired);
    assert!(patient.is_ok() && unbounded.is_ok() && first.await.unwrap().is_ok());
    let line = r#"schooner_refusals_total{model="slow",reason="wait_timeout"} 1"#;
    assert!(server.has_metric(line));
}

#[tokio::test]
async fn a_stream_answers_in_order_and_goes_on_after_a_refusal() {
    let server = Server::start().await;
    let mut grpc = server.client().await.grpc();
    grpc.ready().await.unwrap();
    let one = |model: &str, id: usize| InferRequest {
        id: id.to_string(),
        parameters: parameter("triton_enable_empty_final_response", Choice::Bool(true)),
        ..ask(model, vec![floats(&[id as f32])])
    };
    let models = ["slow", "half_plus_two", "nope", "half_plus_two"];
    let requests: Vec<InferRequest> =
        models.iter().enumerate().map(|(id, model)| one(model, id)).collect();
    let path = "/inference.GRPCInferenceService/ModelStreamInfer".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<InferRequest, StreamResponse>::default();
    let requests = Request::new(tokio_stream::iter(requests));
    let mut stream = grpc.streaming(requests, path, codec).await.unwrap().into_inner();
    for (id, model) in models.iter().enumerate() {
        let StreamResponse { error_message, infer_response } =
            stream.message().await.unwrap().unwrap();
        let response = infer_response.unwrap();
        assert_eq!(response.id, id.to_string());
        match *model {
            "nope" => assert_eq!(error_message, "Request for unknown model: 'nope' is not found"),
            _ => {
                assert_eq!((error_message.as_str(), response.raw_output_contents.len()), ("", 1));
                let is_final = &response.parameters["triton_final_response"];
                assert_eq!(is_final.choice, Some(Choice::Bool(true)));
            }
        }
    }
    assert_eq!(stream.message().await.unwrap(), None);
    let line = r#"schooner_requests_total{model="half_plus_two",protocol="grpc",status="200"} 2"#;
    assert!(server.has_metric(line));
}
