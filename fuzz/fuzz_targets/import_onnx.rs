//! Whatever the bytes are, importing them gives a graph that verifies, or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(imported) = import::import(bytes.to_vec(), &import::Options::default()) {
        imported.graph.verify().expect("an imported graph is well formed");
    }
});
