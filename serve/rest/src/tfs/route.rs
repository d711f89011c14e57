//! The paths of TensorFlow Serving, which are two regular expressions without regard to case:
//!
//! ```text
//! POST /v1/models/NAME[/versions/V|/labels/L]:(classify|regress|predict)
//! GET  /v1/models[/NAME][/versions/V|/labels/L][/metadata]
//! ```
//!
//! Beside them stand `:explain`, which KServe has, and `/openapi.json`, which is ours.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use server::{Refusal, Select};

/// What a path under `/v1` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Run the model.
    Predict { model: String, select: Select },
    /// Run the model on examples, for classes and scores.
    Classify { model: String, select: Select },
    /// Run the model on examples, for one number each.
    Regress { model: String, select: Select },
    /// The states of the model's versions.
    Status { model: String, select: Select },
    /// The model's signature.
    Metadata { model: String, select: Select },
    /// The model's routes as an OpenAPI document.
    OpenApi { model: String, select: Select },
    /// Why the model answers as it does.
    Explain { model: String, select: Select },
}

impl Route {
    /// Reads a path. `PUT` counts as `POST`, because `curl -T` sends it.
    pub(crate) fn parse(method: &Method, path: &str) -> Result<Route, Refusal> {
        let malformed = || {
            let (method, path) = (method.to_string(), path.to_string());
            Refusal::MalformedRequest { method, path }
        };
        let rest = strip_prefix(path, "/v1/models").ok_or_else(malformed)?;
        if method == Method::POST || method == Method::PUT {
            return verb_route(rest, malformed);
        }
        if method != Method::GET && method != Method::HEAD {
            return Err(malformed());
        }
        if rest.is_empty() {
            return Err(Refusal::InvalidArgument("Missing model name in request.".to_string()));
        }
        let rest = rest.strip_prefix('/').ok_or_else(malformed)?;
        if let Some(rest) = strip_suffix(rest, "/metadata") {
            let (model, select) = target(rest, malformed)?;
            return Ok(Route::Metadata { model, select });
        }
        if let Some(rest) = strip_suffix(rest, "/openapi.json") {
            let (model, select) = target(rest, malformed)?;
            return Ok(Route::OpenApi { model, select });
        }
        let (model, select) = target(rest, malformed)?;
        Ok(Route::Status { model, select })
    }
}

fn verb_route(rest: &str, malformed: impl Fn() -> Refusal) -> Result<Route, Refusal> {
    let rest = rest.strip_prefix('/').ok_or_else(&malformed)?;
    let (rest, verb) = rest.rsplit_once(':').ok_or_else(&malformed)?;
    let (model, select) = target(rest, &malformed)?;
    match verb.to_ascii_lowercase().as_str() {
        "predict" => Ok(Route::Predict { model, select }),
        "explain" => Ok(Route::Explain { model, select }),
        "classify" => Ok(Route::Classify { model, select }),
        "regress" => Ok(Route::Regress { model, select }),
        _ => Err(malformed()),
    }
}

/// `NAME`, `NAME/versions/V` or `NAME/labels/L`.
fn target(path: &str, malformed: impl Fn() -> Refusal) -> Result<(String, Select), Refusal> {
    let parts: Vec<&str> = path.split('/').collect();
    let (name, select) = match parts.as_slice() {
        [name] => (name, Select::Latest),
        [name, kind, version] if kind.eq_ignore_ascii_case("versions") => {
            if version.is_empty() || !version.bytes().all(|b| b.is_ascii_digit()) {
                return Err(malformed());
            }
            // Versions are 64-bit and signed on the wire.
            let number = version.parse::<i64>().ok().and_then(|v| u64::try_from(v).ok());
            let bad_version = || Refusal::BadVersion(version.to_string());
            (name, Select::Version(number.ok_or_else(bad_version)?))
        }
        [name, kind, label]
            if kind.eq_ignore_ascii_case("labels") && !label.is_empty() && !label.contains(':') =>
        {
            (name, Select::Label(decode(label)))
        }
        _ => return Err(malformed()),
    };
    if name.is_empty() || name.contains(':') {
        return Err(malformed());
    }
    Ok((decode(name), select))
}

fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, expected: Result<Route, &str>) {
        let found = Route::parse(&method, path).map_err(|refusal| refusal.to_string());
        assert_eq!(found, expected.map_err(str::to_string), "{method} {path}");
    }

    fn m() -> String {
        "m".to_string()
    }

    #[test]
    fn every_form_is_read() {
        let latest = Select::Latest;
        let predict = |select| Ok(Route::Predict { model: m(), select });
        check(Method::POST, "/v1/models/m:predict", predict(latest.clone()));
        check(Method::PUT, "/V1/Models/m:PREDICT", predict(latest.clone()));
        check(Method::POST, "/v1/models/m/versions/7:predict", predict(Select::Version(7)));
        check(
            Method::GET,
            "/v1/models/m",
            Ok(Route::Status { model: m(), select: latest.clone() }),
        );
        check(
            Method::HEAD,
            "/v1/models/m",
            Ok(Route::Status { model: m(), select: latest.clone() }),
        );
        check(
            Method::POST,
            "/v1/models/m:Classify",
            Ok(Route::Classify { model: m(), select: latest.clone() }),
        );
        let label = Select::Label("canary".to_string());
        check(
            Method::POST,
            "/v1/models/m/labels/canary:regress",
            Ok(Route::Regress { model: m(), select: label }),
        );
        let select = Select::Version(2);
        check(
            Method::GET,
            "/v1/models/m/versions/2",
            Ok(Route::Status { model: m(), select: select.clone() }),
        );
        check(
            Method::GET,
            "/v1/models/m/Versions/2/METADATA",
            Ok(Route::Metadata { model: m(), select: select.clone() }),
        );
        let select = latest.clone();
        check(Method::POST, "/v1/models/m:explain", Ok(Route::Explain { model: m(), select }));
        let select = latest.clone();
        check(Method::GET, "/v1/models/m/openapi.json", Ok(Route::OpenApi { model: m(), select }));
        let model = "größe/x".to_string();
        check(
            Method::GET,
            "/v1/models/gr%C3%B6%C3%9Fe%2Fx/metadata",
            Ok(Route::Metadata { model, select: latest.clone() }),
        );
    }

    #[test]
    fn everything_else_is_malformed() {
        for (method, path) in [
            (Method::POST, "/v1/models"),
            (Method::POST, "/v1/models/m"),
            (Method::POST, "/v1/models/m:"),
            (Method::POST, "/v1/models/m:explains"),
            (Method::POST, "/v1/models/:predict"),
            (Method::POST, "/v1/models/m/versions/x:predict"),
            (Method::POST, "/v1/models/m/versions/:predict"),
            (Method::POST, "/v1/models/m/versions/-1:predict"),
            (Method::POST, "/v1/models/a:b:predict"),
            (Method::GET, "/v1/models/m:predict"),
            (Method::GET, "/v1/models/"),
            (Method::GET, "/v1/modelsm"),
            (Method::GET, "/v1/models/m/x"),
            (Method::GET, "/v1/é"),
            (Method::DELETE, "/v1/models/m"),
        ] {
            let text = format!("Malformed request: {method} {path}");
            check(method, path, Err(&text));
        }
    }

    #[test]
    fn refusals_have_tensorflow_serving_s_words() {
        check(Method::GET, "/v1/models", Err("Missing model name in request."));
        let path = "/v1/models/m/versions/9223372036854775808";
        let text = "Failed to convert version: 9223372036854775808 to numeric.";
        check(Method::GET, path, Err(text));
        let select = Select::Label("stable ones".to_string());
        let predict = Route::Predict { model: m(), select };
        check(Method::POST, "/v1/models/m/labels/stable%20ones:predict", Ok(predict));
    }
}
