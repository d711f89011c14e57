//! Bodies that are forms: fields with names.

use super::route::pairs;

/// Most fields of a form. 256: more inputs than any model has, more images than one request may.
const FIELDS_MAX: usize = 256;

/// A field and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: Vec<u8>,
}

/// The boundary of a multipart form, when the content type is one.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (media, parameters) = content_type.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameter(parameters, "boundary").filter(|boundary| !boundary.is_empty())
}

/// Is it a form in the notation of queries?
pub(super) fn is_urlencoded(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The fields of a form in the notation of queries.
pub(super) fn urlencoded(body: &[u8]) -> Result<Vec<Field>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "expected a form, found no text")?;
    let fields: Vec<Field> = pairs(text)
        .take(FIELDS_MAX + 1)
        .map(|(name, value)| Field { name, value: value.into_bytes() })
        .collect();
    bounded(fields)
}

/// The fields of a multipart form (RFC 7578): each begins at a line with the boundary, has headers
/// up to an empty line, and ends before the line feed of the next boundary.
pub(super) fn multipart(body: &[u8], boundary: &str) -> Result<Vec<Field>, String> {
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let mut rest = match body.strip_prefix(first.as_bytes()) {
        Some(rest) => rest,
        // A text before the first boundary is nobody's.
        None => after(body, next.as_bytes()).ok_or("expected a boundary, found none")?,
    };
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") && fields.len() <= FIELDS_MAX {
        let line = after(rest, b"\r\n").ok_or("expected a line feed after the boundary")?;
        let end = find(line, next.as_bytes()).ok_or("expected a boundary at the end")?;
        let part = &line[..end];
        // A part without headers begins with its empty line.
        let (head, value) = match part.strip_prefix(b"\r\n") {
            Some(value) => (&part[..0], value),
            None => {
                let end = find(part, b"\r\n\r\n").ok_or("expected an empty line in a part")?;
                (&part[..end], &part[end + 4..])
            }
        };
        fields.push(Field { name: name(head), value: value.to_vec() });
        rest = &line[end + next.len()..];
    }
    bounded(fields)
}

fn bounded(fields: Vec<Field>) -> Result<Vec<Field>, String> {
    match fields.len() > FIELDS_MAX {
        true => Err(format!("expected at most {FIELDS_MAX} fields, found more")),
        false => Ok(fields),
    }
}

/// The name in `Content-Disposition: form-data; name="…"`.
fn name(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    disposition.and_then(|value| parameter(value, "name")).unwrap_or_default()
}

/// A parameter of a header: `name=value` or `name="value"`.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    while !rest.is_empty() {
        let (name, more) = rest.split_once('=').unwrap_or((rest, ""));
        let name = name.rsplit(';').next().unwrap_or_default().trim();
        let more = more.trim_start();
        let (value, more) = match more.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => more.split_once(';').unwrap_or((more, "")),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_string());
        }
        rest = more;
    }
    None
}

fn after<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    find(bytes, wanted).map(|at| &bytes[at + wanted.len()..])
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &[u8]) -> Field {
        Field { name: name.to_string(), value: value.to_vec() }
    }

    #[test]
    fn multipart_forms_are_read() {
        let boundary = boundary("multipart/form-data; charset=x; boundary=\"a b\"").unwrap();
        assert_eq!(boundary, "a b");
        let body = b"before\r\n--a b\r\nContent-Disposition: form-data; name=\"data\"; \
                     filename=\"x;name=y.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\r\n--a\r\n\
                     \r\n--a b\r\ncontent-disposition: form-data; name=k\r\n\r\n\r\n--a b--\r\n";
        let expected = [field("data", b"\xff\r\n--a\r\n"), field("k", b"")];
        assert_eq!(multipart(body, &boundary).unwrap(), expected);
        let bare = b"--a b\r\n\r\nx\r\n--a b--";
        assert_eq!(multipart(bare, &boundary).unwrap(), [field("", b"x")]);
        assert_eq!(multipart(b"--a b--", &boundary).unwrap(), []);
    }

    #[test]
    fn every_truncation_of_a_form_is_refused() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\nx\r\n--b--";
        for end in 0..body.len() - 2 {
            assert!(multipart(&body[..end], "b").is_err(), "{end}");
        }
        let many = "--b\r\n\r\nx\r\n".repeat(300) + "--b--";
        assert!(multipart(many.as_bytes(), "b").is_err());
    }

    #[test]
    fn other_content_types_are_no_forms() {
        for other in ["multipart/mixed; boundary=x", "multipart/form-data", "image/jpeg", ""] {
            assert_eq!(boundary(other), None, "{other}");
        }
        assert!(is_urlencoded("Application/X-www-form-urlencoded; charset=utf-8"));
        assert_eq!(urlencoded(b"a=1%2C2&b=x+y").unwrap(), [field("a", b"1,2"), field("b", b"x y")]);
    }
}
