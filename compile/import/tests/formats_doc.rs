//! `docs/formats.md`: what is read of each format. `BLESS=1 cargo test -p schooner-import --test
//! formats_doc` writes it anew.

use import::formats::FORMATS;
use import::keras::{Class, classes};
use import::{tensorflow, tflite};
use std::collections::BTreeMap;
use std::fmt::Write;

const HEAD: &str = "\
# Formats

What a model file may be. The bytes tell which format it is, the name does not matter. No code that
a file holds is run, and nothing beside the binary is needed. This page is written from the tables
of the importers: `BLESS=1 cargo test -p schooner-import --test formats_doc`.
";

const KERAS: &str = "
## Keras

Read are whole models: `.keras` archives and `.h5` or `.hdf5` files of Keras 2 and 3, of `tf.keras`,
and of Keras 1 within the limits below. A model is a graph of layers: Sequential or Functional, with
several inputs and outputs, layers that are called more than once, models inside of models, and
masks that pass from layer to layer. A file of weights alone has no graph and is refused.

Values keep Keras' order of axes, so that images are `[batch, height, width, channels]`; sizes that
the model leaves open are called `batch` and `<input>_<axis>`. Weights of 16 bits are computed in
f32, as the policy `mixed_float16` keeps them. A model that begins with Rescaling or Normalization
takes pixels as they are, and no recipe is asked for. States of stateful layers begin at zero with
each request.

Files of Keras 1 held some weights in another order, which their sizes do not always show. Refused
of these are convolutions of the order `th`, transposed convolutions and BatchNormalization of a
`mode` other than 0, and of every version convolutions that were saved with Theano as the backend.
Files of Keras 1 do not say their backend: TensorFlow is taken for it. Load such a model with Keras
2 or newer, with TensorFlow as its backend, and save it again.

Refused, by the layer's name: `Lambda` and classes that are none of these, since they are code; a
model whose class is one's own; `TFSMLayer`; and layers of Keras that are not in the table, among
them Hashing, StringLookup, TextVectorization, spectrograms, Solarization, Equalization and
AutoContrast. So is an operation that is given a parameter which is not read. What each answers is
held against Keras itself: `suites/keras`.
";

const TENSORFLOW: &str = "
## TensorFlow

Read are frozen graphs (`.pb`) and SavedModels of TensorFlow 1 and 2: a folder with
`saved_model.pb`, its variables and assets. Either the folder or the file in it is the model, and a
numbered version of TensorFlow Serving holds one. A SavedModel is called by the signature
`serving_default`, or the one that `--signature` names; a frozen graph takes its placeholders and
makes what no node takes. `--model-output` keeps other values: outputs of the signature, or nodes.
What the outputs do not need is not looked at. Sizes that the model leaves open are called `batch`
where they come first, else `<input>_<axis>`.

Functions are inlined, variables and tables are constants; `If` and `While` run, and loops that fill
lists of tensors, as `map_fn` and layers of Keras with steps write them. Images may be in
`NHWC` or `NCHW`. Text is UTF-8: where a graph cuts it into bytes, one that is no character becomes
one of private use, which the hashing of text takes for the byte. Checks, assertions and edges that
are only waited for are not heeded.

Refused, by the node's name: loops of TensorFlow 1 (`Enter`, `Exit`), switches whose side depends on
data, lists that grow, what decodes images, examples or files, Python functions, and operators that
are not in the table. What each answers is held against TensorFlow itself: `suites/tensorflow`.
";

const TFLITE: &str = "
## TensorFlow Lite

Read are `.tflite` files of every converter: with floats, with weights of 16 bits, with weights of
8 bits or 4 and floats between the layers, and wholly in integers, of one scale or one for each
channel. The model is called by its signature `serving_default`, or the one that `--signature`
names, and its inputs and outputs bear the names of the signature; `--model-output` keeps other
values of the graph. Sizes that the file says are open stay so and are called `batch` where they
come first, else `<input>_<axis>`; a file that was converted with sizes of 1 has those.

Integers that stand for numbers are computed as such, by the kernels for integers where these are
faster, and rounded where the model rounds: what comes out is at most one step of an operator from
what the interpreter of TensorFlow Lite makes. Inputs and outputs keep the integers that the file
declares. Where weights alone have 8 bits the interpreter rounds the values between the layers
while it runs; here they stay floats, which is nearer to the model that was trained.

Class names that the author packed into the file become those of the model; the mean and deviation
of its input that stand beside them do not make a recipe yet.

Loops (`WHILE`, as GRU and other layers with steps are converted) are unrolled: how often they run
has to be known, by `--size` where it is a size that is open. Of a branch (`IF`) that depends on
data both sides are computed. States of an LSTM are not cut at 10 as the converter writes it for
every LSTM: neither does the layer that was trained.

Refused, by the operator's name: those that are not in the table, operators of TensorFlow inside of
the file (`Flex…`) and of one's own, loops that run as often as data says, weights that leave out
zeros, text. What each answers is held against the interpreter of TensorFlow Lite: `suites/tflite`.
";

const TFJS: &str = "
## TensorFlow.js

Read are layers-models: `model.json`, which holds the layers as Keras has them, and the files of
weights that it names, which have to lie in its folder or below. Weights may be stored as float16,
or as uint8 or uint16 with a scale. The layers are those of the table of Keras, with the same
limits. Refused is a graph-model, which is made of nodes of TensorFlow: serve the SavedModel that
it was made from. What each answers is held against TensorFlow.js itself: `suites/tfjs`.
";

#[test]
fn the_page_lists_every_class() {
    let path = testkit::repository().join("docs/formats.md");
    let text = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let advice = "docs/formats.md differs; BLESS=1 cargo test -p schooner-import --test \
                  formats_doc writes it";
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == text, "{advice}");
}

fn page() -> String {
    let mut text = HEAD.to_string();
    text += "\n| format | files |\n|---|---|\n";
    for format in FORMATS {
        let _ = writeln!(text, "| {} | {} |", format.name, format.suffixes.join(", "));
    }
    text += "\n## ONNX\n\nThe operators, with their versions: [operators.md](operators.md).\n";
    text += KERAS;
    let (layers, operations): (Vec<Class>, Vec<Class>) =
        classes().partition(|class| class.family != "operation");
    text += "\n| layer | family | |\n|---|---|---|\n";
    let mut layers = layers;
    layers.sort_by_key(|class| class.name);
    for Class { name, family, doc } in layers {
        let _ = writeln!(text, "| {name} | {family} | {doc} |");
    }
    text += "\nFunctions that stand among the layers, as `keras.ops` and the operators of Python \
             write\nthem (of TensorFlow in the versions before 3):\n";
    let mut names: Vec<&str> = operations.iter().map(|class| class.name).collect();
    names.sort_unstable();
    let mut line = String::new();
    for name in names {
        if line.len() + name.len() > 92 {
            let _ = write!(text, "\n{}", line.trim_end());
            line.clear();
        }
        line += &format!("{name}, ");
    }
    let _ = writeln!(text, "\n{}.", line.trim_end().trim_end_matches(','));
    text += TENSORFLOW;
    families(&mut text, tensorflow::operators().map(|operator| (operator.family, operator.name)));
    text += TFJS;
    text += TFLITE;
    families(&mut text, tflite::operators().map(|operator| (operator.family, operator.name)));
    text
}

/// The operators of each family.
fn families(text: &mut String, operators: impl Iterator<Item = (&'static str, &'static str)>) {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (family, name) in operators {
        families.entry(family).or_default().push(name);
    }
    *text += "\n| family | operators |\n|---|---|\n";
    for (family, mut names) in families {
        names.sort_unstable();
        let _ = writeln!(text, "| {family} | {} |", names.join(", "));
    }
}
