//! What a model's author says of it: a FlatBuffer in the file, and a zip archive of files behind.

use super::flat::{File, Table};
use crate::pixels::{Channels, Pixels, Scale};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// What an author has said.
#[derive(Default)]
pub(super) struct About {
    pub(super) description: String,
    /// Names of the classes, in the order of the first output.
    pub(super) labels: Vec<String>,
    pub(super) properties: BTreeMap<String, String>,
    pub(super) pixels: Option<Pixels>,
}

/// What stands behind the first offset of the author's words.
const MAGIC: &[u8] = b"M001";

/// Bytes of a list of names: the longest in use, of some ten thousand species, has half a megabyte.
const LABELS_BYTES_MAX: u64 = 4 << 20;

/// The number of a file that names the elements along an axis, and of one that names values.
const NAMES: [i64; 2] = [2, 3];

/// The number of the options that say how an input is normalized.
const NORMALIZATION: i64 = 1;

/// The number of the properties of images.
const IMAGE: i64 = 2;

/// Most numbers that are channels: a mean for each pixel is another thing.
const CHANNELS_MAX: usize = 4;

/// Reads what is there; what is damaged is left out, since nothing of it changes what is computed.
pub(super) fn read(metadata: &[u8], file: &Bytes) -> About {
    let inner = File::new(metadata);
    let root = inner.root().filter(|_| metadata.get(4..8) == Some(MAGIC));
    let Some(root) = root else { return About::default() };
    let mut about = About { description: root.text(1), ..About::default() };
    for (field, name) in [(0, "name"), (2, "version"), (4, "author"), (5, "license")] {
        let text = root.text(field);
        if !text.is_empty() {
            about.properties.insert(name.to_string(), text);
        }
    }
    let graph = root.tables(3).into_iter().next();
    let tensors = |field| graph.map(|graph| graph.tables(field)).unwrap_or_default();
    if let [input] = tensors(2).as_slice() {
        let (mean, std) = normalization(input).unwrap_or_default();
        for (name, values) in [("mean", &mean), ("std", &std)] {
            let values: Vec<String> = values.iter().map(f32::to_string).collect();
            let text = values.join(", ");
            about.properties.insert(format!("normalization_{name}"), text);
        }
        about.properties.retain(|_, text| !text.is_empty());
        about.pixels = pixels(input, mean, std);
    }
    let names = tensors(3).first().and_then(label_file);
    about.labels = names.and_then(|name| labels(file, &name)).unwrap_or_default();
    about
}

/// Mean and deviation of an input, where the author gives them.
fn normalization(input: &Table<'_>) -> Option<(Vec<f32>, Vec<f32>)> {
    let steps = input.tables(4);
    let options = steps.iter().find(|step| step.byte(0) == NORMALIZATION)?.table(1)?;
    Some((options.floats(0), options.floats(1)))
}

/// What is said of the input's pixels; what is no number for a channel is left out.
fn pixels(input: &Table<'_>, mean: Vec<f32>, std: Vec<f32>) -> Option<Pixels> {
    let is_channels = |list: &[f32]| {
        (1..=CHANNELS_MAX).contains(&list.len()) && list.iter().all(|x| x.is_finite())
    };
    let is_scale = is_channels(&mean) && is_channels(&std) && std.iter().all(|x| x.abs() > 1e-6);
    let wide = |list: Vec<f32>| list.into_iter().map(f64::from).collect();
    let scale = is_scale.then(|| Scale { mean: wide(mean), std: wide(std) });
    let content = input.table(3).filter(|content| content.byte(0) == IMAGE);
    let channels = match content.and_then(|content| content.table(1)).map(|image| image.byte(0)) {
        Some(1) => Some(Channels::Rgb),
        Some(2) => Some(Channels::Gray),
        Some(_) | None => None,
    };
    let origin = "the metadata of the TensorFlow Lite file";
    let says = channels.is_some() || scale.is_some();
    says.then_some(Pixels { origin, channels, framing: None, scale })
}

/// The file with the names of an output's elements, preferably one of no language.
fn label_file(output: &Table<'_>) -> Option<String> {
    let files = output.tables(6);
    let mut names: Vec<&Table<'_>> =
        files.iter().filter(|file| NAMES.contains(&file.byte(2))).collect();
    names.sort_by_key(|file| !file.text(3).is_empty());
    names.first().map(|file| file.text(0))
}

/// The lines of a file in the archive behind the model.
fn labels(file: &Bytes, name: &str) -> Option<Vec<String>> {
    let mut archive = ZipArchive::new(Cursor::new(file)).ok()?;
    let mut text = String::new();
    let member = archive.by_name(name).ok()?;
    member.take(LABELS_BYTES_MAX).read_to_string(&mut text).ok()?;
    let lines = text.trim_end().lines().map(|line| line.trim().to_string());
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then_some(lines)
}
