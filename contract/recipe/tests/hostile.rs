//! Images that are not what they say: each is an error, none a panic or a large allocation.

use recipe::decode::decode;
use recipe::{Color, Crop, Filter, Limits, Recipe, RecipeError, Resize, ResizeTo};
use std::path::Path;

fn goldens() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/goldens/recipe");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_source = ["jpeg_", "png_", "webp_"].iter().any(|p| name.starts_with(p))
            && !name.ends_with(".rgb.png")
            && !name.ends_with(".gray.png");
        if is_source {
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
    files.sort();
    assert_eq!(files.len(), 21, "the goldens are complete");
    files
}

fn refusal(encoded: &[u8]) -> String {
    let error = decode(encoded, &Limits::default()).unwrap_err();
    assert!(error.is_about_image());
    error.to_string()
}

#[test]
fn what_is_no_image_is_refused_by_its_first_bytes() {
    for (bytes, found) in [
        (&b""[..], "found 0 bytes that begin with []"),
        (b"{\"instances\": []}", "found 17 bytes that begin with [7b, 22"),
        (b"GIF89a", "[47, 49, 46"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "expected a JPEG, PNG or WebP"),
    ] {
        let text = refusal(bytes);
        assert!(text.contains(found), "{text}");
    }
}

/// A PNG of the given size whose pixels are a few bytes.
fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    // Without its pixels the writer would fail to finish when dropped.
    let mut writer = std::mem::ManuallyDrop::new(encoder.write_header().unwrap());
    writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]).unwrap();
    bytes
}

/// A golden JPEG whose frame header claims 65500 × 65500.
fn jpeg_bomb() -> Vec<u8> {
    let (_, mut bytes) = goldens().into_iter().find(|(n, _)| n == "jpeg_420.jpg").unwrap();
    let at = bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    bytes[at + 5..at + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    bytes
}

/// A lossless WebP whose header claims 16384 × 16384.
fn webp_bomb() -> Vec<u8> {
    let (_, mut bytes) = goldens().into_iter().find(|(n, _)| n == "webp_lossless.webp").unwrap();
    assert_eq!(&bytes[12..16], b"VP8L");
    bytes[21..25].copy_from_slice(&0x0fff_ffffu32.to_le_bytes());
    bytes
}

/// An extended WebP of a small canvas around a frame that claims 16383 × 16383.
fn webp_nested_bomb() -> Vec<u8> {
    let mut chunks = b"WEBPVP8X\x0a\0\0\0\0\0\0\0\x10\0\0\x10\0\0".to_vec();
    chunks.extend_from_slice(b"VP8 \x0a\0\0\0\x30\x01\0\x9d\x01\x2a\xff\x3f\xff\x3f");
    let mut bytes = b"RIFF".to_vec();
    bytes.extend_from_slice(&(chunks.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&chunks);
    bytes
}

#[test]
fn bombs_are_refused_by_their_header() {
    for (bytes, size) in [
        (png_bomb(60_000, 60_000), "60000x60000"),
        (png_bomb(i32::MAX as u32, i32::MAX as u32), "2147483647x2147483647"),
        (jpeg_bomb(), "65500x65500"),
        (webp_bomb(), "16384x16384"),
        (webp_nested_bomb(), "16383x16383"),
    ] {
        let text = refusal(&bytes);
        assert!(text.contains(&format!("found {size} in the header")), "{text}");
    }
}

#[test]
fn the_limit_is_the_callers() {
    let (_, bytes) = goldens().into_iter().find(|(n, _)| n == "png_gray.png").unwrap();
    let recipe = Recipe::default();
    assert!(recipe.prepare_within(&bytes, &Limits { max_pixels: 61 * 51 }).is_ok());
    let error = recipe.prepare_within(&bytes, &Limits { max_pixels: 61 * 51 - 1 }).unwrap_err();
    assert!(error.to_string().contains("at most 3110 pixels, found 61x51"), "{error}");
}

#[test]
fn a_strip_does_not_grow_into_a_bomb_by_its_resize() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1 << 20);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![9; 1 << 20]).unwrap();
    writer.finish().unwrap();
    let prepared = |to| {
        let resize = Some(Resize { to, filter: Filter::Bilinear, antialias: true });
        Recipe { resize, ..Recipe::default() }.prepare(&bytes)
    };
    let error = prepared(ResizeTo::Shortest(256)).unwrap_err().to_string();
    assert!(error.contains("found 256x268435456 after the resize"), "{error}");
    // Rows are resized first, to 224 of one pixel, not columns to 224 times a million.
    let square = prepared(ResizeTo::Exact { height: 224, width: 224 }).unwrap();
    assert!(square.as_slice::<f32>().unwrap().iter().all(|&level| level == 9.0));
}

#[test]
fn truncated_images_are_refused_at_every_length() {
    for (name, bytes) in goldens() {
        // What comes after the pixels is not missed: the checksum and end chunk of a PNG (20
        // bytes), the padding of a WebP (1).
        let readable = match name.split('_').next() {
            Some("png") => bytes.len() - 20,
            Some("webp") => bytes.len() - 1,
            _ => bytes.len(),
        };
        for length in (0..readable).step_by(7) {
            let result = decode(&bytes[..length], &Limits::default());
            assert!(result.is_err(), "{name} cut to {length} of {} bytes is read", bytes.len());
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to choose bytes by.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// Overwrites, removes, repeats or appends a few bytes.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => {
                let end = (at + 1 + random.below(8)).min(bytes.len());
                if end - at < bytes.len() {
                    bytes.drain(at..end);
                }
            }
            3 => {
                let end = (at + 1 + random.below(16)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        }
    }
}

#[test]
fn mutated_images_never_panic() {
    let seed = 20_240_517;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let sources = goldens();
    let recipe = Recipe {
        color: Color::Bgr,
        resize: Some(Resize {
            to: ResizeTo::Shortest(20),
            filter: Filter::Bilinear,
            antialias: true,
        }),
        crop: Some(Crop::new(16, 16)),
        ..Recipe::default()
    };
    // Small, so that ten thousand mutations of sizes do not take minutes to decode.
    let limits = Limits { max_pixels: 1 << 16 };
    let (mut read, mut refused) = (0, 0);
    for round in 0..10_000 {
        let (name, bytes) = &sources[round % sources.len()];
        let mut bytes = bytes.clone();
        mutate(&mut bytes, &mut random);
        match recipe.prepare_within(&bytes, &limits) {
            Ok(tensor) => {
                assert_eq!(tensor.shape(), [1, 3, 16, 16]);
                read += 1;
            }
            Err(RecipeError::Damaged { reason, .. }) if reason.contains("gave up") => {
                panic!("round {round}: a decoder panicked on a mutation of {name}")
            }
            Err(error) => {
                assert!(error.is_about_image(), "round {round}, {name}: {error}");
                refused += 1;
            }
        }
    }
    eprintln!("{read} read, {refused} refused");
    assert!(read > 100 && refused > 1000, "{read} read, {refused} refused");
}

#[test]
fn random_bytes_behind_a_signature_never_panic() {
    let mut random = Random(7);
    for signature in [&b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\xff\0\0\0WEBPVP8 "] {
        for _ in 0..1000 {
            let mut bytes = signature.to_vec();
            bytes.extend((0..random.below(300)).map(|_| random.below(256) as u8));
            let text = refusal(&bytes);
            assert!(!text.contains("gave up"), "{bytes:02x?}: {text}");
        }
    }
}
