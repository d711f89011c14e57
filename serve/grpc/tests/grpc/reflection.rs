//! Reflection, and that what it tells is what is served.

use crate::support::{Client, Server};
use prost::Message;
use prost_types::FileDescriptorProto;
use std::collections::BTreeSet;
use tonic::{Code, Request};

#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(string, optional, tag = "3")]
    file_by_filename: Option<String>,
    #[prost(string, optional, tag = "4")]
    file_containing_symbol: Option<String>,
    #[prost(string, optional, tag = "6")]
    all_extension_numbers_of_type: Option<String>,
    #[prost(string, optional, tag = "7")]
    list_services: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(message, optional, tag = "2")]
    original_request: Option<Asked>,
    #[prost(message, optional, tag = "4")]
    files: Option<Files>,
    #[prost(message, optional, tag = "5")]
    extensions: Option<Named>,
    #[prost(message, optional, tag = "6")]
    services: Option<Services>,
    #[prost(message, optional, tag = "7")]
    error: Option<Fault>,
}

#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(message, repeated, tag = "1")]
    file: Vec<FileDescriptorProto>,
}

#[derive(Clone, PartialEq, Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    service: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Fault {
    #[prost(int32, tag = "1")]
    code: i32,
}

fn list() -> Asked {
    Asked { list_services: Some(String::new()), ..Asked::default() }
}

fn symbol(name: &str) -> Asked {
    Asked { file_containing_symbol: Some(name.to_string()), ..Asked::default() }
}

/// Asks all of it on one call.
async fn ask(client: &Client, version: &str, asked: Vec<Asked>) -> Vec<Told> {
    let mut grpc = client.grpc();
    grpc.ready().await.unwrap();
    let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
    let codec = tonic_prost::ProstCodec::<Asked, Told>::default();
    let requests = Request::new(tokio_stream::iter(asked.clone()));
    let answered = grpc.streaming(requests, path.parse().unwrap(), codec).await;
    let mut stream = answered.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(answer) = stream.message().await.unwrap() {
        assert_eq!(answer.original_request.as_ref(), asked.get(told.len()));
        told.push(answer);
    }
    assert_eq!(told.len(), asked.len());
    told
}

fn names(told: &Told) -> Vec<String> {
    told.services.as_ref().unwrap().service.iter().map(|service| service.name.clone()).collect()
}

#[tokio::test]
async fn both_versions_tell_the_same() {
    let server = Server::start().await;
    let client = server.client().await;
    let symbols =
        ["inference.GRPCInferenceService.ModelInfer", "tensorflow.serving.PredictRequest"];
    let mut asked = vec![list(), symbol("nope"), Asked::default()];
    asked.extend(symbols.map(symbol));
    let name = Some("health.proto".to_string());
    asked.push(Asked { file_by_filename: name, ..Asked::default() });
    let kind = Some("inference.InferParameter".to_string());
    asked.push(Asked { all_extension_numbers_of_type: kind, ..Asked::default() });
    let told = ask(&client, "v1", asked.clone()).await;
    assert_eq!(ask(&client, "v1alpha", asked).await, told);
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "inference.GRPCInferenceService",
        "tensorflow.serving.ModelService",
        "tensorflow.serving.PredictionService",
    ];
    let found: BTreeSet<String> = names(&told[0]).into_iter().collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    let code = |told: &Told| told.error.as_ref().map(|fault| fault.code);
    assert_eq!((code(&told[1]), code(&told[2])), (Some(5), Some(3)));
    let files = |told: &Told| {
        let files = &told.files.as_ref().unwrap().file;
        files.iter().map(|file| file.name().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(files(&told[3]), ["inference.proto"]);
    let mut needed = files(&told[4]);
    assert_eq!(needed.remove(0), "tensorflow_serving.proto");
    needed.sort();
    let google = ["google/protobuf/any.proto", "google/protobuf/wrappers.proto"];
    assert_eq!(needed, [google[0], google[1], "tensorflow.proto"]);
    assert_eq!(files(&told[5]), ["health.proto"]);
    assert_eq!(told[6].extensions.as_ref().unwrap().name, "inference.InferParameter");
}

#[tokio::test]
async fn every_method_that_is_told_of_is_served() {
    let server = Server::start().await;
    let client = server.client().await;
    let services = names(&ask(&client, "v1", vec![list()]).await[0]);
    let told = ask(&client, "v1", services.iter().map(|name| symbol(name)).collect()).await;
    let mut count = 0;
    for (name, told) in services.iter().zip(told) {
        let file = &told.files.unwrap().file[0];
        let service =
            file.service.iter().find(|s| *name == format!("{}.{}", file.package(), s.name()));
        for method in &service.unwrap().method {
            // An endless call tells that it is served by its first message.
            if method.server_streaming() {
                continue;
            }
            let path: &'static str = format!("/{name}/{}", method.name()).leak();
            let status = client.call::<(), ()>(path, ()).await.err();
            let is_served = status.is_none_or(|status| status.code() != Code::Unimplemented);
            assert!(is_served, "{path} is told of and not served");
            count += 1;
        }
    }
    assert_eq!(count, 27);
}
