"""Stores onnxruntime's answer to each picture of two labelled sets, to compare `eval` with.

    python make_accuracy.py FIXTURES     # $SCHOONER_FIXTURES stands in for the argument

Writes imagenet_mini_153.json and imagenet_mini_153_resized.json (efficientnet_lite0, with two
recipes) and fashion_val.json (examples/fashion) beside itself. Pictures are decoded by Pillow.
Needs numpy, onnxruntime and Pillow.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import PIL
from PIL import Image

HERE = Path(__file__).resolve().parent
FASHION = HERE.parent.parent / "examples/fashion"
VERSIONS = {
    "onnxruntime": onnxruntime.__version__,
    "pillow": PIL.__version__,
    "numpy": np.__version__,
}


def session(path: Path) -> onnxruntime.InferenceSession:
    """A one-thread CPU session, so that the same machine gives the same answers."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answer(logits: np.ndarray) -> dict:
    """The best class and how far, in logits, the second is behind: small margins may flip."""
    second, best = np.argsort(logits, kind="stable")[-2:]
    return {"top1": int(best), "margin": round(float(logits[best] - logits[second]), 4)}


def report(out: str, model: Path, recipe: str, rows: list[dict]) -> None:
    """Writes one file, a picture a line, and prints its accuracy."""
    right = sum(row["top1"] in row["labels"] for row in rows)
    head = {
        "generator": VERSIONS,
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "recipe": recipe,
        "pictures": len(rows),
        "right": right,
    }
    lines = ",\n".join("    " + json.dumps(row) for row in rows)
    body = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in head.items())
    (HERE / out).write_text(f'{{\n{body},\n  "answers": [\n{lines}\n  ]\n}}\n')
    close = [row["file"] for row in rows if row["margin"] < 0.05]
    print(f"{out}: top-1 {right}/{len(rows)} = {right / len(rows):.2%}; margin < 0.05: {close}")


def cropped(picture: Image.Image) -> Image.Image:
    """The 224x224 in the middle."""
    return picture.crop((16, 16, 240, 240))


def resized(picture: Image.Image) -> Image.Image:
    """The whole picture at 224x224; Pillow's bicubic (a = -0.5) widens when it shrinks."""
    return picture.resize((224, 224), Image.Resampling.BICUBIC)


def imagenet(fixtures: Path, out: str, prepare, step: str) -> None:
    """imagenet-mini-153 through efficientnet_lite0; the pictures are 256x256 already."""
    model = fixtures / "efficientnet-lite0/efficientnet_lite0.onnx"
    run, folder = session(model), fixtures / "imagenet-mini-153"
    rows = []
    for entry in json.loads((folder / "labels.json").read_text()):
        picture = Image.open(folder / "images" / entry["file"]).convert("RGB")
        if picture.size != (256, 256):
            raise ValueError(f"{entry['file']} is {picture.size}, expected 256x256")
        pixels = np.asarray(prepare(picture), np.float32).transpose(2, 0, 1)
        x = (pixels - np.float32(127)) / np.float32(128)
        logits = run.run(["logits"], {"x": x[None]})[0][0]
        rows.append({"file": entry["file"], "labels": entry["labels"], **answer(logits)})
    recipe = f"RGB; 256x256 as stored; {step}; (x - 127) / 128; NCHW"
    report(out, model, recipe, rows)
    photos = [row for row in rows if row["file"].startswith("fb_")]
    right = sum(row["top1"] in row["labels"] for row in photos)
    total = sum(row["top1"] in row["labels"] for row in rows)
    others = len(rows) - len(photos)
    print(f"  photos {right}/{len(photos)}, others {total - right}/{others}")


def fashion() -> None:
    """examples/fashion/val through fashion.onnx."""
    model = FASHION / "fashion.onnx"
    run, rows = session(model), []
    for label, name in enumerate((FASHION / "fashion.labels.txt").read_text().splitlines()):
        for path in sorted((FASHION / "val" / name).iterdir(), key=lambda p: int(p.stem)):
            pixels = np.asarray(Image.open(path).convert("L"), np.float32)
            x = (pixels - np.float32(73)) / np.float32(90)
            logits = run.run(["logits"], {"image": x[None, None]})[0][0]
            rows.append({"file": f"{name}/{path.name}", "labels": [label], **answer(logits)})
    recipe = "gray; 28x28 as stored; (x - 73) / 90; NCHW"
    report("fashion_val.json", model, recipe, rows)


def main() -> None:
    fixtures = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["SCHOONER_FIXTURES"])
    print(VERSIONS)
    imagenet(fixtures, "imagenet_mini_153.json", cropped, "center crop 224x224")
    imagenet(fixtures, "imagenet_mini_153_resized.json", resized, "bicubic resize to 224x224")
    fashion()


if __name__ == "__main__":
    main()
