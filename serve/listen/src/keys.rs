//! Who may ask: keys, of which only hashes are known.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The keys that open the door, each under a name and as its SHA-256 hash.
#[derive(Debug, Clone)]
pub struct Keys(Arc<[Key]>);

#[derive(Debug)]
struct Key {
    name: Arc<str>,
    hash: [u8; 32],
}

/// Why a file of keys is not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// A line that is no key; what it holds is not shown, since it may be the key itself.
    #[error(
        "{}, line {line}: expected NAME:HASH with the key's SHA-256 as 64 hexadecimal digits, \
         found {found}; `printf %s KEY | sha256sum` computes one", path.display()
    )]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    Line { path: PathBuf, line: usize, found: &'static str },
    /// Nobody could ever enter.
    #[error("{}: expected at least one line NAME:HASH, found none", .0.display())]
    Empty(PathBuf),
}

impl Keys {
    /// Reads a file with `NAME:HASH` in each line. Empty lines and those that begin with `#` are
    /// passed over.
    ///
    /// # Errors
    /// When the file cannot be read, or one line is something else.
    pub fn read(path: &Path) -> Result<Keys, KeysError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| KeysError::Unreadable { path: path.to_path_buf(), error })?;
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = Key::parse(line).map_err(|found| KeysError::Line {
                path: path.to_path_buf(),
                line: number + 1,
                found,
            })?;
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeysError::Empty(path.to_path_buf()));
        }
        Ok(Keys(keys.into()))
    }

    /// The name of the key that these headers carry: `Authorization: Bearer KEY` or
    /// `X-API-Key: KEY`. How long it takes tells nothing about the keys: all are compared, by
    /// their hashes, which nobody can choose.
    pub(crate) fn name_of(&self, headers: &HeaderMap) -> Option<Arc<str>> {
        let hash = Sha256::digest(given(headers)?);
        let mut found = None;
        for key in self.0.iter() {
            if bool::from(key.hash.ct_eq(hash.as_slice())) {
                found = Some(key.name.clone());
            }
        }
        found
    }
}

impl Key {
    fn parse(line: &str) -> Result<Key, &'static str> {
        let (name, hex) = line.rsplit_once(':').ok_or("no colon")?;
        let name = name.trim();
        if name.is_empty() {
            return Err("no name");
        }
        let hex = hex.trim();
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("another hash");
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digit = |at: usize| char::from(digits[at]).to_digit(16).unwrap_or_default() as u8;
            *byte = digit(0) << 4 | digit(1);
        }
        Ok(Key { name: name.into(), hash })
    }
}

/// The key that a client shows.
fn given(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, key) = value.as_bytes().split_at_checked("Bearer ".len())?;
        return scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key.trim_ascii());
    }
    headers.get("x-api-key").map(|value| value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf %s secret | sha256sum`.
    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn read(text: &str) -> Result<Keys, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let place = file.path().display().to_string();
        Keys::read(file.path()).map_err(|error| error.to_string().replace(&place, "FILE"))
    }

    fn name_of(keys: &Keys, name: &'static str, value: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        keys.name_of(&headers).map(|name| name.to_string())
    }

    #[test]
    fn either_header_carries_the_key() {
        let upper = SECRET.to_ascii_uppercase();
        let keys =
            read(&format!("# who\n\n team a : {upper}\nother:{}\n", "0".repeat(64))).unwrap();
        let team = Some("team a".to_string());
        assert_eq!(name_of(&keys, "authorization", "Bearer secret"), team);
        assert_eq!(name_of(&keys, "authorization", "bearer  secret "), team);
        assert_eq!(name_of(&keys, "x-api-key", "secret"), team);
        for (name, value) in [
            ("authorization", "secret"),
            ("authorization", "Basic secret"),
            ("authorization", "Bearer"),
            ("authorization", "Bearer Secret"),
            ("x-api-key", ""),
            ("x-api-key", SECRET),
            ("cookie", "secret"),
        ] {
            assert_eq!(name_of(&keys, name, value), None, "{name}: {value}");
        }
    }

    #[test]
    fn a_line_that_is_no_key_is_named_without_being_shown() {
        for (line, found) in [
            ("hunter2", "no colon"),
            ("me:hunter2", "another hash"),
            (&format!(":{SECRET}"), "no name"),
            (&format!("me:{SECRET}0"), "another hash"),
        ] {
            let error = read(&format!("{SECRET}:{SECRET}\n{line}")).unwrap_err();
            let begin = "FILE, line 2: expected NAME:HASH";
            assert!(error.starts_with(begin) && error.contains(found), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(
            read("# nobody\n").unwrap_err(),
            "FILE: expected at least one line NAME:HASH, found none"
        );
    }
}
