"""Operations, each on values (sample, 8) in the middle of a small network. Constants follow the dtype of the values."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Function = Callable[[Tensor], Tensor]
PLACES = torch.tensor([2, 0, 1, 5])


def weights(like: Tensor) -> Tensor:
    """(8, 8), always the same."""
    return torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(5)).to(like)


def number(like: Tensor, value: float) -> Tensor:
    return torch.tensor(value).to(like)


def written_mask(x: Tensor) -> Tensor:
    y = x.clone()
    y[y > 0] = 0.3
    return y


def written_slices(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, 1:3] = x[:, 0:2] * 2
    y[:, 0].mul_(x[:, 5])
    return y


def filled_in_place(x: Tensor) -> Tensor:
    y = x * 1.5
    y.masked_fill_(x > 0.1, 0.7)
    return y


def masked_mean(x: Tensor) -> Tensor:
    mask = (x > 0).to(x)
    return (x * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)


def blocked(x: Tensor) -> Tensor:
    scores = x @ weights(x)
    return scores.masked_fill(scores < 0, float("-inf")).logsumexp(-1, keepdim=True)


def into_a_buffer(x: Tensor) -> Tensor:
    buffer = x.new_zeros(len(x), 8)
    buffer[:, :4] = x[:, 4:] * x[:, :4]
    buffer[:, 4:] += x[:, :4].exp()
    return buffer


def out(x: Tensor) -> Tensor:
    buffer = x.new_empty(len(x), 8)
    with torch.no_grad():
        torch.mul(x, x, out=buffer)
    return buffer


def weights_from_the_input(x: Tensor) -> Tensor:
    made = x[:, :4].unsqueeze(-1) * x[:, 4:].unsqueeze(1)
    return torch.bmm(made, x[:, :4].unsqueeze(-1))


def without_gradient(x: Tensor) -> Tensor:
    with torch.no_grad():
        y = x.relu()
    return y + x.detach() * x.data.sin()


def attention(x: Tensor) -> Tensor:
    tokens = x.reshape(-1, 1, 4, 2)
    return F.scaled_dot_product_attention(tokens, tokens, tokens, is_causal=True)


OPERATIONS: dict[str, dict[str, Function]] = {
    "activations": {
        "F.relu": F.relu,
        "relu in place": lambda x: F.relu(x, inplace=True),
        "GELU": F.gelu,
        "GELU tanh": lambda x: F.gelu(x, approximate="tanh"),
        "SiLU": F.silu,
        "Mish": F.mish,
        "Hardswish": F.hardswish,
        "SELU": F.selu,
        "ReLU6": F.relu6,
        "ELU": F.elu,
        "CELU": lambda x: F.celu(x, 0.7),
        "softplus": F.softplus,
        "softsign": F.softsign,
        "tanhshrink": F.tanhshrink,
        "hardshrink": F.hardshrink,
        "softshrink": F.softshrink,
        "hardsigmoid": F.hardsigmoid,
        "hardtanh": F.hardtanh,
        "logsigmoid": F.logsigmoid,
        "threshold": lambda x: F.threshold(x, 0.1, 0.5),
        "leaky ReLU": F.leaky_relu,
        "RReLU": F.rrelu,
        "clamp": lambda x: x.clamp(-0.2, 0.3),
        "clamp by values": lambda x: torch.clamp(x, -x.flip(1).abs(), x.abs() * 0.5),
        "PReLU": lambda x: F.prelu(x, number(x, 0.2).reshape(1)),
        "dropout, evaluated": lambda x: F.dropout(x, 0.5, training=False),
    },
    "functions of a number": {
        "sin": torch.sin,
        "abs": abs,
        "square": lambda x: x**2,
        "cube": lambda x: x**3,
        "root": lambda x: x.abs() ** 0.5,
        "power of a number": lambda x: 2**x,
        "power of both": lambda x: (x.abs() + 0.1) ** x,
        "a number over it": lambda x: 1 / (x.abs() + 0.5),
        "as a reciprocal": lambda x: (x.abs() + 0.5).reciprocal(),
        "rsqrt": lambda x: (x * x + 0.1).rsqrt(),
        "log": lambda x: (x * x + 0.1).log(),
        "expm1": torch.expm1,
        "erf": torch.erf,
        "atan": torch.atan,
        "logit": lambda x: torch.logit(x.sigmoid()),
        "xlogy": lambda x: torch.xlogy(x, x * x + 0.1),
        "in place": lambda x: x.add_(1).mul_(x).tanh_(),
        "augmented": lambda x: x.__iadd__(x.exp()),
        "without gradient": without_gradient,
    },
    "products": {
        "gate": lambda x: x * x.flip(1).sigmoid(),
        "its own square": lambda x: x * x,
        "GLU": F.glu,
        "division": lambda x: x / (x.flip(1) ** 2 + 1),
        "floor division": lambda x: x // 0.3 + x,
        "remainder": lambda x: x % 0.4 + x,
        "matmul": lambda x: x.unsqueeze(2) @ x.unsqueeze(1),
        "einsum of two": lambda x: torch.einsum("bi,bj->bij", x, x),
        "einsum of three": lambda x: torch.einsum("bi,bj,bk->bik", x, x, x),
        "addmm": lambda x: torch.addmm(x * x, x, weights(x)),
        "baddbmm": lambda x: torch.baddbmm(
            x[:, :2, None] * x[:, None, :2], x[:, :6].reshape(-1, 2, 3), x[:, 2:].reshape(-1, 3, 2), beta=0.5
        ),
        "addcmul": lambda x: torch.addcmul(x, x, x.flip(1), value=0.5),
        "addcdiv": lambda x: torch.addcdiv(x, x, x * x + 1, value=0.5),
        "lerp": lambda x: torch.lerp(x, x.flip(1), x.sigmoid()),
        "cross": lambda x: torch.cross(x[:, :3], x[:, 3:6], dim=1),
        "outer, row by row": lambda x: torch.stack([torch.outer(row, row) for row in x]),
        "kron, row by row": lambda x: torch.stack([torch.kron(row[:2], row[2:4]) for row in x]),
        "prod": lambda x: x.prod(1, keepdim=True),
        "cumprod": lambda x: x.cumprod(1),
        "weights from the input": weights_from_the_input,
        "filters from the input": lambda x: F.conv1d(x.reshape(1, -1, 8), x[:, :3].unsqueeze(1), groups=len(x)).transpose(0, 1),
        "bilinear": lambda x: F.bilinear(x[:, :4], x[:, 4:], weights(x)[:2, :4].unsqueeze(-1) * weights(x)[2, :4]),
        "attention": attention,
    },
    "softmax and normalization": {
        "softmax": lambda x: x.softmax(1),
        "log_softmax": lambda x: F.log_softmax(x, 1),
        "softmin": lambda x: F.softmin(x, dim=1),
        "logsumexp": lambda x: x.logsumexp(1, keepdim=True),
        "logaddexp": lambda x: torch.logaddexp(x, x.flip(1)),
        "layer norm": lambda x: F.layer_norm(x, (8,), weights(x)[0], weights(x)[1]),
        "layer norm, gain from the input": lambda x: F.layer_norm(x, (8,)) * (1 + x.flip(1)),
        "RMS norm": lambda x: F.rms_norm(x, (8,), weights(x)[0]),
        "group norm": lambda x: F.group_norm(x.reshape(-1, 4, 2), 2, weights(x)[0, :4], weights(x)[1, :4]),
        "instance norm": lambda x: F.instance_norm(x.reshape(-1, 2, 4)),
        "F.normalize": lambda x: F.normalize(x, dim=1),
        "variance": lambda x: x.var(1, keepdim=True),
        "deviation": lambda x: x.std(dim=1, unbiased=False).unsqueeze(1),
        "var_mean": lambda x: torch.cat(torch.var_mean(x, 1, keepdim=True), 1),
        "norm": lambda x: x.norm(dim=1, keepdim=True),
        "1-norm": lambda x: x.norm(p=1, dim=1, keepdim=True),
        "3-norm": lambda x: torch.linalg.vector_norm(x, 3, dim=1, keepdim=True),
        "cosine": lambda x: F.cosine_similarity(x[:, :4], x[:, 4:]).unsqueeze(1),
        "distance": lambda x: F.pairwise_distance(x[:, :4], x[:, 4:]).unsqueeze(1),
        "cdist": lambda x: torch.cdist(x.reshape(-1, 4, 2), weights(x)[:3, :2]),
        "hypot": lambda x: torch.hypot(x, x.flip(1)),
        "local response": lambda x: F.local_response_norm(x.reshape(-1, 4, 2), 2),
    },
    "maxima": {
        "max_pool1d": lambda x: F.max_pool1d(x.unsqueeze(1), 3, 2, 1),
        "max_pool1d, ceil mode": lambda x: F.max_pool1d(x.unsqueeze(1), 3, 2, ceil_mode=True),
        "max_pool1d, dilated": lambda x: F.max_pool1d(x.unsqueeze(1), 2, 1, 0, 2),
        "max_pool2d": lambda x: F.max_pool2d(x.reshape(-1, 1, 2, 4), 2),
        "max_pool2d with places": lambda x: F.max_pool2d(x.reshape(-1, 1, 2, 4), 2, return_indices=True)[0],
        "max_pool3d": lambda x: F.max_pool3d(x.reshape(-1, 1, 2, 2, 2), 2, 1, 1),
        "adaptive_max_pool1d": lambda x: F.adaptive_max_pool1d(x.unsqueeze(1), 3),
        "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x.reshape(-1, 1, 2, 4), (1, 3)),
        "lp_pool1d": lambda x: F.lp_pool1d(x.unsqueeze(1).abs(), 2, 2),
        "amax": lambda x: x.amax(1, keepdim=True),
        "amin": lambda x: x.reshape(-1, 2, 4).amin((1, 2)).unsqueeze(1),
        "max": lambda x: x.max(1)[0].unsqueeze(1),
        "min": lambda x: x.min(dim=1, keepdim=True).values,
        "maximum": lambda x: torch.max(x, x.flip(1)),
        "maximum with a number": lambda x: torch.maximum(x, number(x, 0.1)),
        "fmin": lambda x: torch.fmin(x, x.flip(1)),
        "sort": lambda x: x.sort(1)[0] * weights(x)[0],
        "sort, descending": lambda x: torch.sort(x, descending=True)[0] * weights(x)[0],
        "topk": lambda x: x.topk(3, 1)[0] * weights(x)[0, :3],
        "kthvalue": lambda x: x.kthvalue(3, 1)[0].unsqueeze(1),
        "median": lambda x: x.median(1)[0].unsqueeze(1),
    },
    "masks": {
        "where": lambda x: torch.where(x > 0, x * x, -x),
        "where the other side is not a number": lambda x: torch.where(x > 0, x.log(), x),
        "where, numbers": lambda x: torch.where(x > x.flip(1), 1.0, 0.3 * x),
        "masked_fill": lambda x: x.masked_fill(x < 0, 0.5),
        "masked_fill in place": filled_in_place,
        "written by a mask": written_mask,
        "times a mask": lambda x: x * (x > 0),
        "times a cast mask": lambda x: x * (x.abs() > 0.3).to(x.dtype),
        "logic": lambda x: x * ((x > 0) & (x.flip(1) < 0.2) | ~(x > -0.1)),
        "exclusive or": lambda x: ((x > 0) ^ (x.flip(1) > 0)).to(x.dtype),
        "any": lambda x: (x > 0.5).any(1, keepdim=True) * x,
        "counted": lambda x: (x > 0).sum(1, keepdim=True).to(x.dtype) / 8 + x,
        "masked mean": masked_mean,
        "a choice of masks": lambda x: torch.where(x > 0, x > 0.3, x < -0.3) * x,
        "equality": lambda x: (x.round() == 0) * x,
        "blocked softmax": blocked,
        "floor and round": lambda x: x.floor() + x.round(),
        "sign": lambda x: x.sign() * x,
        "heaviside": lambda x: x.heaviside(number(x, 0.5)) * x,
    },
    "moves": {
        "written slices": written_slices,
        "into a buffer": into_a_buffer,
        "out=": out,
        "chunk, split, cat": lambda x: torch.cat([a * b for a, b in zip(x.chunk(2, 1), x.flip(1).split(4, 1), strict=True)], 1),
        "unbind, stack": lambda x: torch.stack([a * 2 for a in x.unbind(1)], 1).tanh(),
        "gather": lambda x: x.gather(1, PLACES.expand(len(x), 4)).tanh(),
        "index": lambda x: x[:, PLACES].tanh(),
        "scatter": lambda x: x.scatter(1, PLACES.expand(len(x), 4), x[:, :4] ** 2),
        "index_add": lambda x: x.index_add(1, PLACES, x[:, :4] ** 2),
        "roll, repeat, tile": lambda x: x.roll(2, 1).repeat(1, 2) * x.tile(1, 2),
        "cumsum": lambda x: x.cumsum(1).tanh(),
        "diff": lambda x: x.diff(dim=1).tanh(),
        "interpolate": lambda x: F.interpolate(x.reshape(-1, 1, 2, 4), scale_factor=2, mode="bilinear").tanh(),
        "pixel_shuffle": lambda x: F.pixel_shuffle(x.reshape(-1, 4, 1, 2), 2).tanh(),
        "unfold": lambda x: F.unfold(x.reshape(-1, 1, 2, 4), 2).tanh(),
        "fold": lambda x: F.fold(x.reshape(-1, 4, 2), (2, 3), 2).tanh(),
        "pad": lambda x: F.pad(x.unsqueeze(1), (2, 1), mode="reflect").tanh(),
        "avg_pool1d": lambda x: F.avg_pool1d(x.unsqueeze(1), 3, 2, 1).tanh(),
        "adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(x.unsqueeze(1), 3).tanh(),
        "torch.batch_norm": lambda x: torch.batch_norm(x, *weights(x)[:3], weights(x)[3].abs() + 0.5, False, 0.1, 1e-5, False).tanh(),
        "conv1d": lambda x: F.conv1d(x.unsqueeze(1), weights(x)[:2, :3].unsqueeze(1)).tanh(),
        "conv_tbc": lambda x: (
            torch.conv_tbc(x.reshape(-1, 2, 4).transpose(0, 1).contiguous(), weights(x).reshape(2, 4, 8), weights(x)[0]).squeeze(0).tanh()
        ),
        "conv_transpose1d": lambda x: F.conv_transpose1d(x.unsqueeze(1), weights(x)[:1, :3].unsqueeze(0)).tanh(),
    },
}
