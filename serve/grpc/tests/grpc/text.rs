//! Models of text by both protocols.

use crate::messages::*;
use crate::open_inference::{ask, tensor};
use crate::support::{Client, Server, refused};
use crate::tensorflow_serving::{request, shape};
use prost::Message;
use tonic::{Code, Status};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";
const METADATA: &str = "/tensorflow.serving.PredictionService/GetModelMetadata";

async fn start() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.client().await;
    (server, client)
}

fn strings(sizes: &[i64], strings: &[&[u8]]) -> TensorProto {
    let string_val = strings.iter().map(|string| string.to_vec()).collect();
    TensorProto { dtype: 7, tensor_shape: shape(sizes), string_val, ..TensorProto::default() }
}

async fn predict(client: &Client, tensor: TensorProto) -> Result<TensorProto, Status> {
    let response: PredictResponse =
        client.call(PREDICT, request("words", &[("x", tensor)])).await?;
    Ok(response.outputs["y"].clone())
}

#[tokio::test]
async fn tensorflow_serving_takes_and_gives_strings() {
    let (_server, client) = start().await;
    let text = strings(&[3], &["größer".as_bytes(), b"", b"a"]);
    assert_eq!(predict(&client, text.clone()).await.unwrap(), text);
    // The last element stands for all that are missing; none is empty text.
    let made = predict(&client, strings(&[3], &[b"a", b"b"])).await.unwrap();
    assert_eq!(made, strings(&[3], &[b"a", b"b", b"b"]));
    assert_eq!(predict(&client, strings(&[2], &[])).await.unwrap(), strings(&[2], &[b"", b""]));
    assert_eq!(predict(&client, strings(&[0], &[])).await.unwrap(), strings(&[0], &[]));
    let wrong = |tensor| async { refused(predict(&client, tensor).await) };
    for (tensor, expected) in [
        (strings(&[1], &[b"\xff"]), "tensor parsing error: x: expected text in UTF-8"),
        (
            TensorProto { tensor_content: b"\x01a".to_vec(), ..strings(&[1], &[]) },
            "expected text in string_val",
        ),
        (TensorProto { float_val: vec![1.0], dtype: 1, ..strings(&[1], &[]) }, "string"),
    ] {
        let (code, text) = wrong(tensor).await;
        assert_eq!(code, Code::InvalidArgument, "{text}");
        assert!(text.contains(expected), "{text}");
    }
    // No memory is taken for what a shape claims.
    let long = vec![b'x'; 1 << 20];
    for claim in [strings(&[1 << 40], &[b"a"]), strings(&[1 << 20], &[&long])] {
        let (code, text) = wrong(claim).await;
        assert_eq!(code, Code::ResourceExhausted, "{text}");
    }
}

#[tokio::test]
async fn metadata_say_string() {
    let (_server, client) = start().await;
    let asked = MetadataRequest {
        model_spec: crate::tensorflow_serving::spec("words"),
        metadata_field: vec!["signature_def".to_string()],
    };
    let response: MetadataResponse = client.call(METADATA, asked).await.unwrap();
    let map = SignatureDefMap::decode(&*response.metadata["signature_def"].value).unwrap();
    assert_eq!(map.signature_def["serving_default"].inputs["x"].dtype, 7);
}

#[tokio::test]
async fn open_inference_takes_and_gives_bytes() {
    let (_server, client) = start().await;
    let raw = b"\x01\0\0\0a\0\0\0\0".to_vec();
    let contents = Contents { bytes: vec![b"a".to_vec(), vec![]], ..Contents::default() };
    let typed = InferTensor { contents: Some(contents), ..tensor("x", "BYTES", &[2]) };
    let as_raw = InferRequest {
        raw_input_contents: vec![raw.clone()],
        ..ask("words", vec![tensor("x", "BYTES", &[2])])
    };
    for asked in [ask("words", vec![typed]), as_raw] {
        let response: InferResponse = client.call(INFER, asked).await.unwrap();
        assert_eq!(response.raw_output_contents, vec![raw.clone()]);
        assert_eq!(response.outputs[0].datatype, "BYTES");
        assert_eq!(response.outputs[0].shape, [2]);
    }
    for (raw, expected) in [
        (&b"\x02\0\0\0a"[..], "incomplete string data for inference input 'x'"),
        (b"\x01\0\0\0\xff", "expected text in UTF-8"),
        (b"", "expected 1 string elements for inference input 'x'"),
    ] {
        let asked = InferRequest {
            raw_input_contents: vec![raw.to_vec()],
            ..ask("words", vec![tensor("x", "BYTES", &[1])])
        };
        let (code, text) = refused(client.call::<_, InferResponse>(INFER, asked).await);
        assert_eq!(code, Code::InvalidArgument, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
