//! Images, compression, limits, and clients that misbehave.

use crate::support::{Client, Response, Server};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use listen::Options;
use servables::{brightness, half_plus_two, jpeg, model, n, port};
use server::Limits;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use tensor::DType;

const PREDICT: &str = "/v1/models/brightness:predict";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn check_refused(response: &Response, status: u16, expected: &str) {
    assert_eq!((response.status, response.error().as_str()), (status, expected));
}

/// The reply to images of these brightnesses.
fn classes(key: &str, brightnesses: &[u8]) -> String {
    let answers: Vec<String> = brightnesses
        .iter()
        .map(|&b| {
            let bright = f32::from(b) / 256.0;
            format!(
                "        {{\n            \"classes\": [\n                {{\n                    \
                 \"label\": \"bright\",\n                    \"index\": 1,\n                    \
                 \"probability\": {bright:?}\n                }},\n                {{\n\
                 \x20                   \
                 \"label\": \"dark\",\n                    \"index\": 0,\n                    \
                 \"probability\": {:?}\n                }}\n            ]\n        }}",
                1.0 - bright
            )
        })
        .collect();
    format!(
        "{{\n    \"model\": \"brightness\",\n    \"version\": \"1\",\n    \
         \"{key}\": [\n{}\n    ]\n}}",
        answers.join(",\n")
    )
}

#[test]
fn an_image_is_known_by_its_first_bytes() {
    let server = Server::start();
    let png = b"\x89PNG\r\n\x1a\n\x40".to_vec();
    let webp = b"RIFF\x10\0\0\0WEBP\x40".to_vec();
    for body in [jpeg(0x40), png, webp] {
        for (method, header) in [
            ("PUT", "x-none: 1"),
            ("POST", "content-type: image/jpeg"),
            ("POST", "content-type: application/octet-stream"),
            ("POST", "content-type: application/x-www-form-urlencoded"),
            ("POST", "content-type: application/json"),
        ] {
            let response = server.send(method, PREDICT, &[header], &body);
            assert_eq!(
                (response.status, response.text()),
                (200, classes("predictions", &[0x40]).as_str())
            );
        }
    }
}

#[test]
fn images_come_as_base64_too() {
    let server = Server::start();
    let [a, b] = [1, 2].map(|b| BASE64_STANDARD.encode(jpeg(b)));
    let bare = a.trim_end_matches('=');
    let broken = format!("{}\\n{}", &b[..3], &b[3..]);
    for (request, key) in [
        (format!(r#"{{"instances": [{{"b64": "{a}"}}, {{"b64": "{b}"}}]}}"#), "predictions"),
        (format!(r#"{{"instances": ["{bare}", "{broken}"]}}"#), "predictions"),
        (format!(r#"{{"instances": [{{"x": {{"b64": "{a}"}}}}, {{"x": "{b}"}}]}}"#), "predictions"),
        (format!(r#"{{"inputs": [{{"b64": "{a}"}}, {{"b64": "{b}"}}]}}"#), "outputs"),
        (format!(r#"{{"inputs": {{"x": ["{a}", {{"b64": "{b}"}}]}}}}"#), "outputs"),
    ] {
        let response = server.predict("brightness", &request);
        assert_eq!(response.text(), classes(key, &[1, 2]), "{request}");
    }
    let single = format!(r#"{{"inputs": {{"b64": "{a}"}}}}"#);
    assert_eq!(server.predict("brightness", &single).text(), classes("outputs", &[1]));
    // The same model takes its tensor too.
    let tensor = server.predict("brightness", r#"{"instances": [[0.5]]}"#);
    assert_eq!(tensor.text(), "{\n    \"predictions\": [[0.5]\n    ]\n}");
}

#[test]
fn bad_images_are_refused() {
    let server = Server::start();
    let gif = server.send("PUT", PREDICT, &[], b"GIF89a\x01\x00...");
    let expected = "expected a JPEG, PNG or WebP image, or a JSON object; found a body that begins \
                    with the bytes 47 49 46 38 39 61 01 00 (\"GIF89a\\x01\\x00\")";
    check_refused(&gif, 400, expected);
    let expected = "expected a JPEG, PNG or WebP image, or a JSON object; found an empty body";
    check_refused(&server.send("PUT", PREDICT, &[], b""), 400, expected);
    check_refused(
        &server.send("PUT", PREDICT, &[], &jpeg(0)),
        400,
        "the image is too dark to decode",
    );
    let [good, dark] = [1, 0].map(|b| BASE64_STANDARD.encode(jpeg(b)));
    let request = format!(r#"{{"instances": [{{"b64": "{good}"}}, {{"b64": "{dark}"}}]}}"#);
    let response = server.predict("brightness", &request);
    check_refused(&response, 400, "image 1: the image is too dark to decode");
    let response = server.predict("brightness", &format!(r#"{{"inputs": ["{good}", 0.5]}}"#));
    check_refused(&response, 400, "input `x`: expected images or numbers, found both");
    let response = server.predict("brightness", r#"{"inputs": {"b64": "?"}}"#);
    assert!(response.error().starts_with("Unable to base64 decode"), "{}", response.error());
    let response = server.predict("brightness", r#"{"inputs": {"b64": "AA==", "c": 1}}"#);
    assert!(response.error().contains("not formatted correctly for base64 data"));
    let response = server.send("PUT", "/v1/models/half_plus_two:predict", &[], &jpeg(1));
    let expected = "model half_plus_two takes tensors, not images: it has no recipe; send JSON \
                    {\"instances\": …}, or serve the model with a recipe";
    check_refused(&response, 400, expected);
    let header = "content-type: multipart/form-data; boundary=x";
    let expected = "expected an image or JSON as the body itself, found multipart/form-data; \
                    with curl use -T FILE";
    check_refused(&server.send("POST", PREDICT, &[header], b"--x--"), 415, expected);
}

#[test]
fn too_many_images_are_refused() {
    let limits = Limits { max_images: 2, ..Limits::default() };
    let server = Server::with(limits, Options::default(), vec![brightness("brightness")]);
    let request = |count| {
        let image = format!(r#"{{"b64": "{}"}}"#, BASE64_STANDARD.encode(jpeg(9)));
        format!(r#"{{"instances": [{}]}}"#, vec![image; count].join(", "))
    };
    assert_eq!(server.predict("brightness", &request(2)).status, 200);
    let expected = "expected at most 2 images in a request, found more; send several requests";
    check_refused(&server.predict("brightness", &request(3)), 400, expected);
}

#[test]
fn compressed_requests_are_inflated() {
    let server = Server::start();
    let expected = classes("predictions", &[7]);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&jpeg(7)).unwrap();
    for (header, body) in [
        ("content-encoding: gzip", gzip(&jpeg(7))),
        ("content-encoding: x-gzip", gzip(&jpeg(7))),
        ("content-encoding: deflate", zlib.finish().unwrap()),
        ("content-encoding: identity", jpeg(7)),
    ] {
        let response = server.send("PUT", PREDICT, &[header], &body);
        assert_eq!(response.text(), expected, "{header}");
    }
    let json = gzip(br#"{"instances": [1.0, 2.0, 5.0]}"#);
    let headers = ["content-encoding: gzip", "content-type: application/json"];
    let response = server.send("POST", "/v1/models/half_plus_two:predict", &headers, &json);
    assert_eq!(response.text(), "{\n    \"predictions\": [2.5, 3.0, 4.5\n    ]\n}");
}

#[test]
fn bad_compression_is_refused() {
    let server = Server::start();
    let header = ["content-encoding: gzip"];
    let plain = server.send("PUT", PREDICT, &header, &[jpeg(7), jpeg(8), jpeg(9)].concat());
    check_refused(&plain, 400, "the body is not valid gzip: invalid gzip header");
    let body = gzip(&jpeg(7));
    let cut = server.send("PUT", PREDICT, &header, &body[..body.len() - 3]);
    assert!(cut.error().starts_with("the body is not valid gzip:"), "{}", cut.error());
    let brotli = server.send("PUT", PREDICT, &["content-encoding: br"], &jpeg(7));
    check_refused(
        &brotli,
        415,
        "expected Content-Encoding gzip, zstd, deflate or identity, found br",
    );
}

#[test]
fn long_replies_are_compressed_for_those_who_ask() {
    let server = Server::start();
    let request = format!(r#"{{"instances": [{}]}}"#, vec!["1.5"; 5000].join(","));
    let send = |headers: &[&str]| {
        server.send("POST", "/v1/models/half_plus_two:predict", headers, request.as_bytes())
    };
    let plain = send(&[]);
    assert_eq!(plain.header("content-encoding"), "");
    let packed = send(&["accept-encoding: deflate, gzip"]);
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.header("vary"), "accept-encoding");
    assert!(packed.body.len() * 20 < plain.body.len(), "{}", packed.body.len());
    let mut inflated = Vec::new();
    GzDecoder::new(&*packed.body).read_to_end(&mut inflated).unwrap();
    assert_eq!(inflated, plain.body);
    assert_eq!(send(&["accept-encoding: gzip;q=0"]).header("content-encoding"), "");
    let short = server.send("PUT", PREDICT, &["accept-encoding: gzip"], &jpeg(1));
    assert_eq!(short.header("content-encoding"), "", "a packet's worth is not compressed");
    let metrics = server.send("GET", "/metrics", &["accept-encoding: gzip"], b"");
    assert_eq!(metrics.header("content-encoding"), "gzip");
}

/// A server with small limits on bodies.
fn narrow() -> Server {
    let limits =
        Limits { max_body_bytes: 100_000, max_decompressed_bytes: 1_000_000, ..Limits::default() };
    Server::with(limits, Options::default(), vec![brightness("brightness"), half_plus_two()])
}

#[test]
fn long_bodies_are_refused_and_the_client_reads_why() {
    let server = narrow();
    let expected = "expected a body of at most 100000 bytes, found more; raise the limit on bodies";
    let mut fits = jpeg(1);
    fits.resize(100_000, 1);
    assert_eq!(server.send("PUT", PREDICT, &[], &fits).status, 200);
    let mut long = fits.clone();
    long.push(1);
    check_refused(&server.send("PUT", PREDICT, &[], &long), 413, expected);
    // Announced and never sent.
    let mut client = server.connect();
    let head = format!(
        "PUT {PREDICT} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
         content-length: 99999999999\r\n\r\n"
    );
    client.write(head.as_bytes());
    check_refused(&client.receive(false).unwrap(), 413, expected);
    // Not announced at all.
    let mut client = server.connect();
    client.write(
        format!("PUT {PREDICT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            .as_bytes(),
    );
    for _ in 0..11 {
        client.write(b"2710\r\n");
        client.write(&[0xff; 10_000]);
        client.write(b"\r\n");
    }
    check_refused(&client.receive(false).unwrap(), 413, expected);
}

#[test]
fn chunks_make_a_body() {
    let server = Server::start();
    let mut client = server.connect();
    client.write(
        format!("PUT {PREDICT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            .as_bytes(),
    );
    for byte in jpeg(3) {
        client.write(b"1\r\n");
        client.write(&[byte]);
        client.write(b"\r\n");
    }
    client.write(b"0\r\n\r\n");
    assert_eq!(client.receive(false).unwrap().text(), classes("predictions", &[3]));
}

#[test]
fn bombs_are_refused() {
    let server = narrow();
    let bomb = gzip(&vec![0; 50_000_000]);
    assert!(bomb.len() < 100_000);
    let response = server.send("PUT", PREDICT, &["content-encoding: gzip"], &bomb);
    let expected = "expected a body of at most 1000000 bytes after decompression, found more";
    check_refused(&response, 413, expected);
}

#[test]
fn all_bodies_together_are_bounded() {
    let limits = Limits { max_buffered_bytes: 1000, ..Limits::default() };
    let server = Server::with(limits, Options::default(), vec![brightness("brightness")]);
    let mut first = server.connect();
    first.write(
        format!("PUT {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: 800\r\n\r\n").as_bytes(),
    );
    let mut body = jpeg(1);
    body.resize(800, 1);
    first.write(&body[..799]);
    // Wait until the first body holds its bytes.
    let deadline = Instant::now() + Duration::from_secs(10);
    let refused = loop {
        let response = server.send("PUT", PREDICT, &[], &body[..300]);
        if response.status != 200 || Instant::now() > deadline {
            break response;
        }
    };
    let expected = "requests and answers on their way hold all of 1000 bytes; retry later";
    check_refused(&refused, 503, expected);
    assert_eq!(refused.header("retry-after"), "1");
    first.write(&body[799..]);
    assert_eq!(first.receive(false).unwrap().status, 200);
    assert_eq!(server.send("PUT", PREDICT, &[], &body[..300]).status, 200);
}

/// A server that does not wait for long.
fn impatient() -> Server {
    let options = Options {
        head_timeout: Duration::from_millis(300),
        body_idle_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_secs(1),
        ..Options::default()
    };
    Server::with(Limits::default(), options, vec![brightness("brightness")])
}

#[test]
fn a_head_that_does_not_end_is_answered_with_408() {
    let server = impatient();
    let mut client = server.connect();
    client.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-drip: ");
    let response = client.receive(false).unwrap();
    check_refused(&response, 408, "the request did not arrive within 0 s");
    assert!(client.is_closed());
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = impatient();
    let mut client = server.connect();
    assert!(client.is_closed());
    let mut client = server.connect();
    assert_eq!(client.send("GET", "/healthz", &[], b"").status, 200);
    assert!(client.is_closed());
}

#[test]
fn a_body_that_pauses_or_drips_is_answered_with_408() {
    let server = impatient();
    let head = format!("PUT {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n");
    let mut client = server.connect();
    client.write(head.as_bytes());
    assert_eq!(client.receive(false).unwrap().status, 408);
    let mut client = server.connect();
    client.write(head.as_bytes());
    let start = Instant::now();
    let mut dripping = client.stream.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        while dripping.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(client.receive(false).unwrap().status, 408);
    assert!(start.elapsed() >= Duration::from_secs(1));
    drop(client);
    drip.join().unwrap();
}

#[test]
fn a_body_that_breaks_off_does_no_harm() {
    let server = Server::start();
    let mut client = server.connect();
    client.write(
        format!("PUT {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc").as_bytes(),
    );
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    let response = client.receive(false).unwrap();
    assert_eq!(response.status, 400);
    assert!(response.error().starts_with("the body ended early"), "{}", response.error());
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn noise_is_refused_and_the_server_lives() {
    let server = Server::start();
    for noise in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
        let mut client = server.connect();
        client.write(noise);
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        // The server may reset the connection, which is an answer too.
        let _ = client.stream.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400"), "{noise:?}");
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn large_tensors_are_parsed_without_a_tree() {
    let inputs = vec![port("x", DType::F32, vec![n()])];
    let outputs = vec![port("count", DType::I64, vec![])];
    let count = model("count", inputs, outputs, |inputs| {
        Ok(vec![tensor::Tensor::scalar(inputs[0].shape().iter().product::<usize>() as i64)])
    });
    let server = Server::with(Limits::default(), Options::default(), vec![count]);
    let body = format!(r#"{{"inputs": [{}]}}"#, vec!["0.12345"; 3_000_000].join(","));
    let start = Instant::now();
    let response = server.predict("count", &body);
    assert_eq!(response.text(), "{\n    \"outputs\": 3000000\n}");
    eprintln!("3 million numbers, {} MB: {:?}", body.len() / 1_000_000, start.elapsed());
}

#[test]
fn a_connection_serves_many_requests() {
    let server = Server::start();
    let mut client: Client = server.connect();
    for i in 1..=100 {
        let response = client.send("PUT", PREDICT, &[], &jpeg(i));
        assert_eq!(response.text(), classes("predictions", &[i]));
        let refused = client.send("GET", "/v1/models/no", &[], b"");
        assert_eq!(refused.status, 404, "a refusal does not end the connection");
    }
}
