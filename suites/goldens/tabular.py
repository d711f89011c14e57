"""Models of `ai.onnx.ml`, one for each operator and mode, with the answers of ONNX Runtime.

Writes `tabular/<case>/{model.onnx,input_<i>.pb,output_<i>.pb}`; tested by
`compile/lower/tests/goldens.rs`. Made with `pip install onnx==1.22.0 onnxruntime==1.32.0
scikit-learn==1.9.1 skl2onnx==1.20.0 onnxmltools==1.16.0 lightgbm==4.7.0 xgboost-cpu==3.2.0`.
"""

import shutil

import numpy as np
import tabular_converted
import tabular_trees
from onnx import TensorProto, helper, numpy_helper
from tabular_case import FOLDER, ML, NAN, NUMBERS, TRANSFORMS, matrix, node, random, store


def simple():
    """Operators that prepare features."""
    for name, dtype in NUMBERS.items():
        x = matrix(5, 3, dtype)
        offset, scale = [0.5, -1.25, 2.0], [1.5, 0.25, -2.0]
        node(f"scaler_{name}", "Scaler", [x], offset=offset, scale=scale)
        for norm in "MAX", "L1", "L2":
            rows = np.concatenate([x, np.zeros((1, 3), dtype)])
            node(f"normalizer_{norm.lower()}_{name}", "Normalizer", [rows], norm=norm)
        indices = np.array([2, 0, 2], np.int64)
        node(f"array_feature_extractor_{name}", "ArrayFeatureExtractor", [x, indices])
    node("scaler_one", "Scaler", [matrix(4, 3)], offset=[0.5], scale=[2.0])
    node("scaler_far", "Scaler", [matrix(4, 2, np.float64) + 1.7e9], offset=[1.7e9], scale=[0.5])
    node("normalizer_vector", "Normalizer", [matrix(1, 4)[0]], norm="L2")
    vector = np.array([7, 8, 9], np.float32)
    node("array_feature_extractor_vector", "ArrayFeatureExtractor", [vector, np.array([1, 0])])
    cube = matrix(6, 4).reshape(2, 3, 4)
    node("array_feature_extractor_cube", "ArrayFeatureExtractor", [cube, np.array([[3, 1]])])
    node("binarizer", "Binarizer", [matrix(4, 3)], threshold=0.25)
    node("binarizer_default", "Binarizer", [np.array([[-1.0, 0.0, 2.0]], np.float32)])
    for name, wrong in ("nan", NAN), ("number", -1.0):
        x = matrix(4, 3)
        x[0, 1] = x[2, 0] = x[3, 2] = wrong
        common = {"replaced_value_float": wrong}
        node(f"imputer_{name}", "Imputer", [x], imputed_value_floats=[0.5, 1.5, 2.5], **common)
        node(f"imputer_{name}_one", "Imputer", [x], imputed_value_floats=[9.0], **common)
    whole = np.array([[1, -7, 3], [-7, 2, -7]], np.int64)
    common = {"replaced_value_int64": -7}
    node("imputer_i64", "Imputer", [whole], imputed_value_int64s=[10, 20, 30], **common)
    node("imputer_i64_one", "Imputer", [whole], imputed_value_int64s=[2**40], **common)
    for name, dtype in ("i64", np.int64), ("f32", np.float32), ("f64", np.float64):
        x = np.array([[1, 5], [9, -2], [7, 1]], dtype)
        node(f"one_hot_encoder_{name}", "OneHotEncoder", [x], cats_int64s=[5, 1, -2, 9])
    x = np.array([9, 5, 5], np.int64)
    node("one_hot_encoder_strict", "OneHotEncoder", [x], cats_int64s=[5, 1, 9], zeros=0)
    parts = [matrix(3, 2), matrix(3, 4, np.float64), matrix(3, 1, np.int64), matrix(3, 2, np.int32)]
    for index, part in enumerate(parts):
        node(f"feature_vectorizer_{index}", "FeatureVectorizer", [part], inputdimensions=[3])
    same = [matrix(3, 2), matrix(3, 4), matrix(3, 1)]
    node("feature_vectorizer", "FeatureVectorizer", same, inputdimensions=[2, 3, 3])


def category_mapper():
    """Numbers to text, and that text to other numbers."""
    nodes = [
        helper.make_node(
            "CategoryMapper", ["X"], ["text"], domain=ML, cats_int64s=[3, -1, 8],
            cats_strings=["three", "less", "eight"], default_string="other"),
        helper.make_node(
            "CategoryMapper", ["text"], ["Y"], domain=ML, cats_int64s=[10, 20, 30],
            cats_strings=["other", "eight", "three"], default_int64=-5),
    ]
    port = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", 2]) for name in "XY"]
    graph = helper.make_graph(nodes, "category_mapper", port[:1], port[1:])
    imports = [helper.make_opsetid(ML, 3), helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    store("category_mapper", model, [np.array([[3, 8], [-1, 7], [0, 3]], np.int64)])


def label_encoders():
    """LabelEncoder between numbers."""
    floats = np.array([[1.0, -0.0], [2.5, NAN], [7.0, 0.0]], np.float32)
    whole = np.array([[3, -5], [11, 4]], np.int64)
    node(
        "label_encoder_f32_f32", "LabelEncoder", [floats], opset=2,
        keys_floats=[2.5, 0.0, 1.0, NAN], values_floats=[10.0, 11.0, 12.0, 13.0],
        default_float=-1.5,
    )  # fmt: skip
    node(
        "label_encoder_f32_i64", "LabelEncoder", [floats], opset=4,
        keys_floats=[2.5, 0.0, 1.0, NAN, 1.0], values_int64s=[10, 11, 12, 13, 14],
        default_int64=-7,
    )  # fmt: skip
    node(
        "label_encoder_i64_f32", "LabelEncoder", [whole], opset=2,
        keys_int64s=[4, 3, -5], values_floats=[0.5, 1.5, 2.5],
    )  # fmt: skip
    node(
        "label_encoder_i64_i64", "LabelEncoder", [whole], opset=2,
        keys_int64s=[4, 3, -5], values_int64s=[2**40, 1, 2],
    )  # fmt: skip
    for name, key, value in [
        ("f64_f64", np.float64, np.float64),
        ("i64_i64", np.int64, np.int64),
        ("f32_f32", np.float32, np.float32),
    ]:
        tensor = numpy_helper.from_array
        node(
            f"label_encoder_tensors_{name}", "LabelEncoder", [whole.astype(key)], opset=4,
            keys_tensor=tensor(np.array([11, 3], key)),
            values_tensor=tensor(np.array([5, 6], value)),
            default_tensor=tensor(np.array([42], value)),
        )  # fmt: skip


def linear():
    """Linear models with every transform."""
    x = matrix(6, 4, scale=0.2)
    coefficients = (random.standard_normal(12) * 0.3).astype(np.float32)
    for transform in TRANSFORMS:
        name = transform.lower()
        # A probit takes probabilities, not at 1/2, around which `f32` leaves it few digits.
        shift = [0.2, 0.7, 0.25] if transform == "PROBIT" else [0.1, -0.2, 0.3]
        scale = 0.1 if transform == "PROBIT" else 1.0
        node(
            f"linear_classifier_{name}", "LinearClassifier", [x], ("L", "S"),
            coefficients=coefficients * scale, intercepts=shift, classlabels_ints=[4, 5, 9],
            post_transform=transform,
        )  # fmt: skip
        node(
            f"linear_regressor_{name}", "LinearRegressor", [x], targets=3,
            coefficients=coefficients * scale, intercepts=shift, post_transform=transform,
        )  # fmt: skip
        if transform != "PROBIT":
            node(
                f"linear_classifier_binary_{name}", "LinearClassifier", [x], ("L", "S"),
                coefficients=coefficients[:4], intercepts=[0.1], classlabels_ints=[0, 1],
                post_transform=transform,
            )  # fmt: skip
    for name, dtype in NUMBERS.items():
        node(
            f"linear_classifier_{name}", "LinearClassifier", [matrix(5, 4, dtype)], ("L", "S"),
            coefficients=coefficients, intercepts=[0.1, -0.2, 0.3], classlabels_ints=[0, 1, 2],
        )  # fmt: skip
    node("linear_regressor_plain", "LinearRegressor", [x], coefficients=coefficients[:4], targets=1)
    node("linear_regressor_probit_one", "LinearRegressor", [x], targets=1, intercepts=[0.3],
         coefficients=coefficients[:4] * 0.1, post_transform="PROBIT")  # fmt: skip


def svm():
    """Support vector machines: libsvm's layout and the linear one."""
    kernels = ["LINEAR", "POLY", "RBF", "SIGMOID"]
    for classes in 2, 4:
        vectors, duels = [2, 3, 1, 2][:classes], classes * (classes - 1) // 2
        count = sum(vectors)
        common = {
            "coefficients": random.standard_normal((classes - 1) * count).astype(np.float32),
            "support_vectors": random.standard_normal(count * 3).astype(np.float32),
            "rho": random.standard_normal(duels).astype(np.float32) * 0.1,
            "vectors_per_class": vectors,
            "classlabels_ints": [3, 1, 8, 2][:classes],
        }
        scaled = {
            "prob_a": -1 - random.random(duels).astype(np.float32),
            "prob_b": random.standard_normal(duels).astype(np.float32) * 0.1,
        }
        x = matrix(8, 3, scale=1.0)
        for kernel in kernels:
            parameters = {"kernel_type": kernel, "kernel_params": [0.4, 0.2, 3.0]}
            case = f"svm_classifier_{classes}_{kernel.lower()}"
            node(case, "SVMClassifier", [x], ("L", "S"), **common, **parameters)
            node(f"{case}_proba", "SVMClassifier", [x], ("L", "S"), **common, **parameters, **scaled)
        parameters = {"kernel_type": "RBF", "kernel_params": [0.4, 0.0, 3.0]}
        for transform in TRANSFORMS[1:]:
            case = f"svm_classifier_{classes}_{transform.lower()}"
            if transform != "PROBIT":
                node(case, "SVMClassifier", [x], ("L", "S"), **common, **parameters,
                     post_transform=transform)  # fmt: skip
            node(f"{case}_proba", "SVMClassifier", [x], ("L", "S"), **common, **parameters,
                 **scaled, post_transform=transform)  # fmt: skip
        for name, dtype in NUMBERS.items():
            node(f"svm_classifier_{classes}_{name}", "SVMClassifier", [matrix(4, 3, dtype, 1.5)],
                 ("L", "S"), **common, **parameters)  # fmt: skip
        for name, sign in ("mixed", 1), ("positive", 0):
            weights = random.standard_normal(classes * 3).astype(np.float32)
            weights = weights if sign else abs(weights)
            node(f"svm_classifier_{classes}_liblinear_{name}", "SVMClassifier", [x], ("L", "S"),
                 coefficients=weights, rho=[0.15], classlabels_ints=[3, 1, 8, 2][:classes],
                 kernel_type="LINEAR", kernel_params=[0.0, 0.0, 0.0])  # fmt: skip
    x = matrix(8, 3, scale=1.0)
    for kernel in kernels:
        for degree in (2.0, 4.0) if kernel == "POLY" else (3.0,):
            common = {
                "coefficients": random.standard_normal(5).astype(np.float32),
                "support_vectors": random.standard_normal(15).astype(np.float32),
                "n_supports": 5,
                "rho": [0.3],
                "kernel_type": kernel,
                "kernel_params": [0.4, 0.2, degree],
            }
            case = f"svm_regressor_{kernel.lower()}_{degree:.0f}"
            node(case, "SVMRegressor", [x], **common)
            node(f"{case}_one_class", "SVMRegressor", [x], **common, one_class=1)
    node("svm_regressor_liblinear", "SVMRegressor", [x], coefficients=[0.5, -1.0, 2.0], rho=[0.3],
         n_supports=0, kernel_type="LINEAR", kernel_params=[0.0, 0.0, 0.0])  # fmt: skip


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    simple()
    label_encoders()
    category_mapper()
    linear()
    svm()
    tabular_trees.regressors()
    tabular_trees.classifiers()
    tabular_trees.ensembles()
    tabular_converted.converted()
