//! Agreement of resizes without antialiasing with OpenCV, torch and TensorFlow, on the files of
//! `suites/goldens/recipe` (made by its `frameworks.py`).

use recipe::decode::decode;
use recipe::{Filter, Limits, Pixels, Recipe, Resize, ResizeTo};
use std::path::Path;

fn pixels(name: &str) -> Pixels {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/goldens/recipe");
    let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    decode(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Levels between ours and theirs. Both round once; their weights are of 11 bits (OpenCV) or of 24
/// (floats), so that a sum close to a half may be rounded to the other side.
const LEVELS_MAX: u8 = 1;

#[test]
fn without_antialiasing_the_levels_are_those_of_the_frameworks() {
    for (framework, name, filter) in [
        ("opencv", "bilinear", Filter::Bilinear),
        ("torch", "bilinear", Filter::Bilinear),
        ("tensorflow", "bilinear", Filter::Bilinear),
        ("opencv", "bicubic", Filter::SharpBicubic),
        ("torch", "bicubic", Filter::SharpBicubic),
        ("tensorflow", "bicubic", Filter::Bicubic),
    ] {
        for (width, height) in [(64, 42), (33, 71)] {
            let to = ResizeTo::Exact { height, width };
            let levels = |antialias, filter| {
                let resize = Some(Resize { to, filter, antialias });
                let recipe = Recipe { resize, ..Recipe::default() };
                recipe.arrange(pixels("photo.png"), &Limits::default()).unwrap()
            };
            let file = format!("plain_{framework}_{name}_{width}x{height}.png");
            let expected = pixels(&file);
            let worst = |found: &Pixels| {
                let both = found.levels().iter().zip(expected.levels());
                both.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
            };
            let found = worst(&levels(false, filter));
            eprintln!("{file}: {found}");
            assert!(found <= LEVELS_MAX, "{file}: differs by {found} levels");
            // What the field changes is far beyond the tolerance.
            assert!(worst(&levels(true, filter)) > 20, "{file}");
        }
    }
}
