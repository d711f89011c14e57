//! What `schooner serve` is to serve: files, folders, and the configuration files of other
//! servers.

use crate::error::Error;
use clap::{Args, ValueEnum};
use repository::{Desired, Properties, QUIET, Refused, Repository, Source};
use rest::ModelStore;
use server::{Catalog, Control, Service, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

/// How the names of files end that can be loaded.
pub(crate) const SUFFIXES: [&str; 5] = [".onnx", ".schooner", ".so", ".dylib", ".dll"];

/// Which models.
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// Model files (.onnx, what `schooner build` made, .mar), or folders: of models, of one
    /// model's numbered versions, or of model folders
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
        let catalog = service.repository().map(|repository| repository.catalog());
        let models = catalog.and_then(Result::ok).unwrap_or_default().into_iter();
        let file = |model: Wanted| {
            let newest = model.versions.into_values().next_back()?;
            let name = newest.file.path().file_name()?.to_string_lossy().into_owned();
            Some((model.name, name))
        };
        let suffixes = SUFFIXES.map(str::to_string).to_vec();
        Ok(ModelStore { folder, suffixes, files: models.filter_map(file).collect() })
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
        let open = |source| {
            let repository = Repository::new(source, &SUFFIXES);
            match &self.batching_parameters {
                Some(file) => repository.with_batching_parameters(file.clone()),
                None => repository,
            }
        };
        let repositories = sources.into_iter().map(open).collect();
        let state = State { repositories, told: BTreeSet::new() };
        Ok(Files { state: Mutex::new(state) })
    }
}

fn read_properties(file: &Path) -> Result<Properties, Error> {
    Properties::read(file).map_err(|error| Error::Usage(error.to_string()))
}

/// The files and folders, to be looked at again and again.
pub(crate) struct Files {
    state: Mutex<State>,
}

struct State {
    repositories: Vec<Repository>,
    /// What was said at the last look.
    told: BTreeSet<String>,
}

impl Files {
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        lines.difference(&state.told).for_each(|line| warn!("{line}"));
        state.told = lines;
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
}

/// Where a model lies, as far as that is known.
fn place(model: &Wanted) -> String {
    let source = model.versions.values().next_back();
    source.map_or_else(
        || "one without a version".to_string(),
        |source| source.file.path().display().to_string(),
    )
}
