//! `HandleReloadConfigRequest`: what a client says reaches the catalog in plain words.

use crate::messages::{
    Latest, ModelConfig as Config, ModelConfigList, ModelServerConfig, PolicyChoice, ReloadConfig,
    ReloadConfigResponse, Specific, StatusProto, VersionPolicy,
};
use crate::support::{Client, Server, refused};
use repository::{Classes, ModelConfig, ModelFile, Policy, Priorities};
use servables::{echo, n};
use server::{Catalog, Control, LoadError, Loader, Refusal, Repository, Servable, Source, Wanted};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tensor::DType;
use tonic::{Code, Status};

/// Notes what it is told, and has version 1 of everything.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<ModelConfig>>>);

impl Catalog for Told {
    fn wanted(&self) -> Result<Vec<Wanted>, String> {
        let source = || Source {
            file: ModelFile::Plain(PathBuf::from("m")),
            classes: Classes::Unknown,
            batching: None,
            priorities: Priorities::default(),
            revision: 0,
        };
        let wanted = |model: &ModelConfig| Wanted {
            name: model.name.clone(),
            versions: BTreeMap::from([(1, source())]),
            ..Wanted::default()
        };
        Ok(self.0.lock().unwrap().iter().map(wanted).collect())
    }

    fn configure(&self, models: Vec<ModelConfig>) -> Result<Vec<Wanted>, Refusal> {
        *self.0.lock().unwrap() = models;
        self.wanted().map_err(Refusal::Catalog)
    }
}

impl Loader for Told {
    fn load(&self, name: &str, version: u64, _: &Source, _: usize) -> Result<Servable, LoadError> {
        match name {
            "broken" => Err(LoadError::Model("no model".to_string())),
            name => Ok(echo(name, DType::F32, vec![n()]).with_version(version)),
        }
    }
}

fn config(name: &str, choice: Option<PolicyChoice>, version_labels: &[(&str, i64)]) -> Config {
    let labels = version_labels.iter().map(|&(label, version)| (label.to_string(), version));
    Config {
        name: name.to_string(),
        base_path: format!("/models/{name}"),
        model_platform: "tensorflow".to_string(),
        model_version_policy: choice.map(|choice| VersionPolicy { choice: Some(choice) }),
        version_labels: labels.collect(),
        ..Config::default()
    }
}

async fn reload(client: &Client, config: Vec<Config>) -> Result<Option<StatusProto>, Status> {
    let model_config_list = Some(ModelConfigList { config });
    let config = Some(ModelServerConfig { model_config_list });
    send(client, ReloadConfig { config }).await
}

async fn send(client: &Client, message: ReloadConfig) -> Result<Option<StatusProto>, Status> {
    let path = "/tensorflow.serving.ModelService/HandleReloadConfigRequest";
    client.call(path, message).await.map(|response: ReloadConfigResponse| response.status)
}

/// A server with none of its models, which may be told what to serve.
async fn managed() -> (Server, Told) {
    let server = Server::start().await;
    let told = Told::default();
    let repository = Repository::new(told.clone(), told.clone(), Control::Explicit, usize::MAX);
    server.service.set_repository(Arc::new(repository));
    (server, told)
}

#[tokio::test]
async fn a_configuration_takes_the_place_of_what_was_served() {
    let (server, told) = managed().await;
    let client = server.client().await;
    let specific = PolicyChoice::Specific(Specific { versions: vec![1, 7] });
    let latest = PolicyChoice::Latest(Latest { num_versions: 2 });
    let models =
        vec![config("a", Some(specific), &[("stable", 1)]), config("b", Some(latest), &[])];
    assert_eq!(reload(&client, models).await.unwrap(), Some(StatusProto::default()));
    assert!(server.service.store().find("b", server::Select::Latest).is_ok());
    let expected = |name: &str, policy| ModelConfig {
        name: name.to_string(),
        base_path: format!("/models/{name}"),
        platform: "tensorflow".to_string(),
        policy,
        labels: BTreeMap::new(),
    };
    let mut a = expected("a", Policy::Specific(vec![1, 7]));
    a.labels.insert("stable".to_string(), 1);
    assert_eq!(*told.0.lock().unwrap(), [a, expected("b", Policy::Latest(2))]);
    let old = Config { model_type: 1, model_platform: String::new(), ..config("c", None, &[]) };
    reload(&client, vec![old]).await.unwrap();
    assert_eq!(*told.0.lock().unwrap(), [expected("c", Policy::Latest(1))]);
    assert!(server.service.store().find("b", server::Select::Latest).is_err());
}

#[tokio::test]
async fn what_cannot_be_done_is_the_status_of_the_call() {
    let (server, _) = managed().await;
    let client = server.client().await;
    let both = Config { model_type: 2, ..config("a", None, &[]) };
    let negative = PolicyChoice::Specific(Specific { versions: vec![-1] });
    for (models, code, text) in [
        (vec![both], Code::InvalidArgument, "Illegal setting both model_type(deprecated) and"),
        (
            vec![config("a", Some(negative), &[])],
            Code::InvalidArgument,
            "Failed to convert version: -1 to numeric.",
        ),
        (
            vec![config("broken", None, &[])],
            Code::FailedPrecondition,
            "cannot load version 1 of model broken: no model",
        ),
    ] {
        let (found, words) = refused(reload(&client, models).await);
        assert!(found == code && words.starts_with(text), "{found:?} {words:?}, not {text:?}");
    }
    let nothing = ReloadConfig { config: Some(ModelServerConfig::default()) };
    let (code, words) = refused(send(&client, nothing).await);
    assert_eq!(code, Code::InvalidArgument);
    assert!(words.ends_with("Only ModelConfigList is currently supported"), "{words}");
}

#[tokio::test]
async fn nobody_may_who_was_not_let() {
    let server = Server::start().await;
    let (code, words) = refused(reload(&server.client().await, vec![config("a", None, &[])]).await);
    assert_eq!(code, Code::FailedPrecondition);
    assert!(words.contains("--control explicit"), "{words}");
}
