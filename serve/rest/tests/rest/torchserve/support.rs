//! Three ports, a model store, and models that give back what they get.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use listen::{Options, Patience};
use repository::{Archive, Limits, ModelFile};
use rest::{ModelStore, TorchServe};
use servables::{brightness, echo, n, pair};
use server::{Catalog, Control, LoadError, Loader, Repository, Servable, Service, Source, Wanted};
use std::io::{Cursor, Write};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tensor::{DType, Dim};
use tokio::runtime::Runtime;
use tower::ServiceExt;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The ports by their usual numbers, as the recordings name them.
pub(crate) const INFERENCE: u16 = 8080;
pub(crate) const MANAGEMENT: u16 = 8081;
pub(crate) const METRICS: u16 = 8082;

pub(crate) struct Ports {
    routers: TorchServe,
    runtime: Runtime,
    pub(crate) service: Service,
    /// Holds the model store.
    pub(crate) folder: TempDir,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Loads a model that gives back its input `x`, unless its file says what is wrong with it.
struct Echoes;

impl Loader for Echoes {
    fn load(
        &self,
        name: &str,
        version: u64,
        source: &Source,
        room: usize,
    ) -> Result<Servable, LoadError> {
        let content = match &source.file {
            ModelFile::Plain(path) => std::fs::read(path),
            ModelFile::Archived { archive, .. } => {
                let folder = tempfile::tempdir().unwrap();
                let suffixes = [".onnx".to_string()];
                let opened = Archive::open(archive, &suffixes, Limits::default()).unwrap();
                std::fs::read(opened.unpack(folder.path()).unwrap())
            }
        };
        match content {
            Ok(bytes) if bytes == b"damaged" => Err(LoadError::Model("it is damaged".to_string())),
            Ok(bytes) if bytes == b"large" => {
                Err(LoadError::Memory { needed: 9, room: room.min(3) })
            }
            Ok(_) => Ok(integers(name).with_version(version)),
            Err(_) => Err(LoadError::NotFound(source.file.path().to_path_buf())),
        }
    }
}

struct Nothing;

impl Catalog for Nothing {
    fn wanted(&self) -> Result<Vec<Wanted>, String> {
        Ok(Vec::new())
    }
}

/// One input and output `x` of whole numbers.
fn integers(name: &str) -> Servable {
    servables::model(
        name,
        vec![servables::port("x", DType::I64, vec![n()])],
        vec![servables::port("x", DType::I64, vec![n()])],
        |inputs| Ok(inputs.to_vec()),
    )
}

impl Ports {
    /// Models `noop`, `mnv2` and `ox` as in the recordings, and others of the tests beside.
    pub(crate) fn new(control: Control) -> Ports {
        let service = Service::new(server::Limits::default(), monitor::Metrics::new()).unwrap();
        let models = [integers("noop"), brightness("ox"), brightness("mnv2")];
        for model in models {
            service.add(model, Duration::ZERO);
        }
        let repository = Repository::new(Echoes, Nothing, control, usize::MAX);
        service.set_repository(Arc::new(repository));
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore {
            folder: Some(folder.path().join("store")),
            suffixes: vec![".onnx".to_string()],
            files: ["noop", "ox", "mnv2"].map(|n| (n.to_string(), format!("{n}.mar"))).into(),
        };
        std::fs::create_dir(folder.path().join("store")).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let patience = Patience::from(&Options::default());
        let routers = TorchServe::new(service.clone(), patience, store);
        let ports = Ports { routers, runtime, service, folder };
        ports.archive("noop.mar", "noop", "1.0", b"model");
        ports
    }

    /// The same and more models: two inputs, floats, fixed shapes.
    pub(crate) fn with_more_models() -> Ports {
        let ports = Ports::new(Control::Explicit);
        ports.service.add(pair(), Duration::ZERO);
        ports.service.add(brightness("brightness"), Duration::ZERO);
        ports.service.add(echo("rows", DType::F32, vec![n(), Dim::from(2)]), Duration::ZERO);
        ports
    }

    /// Puts an archive into the store.
    pub(crate) fn archive(&self, file: &str, model: &str, version: &str, content: &[u8]) {
        let manifest = format!(
            r#"{{"model": {{"modelName": "{model}", "modelVersion": "{version}",
                "serializedFile": "model.onnx", "handler": "handler.py"}}}}"#
        );
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let files: [(&str, &[u8]); 4] = [
            ("MAR-INF/MANIFEST.json", manifest.as_bytes()),
            ("model.onnx", content),
            ("handler.py", b"raise SystemExit"),
            ("index_to_name.json", br#"{"0": "cat"}"#),
        ];
        for (name, content) in files {
            archive.start_file(name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        self.put(file, &archive.finish().unwrap().into_inner());
    }

    /// Puts a file into the store.
    pub(crate) fn put(&self, file: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join("store").join(file), content).unwrap();
    }

    pub(crate) fn send(
        &self,
        port: u16,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Response {
        let request = Request::builder().method(method).uri(path);
        let request = match content_type {
            "" => request,
            media => request.header("content-type", media),
        };
        self.request(port, request.body(Body::from(body.to_vec())).unwrap())
    }

    pub(crate) fn request(&self, port: u16, request: Request<Body>) -> Response {
        let router: Router = match port {
            INFERENCE => self.routers.inference.clone(),
            MANAGEMENT => self.routers.management.clone(),
            _ => self.routers.metrics.clone(),
        };
        self.runtime.block_on(async move {
            let response = router.oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
            Response { status: parts.status.as_u16(), headers: parts.headers, body }
        })
    }

    pub(crate) fn predict(&self, model: &str, content_type: &str, body: &[u8]) -> Response {
        self.send(INFERENCE, "POST", &format!("/predictions/{model}"), content_type, body)
    }

    pub(crate) fn manage(&self, method: &str, path: &str) -> Response {
        self.send(MANAGEMENT, method, path, "", b"")
    }
}

impl Response {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The text on one line, for short comparisons.
    pub(crate) fn dense(&self) -> String {
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        value.to_string()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
