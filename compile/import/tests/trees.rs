//! Models of XGBoost and LightGBM that are refused, with what is said of them.

use import::{Options, import, survey};
use tensor::DType;

#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let error = import(bytes.to_vec(), &Options::default()).expect_err("it was imported");
    let error = error.to_string();
    assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
}

/// A model of XGBoost with one tree, `x[1] < 0.5`.
fn xgboost() -> String {
    r#"{"learner": {"learner_model_param":
        {"base_score": "5E-1", "num_class": "0", "num_feature": "2"},
        "gradient_booster": {"name": "gbtree", "model": {"tree_info": [0], "trees": [
            {"tree_param": {"size_leaf_vector": "0"}, "left_children": [1, -1, -1],
             "right_children": [2, -1, -1], "split_indices": [1, 0, 0],
             "split_conditions": [0.5, -1, 1], "default_left": [true, false, false]}]}},
        "objective": {"name": "reg:squarederror"}, "feature_names": ["a", "b"]},
        "version": [1, 7, 6]}"#
        .to_string()
}

/// A model of LightGBM with one tree, `x[1] <= 0.5`.
fn lightgbm() -> String {
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\n\
     objective=regression\nfeature_names=a b\n\nTree=0\nnum_leaves=2\nnum_cat=0\n\
     split_feature=1\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\n\
     leaf_value=-1 1\nshrinkage=1\n\nend of trees\n"
        .to_string()
}

#[test]
fn what_a_file_says_of_itself_is_kept() {
    for (text, format, dtype, names) in
        [(xgboost(), "XGBoost", DType::F32, "a, b"), (lightgbm(), "LightGBM", DType::F64, "a, b")]
    {
        let made = import(text.into_bytes(), &Options::default()).unwrap();
        assert_eq!(made.metadata.format, format);
        assert_eq!(made.metadata.properties["feature_names"], names);
        let features = made.graph.value(made.graph.inputs[0]);
        assert_eq!((features.name.as_str(), features.dtype), ("features", dtype));
        assert_eq!(format!("{:?}", features.shape), "[batch, 2]");
        assert_eq!(made.graph.outputs[0].name, "prediction");
    }
}

#[test]
fn models_that_do_not_fit_themselves_are_refused() {
    for (from, to, expected) in [
        ("reg:squarederror", "reg:own", "objective `reg:own`: the operator is not supported"),
        ("gbtree", "gbforest", "expected gbtree, dart or gblinear, found gbforest"),
        ("\"5E-1\"", "\"[1,2]\"", "expected 1 or 1 numbers"),
        ("\"num_feature\": \"2\"", "\"num_feature\": \"1\"", "expected features below 1, found 1"),
        ("[2, -1, -1]", "[7, -1, -1]", "expected nodes below 3, found 7"),
        ("[2, -1, -1]", "[0, -1, -1]", "expected trees, found two ways to node 0"),
        ("[0.5, -1, 1]", "[0.5, -1]", "expected 3 entries in every list"),
        ("\"tree_info\": [0]", "\"tree_info\": [3]", "expected columns below 1, found 3"),
        ("\"tree_info\": [0]", "\"tree_info\": []", "a column and a weight of each of 1 trees"),
        ("\"version\"", "\"", "the XGBoost file is damaged"),
    ] {
        refused(xgboost().replace(from, to).as_bytes(), expected);
    }
    for (from, to, expected) in [
        ("=regression", "=own", "objective `own`: the operator is not supported"),
        ("left_child=-1", "left_child=5", "expected a node or leaf, found 5"),
        ("left_child=-1", "left_child=0", "expected trees, found two ways to node 0"),
        ("split_feature=1", "split_feature=2", "expected features below 2, found 2"),
        ("threshold=0.5", "threshold=0.5 1", "expected 1 numbers, found 2"),
        ("threshold=0.5", "threshold=half", "expected a number, found half"),
        ("num_leaves=2", "num_leaves=99999999999999", "expected 99999999999999 numbers, found 2"),
        ("decision_type=2", "decision_type=1", "expected the number of a set, found 0.5"),
        ("num_cat=0", "num_cat=18446744073709551615", "numbers, found 0"),
        ("shrinkage", "is_linear=1\nshrinkage", "linear models in leaves are not read"),
        ("end of trees", "", "it ends behind 1 trees"),
    ] {
        refused(lightgbm().replace(from, to).as_bytes(), expected);
    }
}

#[test]
fn leaves_that_name_the_same_numbers_again_are_refused() {
    let vectors = |leaves: &str| {
        let text = xgboost().replace("\"num_class\": \"0\"", "\"num_class\": \"2\"");
        let text = text.replace("[2, -1, -1]", &format!("[2, {leaves}]"));
        text.replace("\"0\"}, \"left", "\"2\"}, \"leaf_weights\": [1, 2], \"left")
    };
    refused(vectors("0, 0").as_bytes(), "expected 2 numbers of each leaf, found 2 in all");
    let whole = vectors("0, 1").replace("[1, 2], \"left", "[1, 2, 3, 4], \"left");
    import(whole.into_bytes(), &Options::default()).unwrap();
}

#[test]
fn a_model_that_breaks_off_is_damaged() {
    for whole in [xgboost(), lightgbm()] {
        for end in 0..whole.trim_end().len() - 1 {
            assert!(import(whole.as_bytes()[..end].to_vec(), &Options::default()).is_err());
        }
    }
}

#[test]
fn a_refused_model_still_has_its_inputs() {
    let text = xgboost().replace("reg:squarederror", "reg:own");
    let survey = survey(text.into_bytes(), &Options::default()).unwrap();
    assert_eq!((survey.inputs, survey.outputs, survey.refusals.len()), (1, 0, 1));
    let options = Options { memory: 40, ..Options::default() };
    let error = import(xgboost().into_bytes(), &options).unwrap_err();
    assert!(error.is_over_budget(), "{error}");
}
