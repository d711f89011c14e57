"""Makes what OpenCV, torch and TensorFlow make of photo.png when they resize without antialiasing.

Run once where each is installed: python frameworks.py
(OpenCV 5.0.0, torch 2.15.0 and TensorFlow 2.21.0 made the files that are stored.)

  plain_FRAMEWORK_FILTER_WxH.png   photo.png resized by that framework, as it does by itself.
                                   Floats are rounded to levels and clipped to 0..255.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
SIZES = ((64, 42), (33, 71))


def opencv(image, size, name):
    import cv2

    method = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}[name]
    return cv2.resize(image, size, interpolation=method)


def torch(image, size, name):
    import torch

    batch = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    out = torch.nn.functional.interpolate(batch, size[::-1], mode=name, align_corners=False)
    return out[0].permute(1, 2, 0).numpy()


def tensorflow(image, size, name):
    import tensorflow as tf

    return tf.image.resize(image.astype(np.float32), size[::-1], method=name).numpy()


def main():
    image = np.asarray(Image.open(HERE / "photo.png").convert("RGB")).copy()
    for module, resize in (("cv2", opencv), ("torch", torch), ("tensorflow", tensorflow)):
        if find_spec(module) is None:
            continue
        for name in ("bilinear", "bicubic"):
            for size in SIZES:
                out = resize(image, size, name)
                levels = np.rint(out).clip(0, 255).astype(np.uint8)
                path = HERE / f"plain_{resize.__name__}_{name}_{size[0]}x{size[1]}.png"
                Image.fromarray(levels).save(path, optimize=True)


main()
