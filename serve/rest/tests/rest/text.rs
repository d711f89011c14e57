//! Models of text by every protocol.

use crate::support::{Response, Server};
use listen::Options;
use servables::{half_plus_two, lengths, model, n, port, words};
use server::{Limits, Servable};
use tensor::{DType, Dim, Text, Value};

/// Gives back rows of two texts, and each text with an exclamation mark as bytes.
fn shouts() -> Servable {
    let shape = || vec![n(), Dim::from(2)];
    let outputs =
        vec![port("y", DType::String, shape()), port("loud_bytes", DType::String, shape())];
    model("shouts", vec![port("x", DType::String, shape())], outputs, |inputs| {
        let x = inputs[0].text().unwrap();
        let loud = x.elements().map(|text| format!("{text}!"));
        let loud = Text::new(x.shape(), loud).map_err(|e| e.to_string())?;
        Ok(vec![inputs[0].clone(), Value::from(loud)])
    })
}

fn models() -> Vec<Servable> {
    vec![shouts(), lengths(), words(), half_plus_two()]
}

fn start() -> Server {
    Server::with(Limits::default(), Options::default(), models())
}

fn ask(server: &Server, path: &str, body: &str) -> Response {
    server.send("POST", path, &[], body.as_bytes())
}

#[track_caller]
fn check(response: &Response, expected: &str) {
    let dense: String = response.text().chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!((response.status, dense.as_str()), (200, expected));
}

#[track_caller]
fn check_refused(response: &Response, status: u16, expected: &str) {
    let found = response.error();
    assert_eq!(response.status, status, "{found}");
    assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
}

#[test]
fn tensorflow_serving_takes_and_gives_strings() {
    let server = start();
    let predict =
        |model: &str, body: &str| ask(&server, &format!("/v1/models/{model}:predict"), body);
    check(
        &predict("words", r#"{"instances": ["a\n", "größer 🐈"]}"#),
        r#"{"predictions":["a\n","größer🐈"]}"#,
    );
    check(
        &predict("words", r#"{"inputs": {"x": ["", {"b64": "w7w="}]}}"#),
        r#"{"outputs":["","ü"]}"#,
    );
    check(
        &predict("words", r#"{"instances": [{"b64": "YQ=="}, "b"]}"#),
        r#"{"predictions":["a","b"]}"#,
    );
    check(&predict("words", r#"{"inputs": []}"#), r#"{"outputs":[]}"#);
    let rows = concat!(
        r#"{"predictions":[{"y":["a","b"],"loud_bytes":[{"b64":"YSE="},{"b64":"YiE="}]},"#,
        r#"{"y":["c","d"],"loud_bytes":[{"b64":"YyE="},{"b64":"ZCE="}]}]}"#
    );
    check(&predict("shouts", r#"{"instances": [["a", "b"], ["c", "d"]]}"#), rows);
    for (body, expected) in [
        (r#"{"instances": [1]}"#, "JSON Value: 1 Type: Number is not of expected type: string"),
        (r#"{"instances": [true]}"#, "Type: True is not of expected type: string"),
        (r#"{"instances": [null]}"#, "Type: Null is not of expected type: string"),
        (r#"{"instances": [{"b64": "/w=="}]}"#, "expected text in UTF-8 as base64"),
        (r#"{"instances": [{"b64": "?"}]}"#, "Unable to base64 decode"),
        (r#"{"instances": ["a", ["b"]]}"#, "Expecting shape [] but got: [1]"),
        (r#"{"inputs": [["a"]]}"#, "x"),
    ] {
        check_refused(&predict("words", body), 400, expected);
    }
    check_refused(&predict("words", "{\"instances\": [\"\u{0}\"]}"), 400, "JSON Parse error");
    let body = b"{\"instances\": [\"\xff\"]}";
    let response = server.send("POST", "/v1/models/words:predict", &[], body);
    check_refused(&response, 400, "JSON Parse error");
    let text = "JSON Value: \"a\" Type: String is not of expected type: float";
    check_refused(&predict("half_plus_two", r#"{"instances": ["a"]}"#), 400, text);
}

#[test]
fn examples_may_hold_text() {
    let server = start();
    let body = r#"{"examples": [{"x": "abc"}, {"x": ["d"]}, {"x": {"b64": "ZWY="}}]}"#;
    let response = ask(&server, "/v1/models/lengths:regress", body);
    check(&response, r#"{"results":[3.0,1.0,2.0]}"#);
    let body = r#"{"context": {"x": "abcd"}, "examples": [{}]}"#;
    check(&ask(&server, "/v1/models/lengths:classify", body), r#"{"results":[[["",4.0]]]}"#);
    // A context of half a megabyte that a thousand examples would take.
    let (context, examples) = ("a".repeat(1 << 19), "{},".repeat(999));
    let body = format!(r#"{{"context": {{"x": "{context}"}}, "examples": [{examples}{{}}]}}"#);
    let refused = ask(&server, "/v1/models/lengths:classify", &body);
    check_refused(&refused, 400, "send fewer examples at a time");
}

#[test]
fn metadata_say_string() {
    let server = start();
    let about = server.get("/v1/models/words/metadata");
    assert!(about.text().contains("\"dtype\": \"DT_STRING\""), "{}", about.text());
    let about = server.get("/v2/models/words");
    let port = |name| format!(r#"{{"name":"{name}","datatype":"BYTES","shape":[-1]}}"#);
    assert!(about.text().contains(&port("x")) && about.text().contains(&port("y")));
    let config = server.get("/v2/models/words/config");
    assert!(config.text().contains(r#""data_type":"TYPE_STRING""#), "{}", config.text());
    let response = server.get("/v1/models/words/openapi.json");
    let document: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let body = &document["paths"]["/v1/models/words:predict"]["post"]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"]["oneOf"][0];
    assert_eq!(schema["properties"]["instances"]["items"]["type"], "string");
}

/// A request with one input `x` of text.
fn infer(shape: &str, more: &str, outputs: &str) -> String {
    format!(
        r#"{{"inputs":[{{"name":"x","datatype":"BYTES","shape":{shape},{more}}}],
            "outputs":{outputs}}}"#
    )
}

fn infer_binary(server: &Server, model: &str, json: &str, binary: &[u8]) -> Response {
    let header = format!("Inference-Header-Content-Length: {}", json.len());
    let body = [json.as_bytes(), binary].concat();
    server.send("POST", &format!("/v2/models/{model}/infer"), &[&header], &body)
}

#[test]
fn open_inference_takes_and_gives_strings() {
    let server = start();
    let json = r#"[{"name":"y"}]"#;
    let reply = |shape: &str, data: &str| {
        let about = r#"{"model_name":"shouts","model_version":"1","outputs":"#;
        let y = r#"[{"name":"y","datatype":"BYTES","shape":"#;
        format!(r#"{about}{y}{shape},"data":{data}}}]}}"#)
    };
    let path = "/v2/models/shouts/infer";
    for data in [r#"["a","ü","","d"]"#, r#"[["a","ü"],["","d"]]"#] {
        let body = infer("[2,2]", &format!(r#""data":{data}"#), json);
        check(&ask(&server, path, &body), &reply("[2,2]", r#"["a","ü","","d"]"#));
    }
    // The data may come before what says of what type they are.
    let body = r#"{"inputs":[{"data":["a","b"],"name":"x","shape":[1,2],"datatype":"BYTES"}],
                   "outputs":[{"name":"y"}]}"#;
    check(&ask(&server, path, body), &reply("[1,2]", r#"["a","b"]"#));
    let texts = b"\x01\0\0\0a\0\0\0\0";
    let body = infer("[1,2]", r#""parameters":{"binary_data_size":9}"#, json);
    check(&infer_binary(&server, "shouts", &body, texts), &reply("[1,2]", r#"["a",""]"#));
    let binary = r#"[{"name":"loud_bytes","parameters":{"binary_data":true}}]"#;
    let body = infer("[1,2]", r#""parameters":{"binary_data_size":9}"#, binary);
    let response = infer_binary(&server, "shouts", &body, texts);
    let length: usize = response.header("inference-header-content-length").parse().unwrap();
    assert_eq!(&response.body[length..], b"\x02\0\0\0a!\x01\0\0\0!");
    let size = r#""parameters":{"binary_data_size":11}"#;
    assert!(String::from_utf8_lossy(&response.body[..length]).contains(size));
    let response = infer_binary(&server, "words", "", "größer".as_bytes());
    assert_eq!(response.status, 200);
    assert!(response.body.ends_with("\x08\0\0\0größer".as_bytes()));
    let body = infer("[0]", r#""data":[]"#, json);
    let none = reply("[0]", "[]").replace("shouts", "words");
    check(&ask(&server, "/v2/models/words/infer", &body), &none);
}

#[test]
fn what_is_no_text_is_refused_as_by_triton() {
    for server in [start(), Server::triton(Limits::default(), Options::default(), models())] {
        let of = "for inference input 'x' for model 'words'";
        let refused = |binary: &[u8], expected: &str| {
            let size = format!(r#""parameters":{{"binary_data_size":{}}}"#, binary.len());
            let response = infer_binary(&server, "words", &infer("[1]", &size, "[]"), binary);
            check_refused(&response, 400, expected);
        };
        let two = format!("unexpected number of string elements 2 {of}, expecting 1");
        refused(b"\0\0\0\0\0\0\0\0", &two);
        refused(b"", &format!("expected 1 string elements {of}, got 0"));
        refused(b"\0\0", &format!("incomplete string length indicator {of}, expecting 4 bytes"));
        let claim = format!("incomplete string data {of}, expecting string of length 4294967295");
        refused(b"\xff\xff\xff\xff", &claim);
        refused(b"\x01\0\0\0\xff", "expected text in UTF-8");
        let body = infer("[2]", r#""data":["a"]"#, "[]");
        let response = ask(&server, "/v2/models/words/infer", &body);
        check_refused(&response, 400, &format!("expected 2 string elements {of}, got 1"));
        let body = infer("[1]", r#""data":[7]"#, "[]");
        let response = ask(&server, "/v2/models/words/infer", &body);
        let text = "Unable to parse JSON bytes array: attempt to access JSON non-string as string";
        assert_eq!(response.error(), text);
        let deep = format!(r#""data":{}"#, "[".repeat(99));
        assert!(ask(&server, "/v2/models/words/infer", &infer("[1]", &deep, "[]")).status >= 400);
        let body = infer("[99999999999]", r#""data":["a"]"#, "[]");
        let response = ask(&server, "/v2/models/words/infer", &body);
        check_refused(&response, 400, "expected 99999999999 string elements");
    }
}
