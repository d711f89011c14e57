"""Makes the images beside this file and what Pillow makes of them.

Run: python make.py      (Pillow 13.0.0 and NumPy 2.4.6 made the files that are stored)

  NAME.{jpg,png,webp}         an encoded image
  NAME.rgb.png                Image.open(NAME).convert("RGB")
  NAME.gray.png               Image.open(NAME).convert("L")
  resize_FILTER_WxH.png       photo.png resized
  resize_gray_FILTER_WxH.png  photo.png converted to "L", then resized
  tall_FILTER_WxH.png         the 60 columns of photo.png from the 90th on, resized to sizes on both
                              sides of the rule that the rows are resized first
  nearest.txt                 which pixel NEAREST takes for each of a line's: from, to, the pixels
  imagenet_33.f32             photo.png through torchvision's arithmetic: shorter side 48, center
                              33x33, (x / 255 - mean) / std; little-endian [3, 33, 33]

The picture is drawn here, so it is nobody's: smooth color, hard edges, and noise in a corner.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
WIDTH, HEIGHT = 157, 103  # odd: neither a multiple of a JPEG block nor of a chroma sample


def photo():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    image = np.stack([x / WIDTH * 255, y / HEIGHT * 255, 128 + 100 * np.sin(x / 9 + y / 13)], -1)
    image[(x - 50) ** 2 + (y - 40) ** 2 < 600] = (230, 60, 20)
    image[20:40, 90:140] = (250, 250, 250)
    image[60:64, :] = (5, 5, 5)
    noise = np.random.default_rng(7).integers(0, 256, (30, 40, 3))
    image[70:100, 110:150] = noise
    return Image.fromarray(image.round().clip(0, 255).astype(np.uint8))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_by_hand(path, array, depth, color, interlaced=False):
    """PNG of kinds that Pillow does not write: 16-bit color, Adam7."""
    height, width = array.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
             (1, 0, 2, 1)]
    passes = adam7 if interlaced else [(0, 0, 1, 1)]
    kind = ">u2" if depth == 16 else "u1"
    raw = b""
    for top, left, down, right in passes:
        part = array[top::down, left::right].astype(kind)
        raw += b"".join(b"\0" + row.tobytes() for row in part) if part.size else b""
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def encoded(image):
    """Writes every encoded image; their names."""
    small = image.crop((60, 44, 121, 95))
    alpha = Image.fromarray(np.arange(51 * 61, dtype=np.uint32).reshape(51, 61).astype(np.uint8))
    rgba = small.copy()
    rgba.putalpha(alpha)
    la = small.convert("L")
    la.putalpha(alpha)
    palette = small.quantize(60)
    image.save(HERE / "photo.png", optimize=True)
    small.save(HERE / "jpeg_420.jpg", quality=90, subsampling=2)
    small.save(HERE / "jpeg_422.jpg", quality=90, subsampling=1)
    small.save(HERE / "jpeg_444.jpg", quality=90, subsampling=0)
    small.save(HERE / "jpeg_progressive.jpg", quality=85, progressive=True)
    small.save(HERE / "jpeg_restart.jpg", quality=85, restart_marker_blocks=3)
    small.convert("L").save(HERE / "jpeg_gray.jpg", quality=90)
    small.convert("CMYK").save(HERE / "jpeg_cmyk.jpg", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees to view"
    small.save(HERE / "jpeg_exif_rotated.jpg", quality=90, exif=exif)
    palette.save(HERE / "png_palette.png", optimize=True)
    palette.save(HERE / "png_palette_transparent.png", transparency=3)
    rgba.save(HERE / "png_rgba.png", optimize=True)
    la.save(HERE / "png_gray_alpha.png", optimize=True)
    small.convert("1").save(HERE / "png_1bit.png")
    small.convert("L").save(HERE / "png_gray.png", optimize=True)
    deep = np.asarray(small).astype(np.uint16) * 256 + 130
    png_by_hand(HERE / "png_rgb16.png", deep, 16, 2)
    png_by_hand(HERE / "png_interlaced.png", np.asarray(small), 8, 2, interlaced=True)
    small.save(HERE / "webp_lossy.webp", quality=85)
    small.save(HERE / "webp_lossless.webp", lossless=True)
    rgba.save(HERE / "webp_lossless_alpha.webp", lossless=True, exact=True)
    rgba.save(HERE / "webp_lossy_alpha.webp", quality=85, exact=True)
    frames = [small, small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    frames[0].save(HERE / "webp_animated.webp", save_all=True, append_images=frames[1:],
                   lossless=True)


def nearest(rng):
    """Lines of lengths by chance, half of them such that the centers of pixels of the one lie
    between two of the other, where it hangs on rounding which is taken."""
    lines = []
    while len(lines) < 40:
        before, after = (int(n) for n in rng.integers(2, 400, 2))
        after = min(after, 60)
        line = Image.fromarray(np.arange(before, dtype=np.int32)[None])
        taken = np.asarray(line.resize((after, 1), Image.Resampling.NEAREST))[0]
        at_once = ((np.arange(after) + 0.5) * (before / after)).astype(int)
        if len(lines) % 2 == 0 or (taken != at_once).any():
            lines.append(" ".join(map(str, [before, after, *taken])))
    (HERE / "nearest.txt").write_text("\n".join(lines) + "\n")


def main():
    image = photo()
    encoded(image)
    patterns = ("jpeg_*.jpg", "png_*.png", "webp_*.webp")
    for path in sorted(p for pattern in patterns for p in HERE.glob(pattern)):
        if ".rgb." in path.name or ".gray." in path.name:
            continue
        for mode, name in (("RGB", "rgb"), ("L", "gray")):
            with Image.open(path) as opened:
                opened.convert(mode).save(HERE / f"{path.name}.{name}.png", optimize=True)
    filters = ("BILINEAR", "BICUBIC", "LANCZOS", "NEAREST")
    for filter_name in filters:
        method = Image.Resampling[filter_name]
        for size in ((64, 42), (33, 71), (201, 120)):
            name = f"{filter_name.lower()}_{size[0]}x{size[1]}.png"
            image.resize(size, method).save(HERE / f"resize_{name}", optimize=True)
            gray = image.convert("L").resize(size, method)
            gray.save(HERE / f"resize_gray_{name}", optimize=True)
    tall = image.crop((90, 0, 150, HEIGHT))
    for filter_name in filters[:3]:
        for size in ((30, 43), (30, 42), (80, 102), (80, 110)):
            name = f"tall_{filter_name.lower()}_{size[0]}x{size[1]}.png"
            tall.resize(size, Image.Resampling[filter_name]).save(HERE / name, optimize=True)
    nearest(np.random.default_rng(13))
    resized = image.resize((48 * WIDTH // HEIGHT, 48), Image.Resampling.BILINEAR)
    left, top = round((resized.width - 33) / 2), round((48 - 33) / 2)
    levels = np.asarray(resized.crop((left, top, left + 33, top + 33))).astype(np.float32)
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    std = np.array([0.229, 0.224, 0.225], np.float32)
    tensor = ((levels / np.float32(255) - mean) / std).transpose(2, 0, 1)
    (HERE / "imagenet_33.f32").write_bytes(np.ascontiguousarray(tensor).astype("<f4").tobytes())


main()
