//! Models that come and go while the server runs.

use monitor::Metrics;
use plan::{Port, Signature};
use repository::{Classes, ModelConfig, ModelFile, Policy, Priorities};
use server::{
    Catalog, Control, Engine, Limits, LoadError, Loader, Refusal, Repository, Select, Servable,
    Service, Source, State, Wanted,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tensor::{DType, Dim, Value};

struct Nothing(Signature);

impl Engine for Nothing {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        Ok(inputs.to_vec())
    }
}

/// Bytes that each model of this test holds.
const HELD: usize = 100;

/// Loads a model unless its path says what is wrong with it, and notes what it loaded.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Loader for Notes {
    fn load(
        &self,
        name: &str,
        version: u64,
        source: &Source,
        room: usize,
    ) -> Result<Servable, LoadError> {
        let path = source.file.path().to_string_lossy().to_string();
        self.0.lock().unwrap().push(format!("{name}/{version}"));
        match path.as_str() {
            "damaged" => return Err(LoadError::Model("the file is damaged".to_string())),
            "panics" => panic!("a defect of the importer"),
            _ if room < HELD => return Err(LoadError::Memory { needed: HELD, room }),
            _ => {}
        }
        let port = Port { name: "x".to_string(), dtype: DType::F32, shape: vec![Dim::symbol("n")] };
        let signature = Signature { inputs: vec![port.clone()], outputs: vec![port] };
        let servable = Servable::new(name, Nothing(signature)).with_version(version);
        Ok(servable.with_memory(HELD))
    }
}

/// What should be served, for the test to change.
#[derive(Clone)]
struct Folder(Arc<Mutex<Result<Vec<Wanted>, String>>>);

impl Catalog for Folder {
    fn wanted(&self) -> Result<Vec<Wanted>, String> {
        self.0.lock().unwrap().clone()
    }

    /// Each path is a file of version 1.
    fn configure(&self, models: Vec<ModelConfig>) -> Result<Vec<Wanted>, Refusal> {
        let model = |ModelConfig { name, base_path, labels, .. }| {
            let model = Wanted { labels, ..wanted(&name, &[(1, &base_path)]) };
            model.check().map(|()| model)
        };
        let models: Vec<Wanted> = models.into_iter().map(model).collect::<Result<_, _>>()?;
        *self.0.lock().unwrap() = Ok(models.clone());
        Ok(models)
    }
}

fn config(name: &str, base_path: &str) -> ModelConfig {
    let (name, base_path, platform) = (name.to_string(), base_path.to_string(), String::new());
    ModelConfig { name, base_path, platform, policy: Policy::Latest(1), labels: BTreeMap::new() }
}

impl Default for Bench {
    fn default() -> Bench {
        Bench::new(Control::Poll, usize::MAX)
    }
}

struct Bench {
    service: Service,
    repository: Arc<Repository>,
    folder: Folder,
    notes: Notes,
}

fn source(path: &str, revision: u64) -> Source {
    let file = ModelFile::Plain(PathBuf::from(path));
    Source {
        file,
        classes: Classes::Unknown,
        batching: None,
        priorities: Priorities::default(),
        revision,
    }
}

fn wanted(name: &str, versions: &[(u64, &str)]) -> Wanted {
    let versions = versions.iter().map(|&(version, path)| (version, source(path, 0))).collect();
    Wanted { name: name.to_string(), versions, ..Wanted::default() }
}

impl Bench {
    fn new(control: Control, room: usize) -> Bench {
        let service = Service::new(Limits::default(), Metrics::new()).unwrap();
        let (folder, notes) = (Folder(Arc::new(Mutex::new(Ok(Vec::new())))), Notes::default());
        let repository = Repository::new(notes.clone(), folder.clone(), control, room);
        let repository = Arc::new(repository);
        service.set_repository(repository.clone());
        Bench { service, repository, folder, notes }
    }

    /// Serves these and tells what was loaded for it, and what failed.
    fn refresh(&self, models: Vec<Wanted>) -> (Vec<String>, Vec<String>) {
        *self.folder.0.lock().unwrap() = Ok(models);
        let failures = self.repository.refresh(&self.service).unwrap();
        let failures = failures.into_iter().map(|failure| Refusal::from(failure).to_string());
        (std::mem::take(&mut self.notes.0.lock().unwrap()), failures.collect())
    }

    fn version(&self, model: &str) -> Option<u64> {
        Some(self.service.store().find(model, Select::Latest).ok()?.version())
    }

    fn state(&self, model: &str, version: u64) -> State {
        let status = self.service.store().status(model, Select::Version(version)).unwrap();
        status[0].state
    }
}

#[test]
fn what_is_there_already_is_not_loaded_again() {
    let bench = Bench::default();
    let (loaded, _) = bench.refresh(vec![wanted("a", &[(1, "x")]), wanted("b", &[(1, "y")])]);
    assert_eq!(loaded, ["a/1", "b/1"]);
    let (loaded, _) = bench.refresh(vec![wanted("a", &[(1, "x"), (2, "z")])]);
    assert_eq!(loaded, ["a/2"]);
    assert_eq!((bench.version("a"), bench.version("b")), (Some(2), None));
    assert_eq!(bench.state("b", 1), State::End);
    let mut changed = wanted("a", &[(1, "x"), (2, "z")]);
    changed.versions.insert(1, source("x", 1));
    assert_eq!(bench.refresh(vec![changed]).0, ["a/1"], "its file has changed");
}

#[test]
fn a_successor_that_fails_leaves_the_version_before_it() {
    for (path, reason) in [("damaged", "the file is damaged"), ("panics", "loading panicked")] {
        let bench = Bench::default();
        bench.refresh(vec![wanted("a", &[(1, "x")])]);
        let (_, failures) = bench.refresh(vec![wanted("a", &[(2, path)])]);
        assert!(failures[0].contains(reason), "{failures:?}");
        assert_eq!((bench.version("a"), bench.state("a", 2)), (Some(1), State::End));
        let (loaded, _) = bench.refresh(vec![wanted("a", &[(2, path)])]);
        assert!(loaded.is_empty(), "the same file fails again");
        bench.refresh(vec![wanted("a", &[(3, "y")])]);
        assert_eq!((bench.version("a"), bench.state("a", 1)), (Some(3), State::End));
    }
}

#[test]
fn a_catalog_that_cannot_be_read_changes_nothing() {
    let bench = Bench::default();
    bench.refresh(vec![wanted("a", &[(1, "x")])]);
    *bench.folder.0.lock().unwrap() = Err("line 3: expected `}`".to_string());
    let refused = bench.repository.refresh(&bench.service);
    assert_eq!(refused, Err(Refusal::Catalog("line 3: expected `}`".to_string())));
    assert_eq!(bench.version("a"), Some(1));
}

#[test]
fn models_share_the_room_and_wait_for_it() {
    let bench = Bench::new(Control::Poll, 2 * HELD);
    let three = || [wanted("a", &[(1, "x")]), wanted("b", &[(1, "x")]), wanted("c", &[(1, "x")])];
    let (_, failures) = bench.refresh(three().to_vec());
    assert_eq!(failures.len(), 1);
    assert!(failures[0].contains("0 are left for models"), "{failures:?}");
    bench.refresh(three()[1..].to_vec());
    let (loaded, failures) = bench.refresh(three()[1..].to_vec());
    assert_eq!((loaded, failures), (vec!["c/1".to_string()], Vec::new()), "a gave its room back");
}

#[test]
fn what_has_no_room_is_not_tried_until_there_is_more() {
    let bench = Bench::new(Control::Poll, HELD);
    let both = || vec![wanted("a", &[(1, "x")]), wanted("b", &[(1, "x")])];
    let (loaded, failures) = bench.refresh(both());
    assert_eq!((loaded.len(), failures.len()), (2, 1));
    assert_eq!(bench.refresh(both()), (Vec::new(), Vec::new()), "nothing has changed");
    bench.refresh(both().split_off(1));
    assert_eq!(bench.refresh(both().split_off(1)).0, ["b/1"]);
}

#[test]
fn an_older_version_answers_when_the_newest_never_did() {
    let bench = Bench::default();
    let mut model = wanted("a", &[(9, "damaged")]);
    model.spare = wanted("a", &[(3, "x"), (4, "x"), (5, "damaged")]).versions;
    let (loaded, failures) = bench.refresh(vec![model.clone()]);
    assert_eq!(loaded, ["a/9", "a/5", "a/4"]);
    assert_eq!((failures.len(), bench.version("a")), (2, Some(4)));
    assert_eq!(bench.refresh(vec![model.clone()]), (Vec::new(), Vec::new()));
    model.versions = wanted("a", &[(10, "x")]).versions;
    assert_eq!(bench.refresh(vec![model]).0, ["a/10"]);
    assert_eq!((bench.version("a"), bench.state("a", 4)), (Some(10), State::End));
}

#[test]
fn a_model_that_is_loaded_anew_keeps_no_version_that_is_not_wanted() {
    let bench = Bench::new(Control::Explicit, usize::MAX);
    let load = |versions: &[(u64, &str)]| {
        *bench.folder.0.lock().unwrap() = Ok(vec![wanted("a", versions)]);
        bench.repository.load(&bench.service, "a").unwrap();
        bench.service.store().available().iter().map(|s| s.version()).collect::<Vec<_>>()
    };
    assert_eq!(load(&[(1, "x")]), [1]);
    assert_eq!(load(&[(2, "x")]), [2]);
    assert_eq!(bench.notes.0.lock().unwrap().len(), 2);
    assert_eq!(load(&[(2, "x")]), [2]);
    assert_eq!(bench.notes.0.lock().unwrap().len(), 3, "it is loaded although it is there");
}

#[test]
fn labels_and_defaults_follow_the_versions() {
    let bench = Bench::default();
    let mut model = wanted("a", &[(1, "x"), (2, "x")]);
    model.labels = BTreeMap::from([("stable".to_string(), 1)]);
    bench.refresh(vec![model]);
    let stable = || bench.service.store().find("a", Select::Label("stable".to_string()));
    assert_eq!(stable().unwrap().version(), 1);
    bench.refresh(vec![wanted("a", &[(2, "x")])]);
    assert!(stable().is_err());
}

#[tokio::test]
async fn requests_decide_only_where_they_may() {
    let bench = Bench::default();
    let load = |bench: &Bench| {
        let service = bench.service.clone();
        async move { service.manage(|repository, service| repository.load(service, "a")).await }
    };
    assert_eq!(load(&bench).await, Err(Refusal::ControlIsOff));
    let bench = Bench::new(Control::Explicit, usize::MAX);
    let unknown = Refusal::ModelNotFound { model: "a".to_string(), version: None };
    assert_eq!(load(&bench).await, Err(unknown.clone()));
    *bench.folder.0.lock().unwrap() = Ok(vec![wanted("a", &[(7, "x")])]);
    assert_eq!(load(&bench).await, Ok(()));
    assert_eq!(bench.version("a"), Some(7));
    let unload = |version| {
        let (repository, service) = (bench.repository.clone(), bench.service.clone());
        move || repository.unload(&service, "a", version)
    };
    assert_eq!(unload(Some(7))(), Ok(()));
    assert_eq!(bench.version("a"), None);
    assert_eq!(unload(None)(), Err(unknown));
    let registered = bench.repository.register(&bench.service, "b", 3, source("x", 0));
    assert_eq!((registered, bench.version("b")), (Ok(()), Some(3)));
    let failed = bench.repository.register(&bench.service, "b", 3, source("damaged", 0));
    assert!(matches!(failed, Err(Refusal::LoadFailed { version: 3, .. })), "{failed:?}");
    assert_eq!(bench.version("b"), Some(3), "what was there stays");
}

#[test]
fn what_is_configured_takes_the_place_of_what_was() {
    let bench = Bench::new(Control::Explicit, usize::MAX);
    let configure = |models: Vec<ModelConfig>| bench.repository.configure(&bench.service, models);
    bench.refresh(vec![wanted("a", &[(1, "x")]), wanted("b", &[(1, "y")])]);
    let labeled = |version| {
        let labels = BTreeMap::from([("stable".to_string(), version)]);
        vec![ModelConfig { labels, ..config("b", "y") }, config("c", "z")]
    };
    assert_eq!(configure(labeled(1)), Ok(()));
    let loaded = || std::mem::take(&mut *bench.notes.0.lock().unwrap());
    assert_eq!(loaded(), ["c/1"], "b is there already");
    assert_eq!(bench.service.store().names(), ["a", "b", "c"]);
    assert_eq!((bench.version("a"), bench.version("c")), (None, Some(1)));
    assert!(bench.service.store().find("b", Select::Label("stable".to_string())).is_ok());
    let refused = configure(labeled(7)).unwrap_err().to_string();
    assert!(refused.contains("label to version 7 of model b"), "{refused}");
    assert!(bench.service.store().find("b", Select::Label("stable".to_string())).is_ok());
    let damaged = || vec![config("d", "damaged"), config("b", "y")];
    assert!(matches!(configure(damaged()), Err(Refusal::LoadFailed { .. })));
    assert_eq!((bench.version("b"), bench.version("c")), (Some(1), None));
    assert!(matches!(configure(damaged()), Err(Refusal::LoadFailed { .. })), "it is tried anew");
    assert_eq!(configure(Vec::new()), Ok(()));
    assert_eq!(bench.version("b"), None);
}

#[test]
fn folders_that_a_request_configured_are_followed() {
    let bench = Bench::new(Control::Explicit, usize::MAX);
    bench.refresh(vec![wanted("a", &[(1, "x")])]);
    let watching = std::thread::spawn({
        let (repository, service) = (bench.repository.clone(), bench.service.clone());
        move || server::watch(&repository, &service, Duration::from_millis(5), |_| ())
    });
    let put = |models: &[Wanted]| *bench.folder.0.lock().unwrap() = Ok(models.to_vec());
    let pause = || std::thread::sleep(Duration::from_millis(50));
    put(&[wanted("a", &[(2, "x")])]);
    pause();
    assert_eq!(bench.version("a"), Some(1), "it came with the start");
    bench.repository.configure(&bench.service, vec![config("a", "x"), config("b", "y")]).unwrap();
    put(&[wanted("a", &[(3, "x")]), wanted("b", &[(3, "y")]), wanted("c", &[(3, "z")])]);
    while (bench.version("a"), bench.version("b")) != (Some(3), Some(3)) {
        std::thread::sleep(Duration::from_millis(1));
    }
    bench.repository.unload(&bench.service, "a", None).unwrap();
    put(&[wanted("a", &[(4, "x")]), wanted("b", &[(4, "y")]), wanted("c", &[(4, "z")])]);
    while bench.version("b") != Some(4) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!((bench.version("a"), bench.version("c")), (None, None), "nobody configured them");
    bench.service.begin_drain();
    watching.join().unwrap();
}

#[test]
fn the_watch_ends_with_the_service() {
    let bench = Bench::default();
    *bench.folder.0.lock().unwrap() = Ok(vec![wanted("a", &[(1, "x")])]);
    let watching = std::thread::spawn({
        let (repository, service) = (bench.repository.clone(), bench.service.clone());
        move || server::watch(&repository, &service, Duration::from_millis(5), |_| ())
    });
    while bench.version("a").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    bench.service.begin_drain();
    watching.join().unwrap();
}
