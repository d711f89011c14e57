//! Whatever the text is, reading it gives a graph that verifies, or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(graph) = ir::text::parse(text, &[]) {
        graph.verify().expect("a graph that was read is well formed");
    }
});
