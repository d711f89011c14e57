//! A folder of one model's versions, and a server that looks at it.

use crate::client::{self, Client, Reply};
use crate::models::{question, version_of};
use crate::support::{Server, folder, schooner, word};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a server of these tests looks at its folder, in seconds.
const POLL: &str = "0.05";

/// Longest wait for something that should happen soon. A version counts as complete after a
/// second; the rest is for machines that are busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// What the model of a site is called in requests.
pub(crate) const PREDICT: &str = "/v1/models/m:predict";

/// A folder `m` with versions, and whatever a test puts beside it.
pub(crate) struct Site {
    pub(crate) root: PathBuf,
    /// The model's folder.
    pub(crate) model: PathBuf,
}

impl Site {
    pub(crate) fn new(name: &str) -> Site {
        let root = folder(&format!("serving-{name}"));
        let model = root.join("m");
        fs::create_dir(&model).unwrap();
        Site { root, model }
    }

    /// The folder of a version.
    pub(crate) fn version(&self, version: u64) -> PathBuf {
        self.model.join(version.to_string())
    }

    /// Puts a version in place at once, as careful tools do: written elsewhere, then renamed.
    pub(crate) fn put(&self, version: u64, file: &str, bytes: &[u8]) {
        let aside = self.root.join(format!("aside-{version}"));
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join(file), bytes).unwrap();
        fs::rename(aside, self.version(version)).unwrap();
    }

    /// A server of this model that looks at the folder all the time.
    pub(crate) fn serve(&self, flags: &[&str]) -> Watched {
        Watched::start(&self.root, &[&[word(&self.model)], flags].concat())
    }
}

/// A server whose words on stderr are kept.
pub(crate) struct Watched {
    pub(crate) server: Server,
    log: PathBuf,
}

impl Watched {
    pub(crate) fn start(root: &Path, words: &[&str]) -> Watched {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let log = root.join(format!("log-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let words = [&["serve", "--listen", "127.0.0.1:0"], words].concat();
        let mut command = schooner(&words);
        command.env("SCHOONER_POLL_SECONDS", POLL);
        command.stderr(fs::File::create(&log).unwrap());
        let server = Server::spawn(command);
        let server = server.unwrap_or_else(|| panic!("{}", fs::read_to_string(&log).unwrap()));
        Watched { server, log }
    }

    /// A server that was started otherwise, whose words are lost.
    pub(crate) fn of(server: Server, root: &Path) -> Watched {
        let log = root.join("no-log");
        fs::write(&log, "").unwrap();
        Watched { server, log }
    }

    /// What was said on stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        client::ask(&self.server.address, method, path, body).unwrap()
    }

    /// The version that answers now.
    #[track_caller]
    pub(crate) fn version(&self) -> u64 {
        let reply = self.ask("POST", PREDICT, &question(7));
        assert_eq!(reply.status, 200, "{reply:?}\n{}", self.log());
        version_of(7, &reply.body)
    }

    /// Waits until this version answers.
    #[track_caller]
    pub(crate) fn wait_for(&self, version: u64) {
        self.until(&format!("version {version} answers"), || self.version() == version);
    }

    /// Waits until these words were said.
    #[track_caller]
    pub(crate) fn wait_for_words(&self, words: &str) {
        self.until(words, || self.log().contains(words));
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < SOON, "expected soon: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Long enough for the server to have looked several times at what has settled.
    pub(crate) fn let_it_look() {
        std::thread::sleep(Duration::from_millis(1500));
    }

    /// A line of the metrics, or 0.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.ask("GET", "/metrics", "").body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// A line of `/proc/PID/status` in bytes, such as `VmRSS`.
    pub(crate) fn status(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.server.id());
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a known line");
        let number: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        if line.ends_with("kB") { number << 10 } else { number }
    }

    /// The most memory that it holds while something is done, looked at again and again.
    pub(crate) fn peak_during<T>(&self, act: impl FnOnce() -> T) -> (u64, T) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut peak = 0;
                while !is_over.load(Ordering::Relaxed) {
                    peak = peak.max(self.status("VmRSS"));
                    std::thread::sleep(Duration::from_millis(20));
                }
                peak
            });
            let done = act();
            is_over.store(true, Ordering::Relaxed);
            (looking.join().unwrap(), done)
        })
    }

    /// Open files.
    pub(crate) fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.server.id())).unwrap().count()
    }
}

/// Asks over a few kept connections until told to stop; the versions that answered each client,
/// in order. Anything but an answer to the very question is a failure.
pub(crate) fn ask_until(address: &str, clients: usize, stop: &AtomicBool) -> Vec<Vec<u64>> {
    /// Questions before a new connection: kept ones and new ones are to be seen both.
    const KEPT: u64 = 40;
    std::thread::scope(|scope| {
        let asked = |client: usize| {
            let mut versions = Vec::new();
            let mut connection = Client::connect(address).unwrap();
            for count in 1u64.. {
                let number = (count * 8 + client as u64) % 1000;
                let reply = connection.ask("POST", PREDICT, &question(number)).unwrap();
                assert_eq!(reply.status, 200, "{reply:?}");
                versions.push(version_of(number, &reply.body));
                if count % KEPT == 0 {
                    connection = Client::connect(address).unwrap();
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            versions
        };
        let threads: Vec<_> =
            (0..clients).map(|client| scope.spawn(move || asked(client))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// How long or how often a test does what it does: a number from the environment, for longer
/// forms than fit a check.
pub(crate) fn extent(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    let extent = given.map_or(default, |text| text.parse().expect("a number"));
    eprintln!("{variable}: {extent} (default {default})");
    extent
}
