"""Each classification architecture of torchvision with random weights, as an exported program, as
TorchScript and as weights alone: what `schooner run` answers against what PyTorch does. Nothing of
it is kept: the weights of all take gigabytes.

    python architectures.py PATH_OF_SCHOONER FORM [WORD ...]      # export, trace, script, weights

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


def size(name):
    return 299 if name == "inception_v3" else 224


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
    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, **more).eval()
    for parameter in model.parameters():
        # Heads that begin at zero would answer nothing else.
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    x = torch.rand(2, 3, size(name), size(name))
    with torch.no_grad():
        expected = model(x).numpy()
    error = difference(binary, "m.pt2", lambda path: save(form, model, x, path), x.numpy(), expected)
    return sum(p.numel() for p in model.parameters()), error


def main():
    binary, form, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    asked = [name for name in names() if not words or any(word in name for word in words)]
    each(asked, lambda name: compared(binary, form, name))


if __name__ == "__main__":
    main()
