//! The folder that is written: a model with its recipe and labels, what was shown about it, and
//! while it is made what was worked out so far.

use crate::console::Console;
use crate::error::Error;
use crate::golden;
use crate::model::{self, CERTIFICATE, Loaded, ModelOptions, Source};
use compress::report::{self, Report};
use ir::Graph;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder.
pub(super) struct Output {
    folder: PathBuf,
    /// The model's file: it is called as the original, so that requests find it under its name.
    model: PathBuf,
}

/// Everything beside the model that is written.
const FILES: [&str; 6] =
    ["recipe.toml", "labels.txt", "report.html", "report.json", "candidates.svg", "candidates.png"];

impl Output {
    /// The folder, made when it is not there. One that holds something else is left alone.
    /// What an earlier compression has written there is removed but for its unfinished work.
    pub(super) fn new(folder: &Path, original: &Path) -> Result<Output, Error> {
        fs::create_dir_all(folder).map_err(|e| Error::of_file(folder, e))?;
        let model = folder.join(format!("{}.onnx", model::name_of(original)));
        let output = Output { folder: folder.to_path_buf(), model };
        let mut entries = fs::read_dir(folder).map_err(|e| Error::of_file(folder, e))?;
        let is_own = output.path(CERTIFICATE).exists() || output.work().exists();
        if entries.next().is_some() && !is_own {
            let shown = folder.display();
            return Err(Error::Usage(format!(
                "{shown}: expected an empty folder, or one that `schooner compress` wrote; found \
                 other files; give another -o"
            )));
        }
        let old = FILES.iter().chain([&CERTIFICATE]).map(|name| output.path(name));
        for file in old.chain([output.model.clone()]).filter(|file| file.exists()) {
            fs::remove_file(&file).map_err(|e| Error::of_file(&file, e))?;
        }
        Ok(output)
    }

    /// Where unfinished work lies.
    pub(super) fn work(&self) -> PathBuf {
        self.path(".work")
    }

    /// Removes what only unfinished work needs.
    pub(super) fn clear_work(&self) -> Result<(), Error> {
        let work = self.work();
        fs::remove_dir_all(&work).map_err(|e| Error::of_file(&work, e))
    }

    /// Writes the model with its recipe and labels, and gives the bytes of its file. What is read
    /// back must answer as what was tested.
    pub(super) fn write_model(
        &self,
        console: &Console,
        loaded: &Loaded,
        source: &Source,
        graph: &Graph,
    ) -> Result<u64, Error> {
        let path = &self.model;
        let bytes = ::export::onnx(graph, &source.metadata)
            .map_err(|error| Error::Export { path: path.clone(), error })?;
        fs::write(path, &bytes).map_err(|e| Error::of_file(path, e))?;
        if let Some(recipe) = loaded.model.recipe() {
            self.write("recipe.toml", recipe.to_toml()?.as_bytes())?;
            let labels = &recipe.post.labels;
            if !labels.is_empty() {
                self.write("labels.txt", (labels.join("\n") + "\n").as_bytes())?;
            }
        }
        let tested = compress::evaluate::prepared(graph, runtime::isa()?.require())?;
        if let Some(golden) = golden::of(&tested) {
            let written = model::load(console, path, &ModelOptions::default())?;
            golden::check(&written.model, &golden)?;
        }
        Ok(bytes.len() as u64)
    }

    /// Writes what was found out, and the certificate last: a folder that has one is whole.
    pub(super) fn write_report(&self, report: &Report) -> Result<(), Error> {
        let json = |what: serde_json::Result<String>| {
            what.map_err(|e| Error::Defect { stage: "report", reason: e.to_string() })
        };
        self.write("report.html", report::page(report).as_bytes())?;
        self.write("report.json", json(serde_json::to_string_pretty(report))?.as_bytes())?;
        self.write("candidates.svg", report::svg(report).as_bytes())?;
        if let Some(picture) = report::png(report) {
            self.write("candidates.png", &picture)?;
        }
        let certificate = json(serde_json::to_string_pretty(&report.certificate))?;
        self.write(CERTIFICATE, certificate.as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(name);
        fs::write(&path, bytes).map_err(|e| Error::of_file(&path, e))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
