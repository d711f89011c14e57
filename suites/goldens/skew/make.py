"""Makes the tensors that torchvision, OpenCV and Keras feed to a model for photo.jpg, beside this file.

Run once where each is installed: python make.py
(torchvision 0.29.2, OpenCV 5.0.0, Keras 3.15.1 on TensorFlow 2.21.0, Pillow 13.0.0 made the files.)

  photo.jpg    ../recipe/photo.png as a JPEG, made once
  NAME.npy     what that framework's pipeline makes of it, written as its users write it
  cases.json   for each the recipe that it is held against and the steps that have to be named
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
PHOTO = str(HERE / "photo.jpg")
SIDE = 40

IMAGENET = {
    "resize": {"to": {"shortest": 46}},
    "crop": {"height": SIDE, "width": SIDE},
    "normalize": {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
}
STRETCHED = {"resize": {"to": {"exact": {"height": SIDE, "width": SIDE}}}}
UNIT = {**STRETCHED, "normalize": {"mean": [0.0], "std": [255.0]}}
SIGNED = {**STRETCHED, "layout": "nhwc", "normalize": {"mean": [127.5], "std": [127.5]}}

CASES = {}


def case(recipe, *steps):
    """Registers a function that makes a tensor, with the recipe and the steps that differ."""

    def register(function):
        CASES[function.__name__] = (function, recipe, steps)
        return function

    return register


@case(IMAGENET)
def torchvision_on_pillow():
    from torchvision import transforms as t

    steps = [t.Resize(46), t.CenterCrop(SIDE), t.ToTensor(),
             t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    return t.Compose(steps)(Image.open(PHOTO).convert("RGB"))[None].numpy()


@case(IMAGENET, "antialias")
def torchvision_on_tensors():
    from torchvision import transforms as t
    from torchvision.io import decode_image

    steps = [t.Resize(46, antialias=False), t.CenterCrop(SIDE), t.ConvertImageDtype(_float32()),
             t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    return t.Compose(steps)(decode_image(PHOTO)).numpy()


def _float32():
    import torch

    return torch.float32


@case(UNIT, "filter", "antialias")
def torch_interpolate_bicubic():
    import torch

    image = torch.from_numpy(np.asarray(Image.open(PHOTO).convert("RGB")).copy())
    batch = image.permute(2, 0, 1)[None].float() / 255
    return torch.nn.functional.interpolate(batch, (SIDE, SIDE), mode="bicubic").numpy()


@case(UNIT, "antialias", "channels", "layout")
def opencv_as_it_is_read():
    import cv2

    return cv2.resize(cv2.imread(PHOTO), (SIDE, SIDE)).astype(np.float32)[None] / 255


@case(UNIT, "filter")
def opencv_area():
    import cv2

    image = cv2.cvtColor(cv2.imread(PHOTO), cv2.COLOR_BGR2RGB)
    resized = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return (resized.astype(np.float64) / 255).transpose(2, 0, 1)


@case(UNIT, "filter", "scale", "dtype")
def opencv_nearest_levels():
    import cv2

    image = cv2.cvtColor(cv2.imread(PHOTO), cv2.COLOR_BGR2RGB)
    resized = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    return resized.transpose(2, 0, 1)


@case(SIGNED, "filter")
def keras_load_img():
    import keras

    image = keras.utils.img_to_array(keras.utils.load_img(PHOTO, target_size=(SIDE, SIDE)))
    return keras.applications.mobilenet_v2.preprocess_input(image)[None]


@case(SIGNED, "channels", "mean", "std")
def keras_caffe():
    import keras

    image = keras.utils.load_img(PHOTO, target_size=(SIDE, SIDE), interpolation="bilinear")
    image = keras.utils.img_to_array(image)
    return keras.applications.resnet50.preprocess_input(image)[None]


@case(SIGNED, "antialias")
def tensorflow_resize():
    import tensorflow as tf

    image = tf.io.decode_jpeg(tf.io.read_file(PHOTO))
    return (tf.image.resize(image, (SIDE, SIDE)) / 127.5 - 1).numpy()[None]


@case(SIGNED, "filter", "antialias")
def tensorflow_1_resize():
    import tensorflow as tf

    image = tf.io.decode_jpeg(tf.io.read_file(PHOTO))[None]
    return (tf.compat.v1.image.resize_bilinear(image, (SIDE, SIDE)) / 127.5 - 1).numpy()


@case(SIGNED, "resize", "antialias", "scale")
def keras_crop_to_aspect_ratio():
    import keras

    image = np.asarray(Image.open(PHOTO).convert("RGB")).astype(np.float32)[None]
    layer = keras.layers.Resizing(SIDE, SIDE, crop_to_aspect_ratio=True)
    return np.asarray(layer(image)) / 255


MODULES = {"torchvision": "torchvision", "torch": "torch", "opencv": "cv2", "keras": "keras",
           "tensorflow": "tensorflow"}


def main():
    if not Path(PHOTO).exists():
        Image.open(HERE / "../recipe/photo.png").convert("RGB").save(PHOTO, quality=92)
    for name, (function, _, _) in CASES.items():
        if find_spec(MODULES[name.split("_")[0]]):
            np.save(HERE / f"{name}.npy", np.ascontiguousarray(function()))
    cases = [{"name": name, "recipe": recipe, "steps": steps}
             for name, (_, recipe, steps) in CASES.items()]
    (HERE / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
