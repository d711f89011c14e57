"""Each classification architecture of torchvision with random weights, as an exported program, as
TorchScript and as weights alone: what `schooner run` answers against what PyTorch does. Nothing of
it is kept: the weights of all take gigabytes.

    python architectures.py PATH_OF_SCHOONER FORM [WORD ...]      # export, trace, script, weights

Prints a line for each: name, parameters, largest difference over the largest answer, agreement.
"""

import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
import torchvision

warnings.filterwarnings("ignore")
TOLERANCE = 1e-4


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


def main():
    binary, form, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    agree = total = 0
    for name in names():
        if words and not any(word in name for word in words):
            continue
        torch.manual_seed(1)
        total += 1
        try:
            more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
            model = torchvision.models.get_model(name, weights=None, **more).eval()
            for parameter in model.parameters():
                # Heads that begin at zero would answer nothing else.
                if not parameter.any():
                    torch.nn.init.normal_(parameter, std=0.02)
            x = torch.rand(2, 3, size(name), size(name))
            with torch.no_grad():
                expected = model(x).numpy()
            with tempfile.TemporaryDirectory() as folder:
                path, given, made = (os.path.join(folder, n) for n in ("m.pt2", "x.npy", "y.npy"))
                save(form, model, x, path)
                np.save(given, x.numpy())
                command = [binary, "run", path, "--input", given, "--output", made]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError(done.stderr.strip()[:300])
                found = np.load(made)
            error = float(np.abs(found - expected).max() / np.abs(expected).max())
            is_close = error <= TOLERANCE
            agree += is_close
            count = sum(p.numel() for p in model.parameters())
            print(f"{name} {count} {error:.1e} {'yes' if is_close else 'NO'}")
        except Exception as error:
            print(f"{name} NO {type(error).__name__}: {str(error)[:300]}")
        sys.stdout.flush()
    print(f"{agree} of {total} agree")


if __name__ == "__main__":
    main()
