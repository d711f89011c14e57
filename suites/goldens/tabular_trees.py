"""Ensembles of decision trees for `tabular.py`."""

import numpy as np
from onnx import numpy_helper
from tabular_case import FLOATS, NAN, NUMBERS, TRANSFORMS, matrix, node


def grow(trees, features, depth, modes, seed):
    """The lists of nodes of random trees, and the places of their leaves."""
    source = np.random.default_rng(seed)
    lists = {name: [] for name in (
        "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
        "missing_value_tracks_true",
    )}  # fmt: skip
    leaves = []
    for tree in range(trees):
        count = 2 ** (depth + 1) - 1
        for at in range(count):
            is_leaf = 2 * at + 2 >= count or (at > 2 and source.random() < 0.2)
            lists["treeids"].append(tree)
            lists["nodeids"].append(at)
            lists["featureids"].append(0 if is_leaf else int(source.integers(features)))
            value = 0.0 if is_leaf else round(float(source.normal()), 0 if modes[0] == "=" else 3)
            lists["values"].append(value)
            lists["modes"].append("LEAF" if is_leaf else str(source.choice(modes[1:])))
            lists["truenodeids"].append(0 if is_leaf else 2 * at + 1)
            lists["falsenodeids"].append(0 if is_leaf else 2 * at + 2)
            lists["missing_value_tracks_true"].append(int(not is_leaf and source.random() < 0.5))
            if is_leaf:
                leaves.append((tree, at))
    return {f"nodes_{name}": values for name, values in lists.items()}, leaves


def entries(prefix, leaves, targets, seed, low=-1.0):
    source = np.random.default_rng(seed)
    places = [(leaf, target) for leaf in leaves for target in targets]
    return {
        f"{prefix}_treeids": [leaf[0] for leaf, _ in places],
        f"{prefix}_nodeids": [leaf[1] for leaf, _ in places],
        f"{prefix}_ids": [target for _, target in places],
        f"{prefix}_weights": (source.random(len(places)) * (1 - low) + low).astype(np.float32),
    }


LEQ = [".", "BRANCH_LEQ"]
ALL = ["=", "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def features(rows, columns, dtype=np.float32):
    x = np.round(matrix(rows, columns, np.float64, 1.2), 0 if dtype != np.float64 else 2)
    if dtype in (np.float32, np.float64):
        x[0, 0] = x[1, 2] = NAN
        x[2, 1] = -0.0
    return x.astype(dtype)


def regressors():
    nodes, leaves = grow(4, 4, 3, ALL, 1)
    for aggregate in "SUM", "AVERAGE", "MIN", "MAX":
        for targets in 1, 3:
            given = entries("target", leaves, range(targets), 2)
            for base in {}, {"base_values": [0.25, -0.5, 1.0][:targets]}:
                case = f"tree_regressor_{aggregate.lower()}_{targets}{'_base' if base else ''}"
                node(case, "TreeEnsembleRegressor", [features(7, 4)], **nodes, **given, **base,
                     n_targets=targets, aggregate_function=aggregate)  # fmt: skip
    # Targets that some leaves say nothing about.
    given = entries("target", leaves[: len(leaves) // 2], [0, 2], 3)
    for aggregate in "SUM", "MIN":
        node(f"tree_regressor_{aggregate.lower()}_unspoken", "TreeEnsembleRegressor",
             [features(7, 4)], **nodes, **given, n_targets=3,
             aggregate_function=aggregate)  # fmt: skip
    for mode in ALL[1:]:
        own, leaves = grow(3, 4, 3, ["=", mode], 4)
        given = entries("target", leaves, [0], 5)
        node(f"tree_regressor_{mode.lower()}", "TreeEnsembleRegressor", [features(9, 4)], **own,
             **given, n_targets=1)  # fmt: skip
    nodes, leaves = grow(4, 4, 3, LEQ, 6)
    for transform in TRANSFORMS:
        low = 0.02 if transform == "PROBIT" else -1.0
        given = entries("target", leaves, range(3), 7, low)
        if transform == "PROBIT":
            given["target_weights"] = given["target_weights"] * np.float32(0.1)
        node(f"tree_regressor_{transform.lower()}", "TreeEnsembleRegressor", [features(6, 4)],
             **nodes, **given, n_targets=3, post_transform=transform)  # fmt: skip
    given = entries("target", leaves, [0], 8)
    for name, dtype in FLOATS.items():
        node(f"tree_regressor_{name}", "TreeEnsembleRegressor", [features(6, 4, dtype)], **nodes,
             **given, n_targets=1)  # fmt: skip
    tensors = {
        "nodes_values_as_tensor": np.array(nodes["nodes_values"]) + 1e-12,
        "target_weights_as_tensor": given["target_weights"].astype(np.float64) + 1e-9,
        "base_values_as_tensor": np.array([0.125]),
    }
    rest = {k: v for k, v in (nodes | given).items() if k not in ("nodes_values", "target_weights")}
    tensors = {name: numpy_helper.from_array(x, name) for name, x in tensors.items()}
    node("tree_regressor_f64_tensors", "TreeEnsembleRegressor", [features(6, 4, np.float64)],
         **rest, **tensors, n_targets=1)  # fmt: skip


def classifiers():
    # Not here: two classes of which every leaf speaks. ONNX Runtime 1.32 labels such rows 0 and 1
    # by the sign of the second score, whatever the labels and the other score.
    nodes, leaves = grow(4, 4, 3, LEQ, 11)
    labels = {2: [7, 3], 3: [7, 3, 5]}
    for transform in TRANSFORMS:
        for low in -1.0, 0.05:
            given = entries("class", leaves, range(3), 12, low)
            if transform == "PROBIT":
                if low < 0:
                    continue
                given["class_weights"] = given["class_weights"] * np.float32(0.1)
            name = f"{transform.lower()}_3{'' if low < 0 else '_positive'}"
            node(f"tree_classifier_{name}", "TreeEnsembleClassifier", [features(9, 4)],
                 ("L", "S"), **nodes, **given, classlabels_int64s=labels[3],
                 post_transform=transform)  # fmt: skip
        # Leaves that speak of one class only.
        for which in 0, 1:
            for low in -1.0, 0.05:
                if transform == "PROBIT":
                    continue
                given = entries("class", leaves, [which], 13, low)
                if low > 0:
                    given["class_weights"] = given["class_weights"] * np.float32(0.25)
                for base in ([], [0.125]) if which == 0 else ([],):
                    name = f"{transform.lower()}_of_{which}{'' if low < 0 else '_positive'}"
                    name += f"_base_{len(base)}"
                    more = {"base_values": base} if base else {}
                    node(f"tree_classifier_{name}", "TreeEnsembleClassifier", [features(9, 4)],
                         ("L", "S"), **nodes, **given, **more, classlabels_int64s=labels[2],
                         post_transform=transform)  # fmt: skip
    given = entries("class", leaves, range(3), 14)
    node("tree_classifier_base", "TreeEnsembleClassifier", [features(9, 4)], ("L", "S"), **nodes,
         **given, classlabels_int64s=labels[3], base_values=[0.3, -0.2, 0.9])  # fmt: skip
    for classes in 2, 3:
        # A class that no leaf speaks of, and the others negative.
        given = entries("class", leaves, range(classes), 15, -2.0)
        given["class_weights"] = -abs(given["class_weights"])
        kept = [i for i, (c, t) in enumerate(zip(given["class_ids"], given["class_treeids"]))
                if c != classes - 1]  # fmt: skip
        given = {name: [values[i] for i in kept] for name, values in given.items()}
        node(f"tree_classifier_unspoken_{classes}", "TreeEnsembleClassifier", [features(9, 4)],
             ("L", "S"), **nodes, **given, classlabels_int64s=labels[classes])  # fmt: skip
    given = entries("class", leaves, range(3), 16)
    for name, dtype in NUMBERS.items():
        node(f"tree_classifier_{name}", "TreeEnsembleClassifier", [features(6, 4, dtype)],
             ("L", "S"), **nodes, **given, classlabels_int64s=[0, 1, 2])  # fmt: skip


def ensembles():
    """TreeEnsemble-5."""
    source = np.random.default_rng(21)
    tensor = numpy_helper.from_array
    for name, dtype in FLOATS.items():
        for case, modes in ("plain", [0]), ("modes", range(6)), ("members", [0, 6]):
            count, leaf_count = 15, 32
            lists = {"featureids": [], "truenodeids": [], "falsenodeids": [], "trueleafs": [],
                     "falseleafs": [], "missing_value_tracks_true": []}  # fmt: skip
            splits, kinds, members, leaf = [], [], [], 0
            for tree in range(2):
                for at in range(count):
                    lists["featureids"].append(int(source.integers(4)))
                    lists["missing_value_tracks_true"].append(int(source.integers(2)))
                    kinds.append(int(source.choice(list(modes))))
                    splits.append(float(np.round(source.normal())))
                    if kinds[-1] == 6:
                        members += [*np.unique(np.round(source.normal(size=4) * 2)), NAN]
                    for side, child in ("true", 2 * at + 1), ("false", 2 * at + 2):
                        is_leaf = child >= count
                        lists[f"{side}leafs"].append(int(is_leaf))
                        lists[f"{side}nodeids"].append(leaf if is_leaf else child + tree * count)
                        leaf += is_leaf
            attributes = {f"nodes_{key}": values for key, values in lists.items()}
            attributes |= {
                "nodes_splits": tensor(np.array(splits, dtype)),
                "nodes_modes": tensor(np.array(kinds, np.uint8)),
                "leaf_weights": tensor(source.normal(size=leaf_count).astype(dtype)),
                "leaf_targetids": [int(source.integers(2)) for _ in range(leaf_count)],
                "tree_roots": [0, count],
                "n_targets": 2,
            }
            if members:
                attributes["membership_values"] = tensor(np.array(members, dtype))
            for aggregate, function in enumerate(["average", "sum", "min", "max"]):
                # ONNX Runtime 1.32 drops the fraction of what it looks for in small sets.
                x = features(9, 4, dtype)
                x = np.round(x) if case == "members" else x
                if case == "plain" or function == "sum":
                    node(f"tree_ensemble_{case}_{function}_{name}", "TreeEnsemble", [x], opset=5,
                         aggregate_function=aggregate, **attributes)  # fmt: skip
            # Not 1 and 2, softmax and logistic: ONNX Runtime 1.32 has them the other way round.
            if case == "plain" and name == "f32":
                node("tree_ensemble_softmax_zero", "TreeEnsemble", [features(9, 4)], opset=5,
                     post_transform=3, **attributes)  # fmt: skip
