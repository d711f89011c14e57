#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::serving::answer_grpc(bytes));
