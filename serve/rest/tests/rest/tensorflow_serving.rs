//! The routes, texts and bytes of TensorFlow Serving's REST interface.

use crate::support::Server;
use servables::half_plus_two;

/// The whole body of the reply to JSON.
#[track_caller]
fn check(server: &Server, model: &str, request: &str, status: u16, expected: &str) {
    let response = server.predict(model, request);
    assert_eq!((response.status, response.text()), (status, expected), "{request}");
    assert_eq!(response.header("content-type"), "application/json");
}

/// The words of the refusal of JSON.
#[track_caller]
fn check_refused(server: &Server, model: &str, request: &str, expected: &str) {
    let response = server.predict(model, request);
    assert_eq!((response.status, response.error().as_str()), (400, expected), "{request}");
}

#[test]
fn rows() {
    let server = Server::start();
    let expected = "{\n    \"predictions\": [2.5, 3.0, 4.5\n    ]\n}";
    check(&server, "half_plus_two", r#"{"instances": [1.0, 2.0, 5.0]}"#, 200, expected);
    check(
        &server,
        "half_plus_two",
        r#"{"instances": [{"x": 1}, {"x": 2}, {"x": 5}]}"#,
        200,
        expected,
    );
    let named = r#"{"signature_name": "serving_default", "instances": [1, 2, 5], "other": [{}]}"#;
    check(&server, "half_plus_two", named, 200, expected);
    let late = r#" {"instances": [1, 2, 5], "signature_name": ""} trailing words"#;
    check(&server, "half_plus_two", late, 200, expected);
    let expected = "{\n    \"predictions\": [[1.0, 2.0], [3.0, 4.0]\n    ]\n}";
    check(&server, "rows", r#"{"instances": [[1, 2], [3, 4]]}"#, 200, expected);
    check(
        &server,
        "bools",
        r#"{"instances": [true, false]}"#,
        200,
        "{\n    \"predictions\": [true, false\n    ]\n}",
    );
    let request = r#"{"instances": [{"b": [3, 4], "a": [1, 2.5]}, {"a": [5, 6], "b": [7, 8]}]}"#;
    let expected = r#"{
    "predictions": [
        {
            "a": [1.0, 2.5],
            "b": [3, 4]
        },
        {
            "a": [5.0, 6.0],
            "b": [7, 8]
        }
    ]
}"#;
    check(&server, "pair", request, 200, expected);
}

#[test]
fn columns() {
    let server = Server::start();
    let expected = "{\n    \"outputs\": [\n        2.5,\n        3.0\n    ]\n}";
    check(&server, "half_plus_two", r#"{"inputs": [1, 2]}"#, 200, expected);
    check(&server, "half_plus_two", r#"{"inputs": {"x": [1, 2], "y": 0}}"#, 200, expected);
    let expected = r#"{
    "outputs": {
        "a": [
            [
                1.0,
                2.0
            ]
        ],
        "b": [
            [
                3,
                4
            ]
        ]
    }
}"#;
    check(&server, "pair", r#"{"inputs": {"b": [[3, 4]], "a": [[1, 2]]}}"#, 200, expected);
    check(
        &server,
        "doubles",
        r#"{"inputs": [[], []]}"#,
        200,
        "{\n    \"outputs\": [\n        [],\n        []\n    ]\n}",
    );
}

#[test]
fn numbers_that_json_does_not_have() {
    let server = Server::start();
    let expected = "{\n    \"predictions\": [NaN, Infinity, -Infinity\n    ]\n}";
    check(&server, "half_plus_two", r#"{"instances": [NaN, Infinity, -Infinity]}"#, 200, expected);
    check_refused(
        &server,
        "half_plus_two",
        r#"{"instances": [nan]}"#,
        "JSON Parse error: expected ident at offset: 16",
    );
    check_refused(
        &server,
        "bytes",
        r#"{"inputs": [NaN]}"#,
        "JSON Value: NaN Type: Number is not of expected type: uint8",
    );
}

#[test]
fn floats_come_back_as_they_were_sent() {
    let server = Server::start();
    let seed = 20_261_123u64;
    let mut random = testkit::Random(seed);
    // Every bit pattern but zero, so all magnitudes come up.
    let values: Vec<f64> = std::iter::repeat_with(|| f64::from_bits(random.bits()))
        .filter(|v| v.is_finite())
        .take(2000)
        .collect();
    let body = format!("{{\"inputs\": [{values:?}]}}");
    let response = server.predict("doubles", &body);
    let text = response.text().replace(char::is_whitespace, "");
    let inner = text.trim_start_matches("{\"outputs\":[[").trim_end_matches("]]}");
    let found: Vec<f64> = inner.split(',').map(|v| v.parse().unwrap()).collect();
    assert_eq!(found, values, "seed {seed}");
}

#[test]
fn shapes_and_types_are_refused_in_tensorflow_serving_s_words() {
    let server = Server::start();
    let element = |i: usize| {
        format!("Failed to process element: {i} of 'instances' list. Error: INVALID_ARGUMENT: ")
    };
    for (model, request, expected) in [
        (
            "rows",
            r#"{"inputs": [[1, 2], [3]]}"#,
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2".to_string(),
        ),
        (
            "rows",
            r#"{"inputs": [[1, 2], 3]}"#,
            "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"
                .into(),
        ),
        (
            "rows",
            r#"{"inputs": [[1, 2], [[3], [4]]]}"#,
            "Encountered list at unexpected level: 2 expected < 2".into(),
        ),
        (
            "rows",
            r#"{"instances": [[1, 2], [3]]}"#,
            element(1) + "Expecting tensor size: 2 but got: 1",
        ),
        (
            "rows",
            r#"{"instances": [[1, 2], [[3, 4]]]}"#,
            element(1) + "Expecting shape [2] but got: [1,2]",
        ),
        (
            "half_plus_two",
            r#"{"instances": ["a"]}"#,
            element(0) + "JSON Value: \"a\" Type: String is not of expected type: float",
        ),
        (
            "half_plus_two",
            r#"{"instances": [1, null]}"#,
            element(1) + "JSON Value: null Type: Null is not of expected type: float",
        ),
        (
            "half_plus_two",
            r#"{"instances": [true]}"#,
            element(0) + "JSON Value: true Type: True is not of expected type: float",
        ),
        (
            "half_plus_two",
            r#"{"instances": [1e39]}"#,
            element(0) + "Cannot convert JSON value: 1e39 to float without loss of precision.",
        ),
        (
            "half_plus_two",
            r#"{"inputs": {"x": {"b64": "AA=="}}}"#,
            "JSON Value: {\"b64\": \"AA==\"} Type: Object is not of expected type: float".into(),
        ),
        (
            "bytes",
            r#"{"inputs": [256]}"#,
            "JSON Value: 256 Type: Number is not of expected type: uint8".into(),
        ),
    ] {
        check_refused(&server, model, request, &expected);
    }
}

#[test]
fn rows_and_columns_of_the_wrong_kind_are_refused_in_its_words() {
    let server = Server::start();
    for (model, request, expected) in [
        (
            "half_plus_two",
            r#"{"instances": [1, {"x": 2}]}"#,
            "Expecting value/list but got object at item 1 of input list",
        ),
        (
            "half_plus_two",
            r#"{"instances": [{"x": 2}, 1]}"#,
            "Expecting object but got list at item 1 of input list",
        ),
        (
            "half_plus_two",
            r#"{"instances": [{"z": 2}]}"#,
            "Failed to process element: 0 key: z of 'instances' list. Error: INVALID_ARGUMENT: \
             JSON object: does not have named input: z",
        ),
        (
            "pair",
            r#"{"instances": [[1, 2]]}"#,
            "instances is a plain list, but expecting list of objects as multiple input tensors \
             required as per tensorinfo_map",
        ),
        (
            "pair",
            r#"{"instances": [{"a": [1, 2]}]}"#,
            "Failed to process element: 0 of 'instances' list. JSON object: {\"a\": [1, 2]} keys \
             must be equal to: a,b",
        ),
        (
            "pair",
            r#"{"inputs": [[1, 2]]}"#,
            "inputs is a plain value/list, but expecting an object as multiple input tensors \
             required as per tensorinfo_map",
        ),
        ("pair", r#"{"inputs": {"a": [[1, 2]]}}"#, "Missing named input: b in 'inputs' object."),
        (
            "pair",
            r#"{"inputs": {"a": [[1, 2]], "a": [[1, 2]]}}"#,
            "input `a` is given twice in 'inputs' object.",
        ),
    ] {
        check_refused(&server, model, request, expected);
    }
}

#[test]
fn what_the_model_does_not_take_is_refused_with_both_shapes() {
    let server = Server::start();
    check_refused(
        &server,
        "rows",
        r#"{"instances": [[1, 2, 3]]}"#,
        "input `x`: expected shape [n, 2], found [1, 3]",
    );
    check_refused(
        &server,
        "half_plus_two",
        r#"{"inputs": 1}"#,
        "input `x`: expected shape [n], found []",
    );
    let request = r#"{"inputs": {"a": [[1, 2]], "b": [[1, 2], [3, 4]]}}"#;
    check_refused(&server, "pair", request, "input `b`: dimension `n` is 2 here but 1 elsewhere");
}

#[test]
fn what_is_no_request_is_refused() {
    let server = Server::start();
    for (request, expected) in [
        ("", "JSON Parse error: The document is empty at offset: 0"),
        (" \n", "JSON Parse error: The document is empty at offset: 2"),
        ("[]", "JSON Value: [] Is not object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        (r#"{"inputs": [1"#, "JSON Parse error: EOF while parsing a list at offset: 13"),
        (r#"{"inputs": [1,]}"#, "JSON Parse error: trailing comma at offset: 14"),
        (
            r#"{"instances": 1}"#,
            "JSON Value: {\"instances\": 1} Excepting 'instances' to be an list/array",
        ),
        (r#"{"instances": []}"#, "JSON Value: {\"instances\": []} No values in 'instances' array"),
        (
            r#"{"instances": [1], "inputs": [1]}"#,
            "JSON Value: {\"instances\": [1], \"inputs\": [1]} Not formatted correctly expecting \
             only one of 'inputs' or 'instances' keys to exist ",
        ),
        (
            r#"{"signature_name": 5, "inputs": [1]}"#,
            "JSON Value: {\"signature_name\": 5, \"inputs\": [1]} not formatted correctly. \
             'signature_name' key must be a string value.",
        ),
        (
            r#"{"signature_name": "other", "inputs": [1]}"#,
            "Serving signature name: \"other\" not found in signature def",
        ),
    ] {
        check_refused(&server, "half_plus_two", request, expected);
    }
}

#[test]
fn nesting_is_bounded() {
    let server = Server::start();
    let deep = "[".repeat(1_000_000);
    check_refused(
        &server,
        "half_plus_two",
        &format!("{{\"inputs\": {deep}"),
        "Encountered list at unexpected level: 32 expected < 32",
    );
    let response = server.predict("half_plus_two", &format!("{{\"other\": {deep}"));
    assert_eq!(response.status, 400, "{}", response.text());
}

/// What protobuf prints of the signature of `half_plus_two`.
const METADATA: &str = r#"{
 "model_spec": {
  "name": "half_plus_two",
  "signature_name": "",
  "version": "1"
 },
 "metadata": {
  "signature_def": {
   "signature_def": {
    "serving_default": {
     "inputs": {
      "x": {
       "dtype": "DT_FLOAT",
       "tensor_shape": {
        "dim": [
         {
          "size": "-1",
          "name": "n"
         }
        ],
        "unknown_rank": false
       },
       "name": "x"
      }
     },
     "outputs": {
      "y": {
       "dtype": "DT_FLOAT",
       "tensor_shape": {
        "dim": [
         {
          "size": "-1",
          "name": "n"
         }
        ],
        "unknown_rank": false
       },
       "name": "y"
      }
     },
     "method_name": "tensorflow/serving/predict",
     "defaults": {}
    }
   }
  }
 }
}
"#;

#[test]
fn status_and_metadata_are_printed_as_protobuf_prints() {
    let server = Server::start();
    let expected = r#"{
 "model_version_status": [
  {
   "version": "1",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
"#;
    for path in ["/v1/models/half_plus_two", "/V1/MODELS/half_plus_two/VERSIONS/1"] {
        let response = server.get(path);
        assert_eq!((response.status, response.text()), (200, expected));
        assert_eq!(response.header("content-type"), "application/json");
    }
    assert_eq!(server.get("/v1/models/half_plus_two/metadata").text(), METADATA);
    let response = server.send("HEAD", "/v1/models/half_plus_two", &[], b"");
    assert_eq!((response.status, response.body.len()), (200, 0));
}

#[test]
fn versions_are_chosen_and_reported() {
    let server = Server::start();
    let second = half_plus_two().with_version(2);
    server.service.add(second, std::time::Duration::ZERO);
    server.service.store().begin("half_plus_two", 3);
    server.service.store().fail("half_plus_two", 4, "the file is damaged");
    let body = br#"{"inputs": [1]}"#;
    for (path, status) in [
        ("half_plus_two", 200),
        ("half_plus_two/versions/1", 200),
        ("half_plus_two/versions/2", 200),
        ("half_plus_two/versions/3", 503),
        ("half_plus_two/versions/4", 404),
        ("half_plus_two/versions/5", 404),
    ] {
        let response = server.send("POST", &format!("/v1/models/{path}:predict"), &[], body);
        assert_eq!(response.status, status, "{path}: {}", response.text());
    }
    let status: serde_json::Value =
        serde_json::from_slice(&server.get("/v1/models/half_plus_two").body).unwrap();
    let states: Vec<(&str, &str, &str)> = status["model_version_status"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| {
            let text = |v: &'_ serde_json::Value| -> &'static str {
                String::leak(v.as_str().unwrap().to_string())
            };
            (text(&v["version"]), text(&v["state"]), text(&v["status"]["error_message"]))
        })
        .collect();
    let expected = [
        ("4", "END", "the file is damaged"),
        ("3", "LOADING", ""),
        ("2", "AVAILABLE", ""),
        ("1", "AVAILABLE", ""),
    ];
    assert_eq!(states, expected);
    assert!(server.service.remove("half_plus_two", 2));
    assert!(!server.service.remove("half_plus_two", 2));
    assert!(server.has_metric(r#"schooner_model_loaded{model="half_plus_two",version="2"} 0"#));
}

#[test]
fn unknown_names_are_refused_in_tensorflow_serving_s_words() {
    let server = Server::start();
    for (method, path, status, expected) in [
        ("POST", "/v1/models/no:predict", 404, "Servable not found for request: Latest(no)"),
        (
            "POST",
            "/v1/models/rows/versions/9:predict",
            404,
            "Servable not found for request: Specific(rows, 9)",
        ),
        ("GET", "/v1/models/no/metadata", 404, "Servable not found for request: Latest(no)"),
        ("GET", "/v1/models/no", 404, "Could not find any versions of model no"),
        ("GET", "/v1/models/rows/versions/9", 404, "Could not find version 9 of model rows"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("POST", "/v1/models/rows:explain", 501, "model rows has no explainer yet; use :predict"),
        (
            "POST",
            "/v1/models/rows/labels/canary:predict",
            400,
            "Unrecognized servable version label: canary",
        ),
        ("DELETE", "/v1/models/rows", 400, "Malformed request: DELETE /v1/models/rows"),
        ("GET", "/v3/models", 404, "Not found: GET /v3/models; GET / lists the routes"),
        ("POST", "/healthz", 405, "Method not allowed: POST /healthz; GET / lists the routes"),
    ] {
        let response = server.send(method, path, &[], b"");
        assert_eq!((response.status, response.error().as_str()), (status, expected), "{path}");
    }
    let metrics = server.get("/metrics").text().to_string();
    assert!(!metrics.contains("model=\"no\""), "clients must not make labels up: {metrics}");
}
