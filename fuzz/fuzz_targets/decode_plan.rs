//! Whatever the bytes are, decoding them gives a plan that encodes to the same plan again, or an
//! error. The checksums of a library keep most altered plans out; whoever alters both gets here.
#![no_main]

/// Bytes of constants that the plan may refer to: what small models have.
const CONSTANTS_LEN: u64 = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(plan) = plan::Plan::decode(bytes, CONSTANTS_LEN) {
        let again = plan::Plan::decode(&plan.encode(), CONSTANTS_LEN);
        assert_eq!(again.as_ref(), Ok(&plan));
    }
});
