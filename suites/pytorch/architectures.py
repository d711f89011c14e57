"""Each classification architecture of torchvision with random weights, as an exported program, as
TorchScript and as weights alone: what `schooner run` answers against what PyTorch does. Nothing of
it is kept: the weights of all take gigabytes.

    python architectures.py PATH_OF_SCHOONER FORM [NAME ...]      # export, trace, script, weights

A name is one of torchvision, or `timm/NAME` for a model of timm; all of torchvision without one.
Prints a line for each: name, parameters, largest difference over the largest answer, agreement.
"""

import pathlib
import sys
import warnings

import torch
import torchvision

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from compare import difference, each

warnings.filterwarnings("ignore")


def names():
    every = torchvision.models.list_models(module=torchvision.models)
    # Of quantized ones there are none without their weights.
    return [name for name in every if not name.startswith("quantized_")]


def created(name):
    """The model of this name with random weights, and the size of its images."""
    if name.startswith("timm/"):
        import timm

        model = timm.create_model(name.removeprefix("timm/"))
        return model, model.default_cfg["input_size"][-1]
    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    size = 299 if name == "inception_v3" else 224
    return torchvision.models.get_model(name, weights=None, **more), size


def randomize(model):
    """Other numbers than those that layers begin with: statistics that were never met, and heads
    that would answer nothing else."""
    for name, value in list(model.named_parameters()) + list(model.named_buffers()):
        if name.endswith("running_mean"):
            torch.nn.init.normal_(value, std=0.1)
        elif name.endswith("running_var"):
            torch.nn.init.uniform_(value, 0.5, 1.5)
        elif isinstance(value, torch.nn.Parameter) and not value.any():
            torch.nn.init.normal_(value, std=0.02)


def save(form, model, x, path):
    if form == "export":
        batch = {0: torch.export.Dim("batch")}
        try:
            program = torch.export.export(model, (x,), dynamic_shapes=(batch,))
        except Exception:
            program = torch.export.export(model, (x,))
        torch.export.save(program, path)
    elif form == "weights":
        torch.save(model.state_dict(), path)
    elif form == "trace":
        torch.jit.save(torch.jit.trace(model, x, check_trace=False), path)
    else:
        torch.jit.save(torch.jit.script(model), path)


def compared(binary, form, name):
    torch.manual_seed(1)
    model, size = created(name)
    model = model.eval()
    randomize(model)
    x = torch.rand(2, 3, size, size)
    with torch.no_grad():
        expected = model(x).numpy()
    # The name of weights tells those of timm apart that look alike.
    file = f"{name.rpartition('/')[2]}.pth" if form == "weights" else "m.pt2"
    error = difference(binary, file, lambda path: save(form, model, x, path), x.numpy(), expected)
    return sum(p.numel() for p in model.parameters()), error


def main():
    binary, form, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    others = [word for word in words if word.startswith("timm/")]
    asked = [name for name in names() if not words or name in words] + others
    each(asked, lambda name: compared(binary, form, name))


if __name__ == "__main__":
    main()
