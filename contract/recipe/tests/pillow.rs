//! Agreement with Pillow, on the files of `suites/goldens/recipe` (made by its `make.py`).

use recipe::decode::decode;
use recipe::{
    Activation, Color, Crop, Filter, Limits, Normalize, Pixels, Recipe, Resize, ResizeTo,
};
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/goldens/recipe").join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = golden(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn pixels(name: &str) -> Pixels {
    decode(&read(name), &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The largest difference in levels, and how many levels differ at all. A gray image counts as
/// three equal channels.
fn difference(a: &Pixels, b: &Pixels) -> (u8, usize) {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let level = |p: &Pixels, i: usize, channel: usize| {
        p.levels()[i * p.channels() + channel.min(p.channels() - 1)]
    };
    let channels = a.channels().max(b.channels());
    let differences = (0..a.width() * a.height())
        .flat_map(|i| (0..channels).map(move |c| level(a, i, c).abs_diff(level(b, i, c))));
    differences.fold((0, 0), |(max, count), d| (max.max(d), count + usize::from(d != 0)))
}

/// Rgb and gray of every encoded image against Pillow's `convert`, within `levels`.
fn check_decode(name: &str, levels: u8) {
    let image = pixels(name);
    let expected = pixels(&format!("{name}.rgb.png"));
    let (max, count) = difference(&image, &expected);
    eprintln!("{name}: {count} levels differ, by {max} at most");
    assert!(max <= levels, "{name}: differs by {max} levels from Pillow, {levels} allowed");

    let gray = Recipe { color: Color::Gray, ..Recipe::default() };
    let image = gray.arrange(image, &Limits::default()).unwrap();
    assert_eq!(image.channels(), 1);
    let (max, _) = difference(&image, &pixels(&format!("{name}.gray.png")));
    assert!(max <= levels, "{name} in gray: differs by {max} levels, {levels} allowed");
}

#[test]
fn lossless_formats_decode_to_pillows_levels() {
    for name in [
        "png_palette.png",
        "png_palette_transparent.png",
        "png_rgba.png",
        "png_gray.png",
        "png_gray_alpha.png",
        "png_1bit.png",
        "png_rgb16.png",
        "png_interlaced.png",
        "webp_lossless.webp",
        "webp_lossless_alpha.webp",
        "webp_animated.webp",
    ] {
        check_decode(name, 0);
    }
}

#[test]
fn lossy_formats_decode_close_to_pillows_levels() {
    for (name, levels) in [
        ("jpeg_420.jpg", 3),
        ("jpeg_422.jpg", 3),
        ("jpeg_444.jpg", 3),
        ("jpeg_progressive.jpg", 3),
        ("jpeg_restart.jpg", 3),
        ("jpeg_gray.jpg", 3),
        ("jpeg_cmyk.jpg", 3),
        ("jpeg_exif_rotated.jpg", 3),
        ("webp_lossy.webp", 3),
        ("webp_lossy_alpha.webp", 3),
    ] {
        check_decode(name, levels);
    }
}

#[test]
fn resizes_are_pillows_to_the_level() {
    let photo = pixels("photo.png");
    for (filter, name) in [
        (Filter::Bilinear, "bilinear"),
        (Filter::Bicubic, "bicubic"),
        (Filter::Lanczos, "lanczos"),
        (Filter::Nearest, "nearest"),
    ] {
        for (width, height) in [(64, 42), (33, 71), (201, 120)] {
            for (color, mark) in [(Color::Rgb, ""), (Color::Gray, "gray_")] {
                let to = ResizeTo::Exact { height, width };
                let resize = Some(Resize { to, filter, antialias: true });
                let recipe = Recipe { color, resize, ..Recipe::default() };
                let image = recipe.arrange(photo.clone(), &Limits::default()).unwrap();
                let expected = format!("resize_{mark}{name}_{width}x{height}.png");
                let (max, count) = difference(&image, &pixels(&expected));
                assert_eq!(
                    (max, count),
                    (0, 0),
                    "{expected}: largest difference, levels that differ"
                );
            }
        }
    }
}

#[test]
fn rows_are_resized_first_where_pillow_does_so() {
    let photo = pixels("photo.png");
    let part = |row: &[u8]| row[90 * 3..150 * 3].to_vec();
    let levels = photo.levels().chunks_exact(photo.width() * 3).flat_map(part).collect();
    let tall = Pixels::new(60, photo.height(), 3, levels).unwrap();
    for (filter, name) in
        [(Filter::Bilinear, "bilinear"), (Filter::Bicubic, "bicubic"), (Filter::Lanczos, "lanczos")]
    {
        // 60 rows less and 30 columns; one row more than twice as many; columns more; both more.
        for (width, height) in [(30, 43), (30, 42), (80, 102), (80, 110)] {
            let to = ResizeTo::Exact { height, width };
            let resize = Some(Resize { to, filter, antialias: true });
            let recipe = Recipe { resize, ..Recipe::default() };
            let image = recipe.arrange(tall.clone(), &Limits::default()).unwrap();
            let expected = format!("tall_{name}_{width}x{height}.png");
            assert_eq!(difference(&image, &pixels(&expected)), (0, 0), "{expected}");
        }
    }
}

#[test]
fn the_nearest_pixels_are_pillows() {
    let lines = String::from_utf8(read("nearest.txt")).unwrap();
    for line in lines.lines() {
        let numbers: Vec<usize> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let [from, to, expected @ ..] = numbers.as_slice() else { panic!("{line}") };
        // The place of a pixel in two channels of it.
        let levels = (0..*from).flat_map(|x| [(x / 256) as u8, (x % 256) as u8, 0]).collect();
        let pixels = Pixels::new(*from, 1, 3, levels).unwrap();
        let to = ResizeTo::Exact { height: 1, width: *to };
        let resize = Some(Resize { to, filter: Filter::Nearest, antialias: true });
        let recipe = Recipe { resize, ..Recipe::default() };
        let image = recipe.arrange(pixels, &Limits::default()).unwrap();
        let place = |p: &[u8]| usize::from(p[0]) * 256 + usize::from(p[1]);
        let found: Vec<usize> = image.levels().chunks_exact(3).map(place).collect();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn the_tensor_is_torchvisions() {
    let recipe = Recipe {
        resize: Some(Resize {
            to: ResizeTo::Shortest(48),
            filter: Filter::Bilinear,
            antialias: true,
        }),
        crop: Some(Crop::new(33, 33)),
        normalize: Normalize {
            mean: vec![123.675, 116.28, 103.53],
            std: vec![58.395, 57.12, 57.375],
        },
        ..Recipe::default()
    };
    assert_eq!(recipe.post.activation, Activation::Softmax);
    let tensor = recipe.prepare(&read("photo.png")).unwrap();
    assert_eq!(tensor.shape(), [1, 3, 33, 33]);
    let expected: Vec<f32> = read("imagenet_33.f32")
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let found = tensor.as_slice::<f32>().unwrap();
    assert_eq!(found.len(), expected.len());
    // Three roundings of float operations there, one here; elements reach 2.6 in size.
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 1e-6, "worst difference {worst}");
}
