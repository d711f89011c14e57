//! The words of Keras 1, put into those of today before a description is read, and what of early
//! files cannot be read, since the same words meant other numbers.

use super::net::{Layer, Net};
use super::refusal;
use crate::error::{Reason, Refusal};
use serde_json::{Map, Value};

/// Classes that were renamed.
const CLASSES: &[(&str, &str)] = &[
    ("Convolution1D", "Conv1D"),
    ("Convolution2D", "Conv2D"),
    ("Convolution3D", "Conv3D"),
    ("AtrousConvolution1D", "Conv1D"),
    ("AtrousConvolution2D", "Conv2D"),
    ("AtrousConv1D", "Conv1D"),
    ("AtrousConv2D", "Conv2D"),
    ("Deconvolution2D", "Conv2DTranspose"),
    ("Deconv2D", "Conv2DTranspose"),
    ("Convolution2DTranspose", "Conv2DTranspose"),
    ("Convolution3DTranspose", "Conv3DTranspose"),
    ("SeparableConvolution1D", "SeparableConv1D"),
    ("SeparableConvolution2D", "SeparableConv2D"),
    ("DepthwiseConvolution2D", "DepthwiseConv2D"),
    ("MaxPool1D", "MaxPooling1D"),
    ("MaxPool2D", "MaxPooling2D"),
    ("MaxPool3D", "MaxPooling3D"),
    ("AvgPool1D", "AveragePooling1D"),
    ("AvgPool2D", "AveragePooling2D"),
    ("AvgPool3D", "AveragePooling3D"),
    ("GlobalMaxPool1D", "GlobalMaxPooling1D"),
    ("GlobalMaxPool2D", "GlobalMaxPooling2D"),
    ("GlobalMaxPool3D", "GlobalMaxPooling3D"),
    ("GlobalAvgPool1D", "GlobalAveragePooling1D"),
    ("GlobalAvgPool2D", "GlobalAveragePooling2D"),
    ("GlobalAvgPool3D", "GlobalAveragePooling3D"),
    ("BatchNormalizationV1", "BatchNormalization"),
    ("BatchNormalizationV2", "BatchNormalization"),
    ("SyncBatchNormalization", "BatchNormalization"),
    // The class has another name than it is exported by, and its weights lie under the former.
    ("GroupQueryAttention", "GroupedQueryAttention"),
    ("LSTMV1", "LSTM"),
    ("LSTMV2", "LSTM"),
    ("GRUV1", "GRU"),
    ("GRUV2", "GRU"),
];

/// Settings that were renamed, for every class.
const SETTINGS: &[(&str, &str)] = &[
    ("nb_filter", "filters"),
    ("filter_length", "kernel_size"),
    ("border_mode", "padding"),
    ("subsample", "strides"),
    ("subsample_length", "strides"),
    ("dim_ordering", "data_format"),
    ("bias", "use_bias"),
    ("inner_activation", "recurrent_activation"),
    ("pool_length", "pool_size"),
    ("stride", "strides"),
    ("atrous_rate", "dilation_rate"),
    ("length", "size"),
    ("concat_axis", "axis"),
    ("dot_axes", "axes"),
];

/// What the one class of version 1 for all that joins values is today, by its `mode`.
const MERGES: [(&str, &str); 6] = [
    ("sum", "Add"),
    ("mul", "Multiply"),
    ("concat", "Concatenate"),
    ("ave", "Average"),
    ("max", "Maximum"),
    ("dot", "Dot"),
];

/// Classes whose `output_dim` is today's `units`.
const WITH_UNITS: [&str; 4] = ["Dense", "LSTM", "GRU", "SimpleRNN"];

/// Puts a description of version 1 into the words of version 2, and the names of classes that later
/// versions gave up into those of today, in all layers and models inside of it.
pub(super) fn modernize(description: &mut Value, dialect: u32) {
    match description {
        Value::Array(items) => items.iter_mut().for_each(|item| modernize(item, dialect)),
        Value::Object(object) => {
            if let Some(class) = object.get("class_name").and_then(Value::as_str)
                && let Some((_, new)) = CLASSES.iter().find(|(old, _)| *old == class)
            {
                object.insert("class_name".to_string(), Value::from(*new));
            }
            let mode = object.get("config").and_then(|config| config.get("mode")?.as_str());
            if object.get("class_name").is_some_and(|class| class == "Merge")
                && let Some((_, new)) = MERGES.iter().find(|(old, _)| Some(*old) == mode)
            {
                object.insert("class_name".to_string(), Value::from(*new));
            }
            let class = object.get("class_name").and_then(Value::as_str).map(str::to_string);
            if let (Some(class), Some(Value::Object(config))) = (class, object.get_mut("config"))
                && dialect < 2
            {
                settings(&class, config);
            }
            object.values_mut().for_each(|value| modernize(value, dialect));
        }
        _ => {}
    }
}

/// Puts the settings of a layer of version 1 into the words of version 2.
fn settings(class: &str, config: &mut Map<String, Value>) {
    for (old, new) in SETTINGS {
        let is_said = config.contains_key(*new);
        if let Some(value) = config.remove(*old).filter(|_| !is_said) {
            config.insert(new.to_string(), value);
        }
    }
    if let (Some(rows), Some(columns)) = (config.remove("nb_row"), config.remove("nb_col")) {
        config.insert("kernel_size".to_string(), Value::from(vec![rows, columns]));
    }
    let dims = ["kernel_dim1", "kernel_dim2", "kernel_dim3"];
    if let [Some(a), Some(b), Some(c)] = dims.map(|name| config.remove(name)) {
        config.insert("kernel_size".to_string(), Value::from(vec![a, b, c]));
    }
    if WITH_UNITS.contains(&class)
        && let Some(units) = config.remove("output_dim")
    {
        config.insert("units".to_string(), units);
    }
    let order = config.get("data_format").and_then(Value::as_str);
    let new = match order {
        Some("tf") => "channels_last",
        Some("th") => "channels_first",
        _ => return,
    };
    config.insert("data_format".to_string(), Value::from(new));
}

/// What to do about a layer whose weights lie otherwise than later versions read them.
const SAVE_AGAIN: &str = "load the model with Keras 2 or newer, with TensorFlow as its backend, \
     which puts the weights into today's order, and save it again";

/// The layers of a model that early files hold in another way than later ones.
pub(super) fn refusals(net: &Net<'_>, dialect: u32, backend: Option<&str>) -> Vec<Refusal> {
    let mut found = Vec::new();
    refuse_in(&net.layers, "", (dialect, backend), &mut found);
    found
}

fn refuse_in(
    layers: &[Layer<'_>],
    prefix: &str,
    (dialect, backend): (u32, Option<&str>),
    found: &mut Vec<Refusal>,
) {
    for layer in layers {
        let name = format!("{prefix}{}", layer.name);
        if let Some(reason) = other_meaning(layer, dialect, backend) {
            let refused = refusal::of_layer(layer, &name, reason, Vec::new());
            found.push(Refusal { hint: SAVE_AGAIN.to_string(), ..refused });
        }
        let prefix = format!("{name}/");
        let inside = layer.net.as_ref().map_or(&[][..], |net| &net.layers);
        for layers in [inside, &layer.inner] {
            refuse_in(layers, &prefix, (dialect, backend), found);
        }
    }
}

/// Why a layer's weights or settings mean something else than in later files, if they do. Sizes
/// that happen to coincide would hide it.
fn other_meaning(layer: &Layer<'_>, dialect: u32, backend: Option<&str>) -> Option<Reason> {
    let refused = |name: &str, expected: &str, found: &str| {
        let [name, expected, found] = [name, expected, found].map(str::to_string);
        Some(Reason::Attribute { name, expected, found })
    };
    let is_convolution = layer.class.contains("Conv") && !layer.is_operation;
    if is_convolution && backend == Some("theano") {
        return refused("backend", "one that does not turn kernels", "theano, which turns them");
    }
    if dialect >= 2 {
        return None;
    }
    if is_convolution && layer.class.ends_with("Transpose") {
        let expected = "a transposed convolution of Keras 2 or newer";
        return refused("keras_version", expected, "1, whose kernels lie in another order");
    }
    let order = layer.config.text("data_format");
    if is_convolution && !layer.class.contains("1D") && order != Some("channels_last") {
        let found = if order.is_some() { "th" } else { "nothing" };
        let expected = "`tf`, since Keras 1 keeps kernels of another order otherwise";
        return refused("dim_ordering", expected, found);
    }
    let mode = layer.config.get("mode").filter(|mode| mode.as_i64() != Some(0));
    let mode = mode.filter(|_| layer.class == "BatchNormalization");
    mode.and_then(|mode| {
        refused("mode", "0, normalization by the statistics of training", &mode.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn layers_that_meant_something_else_are_refused() {
        let cases = [
            ("Convolution2D", json!({"dim_ordering": "th"}), 1, None, Some("dim_ordering")),
            ("Convolution2D", json!({"dim_ordering": "tf"}), 1, None, None),
            ("Convolution2D", json!({}), 1, None, Some("dim_ordering")),
            ("Deconvolution2D", json!({"dim_ordering": "tf"}), 1, None, Some("keras_version")),
            ("BatchNormalization", json!({"mode": 1}), 1, None, Some("mode")),
            ("BatchNormalization", json!({"mode": 0}), 1, None, None),
            ("Conv2D", json!({"data_format": "channels_first"}), 2, Some("tensorflow"), None),
            ("Conv2D", json!({}), 2, Some("theano"), Some("backend")),
            ("Dense", json!({}), 1, Some("theano"), None),
        ];
        for (class, config, dialect, backend, expected) in cases {
            let mut value = json!({"class_name": class, "config": config});
            modernize(&mut value, dialect);
            let layer = Layer::parse(&value, String::new()).unwrap();
            let reason = other_meaning(&layer, dialect, backend);
            let name = match &reason {
                Some(Reason::Attribute { name, .. }) => Some(name.as_str()),
                _ => None,
            };
            assert_eq!(name, expected, "{value}: {reason:?}");
        }
    }
}
