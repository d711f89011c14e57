"""Models of scikit-learn that take or give text, as they are exported, with ONNX Runtime's answers.

Writes `text/<case>/{model.onnx,input_<i>.pb,output_<i>.pb}`; tested by
`compile/lower/tests/goldens.rs` and served by `tools/cli/tests/serving/text.rs`. A list of maps, as
ZipMap makes it, is stored as the tensor of its numbers, `output_<i>_of_maps.pb`. Made with
`pip install onnx==1.23.2 onnxruntime==1.32.0 scikit-learn==1.9.1 skl2onnx==1.20.0 pandas==3.1.1`;
ONNX Runtime changes the case of letters by the locale `en_US.UTF-8` of the machine.
"""

import pathlib
import shutil

import numpy as np
import onnxruntime
import pandas
from onnx import numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn import compose, datasets, ensemble, linear_model, naive_bayes, neighbors
from sklearn import neural_network, pipeline, preprocessing, svm, tree
from sklearn.feature_extraction import text as features

FOLDER = pathlib.Path(__file__).parent / "text"
SENTENCES = [
    "the cat sat on the mat",
    "dogs bark at night",
    "a cat and a dog",
    "night of the mat",
    "bark bark bark",
    "cats sit",
]
ANIMALS = np.array(["cat", "dog", "both", "none", "dog", "cat"])


def store(case, model, inputs):
    """The model, its inputs and what ONNX Runtime makes of them."""
    # Converters draw it at random.
    model.graph.name = case
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [port.name for port in session.get_inputs()]
    outputs = session.run(None, dict(zip(names, inputs)))
    folder = FOLDER / case
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for side, tensors in ("input", inputs), ("output", outputs):
        for index, tensor in enumerate(tensors):
            file = f"{side}_{index}.pb"
            if isinstance(tensor, list):
                rows = [list(row.values()) for row in tensor]
                tensor, file = np.array(rows, np.float32), f"{side}_{index}_of_maps.pb"
            proto = numpy_helper.from_array(np.asarray(tensor))
            (folder / file).write_bytes(proto.SerializeToString())


def texts(*rows):
    return np.array(rows, object)


def classifiers():
    """Classes by name, as a label and as a list of maps, which is how it is exported by default."""
    data = datasets.load_iris()
    x, names = data.data.astype(np.float32), data.target_names[data.target]
    shown = x[1::40]
    for kind, model in {
        "logistic": linear_model.LogisticRegression(max_iter=200),
        "forest": ensemble.RandomForestClassifier(2, max_depth=2, random_state=0),
        "tree": tree.DecisionTreeClassifier(max_depth=2, random_state=0),
        "network": neural_network.MLPClassifier([3], max_iter=30, random_state=0),
        "svc": svm.SVC(probability=True, random_state=0, C=100.0),
    }.items():
        model.fit(x, names)
        store(kind, to_onnx(model, x[:1], options={"zipmap": False}), [shown])
        store(f"{kind}_zipmap", to_onnx(model, x[:1]), [shown])
    near = neighbors.KNeighborsClassifier(3).fit(x[::10], names[::10])
    store("neighbors", to_onnx(near, x[:1], options={"zipmap": False}), [shown])
    two = names != "virginica"
    binary = linear_model.LogisticRegression().fit(x[two], names[two])
    store("binary_zipmap", to_onnx(binary, x[:1]), [shown])


def sentences():
    """Words to numbers inside of the model."""
    model = pipeline.make_pipeline(features.TfidfVectorizer(), linear_model.LogisticRegression())
    model.fit(SENTENCES, ANIMALS)
    types = [("text", StringTensorType([None]))]
    shown = texts(*SENTENCES[:3], "nothing known here", "", "MAT mat, bark! cat")
    store("tfidf_zipmap", to_onnx(model, initial_types=types), [shown])
    model = pipeline.make_pipeline(
        features.CountVectorizer(ngram_range=(1, 2)), naive_bayes.MultinomialNB()
    )
    model.fit(SENTENCES, ANIMALS)
    types = [("text", StringTensorType([None, 1]))]
    store("counts", to_onnx(model, initial_types=types, options={"zipmap": False}), [shown[:, None]])


def columns():
    """Columns of text among columns of numbers."""
    color, shape = ["red", "green", "blue", "red"], ["round", "square", "round", "square"]
    table = pandas.DataFrame({"color": color, "size": [1.0, 2.0, 3.0, 4.0], "shape": shape})
    types = [
        ("color", StringTensorType([None, 1])),
        ("size", FloatTensorType([None, 1])),
        ("shape", StringTensorType([None, 1])),
    ]
    shown = [texts(["blue"], ["red"]), np.array([[2.5], [1.0]], np.float32)]
    shown.append(texts(["square"], ["round"]))
    for unknown in "ignore", "error":
        encoder = preprocessing.OneHotEncoder(handle_unknown=unknown)
        by_column = [
            ("names", encoder, ["color", "shape"]),
            ("numbers", preprocessing.StandardScaler(), ["size"]),
        ]
        model = pipeline.Pipeline(
            [
                ("columns", compose.ColumnTransformer(by_column)),
                ("model", linear_model.LogisticRegression()),
            ]
        )
        model.fit(table, ["a", "b", "a", "b"])
        store(f"columns_{unknown}_zipmap", to_onnx(model, initial_types=types), shown)
    rows = table[["color", "shape"]].values
    types = [("x", StringTensorType([None, 2]))]
    shown = [texts(["blue", "square"], ["red", "round"])]
    ordinal = preprocessing.OrdinalEncoder().fit(rows)
    store("ordinal", to_onnx(ordinal, initial_types=types), shown)
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore").fit(rows)
    store("one_hot", to_onnx(one_hot, initial_types=types), [texts(["pink", "square"])])
    labels = preprocessing.LabelEncoder().fit(["a", "b", "c"])
    types = [("x", StringTensorType([None]))]
    store("labels", to_onnx(labels, initial_types=types), [texts("c", "a")])


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    classifiers()
    sentences()
    columns()
