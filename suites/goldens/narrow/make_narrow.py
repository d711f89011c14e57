"""Writes narrow copies of four of onnx's light graphs, with random weights instead of constants.

    python make_narrow.py FIXTURES       # $SCHOONER_FIXTURES stands in for the argument

The light graphs are those of real networks, but their weights are one constant each: all classes
come out equal whatever the picture, so a wrong convolution passes unseen. A narrow copy keeps every
other node, attribute and spatial size, divides the channels, and has weights that matter: from a
frozen random stream (numpy's RandomState), so the bytes are reproducible. Being narrow, it also
runs in a naive interpreter. Needs numpy and onnx.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = Path(__file__).resolve().parent
CLASSES, NARROW_CLASSES = 1000, 40


class Recipe(NamedTuple):
    """How one graph is narrowed: channels and groups are divided, `gain` scales the classifier.

    The gain is chosen so that the largest probability is clear of both 1/40 and 1.
    """

    channels: int
    groups: int
    gain: float
    seed: int


RECIPES = {
    "resnet50": Recipe(channels=16, groups=1, gain=0.002, seed=10),
    "densenet121": Recipe(channels=16, groups=1, gain=0.1, seed=11),
    "squeezenet": Recipe(channels=8, groups=1, gain=8.0, seed=12),
    "shufflenet": Recipe(channels=4, groups=2, gain=1.5e-4, seed=13),
}


def narrow_size(size: int, by: int) -> int:
    """A channel count divided by `by`; the picture's three planes and lone axes stay."""
    if size in (1, 3):
        return size
    if size == CLASSES:
        return NARROW_CLASSES
    if size % by:
        raise ValueError(f"{size} channels cannot be divided by {by}")
    return size // by


def weight_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Shape of each f32 weight, wherever its value comes from."""
    stored = {t.name: t for t in model.graph.initializer}
    shapes = {
        t.name: tuple(t.dims) for t in stored.values() if t.data_type == onnx.TensorProto.FLOAT
    }
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            shapes[node.output[0]] = tuple(numpy_helper.to_array(stored[node.input[0]]).tolist())
    return shapes


def draw(random: np.random.RandomState, role: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values for a weight in its role: what keeps signals near unit size, none of them equal."""
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    if role == "kernel":
        value = random.standard_normal(shape) * np.sqrt(2.0 / fan_in)
    elif role in ("scale", "variance"):
        value = random.uniform(0.5, 1.5, shape)
    elif role in ("bias", "mean"):
        value = random.standard_normal(shape) * 0.1
    else:
        raise ValueError(role)
    return value.astype(np.float32)


def roles(model: onnx.ModelProto) -> dict[str, str]:
    """What each weight is for, from the input of the node that it feeds."""
    after_unsqueeze = {
        n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Unsqueeze"
    }
    by_op = {
        "Conv": [None, "kernel", "bias"],
        "Gemm": [None, "kernel", "bias"],
        "BatchNormalization": [None, "scale", "bias", "mean", "variance"],
        "Mul": [None, "scale"],
        "Add": [None, "bias"],
    }
    found = {}
    for node in model.graph.node:
        for name, role in zip(node.input, by_op.get(node.op_type, [])):
            if role:
                found[after_unsqueeze.get(name, name)] = role
    return found


def narrow_kernel(node: onnx.NodeProto, shape: tuple[int, ...], recipe: Recipe) -> tuple[int, ...]:
    """The narrowed kernel of a convolution, whose group count is narrowed with it."""
    group = next((a for a in node.attribute if a.name == "group"), None)
    groups = group.i if group else 1
    inputs = narrow_size(shape[1] * groups, recipe.channels)
    if groups > 1:
        is_depthwise = shape[1] == 1
        group.i = groups // (recipe.channels if is_depthwise else recipe.groups)
        groups = group.i
    return (narrow_size(shape[0], recipe.channels), inputs // groups, *shape[2:])


def narrow_target(shape: list[int], recipe: Recipe) -> list[int]:
    """A Reshape's target: [n, channels, ...], or [n, groups, channels / groups, h, w]."""
    if len(shape) == 5:
        groups = shape[1] // recipe.groups
        channels = narrow_size(shape[1] * shape[2], recipe.channels)
        return [shape[0], groups, channels // groups, *shape[3:]]
    return [shape[0], narrow_size(shape[1], recipe.channels), *shape[2:]]


def initializers(model: onnx.ModelProto, recipe: Recipe) -> list[onnx.TensorProto]:
    """The narrowed graph's weights and Reshape targets, in the order of their first use."""
    stored = {t.name: t for t in model.graph.initializer}
    shapes, role = weight_shapes(model), roles(model)
    random = np.random.RandomState(recipe.seed)
    classifier = [n for n in model.graph.node if n.op_type in ("Conv", "Gemm")][-1].input[1]
    made: dict[str, np.ndarray] = {}
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            continue
        for position, name in enumerate(node.input):
            if name in made:
                continue
            if name in role:
                if node.op_type == "Conv" and position == 1:
                    shape = narrow_kernel(node, shapes[name], recipe)
                else:
                    shape = tuple(narrow_size(s, recipe.channels) for s in shapes[name])
                made[name] = draw(random, role[name], shape)
                if name == classifier:
                    made[name] *= np.float32(recipe.gain)
            elif node.op_type == "Reshape" and name in stored:
                target = narrow_target(numpy_helper.to_array(stored[name]).tolist(), recipe)
                made[name] = np.array(target, np.int64)
            elif name in stored:
                raise ValueError(f"{node.op_type} uses {name}, whose role is not known")
    return [numpy_helper.from_array(value, name) for name, value in made.items()]


def narrow(model: onnx.ModelProto, recipe: Recipe) -> bytes:
    """The narrowed model; as before IR version 4, initializers are listed as inputs too."""
    graph = model.graph
    weights = initializers(model, recipe)
    constants = {t.name for t in graph.initializer}
    nodes = [n for n in graph.node if n.op_type != "ConstantOfShape"]
    inputs = [i for i in graph.input if i.name not in constants]
    for tensor in weights:
        inputs.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        )
    del graph.node[:], graph.initializer[:], graph.input[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights)
    graph.input.extend(inputs)
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = NARROW_CLASSES
    model.producer_name = "schooner suites/goldens/narrow/make_narrow.py"
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def main() -> None:
    fixtures = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["SCHOONER_FIXTURES"])
    print(f"onnx {onnx.__version__}, numpy {np.__version__}")
    for name, recipe in RECIPES.items():
        model = onnx.load(fixtures / f"onnx-light/light/light_{name}.onnx")
        data = narrow(model, recipe)
        (HERE / f"narrow_{name}.onnx").write_bytes(data)
        print(f"narrow_{name}.onnx: {len(data)} bytes")


if __name__ == "__main__":
    main()
