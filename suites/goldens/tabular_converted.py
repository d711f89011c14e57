"""Models as converters write them, for `tabular.py`."""

import numpy as np
from tabular_case import NAN, store


def converted():
    """Models as converters write them."""
    from sklearn import ensemble, linear_model, neural_network, pipeline, preprocessing
    from sklearn import svm as machines
    from sklearn.datasets import load_wine
    from skl2onnx import to_onnx

    x, y = load_wine(return_X_y=True)
    x = x[:, [0, 2, 6, 9]].astype(np.float32)
    scaled = preprocessing.StandardScaler()
    rows, shown = slice(None, None, 3), x[1::16]
    for name, classes in ("binary", 2), ("wine", 3):
        target = np.minimum(y, classes - 1)
        for kind, model in {
            "svc": machines.SVC(probability=True, random_state=0, C=0.5),
            "nu_svc": machines.NuSVC(nu=0.3, kernel="poly", degree=2, random_state=0),
            "logistic": linear_model.LogisticRegression(max_iter=300),
            "forest": ensemble.RandomForestClassifier(5, max_depth=4, random_state=0),
            "boosting": ensemble.GradientBoostingClassifier(
                n_estimators=4, max_depth=2, random_state=0
            ),
            "network": neural_network.MLPClassifier([5], max_iter=30, random_state=0),
        }.items():
            fitted = pipeline.make_pipeline(scaled, model).fit(x[rows], target[rows])
            made = to_onnx(fitted, x[:1], options={"zipmap": False})
            store(f"converted_{name}_{kind}", made, [shown])
    for kind, model in {
        "svr": machines.SVR(C=2.0),
        "one_class": machines.OneClassSVM(nu=0.2),
        "forest_regressor": ensemble.RandomForestRegressor(4, max_depth=3, random_state=0),
        "ridge": linear_model.Ridge(),
    }.items():
        fitted = pipeline.make_pipeline(scaled, model).fit(x[rows], x[rows, 0] * 0.5)
        store(f"converted_{kind}", to_onnx(fitted, x[:1]), [shown])
    boosted(x, y, rows, shown)


def boosted(x, y, rows, shown):
    """Models of LightGBM and XGBoost."""
    import lightgbm
    import xgboost
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [("x", FloatTensorType([None, x.shape[1]]))]
    shown = np.concatenate([shown, np.full((1, x.shape[1]), NAN, np.float32)])
    common = {"n_estimators": 4, "max_depth": 3, "random_state": 0}
    for name, classes in ("binary", 2), ("wine", 3):
        target = np.minimum(y, classes - 1)[rows]
        light = lightgbm.LGBMClassifier(**common, min_child_samples=5, verbose=-1, n_jobs=1)
        light.fit(x[rows], target)
        made = convert_lightgbm(light, initial_types=types, zipmap=False, target_opset=15)
        store(f"converted_{name}_lightgbm", made, [shown])
        boost = xgboost.XGBClassifier(**common, n_jobs=1).fit(x[rows], target)
        made = convert_xgboost(boost, initial_types=types, target_opset=15)
        store(f"converted_{name}_xgboost", made, [shown])
    boost = xgboost.XGBRegressor(**common, n_jobs=1).fit(x[rows], x[rows, 0])
    store("converted_xgboost_regressor", convert_xgboost(boost, initial_types=types), [shown])
    light = lightgbm.LGBMRegressor(**common, min_child_samples=5, verbose=-1, n_jobs=1)
    category = np.round(x[rows, :2])
    light.fit(np.concatenate([category, x[rows, 2:]], axis=1), x[rows, 3], categorical_feature=[0])
    made = convert_lightgbm(light, initial_types=types, target_opset=15)
    store("converted_lightgbm_regressor", made, [np.round(shown[:-1])])
