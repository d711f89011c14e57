"""Operators, each as a function of tensors."""

import torch
import torch.nn.functional as F


class Function(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


class Case:
    def __init__(self, name, module, inputs, fixed=False, told=True, skip=()):
        self.name, self.module, self.inputs = name, module, inputs
        self.fixed, self.told, self.skip = fixed, told, skip


def f(*shape):
    return lambda: torch.randn(*shape)


def positive(*shape):
    return lambda: torch.rand(*shape) + 0.5


def unit(*shape):
    return lambda: torch.rand(*shape) * 1.8 - 0.9


def ints(low, high, *shape):
    return lambda: torch.randint(low, high, shape)


def truths(*shape):
    return lambda: torch.rand(*shape) > 0.5


X = f(2, 3, 4)
IMAGE = f(2, 4, 6, 8)

UNARY = ["abs", "neg", "sign", "exp", "sin", "cos", "tanh", "sigmoid", "relu", "erf", "erfc", "floor",
         "ceil", "round", "trunc", "frac", "square", "exp2", "expm1", "tan", "atan", "sinh", "cosh",
         "asinh", "isnan", "isinf", "logical_not", "relu_", "zeros_like", "ones_like", "t_2d"]
OF_POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"]
OF_UNIT = ["asin", "acos", "atanh"]
BINARY = ["add", "sub", "mul", "div", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge",
          "remainder", "fmod", "fmax", "fmin", "floor_divide", "true_divide", "logical_and",
          "logical_or", "logical_xor"]
REDUCTIONS = ["sum", "mean", "prod", "amax", "amin", "logsumexp", "var", "std"]

FUNCTIONS = {
    "acosh": (lambda x: torch.acosh(x + 1), [positive(2, 3)]),
    "add_alpha": (lambda x, y: torch.add(x, y, alpha=2), [X, X]),
    "add_scalar": (lambda x: x + 2, [X]),
    "add_int_float": (lambda x, y: x + y, [ints(0, 9, 2, 3), f(2, 3)]),
    "add_int_number": (lambda x: x + 1.5, [ints(0, 9, 2, 3)]),
    "add_broadcast": (lambda x, y: x + y, [X, f(1, 4)]),
    "atan2": (lambda x, y: torch.atan2(x, y), [X, X]),
    "rsub": (lambda x: 1 - x, [X]),
    "rdiv": (lambda x: 1 / x, [positive(2, 3)]),
    "div_ints": (lambda x, y: x / y, [ints(0, 9, 2, 3), ints(1, 5, 2, 3)]),
    "div_floor": (lambda x: torch.div(x, 3, rounding_mode="floor"), [ints(-9, 9, 2, 8)]),
    "div_trunc": (lambda x: torch.div(x, 0.7, rounding_mode="trunc"), [X]),
    "pow_2": (lambda x: x ** 2, [X]),
    "pow_3": (lambda x: x ** 3, [X]),
    "pow_half": (lambda x: x ** 0.5, [positive(2, 3)]),
    "pow_tensor": (lambda x, y: x ** y, [positive(2, 3), f(2, 3)]),
    "pow_base": (lambda x: 2.0 ** x, [X]),
    "bitwise": (lambda x, y: (x & y) | ~x ^ y, [ints(0, 99, 2, 3), ints(0, 99, 2, 3)]),
    "bitwise_truths": (lambda x, y: (x & y) | ~x, [truths(2, 3), truths(2, 3)]),
    "addcmul": (lambda x, y, z: torch.addcmul(x, y, z, value=0.5), [X, X, X]),
    "addcdiv": (lambda x, y, z: torch.addcdiv(x, y, z), [X, X, positive(2, 3, 4)]),
    "lerp": (lambda x, y: torch.lerp(x, y, 0.3), [X, X]),
    "clamp": (lambda x: x.clamp(-0.5, 0.5), [X]),
    "clamp_min": (lambda x: x.clamp(min=0.2), [X]),
    "clamp_max": (lambda x: x.clamp_max(0.2), [X]),
    "clamp_tensor": (lambda x, y: torch.clamp(x, min=y), [X, X]),
    "clamp_ints": (lambda x: x.clamp(2, 5), [ints(0, 9, 2, 5)]),
    "where": (lambda c, x, y: torch.where(c, x, y), [truths(2, 3), f(2, 3), f(2, 3)]),
    "where_number": (lambda x: torch.where(x > 0, x, 0.5), [X]),
    "masked_fill": (lambda x, m: x.masked_fill(m, -1e4), [f(2, 3), truths(2, 3)]),
    "nan_to_num": (lambda x: torch.nan_to_num(x / 0), [X]),
    "gelu": (lambda x: F.gelu(x), [X]),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), [X]),
    "glu": (lambda x: F.glu(x, 1), [f(2, 6, 3)]),
    "softmax": (lambda x: torch.softmax(x, -1), [X]),
    "softmax_1": (lambda x: torch.softmax(x, 1), [X]),
    "log_softmax": (lambda x: torch.log_softmax(x, 1), [X]),
    "softplus_beta": (lambda x: F.softplus(x, beta=2.0, threshold=1.0), [X]),
    "matmul": (lambda x, y: x @ y, [X, f(2, 4, 5)]),
    "matmul_broadcast": (lambda x, y: x @ y, [f(2, 1, 3, 4), f(5, 4, 2)]),
    "matmul_vector": (lambda x, y: x @ y, [f(3, 4), f(4)]),
    "mm": (lambda x, y: torch.mm(x, y), [f(2, 3), f(3, 4)]),
    "bmm": (lambda x, y: torch.bmm(x, y), [X, f(2, 4, 5)]),
    "addmm": (lambda x, y, z: torch.addmm(x, y, z, beta=0.5, alpha=2), [f(4), f(2, 3), f(3, 4)]),
    "baddbmm": (lambda x, y, z: torch.baddbmm(x, y, z), [f(2, 3, 5), X, f(2, 4, 5)]),
    "outer": (lambda x, y: torch.outer(x, y), [f(3), f(4)]),
    "einsum": (lambda x, y: torch.einsum("bij,bjk->bik", x, y), [X, f(2, 4, 5)]),
    "einsum_trace": (lambda x, y: torch.einsum("bhid,bhjd->bhij", x, y), [f(2, 2, 3, 4), f(2, 2, 5, 4)]),
    "sum_all": (lambda x: x.sum(), [X]),
    "sum_ints": (lambda x: x.sum(1), [ints(0, 9, 2, 3)]),
    "mean_axes": (lambda x: x.mean((1, 2)), [X]),
    "mean_dtype": (lambda x: x.mean(1, dtype=torch.float32), [ints(0, 9, 2, 3)]),
    "var_biased": (lambda x: x.var(1, unbiased=False), [X]),
    "var_correction": (lambda x: torch.var(x, (1, 2), correction=0, keepdim=True), [X]),
    "var_mean": (lambda x: torch.var_mean(x, 1), [X]),
    "std_all": (lambda x: x.std(), [X]),
    "max_axis": (lambda x: x.max(1), [X]),
    "min_axis": (lambda x: x.min(-1, keepdim=True), [X]),
    "max_all": (lambda x: x.max(), [X]),
    "max_pair": (lambda x, y: torch.max(x, y), [X, X]),
    "argmax": (lambda x: x.argmax(1), [X]),
    "argmin": (lambda x: x.argmin(), [X]),
    "any": (lambda x: (x > 1).any(1), [X]),
    "all": (lambda x: (x > -1).all(), [X]),
    "norm": (lambda x: x.norm(), [X]),
    "norm_1": (lambda x: torch.linalg.vector_norm(x, 1, dim=1), [X]),
    "norm_inf": (lambda x: torch.linalg.vector_norm(x, float("inf"), dim=1), [X]),
    "norm_3": (lambda x: torch.linalg.vector_norm(x, 3, dim=(1, 2), keepdim=True), [X]),
    "normalize": (lambda x: F.normalize(x, dim=1), [X]),
    "cosine_similarity": (lambda x, y: F.cosine_similarity(x, y, dim=1), [X, X]),
    "cdist": (lambda x, y: torch.cdist(x, y), [X, f(2, 5, 4)]),
    "cumsum": (lambda x: x.cumsum(1), [X]),
    "cumprod": (lambda x: x.cumprod(2), [X]),
    "view": (lambda x: x.view(x.size(0), -1), [X]),
    "reshape": (lambda x: x.reshape(-1, 4), [X]),
    "flatten": (lambda x: x.flatten(1), [X]),
    "unflatten": (lambda x: x.unflatten(2, (2, 2)), [X]),
    "squeeze": (lambda x: x.squeeze(1), [f(2, 1, 3)]),
    "squeeze_all": (lambda x: x[:, :, 0:1].squeeze(-1), [X]),
    "unsqueeze": (lambda x: x.unsqueeze(-1), [X]),
    "transpose": (lambda x: x.transpose(1, 2), [X]),
    "permute": (lambda x: x.permute(0, 2, 1), [X]),
    "movedim": (lambda x: x.movedim(1, -1), [IMAGE]),
    "expand": (lambda x: x.expand(-1, 3, -1), [f(2, 1, 4)]),
    "expand_as": (lambda x, y: x.expand_as(y), [f(2, 1, 4), X]),
    "repeat": (lambda x: x.repeat(1, 2, 3), [X]),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, dim=1), [X]),
    "tile": (lambda x: x.tile(2, 1), [X]),
    "cat": (lambda x, y: torch.cat([x, y], 1), [X, f(2, 5, 4)]),
    "cat_types": (lambda x, y: torch.cat([x, y], 1), [f(2, 3), ints(0, 9, 2, 2)]),
    "stack": (lambda x, y: torch.stack([x, y], 1), [X, X]),
    "hstack": (lambda x, y: torch.hstack([x, y]), [f(2, 3), f(2, 4)]),
    "split": (lambda x: x.split(2, 1), [X]),
    "split_sizes": (lambda x: x.split([1, 2], 1), [X]),
    "chunk": (lambda x: x.chunk(3, 2), [X]),
    "tensor_split": (lambda x: torch.tensor_split(x, 3, 2), [X]),
    "unbind": (lambda x: x.unbind(1), [X]),
    "slice": (lambda x: x[:, 1:, ::2], [X]),
    "slice_negative": (lambda x: x[:, -2:, :-1], [X]),
    "select": (lambda x: x[:, -1], [X]),
    "narrow": (lambda x: x.narrow(1, 1, 2), [X]),
    "index": (lambda x, i: x[:, i], [X, ints(0, 3, 5)]),
    "index_first": (lambda x, i: x[i], [f(5, 3), ints(0, 5, 2, 4)]),
    "index_pair": (lambda x, i, j: x[i, j], [f(5, 3), ints(0, 5, 4), ints(0, 3, 4)]),
    "index_middle": (lambda x, i, j: x[:, i, j], [X, ints(0, 3, 5), ints(0, 4, 5)]),
    "index_mask": (lambda x: x[x > 0], [f(4, 3)]),
    "index_select": (lambda x, i: x.index_select(1, i), [X, ints(0, 3, 2)]),
    "index_put": (lambda x, i, y: x.index_put((i,), y), [f(5, 3), lambda: torch.tensor([1, 4]), f(2, 3)]),
    "gather": (lambda x, i: x.gather(1, i), [X, ints(0, 3, 2, 2, 4)]),
    "scatter": (lambda x, i, y: x.scatter(1, i, y), [f(2, 5), lambda: torch.tensor([[0, 3], [2, 1]]), f(2, 2)]),
    "scatter_value": (lambda x, i: x.scatter(1, i, 1.0), [f(2, 5), lambda: torch.tensor([[0], [2]])]),
    "scatter_add": (lambda x, i, y: x.scatter_add(1, i, y), [f(2, 5), ints(0, 5, 2, 4), f(2, 4)]),
    "embedding": (lambda w, i: F.embedding(i, w), [f(7, 3), ints(0, 7, 2, 5)]),
    "topk": (lambda x: x.topk(2, 1), [f(2, 6)]),
    "sort": (lambda x: x.sort(-1, descending=True), [f(2, 6)]),
    "argsort": (lambda x: x.argsort(1), [f(2, 6)]),
    "one_hot": (lambda x: F.one_hot(x, 5), [ints(0, 5, 2, 3)]),
    "tril": (lambda x: x.tril(), [X]),
    "triu_1": (lambda x: x.triu(1), [X]),
    "nonzero": (lambda x: (x > 0).nonzero(), [f(3, 4)]),
    "flip": (lambda x: x.flip(1, 2), [X]),
    "roll": (lambda x: x.roll((1, -2), (1, 2)), [X]),
    "roll_flat": (lambda x: x.roll(3), [X]),
    "diagonal": (lambda x: x.diagonal(0, 1, 2), [f(2, 3, 4)]),
    "unfold": (lambda x: x.unfold(2, 3, 2), [f(2, 3, 9)]),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), [IMAGE]),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x, 2), [IMAGE]),
    "channel_shuffle": (lambda x: F.channel_shuffle(x, 2), [IMAGE]),
    "pad": (lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), [IMAGE]),
    "pad_negative": (lambda x: F.pad(x, (-1, 2)), [IMAGE]),
    "pad_reflect": (lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"), [IMAGE]),
    "pad_replicate": (lambda x: F.pad(x, (1, 2, 2, 1), mode="replicate"), [IMAGE]),
    "pad_circular": (lambda x: F.pad(x, (1, 2, 2, 1), mode="circular"), [IMAGE]),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2), [IMAGE]),
    "interpolate_size": (lambda x: F.interpolate(x, size=(5, 11)), [IMAGE]),
    "interpolate_exact": (lambda x: F.interpolate(x, size=(5, 11), mode="nearest-exact"), [IMAGE]),
    "interpolate_linear": (lambda x: F.interpolate(x, size=5, mode="linear"), [f(2, 3, 8)]),
    "bilinear": (lambda x: F.interpolate(x, size=(9, 5), mode="bilinear"), [IMAGE]),
    "bilinear_corners": (lambda x: F.interpolate(x, size=(9, 5), mode="bilinear", align_corners=True), [IMAGE]),
    "bilinear_scale": (lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"), [IMAGE]),
    "bilinear_antialias": (lambda x: F.interpolate(x, size=(3, 5), mode="bilinear", antialias=True), [IMAGE]),
    "bicubic": (lambda x: F.interpolate(x, size=(9, 5), mode="bicubic"), [IMAGE]),
    "grid_sample": (lambda x, g: F.grid_sample(x, g, align_corners=False), [IMAGE, unit(2, 3, 5, 2)]),
    "avg_pool": (lambda x: F.avg_pool2d(x, 3, 2, 1), [IMAGE]),
    "avg_pool_ceil": (lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False), [IMAGE]),
    "avg_pool_divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), [IMAGE]),
    "max_pool_indices": (lambda x: F.max_pool2d(x, 2, return_indices=True), [IMAGE]),
    "max_pool_ceil": (lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), [IMAGE]),
    "adaptive_uneven": (lambda x: F.adaptive_avg_pool2d(x, (4, 3)), [f(2, 3, 7, 8)]),
    "attention": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v), [f(2, 2, 3, 4), f(2, 2, 5, 4), f(2, 2, 5, 4)]),
    "attention_causal": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [f(2, 2, 5, 4)] * 3),
    "attention_mask": (lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), [f(2, 2, 5, 4)] * 3 + [lambda: torch.ones(5, 5).tril() > 0]),
    "attention_bias": (lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m, scale=0.3), [f(2, 2, 5, 4)] * 3 + [f(5, 5)]),
    "arange": (lambda x: x + torch.arange(4), [X]),
    "arange_size": (lambda x: x + torch.arange(x.size(1), dtype=torch.float32)[:, None], [X]),
    "linspace": (lambda x: x * torch.linspace(0, 1, 4), [X]),
    "full": (lambda x: x + torch.full((4,), 2.5), [X]),
    "full_like": (lambda x: torch.full_like(x, 3), [X]),
    "new_zeros": (lambda x: x.new_zeros(x.size(0), 2), [X]),
    "eye": (lambda x: x @ torch.eye(4), [X]),
    "to_int": (lambda x: (x * 3).to(torch.int64), [X]),
    "to_half": (lambda x: x.half().float(), [X]),
    "type_as": (lambda x, y: x.type_as(y), [ints(0, 9, 2, 3), f(2, 3)]),
    "dropout": (lambda x: F.dropout(x, 0.5, False), [X]),
    "contiguous": (lambda x: x.transpose(1, 2).contiguous().clone().detach(), [X]),
    "bilinear_layer": (lambda x, y, w: F.bilinear(x, y, w), [f(2, 3), f(2, 4), f(5, 3, 4)]),
    "local_response_norm": (lambda x: F.local_response_norm(x, 3), [IMAGE]),
    "numel": (lambda x: x / x.numel(), [X]),
    "in_place": (lambda x: x.clone().add_(1).mul_(2).clamp_(-1, 1), [X]),
    "in_place_view": (lambda x: view_written(x), [X]),
    "in_place_slice": (lambda x: slice_written(x), [X]),
    "in_place_select": (lambda x: select_written(x), [X]),
}


def view_written(x):
    y = x.clone()
    y.view(-1).mul_(2)
    return y


def slice_written(x):
    y = x.clone()
    y[:, 1:3] = 0.5
    return y + 1


def select_written(x):
    y = x.clone()
    y[:, 0] += x[:, 1]
    return y


def cases():
    made = []

    def case(name, function, inputs, **kw):
        made.append(Case(name, Function(function), inputs, **kw))

    for name in UNARY:
        function = {"relu_": lambda x: (x + 0).relu_(), "t_2d": lambda x: x[0].t()}.get(name)
        case(f"unary_{name}", function or getattr(torch, name), [X])
    for name in OF_POSITIVE:
        case(f"unary_{name}", getattr(torch, name), [positive(2, 3, 4)])
    for name in OF_UNIT:
        case(f"unary_{name}", getattr(torch, name), [unit(2, 3, 4)])
    for name in BINARY:
        case(f"binary_{name}", getattr(torch, name), [X, positive(2, 3, 4)])
    for name in REDUCTIONS:
        case(f"reduce_{name}", lambda x, own=getattr(torch, name): own(x, 1), [X])
        case(f"reduce_{name}_keep", lambda x, own=getattr(torch, name): own(x, -1, keepdim=True), [X])
    for name, (function, inputs) in FUNCTIONS.items():
        case(name, function, inputs)
    return made
