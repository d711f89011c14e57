"""The cases of GluonCV's detectors and other nets, with random weights: too large to lie here."""

import contextlib
import json

import mxnet as mx
import numpy as np
from gluoncv import model_zoo

# The side of the image: as small as the net allows.
DETECTORS = {
    "ssd_300_vgg16_atrous_voc": 300,
    "ssd_300_mobilenet0.25_voc": 300,
    "ssd_512_mobilenet1.0_voc": 256,
    "ssd_512_resnet18_v1_voc": 256,
    "yolo3_mobilenet0.25_voc": 128,
    "yolo3_mobilenet1.0_coco": 128,
    "yolo3_darknet53_voc": 128,
    "center_net_resnet18_v1b_voc": 128,
    "center_net_resnet18_v1b_dcnv2_voc": 128,
    "center_net_mobilenetv3_small_duc_voc": 128,
    "center_net_dla34_voc": 128,
    "faster_rcnn_resnet50_v1b_voc": 128,
    "faster_rcnn_fpn_resnet50_v1b_coco": 128,
    "mask_rcnn_resnet18_v1b_coco": 128,
    "mask_rcnn_fpn_resnet18_v1b_coco": 128,
}

# Segmentation, poses, actions in images and in videos, classifiers that MXNet's own zoo has not: the
# shape of the input, as small as the net allows, and how the net is made.
BASE = {"pretrained_base": False}
PARTS = {**BASE, "crop_size": 64}
OTHERS = {
    "fcn_resnet50_voc": ((1, 3, 64, 64), PARTS),
    "deeplab_resnet50_ade": ((1, 3, 64, 64), PARTS),
    "deeplab_v3b_plus_wideresnet_citys": ((1, 3, 64, 64), {**PARTS, "height": 64, "width": 64}),
    "psp_resnet50_ade": ((1, 3, 64, 64), PARTS),
    "icnet_resnet50_citys": ((1, 3, 64, 64), {**PARTS, "height": 64, "width": 64}),
    "danet_resnet50_citys": ((1, 3, 64, 64), {**PARTS, "height": 64, "width": 64}),
    "fastscnn_citys": ((1, 3, 64, 64), {**PARTS, "height": 64, "width": 64}),
    "simple_pose_resnet18_v1b": ((1, 3, 64, 64), BASE),
    "mobile_pose_mobilenet1.0": ((1, 3, 64, 64), BASE),
    "alpha_pose_resnet101_v1b_coco": ((1, 3, 64, 64), BASE),
    "resnet18_v1b_kinetics400": ((1, 3, 64, 64), BASE),
    "i3d_resnet50_v1_kinetics400": ((1, 3, 8, 64, 64), BASE),
    "r2plus1d_resnet18_kinetics400": ((1, 3, 8, 112, 112), BASE),
    "senet_154": ((1, 3, 64, 64), {}),
    "se_resnext50_32x4d": ((1, 3, 64, 64), {}),
    "resnest14": ((1, 3, 64, 64), {}),
    "residualattentionnet56": ((1, 3, 224, 224), {}),
    "nasnet_4_1056": ((1, 3, 64, 64), {}),
    "xception": ((1, 3, 64, 64), {}),
    "hrnet_w18_small_v1_c": ((1, 3, 64, 64), {}),
    "darknet53": ((1, 3, 64, 64), {}),
    "mobilenetv3_small": ((1, 3, 64, 64), {}),
}


class Drawn(mx.init.Initializer):
    """Weights as Xavier draws them, and vectors that are no weights of a layer by chance as well."""

    def _init_weight(self, name, array):
        if len(array.shape) < 2:
            array[:] = mx.nd.random.uniform(0.5, 1.5, array.shape)
        else:
            mx.init.Xavier(magnitude=2.0)._init_weight(name, array)

    _init_default = _init_weight


@contextlib.contextmanager
def pooled_everywhere():
    """On a CPU the framework's ROIAlign writes nothing for a region that is of no image, and one 0
    into another region. Nets of pyramids ask for such; without this operator GluonCV pools each
    region at each level, and takes zeros where it belongs to another one: what was meant."""
    hidden = mx.nd.contrib.box_encode
    del mx.nd.contrib.box_encode
    try:
        yield
    finally:
        mx.nd.contrib.box_encode = hidden


# How far an answer may move, relative to 1 and itself, when the image moves by a millionth: as far
# as the answer of another program may be off.
STEADY = 1e-4


def movement(block, image, rng):
    """How far the framework's own answer moves when the image does."""
    moved = image * (1 + 1e-6 * rng.normal(size=image.shape))
    with pooled_everywhere():
        answers = [[made.asnumpy() for made in flat([block(mx.nd.array(x))])] for x in (image, moved)]
    return max(np.max(np.abs(a - b) / (1 + np.abs(a)), initial=0) for a, b in zip(*answers))


def with_few_regions(block):
    """As many regions as a naive run can do, where a net looks at each by itself."""
    if hasattr(block, "rpn"):
        block.rpn._test_pre_nms, block.rpn._test_post_nms = 120, 12
        block._rpn_test_post_nms = 12
        if hasattr(block, "_rcnn_max_dets"):
            block._rcnn_max_dets = 12


def flat(values):
    """The values of a block's answer, one after another."""
    return [one for value in values for one in (flat(value) if isinstance(value, (list, tuple)) else [value])]


def settle(block, image, rng):
    """Draws scale and shift of the normalizations, and lets their statistics be those of what they are
    given, so that no signal dies out.

    What they make is above 0 more often than not. Of random weights and values about 0 each layer would
    make a difference larger, and after thirty layers the last bit of a float decided what is found, in
    the framework as well."""
    parameters = block.collect_params()
    graph = json.loads(mx.sym.Group(flat([block(mx.sym.var("data"))])).tojson())
    nodes = graph["nodes"]
    # In training a layer normalizes by the statistics of what it is given, unless they are frozen.
    for node in nodes:
        node.get("attrs", {}).pop("use_global_stats", None)
    internals = mx.sym.load_json(json.dumps(graph)).get_internals()
    made = internals.list_outputs()
    layers = [[nodes[at]["name"] for at, *_ in node["inputs"]] for node in nodes if node["op"] == "BatchNorm"]
    # A layer that is used twice has the statistics of its first use.
    layers = list({layer[-1]: layer for layer in reversed(layers)}.values())[::-1]
    for _, *scale_and_shift, _, _ in layers:
        for name, low, high in zip(scale_and_shift, (0.5, 1.0), (1.0, 2.0)):
            parameters[name].set_data(mx.nd.array(rng.uniform(low, high, parameters[name].shape)))
    if not layers:
        return
    given = [name + "_output" if name + "_output" in made else name for name, *_ in layers]
    taken = mx.sym.Group([internals[made.index(name)] for name in given])
    arguments = {name: mx.nd.array(image) if name == "data" else parameters[name].data()
                 for name in taken.list_arguments()}
    states = {name: parameters[name].data() for name in taken.list_auxiliary_states()}
    executor = taken.bind(mx.cpu(), arguments, aux_states=states, grad_req="null")
    for (*_, mean, variance), x in zip(layers, executor.forward(is_train=True)):
        x = x.asnumpy()
        axes = (0, *range(2, x.ndim))
        parameters[mean].set_data(mx.nd.array(x.mean(axes)))
        # The values of one place have no variance.
        floor = 0.05 * (x**2).mean(axes)
        parameters[variance].set_data(mx.nd.array(x.var(axes) + floor))


def net(name, shape, settings):
    def case(rng):
        block = model_zoo.get_model(name, pretrained=False, **settings)
        with_few_regions(block)
        block.initialize(Drawn())
        # Without normalizations a signal grows until all probabilities are 1.
        scale = 0.02 if "vgg" in name else 1.0
        block(mx.nd.zeros(shape))
        found = []
        # Two detections may tie, so that the last bit says which one comes first or suppresses the
        # other: such an image is none to compare by.
        for _ in range(8):
            image = (rng.normal(size=shape) * scale).astype("f4")
            settle(block, image, rng)
            found.append(movement(block, image, rng))
            if found[-1] < STEADY:
                return block, [image], 0, pooled_everywhere()
        raise RuntimeError(f"no steady answer: the framework's own moves by {found}")

    return case


def cases():
    nets = {**{name: ((1, 3, side, side), BASE) for name, side in DETECTORS.items()}, **OTHERS}
    return [(name, net(name, *how)) for name, how in nets.items()]
