"""Writes `xgboost.zip.zst`, `xgboost_old.zip.zst` and `lightgbm.zip.zst`: small models as the
frameworks save them, with rows of features and what the frameworks' own `predict` answers.

    python make.py xgboost
    python make.py xgboost_old    # with an older XGBoost
    python make.py lightgbm

README.md says which versions were taken.
"""

import argparse
import io
import json
import os
import zipfile
import zlib

import numpy as np
import zstandard

TYPES = {"float32": "f32", "float64": "f64"}


def data(name, rows=240, features=6, categories=()):
    """Features with missing ones and zeros, and a number to learn for each row."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    x = rng.normal(size=(rows, features))
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.1] = 0.0
    x[:, 0] = np.round(x[:, 0], 1)
    z = np.nan_to_num(x)
    y = z[:, 0] + 2 * (z[:, 1] > 0.3) - z[:, 2] * z[:, 3] + 0.1 * rng.normal(size=rows)
    for column, count in categories:
        x[:, column] = rng.integers(0, count, rows)
        y = y + np.sin(x[:, column] * 7)
        x[rng.random(rows) < 0.05, column] = np.nan
    return rng, x, y


def asked(rng, x, categories, thresholds):
    """Rows that are asked: some of the training, ends of nodes, and numbers beyond."""
    rows = x[: 60].copy()
    plain = [at for at in range(x.shape[1]) if at not in dict(categories)]
    for at, (feature, threshold) in enumerate(thresholds[:120]):
        if feature in plain:
            row = rows[at % len(rows)]
            row[feature] = [threshold, np.nextafter(threshold, -np.inf),
                            np.nextafter(threshold, np.inf)][at % 3]
    far = rng.normal(size=(8, x.shape[1])) * 1e6
    for column, count in categories:
        far[:, column] = [-1, -0.5, 0.5, count - 0.25, count, 1000, count + 31, -3]
    return np.concatenate([rows, far, np.full((1, x.shape[1]), np.nan), np.zeros((1, x.shape[1]))])


def write(archive, name, suffix, model, x, y):
    ports = [{"dtype": TYPES[str(a.dtype)], "shape": list(a.shape)} for a in (x, y)]
    case = json.dumps({"inputs": ports[:1], "outputs": ports[1:]}).encode()
    values = np.ascontiguousarray(x).tobytes() + np.ascontiguousarray(y).tobytes()
    files = {f"model.{suffix}": model, "case.json": case, "values.bin": values}
    for part, bytes_ in files.items():
        archive.writestr(zipfile.ZipInfo(f"{name}/{part}"), bytes_)


# --- XGBoost ---


def labels(y, kind):
    if kind == "class2":
        return (y > y.mean()).astype(int)
    if kind == "class3":
        return np.digitize(y, np.quantile(y, [0.4, 0.7]))
    if kind == "positive":
        return np.exp(y / 3)
    if kind == "count":
        return np.round(np.exp(y / 3))
    if kind == "two":
        return np.stack([y, -y * y], 1)
    return y


XGBOOST = {
    # name: (parameters, kind of labels)
    "squarederror": ({"objective": "reg:squarederror"}, ""),
    "squaredlogerror": ({"objective": "reg:squaredlogerror"}, "positive"),
    "pseudohuber": ({"objective": "reg:pseudohubererror"}, ""),
    "absoluteerror": ({"objective": "reg:absoluteerror"}, ""),
    "quantiles": ({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, ""),
    "reg_logistic": ({"objective": "reg:logistic"}, "class2"),
    "binary": ({"objective": "binary:logistic"}, "class2"),
    "binary_base": ({"objective": "binary:logistic", "base_score": 0.2}, "class2"),
    "logitraw": ({"objective": "binary:logitraw"}, "class2"),
    "hinge": ({"objective": "binary:hinge"}, "class2"),
    "poisson": ({"objective": "count:poisson"}, "count"),
    "gamma": ({"objective": "reg:gamma"}, "positive"),
    "tweedie": ({"objective": "reg:tweedie"}, "positive"),
    "cox": ({"objective": "survival:cox"}, "positive"),
    "aft": ({"objective": "survival:aft"}, "positive"),
    "softprob": ({"objective": "multi:softprob", "num_class": 3}, "class3"),
    "softmax": ({"objective": "multi:softmax", "num_class": 3}, "class3"),
    "pairwise": ({"objective": "rank:pairwise"}, "class3"),
    "ndcg": ({"objective": "rank:ndcg"}, "class3"),
    "map": ({"objective": "rank:map"}, "class2"),
    "dart": ({"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.4}, ""),
    "dart_binary": ({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4}, "class2"),
    "dart_classes": ({"objective": "multi:softprob", "num_class": 3, "booster": "dart",
                      "rate_drop": 0.4}, "class3"),
    "forest": ({"objective": "binary:logistic", "num_parallel_tree": 5, "subsample": 0.6,
                "colsample_bynode": 0.6, "learning_rate": 1.0}, "class2"),
    "deep": ({"objective": "reg:squarederror", "max_depth": 12, "min_child_weight": 0}, ""),
    "lossguide": ({"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 9,
                   "max_depth": 0}, ""),
    "exact": ({"objective": "reg:squarederror", "tree_method": "exact"}, ""),
    "approx": ({"objective": "reg:squarederror", "tree_method": "approx"}, ""),
    "one_node": ({"objective": "binary:logistic", "gamma": 1e9}, "class2"),
    "targets": ({"objective": "reg:squarederror"}, "two"),
    "vector_leaves": ({"objective": "reg:squarederror", "multi_strategy": "multi_output_tree"},
                      "two"),
    "linear": ({"objective": "reg:squarederror", "booster": "gblinear"}, ""),
    "linear_classes": ({"objective": "multi:softprob", "num_class": 3, "booster": "gblinear"},
                       "class3"),
    "one_hot": ({"objective": "reg:squarederror", "max_cat_to_onehot": 40}, ""),
    "partition": ({"objective": "reg:squarederror", "max_cat_to_onehot": 1}, ""),
    "partition_classes": ({"objective": "multi:softprob", "num_class": 3, "max_cat_to_onehot": 1},
                          "class3"),
}
CATEGORICAL = {"one_hot", "partition", "partition_classes"}
OLD = ["squarederror", "binary", "softprob", "poisson", "dart", "dart_binary", "dart_classes",
       "forest", "linear", "partition", "logitraw", "vector_leaves", "aft"]


def xgboost_cases(archive, is_old):
    import xgboost as xgb

    version = xgb.__version__.replace(".", "_")
    skipped = []
    for name in OLD if is_old else XGBOOST:
        parameters, kind = XGBOOST[name]
        categories = [(4, 9), (5, 40)] if name in CATEGORICAL else []
        rng, x, y = data(name, categories=categories)
        x, y = x.astype("f4"), labels(y, kind)
        types = ["c" if at in dict(categories) else "q" for at in range(x.shape[1])]
        settings = {"feature_types": types, "enable_categorical": True} if categories else {}
        try:
            matrix = xgb.DMatrix(x, y, **settings)
            if name in ("pairwise", "ndcg", "map"):
                matrix.set_group([20] * (len(x) // 20))
            if name == "aft":
                matrix.set_float_info("label_lower_bound", y)
                matrix.set_float_info("label_upper_bound", y)
            given = {"max_depth": 4, "nthread": 1, "seed": 7, **parameters}
            booster = xgb.train(given, matrix, 8)
            splits = []
            if "linear" not in name:
                model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
                for tree in model.get("gbtree", model)["model"]["trees"]:
                    ends = zip(tree["split_indices"], tree["split_conditions"], tree["left_children"])
                    splits += [(at, np.float32(x)) for at, x, left in ends if left >= 0]
            rows = asked(rng, x, categories, splits).astype("f4")
            if categories:
                # XGBoost itself asks for categories that are none to be left out.
                for column, count in categories:
                    rows[rows[:, column] < 0, column] = 0.5
            if "linear" in name:
                rows = np.clip(rows, -3, 3)
            answers = booster.predict(xgb.DMatrix(rows, **settings))
        except Exception as error:
            skipped.append(f"{name}: {str(error).splitlines()[0]}")
            continue
        for suffix in ("json",) if is_old and name != "binary" else ("json", "ubj"):
            if suffix == "ubj" and name not in ("binary", "partition", "softprob", "linear"):
                continue
            case = f"{name}_{version}" if is_old else name
            case = f"{case}_ubj" if suffix == "ubj" else case
            try:
                write(archive, case, suffix, bytes(booster.save_raw(suffix)), rows, answers)
            except Exception as error:
                skipped.append(f"{case}: {error}")
    return skipped


# --- LightGBM ---

LIGHTGBM = {
    "regression": ({"objective": "regression"}, ""),
    "regression_sqrt": ({"objective": "regression", "reg_sqrt": True}, ""),
    "regression_l1": ({"objective": "regression_l1"}, ""),
    "huber": ({"objective": "huber"}, ""),
    "fair": ({"objective": "fair"}, ""),
    "quantile": ({"objective": "quantile", "alpha": 0.3}, ""),
    "mape": ({"objective": "mape"}, "positive"),
    "poisson": ({"objective": "poisson"}, "count"),
    "gamma": ({"objective": "gamma"}, "positive"),
    "tweedie": ({"objective": "tweedie"}, "positive"),
    "binary": ({"objective": "binary"}, "class2"),
    "binary_sigmoid": ({"objective": "binary", "sigmoid": 0.7}, "class2"),
    "cross_entropy": ({"objective": "cross_entropy"}, "class2"),
    "cross_entropy_lambda": ({"objective": "cross_entropy_lambda"}, "class2"),
    "multiclass": ({"objective": "multiclass", "num_class": 3}, "class3"),
    "multiclassova": ({"objective": "multiclassova", "num_class": 3}, "class3"),
    "lambdarank": ({"objective": "lambdarank"}, "class3"),
    "rank_xendcg": ({"objective": "rank_xendcg"}, "class3"),
    "dart": ({"objective": "binary", "boosting": "dart"}, "class2"),
    "forest": ({"objective": "binary", "boosting": "rf", "bagging_freq": 1,
                "bagging_fraction": 0.6}, "class2"),
    "forest_classes": ({"objective": "multiclass", "num_class": 3, "boosting": "rf",
                        "bagging_freq": 1, "bagging_fraction": 0.6}, "class3"),
    "goss": ({"objective": "regression", "data_sample_strategy": "goss"}, ""),
    "zero_as_missing": ({"objective": "regression", "zero_as_missing": True}, ""),
    "no_missing": ({"objective": "regression", "use_missing": False}, ""),
    "categories": ({"objective": "regression", "min_data_per_group": 1, "cat_smooth": 1}, ""),
    "categories_one_hot": ({"objective": "binary", "max_cat_to_onehot": 64,
                            "min_data_per_group": 1}, "class2"),
    "custom": ({"objective": None}, ""),
    "one_node": ({"objective": "regression", "min_data_in_leaf": 10_000}, ""),
    "deep": ({"objective": "regression", "num_leaves": 80, "min_data_in_leaf": 1}, ""),
    "linear_leaves": ({"objective": "regression", "linear_tree": True}, ""),
}


def lightgbm_cases(archive):
    import lightgbm as lgb

    skipped = []
    for name, (parameters, kind) in LIGHTGBM.items():
        categories = [(4, 9), (5, 40)] if name.startswith("categories") else []
        rng, x, y = data(name, categories=categories)
        y = labels(y, kind)
        given = {"num_leaves": 9, "min_data_in_leaf": 3, "verbose": -1, "num_threads": 1,
                 "seed": 7, "deterministic": True, **parameters}
        if given["objective"] is None:
            given["objective"] = lambda preds, train: (preds - train.get_label(), np.ones_like(preds))
        group = [20] * (len(x) // 20) if name in ("lambdarank", "rank_xendcg") else None
        matrix = lgb.Dataset(x, y, group=group, categorical_feature=[c for c, _ in categories])
        try:
            booster = lgb.train(given, matrix, 8)
            splits = []
            for tree in booster.dump_model()["tree_info"]:
                waiting = [tree["tree_structure"]]
                while waiting:
                    node = waiting.pop()
                    if isinstance(node.get("threshold"), float):
                        splits.append((node["split_feature"], node["threshold"]))
                    waiting += [node[side] for side in ("left_child", "right_child") if side in node]
            rows = asked(rng, x, categories, splits)
            rows[3, :4] = [1e-36, -1e-36, 1e-34, -1e-34]
            answers = booster.predict(rows)
            write(archive, name, "txt", booster.model_to_string().encode(), rows, answers)
        except Exception as error:
            skipped.append(f"{name}: {str(error).splitlines()[0]}")
    return skipped


def keep_others(archive, path):
    """The cases of other versions."""
    import xgboost as xgb

    version = xgb.__version__.replace(".", "_")
    with open(path, "rb") as file:
        kept = zipfile.ZipFile(io.BytesIO(zstandard.ZstdDecompressor().decompress(file.read(), 1 << 26)))
    for entry in kept.infolist():
        if version not in entry.filename:
            archive.writestr(zipfile.ZipInfo(entry.filename), kept.read(entry))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=["xgboost", "xgboost_old", "lightgbm"])
    parser.add_argument("-o", default=None)
    args = parser.parse_args()
    made, path = io.BytesIO(), args.o or f"{args.form}.zip.zst"
    with zipfile.ZipFile(made, "w") as archive:
        if args.form == "xgboost_old" and os.path.exists(path):
            keep_others(archive, path)
        if args.form == "lightgbm":
            skipped = lightgbm_cases(archive)
        else:
            skipped = xgboost_cases(archive, args.form == "xgboost_old")
    # All cases together, since they are much alike.
    wide = zstandard.ZstdCompressionParameters.from_level(22, window_log=23)
    packed = zstandard.ZstdCompressor(compression_params=wide).compress(made.getvalue())
    with open(path, "wb") as file:
        file.write(packed)
    print("\n".join(["not made:"] + skipped) if skipped else "all made")


if __name__ == "__main__":
    main()
