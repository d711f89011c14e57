//! Whatever plan comes out of a file, running it gives outputs or an error: kernels read and write
//! only where they may.
#![no_main]

use runtime::{Constants, Model};

/// Constants that the plan may refer to: more than small models have.
const CONSTANTS_LEN: usize = 1 << 20;

/// Working memory in bytes beyond which a run is left out: it would only be slow.
const ARENA_BYTES_MAX: usize = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(plan) = plan::Plan::decode(bytes, CONSTANTS_LEN as u64) else { return };
    let sizes = plan.defaults.clone();
    let constants = tensor::AlignedBytes::zeroed(CONSTANTS_LEN);
    let Ok(model) = Model::new(plan, Constants::owned(constants)) else { return };
    if !model.arena_bytes(&sizes).is_ok_and(|bytes| bytes <= ARENA_BYTES_MAX) {
        return;
    }
    let Ok(inputs) = model.default_inputs() else { return };
    // Whether it is an answer or a refusal is the plan's business.
    let _ = model.run(&inputs.iter().collect::<Vec<_>>());
});
