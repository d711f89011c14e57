"""Writes `skeletons.zip.zst`: exports of small models with other weights than they are to have, state
dicts for them, and what PyTorch answers with these.

    python skeletons.py STATE_DICT_OF_DIGITS

The cases `digits_*` have no state dict here: theirs is `handwriting_model.pth` of the package
digit-recognizer-py 0.1.0 (MIT), which the test finds among the fixtures.
"""

import io
import pathlib
import sys
import warnings
import zipfile

import torch
from safetensors.torch import save
from torch import nn

import make

warnings.filterwarnings("ignore")


class Digits(nn.Module):
    """Three convolutions and two linear layers under the names of that package."""

    def __init__(self):
        super().__init__()
        layers = []
        for narrow, wide in [(1, 32), (32, 64), (64, 128)]:
            layers += [nn.Conv2d(narrow, wide, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2)]
        self.conv_layers = nn.Sequential(*layers)
        self.fc_layers = nn.Sequential(nn.Linear(128 * 9, 256), nn.ReLU(), nn.Linear(256, 10))

    def forward(self, x):
        return self.fc_layers(self.conv_layers(x).flatten(1))


class Small(nn.Module):
    """A normalization, which exporters fold, a linear layer on three axes, buffers of both kinds."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.inner = nn.Linear(6, 6)
        self.head = nn.Linear(6, 5)
        self.register_buffer("scale", torch.rand(1, 6, 1, 1))
        self.register_buffer("middle", torch.full((1, 6, 1, 1), 0.5), persistent=False)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x))) * self.scale + self.middle
        return self.head(self.inner(x.flatten(2).transpose(1, 2)).mean(1))


def exported(form, model, x):
    made = io.BytesIO()
    if form == "export":
        batch = ({0: torch.export.Dim("batch")},)
        torch.export.save(torch.export.export(model, (x,), dynamic_shapes=batch), made)
    elif form == "trace":
        torch.jit.save(torch.jit.trace(model, x, check_trace=False), made)
    elif form == "script":
        torch.jit.save(torch.jit.script(model), made)
    else:
        plain = {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
        more = {"onnx": plain, "folded": {}}[form]
        torch.onnx.export(model, (x,), made, dynamo=False, input_names=["x"], **more)
        return made.getvalue()
    return make.stored(made.getvalue())


def states(model):
    """The same weights in each form in which they may come."""
    state = model.state_dict()
    pickled = lambda what: (made := io.BytesIO(), torch.save(what, made))[0].getvalue()
    checkpoint = {"epoch": 3, "state_dict": {f"module.{name}": x for name, x in state.items()}}
    return {"": pickled(state), "_checkpoint": pickled(checkpoint), "_safetensors": save(state)}


def randomized(model, seed):
    make.randomize(model, seed)
    model.middle.fill_(0.5)
    return model.eval()


def zeros(model):
    with torch.no_grad():
        for value in list(model.parameters()) + [x for n, x in model.named_buffers() if n != "middle"]:
            value.zero_()


def main():
    torch.manual_seed(1)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:

        def case(name, form, kind, model, x, weights):
            with torch.no_grad():
                y = model(x)
            # ONNX holds equal weights once.
            own = kind()
            randomized(own, 2) if kind is Small and form == "onnx" else zeros(own)
            file = exported(form, own.eval(), x)
            make.write(archive, name, file, [x.numpy()], [y.numpy()], {})
            if weights is not None:
                archive.writestr(zipfile.ZipInfo(f"{name}/weights.bin"), weights)

        digits = Digits().eval()
        digits.load_state_dict(torch.load(sys.argv[1], weights_only=True, map_location="cpu"))
        small = randomized(Small(), 1)
        short = Small().eval()
        short.load_state_dict(small.state_dict())
        short = short.half().float()
        image, x = torch.rand(2, 1, 28, 28), torch.rand(2, 3, 6, 6)
        for form in ["export", "trace", "script", "onnx"]:
            case(f"digits_{form}", form, Digits, digits, image, None)
        for form in ["export", "trace", "script", "onnx", "folded"]:
            case(f"small_{form}", form, Small, small, x, states(small)[""])
        for kind in ["_checkpoint", "_safetensors"]:
            case(f"small_export{kind}", "export", Small, small, x, states(small)[kind])
        shorter = {name: x.half() if x.is_floating_point() else x for name, x in short.state_dict().items()}
        case("small_export_f16", "export", Small, short, x, save(shorter))
    packed = make.packed(made.getvalue())
    (pathlib.Path(__file__).parent / "skeletons.zip.zst").write_bytes(packed)
    print(f"{len(packed)} bytes")


if __name__ == "__main__":
    main()
