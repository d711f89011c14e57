//! What exporters write into `metadata_props` of images and of classes.

use crate::pixels::{Channels, Framing, Pixels, Scale};
use std::collections::BTreeMap;

/// Most classes that a file may name: a dozen times those of the largest data sets of images.
const CLASSES_MAX: usize = 1 << 18;

/// Largest side in pixels that is believed.
const SIDE_MAX: usize = 8192;

/// What the properties say of the pixels.
pub(super) fn pixels(properties: &BTreeMap<String, String>) -> Option<Pixels> {
    if is_ultralytics_classifier(properties) {
        let framing = properties.get("imgsz").and_then(|text| sides(text));
        return Some(Pixels {
            origin: "the metadata that Ultralytics wrote",
            channels: Some(Channels::Rgb),
            framing: framing.map(|(height, width)| match height == width {
                true => Framing::Cropped(height),
                false => Framing::Stretched(height, width),
            }),
            scale: Some(Scale::unit()),
        });
    }
    let text = |key: &str| properties.get(key).map(|text| text.trim());
    let channels = match text("Image.BitmapPixelFormat") {
        Some("Rgb8") => Some(Channels::Rgb),
        Some("Bgr8") => Some(Channels::Bgr),
        Some("Gray8") => Some(Channels::Gray),
        Some(_) | None => None,
    };
    let scale = match text("Image.NominalPixelRange") {
        Some("NominalRange_0_255") => Some(Scale::levels()),
        Some("Normalized_0_1") => Some(Scale::unit()),
        Some("Normalized_1_1") => Some(Scale::signed()),
        Some(_) | None => None,
    };
    let origin = "the image properties of the ONNX metadata";
    let says = channels.is_some() || scale.is_some();
    says.then_some(Pixels { origin, channels, framing: None, scale })
}

/// The names of the classes, when the properties give them in order.
pub(super) fn labels(properties: &BTreeMap<String, String>) -> Vec<String> {
    if !is_ultralytics_classifier(properties) {
        return Vec::new();
    }
    properties.get("names").and_then(|text| names(text)).unwrap_or_default()
}

/// Those of its models that detect list names too, which are not those of the output's positions.
fn is_ultralytics_classifier(properties: &BTreeMap<String, String>) -> bool {
    properties.get("task").is_some_and(|task| task == "classify")
        && properties.contains_key("names")
}

/// `[224, 224]`
fn sides(text: &str) -> Option<(usize, usize)> {
    let (height, width) = text.trim().strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
    let side = |text: &str| text.trim().parse().ok().filter(|side| (1..=SIDE_MAX).contains(side));
    Some((side(height)?, side(width)?))
}

/// The values of a dictionary as Python prints it, `{0: 'tench', 1: "ray's bream"}`, keys ascending
/// from 0. Whatever is written otherwise is `None`.
fn names(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('{')?;
    let mut names = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest == "}" {
            return Some(names);
        }
        let (key, value) = rest.split_once(':')?;
        if key.trim().parse() != Ok(names.len()) || names.len() == CLASSES_MAX {
            return None;
        }
        let (name, behind) = quoted(value.trim_start())?;
        names.push(name);
        rest = behind.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// A text in quotes of either kind at the beginning, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => return Some((name, &text[at + c.len_utf8()..])),
            c => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn names_are_read_as_python_prints_them() {
        let read = |text| names(text).unwrap();
        assert_eq!(
            read(r#"{0: 'tench', 1: "ray's bream", 2: 'a\'b'}"#),
            ["tench", "ray's bream", "a'b"]
        );
        assert!(read("{}").is_empty());
        for text in ["", "{", "{0: 'a'", "{1: 'a'}", "{0: a}", "{0: 'a}", "{0: 'a', 0: 'b'}", "[0]"]
        {
            assert_eq!(names(text), None, "{text}");
        }
    }

    #[test]
    fn known_exporters_say_what_pixels_are_taken() {
        let said = [("task", "classify"), ("names", "{0: 'a'}"), ("imgsz", "[224, 160]")];
        let pixels_ = pixels(&properties(&said)).unwrap();
        assert_eq!(pixels_.framing, Some(Framing::Stretched(224, 160)));
        assert_eq!(pixels_.scale, Some(Scale::unit()));
        assert_eq!(labels(&properties(&said)), ["a"]);
        let said = [("task", "detect"), ("names", "{0: 'a'}"), ("imgsz", "[640, 640]")];
        assert_eq!(pixels(&properties(&said)), None);
        assert!(labels(&properties(&said)).is_empty());
        let said = [
            ("Image.BitmapPixelFormat", "Bgr8"),
            ("Image.NominalPixelRange", "NominalRange_0_255"),
        ];
        let pixels_ = pixels(&properties(&said)).unwrap();
        assert_eq!((pixels_.channels, pixels_.scale), (Some(Channels::Bgr), Some(Scale::levels())));
        assert_eq!(pixels(&properties(&[("author", "x")])), None);
    }
}
