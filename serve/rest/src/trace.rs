//! What tells one request from another: an id, and the trace that it is part of.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use listen::{REQUEST_ID, TRACEPARENT};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest id that is echoed, in bytes. 128: twice what the longest usual ones have.
const MAX_ID_BYTES: usize = 128;

/// The headers by which the client knows its request again. Whatever goes before or behind this
/// server finds the same two.
pub(crate) fn echoed(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let given = headers.get(REQUEST_ID).filter(|id| is_id(id.as_bytes())).cloned();
    let id = given.or_else(|| HeaderValue::from_bytes(&hexadecimal(new_id())).ok());
    let traceparent = headers.get(TRACEPARENT).filter(|v| is_traceparent(v.as_bytes())).cloned();
    let named = |name: HeaderName| move |value| (name, value);
    id.map(named(REQUEST_ID)).into_iter().chain(traceparent.map(named(TRACEPARENT))).collect()
}

fn is_id(id: &[u8]) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// The 32 digits of a number: by a table, since what formats any number takes longer than the rest
/// of a request's id.
fn hexadecimal(number: u128) -> [u8; 32] {
    std::array::from_fn(|at| b"0123456789abcdef"[(number >> (124 - 4 * at)) as usize & 15])
}

/// 128 bits: half the process, half the request. They tell requests apart and keep no secret.
pub(crate) fn new_id() -> u128 {
    static PROCESS: LazyLock<(RandomState, u64)> = LazyLock::new(|| {
        let state = RandomState::new();
        let process = state.hash_one("process");
        (state, process)
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (state, process) = &*PROCESS;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    u128::from(*process) << 64 | u128::from(state.hash_one(count))
}

/// `00-<32 digits>-<16 digits>-<2 digits>`, hexadecimal and lower-case, neither id all zeros.
fn is_traceparent(value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else { return false };
    let parts: Vec<&str> = value.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_named = |part: &str, digits| is_hex(part, digits) && part.bytes().any(|b| b != b'0');
    *version == "00" && is_named(trace, 32) && is_named(parent, 16) && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_echoed_or_made() {
        let mut headers = HeaderMap::new();
        let made = echoed(&headers);
        assert_eq!((made.len(), made[0].1.len()), (1, 32));
        assert_ne!(made, echoed(&headers));
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(echoed(&headers), [(REQUEST_ID, HeaderValue::from_static("abc-1"))]);
        headers.insert(REQUEST_ID, HeaderValue::try_from("x".repeat(129)).unwrap());
        assert_eq!(echoed(&headers)[0].1.len(), 32);
    }

    #[test]
    fn ids_are_hexadecimal() {
        for number in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef << 60] {
            assert_eq!(hexadecimal(number), *format!("{number:032x}").as_bytes());
        }
    }

    #[test]
    fn only_a_whole_traceparent_is_echoed() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(good.as_bytes()));
        for bad in [
            "",
            &good[..54],
            &good.to_uppercase(),
            &good.replace("00-", "ff-"),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        ] {
            assert!(!is_traceparent(bad.as_bytes()), "{bad}");
        }
    }
}
