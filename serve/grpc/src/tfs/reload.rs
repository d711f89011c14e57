//! `HandleReloadConfigRequest`: what is to be served from now on.

use super::messages::StatusProto;
use repository::{ModelConfig, Policy};
use server::Refusal;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReloadConfigRequest {
    #[prost(message, optional, tag = "1")]
    config: Option<ModelServerConfig>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ModelServerConfig {
    #[prost(message, optional, tag = "1")]
    model_config_list: Option<ModelConfigList>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ModelConfigList {
    #[prost(message, repeated, tag = "1")]
    config: Vec<ModelConfigProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ModelConfigProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    base_path: String,
    /// From before there were platforms: 0 for none, 1 for TensorFlow, 2 for any other.
    #[prost(int32, tag = "3")]
    model_type: i32,
    #[prost(string, tag = "4")]
    model_platform: String,
    #[prost(message, optional, tag = "7")]
    model_version_policy: Option<ServableVersionPolicy>,
    #[prost(btree_map = "string, int64", tag = "8")]
    version_labels: BTreeMap<String, i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ServableVersionPolicy {
    #[prost(oneof = "Choice", tags = "100, 101, 102")]
    choice: Option<Choice>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Choice {
    #[prost(message, tag = "100")]
    Latest(Latest),
    #[prost(message, tag = "101")]
    All(All),
    #[prost(message, tag = "102")]
    Specific(Specific),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Latest {
    #[prost(uint32, tag = "1")]
    num_versions: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct All {}

#[derive(Clone, PartialEq, prost::Message)]
struct Specific {
    #[prost(int64, repeated, tag = "1")]
    versions: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReloadConfigResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<StatusProto>,
}

/// All is as configured. What is not is the status of the call, as with TensorFlow Serving.
pub(super) fn done() -> ReloadConfigResponse {
    ReloadConfigResponse { status: Some(StatusProto::default()) }
}

impl ReloadConfigRequest {
    /// The models in plain words.
    pub(super) fn models(self) -> Result<Vec<ModelConfig>, Refusal> {
        let list = self.config.and_then(|config| config.model_config_list).ok_or_else(|| {
            let text = "ServerModelConfig type not supported by HandleReloadConfigRequest. Only \
                        ModelConfigList is currently supported";
            Refusal::InvalidArgument(text.to_string())
        })?;
        list.config.into_iter().map(ModelConfigProto::plain).collect()
    }
}

impl ModelConfigProto {
    fn plain(self) -> Result<ModelConfig, Refusal> {
        let ModelConfigProto { name, base_path, model_platform, .. } = self;
        let platform = match (self.model_type, model_platform.as_str()) {
            (0 | 1, "") => "tensorflow".to_string(),
            (0, _) => model_platform,
            (_, "") => "other".to_string(),
            (_, _) => {
                let text = "Illegal setting both model_type(deprecated) and model_platform.";
                return Err(Refusal::InvalidArgument(text.to_string()));
            }
        };
        let number = |version: i64| {
            u64::try_from(version).map_err(|_| Refusal::BadVersion(version.to_string()))
        };
        let policy = match self.model_version_policy.and_then(|policy| policy.choice) {
            None => Policy::Latest(1),
            Some(Choice::Latest(Latest { num_versions })) => {
                Policy::Latest(usize::try_from(num_versions).unwrap_or(usize::MAX).max(1))
            }
            Some(Choice::All(All {})) => Policy::All,
            Some(Choice::Specific(Specific { versions })) => {
                Policy::Specific(versions.into_iter().map(number).collect::<Result<_, _>>()?)
            }
        };
        let labels = self.version_labels.into_iter();
        let labels = labels.map(|(label, version)| Ok((label, number(version)?)));
        let labels = labels.collect::<Result<_, Refusal>>()?;
        Ok(ModelConfig { name, base_path, platform, policy, labels })
    }
}
