//! What `schooner serve` is to serve: files, folders, and the configuration files of other
//! servers.

use crate::error::Error;
use clap::{Args, ValueEnum};
use repository::{Desired, ModelConfig, ModelFile, Properties, QUIET, Refused, Repository, Source};
use rest::ModelStore;
use server::{Catalog, Control, Refusal, Service, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

/// How the names of files end that can be loaded. What is a whole name leaves none for the model.
pub(crate) fn suffixes() -> Vec<&'static str> {
    let models = import::formats::own_suffixes().filter(|suffix| suffix.starts_with(['.', '-']));
    models.chain([".schooner", ".so", ".dylib", ".dll"]).collect()
}

/// Which models.
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// Model files (those that `schooner check` takes, what `schooner build` made, .mar), or
    /// folders: of a SavedModel, of models, of one model's numbered versions, or of model folders
    #[arg(value_name = "MODEL", required_unless_present_any = ["models_config", "model_repository",
          "torchserve_config"])]
    pub(crate) models: Vec<PathBuf>,

    /// Name in requests [default: the model's file or folder, without its suffix]
    #[arg(long, env = "SCHOONER_NAME")]
    pub(crate) name: Option<String>,

    /// TensorFlow Serving's model_config_file: names, folders, version policies, labels
    #[arg(long, value_name = "FILE", env = "SCHOONER_MODELS_CONFIG", help_heading = "Models")]
    models_config: Option<PathBuf>,

    /// Folder in Triton's layout: MODEL/config.pbtxt and MODEL/VERSION/model.onnx
    #[arg(long, value_name = "DIR", env = "SCHOONER_MODEL_REPOSITORY", help_heading = "Models")]
    model_repository: Option<PathBuf>,

    /// TorchServe's config.properties, with the model store that it names
    #[arg(long, value_name = "FILE", env = "SCHOONER_TORCHSERVE_CONFIG", help_heading = "Models")]
    torchserve_config: Option<PathBuf>,

    /// TensorFlow Serving's batching_parameters_file, for models that say nothing themselves
    #[arg(
        long,
        value_name = "FILE",
        env = "SCHOONER_BATCHING_PARAMETERS",
        help_heading = "Models"
    )]
    batching_parameters: Option<PathBuf>,

    /// Who decides what is served after the start: nobody, the files as they are then, or requests
    /// that load and unload
    #[arg(
        long,
        value_name = "WHO",
        default_value = "poll",
        env = "SCHOONER_CONTROL",
        help_heading = "Models"
    )]
    control: Choice,

    /// How often the files are looked at, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds,
          env = "SCHOONER_POLL_SECONDS", help_heading = "Models")]
    poll_seconds: f64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Choice {
    Fixed,
    Poll,
    Explicit,
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|s| (0.01..=86_400.0).contains(s));
    number.ok_or_else(|| format!("expected seconds between 0.01 and 86400, found `{text}`"))
}

impl Sources {
    /// Who decides.
    pub(crate) fn control(&self) -> Control {
        match self.control {
            Choice::Fixed => Control::Fixed,
            Choice::Poll => Control::Poll,
            Choice::Explicit => Control::Explicit,
        }
    }

    /// Is all of it named file by file?
    pub(crate) fn are_files(&self) -> bool {
        let configured = [&self.models_config, &self.model_repository, &self.torchserve_config];
        configured.iter().all(|file| file.is_none()) && self.models.iter().all(|m| m.is_file())
    }

    /// Where archives lie that may be registered by request, and which files are served already.
    pub(crate) fn model_store(&self, service: &Service) -> Result<ModelStore, Error> {
        let folder = match &self.torchserve_config {
            Some(file) => read_properties(file)?.model_store,
            None => self.models.iter().find(|path| path.is_dir()).cloned(),
        };
        let files = service.repository().map(|repository| repository.files()).unwrap_or_default();
        let name = |(model, file): (String, ModelFile)| {
            Some((model, file.path().file_name()?.to_string_lossy().into_owned()))
        };
        let suffixes = suffixes().into_iter().map(str::to_string).collect();
        Ok(ModelStore { folder, suffixes, files: files.into_iter().filter_map(name).collect() })
    }

    /// How often the files are looked at.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(self.poll_seconds)
    }

    /// Where to look.
    pub(crate) fn open(&self) -> Result<Files, Error> {
        if self.name.is_some() && self.models.len() != 1 {
            let found = self.models.len();
            return Err(Error::Usage(format!("--name names one model, found {found}")));
        }
        let mut sources = Vec::new();
        for path in &self.models {
            // Missing files have an exit code of their own.
            std::fs::metadata(path).map_err(|e| Error::of_file(path, e))?;
            sources.push(Source::Path { path: path.clone(), name: self.name.clone() });
        }
        sources.extend(self.models_config.clone().map(Source::ModelsConfig));
        sources.extend(self.model_repository.clone().map(Source::Triton));
        if let Some(file) = &self.torchserve_config {
            sources.push(Source::TorchServe(read_properties(file)?));
        }
        Ok(Files::new(sources, self.batching_parameters.clone()))
    }
}

fn read_properties(file: &Path) -> Result<Properties, Error> {
    Properties::read(file).map_err(|error| Error::Usage(error.to_string()))
}

/// The files and folders, to be looked at again and again.
pub(crate) struct Files {
    state: Mutex<State>,
    /// A file of batching parameters for models that have none of their own.
    batching: Option<PathBuf>,
}

struct State {
    repositories: Vec<Repository>,
    /// What was said at the last look.
    told: BTreeSet<String>,
}

impl Files {
    fn new(sources: Vec<Source>, batching: Option<PathBuf>) -> Files {
        let open = |source| {
            let repository = Repository::new(source, &suffixes());
            match &batching {
                Some(file) => repository.with_batching_parameters(file.clone()),
                None => repository,
            }
        };
        let repositories = sources.into_iter().map(open).collect();
        Files { state: Mutex::new(State { repositories, told: BTreeSet::new() }), batching }
    }

    /// Waits until nothing that lies there is being written any more, but not for ever.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let desired = self.look().map_err(Error::Usage)?;
            let is_settled = desired.iter().all(|desired| desired.unsettled.is_empty());
            if is_settled || start.elapsed() > 3 * QUIET {
                return Ok(());
            }
            std::thread::sleep(QUIET / 10);
        }
    }

    /// Every source as it is now.
    fn look(&self) -> Result<Vec<Desired>, String> {
        let mut state = self.lock();
        let polled = state.repositories.iter_mut().map(Repository::poll);
        polled.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    /// Tells what will not be served or means nothing, and was not told at the last look.
    fn tell(&self, looks: &[Desired]) {
        let mut lines = BTreeSet::new();
        for Refused { model, version, path, reason } in looks.iter().flat_map(|d| &d.refused) {
            let version = version.map_or_else(String::new, |version| format!(" version {version}"));
            lines.insert(format!("refused: {model}{version} in {}: {reason}", path.display()));
        }
        for ignored in looks.iter().flat_map(|desired| &desired.ignored) {
            let (path, line) = (ignored.path.display(), ignored.line);
            lines
                .insert(format!("ignored: {} ({path}:{line}) means nothing here", ignored.setting));
        }
        let mut state = self.lock();
        lines.difference(&state.told).for_each(|line| warn!("{line}"));
        state.told = lines;
    }

    /// A poisoned lock is still good: at worst, something is told twice.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalog for Files {
    fn wanted(&self) -> Result<Vec<Wanted>, String> {
        let looks = self.look()?;
        self.tell(&looks);
        let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
        for model in looks.into_iter().flat_map(|desired| desired.models) {
            let model = Wanted::from(model);
            if let Some(other) = wanted.insert(model.name.clone(), model.clone()) {
                let (name, [a, b]) = (&model.name, [place(&other), place(&model)]);
                return Err(format!(
                    "expected models of different names, found two `{name}`: {a} and {b}; rename \
                     one of them"
                ));
            }
        }
        Ok(wanted.into_values().collect())
    }

    fn configure(&self, models: Vec<ModelConfig>) -> Result<Vec<Wanted>, Refusal> {
        let source = Source::configured(models).map_err(Refusal::InvalidArgument)?;
        let files = Files::new(vec![source], self.batching.clone());
        files.settle().map_err(|error| Refusal::Config(error.to_string()))?;
        let looks = files.look().map_err(Refusal::Config)?;
        let wanted: Vec<Wanted> =
            looks.iter().flat_map(|look| &look.models).cloned().map(Wanted::from).collect();
        for model in &wanted {
            let mut refused = looks.iter().flat_map(|look| &look.refused);
            match refused.find(|r| r.model == model.name && model.versions.is_empty()) {
                None => model.check()?,
                Some(Refused { model, path, reason, .. }) => {
                    let text = format!("model {model} in {}: {reason}", path.display());
                    return Err(Refusal::Config(text));
                }
            }
        }
        *self.lock() = files.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(wanted)
    }
}

/// Where a model lies, as far as that is known.
fn place(model: &Wanted) -> String {
    let source = model.versions.values().next_back();
    source.map_or_else(
        || "one without a version".to_string(),
        |source| source.file.path().display().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use repository::Policy;

    fn config(path: &Path, labels: &[(&str, u64)]) -> ModelConfig {
        ModelConfig {
            name: "m".to_string(),
            base_path: path.display().to_string(),
            platform: String::new(),
            policy: Policy::Latest(1),
            labels: labels.iter().map(|&(label, version)| (label.to_string(), version)).collect(),
        }
    }

    #[test]
    fn what_is_configured_is_looked_at_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let put = |path: &str| {
            std::fs::create_dir_all(root.join(path)).unwrap();
            std::fs::write(root.join(path).join("model.onnx"), path).unwrap();
        };
        put("old/1");
        put("new/3");
        let old = Source::Path { path: root.join("old"), name: None };
        let files = Files::new(vec![old], None);
        files.settle().unwrap();
        let names = || {
            let wanted = files.wanted().unwrap().into_iter();
            wanted.map(|model| (model.name, model.versions.into_keys().collect())).collect()
        };
        let found: Vec<(String, Vec<u64>)> = names();
        assert_eq!(found, [("old".to_string(), vec![1])]);
        for (models, expected) in [
            (vec![config(&root.join("none"), &[])], "none: cannot be read"),
            (vec![config(root, &[])], "there is no version that the policy chooses"),
            (vec![config(&root.join("new"), &[("stable", 1)])], "label to version 1 of model m"),
            (vec![config(Path::new("new"), &[])], "to have an absolute path"),
        ] {
            let refused = files.configure(models).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}, not {expected}");
            assert_eq!(names(), found, "nothing has changed");
        }
        files.configure(vec![config(&root.join("new"), &[("stable", 3)])]).unwrap();
        assert_eq!(names(), [("m".to_string(), vec![3])]);
        put("new/4");
        std::thread::sleep(QUIET + QUIET / 2);
        assert_eq!(names(), [("m".to_string(), vec![4])]);
    }
}
