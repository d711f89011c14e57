//! The layers, one file for each family. Each file starts with its table.

pub(super) mod activation;
mod attention;
mod conv;
mod conv_lstm;
mod conv_transpose;
mod core;
mod merge;
mod movement;
mod norm;
mod operation;
mod pool;
mod preprocessing;
mod recurrent;
mod regularization;
mod resize;
mod wrapper;

use super::call::{Call, Made};
use super::config::Config;
use super::net::{Layer, Malformed, each_layer};
use super::variables::Slot;
use serde_json::Value;

/// A class that is read.
pub(super) struct Row {
    /// Its name.
    pub(super) class: &'static str,
    /// What is said of it in the documentation, where that is not plain from its name.
    pub(super) doc: &'static str,
    /// The weights that it has itself, in its own order.
    pub(super) weights: &'static [Slot],
    /// Its import function.
    pub(super) import: fn(&mut Call<'_, '_>) -> Made,
    /// Has what it makes the mask of what it takes?
    pub(super) passes_mask: bool,
    /// Are floats converted to the layer's type before it sees them?
    pub(super) is_autocast: bool,
    /// Does it look at one element of each value at a time, whatever the order of the axes?
    pub(super) is_of_elements: fn(Config<'_>) -> bool,
}

/// A class whose results have the mask of what it takes.
const fn row(
    class: &'static str,
    doc: &'static str,
    weights: &'static [Slot],
    import: fn(&mut Call<'_, '_>) -> Made,
) -> Row {
    let is_of_elements = |_: Config<'_>| false;
    Row { class, doc, weights, import, passes_mask: true, is_autocast: true, is_of_elements }
}

impl Row {
    /// The same; its results have no mask.
    const fn without_mask(self) -> Row {
        Row { passes_mask: false, ..self }
    }

    /// The same; it looks at one element of each value at a time.
    const fn of_elements(self) -> Row {
        Row { is_of_elements: |_| true, ..self }
    }

    /// The same; what it takes is left in its own type.
    const fn in_any_type(self) -> Row {
        Row { is_autocast: false, ..self }
    }
}

const FAMILIES: &[(&str, &[Row])] = &[
    ("core", core::ROWS),
    ("activation", activation::ROWS),
    ("conv", conv::ROWS),
    ("conv", conv_transpose::ROWS),
    ("pool", pool::ROWS),
    ("norm", norm::ROWS),
    ("recurrent", recurrent::ROWS),
    ("recurrent", conv_lstm::ROWS),
    ("attention", attention::ROWS),
    ("movement", movement::ROWS),
    ("resize", resize::ROWS),
    ("merge", merge::ROWS),
    ("preprocessing", preprocessing::ROWS),
    ("regularization", regularization::ROWS),
    ("wrapper", wrapper::ROWS),
];

/// The row of a layer's class.
pub(super) fn find(layer: &Layer<'_>) -> Option<&'static Row> {
    if layer.is_operation {
        return operation::find(layer);
    }
    by_class(layer.class)
}

fn by_class(class: &str) -> Option<&'static Row> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter()).find(|row| row.class == class)
}

/// The weights that a layer of some class has itself.
pub(super) fn weights(class: &str) -> &'static [Slot] {
    by_class(class).map_or(&[], |row| row.weights)
}

/// Does a class do something in training only?
pub(super) fn is_for_training(class: &str) -> bool {
    regularization::ROWS.iter().any(|row| row.class == class)
}

/// A class that is read, for listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: &'static str,
    /// The family that it is of.
    pub family: &'static str,
    /// What is to be said of it.
    pub doc: &'static str,
}

/// Every class that is read: layers first, then functions that stand among them.
pub fn classes() -> impl Iterator<Item = Class> {
    let operations = [("operation", operation::ROWS)];
    let families = FAMILIES.iter().copied().chain(operations);
    families.flat_map(|(family, rows)| {
        rows.iter().map(move |row| Class { name: row.class, family, doc: row.doc })
    })
}

/// The layers that a layer wraps, by its configuration.
pub(super) fn wrapped<'a>(class: &str, config: Config<'a>) -> Result<Vec<Layer<'a>>, Malformed> {
    let value = |name: &str| config.0.get(name).filter(|value| value.is_object());
    let parse = |value: &'a Value, key: &str| Layer::parse(value, key.to_string());
    match class {
        "Bidirectional" => {
            let layer = value("layer").ok_or("a Bidirectional layer wraps none")?;
            // Each is read twice: what lies in each other would double from level to level. Its
            // import refuses one that has no layers.
            if [Some(layer), value("backward_layer")].into_iter().flatten().any(holds_bidirectional)
            {
                return Ok(Vec::new());
            }
            let forward = parse(layer, "forward_layer")?;
            let backward = match value("backward_layer") {
                Some(backward) => parse(backward, "backward_layer")?,
                None => Layer { is_flipped: true, ..parse(layer, "backward_layer")? },
            };
            Ok(vec![forward, backward])
        }
        "TimeDistributed" | "SpectralNormalization" => {
            let layer = value("layer").ok_or_else(|| format!("a {class} layer wraps none"))?;
            Ok(vec![parse(layer, "layer")?])
        }
        "RNN" => {
            let cell = value("cell").ok_or("an RNN layer has no cell")?;
            Ok(vec![parse(cell, "cell")?])
        }
        "StackedRNNCells" => {
            let cells = config.get("cells").and_then(Value::as_array);
            let mut cells = each_layer(cells.ok_or("a StackedRNNCells has no cells")?)?;
            cells.iter_mut().for_each(|cell| cell.key = format!("cells/{}", cell.key));
            Ok(cells)
        }
        _ => Ok(Vec::new()),
    }
}

/// Is a Bidirectional layer in a description, at any depth? The reader of JSON bounds the depth.
fn holds_bidirectional(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_bidirectional),
        Value::Object(object) => {
            let class = object.get("class_name").and_then(Value::as_str).unwrap_or_default();
            class.rsplit('>').next() == Some("Bidirectional")
                || object.values().any(holds_bidirectional)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_has_two_rows() {
        for is_operation in [false, true] {
            let rows = classes().filter(|class| (class.family == "operation") == is_operation);
            let mut names: Vec<&str> = rows.map(|class| class.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        }
    }
}
