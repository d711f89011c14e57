//! `docs/formats.md`: what is read of each format. `BLESS=1 cargo test -p schooner-import --test
//! formats_doc` writes it anew.

use import::formats::FORMATS;
use import::keras::{Class, classes};
use import::{Operator, lightgbm, mxnet, pytorch, tensorflow, tflite, xgboost};
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
says which pixels it takes, and that becomes its recipe ([recipes.md](recipes.md)). States of
stateful layers begin at zero with each request.

Files of Keras 1 held some weights in another order, which their sizes do not always show. Refused
of these are convolutions of the order `th`, transposed convolutions and BatchNormalization of a
`mode` other than 0, and of every version convolutions that were saved with Theano as the backend.
Files of Keras 1 do not say their backend: TensorFlow is taken for it. Load such a model with Keras
2 or newer, with TensorFlow as its backend, and save it again.

Refused, by the layer's name: `Lambda` and classes that are none of these, since they are code; a
model whose class is one's own; `TFSMLayer`; and layers of Keras that are not in the table, among
them Hashing, StringLookup, TextVectorization, spectrograms, Solarization, Equalization and
AutoContrast. So is an operation that is given a parameter which is not read. What each answers is
held against Keras itself: `suites/keras`. Of the 39 architectures of keras.applications each
answers as Keras does, to 1e-4 of the largest number: all as `.keras`, 36 as `.h5`, and 15, one or
more of each family, as a SavedModel and for TensorFlow Lite (`suites/keras/applications.py BINARY
keras|h5|saved|tflite`; random weights, 2026-12-01).
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
of its input and its color space become the recipe ([recipes.md](recipes.md)).

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

const XGBOOST: &str = "
## XGBoost

Read are models as `save_model` writes them, in JSON (`.json`) and UBJSON (`.ubj`), of XGBoost 1 to
3: trees (`gbtree`, forests among them), trees of which some are dropped (`dart`), linear models
(`gblinear`), leaves of one number and of several, nodes that ask for categories. Old binary files
(`.model`, `.bin`) are not read: load such a file and save it as `.ubj`.

The model takes `features`, `f32[batch, features]`, in the order of the training; a missing one is
NaN, a category its number. It makes `prediction`, as `Booster.predict` does with all trees:
probabilities, classes of `multi:softmax`, or numbers, without a second axis where there is one for
each row. Names of features are kept among the model's properties. Where the training data was a
data frame whose categories are texts, their numbers in the training are asked for.

Leaves are compared and summed as in XGBoost, to the last bit; so are the probabilities, save where
the C library's `expf` does not give the nearest float. Linear models add in another order, so that
their last bits may differ. Refused are objectives that are not listed here: a model of one's own
objective is saved under the name of a listed one, such as `reg:squarederror`, and makes raw sums.
What each answers is held against XGBoost itself: `suites/trees`.
";

const LIGHTGBM: &str = "
## LightGBM

Read are models as `save_model` writes them, which is text (`.txt`): boosted trees, `dart`, `goss`
and random forests, categories, missing values of each kind. The model takes `features`,
`f64[batch, features]`, since LightGBM compares in f64: a feature that is an f32 is the same number
in f64, and JSON says no type, but a `.npy` file or binary tensor has to be f64. A missing one is
NaN, a category its number. It makes `prediction`, as `Booster.predict` does: probabilities or
numbers in f64, without a second axis where there is one for each row. Where the training data was a
data frame whose categories are texts, their numbers in the training are asked for.

Answers are those of LightGBM to the last bit, save of `cross_entropy_lambda`, whose logarithm is
rounded once more. Refused are linear models in leaves (`linear_tree`) and objectives that are not
listed here; a model without an objective makes raw sums. What each answers is held against LightGBM
itself: `suites/trees`.
";

const MXNET: &str = "
## MXNet

Read are pairs of files: `PREFIX-symbol.json`, the graph, which is the file to give, and
`PREFIX-0000.params`, the parameters, which have to lie beside it. Of several epochs the latest is
taken. So `save_checkpoint` writes a model and `HybridBlock.export` of Gluon, in every version of
the format. A file of parameters alone has no graph; `save_parameters` writes such.

A symbol file seldom says the shapes of inputs: they follow from the layers that take them, and open
sizes are called `batch` and `<input>_<axis>`. Where a flattened image meets a layer of known width,
the side of the image is the one that fits, of several the one that is most usual; `--size` takes
another. Where nothing says how many axes an input has, it is refused. Labels of losses are no
inputs, and losses make what they make in inference. `--model-output` keeps other nodes.

What detectors find has as many rows as there are candidates, and rows without a box are -1, as
MXNet makes them; `export` refuses these operators, which ONNX has in another form. What
`ROIAlign` makes of a region of no image, -1, is 0, as on a GPU; MXNet's own answer on a CPU is what
was in memory.

Refused, by the node's name: `Custom`, which is Python code, loops, quantized operators, what only
training needs, such as `MultiBoxTarget`, and what is not in the table. What each answers is held
against MXNet itself: `suites/mxnet`.
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
first, else `<input>_<axis>`. TorchScript says none. A trace holds the sizes it was made with, of
which the first is left open. For a script the first layers and the sizes that `--size
<input>_<axis>=N` gives say them; where only some size of images fits the model, the usual ones are
tried. A number that a script takes is given by `--size NAME=N`. States that a module keeps begin as
they were saved, with each request.

Refused, by the operator's name: branches and loops that data decide, quantized operators, those of
torchvision's detection, and operators that are not in the table. A pickled module is code.

A file of weights alone (`.pth`, `.safetensors`) has no graph. Either an export of the model says
it: `--weights FILE` puts the tensors of a state dict into a `.pt2`, TorchScript or ONNX file, in
the place of those that it has under the same names. Types and shapes have to be the same, save that
16 bits stand for 32, and neither side may have what the other lacks; what does not fit is named. An
exporter to ONNX that computes with weights and gives them new names makes no such skeleton:
`dynamo=False, do_constant_folding=False, training=TrainingMode.PRESERVE` keeps them.

Or the names and shapes of the tensors are those of an architecture that is known, and each of them
is one of its: ResNet of 18 to 152 layers with its grouped and wide forms, MobileNetV2 and V3,
EfficientNet and EfficientNetV2, VGG, DenseNet, ViT and DeiT, as torchvision or timm name their
layers, EfficientNet-lite, MnasNet, TinyNet, FBNet-C and SPNASNet as timm does.
Models of timm that came from TensorFlow, `tf_…`, have the names and shapes of those that did not,
and other padding: the file's name tells them, or timm's `config.json` beside it.

What each answers is held against PyTorch itself: `suites/pytorch`. Of the 80 classifiers of
torchvision 76 were exported, all but those of more than a gigabyte, and each answers as PyTorch
does, to 4e-6 of the largest number (`suites/pytorch/architectures.py BINARY export`; random
weights, 2026-12-01). So do 31 whose weights alone were given, one or more of each family, and ViT,
DeiT and DenseNet of timm.
";

#[test]
fn no_operator_has_two_rows() {
    let lists: [Vec<Operator>; 4] = [
        mxnet::operators().collect(),
        pytorch::operators().collect(),
        tensorflow::operators().collect(),
        tflite::operators().collect(),
    ];
    for operators in lists {
        let mut names: Vec<_> = operators.iter().map(|operator| operator.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}

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
    text += &table(tensorflow::operators());
    text += TFJS;
    text += TFLITE;
    text += &table(tflite::operators());
    text += PYTORCH;
    text += &table(pytorch::operators());
    text += XGBOOST;
    text += &objectives(xgboost::objectives());
    text += LIGHTGBM;
    text += &objectives(lightgbm::objectives());
    text += MXNET;
    text += &table(mxnet::operators());
    text
}

/// Operators by their families.
fn table(operators: impl Iterator<Item = Operator>) -> String {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Operator { family, name } in operators {
        families.entry(family).or_default().push(name);
    }
    let mut text = "\n| family | operators |\n|---|---|\n".to_string();
    for (family, mut names) in families {
        names.sort_unstable();
        let _ = writeln!(text, "| {family} | {} |", names.join(", "));
    }
    text
}

fn objectives(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let mut text = "\nObjectives:".to_string();
    let mut width = text.len();
    for (at, name) in names.iter().enumerate() {
        let end = if at + 1 == names.len() { "." } else { "," };
        width += name.len() + 2;
        let is_full = width > 96;
        width = if is_full { name.len() + 1 } else { width };
        let _ = write!(text, "{}{name}{end}", if is_full { "\n" } else { " " });
    }
    text + "\n"
}
