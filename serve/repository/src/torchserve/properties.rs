//! `config.properties`: Java's format of lines `key=value`.

use super::Load;
use crate::archive::manifest::Settings;
use crate::{Error, listing};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Longest file, in bytes: settings of a thousand models.
const BYTES_MAX: usize = 1 << 20;

/// What TorchServe's configuration says, as far as it means something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    pub(super) path: PathBuf,
    /// Where inference is answered, such as `http://127.0.0.1:8080`.
    pub inference_address: Option<String>,
    /// Where models are managed.
    pub management_address: Option<String>,
    /// Where metrics are.
    pub metrics_address: Option<String>,
    /// The folder of the archives.
    pub model_store: Option<PathBuf>,
    /// Requests of one model that may wait.
    pub job_queue_size: Option<usize>,
    /// Seconds that a request may take.
    pub default_response_timeout: Option<u64>,
    /// Longest body of a request, in bytes.
    pub max_request_size: Option<usize>,
    /// May models be registered and unregistered by request?
    pub enable_model_api: bool,
    pub(super) load: Load,
    models: BTreeMap<String, BTreeMap<String, Settings>>,
    /// Lines and names of settings that mean nothing here.
    pub(super) ignored: Vec<(usize, String)>,
}

/// `model_snapshot`: what was served when the server stopped.
#[derive(Debug, Deserialize)]
struct Snapshot {
    #[serde(default)]
    models: BTreeMap<String, BTreeMap<String, Served>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    mar_name: String,
    #[serde(flatten)]
    settings: Settings,
}

impl Properties {
    /// A store without a configuration, all of whose archives are loaded.
    pub fn of_store(store: PathBuf) -> Properties {
        Properties { model_store: Some(store), ..Properties::empty(PathBuf::new()) }
    }

    /// Reads a `config.properties`. A relative store begins at the file.
    ///
    /// # Errors
    /// When it cannot be read, or a setting that is read has no such value.
    pub fn read(path: &Path) -> Result<Properties, Error> {
        let text = listing::text(path, BYTES_MAX)?;
        let mut properties = Properties::empty(path.to_path_buf());
        properties.load = Load::Named(Vec::new());
        let mut pairs = pairs(&text);
        // A snapshot overrules what else says what to load.
        pairs.sort_by_key(|pair| pair.key == "model_snapshot");
        for Pair { line, key, value } in pairs {
            let failed = |reason: String| Error::on_line(path, line, format!("{key}: {reason}"));
            if !properties.set(&key, value.trim()).map_err(failed)? {
                properties.ignored.push((line, key));
            }
        }
        Ok(properties)
    }

    /// The same with `--models`, in the form of `load_models`.
    ///
    /// # Errors
    /// When a file name leads out of the store.
    pub fn with_models(mut self, models: &str) -> Result<Properties, Error> {
        self.load = load(models).map_err(|reason| Error::new(&self.path, reason))?;
        Ok(self)
    }

    /// What is said about one version of a model.
    pub(super) fn settings(&self, model: &str, version: &str) -> Settings {
        self.models
            .get(model)
            .and_then(|versions| versions.get(version))
            .cloned()
            .unwrap_or_default()
    }

    fn empty(path: PathBuf) -> Properties {
        Properties {
            path,
            inference_address: None,
            management_address: None,
            metrics_address: None,
            model_store: None,
            job_queue_size: None,
            default_response_timeout: None,
            max_request_size: None,
            enable_model_api: false,
            load: Load::All,
            models: BTreeMap::new(),
            ignored: Vec::new(),
        }
    }

    /// Takes a setting; does it mean something?
    fn set(&mut self, key: &str, value: &str) -> Result<bool, String> {
        let text = || Some(value.to_string());
        match key {
            "inference_address" => self.inference_address = text(),
            "management_address" => self.management_address = text(),
            "metrics_address" => self.metrics_address = text(),
            "model_store" => {
                let folder = self.path.parent().unwrap_or(Path::new(""));
                self.model_store = Some(folder.join(value));
            }
            "load_models" => self.load = load(value)?,
            "job_queue_size" => self.job_queue_size = Some(number(value)?),
            "default_response_timeout" => self.default_response_timeout = Some(number(value)?),
            "max_request_size" => self.max_request_size = Some(number(value)?),
            "enable_model_api" => self.enable_model_api = value.eq_ignore_ascii_case("true"),
            "models" => self.models = serde_json::from_str(value).map_err(|e| e.to_string())?,
            "model_snapshot" => self.restore(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What a snapshot lists is loaded, and nothing else.
    fn restore(&mut self, text: &str) -> Result<(), String> {
        let snapshot: Snapshot = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let mut archives = Vec::new();
        for (name, versions) in snapshot.models {
            let models = self.models.entry(name.clone()).or_default();
            for (version, served) in versions {
                archives.push((Some(name.clone()), file_name(&served.mar_name)?));
                models.insert(version, served.settings);
            }
        }
        self.load = Load::Named(archives);
        Ok(())
    }
}

/// `all`, `none`, or archives: `a.mar`, `name=a.mar`, separated by commas.
fn load(value: &str) -> Result<Load, String> {
    match value {
        "all" | "ALL" => return Ok(Load::All),
        "" | "none" | "NONE" => return Ok(Load::Named(Vec::new())),
        _ => {}
    }
    let archives = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    let archives: Result<Vec<_>, String> = archives
        .map(|part| match part.split_once('=') {
            Some((name, file)) => Ok((Some(name.trim().to_string()), file_name(file.trim())?)),
            None => Ok((None, file_name(part)?)),
        })
        .collect();
    archives.map(Load::Named)
}

/// A file of the store: models are not fetched, and no path leads out of the store.
fn file_name(name: &str) -> Result<String, String> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => Ok(name.to_string()),
        _ => Err(format!("expected the name of a file in the model store, found {name}")),
    }
}

fn number<N: std::str::FromStr>(value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("expected a number, found {value}"))
}

/// One setting and the line where it begins.
struct Pair {
    line: usize,
    key: String,
    value: String,
}

/// The settings of a file: comments begin with `#` or `!`, a key ends with `=`, `:` or a space,
/// and a line that ends with a backslash goes on in the next.
fn pairs(text: &str) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, first)) = lines.next() {
        let first = first.trim_start();
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_string();
        while is_continued(&logical) {
            logical.pop();
            let Some((_, more)) = lines.next() else { break };
            logical.push_str(more.trim_start());
        }
        let (key, value) = split(&logical);
        pairs.push(Pair { line: at + 1, key, value });
    }
    pairs
}

/// Does the line end with a backslash that is not itself escaped?
fn is_continued(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

fn split(line: &str) -> (String, String) {
    let mut key = String::new();
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => key.extend(rest.next()),
            '=' | ':' => return (key, unescape(rest.as_str().trim_start())),
            c if c.is_whitespace() => {
                let value = rest.as_str().trim_start();
                let value = value.strip_prefix(['=', ':']).unwrap_or(value);
                return (key, unescape(value.trim_start()));
            }
            c => key.push(c),
        }
    }
    (key, String::new())
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(escaped) => out.push(escaped),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_java_reads_them() {
        let text = "# comment\n! too\n\na=1\n b : 2\nc 3\nd=x\\\n  y\\\\\ne=\\u\n\\ f=\nlast\\";
        let found: Vec<(usize, String, String)> =
            pairs(text).into_iter().map(|pair| (pair.line, pair.key, pair.value)).collect();
        let expected = [
            (4, "a", "1"),
            (5, "b", "2"),
            (6, "c", "3"),
            (7, "d", "xy\\"),
            (9, "e", "u"),
            (10, " f", ""),
            (11, "last", ""),
        ];
        let expected = expected.map(|(line, k, v)| (line, k.to_string(), v.to_string()));
        assert_eq!(found, expected);
    }

    #[test]
    fn archives_lie_in_the_store() {
        let file = |name: Option<&str>, file: &str| (name.map(str::to_string), file.to_string());
        let expected = Load::Named(vec![file(None, "a.mar"), file(Some("b"), "c.mar")]);
        assert_eq!(load("a.mar, b=c.mar"), Ok(expected));
        assert_eq!(load("all"), Ok(Load::All));
        assert_eq!(load(""), Ok(Load::Named(Vec::new())));
        for bad in ["../a.mar", "/a.mar", "x=https://host/a.mar", "a/b.mar"] {
            assert!(load(bad).is_err(), "{bad}");
        }
    }
}
