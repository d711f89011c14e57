//! Whatever the bytes are, a recipe makes a tensor of its own shape of them, or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let recipe = recipe::Recipe::from_preset("imagenet", 32, 32, 3).expect("a preset");
    if let Ok(tensor) = recipe.prepare(bytes) {
        assert_eq!(tensor.shape(), [1, 3, 32, 32]);
    }
});
