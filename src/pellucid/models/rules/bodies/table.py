"""Composite operations written out in simpler ones, so that every rule set covers them.

Each body takes what the torch function takes and computes the same values. It runs under the interceptor, so each line of it meets its
rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.bodies import recurrent

_BLOCKED = -1e30  # not -inf: a difference of two -inf is not a number


def scaled_dot_product_attention(  # noqa: D103 (torch's own signature)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if enable_gqa:
        times = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(times, -3), value.repeat_interleave(times, -3)
    weights = query.matmul(key.transpose(-2, -1)) * (query.size(-1) ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool, device=query.device).tril()
    if attn_mask is not None:
        weights = weights.masked_fill(~attn_mask, _BLOCKED) if attn_mask.dtype == torch.bool else weights + attn_mask.clamp(min=_BLOCKED)
    weights = weights.softmax(-1)
    if dropout_p:
        weights = torch.dropout(weights, dropout_p, train=True)
    return weights.matmul(value)


def glu(given: Tensor, dim: int = -1) -> Tensor:
    """Half of the channels, gated by the others."""
    signal, gate = given.chunk(2, dim)
    return signal * gate.sigmoid()


# ---- statistics ------------------------------------------------------------------------------------------------------------


def var(given: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None) -> Tensor:  # noqa: ANN401
    """The variance."""
    return _var_mean(given, dim, unbiased, keepdim, correction)[0]


def std(given: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None) -> Tensor:  # noqa: ANN401
    """The standard deviation."""
    return _var_mean(given, dim, unbiased, keepdim, correction)[0].sqrt()


def var_mean(  # noqa: D103
    given: Tensor,
    dim: Any = None,  # noqa: ANN401
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    return _var_mean(given, dim, unbiased, keepdim, correction)


def std_mean(  # noqa: D103
    given: Tensor,
    dim: Any = None,  # noqa: ANN401
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    spread, mean = _var_mean(given, dim, unbiased, keepdim, correction)
    return spread.sqrt(), mean


def _var_mean(given: Tensor, dim: Any, unbiased: bool, keepdim: bool, correction: float | None) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    if isinstance(dim, bool):  # var(x, unbiased)
        dim, unbiased = None, dim
    axes = _axes(given, dim)
    less = correction if correction is not None else int(unbiased)
    mean = given.mean(axes, keepdim=True)
    spread = (given - mean).square().sum(axes, keepdim=True) / max(0, math.prod(given.size(a) for a in axes) - less)
    if keepdim:
        return spread, mean
    return _dropped(spread, axes), _dropped(mean, axes)


def _axes(given: Tensor, dim: int | Sequence[int] | None) -> tuple[int, ...]:
    if dim is None or (not isinstance(dim, int) and not len(dim)):
        return tuple(range(given.dim()))
    return tuple(d % given.dim() for d in ((dim,) if isinstance(dim, int) else dim))


def _dropped(value: Tensor, axes: tuple[int, ...]) -> Tensor:
    return value.reshape([n for axis, n in enumerate(value.shape) if axis not in axes])


def norm(given: Tensor, p: Any = None, dim: Any = None, keepdim: bool = False, **named: Any) -> Tensor:  # noqa: ANN401
    """The length of vectors, and the Frobenius norm of matrices."""
    p = named.get("ord", p)
    axes = _axes(given, dim)
    if p in (None, "fro", 2, 2.0):
        found = given.square().sum(axes, keepdim=True).sqrt()
    elif p in (math.inf, -math.inf):
        found = given.abs().amax(axes, keepdim=True) if p > 0 else given.abs().amin(axes, keepdim=True)
    elif p in (1, 1.0):
        found = given.abs().sum(axes, keepdim=True)
    elif isinstance(p, (int, float)) and p:
        found = given.abs().pow(p).sum(axes, keepdim=True).pow(1 / p)
    else:
        raise UnsupportedOperation(
            "No rule covers this norm", received=f"p={p!r}", remedy="use the 1-, 2- or infinity norm, or 'integrated_gradients'"
        )
    return found if keepdim else _dropped(found, axes)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The product of two directions."""
    first, second = (functional.normalize(x, dim=dim, eps=eps) for x in torch.broadcast_tensors(x1, x2))
    return (first * second).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The length of differences."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


def dist(x1: Tensor, x2: Tensor, p: float = 2) -> Tensor:
    """The length of one difference."""
    return norm(x1 - x2, p)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "") -> Tensor:  # noqa: ARG001
    """The distance of every two."""
    return norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)


# ---- products and quotients ------------------------------------------------------------------------------------------------


def prod(given: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    """Two halves times one another, until one is left."""
    given = given if dtype is None else given.to(dtype)
    values = given.reshape(-1) if dim is None else given.movedim(dim, -1)
    while values.size(-1) > 1:
        half = values.size(-1) // 2
        paired = values[..., :half] * values[..., half : 2 * half]
        values = torch.cat([paired, values[..., 2 * half :]], -1) if values.size(-1) % 2 else paired
    return values.movedim(-1, dim) if keepdim and dim is not None else values.squeeze(-1)


def cumprod(given: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    """One product after another."""
    parts = list((given if dtype is None else given.to(dtype)).unbind(dim))
    for place in range(1, len(parts)):
        parts[place] = parts[place - 1] * parts[place]
    return torch.stack(parts, dim)


def div(given: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:  # noqa: ANN401
    """A quotient, rounded."""
    found = torch.div(given, other)
    return found if rounding_mode is None else found.floor() if rounding_mode == "floor" else found.trunc()


def remainder(given: Any, other: Any) -> Tensor:  # noqa: ANN401
    """What division by whole numbers of times leaves, with the divisor's sign."""
    return given - torch.div(given, other).floor() * other


def fmod(given: Any, other: Any) -> Tensor:  # noqa: ANN401
    """The same with the dividend's sign."""
    return given - torch.div(given, other).trunc() * other


def addcdiv(given: Tensor, above: Tensor, below: Tensor, *, value: float = 1) -> Tensor:
    """A quotient added."""
    return given + value * (above / below)


def chain(*matrices: Any) -> Tensor:  # noqa: ANN401
    """A product of several matrices, from the left."""
    given = list(matrices[0]) if isinstance(matrices[0], (list, tuple)) else list(matrices)
    found = given[0]
    for one in given[1:]:
        found = found.matmul(one)
    return found


def bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A bilinear layer whose weight varies too."""
    found = (torch.einsum("...i,kij->...kj", x1, weight) * x2.unsqueeze(-2)).sum(-1)
    return found if bias is None else found + bias


def power(given: Any, exponent: Any) -> Tensor:  # noqa: ANN401
    """A power of a positive number, base and exponent both varying."""
    return (exponent * given.log()).exp()


def xlogy(given: Any, other: Any) -> Tensor:  # noqa: ANN401
    """A product with a logarithm."""
    return given * other.log() if isinstance(other, Tensor) else given * math.log(other)


def logaddexp(first: Tensor, second: Tensor) -> Tensor:
    """The logarithm of a sum of two exponentials."""
    return torch.stack(torch.broadcast_tensors(first, second)).logsumexp(0)


def hypot(first: Tensor, second: Tensor) -> Tensor:
    """The length of the long side."""
    return (first.square() + second.square()).sqrt()


def clamp(given: Tensor, min: Any = None, max: Any = None) -> Tensor:  # noqa: ANN401
    """Bounds that vary."""
    found = given if min is None else torch.maximum(given, _tensor(min, given))
    return found if max is None else torch.minimum(found, _tensor(max, given))


def _tensor(value: Any, like: Tensor) -> Tensor:  # noqa: ANN401
    return value if isinstance(value, Tensor) else like.new_full((), value)


def prelu(given: Tensor, weight: Tensor) -> Tensor:
    """A slope of negative values that varies."""
    wide = weight.reshape([-1 if axis == 1 else 1 for axis in range(given.dim())]) if weight.numel() > 1 else weight
    return given.relu() - wide * (-given).relu()


def einsum(equation: str, *operands: Any) -> Tensor:  # noqa: ANN401
    """Two operands at a time: what later operands or the result still need is kept."""
    given = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    left, arrow, right = equation.replace(" ", "").partition("->")
    names = left.split(",")
    if "..." in left:
        raise UnsupportedOperation(
            "No rule covers an einsum of more than two varying operands with an ellipsis",
            received=equation,
            remedy="name every axis, or multiply two operands at a time",
        )
    if not arrow:
        joined = "".join(names)
        right = "".join(sorted(name for name in set(joined) if joined.count(name) == 1))
    while len(given) > 2:
        kept = "".join(dict.fromkeys(n for n in names[0] + names[1] if n in "".join(names[2:]) + right))
        given[:2] = [torch.einsum(f"{names[0]},{names[1]}->{kept}", given[0], given[1])]
        names[:2] = [kept]
    return torch.einsum(f"{','.join(names)}->{right}", *given)


def weighted_norm(name: str) -> Callable[..., Tensor]:
    """A normalization whose weight or bias varies too: without them, then times and plus."""

    def body(given: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401
        named = {**dict(zip(_NORM_ARGUMENTS[name], args, strict=False)), **kwargs}
        weight, bias = named.pop("weight", None), named.pop("bias", None)
        found = getattr(functional, name)(given, **named)
        by_channel = name in ("group_norm", "instance_norm")
        for value, joined in ((weight, torch.mul), (bias, torch.add)):
            if value is not None:
                wide = value.reshape(-1, *[1] * (given.dim() - 2)) if by_channel else value
                found = joined(found, wide)
        return found

    return body


_NORM_ARGUMENTS = {
    "layer_norm": ("normalized_shape", "weight", "bias", "eps"),
    "rms_norm": ("normalized_shape", "weight", "eps"),
    "group_norm": ("num_groups", "weight", "bias", "eps"),
    "instance_norm": ("running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps"),
}

BODIES: dict[str, Callable[..., Any]] = {
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "glu": glu,
    **{kind: recurrent.recurrent(kind) for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
    "lstm_cell": recurrent.lstm_cell,
    "gru_cell": recurrent.gru_cell,
    "rnn_tanh_cell": recurrent.rnn_tanh_cell,
    "rnn_relu_cell": recurrent.rnn_relu_cell,
    "_pack_padded_sequence": recurrent.pack,
    "_pad_packed_sequence": recurrent.unpack,
    "var": var,
    "std": std,
    "var_mean": var_mean,
    "std_mean": std_mean,
    "norm": norm,
    "vector_norm": norm,
    "cosine_similarity": cosine_similarity,
    "pairwise_distance": pairwise_distance,
    "dist": dist,
    "cdist": cdist,
    "prod": prod,
    "cumprod": cumprod,
    "floor_divide": lambda given, other: torch.div(given, other).floor(),
    "remainder": remainder,
    "fmod": fmod,
    "addcdiv": addcdiv,
    "chain_matmul": chain,
    "multi_dot": chain,
    "xlogy": xlogy,
    "logaddexp": logaddexp,
    "hypot": hypot,
}
