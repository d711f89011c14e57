//! The paths below `/v2`: those of the Open Inference Protocol and of Triton's extensions.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use server::{Refusal, Select};

/// What a path asks for, with the methods that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Server,
    Live,
    Ready,
    Model { model: String, select: Select, about: About },
    Infer { model: String, select: Select },
    Trace { model: Option<String> },
    Logging,
    AllStatistics,
    Index,
    Load { model: String },
    Unload { model: String },
    Shared { memory: Memory, region: Option<String>, action: Action },
}

/// What is asked of a model, other than an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Metadata,
    Ready,
    Config,
    Statistics,
    OpenApi,
}

/// Whose memory is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    System,
    Cuda,
}

/// What is done with shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Status,
    Register,
    Unregister,
}

impl Route {
    /// Reads a path, and checks the method.
    pub(super) fn parse(method: &Method, path: &str) -> Result<Route, Refusal> {
        let (method_text, path_text) = (method.to_string(), path.to_string());
        let Some(route) = Route::of(path)? else {
            return Err(Refusal::RouteNotFound { method: method_text, path: path_text });
        };
        if route.knows(method) {
            return Ok(route);
        }
        Err(Refusal::MethodNotAllowed { method: method_text, path: path_text })
    }

    /// Does the path belong to the answers of models? Those refuse in a way of their own.
    pub(super) fn is_of_infer(path: &str) -> bool {
        path.ends_with("/infer")
    }

    /// `None` when the path means nothing.
    fn of(path: &str) -> Result<Option<Route>, Refusal> {
        let Some(rest) = path.strip_prefix("/v2") else { return Ok(None) };
        if !rest.is_empty() && !rest.starts_with('/') {
            return Ok(None);
        }
        let parts: Vec<&str> = rest.split('/').skip(1).collect();
        Ok(Some(match parts.as_slice() {
            [] | [""] => Route::Server,
            ["health", "live"] => Route::Live,
            ["health", "ready"] => Route::Ready,
            ["logging"] => Route::Logging,
            ["trace", "setting"] => Route::Trace { model: None },
            ["models", "stats"] => Route::AllStatistics,
            ["models", name, rest @ ..] if !name.is_empty() => return model(&decode(name), rest),
            ["repository", "index"] => Route::Index,
            ["repository", "models", name, "load"] => Route::Load { model: decode(name) },
            ["repository", "models", name, "unload"] => Route::Unload { model: decode(name) },
            ["systemsharedmemory", rest @ ..] => return Ok(shared(Memory::System, rest)),
            ["cudasharedmemory", rest @ ..] => return Ok(shared(Memory::Cuda, rest)),
            _ => return Ok(None),
        }))
    }

    fn knows(&self, method: &Method) -> bool {
        let reads = method == Method::GET || method == Method::HEAD;
        let writes = method == Method::POST;
        match self {
            Route::Server | Route::Live | Route::Ready | Route::AllStatistics => reads,
            Route::Model { .. } | Route::Shared { action: Action::Status, .. } => reads,
            Route::Trace { .. } | Route::Logging => reads || writes,
            Route::Infer { .. } | Route::Index | Route::Load { .. } | Route::Unload { .. } => {
                writes
            }
            Route::Shared { .. } => writes,
        }
    }
}

/// What follows a model's name.
fn model(model: &str, rest: &[&str]) -> Result<Option<Route>, Refusal> {
    let model = model.to_string();
    let (select, rest) = match rest {
        ["versions", version, rest @ ..] => {
            if version.is_empty() || !version.bytes().all(|b| b.is_ascii_digit()) {
                return Ok(None);
            }
            // Versions are 64-bit and signed on the wire.
            let number = version.parse::<i64>().ok().and_then(|v| u64::try_from(v).ok());
            let bad_version = || Refusal::BadVersion(version.to_string());
            (Select::Version(number.ok_or_else(bad_version)?), rest)
        }
        rest => (Select::Latest, rest),
    };
    let about = |about| {
        let (model, select) = (model.clone(), select.clone());
        Route::Model { model, select, about }
    };
    Ok(Some(match rest {
        [] => about(About::Metadata),
        ["ready"] => about(About::Ready),
        ["config"] => about(About::Config),
        ["stats"] => about(About::Statistics),
        ["openapi.json"] => about(About::OpenApi),
        ["infer"] => Route::Infer { model, select },
        ["trace", "setting"] => Route::Trace { model: Some(model) },
        _ => return Ok(None),
    }))
}

fn shared(memory: Memory, rest: &[&str]) -> Option<Route> {
    let (region, action) = match rest {
        ["region", name, action] if !name.is_empty() => (Some(decode(name)), action),
        [action] => (None, action),
        _ => return None,
    };
    let action = match *action {
        "status" => Action::Status,
        "register" => Action::Register,
        "unregister" => Action::Unregister,
        _ => return None,
    };
    Some(Route::Shared { memory, region, action })
}

fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Result<Route, String> {
        Route::parse(&Method::GET, path).map_err(|refusal| refusal.row().reason.to_string())
    }

    fn post(path: &str) -> Result<Route, String> {
        Route::parse(&Method::POST, path).map_err(|refusal| refusal.row().reason.to_string())
    }

    #[test]
    fn every_form_is_read() {
        let m = || "m".to_string();
        let (latest, second) = (|| Select::Latest, || Select::Version(2));
        let of = |select, about| Ok(Route::Model { model: m(), select, about });
        assert_eq!(get("/v2"), Ok(Route::Server));
        assert_eq!(get("/v2/"), Ok(Route::Server));
        assert_eq!(get("/v2/health/live"), Ok(Route::Live));
        assert_eq!(get("/v2/models/m"), of(latest(), About::Metadata));
        assert_eq!(get("/v2/models/m/versions/2"), of(second(), About::Metadata));
        assert_eq!(get("/v2/models/m/versions/2/ready"), of(second(), About::Ready));
        assert_eq!(get("/v2/models/m/config"), of(latest(), About::Config));
        assert_eq!(get("/v2/models/m/stats"), of(latest(), About::Statistics));
        assert_eq!(get("/v2/models/stats"), Ok(Route::AllStatistics));
        let infer = |select| Ok(Route::Infer { model: m(), select });
        assert_eq!(post("/v2/models/m/infer"), infer(latest()));
        assert_eq!(post("/v2/models/m/versions/2/infer"), infer(second()));
        assert_eq!(get("/v2/trace/setting"), Ok(Route::Trace { model: None }));
        assert_eq!(post("/v2/models/m/trace/setting"), Ok(Route::Trace { model: Some(m()) }));
        assert_eq!(post("/v2/repository/models/m/load"), Ok(Route::Load { model: m() }));
        let region = Some("a b".to_string());
        let (memory, action) = (Memory::System, Action::Register);
        let path = "/v2/systemsharedmemory/region/a%20b/register";
        assert_eq!(post(path), Ok(Route::Shared { memory, region, action }));
        let (memory, action) = (Memory::Cuda, Action::Status);
        let path = "/v2/cudasharedmemory/status";
        assert_eq!(get(path), Ok(Route::Shared { memory, region: None, action }));
    }

    #[test]
    fn everything_else_is_refused() {
        for path in [
            "/v2x",
            "/v2x/health/live",
            "/v2/nope",
            "/v2//",
            "/v2/models",
            "/v2/models/",
            "/v2/models/m/x",
            "/v2/models/m/versions/x",
            "/v2/models/m/versions/-1/infer",
            "/v2/health",
            "/v2/systemsharedmemory/region/r/x",
            "/v1/models/m",
            "/",
        ] {
            assert_eq!(get(path), Err("no_route".to_string()), "{path}");
        }
        assert_eq!(get("/v2/models/m/infer"), Err("method".to_string()));
        assert_eq!(get("/v2/repository/index"), Err("method".to_string()));
        assert_eq!(post("/v2/models/m"), Err("method".to_string()));
        let path = "/v2/models/m/versions/9223372036854775808";
        assert_eq!(get(path), Err("bad_version".to_string()));
    }
}
