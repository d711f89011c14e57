//! The repository as the rules see it: every text file that git knows or would add, each Rust
//! file parsed once, and the workspace's packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::TokenStream;
use serde::Deserialize;

/// Everything a rule may look at. Built from the disk by [`Repo::load`], from literals in tests.
pub(crate) struct Repo {
    /// Text files, ordered by path.
    pub(crate) files: Vec<TextFile>,
    /// Paths of all files, binary ones too, relative to the root, with forward slashes.
    pub(crate) paths: BTreeSet<String>,
    /// The members of the workspace.
    pub(crate) packages: Vec<Package>,
}

/// One file of valid UTF-8.
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Present for `.rs` files.
    pub(crate) rust: Option<Rust>,
}

/// A Rust file, as a tree and as tokens: macro bodies are only in the tokens.
pub(crate) struct Rust {
    pub(crate) tree: syn::File,
    pub(crate) tokens: TokenStream,
}

/// One member of the workspace, as `cargo metadata` tells it.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    manifest_path: PathBuf,
    /// Folder relative to the root, such as `compile/ir`.
    #[serde(skip)]
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: std::collections::BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// One declared dependency. `folder` is set when it is a member of the workspace.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) rename: Option<String>,
    /// `None` for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) optional: bool,
    path: Option<PathBuf>,
    #[serde(skip)]
    pub(crate) folder: Option<String>,
}

/// One thing that cargo builds of a package.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
    /// Path of the crate root, relative to the repository's.
    #[serde(skip)]
    pub(crate) root: String,
}

/// Why the repository could not be read. Broken rules are not errors.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`{command}` failed: {reason}; run it by hand to see more")]
    Command { command: String, reason: String },
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`cargo metadata` printed what this tool does not know: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("{path}:{line}: expected Rust that parses, found: {reason}; fix it first")]
    Syntax { path: String, line: usize, reason: String },
    #[error("cannot print: {0}")]
    Print(#[from] std::io::Error),
    #[error("expected one of the steps `cargo xtask check --steps` lists, found `{0}`")]
    UnknownStep(String),
}

impl Repo {
    /// Reads the repository that holds this crate's sources.
    pub(crate) fn load() -> Result<Self, Error> {
        let root = root();
        let metadata = output(
            Command::new(cargo())
                .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
                .current_dir(&root),
        )?;
        // Untracked files too: a rule should speak before `git add`, not after.
        let listing = output(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(&root),
        )?;
        let listing = String::from_utf8_lossy(&listing).into_owned();
        let mut paths = BTreeSet::new();
        let mut files = Vec::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            let full = root.join(path);
            // Deleted but not yet staged, or a link: neither has text of its own.
            if !full.symlink_metadata().is_ok_and(|data| data.is_file()) {
                continue;
            }
            let bytes =
                std::fs::read(&full).map_err(|source| Error::Read { path: full, source })?;
            if let Ok(text) = String::from_utf8(bytes)
                && !text.contains('\0')
                && paths.insert(path.to_owned())
            {
                files.push(TextFile::parse(path, text)?);
            }
            paths.insert(path.to_owned());
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files, paths, packages: packages(&metadata, &root)? })
    }

    /// The text file at exactly this path.
    pub(crate) fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files, each with its syntax.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&TextFile, &Rust)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    /// The member of the workspace whose folder holds `path`.
    pub(crate) fn package_of(&self, path: &str) -> Option<&Package> {
        self.packages.iter().find(|package| {
            path.strip_prefix(package.folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

impl TextFile {
    /// Takes a file's text; parses it when the path ends in `.rs`.
    pub(crate) fn parse(path: &str, text: String) -> Result<Self, Error> {
        let refuse = |line, reason: String| Error::Syntax { path: path.to_owned(), line, reason };
        let rust = if path.ends_with(".rs") {
            let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
                refuse(error.span().start().line, error.to_string())
            })?;
            let tree = syn::parse2(tokens.clone())
                .map_err(|error| refuse(error.span().start().line, error.to_string()))?;
            Some(Rust { tree, tokens })
        } else {
            None
        };
        Ok(Self { path: path.to_owned(), text, rust })
    }
}

/// The packages in the output of `cargo metadata --no-deps`, with folders relative to `root`.
pub(crate) fn packages(metadata: &[u8], root: &Path) -> Result<Vec<Package>, Error> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let mut packages = serde_json::from_slice::<Metadata>(metadata)?.packages;
    for package in &mut packages {
        package.folder = package
            .manifest_path
            .parent()
            .map_or_else(String::new, |folder| relative(folder, root));
        for dependency in &mut package.dependencies {
            dependency.folder = dependency.path.as_ref().map(|path| relative(path, root));
        }
        for target in &mut package.targets {
            target.root = relative(&target.src_path, root);
        }
    }
    Ok(packages)
}

/// The repository's root: two folders above this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The cargo that runs this tool, so that one toolchain does everything.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let shown = format!("{command:?}");
    let refuse = |reason| Error::Command { command: shown.clone(), reason };
    let output = command.output().map_err(|error| refuse(error.to_string()))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(refuse(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}
