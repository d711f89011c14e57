//! A listener that stands in for Triton answers as Triton did when it was recorded.

use crate::support::{Response, Server};
use listen::Options;
use servables::{echo, model, port};
use server::{Limits, Servable};
use tensor::{DType, Dim, Tensor};

/// Where the two must differ: the name of the engine, and the name of its file and its knobs.
const DIFFERENCES: [(&str, &str); 5] = [
    (r#""platform":"onnxruntime_onnx","inputs""#, r#""platform":"schooner","inputs""#),
    (r#""platform":"onnxruntime_onnx""#, r#""platform":"""#),
    (r#""backend":"onnxruntime""#, r#""backend":"schooner""#),
    (r#""default_model_filename":"model.onnx""#, r#""default_model_filename":"""#),
    (
        "\"intra_op_thread_count\":{\"string_value\":\"1\"},\
         \"inter_op_thread_count\":{\"string_value\":\"1\"}",
        "",
    ),
];

/// The models of the recording.
fn models() -> Vec<Servable> {
    let ports = |name: &str| vec![port(name, DType::F32, vec![Dim::symbol("n")])];
    let identity =
        |name: &str| model(name, ports("INPUT0"), ports("OUTPUT0"), |inputs| Ok(inputs.to_vec()));
    let image = [1, 3, 224, 224].map(Dim::from).to_vec();
    let inputs = vec![port("input", DType::F32, image)];
    let outputs = vec![port("output", DType::F32, vec![Dim::from(1), Dim::from(1000)])];
    let mnv2 = model("mnv2", inputs, outputs, |_| {
        Ok(vec![Tensor::zeros(DType::F32, &[1, 1000]).map_err(|e| e.to_string())?])
    });
    vec![identity("ident_ort"), identity("identity"), echo("jpg", DType::U8, vec![]), mnv2]
}

/// One recorded exchange.
struct Case<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<&'a str>,
    body: &'a str,
    status: u16,
    content_type: &'a str,
    answer: String,
}

fn cases(recording: &str) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for text in recording.split("\n===\n") {
        let Some((asked, answered)) = text.split_once("\n---\n") else { continue };
        let asked = asked.trim_start_matches('\n');
        let asked = match asked.starts_with('#') {
            true => asked.split_once("\n\n").unwrap().1,
            false => asked,
        };
        let (head, body) = asked.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let (status, answer) = answered.split_once('\n').unwrap_or((answered, ""));
        let (status, content_type) = status.split_once(' ').unwrap();
        let mut answer = answer.to_string();
        for (theirs, ours) in DIFFERENCES {
            answer = answer.replace(theirs, ours);
        }
        let (headers, status) = (lines.collect(), status.parse().unwrap());
        cases.push(Case { method, path, headers, body, status, content_type, answer });
    }
    cases
}

#[test]
fn the_recording_is_answered_alike() {
    let recording = include_str!("../../../../suites/serving/triton.txt");
    let cases = cases(recording);
    assert!(cases.len() > 35, "{}", cases.len());
    let server = Server::triton(Limits::default(), Options::default(), models());
    for case in cases {
        let Case { method, path, headers, body, status, content_type, answer } = case;
        let response: Response = server.send(method, path, &headers, body.as_bytes());
        let found = (response.status, response.header("content-type"), response.text());
        assert_eq!(found, (status, content_type, answer.as_str()), "{method} {path} {body}");
    }
}

#[test]
fn metrics_have_triton_s_names() {
    let server = Server::triton_metrics(models());
    let metrics = server.get("/metrics");
    assert_eq!(metrics.header("content-type"), "text/plain; charset=utf-8");
    for line in [
        "# TYPE nv_inference_request_success counter",
        r#"nv_inference_request_success{model="identity",version="1"} 0"#,
        r#"nv_inference_request_failure{model="mnv2",reason="BACKEND",version="1"} 0"#,
        r#"nv_inference_pending_request_count{model="jpg",version="1"} 0"#,
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}\n{}", metrics.text());
    }
}
