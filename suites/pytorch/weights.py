"""Writes `weights.zip.zst`: architectures that are told by their weights alone. The tensors of each
are named and measured here; their elements follow from a rule that the test knows too, so that
gigabytes need not lie here. With them what PyTorch answers for an image of that rule.

    python weights.py

`compile/lower/tests/pytorch_weights.rs` makes the same tensors and holds the engine to the answers.
"""

import io
import json
import pathlib
import zipfile

import numpy as np
import timm
import torch
import torchvision

import make

CLASSES = 7
TORCHVISION = ["resnet18", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_small",
               "mobilenet_v3_large", "efficientnet_b0", "efficientnet_b5", "efficientnet_v2_s",
               "densenet121"]
TIMM = ["efficientnet_b0", "tf_efficientnet_b0", "efficientnet_lite0", "tf_efficientnet_lite0",
        "efficientnetv2_rw_t", "tf_efficientnetv2_b0", "mobilenetv2_100", "mobilenetv3_small_100",
        "mobilenetv3_large_100", "tf_mobilenetv3_large_minimal_100", "semnasnet_075", "tinynet_e",
        "fbnetc_100", "deit_tiny_patch16_224"]
# What weights are multiplied by: the largest with which rounding is not blown up from layer to layer,
# so that the answer is one number, and hangs on more than the last biases.
GAINS = [1.25, 1.0, 0.8, 0.65, 0.5, 0.4]


def numbers(seed, count):
    """Numbers from -1 to 1 that a hash of their places makes."""
    place = np.arange(count, dtype=np.uint32) + np.uint32(seed * 7919 % 2**32)
    place = (place ^ (place >> np.uint32(16))) * np.uint32(0x45D9F3B)
    place = (place ^ (place >> np.uint32(16))) * np.uint32(0x45D9F3B)
    place = place ^ (place >> np.uint32(16))
    return (place >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0


def scale(name, shape, gain):
    """What numbers are multiplied by, and what is added."""
    if name.endswith("running_var") or len(shape) == 1 and name.endswith("weight"):
        return 0.25, 1.0
    if len(shape) < 2 or name.endswith(("token", "pos_embed")):
        return 0.1, 0.0
    return gain * (6.0 / float(np.prod(shape[1:]))) ** 0.5, 0.0


def filled(model, gain):
    """Gives a model its numbers; the tensors that they are in."""
    state, tensors = {}, []
    for seed, (key, value) in enumerate(model.state_dict().items()):
        if not value.dtype.is_floating_point:
            continue
        (by, add), shape = scale(key, value.shape, gain), list(value.shape)
        made = (numbers(seed, value.numel()) * by + add).astype(np.float32)
        state[key] = torch.from_numpy(made.reshape(shape))
        tensors.append([key, seed, shape, by, add])
    model.load_state_dict(state, strict=False)
    return tensors


@torch.no_grad()
def case(name, model):
    # An image of transformers has one size; one of even sizes is padded in two ways.
    size = 224 if "deit" in name else 64
    x = numbers(1 << 20, 3 * size * size).astype(np.float32).reshape(1, 3, size, size)
    x = torch.from_numpy(x)
    for gain in GAINS:
        tensors = filled(model.eval().float(), gain)
        made = model(x)[0]
        exact = model.double()(x.double())[0]
        if (made - exact).abs().max() < 2e-6 * exact.abs().max():
            print(name, gain)
            return {"name": name, "tensors": tensors, "size": size, "made": made.tolist()}
    raise ValueError(f"{name}: rounding is blown up with every gain")


def main():
    torch.manual_seed(1)
    kinds = [("torchvision", name, torchvision.models.get_model(name, weights=None, num_classes=CLASSES))
             for name in TORCHVISION]
    kinds += [("timm", name, timm.create_model(name, num_classes=CLASSES)) for name in TIMM]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for kind, name, model in kinds:
            text = json.dumps(case(name, model))
            archive.writestr(zipfile.ZipInfo(f"{kind}_{name}/case.json"), text)
    packed = make.packed(made.getvalue())
    (pathlib.Path(__file__).parent / "weights.zip.zst").write_bytes(packed)
    print(f"{len(kinds)} architectures, {len(packed)} bytes")


if __name__ == "__main__":
    main()
