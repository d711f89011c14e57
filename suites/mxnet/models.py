"""The cases of nets: blocks of the model zoo with few channels, recurrent layers, and others."""

import mxnet as mx
import numpy as np
from mxnet.gluon import nn, rnn
from mxnet.gluon.model_zoo import vision
from mxnet.gluon.model_zoo.vision.mobilenet import LinearBottleneck


def settle(block, rng):
    """Statistics and the like as training leaves them."""
    for name, parameter in block.collect_params().items():
        if name.endswith("running_mean"):
            parameter.set_data(mx.nd.array(rng.normal(size=parameter.shape) * 0.2))
        elif name.endswith("running_var"):
            parameter.set_data(mx.nd.array(rng.uniform(0.5, 1.5, parameter.shape)))
        elif name.endswith(("gamma", "beta", "bias")):
            parameter.set_data(mx.nd.array(rng.uniform(0.2, 1.2, parameter.shape)))


def net(make, *shapes, integers=None, states=()):
    """A block with inputs of these shapes; recurrent ones take states too."""

    def case(rng):
        block = make()
        block.initialize(mx.init.Xavier(magnitude=2.0))
        inputs = [rng.normal(size=shape).astype("f4") for shape in shapes]
        if integers:
            inputs = [rng.integers(0, integers, shape).astype("f4") for shape in shapes]
        inputs += [rng.normal(size=shape).astype("f4") for shape in states]
        block(*given(inputs, len(states)))
        settle(block, rng)
        return block, inputs, len(states)

    return case


def given(inputs, states):
    """What a block is called on: the last ones are states, which are a list."""
    arrays = [mx.nd.array(a, dtype=a.dtype) for a in inputs]
    return [*arrays[:-states], arrays[-states:]] if states else arrays


def sequential(*layers):
    block = nn.HybridSequential()
    block.add(*layers)
    return block


class Stepper(mx.gluon.HybridBlock):
    """A recurrent layer between an embedding and a classifier."""

    def __init__(self, layer):
        super().__init__()
        self.embedding, self.layer, self.out = nn.Embedding(11, 6), layer, nn.Dense(3, flatten=False)

    def hybrid_forward(self, F, x):
        steps = F.swapaxes(self.embedding(x), 0, 1)
        return self.out(F.SequenceLast(self.layer(steps)))


def cases():
    images = (2, 3, 32, 32)
    made = {
        "resnet_v1": net(lambda: vision.ResNetV1(vision.BasicBlockV1, [1, 1], [4, 4, 8], classes=5), images),
        "resnet_v1_bottleneck": net(lambda: vision.ResNetV1(
            vision.BottleneckV1, [1, 1], [4, 8, 16], classes=5), images),
        "resnet_v1_thumbnail": net(lambda: vision.ResNetV1(
            vision.BasicBlockV1, [1, 1], [4, 4, 8], classes=5, thumbnail=True), images),
        "resnet_v2": net(lambda: vision.ResNetV2(vision.BasicBlockV2, [1, 1], [4, 4, 8], classes=5), images),
        "resnet_v2_bottleneck": net(lambda: vision.ResNetV2(
            vision.BottleneckV2, [1, 1], [4, 8, 16], classes=5), images),
        "vgg": net(lambda: sequential(
            nn.Conv2D(4, 3, padding=1, activation="relu"), nn.MaxPool2D(strides=2),
            nn.Conv2D(6, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool2D(strides=2),
            nn.Dense(8, activation="relu"), nn.Dropout(0.5), nn.Dense(4)), images),
        "mobilenet": net(lambda: vision.MobileNet(0.07, classes=5), images),
        "mobilenet_v2": net(lambda: sequential(
            nn.Conv2D(4, 3, 2, 1), LinearBottleneck(4, 6, 1, 1), LinearBottleneck(6, 6, 3, 1),
            LinearBottleneck(6, 8, 3, 2), nn.GlobalAvgPool2D(), nn.Conv2D(5, 1), nn.Flatten()), images),
        "mlp": net(lambda: sequential(nn.Dense(8, activation="relu"), nn.Dropout(0.1),
                                      nn.BatchNorm(), nn.Dense(3)), (4, 6)),
        "inception": net(concurrent, (2, 4, 12, 12)),
        "layers": net(lambda: sequential(
            nn.Conv2D(4, 3), nn.PReLU(), nn.InstanceNorm(), nn.Conv2DTranspose(3, 4, strides=2),
            nn.LeakyReLU(0.1), nn.AvgPool2D(), nn.SELU(), nn.ELU(), nn.GELU(), nn.Swish(),
            nn.GlobalMaxPool2D(), nn.Flatten(), nn.LayerNorm(), nn.Dense(3)), (2, 3, 12, 12)),
        "conv_1d": net(lambda: sequential(
            nn.Conv1D(4, 3, strides=2), nn.MaxPool1D(), nn.Conv1D(3, 2), nn.GlobalAvgPool1D(),
            nn.Dense(2)), (2, 3, 20)),
        "conv_3d": net(lambda: sequential(
            nn.Conv3D(4, 3), nn.MaxPool3D(), nn.GlobalAvgPool3D(), nn.Dense(2)), (2, 2, 8, 8, 8)),
        "lstm": net(lambda: rnn.LSTM(5, 2), (4, 3, 6), states=[(2, 3, 5)] * 2),
        "lstm_both_ways": net(lambda: rnn.LSTM(5, 2, bidirectional=True), (4, 3, 6),
                              states=[(4, 3, 5)] * 2),
        "lstm_batch_first": net(lambda: rnn.LSTM(5, layout="NTC"), (4, 3, 6), states=[(1, 4, 5)] * 2),
        "gru": net(lambda: rnn.GRU(5, 2, bidirectional=True), (4, 3, 6), states=[(4, 3, 5)]),
        "rnn_relu": net(lambda: rnn.RNN(5, activation="relu"), (4, 3, 6), states=[(1, 3, 5)]),
        "rnn_tanh": net(lambda: rnn.RNN(5, 2, activation="tanh"), (4, 3, 6), states=[(2, 3, 5)]),
        "text_lstm": net(lambda: Stepper(rnn.LSTM(5)), (2, 7), integers=11),
        "text_gru": net(lambda: Stepper(rnn.GRU(5, bidirectional=True)), (2, 7), integers=11),
    }
    return list(made.items())


def concurrent():
    from mxnet.gluon.contrib.nn import HybridConcurrent, Identity

    block = HybridConcurrent(axis=1)
    block.add(nn.Conv2D(3, 1), nn.Conv2D(4, 3, padding=1, groups=1), Identity())
    return sequential(block, nn.AvgPool2D(3, 1, 1), nn.GlobalAvgPool2D(), nn.Dense(3))


def zoo():
    sizes = {"inceptionv3": 299}
    names = ["alexnet", "densenet121", "inceptionv3", "mobilenet1.0", "mobilenet0.25",
             "mobilenetv2_1.0", "mobilenetv2_0.25", "resnet18_v1", "resnet50_v1", "resnet18_v2",
             "resnet50_v2", "squeezenet1.0", "squeezenet1.1", "vgg11", "vgg11_bn"]
    made = []
    for name in names:
        size = sizes.get(name, 224)
        made.append((name, net(lambda name=name: vision.get_model(name, classes=20), (1, 3, size, size))))
    return made
