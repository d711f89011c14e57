//! Whatever the bytes are, a container's sections lie within the file, or it is refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(container) = package::Container::parse(bytes) {
        assert!(container.sections().all(|(_, range)| range.end <= bytes.len()));
        let _ = container.verify_payload(1);
    }
});
