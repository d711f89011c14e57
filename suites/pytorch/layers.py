"""Layers of torch.nn, and small models of them."""

from typing import List, Optional, Tuple

import torch
from torch import nn

from operators import Case, f, ints

SERIES, IMAGE, VOLUME = f(2, 4, 10), f(2, 4, 9, 8), f(2, 4, 5, 6, 7)

LAYERS = {
    "conv1d": (nn.Conv1d(4, 6, 3, stride=2, padding=1), SERIES),
    "conv1d_causal": (nn.Conv1d(4, 6, 3, dilation=2, bias=False), SERIES),
    "conv2d": (nn.Conv2d(4, 6, 3, padding=1), IMAGE),
    "conv2d_stride": (nn.Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0)), IMAGE),
    "conv2d_groups": (nn.Conv2d(4, 8, 3, groups=2, bias=False), IMAGE),
    "conv2d_depthwise": (nn.Conv2d(4, 4, 3, groups=4, padding=2, dilation=2), IMAGE),
    "conv2d_same": (nn.Conv2d(4, 6, 4, padding="same"), IMAGE),
    "conv2d_reflect": (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), IMAGE),
    "conv2d_circular": (nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"), IMAGE),
    "conv3d": (nn.Conv3d(4, 5, 3, padding=1), VOLUME),
    "conv_transpose1d": (nn.ConvTranspose1d(4, 5, 3, stride=2), SERIES),
    "conv_transpose2d": (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), IMAGE),
    "conv_transpose2d_groups": (nn.ConvTranspose2d(4, 6, 3, groups=2, dilation=2), IMAGE),
    "conv_transpose3d": (nn.ConvTranspose3d(4, 2, 2, stride=2), VOLUME),
    "linear": (nn.Linear(4, 5), f(3, 4)),
    "linear_3d": (nn.Linear(4, 5, bias=False), f(3, 2, 4)),
    "identity": (nn.Identity(), f(3, 4)),
    "batch_norm1d": (nn.BatchNorm1d(4), f(3, 4)),
    "batch_norm1d_series": (nn.BatchNorm1d(4), SERIES),
    "batch_norm2d": (nn.BatchNorm2d(4), IMAGE),
    "batch_norm2d_plain": (nn.BatchNorm2d(4, affine=False), IMAGE),
    "batch_norm3d": (nn.BatchNorm3d(4), VOLUME),
    "layer_norm": (nn.LayerNorm(8), f(2, 3, 8)),
    "layer_norm_axes": (nn.LayerNorm([3, 8]), f(2, 3, 8)),
    "layer_norm_plain": (nn.LayerNorm(8, elementwise_affine=False), f(2, 3, 8)),
    "group_norm": (nn.GroupNorm(2, 4), IMAGE),
    "instance_norm1d": (nn.InstanceNorm1d(4), SERIES),
    "instance_norm2d": (nn.InstanceNorm2d(4, affine=True), IMAGE),
    "instance_norm2d_tracked": (nn.InstanceNorm2d(4, track_running_stats=True), IMAGE),
    "rms_norm": (nn.RMSNorm(8), f(2, 3, 8)),
    "local_response_norm": (nn.LocalResponseNorm(3), IMAGE),
    "max_pool1d": (nn.MaxPool1d(3, 2, 1), SERIES),
    "max_pool2d": (nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "max_pool2d_dilated": (nn.MaxPool2d(2, 1, dilation=2), IMAGE),
    "max_pool3d": (nn.MaxPool3d(2), VOLUME),
    "avg_pool1d": (nn.AvgPool1d(3, 2), SERIES),
    "avg_pool2d": (nn.AvgPool2d(2, padding=1), IMAGE),
    "avg_pool3d": (nn.AvgPool3d(2), VOLUME),
    "adaptive_avg_pool1d": (nn.AdaptiveAvgPool1d(5), SERIES),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d(1), IMAGE),
    "adaptive_avg_pool2d_none": (nn.AdaptiveAvgPool2d((3, None)), IMAGE),
    "adaptive_avg_pool3d": (nn.AdaptiveAvgPool3d(1), VOLUME),
    "adaptive_max_pool1d": (nn.AdaptiveMaxPool1d(1), SERIES),
    "adaptive_max_pool2d": (nn.AdaptiveMaxPool2d((3, 2)), IMAGE),
    "lp_pool2d": (nn.LPPool2d(2, 2), IMAGE),
    "relu": (nn.ReLU(), f(2, 5)),
    "relu_in_place": (nn.Sequential(nn.Linear(5, 5), nn.ReLU(inplace=True)), f(2, 5)),
    "relu6": (nn.ReLU6(), f(2, 5)),
    "elu": (nn.ELU(0.7), f(2, 5)),
    "selu": (nn.SELU(), f(2, 5)),
    "celu": (nn.CELU(1.5), f(2, 5)),
    "gelu": (nn.GELU(), f(2, 5)),
    "silu": (nn.SiLU(), f(2, 5)),
    "mish": (nn.Mish(), f(2, 5)),
    "sigmoid": (nn.Sigmoid(), f(2, 5)),
    "log_sigmoid": (nn.LogSigmoid(), f(2, 5)),
    "tanh": (nn.Tanh(), f(2, 5)),
    "tanhshrink": (nn.Tanhshrink(), f(2, 5)),
    "softplus": (nn.Softplus(), f(2, 5)),
    "softsign": (nn.Softsign(), f(2, 5)),
    "softshrink": (nn.Softshrink(0.3), f(2, 5)),
    "hardshrink": (nn.Hardshrink(0.3), f(2, 5)),
    "hardtanh": (nn.Hardtanh(-0.5, 0.7), f(2, 5)),
    "hardswish": (nn.Hardswish(), f(2, 5)),
    "hardsigmoid": (nn.Hardsigmoid(), f(2, 5)),
    "leaky_relu": (nn.LeakyReLU(0.2), f(2, 5)),
    "prelu": (nn.PReLU(4), IMAGE),
    "prelu_one": (nn.PReLU(), f(2, 5)),
    "rrelu": (nn.RReLU(), f(2, 5)),
    "threshold": (nn.Threshold(0.1, 0.5), f(2, 5)),
    "glu": (nn.GLU(), f(2, 6)),
    "softmax": (nn.Softmax(1), f(2, 5)),
    "softmin": (nn.Softmin(1), f(2, 5)),
    "log_softmax": (nn.LogSoftmax(1), f(2, 5)),
    "softmax2d": (nn.Softmax2d(), IMAGE),
    "dropout": (nn.Dropout(), f(2, 5)),
    "dropout2d": (nn.Dropout2d(), IMAGE),
    "alpha_dropout": (nn.AlphaDropout(), f(2, 5)),
    "flatten": (nn.Flatten(), IMAGE),
    "unflatten": (nn.Unflatten(1, (2, 2)), IMAGE),
    "zero_pad2d": (nn.ZeroPad2d((1, 2, 3, 0)), IMAGE),
    "constant_pad1d": (nn.ConstantPad1d(2, 1.5), SERIES),
    "reflection_pad1d": (nn.ReflectionPad1d(2), SERIES),
    "reflection_pad2d": (nn.ReflectionPad2d(2), IMAGE),
    "replication_pad2d": (nn.ReplicationPad2d((1, 2, 0, 1)), IMAGE),
    "circular_pad2d": (nn.CircularPad2d(1), IMAGE),
    "pixel_shuffle": (nn.PixelShuffle(2), IMAGE),
    "pixel_unshuffle": (nn.PixelUnshuffle(2), f(2, 3, 6, 8)),
    "channel_shuffle": (nn.ChannelShuffle(2), IMAGE),
    "upsample": (nn.Upsample(scale_factor=2), IMAGE),
    "upsample_bilinear": (nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), IMAGE),
    "upsample_size": (nn.Upsample(size=(5, 13), mode="bilinear"), IMAGE),
    "embedding": (nn.Embedding(11, 5, padding_idx=0), ints(0, 11, 2, 4)),
    "lstm": (nn.LSTM(4, 5, batch_first=True), f(2, 6, 4)),
    "lstm_bidirectional": (nn.LSTM(4, 5, 2, bidirectional=True), f(6, 2, 4)),
    "lstm_no_bias": (nn.LSTM(4, 5, bias=False, batch_first=True), f(2, 6, 4)),
    "gru": (nn.GRU(4, 5, batch_first=True), f(2, 6, 4)),
    "gru_bidirectional": (nn.GRU(4, 5, 2, bidirectional=True, batch_first=True), f(2, 6, 4)),
    "rnn": (nn.RNN(4, 5, batch_first=True), f(2, 6, 4)),
    "rnn_relu": (nn.RNN(4, 5, 2, nonlinearity="relu"), f(6, 2, 4)),
    "lstm_cell": (nn.LSTMCell(4, 5), f(2, 4)),
    "gru_cell": (nn.GRUCell(4, 5), f(2, 4)),
    "rnn_cell": (nn.RNNCell(4, 5), f(2, 4)),
    "encoder_layer": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), f(2, 5, 8)),
    "encoder_layer_norm_first": (nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True, norm_first=True), f(2, 5, 8)),
    "encoder_layer_steps_first": (nn.TransformerEncoderLayer(8, 2, 16), f(5, 2, 8)),
    "encoder": (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), f(2, 5, 8)),
    "sequential": (nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(8, 4)), f(2, 3, 16, 16)),
    "cnn_of_28": (nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100, 10)), f(2, 1, 28, 28)),
    "mlp": (nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(1)), f(2, 6)),
}

# Those whose inputs a script tells by its weights.
UNTOLD = {"conv1d", "conv2d", "conv2d_groups", "conv2d_depthwise", "conv3d", "conv_transpose2d",
          "linear", "embedding", "sequential", "cnn_of_28", "mlp"}


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class AttentionWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2)

    def forward(self, x, y):
        return self.attention(x, y, y)


class Branches(nn.Module):
    """Branches and loops over what is known, lists, and methods that call each other."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        self.scales: List[float] = [1.0, 0.5, 2.0]
        self.skip = True

    def step(self, x, scale: float, skip: Optional[torch.Tensor] = None) -> Tuple[torch.Tensor, int]:
        if skip is not None:
            x = x + skip
        if x.dim() != 2:
            raise ValueError("a matrix")
        return x * scale, x.size(1)

    def forward(self, x):
        parts: List[torch.Tensor] = []
        size = 0
        for i, layer in enumerate(self.layers):
            y = layer(x)
            x, size = self.step(y, self.scales[i], x if self.skip else None)
            if i % 2 == 0:
                parts.append(x)
        while len(parts) < 4:
            parts.append(x * size)
        return torch.cat(parts, 1), [p.sum(1) for p in parts]


class Recurrence(nn.Module):
    """A cell that a loop runs over steps."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(4, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, x):
        h = torch.zeros(x.size(0), 5)
        for step in range(x.size(1)):
            h = self.cell(x[:, step], h)
        return {"scores": self.head(h), "state": h}


class Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.norm(self.conv(x)))
        out += x
        return self.relu(out)


class Images(nn.Module):
    """A small network for images: gates of channels, residuals, pixels scaled inside."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2, 1)
        self.blocks = nn.Sequential(Residual(6), Residual(6))
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 6, 1), nn.Sigmoid())
        self.register_buffer("mean", torch.rand(1, 3, 1, 1))
        self.head = nn.Linear(6, 5)

    def forward(self, x):
        x = (x - self.mean) / 0.25
        x = self.blocks(self.stem(x))
        x = x * self.gate(x)
        return torch.softmax(self.head(x.mean((2, 3))), dim=-1)


class Tokens(nn.Module):
    """A small transformer over tokens."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.position = nn.Parameter(torch.rand(1, 16, 8))
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)

    def forward(self, tokens):
        x = self.embed(tokens) + self.position[:, : tokens.size(1)]
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm(x)).split(c, dim=2)
        q, k, v = [y.view(b, t, 2, c // 2).transpose(1, 2) for y in (q, k, v)]
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return x + self.out(y.transpose(1, 2).reshape(b, t, c))


MODELS = {
    "attention": (Attention(), [f(2, 5, 8)]),
    "attention_weights": (AttentionWeights(), [f(5, 2, 8), f(3, 2, 8)]),
    "branches": (Branches(), [f(2, 4)]),
    "recurrence": (Recurrence(), [f(2, 6, 4)]),
    "images": (Images(), [f(2, 3, 16, 16)]),
    "tokens": (Tokens(), [ints(0, 20, 2, 7)]),
}


def cases():
    made = []
    for name, (module, x) in LAYERS.items():
        made.append(Case(f"layer_{name}", module, [x], told=name not in UNTOLD))
    for name, (module, inputs) in MODELS.items():
        made.append(Case(f"model_{name}", module, inputs, told=name != "images"))
    return made
