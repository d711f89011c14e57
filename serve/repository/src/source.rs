//! From a place to what is desired there, again and again.

use crate::candidate::Found;
use crate::settled::{Fingerprint, Sight};
use crate::{
    Batching, Desired, Error, Model, ModelConfig, Properties, QUIET, Refused, folder, model_config,
    tensorflow_serving, triton,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// Where it is said what to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A model file, an archive of TorchServe, or a folder: of model files or archives, of one
    /// model's numbered versions, of one model (KServe's `/mnt/models`), or of model folders
    /// (Triton). What it is, is looked up there.
    Path {
        /// Where.
        path: PathBuf,
        /// The model's name, when it is one model and its file or folder is called otherwise.
        name: Option<String>,
    },
    /// TensorFlow Serving's `--model_config_file`.
    ModelsConfig(PathBuf),
    /// The same as a request says it: see [`Source::configured`].
    Configured(Vec<ModelConfig>),
    /// Triton's `--model-repository`.
    Triton(PathBuf),
    /// TorchServe's `--model-store`, `--models` and `config.properties`.
    TorchServe(Properties),
}

/// A source that is looked at again and again.
#[derive(Debug)]
pub struct Repository {
    source: Source,
    suffixes: Vec<String>,
    batching: Option<PathBuf>,
    /// How each version looked.
    sights: BTreeMap<PathBuf, Sight>,
    /// Each model as it was when it had versions last, and when that was.
    last: BTreeMap<String, (Instant, Model)>,
}

impl Source {
    /// Models that no file lists.
    ///
    /// ```
    /// use repository::{ModelConfig, Policy, Source};
    /// let model = ModelConfig {
    ///     name: "net".to_string(),
    ///     base_path: "models/net".to_string(),
    ///     platform: String::new(),
    ///     policy: Policy::Latest(1),
    ///     labels: Default::default(),
    /// };
    /// let refused = Source::configured(vec![model]).unwrap_err();
    /// assert!(refused.starts_with("Expected model net to have an absolute path"));
    /// ```
    ///
    /// # Errors
    /// When a name is missing or stands twice, a path is relative or of another machine, or
    /// a platform is not TensorFlow.
    pub fn configured(models: Vec<ModelConfig>) -> Result<Source, String> {
        model_config::check(&models)?;
        Ok(Source::Configured(models))
    }

    /// Is this the very file that somebody asked to be served? Who names a file means it as it is.
    fn names(&self, file: &Path) -> bool {
        matches!(self, Source::Path { path, .. } if path == file && file.is_file())
    }
}

impl Repository {
    /// A repository whose model files have names that end as one of `suffixes`, such as `.onnx`.
    ///
    /// ```
    /// use repository::{Repository, Source};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("net.onnx");
    /// # std::fs::write(&path, b"")?;
    /// let mut repository = Repository::new(Source::Path { path, name: None }, &[".onnx"]);
    /// let desired = repository.poll()?;
    /// assert_eq!(desired.models[0].name, "net");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(source: Source, suffixes: &[&str]) -> Repository {
        let suffixes = suffixes.iter().map(ToString::to_string).collect();
        Repository {
            source,
            suffixes,
            batching: None,
            sights: BTreeMap::new(),
            last: BTreeMap::new(),
        }
    }

    /// The same, and a file of TensorFlow Serving's batching parameters for every model that has
    /// none of its own.
    #[must_use]
    pub fn with_batching_parameters(self, file: PathBuf) -> Repository {
        Repository { batching: Some(file), ..self }
    }

    /// What is desired now. Versions whose files change between two calls are left as they were
    /// until they have settled; [`Desired::unsettled`] lists them. A model of which no version is
    /// left stays as it was while one is being written, and for [`QUIET`] in any case: versions
    /// are often replaced by taking away one and putting another in its place.
    ///
    /// # Errors
    /// When a folder or configuration file cannot be read: keep what is served.
    pub fn poll(&mut self) -> Result<Desired, Error> {
        let mut found = self.read()?;
        let batching = self.batching(&mut found)?;
        let unsettled = self.look(&mut found);
        let mut last = std::mem::take(&mut self.last);
        let now = Instant::now();
        let mut models = Vec::new();
        for candidate in found.candidates {
            let is_settling =
                candidate.versions.iter().any(|lying| unsettled.contains(&lying.extent));
            let complete = |path: &Path| self.sights.get(path)?.complete.clone();
            let mut model = candidate.finish(complete, &mut found.refused);
            model.batching = model.batching.or_else(|| batching.clone());
            if !model.versions.is_empty() {
                last.insert(model.name.clone(), (now, model.clone()));
            } else if let Some((seen, before)) = last.get_mut(&model.name) {
                if is_settling {
                    *seen = now;
                }
                if now - *seen < QUIET {
                    model.versions.clone_from(&before.versions);
                }
            }
            models.push(model);
        }
        last.retain(|_, (seen, _)| now - *seen < QUIET);
        let is_there = |name: &str| models.iter().any(|model| model.name == name);
        let gone: Vec<Model> =
            last.values().filter(|(_, m)| !is_there(&m.name)).map(|(_, m)| m.clone()).collect();
        models.extend(gone);
        self.last = last;
        models.sort_by(|a, b| a.name.cmp(&b.name));
        found.refused.sort_unstable();
        Ok(Desired { models, refused: found.refused, ignored: found.ignored, unsettled })
    }

    fn read(&self) -> Result<Found, Error> {
        match &self.source {
            Source::Path { path, name } => folder::read(path, name.as_deref(), &self.suffixes),
            Source::ModelsConfig(file) => tensorflow_serving::read(file, &self.suffixes),
            Source::Configured(models) => {
                let mut found = Found::default();
                let root = Path::new("");
                models.iter().for_each(|model| model.find(root, &self.suffixes, &mut found));
                Ok(found)
            }
            Source::Triton(folder) => triton::read(folder, &self.suffixes),
            Source::TorchServe(properties) => properties.read_models(&self.suffixes),
        }
    }

    fn batching(&self, found: &mut Found) -> Result<Option<Batching>, Error> {
        let Some(file) = &self.batching else { return Ok(None) };
        tensorflow_serving::batching(file, found).map(Some)
    }

    /// Looks at every version; those that changed a moment ago.
    fn look(&mut self, found: &mut Found) -> Vec<PathBuf> {
        let times = (Instant::now(), SystemTime::now());
        let mut unsettled = Vec::new();
        let mut sights = BTreeMap::new();
        for candidate in &found.candidates {
            for lying in &candidate.versions {
                let before = self.sights.remove(&lying.extent);
                let is_named = self.source.names(&lying.extent);
                let sight = match Fingerprint::of(&lying.extent) {
                    Ok(looks) => Sight::of(lying, looks, is_named, before, times),
                    Err(error) => {
                        // What is moved or deleted just now is no mistake of anybody.
                        if lying.extent.exists() && error.path.exists() {
                            let (model, path) = (candidate.model.name.clone(), error.path);
                            let (version, reason) = (Some(lying.number), error.reason);
                            found.refused.push(Refused { model, version, path, reason });
                        }
                        let Some(before) = before else { continue };
                        before
                    }
                };
                if !sight.is_settled {
                    unsettled.push(lying.extent.clone());
                }
                sights.insert(lying.extent.clone(), sight);
            }
        }
        self.sights = sights;
        unsettled
    }
}
