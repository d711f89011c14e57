//! Messages that are damaged at random: each is refused as the client's fault or answered, and
//! the server lives on.

use crate::examples;
use crate::messages::*;
use crate::open_inference::{ask, tensor};
use crate::support::{Client, Server};
use crate::tensorflow_serving::{floats, request, shape, spec};
use bytes::{Buf, BufMut};
use prost::Message;
use servables::jpeg;
use testkit::Random;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};

/// Messages for each method; more are made of these. With 10 000 in all no fault that was sought
/// on purpose was missed.
const ROUNDS: usize = 10_000;

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let b = TensorProto {
        dtype: 9,
        tensor_shape: shape(&[1, 2]),
        int64_val: vec![3, -4],
        ..TensorProto::default()
    };
    let image = TensorProto {
        dtype: 7,
        tensor_shape: shape(&[1]),
        string_val: vec![jpeg(9)],
        ..TensorProto::default()
    };
    let text = |string_val: &[&[u8]]| TensorProto {
        dtype: 7,
        tensor_shape: shape(&[2]),
        string_val: string_val.iter().map(|text| text.to_vec()).collect(),
        ..TensorProto::default()
    };
    let words = Contents { bytes: vec![b"a".to_vec(), vec![]], ..Contents::default() };
    let words = InferTensor { contents: Some(words), ..tensor("x", "BYTES", &[2]) };
    let raw_words = InferRequest {
        raw_input_contents: vec![b"\x01\0\0\0a\0\0\0\0".to_vec()],
        ..ask("words", vec![tensor("x", "BYTES", &[2])])
    };
    let two = request("pair", &[("a", floats(&[1, 2], &[1.0, 2.0])), ("b", b)]);
    let features = [("a", examples::floats(&[1.0, 2.0])), ("b", examples::integers(&[1, -2]))];
    let of_features = examples::asked("pair", vec![examples::example(&features); 2]);
    let metadata_field = vec!["signature_def".to_string()];
    let asked = MetadataRequest { model_spec: spec("pair"), metadata_field };
    let contents = Some(Contents { ints: vec![1, -2], ..Contents::default() });
    let typed = InferTensor { contents, ..tensor("x", "INT32", &[2]) };
    let typed = ask("i32", vec![typed]);
    let raw = ask("f16", vec![tensor("x", "FP16", &[2])]);
    let raw = InferRequest { raw_input_contents: vec![vec![1; 4]], ..raw };
    vec![
        ("/tensorflow.serving.PredictionService/Predict", two.encode_to_vec()),
        (
            "/tensorflow.serving.PredictionService/Predict",
            request("brightness", &[("x", image)]).encode_to_vec(),
        ),
        (
            "/tensorflow.serving.PredictionService/Predict",
            request("words", &[("x", text(&[b"a", b""]))]).encode_to_vec(),
        ),
        ("/inference.GRPCInferenceService/ModelInfer", ask("words", vec![words]).encode_to_vec()),
        ("/inference.GRPCInferenceService/ModelInfer", raw_words.encode_to_vec()),
        ("/tensorflow.serving.PredictionService/Classify", two.encode_to_vec()),
        ("/tensorflow.serving.PredictionService/Classify", of_features.encode_to_vec()),
        ("/tensorflow.serving.PredictionService/MultiInference", two.encode_to_vec()),
        ("/tensorflow.serving.PredictionService/GetModelMetadata", asked.encode_to_vec()),
        ("/tensorflow.serving.ModelService/GetModelStatus", asked.encode_to_vec()),
        ("/grpc.health.v1.Health/Check", asked.encode_to_vec()),
        ("/inference.GRPCInferenceService/ModelInfer", typed.encode_to_vec()),
        ("/inference.GRPCInferenceService/ModelInfer", raw.encode_to_vec()),
        ("/inference.GRPCInferenceService/ModelConfig", asked.encode_to_vec()),
        ("/inference.GRPCInferenceService/TraceSetting", asked.encode_to_vec()),
        ("/inference.GRPCInferenceService/LogSettings", asked.encode_to_vec()),
        ("/inference.GRPCInferenceService/RepositoryIndex", asked.encode_to_vec()),
    ]
}

/// Changes, drops, repeats or adds bytes, a few times.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().max(1)).min(bytes.len());
        match random.below(5) {
            0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => {
                let piece = bytes[at..].to_vec();
                bytes.extend_from_slice(&piece);
            }
            _ => bytes.insert(at, [0xff, 0x80, 0x00, 0x7f][random.below(4)]),
        }
    }
}

/// Bytes as they are.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

async fn send(client: &Client, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut grpc = client.grpc();
    grpc.ready().await.unwrap();
    let path = path.parse().unwrap();
    grpc.unary(Request::new(bytes), path, Raw).await.map(|response| response.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_messages_are_the_client_s_fault() {
    let server = Server::start().await;
    let client = server.client().await;
    let seeds = seeds();
    for (path, bytes) in &seeds[..2] {
        send(&client, path, bytes.clone()).await.unwrap();
    }
    let mut random = Random(0x5eed_5eed_5eed_5eed);
    let mut answered = 0;
    for round in 0..ROUNDS {
        let (path, mut bytes) = seeds[random.below(seeds.len())].clone();
        damage(&mut bytes, &mut random);
        match send(&client, path, bytes.clone()).await {
            Ok(_) => answered += 1,
            Err(status) => {
                let is_server_s = matches!(
                    status.code(),
                    Code::Internal | Code::Unknown | Code::Unavailable | Code::DataLoss
                );
                assert!(!is_server_s, "round {round}, {path} {bytes:02x?}: {status:?}");
            }
        }
    }
    assert!(answered > 100, "{answered} of {ROUNDS} were answered");
    assert!(server.has_metric("schooner_requests_in_flight 0"));
    assert!(!server.service.metrics().export().contains(r#"reason="panic""#));
    for (path, bytes) in &seeds[..2] {
        send(&client, path, bytes.clone()).await.unwrap();
    }
}
