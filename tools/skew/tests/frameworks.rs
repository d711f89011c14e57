//! Tensors that torchvision, OpenCV and Keras made (`suites/goldens/skew`, by its `make.py`): what
//! each of them does by itself is named.

mod support;

use recipe::{Layout, Recipe};
use serde_json::Value;
use skew::{Trainer, Verdict};
use tensor::DType;

fn read(name: &str) -> Vec<u8> {
    let path = testkit::repository().join("suites/goldens/skew").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A `.npy` file of floats or levels, as NumPy writes it.
fn tensor(bytes: &[u8], preferred: Layout) -> Trainer {
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, data) = bytes[10..].split_at(length);
    let header = std::str::from_utf8(header).unwrap();
    let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let shape: Vec<usize> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    let (dtype, values): (DType, Vec<f64>) = if header.contains("'<f4'") {
        let floats = data.as_chunks::<4>().0.iter();
        (DType::F32, floats.map(|b| f64::from(f32::from_le_bytes(*b))).collect())
    } else if header.contains("'<f8'") {
        let floats = data.as_chunks::<8>().0.iter();
        (DType::F64, floats.map(|b| f64::from_le_bytes(*b)).collect())
    } else {
        assert!(header.contains("'|u1'"), "{header}");
        (DType::U8, data.iter().map(|&level| f64::from(level)).collect())
    };
    Trainer::new(&shape, dtype, &values, preferred).unwrap()
}

#[test]
fn what_frameworks_do_by_themselves_is_named() {
    let cases: Vec<Value> = serde_json::from_slice(&read("cases.json")).unwrap();
    assert_eq!(cases.len(), 11);
    let image = read("photo.jpg");
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let recipe = Recipe::from_json(&case["recipe"].to_string()).unwrap();
        let trainer = tensor(&read(&format!("{name}.npy")), recipe.layout);
        let found = skew::compare(&image, &trainer, &recipe, &recipe::Limits::default()).unwrap();
        let steps = serde_json::to_value(found.guilty().collect::<Vec<_>>()).unwrap();
        eprintln!("{name}\n{found}");
        assert_eq!(steps, case["steps"], "{name}\n{found}");
        let verdict =
            if found.guilty().next().is_some() { Verdict::Differs } else { Verdict::Agrees };
        assert_eq!(found.verdict, verdict, "{name}\n{found}");
    }
}
