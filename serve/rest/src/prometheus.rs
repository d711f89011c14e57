//! Prometheus' text format 0.0.4, for metrics under the names of other servers. Our own are in
//! `monitor`, in the format that came after it.

/// The content type.
pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label's value: backslashes, quotes and line feeds have escapes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
