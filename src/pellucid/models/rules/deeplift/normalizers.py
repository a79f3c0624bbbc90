"""The multipliers of softmax and normalization.

A softmax is an exponential of a difference with log sum exp, each part averaged along its own line; a normalization is averaged whole.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.models.rules.axes import softmax_axes
from pellucid.models.rules.call import Call
from pellucid.models.rules.deeplift.rule import Kept, Rule
from pellucid.models.rules.deeplift.slopes import exponential


def softmax(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The exponential of the log-softmax. As exponentials over their sum its parts are huge, and cancel, where both sides lie far apart."""
    a, b, dims = _operands(call, actual, other)
    here, there = a.log_softmax(dims[0]), b.log_softmax(dims[0])
    down = gradient * exponential(here, there, here.exp(), there.exp())
    found = down - down.sum(dims, keepdim=True) * _sum_multipliers(a, b, dims)
    return (-found if call.operation.name == "softmin" else found,)


def log_softmax(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The operand itself less the logarithm of the sum of its exponentials."""
    a, b, dims = _operands(call, actual, other)
    return (gradient - gradient.sum(dims, keepdim=True) * _sum_multipliers(a, b, dims),)


def logsumexp(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """The logarithm of the sum of exponentials."""
    a, b, dims = _operands(call, actual, other)
    shape = [1 if axis in dims else n for axis, n in enumerate(a.shape)]
    return (gradient.reshape(shape) * _sum_multipliers(a, b, dims),)


def _operands(call: Call, actual: Kept, other: Kept) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Both operands in the dtype of the result, and the axes summed over."""
    sign = -1 if call.operation.name == "softmin" else 1
    a, b = sign * actual.operands[0], sign * other.operands[0]
    dtype = actual.output[0].dtype
    return a.to(dtype), b.to(dtype), softmax_axes(call)


def _sum_multipliers(a: Tensor, b: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Those of log sum exp: exponentials and logarithm averaged each along its own line, below the maximum of *both* sides."""
    top = torch.maximum(a.amax(dims, keepdim=True), b.amax(dims, keepdim=True))
    ea, eb = (a - top).exp(), (b - top).exp()
    sa, sb = ea.sum(dims, keepdim=True), eb.sum(dims, keepdim=True)
    least, step = torch.minimum(sa, sb), (sa - sb).abs()
    near = torch.log1p(step / least) / torch.where(step > 0, step, torch.ones_like(step))
    # where one sum has vanished beside the other the difference is had from each side alone
    far = (a.logsumexp(dims, keepdim=True) - b.logsumexp(dims, keepdim=True)).abs() / torch.where(step > 0, step, torch.ones_like(step))
    slope = torch.where(step == 0, 1 / least, torch.where(least < 1e-3, far, near))
    return slope * exponential(a, b, ea, eb)


def layer_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Over the last axes; the weight of each element multiplies what comes down."""
    shape, weight = call.argument("normalized_shape", 1), call.argument("weight", 2)
    count = 1 if isinstance(shape, int) else len(shape)
    gradient = gradient if weight is None else gradient * weight
    eps = call.argument("eps", 4, default=1e-5)
    a, b = actual.operands[0], other.operands[0]
    return (normalized(a.flatten(-count), b.flatten(-count), gradient.flatten(-count), eps).reshape(a.shape),)


def rms_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Like a layer norm that does not take the mean off."""
    shape, weight = call.argument("normalized_shape", 1), call.argument("weight", 2)
    count = 1 if isinstance(shape, int) else len(shape)
    gradient = gradient if weight is None else gradient * weight
    a, b = actual.operands[0], other.operands[0]
    eps = call.argument("eps", 3)
    eps = torch.finfo(a.dtype).eps if eps is None else eps
    return (normalized(a.flatten(-count), b.flatten(-count), gradient.flatten(-count), eps, centered=False).reshape(a.shape),)


def group_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Over the channels of a group and all space."""
    groups, weight, eps = call.argument("num_groups", 1), call.argument("weight", 2), call.argument("eps", 4, default=1e-5)
    return (_by_group(actual.operands[0], other.operands[0], gradient, groups, weight, eps),)


def instance_norm(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Over the space of each channel."""
    weight, eps = call.argument("weight", 3), call.argument("eps", 7, default=1e-5)
    return (_by_group(actual.operands[0], other.operands[0], gradient, actual.operands[0].shape[1], weight, eps),)


def _by_group(a: Tensor, b: Tensor, gradient: Tensor, groups: int, weight: Tensor | None, eps: float) -> Tensor:
    if weight is not None:
        gradient = gradient * weight.reshape(-1, *([1] * (a.ndim - 2)))
    here, there, down = (t.reshape(len(t), groups, -1) for t in (a, b, gradient))
    return normalized(here, there, down, eps).reshape(a.shape)


def normalize(call: Call, actual: Kept, other: Kept, gradient: Tensor) -> tuple[Tensor, ...]:
    """Vectors of length one along an axis."""
    dim, eps = call.argument("dim", 2, default=1), call.argument("eps", 3, default=1e-12)
    a, b, down = (t.movedim(dim, -1) for t in (actual.operands[0], other.operands[0], gradient))
    return (normalized(a, b, down, eps**2, centered=False, share=1.0).movedim(-1, dim),)


def normalized(a: Tensor, b: Tensor, gradient: Tensor, eps: float, *, centered: bool = True, share: float | None = None) -> Tensor:
    """The multipliers of c / sqrt(mean c^2 + eps) over the last axis, c being x less its mean.

    The Jacobian at c is r - r^3 c c' / n with r = 1 / sqrt(mean c^2 + eps). The line from c_b to c_a runs along a unit vector e from z_b to
    z_a = z_b + L, at a fixed distance p from the origin, so that 1 / r^2 = D + z^2 with D = mean p^2 + eps, and every part is a known
    integral over z (see :func:`_along_line`). A composition of centering, square, root and product is complete too, but its multipliers are
    1 / sqrt(eps) large at a baseline without variance.

    Args:
        a: at the row.
        b: at the baseline.
        gradient: the multipliers of the output.
        eps: what keeps the root from zero.
        centered: whether the mean is taken off.
        share: what takes the sum to the mean, 1 / n; 1 for a length instead of a deviation.
    """
    if centered:
        a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    part = 1 / a.shape[-1] if share is None else share

    def mean(p: Tensor, q: Tensor) -> Tensor:
        return (p * q).sum(-1, keepdim=True) * part

    step = a - b
    length = mean(step, step).sqrt()
    path = (mean(a, a) + eps).sqrt() + (mean(b, b) + eps).sqrt()
    near = length <= torch.finfo(a.dtype).eps ** (1 / 3) * path  # there the Jacobian half-way, wrong by (L / P)^2
    found = _along_line((a, b), gradient, torch.where(near, torch.ones_like(length), length), eps, mean)
    if bool(near.any()):
        middle = (a + b) / 2
        r = (mean(middle, middle) + eps).rsqrt()
        found = torch.where(near, gradient * r - middle * r**3 * mean(gradient, middle), found)
    return found - found.mean(-1, keepdim=True) if centered else found


def _along_line(ends: tuple[Tensor, Tensor], gradient: Tensor, length: Tensor, eps: float, mean: Callable[..., Tensor]) -> Tensor:
    """The integrals of r, of z r^3, of D r^3 and, the rest of the first, of z^2 r^3; the third is had from y_a - y_b."""
    a, b = ends
    e = (a - b) / length
    za, zb = mean(a, e), mean(b, e)
    p = torch.where(za.abs() < zb.abs(), a - za * e, b - zb * e)  # from the end nearer to the origin, where rounding weighs most
    p = p - mean(p, e) * e  # again: what is left along e would weigh 1 / D
    apart = mean(p, p) + eps
    ra, rb = (apart + za * za).rsqrt(), (apart + zb * zb).rsqrt()
    plain, across, bent = _integral(za, zb, ra, rb, length, apart), (rb - ra) / length, (za * ra - zb * rb) / length
    to_p, to_e = mean(gradient, p), mean(gradient, e)
    return gradient * plain - p * (to_p * bent / apart + to_e * across) - e * (to_p * across + to_e * (plain - bent))


def _integral(za: Tensor, zb: Tensor, ra: Tensor, rb: Tensor, length: Tensor, apart: Tensor) -> Tensor:
    """The mean of r along the line: 2 atanh(s) / L with s = L / (1/r_a + 1/r_b), or by asinh where that loses its digits."""
    s = length / (1 / ra + 1 / rb)
    root = apart.sqrt()
    return torch.where(s < 0.5, 2 * torch.atanh(s.clamp(max=0.5)), torch.asinh(za / root) - torch.asinh(zb / root)) / length


NORMALIZERS: dict[str, Rule] = {
    "softmax": Rule(softmax),
    "softmin": Rule(softmax),
    "log_softmax": Rule(log_softmax),
    "logsumexp": Rule(logsumexp),
    "layer_norm": Rule(layer_norm),
    "rms_norm": Rule(rms_norm),
    "group_norm": Rule(group_norm),
    "instance_norm": Rule(instance_norm),
    "normalize": Rule(normalize),
}
