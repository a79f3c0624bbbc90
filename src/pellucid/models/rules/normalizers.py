"""The multipliers of softmax and normalization: exponential, sum, root, reciprocal and product, each averaged along its own line."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.models.rules.interceptor import Call
from pellucid.models.rules.rule import Kept, Rule, argument
from pellucid.models.rules.slopes import exponential


def softmax(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The exponentials times the reciprocal of their sum."""
    a, b, ea, eb, sa, sb, dim = _exponentials(call, actual, other)
    ra, rb = 1 / sa, 1 / sb
    to_e = gradient * (ra + rb) / 2 - (gradient * (ea + eb) / 2).sum(dim, keepdim=True) * ra * rb
    slope = to_e * exponential(a, b, ea, eb)
    return (-slope if call.operation.name == "softmin" else slope,)


def log_softmax(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The operand itself less the logarithm of the sum of its exponentials."""
    a, b, ea, eb, sa, sb, dim = _exponentials(call, actual, other)
    return (gradient - gradient.sum(dim, keepdim=True) * _log_slope(sa, sb) * exponential(a, b, ea, eb),)


def logsumexp(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The logarithm of the sum of exponentials."""
    a, b, ea, eb, sa, sb, _ = _exponentials(call, actual, other)
    if not argument(call, "keepdim", 2, default=False):
        gradient = gradient.reshape(sa.shape)
    return (gradient * _log_slope(sa, sb) * exponential(a, b, ea, eb),)


def _exponentials(call: Call, actual: Kept, other: Kept) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, tuple[int, ...]]:
    """Both operands, their exponentials below the maximum of *both*, the sums of these, and the axes summed over."""
    sign = -1 if call.operation.name == "softmin" else 1
    a, b = sign * actual.operands[0], sign * other.operands[0]
    dtype = call.kwargs.get("dtype") or a.dtype
    a, b = a.to(dtype), b.to(dtype)
    dim = argument(call, "dim", 1, default=-1)
    if dim is None:  # torch's own rule for a softmax without an axis
        dim = 0 if a.ndim in (0, 1, 3) else 1
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    dims = dims or tuple(range(a.ndim))
    top = torch.maximum(a.amax(dims, keepdim=True), b.amax(dims, keepdim=True))
    ea, eb = (a - top).exp(), (b - top).exp()
    return a, b, ea, eb, ea.sum(dims, keepdim=True), eb.sum(dims, keepdim=True), dims


def _log_slope(a: Tensor, b: Tensor) -> Tensor:
    """(log a - log b) / (a - b), by log1p."""
    least, step = torch.minimum(a, b), (a - b).abs()
    return torch.where(step > 0, torch.log1p(step / least) / torch.where(step > 0, step, torch.ones_like(step)), 1 / least)


def layer_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Over the last axes; the weight of each element multiplies what comes down."""
    shape, weight = argument(call, "normalized_shape", 1), argument(call, "weight", 2)
    count = 1 if isinstance(shape, int) else len(shape)
    gradient = gradient if weight is None else gradient * weight
    eps = argument(call, "eps", 4, default=1e-5)
    a, b = actual.operands[0], other.operands[0]
    return (normalized(a.flatten(-count), b.flatten(-count), gradient.flatten(-count), eps).reshape(a.shape),)


def rms_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Like a layer norm that does not take the mean off."""
    shape, weight = argument(call, "normalized_shape", 1), argument(call, "weight", 2)
    count = 1 if isinstance(shape, int) else len(shape)
    gradient = gradient if weight is None else gradient * weight
    a, b = actual.operands[0], other.operands[0]
    eps = argument(call, "eps", 3)
    eps = torch.finfo(a.dtype).eps if eps is None else eps
    return (normalized(a.flatten(-count), b.flatten(-count), gradient.flatten(-count), eps, centered=False).reshape(a.shape),)


def group_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Over the channels of a group and all space."""
    groups, weight, eps = argument(call, "num_groups", 1), argument(call, "weight", 2), argument(call, "eps", 4, default=1e-5)
    return (_by_group(actual.operands[0], other.operands[0], gradient, groups, weight, eps),)


def instance_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Over the space of each channel."""
    weight, eps = argument(call, "weight", 3), argument(call, "eps", 7, default=1e-5)
    return (_by_group(actual.operands[0], other.operands[0], gradient, actual.operands[0].shape[1], weight, eps),)


def _by_group(a: Tensor, b: Tensor, gradient: Tensor, groups: int, weight: Tensor | None, eps: float) -> Tensor:
    if weight is not None:
        gradient = gradient * weight.reshape(-1, *([1] * (a.ndim - 2)))
    here, there, down = (t.reshape(len(t), groups, -1) for t in (a, b, gradient))
    return normalized(here, there, down, eps).reshape(a.shape)


def normalized(a: Tensor, b: Tensor, gradient: Tensor, eps: float, *, centered: bool = True) -> Tensor:
    """The multipliers of (x - mean) / sqrt(variance + eps) over the last axis.

    With c = x - mean and r = 1 / sqrt(mean c^2 + eps): the product c r at its midpoint, the mean slope of r, the square at its midpoint.
    """
    if centered:
        a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    ra, rb = ((t.square().mean(-1, keepdim=True) + eps).rsqrt() for t in (a, b))
    middle = (a + b) / 2
    to_r = (gradient * middle).mean(-1, keepdim=True)
    found = gradient * (ra + rb) / 2 - 2 * middle * to_r * (ra * rb) ** 2 / (ra + rb)
    return found - found.mean(-1, keepdim=True) if centered else found


NORMALIZERS: dict[str, Rule] = {
    "softmax": Rule(softmax),
    "softmin": Rule(softmax),
    "log_softmax": Rule(log_softmax),
    "logsumexp": Rule(logsumexp),
    "layer_norm": Rule(layer_norm),
    "rms_norm": Rule(rms_norm),
    "group_norm": Rule(group_norm),
    "instance_norm": Rule(instance_norm),
}
