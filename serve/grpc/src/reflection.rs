//! `grpc.reflection`: which services there are and what their messages look like, for tools such as
//! `grpcurl` that have no definitions of their own.

use crate::call::{Api, CONTROL_MAX, Call, unknown};
use crate::frames::Message;
use crate::reply::{Reply, framed};
use listen::{Coding, grpc_trailers};
use prost::Message as _;
use server::{Code, Refusal};
use tokio::sync::mpsc;

/// Both versions of the protocol, which are one but for their names.
pub(crate) struct Reflection;

/// A file of definitions, made by `build.rs`.
struct File {
    name: &'static str,
    /// A `FileDescriptorProto`.
    descriptor: &'static [u8],
    /// Files that it needs.
    imports: &'static [&'static str],
    services: &'static [&'static str],
    /// Messages and enumerations that do not lie in another one.
    types: &'static [&'static str],
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

#[derive(Clone, PartialEq, prost::Message)]
struct ServerReflectionRequest {
    #[prost(string, tag = "1")]
    host: String,
    #[prost(oneof = "Asked", tags = "3, 4, 5, 6, 7")]
    asked: Option<Asked>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Asked {
    #[prost(string, tag = "3")]
    FileByFilename(String),
    #[prost(string, tag = "4")]
    FileContainingSymbol(String),
    #[prost(message, tag = "5")]
    FileContainingExtension(ExtensionRequest),
    #[prost(string, tag = "6")]
    AllExtensionNumbersOfType(String),
    #[prost(string, tag = "7")]
    ListServices(String),
}

#[derive(Clone, PartialEq, prost::Message)]
struct ExtensionRequest {
    #[prost(string, tag = "1")]
    containing_type: String,
    #[prost(int32, tag = "2")]
    extension_number: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ServerReflectionResponse {
    #[prost(string, tag = "1")]
    valid_host: String,
    #[prost(message, optional, tag = "2")]
    original_request: Option<ServerReflectionRequest>,
    #[prost(oneof = "Told", tags = "4, 5, 6, 7")]
    told: Option<Told>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Told {
    #[prost(message, tag = "4")]
    Files(FileDescriptorResponse),
    #[prost(message, tag = "5")]
    Extensions(ExtensionNumberResponse),
    #[prost(message, tag = "6")]
    Services(ListServiceResponse),
    #[prost(message, tag = "7")]
    Error(ErrorResponse),
}

#[derive(Clone, PartialEq, prost::Message)]
struct FileDescriptorResponse {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file_descriptor_proto: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ExtensionNumberResponse {
    #[prost(string, tag = "1")]
    base_type_name: String,
    #[prost(int32, repeated, tag = "2")]
    extension_number: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ListServiceResponse {
    #[prost(message, repeated, tag = "1")]
    service: Vec<ServiceResponse>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ServiceResponse {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ErrorResponse {
    #[prost(int32, tag = "1")]
    error_code: i32,
    #[prost(string, tag = "2")]
    error_message: String,
}

impl Api for Reflection {
    async fn answer(&self, method: &str, call: &mut Call) -> Result<Reply, Refusal> {
        if method != "ServerReflectionInfo" {
            return Err(unknown(method));
        }
        let mut frames = call.take_frames()?;
        let (to_client, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    message = frames.next() => message,
                    () = to_client.closed() => return,
                };
                let answer = match message {
                    Ok(None) => return,
                    Ok(Some(message)) => answer(&message),
                    Err(refusal) => Err(refusal),
                };
                let part = answer.map_err(|refusal| {
                    grpc_trailers(refusal.row().grpc as u8, &refusal.to_string())
                });
                let is_over = part.is_err();
                if to_client.send(part).await.is_err() || is_over {
                    return;
                }
            }
        });
        Ok(Reply::Many(receiver))
    }
}

/// The names of all services.
pub(crate) fn services() -> impl Iterator<Item = &'static str> {
    FILES.iter().flat_map(|file| file.services).copied()
}

/// The framed answer to one request of the stream.
fn answer(message: &Message) -> Result<Vec<u8>, Refusal> {
    if message.bytes.len() > CONTROL_MAX {
        return Err(Refusal::BodyTooLarge { limit: CONTROL_MAX });
    }
    let request = ServerReflectionRequest::decode(message.bytes.clone())
        .map_err(|_| crate::fields::malformed())?;
    let told = match &request.asked {
        Some(Asked::FileByFilename(name)) => files(FILES.iter().find(|file| file.name == name)),
        Some(Asked::FileContainingSymbol(symbol)) => {
            files(FILES.iter().find(|file| file.has(symbol)))
        }
        Some(Asked::FileContainingExtension(_)) => not_found(),
        // Definitions of today extend nothing.
        Some(Asked::AllExtensionNumbersOfType(name)) => {
            match FILES.iter().any(|file| file.types.contains(&name.as_str())) {
                false => not_found(),
                true => Told::Extensions(ExtensionNumberResponse {
                    base_type_name: name.clone(),
                    extension_number: Vec::new(),
                }),
            }
        }
        Some(Asked::ListServices(_)) => {
            let service = services().map(|name| ServiceResponse { name: name.to_string() });
            Told::Services(ListServiceResponse { service: service.collect() })
        }
        None => error(Code::InvalidArgument, "expected a question, found none"),
    };
    let response = ServerReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        told: Some(told),
    };
    Ok(framed(&response, Coding::Identity))
}

/// A file and all that it needs, itself first.
fn files(file: Option<&'static File>) -> Told {
    let Some(file) = file else { return not_found() };
    let mut needed = vec![file];
    let mut at = 0;
    while let Some(file) = needed.get(at) {
        let imported = FILES.iter().filter(|other| file.imports.contains(&other.name));
        let new: Vec<&File> =
            imported.filter(|other| needed.iter().all(|n| n.name != other.name)).collect();
        needed.extend(new);
        at += 1;
    }
    let file_descriptor_proto = needed.iter().map(|file| file.descriptor.to_vec()).collect();
    Told::Files(FileDescriptorResponse { file_descriptor_proto })
}

impl File {
    /// Does the file define this, or what it lies in?
    fn has(&self, symbol: &str) -> bool {
        let mut names = self.services.iter().chain(self.types);
        names.any(|name| {
            let rest = symbol.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

fn not_found() -> Told {
    error(Code::NotFound, "there is no such file, service or message")
}

fn error(code: Code, text: &str) -> Told {
    Told::Error(ErrorResponse { error_code: code as i32, error_message: text.to_string() })
}
