"""The cases of GluonCV's detectors, with random weights: too large to lie here."""

import mxnet as mx
import numpy as np
from gluoncv import model_zoo

# The side of the image: as small as the net allows.
NAMES = {
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


class Drawn(mx.init.Initializer):
    """Weights as Xavier draws them, and vectors that are no weights of a layer by chance as well."""

    def _init_weight(self, name, array):
        if len(array.shape) < 2:
            array[:] = mx.nd.random.uniform(0.5, 1.5, array.shape)
        else:
            mx.init.Xavier(magnitude=2.0)._init_weight(name, array)

    _init_default = _init_weight


def with_few_regions(block):
    """As many regions as a naive run can do, where a net looks at each by itself."""
    if hasattr(block, "rpn"):
        block.rpn._test_pre_nms, block.rpn._test_post_nms = 120, 12
        block._rpn_test_post_nms = 12
        if hasattr(block, "_rcnn_max_dets"):
            block._rcnn_max_dets = 12


def measured(layer, inputs):
    """Statistics of a normalization are those of what it is given, so that no signal dies out."""
    x = inputs[0]
    layer.running_mean.set_data(x.mean(axis=(0, 2, 3)))
    layer.running_var.set_data(((x - x.mean(axis=(0, 2, 3), keepdims=True)) ** 2).mean(axis=(0, 2, 3)))


def net(name, side):
    def case(rng):
        block = model_zoo.get_model(name, pretrained=False, pretrained_base=False)
        with_few_regions(block)
        block.initialize(Drawn())
        # Without normalizations a signal grows until all probabilities are 1.
        scale = 0.02 if "vgg" in name else 1.0
        image = mx.nd.array(rng.normal(size=(1, 3, side, side)) * scale)
        block(image)
        hooks = []

        def note(layer):
            if isinstance(layer, mx.gluon.nn.BatchNorm):
                hooks.append(layer.register_forward_pre_hook(measured))

        block.apply(note)
        block(image)
        for hook in hooks:
            hook.detach()
        return block, [image.asnumpy()], 0

    return case


def cases():
    return [(name, net(name, side)) for name, side in NAMES.items()]
