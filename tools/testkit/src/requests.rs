//! Requests to the server's main port, as data.

/// A request of HTTP.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// `name: value`, where it has a header that the protocol asks for.
    pub header: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The requests of `suites/serving/seeds.txt`; each is right, and tests make others of them that
/// are not.
///
/// # Panics
/// When the file is not as its head says.
pub fn http_requests() -> Vec<HttpRequest> {
    let path = crate::repository().join("suites/serving/seeds.txt");
    let text = std::fs::read_to_string(path).expect("the file of requests");
    let (_, requests) = text.split_once("\n\n").expect("a head");
    requests.split("\n===\n").filter(|text| !text.is_empty()).map(request).collect()
}

fn request(text: &str) -> HttpRequest {
    let (line, body) = text.split_once("\n\n").expect("an empty line before the body");
    let (method, path) = line.split_once(' ').expect("a request line");
    let (method, path) = (method.to_string(), path.to_string());
    let Some((json, hex)) = body.split_once("\nhex:") else {
        return HttpRequest { method, path, header: None, body: body.into() };
    };
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
    let header = Some(format!("Inference-Header-Content-Length: {}", json.len()));
    HttpRequest { method, path, header, body: [json.as_bytes(), &bytes].concat() }
}
