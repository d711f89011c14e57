//! `docs/formats.md`: what is read of each format. `BLESS=1 cargo test -p schooner-import --test
//! formats_doc` writes it anew.

use import::formats::FORMATS;
use import::keras::{Class, classes};
use import::{pytorch, tensorflow};
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

const PYTORCH: &str = "
## PyTorch

Read are programs that `torch.export.save` wrote (`.pt2`, of today's archives and of those before
2.8) and TorchScript (`.pt`, `.jit`), traced, scripted or frozen. Both hold the graph, or source
that says it; the source is walked through as data: methods are inlined, branches over what is known
are taken, loops run out, and what operators change in place is followed, through views as well.
Pickles are read by a list of what makes tensors, dictionaries and lists; anything else that one
names is refused by that name.

An exported program says its inputs' shapes; its open sizes are called `batch` where they come
first, else `<input>_<axis>`. TorchScript says none. A trace holds the sizes it was made with, of which the
first is left open. For a script the first layers and the sizes that `--size <input>_<axis>=N` gives
say them; where only some size of images fits the model, the usual ones are tried. A number that a
script takes is given by `--size NAME=N`. States that a module keeps begin as they were saved, with
each request.

Refused, by the operator's name: branches and loops that data decide, quantized operators, those of
torchvision's detection, and operators that are not in the table. A pickled module is code.

A file of weights alone (`.pth`, `.safetensors`) has no graph. It is read where the names and shapes
of its tensors are those of an architecture that is known: ResNet of 18 to 152 layers with its
grouped and wide forms, MobileNetV2, VGG, DenseNet, ViT and DeiT, as torchvision or timm name their
layers. What each answers is held against PyTorch itself: `suites/pytorch`.
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
    let rows = tensorflow::operators().map(|operator| (operator.family, operator.name));
    text += &table(rows.collect());
    text += PYTORCH;
    let rows = pytorch::operators().map(|operator| (operator.family, operator.name));
    text += &table(rows.collect());
    text
}

/// Operators by their families.
fn table(operators: Vec<(&str, &str)>) -> String {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (family, name) in operators {
        families.entry(family).or_default().push(name);
    }
    let mut text = "\n| family | operators |\n|---|---|\n".to_string();
    for (family, mut names) in families {
        names.sort_unstable();
        let _ = writeln!(text, "| {family} | {} |", names.join(", "));
    }
    text
}
