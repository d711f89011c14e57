//! Paths, queries, and which model and version they mean.

use crate::protocol::Call;
use percent_encoding::percent_decode_str;
use repository::version_number;
use server::{Refusal, Select, Servable};
use std::sync::Arc;

/// The model that a request means, as it wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) model: String,
    /// The default version when there is none.
    pub(super) version: Option<String>,
}

/// The parts of a path between its slashes, percent signs resolved. Slashes at the end do not
/// count.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.trim_start_matches('/').trim_end_matches('/').split('/').map(decode).collect()
}

/// Names and values of a query or of a form, in which `+` is a space.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
    })
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The parameters of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters(pub(super) Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(query: Option<&str>) -> Parameters {
        Parameters(query.map_or_else(Vec::new, |query| pairs(query).collect()))
    }

    /// The first value of a name, when it is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A number; what is none counts as not given.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

impl Target {
    pub(super) fn new(model: &str, version: Option<&str>) -> Target {
        Target { model: model.to_string(), version: version.map(str::to_string) }
    }

    /// The version that is meant. A model that is not there at all is refused as such, whatever
    /// version of it was asked for.
    pub(super) fn find(&self, call: &mut Call) -> Result<Arc<Servable>, Refusal> {
        let newest = call.find(&self.model, Select::Latest);
        if self.version.is_none() {
            return newest;
        }
        if let Err(Refusal::ModelNotFound { model, .. }) = newest {
            return Err(Refusal::ModelNotFound { model, version: None });
        }
        call.find(&self.model, self.select()?)
    }

    /// The version for the store.
    pub(super) fn select(&self) -> Result<Select, Refusal> {
        let Some(version) = &self.version else { return Ok(Select::Latest) };
        let unknown = || Refusal::BadVersion(version.clone());
        version_number(version).map(Select::Version).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded() {
        assert_eq!(segments("/predictions/a%20b/1.0/"), ["predictions", "a b", "1.0"]);
        assert_eq!(segments("/"), [""]);
        let parameters = Parameters::of(Some("url=a%2Fb.mar&x=1+2&&synchronous=TRUE&n=x&m=-3"));
        assert_eq!(parameters.text("url"), Some("a/b.mar"));
        assert_eq!(parameters.text("x"), Some("1 2"));
        assert_eq!((parameters.number("n"), parameters.number("m")), (None, Some(-3)));
        assert!(parameters.flag("synchronous"));
        assert_eq!(parameters.text("none"), None);
    }
}
