//! The Open Inference Protocol on the main port: JSON, binary tensors, images, classes.

use crate::support::{Response, Server};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use listen::Options;
use servables::{Brightness, echo, jpeg, n};
use server::Limits;
use tensor::{DType, Dim};

const INFER: &str = "/v2/models/half_plus_two/infer";

/// One tensor's object; `more` is what follows its type.
fn tensor(name: &str, datatype: &str, shape: &str, more: &str) -> String {
    format!(r#"{{"name":"{name}","datatype":"{datatype}","shape":{shape},{more}}}"#)
}

fn binary_size(bytes: usize) -> String {
    format!(r#""parameters":{{"binary_data_size":{bytes}}}"#)
}

/// A request of these inputs; `more` is what follows them.
fn request(inputs: &[String], more: &str) -> String {
    format!(r#"{{"inputs":[{}]{more}}}"#, inputs.join(","))
}

/// A reply of these outputs.
fn reply(model: &str, outputs: &[String]) -> String {
    let outputs = outputs.join(",");
    format!(r#"{{"model_name":"{model}","model_version":"1","outputs":[{outputs}]}}"#)
}

fn infer(server: &Server, model: &str, body: &str) -> Response {
    server.send("POST", &format!("/v2/models/{model}/infer"), &[], body.as_bytes())
}

/// A request of JSON and what follows it.
fn infer_binary(server: &Server, model: &str, json: &str, binary: &[u8]) -> Response {
    let path = format!("/v2/models/{model}/infer");
    let header = format!("Inference-Header-Content-Length: {}", json.len());
    server.send("POST", &path, &[&header], &[json.as_bytes(), binary].concat())
}

#[track_caller]
fn check(response: &Response, expected: &str) {
    assert_eq!((response.status, response.text()), (200, expected));
}

#[track_caller]
fn check_refused(response: &Response, status: u16, expected: &str) {
    assert_eq!((response.status, response.error().as_str()), (status, expected));
}

/// The two parts of a reply with binary tensors.
#[track_caller]
fn parts(response: &Response) -> (&str, &[u8]) {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    assert_eq!(response.header("content-type"), "application/octet-stream");
    let length = response.header("inference-header-content-length").parse().unwrap();
    let (json, binary) = response.body.split_at(length);
    (std::str::from_utf8(json).unwrap(), binary)
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn numbers_go_in_and_out_as_json() {
    let server = Server::start();
    let output = tensor("y", "FP32", "[3]", r#""data":[2.5,3.0,-0.5]"#);
    let expected = reply("half_plus_two", &[output]);
    for data in ["[1,2,-5]", "[[1],[2],[-5]]", " [ 1.0, 2e0 ,\n-50e-1 ] "] {
        let data = format!(r#""data":{data}"#);
        let body = request(&[tensor("x", "FP32", "[3]", &data)], "");
        check(&infer(&server, "half_plus_two", &body), &expected);
        // The order of keys does not matter.
        let backwards = format!(r#"{{{data},"datatype":"FP32","shape":[3],"name":"x"}}"#);
        check(&infer(&server, "half_plus_two", &request(&[backwards], "")), &expected);
    }
    let none = |name: &str| tensor(name, "FP32", "[0]", r#""data":[]"#);
    let body = request(&[none("x")], r#","id":"a\"7","outputs":[{"name":"y"}]"#);
    let expected = reply("half_plus_two", &[none("y")]).replacen('{', r#"{"id":"a\"7","#, 1);
    check(&infer(&server, "half_plus_two", &body), &expected);
}

/// A type, its name, two elements as JSON and as bytes.
fn every_type() -> Vec<(DType, &'static str, &'static str, Vec<u8>)> {
    let wide = |bits: [u64; 2]| bits.map(u64::to_le_bytes).concat();
    let infinite = f64::NEG_INFINITY.to_bits();
    vec![
        (DType::Bool, "BOOL", "[true,false]", vec![1, 0]),
        (DType::U8, "UINT8", "[0,255]", vec![0, 255]),
        (DType::U16, "UINT16", "[1,65535]", vec![1, 0, 255, 255]),
        (DType::U32, "UINT32", "[1,2]", vec![1, 0, 0, 0, 2, 0, 0, 0]),
        (DType::U64, "UINT64", "[1,18446744073709551615]", wide([1, u64::MAX])),
        (DType::I8, "INT8", "[-128,127]", vec![128, 127]),
        (DType::I16, "INT16", "[-1,2]", vec![255, 255, 2, 0]),
        (DType::I32, "INT32", "[-1,2]", vec![255, 255, 255, 255, 2, 0, 0, 0]),
        (DType::I64, "INT64", "[1,-2]", wide([1, -2i64 as u64])),
        (DType::F32, "FP32", "[0.1,NaN]", vec![0xcd, 0xcc, 0xcc, 0x3d, 0, 0, 0xc0, 0x7f]),
        (DType::F64, "FP64", "[0.5,-Infinity]", wide([0.5f64.to_bits(), infinite])),
    ]
}

#[test]
fn every_type_comes_back() {
    for (dtype, name, json, bytes) in every_type() {
        let models = vec![echo("m", dtype, vec![n()])];
        let server = Server::with(Limits::default(), Options::default(), models);
        let data = format!(r#""data":{json}"#);
        let body = request(&[tensor("x", name, "[2]", &data)], "");
        check(&infer(&server, "m", &body), &reply("m", &[tensor("y", name, "[2]", &data)]));
        let inputs = [tensor("x", name, "[2]", &binary_size(bytes.len()))];
        let body = request(&inputs, r#","parameters":{"binary_data_output":true}"#);
        let response = infer_binary(&server, "m", &body, &bytes);
        assert_eq!(parts(&response).1, bytes, "{name}");
        assert!(server.get("/v2/models/m").text().contains(name));
    }
}

#[test]
fn half_floats_are_binary_only() {
    for (dtype, name) in [(DType::F16, "FP16"), (DType::BF16, "BF16")] {
        let models = vec![echo("m", dtype, vec![n()])];
        let server = Server::with(Limits::default(), Options::default(), models);
        let body = request(&[tensor("x", name, "[1]", r#""data":[1]"#)], "");
        let text = format!(
            "receiving {name} data via JSON is not supported. Please use the binary data format \
             for input x"
        );
        check_refused(&infer(&server, "m", &body), 400, &text);
        let input = [tensor("x", name, "[1]", &binary_size(2))];
        let response = infer_binary(&server, "m", &request(&input, ""), &[0x80, 0x3f]);
        let text = format!(
            "sending {name} data via JSON is not supported. Please use the binary data format for \
             output y"
        );
        check_refused(&response, 400, &text);
        let binary = r#","outputs":[{"name":"y","parameters":{"binary_data":true}}]"#;
        let response = infer_binary(&server, "m", &request(&input, binary), &[0x80, 0x3f]);
        assert_eq!(parts(&response).1, [0x80, 0x3f]);
    }
}

#[test]
fn binary_tensors_follow_the_json_in_the_order_of_the_inputs() {
    let server = Server::start();
    let inputs = [
        tensor("b", "INT64", "[1,2]", &binary_size(16)),
        tensor("a", "FP32", "[1,2]", &binary_size(8)),
    ];
    let outputs = r#","outputs":[{"name":"b"},{"name":"a","parameters":{"binary_data":true}}]"#;
    let binary = [&[7i64.to_le_bytes(), 8i64.to_le_bytes()].concat()[..], &floats(&[0.5, 1.5])];
    let json = request(&inputs, outputs);
    let response = infer_binary(&server, "pair", &json, &binary.concat());
    let outputs = [
        tensor("a", "FP32", "[1,2]", &binary_size(8)),
        tensor("b", "INT64", "[1,2]", r#""data":[7,8]"#),
    ];
    assert_eq!(parts(&response), (&*reply("pair", &outputs), &floats(&[0.5, 1.5])[..]));
}

#[test]
fn a_body_may_be_one_bare_tensor() {
    let server = Server::start();
    let header = "Inference-Header-Content-Length: 0";
    let bare = |bytes: &[u8]| server.send("POST", INFER, &[header], bytes);
    let response = bare(&floats(&[1.0, 2.0]));
    let output = tensor("y", "FP32", "[2]", &binary_size(8));
    let expected = (&*reply("half_plus_two", &[output]), &floats(&[2.5, 3.0])[..]);
    assert_eq!(parts(&response), expected);
    let text = "expected JSON, or the bytes of input 'x' of model 'half_plus_two' with shape [-1] \
                and type FP32; found 5 bytes";
    check_refused(&bare(b"12345"), 400, text);
    let response = server.send("POST", "/v2/models/pair/infer", &[header], b"");
    let text = "expected JSON before the tensors of model 'pair', which has 2 inputs, found none";
    check_refused(&response, 400, text);
    // An image file too.
    let response = server.send("POST", "/v2/models/brightness/infer", &[header], &jpeg(64));
    assert_eq!(parts(&response).1, floats(&[0.25]));
}

/// The length of an element, and the element.
fn counted(element: &[u8]) -> Vec<u8> {
    [&(element.len() as u32).to_le_bytes()[..], element].concat()
}

#[test]
fn images_are_elements_of_type_bytes() {
    let server = Server::start();
    let expected = reply("brightness", &[tensor("y", "FP32", "[1,1]", r#""data":[0.25]"#)]);
    let image = counted(&jpeg(64));
    let binary = |size| request(&[tensor("x", "BYTES", "[1]", &binary_size(size))], "");
    check(&infer_binary(&server, "brightness", &binary(image.len()), &image), &expected);
    let base64 = BASE64_STANDARD.encode(jpeg(64));
    let one = format!(r#""data":["{base64}"]"#);
    let body = request(&[tensor("x", "BYTES", "[1,1]", &one)], "");
    check(&infer(&server, "brightness", &body), &expected);
    let two = format!(r#""data":["{base64}","{base64}"]"#);
    let two = infer(&server, "brightness", &request(&[tensor("x", "BYTES", "[2]", &two)], ""));
    let text = "model 'brightness' takes one image at a time, found 2; send several requests";
    check_refused(&two, 400, text);
    let cut = infer_binary(&server, "brightness", &binary(6), &image[..6]);
    let text = "[request id: <id_unknown>] input 'x': the bytes end within element 0; expected \
                four bytes of length before each";
    check_refused(&cut, 400, text);
    // Models without a recipe take none.
    let body = request(&[tensor("x", "BYTES", "[1]", &one)], "");
    let text = "[request id: <id_unknown>] inference input 'x' data-type is 'BYTES', but model \
                'half_plus_two' expects 'FP32'";
    check_refused(&infer(&server, "half_plus_two", &body), 400, text);
}

#[test]
fn several_images_are_one_batch() {
    let shape = || vec![n(), Dim::from(1)];
    let models = vec![echo("batch", DType::F32, shape()).with_recipe(Brightness)];
    let server = Server::with(Limits::default(), Options::default(), models);
    let images = [counted(&jpeg(64)), counted(&jpeg(128))].concat();
    let json = request(&[tensor("x", "BYTES", "[2]", &binary_size(images.len()))], "");
    let expected = reply("batch", &[tensor("y", "FP32", "[2,1]", r#""data":[0.25,0.5]"#)]);
    check(&infer_binary(&server, "batch", &json, &images), &expected);
    let dark = [counted(&jpeg(64)), counted(&jpeg(0))].concat();
    let response = infer_binary(&server, "batch", &json, &dark);
    check_refused(&response, 400, "image 1: the image is too dark to decode");
    let many = counted(&jpeg(64)).repeat(129);
    let json = request(&[tensor("x", "BYTES", "[129]", &binary_size(many.len()))], "");
    let text = "expected at most 128 images in a request, found more; send several requests";
    check_refused(&infer_binary(&server, "batch", &json, &many), 400, text);
}

#[test]
fn classes_instead_of_elements() {
    let shape = || vec![n(), Dim::from(3)];
    let models =
        vec![echo("batch", DType::F32, shape()), echo("flat", DType::I64, vec![Dim::from(4)])];
    let server = Server::with(Limits::default(), Options::default(), models);
    let classes = |count: &str| format!(r#","outputs":[{{"name":"y","parameters":{{{count}}}}}]"#);
    let rows = [tensor("x", "FP32", "[2,3]", r#""data":[0.1,0.7,0.2,5,5,-1]"#)];
    let body = request(&rows, &classes(r#""classification":2"#));
    let data = r#""data":["0.700000:1","0.200000:2","5.000000:0","5.000000:1"]"#;
    let expected = reply("batch", &[tensor("y", "BYTES", "[2,2]", data)]);
    check(&infer(&server, "batch", &body), &expected);
    let body = request(&rows, &classes(r#""classification":9,"binary_data":true"#));
    let response = infer(&server, "batch", &body);
    let (json, binary) = parts(&response);
    assert!(json.contains(r#""shape":[2,3],"parameters":{"binary_data_size":"#), "{json}");
    assert!(binary.starts_with(&counted(b"0.700000:1")));
    let flat = [tensor("x", "INT64", "[4]", r#""data":[3,-9,8,8]"#)];
    let body = request(&flat, &classes(r#""classification":3"#));
    let expected = reply("flat", &[tensor("y", "BYTES", "[3]", r#""data":["8:2","8:3","3:0"]"#)]);
    check(&infer(&server, "flat", &body), &expected);
    // With the recipe's names.
    let server = Server::start();
    let input = [tensor("x", "FP32", "[1,1]", r#""data":[0.5]"#)];
    let body = request(&input, &classes(r#""classification":1"#));
    let output = tensor("y", "BYTES", "[1]", r#""data":["0.500000:0:dark"]"#);
    check(&infer(&server, "brightness", &body), &reply("brightness", &[output]));
}

#[test]
fn what_cannot_be_read_is_refused() {
    let server = Server::start();
    let input = |more: &str| request(&[format!(r#"{{"name":"x",{more}}}"#)], "");
    let member = |name: &str| format!("attempt to access non-existing object member '{name}'");
    let kinds = "attempt to access JSON non-unsigned-integer as unsigned-integer";
    let count = "Unable to parse 'data': Shape does not match true shape of 'data' field";
    let buffer = "failed to parse the request JSON buffer:";
    for (body, text) in [
        ("{bad".into(), format!("{buffer} Missing a name for object member. at 1")),
        ("{}".into(), format!("Unable to parse 'inputs': {}", member("inputs"))),
        (
            input(r#""shape":[1],"datatype":"FP32""#),
            "Input must set only one of the following fields: 'data', 'binary_data_size' in \
             'parameters', 'shared_memory_region' in 'parameters'. But no field is set"
                .into(),
        ),
        (
            input(r#""shape":[1],"data":[1]"#),
            format!("Unable to parse 'datatype': {}", member("datatype")),
        ),
        (
            input(r#""shape":[1],"datatype":"FP33","data":[1]"#),
            "invalid datatype for input x".into(),
        ),
        (input(r#""shape":[2],"datatype":"FP32","data":[1]"#), count.into()),
        (input(r#""shape":[4611686018427387904],"datatype":"FP32","data":[1]"#), count.into()),
        (
            input(r#""shape":[-1],"datatype":"FP32","data":[1]"#),
            format!("Unable to parse 'shape': {kinds}"),
        ),
    ] {
        check_refused(&infer(&server, "half_plus_two", &body), 400, &text);
    }
}

#[test]
fn what_does_not_fit_the_model_is_refused() {
    let server = Server::start();
    let one = || tensor("x", "FP32", "[1]", r#""data":[1]"#);
    let shared = r#""parameters":{"shared_memory_region":"r","shared_memory_byte_size":4}"#;
    let huge = "[9223372036854775807,9223372036854775807,3]";
    for (body, status, text) in [
        (
            request(&[one()], r#","outputs":[{"name":"z"}]"#),
            400,
            "unexpected inference output 'z' for model 'half_plus_two'",
        ),
        (request(&[one(), one()], ""), 400, "input 'x' already exists in request"),
        (
            request(&[], r#","id":"7""#),
            400,
            "[request id: 7] expected 1 inputs but got 0 inputs for model 'half_plus_two'. Got \
             input(s) [], but missing required input(s) ['x']. Please provide all required \
             input(s).",
        ),
        (
            request(&[tensor("x", "FP32", huge, &binary_size(4))], ""),
            400,
            "unexpected size for input 'x', expecting 4 additional bytes for model \
             'half_plus_two'",
        ),
        (
            request(&[tensor("x", "FP32", "[1]", shared)], ""),
            403,
            "this server shares no memory; start it with --shared-memory",
        ),
    ] {
        check_refused(&infer(&server, "half_plus_two", &body), status, text);
    }
    let json = request(&[tensor("x", "FP32", "[1]", &binary_size(4))], "");
    let text = "unexpected additional input data for model 'half_plus_two'";
    check_refused(&infer_binary(&server, "half_plus_two", &json, b"12345"), 400, text);
    let json = request(&[tensor("x", "FP32", "[1]", &binary_size(8))], "");
    let text = "[request id: <id_unknown>] input byte size mismatch for input 'x' for model \
                'half_plus_two'. Expected 4, got 8";
    check_refused(&infer_binary(&server, "half_plus_two", &json, b"12345678"), 400, text);
}

#[test]
fn what_the_head_says_wrongly_is_refused() {
    let server = Server::start();
    for found in ["999", "-1", "x"] {
        let header = format!("Inference-Header-Content-Length: {found}");
        let response = server.send("POST", INFER, &[&header], b"{}");
        let text = format!("inference header size should be in range (0, 2), got: {found}");
        check_refused(&response, 400, &text);
    }
    check_refused(&server.get(INFER), 405, "Method Not Allowed");
    check_refused(&server.get("/v2/nope"), 404, "Not Found");
    let text = "Request for unknown model: 'half_plus_two' version 7 is not found";
    check_refused(&server.get("/v2/models/half_plus_two/versions/7"), 404, text);
}

#[test]
fn the_server_and_its_models_are_described() {
    let server = Server::start();
    let about = server.get("/v2");
    assert!(about.text().starts_with(r#"{"name":"schooner","version":""#), "{}", about.text());
    for (path, text) in [
        ("/v2/health/live", r#"{"live":true}"#),
        ("/v2/health/ready", r#"{"ready":true}"#),
        ("/v2/models/pair/ready", r#"{"name":"pair","ready":true}"#),
    ] {
        let response = server.get(path);
        assert_eq!((response.status, response.text()), (200, text), "{path}");
    }
    check_refused(&server.get("/v2/models/no/ready"), 404, "Model version not ready");
    server.service.store().begin("late", 1);
    check_refused(&server.get("/v2/models/late/ready"), 503, "Model version not ready");
    assert_eq!(server.get("/v2/health/ready").status, 503);
    let port =
        |name, datatype| format!(r#"{{"name":"{name}","datatype":"{datatype}","shape":[-1,2]}}"#);
    let ports = format!("[{},{}]", port("a", "FP32"), port("b", "INT64"));
    let about = r#"{"name":"pair","versions":["1"],"platform":"schooner","#;
    let expected = format!(r#"{about}"inputs":{ports},"outputs":{ports}}}"#);
    check(&server.get("/v2/models/pair"), &expected);
    check(&server.get("/v2/models/pair/versions/1"), &expected);
}

#[test]
fn routes_are_described_as_openapi() {
    let server = Server::start();
    for (path, route) in [
        ("/v1/models/pair/openapi.json", "/v1/models/pair:predict"),
        ("/v2/models/pair/openapi.json", "/v2/models/pair/infer"),
        ("/v2/models/brightness/openapi.json", "/v2/models/brightness/infer"),
    ] {
        let response = server.get(path);
        let document: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let operation = &document["paths"][route]["post"];
        assert!(operation["requestBody"]["content"]["application/json"].is_object(), "{path}");
        assert!(operation["responses"]["200"].is_object(), "{path}");
    }
    let response = server.get("/v1/models/pair/openapi.json");
    let document: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let body = &document["paths"]["/v1/models/pair:predict"]["post"]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"]["oneOf"];
    let row = &schema[0]["properties"]["instances"]["items"]["properties"]["a"];
    assert_eq!(row["maxItems"], 2);
    assert_eq!(row["items"]["format"], "float");
    let whole = &schema[1]["properties"]["inputs"]["properties"]["b"];
    assert_eq!(whole["items"]["items"]["format"], "int64");
}
