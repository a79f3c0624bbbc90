"""Relevance through softmax and normalization."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pellucid.models.rules.axes import softmax_axes
from pellucid.models.rules.call import Call
from pellucid.models.rules.ledger import BIASES, EPSILON, SOFTMAX
from pellucid.models.rules.relevance.elements import passed

if TYPE_CHECKING:
    from pellucid.models.rules.relevance.propagation import Relevance, Site


def softmax(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """x_i (R_i - p_i sum R) to logit i, which is x times the Jacobian; sum_j R_j (1 - x_j + sum_i p_i x_i) is booked."""
    sign = -1 if call.operation.name == "softmin" else 1
    dim = softmax_axes(call)[0]
    logits = rules.keeper.keep([call.operands[0]])

    def backward(relevance: Tensor) -> tuple[Tensor]:
        p = probabilities[0]
        x = finite(sign * logits[0], p).to(p.dtype)
        expected = (p * x).sum(dim, keepdim=True)
        rules.ledger.book_product(SOFTMAX, relevance, 1 - x + expected, site.result)
        given = x * (relevance - p * relevance.sum(dim, keepdim=True))
        return (rules.ledger.pass_on(given, site.operands[0]).to(logits[0].dtype),)

    output = rules.ruled(call, backward)
    probabilities = rules.keeper.keep([output])
    return output


def log_softmax(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """The logit less the log-sum-exp, in proportion; the log-sum-exp to the logits by its first-order expansion."""
    dim = softmax_axes(call)[0]
    logits = rules.keeper.keep([call.operands[0]])

    def backward(relevance: Tensor) -> tuple[Tensor]:
        p = made[0].exp()
        x = finite(logits[0], p).to(p.dtype)
        signal = rules.divided(EPSILON, relevance, made[0], site.result)
        rest = (p * x).sum(dim, keepdim=True) - (x - made[0])  # minus the log-sum-exp, and what of it x times p accounts for
        rules.ledger.book_product(SOFTMAX, signal, rest.expand_as(signal), site.result)
        given = x * (signal - p * signal.sum(dim, keepdim=True))
        return (rules.ledger.pass_on(given, site.operands[0]).to(logits[0].dtype),)

    output = rules.ruled(call, backward)
    made = rules.keeper.keep([output])
    return output


def logsumexp(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """To the logits by its first-order expansion; the rest is booked."""
    dims = softmax_axes(call)
    logits = rules.keeper.keep([call.operands[0]])

    def backward(relevance: Tensor) -> tuple[Tensor]:
        x = logits[0]
        p, shape = x.softmax(dims[0]) if len(dims) == 1 else (x - x.amax(dims, keepdim=True)).exp(), x.sum(dims, keepdim=True).shape
        p = p if len(dims) == 1 else p / p.sum(dims, keepdim=True)
        x = finite(x, p)
        signal = rules.divided(EPSILON, relevance, made[0], site.result)
        rules.ledger.book_product(SOFTMAX, signal, made[0] - (p * x).sum(dims).reshape(made[0].shape), site.result)
        return (rules.ledger.pass_on(x * p * signal.reshape(shape), site.operands[0]),)

    output = rules.ruled(call, backward)
    made = rules.keeper.keep([output])
    return output


def finite(logits: Tensor, probabilities: Tensor) -> Tensor:
    """The logits, zero where nothing is left of them (masked by minus infinity)."""
    return logits.masked_fill(probabilities == 0, 0.0)


_SHIFTS = {"layer_norm": ("bias", 3), "group_norm": ("bias", 3), "instance_norm": ("bias", 4), "rms_norm": ("bias", 99)}


def norm(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """(y - shift) R / y, element by element; half of it to a gain that varies. What the shift has of y is booked, or goes to it."""
    name = call.operation.name
    shift = call.argument(*_SHIFTS[name])
    varying = [t.requires_grad for t in call.operands]
    if shift is None and sum(varying) == 1:
        return passed(rules, call, site)
    wide = [1] * (call.operands[0].ndim - 2)

    def along(gain: Tensor) -> Tensor:
        """A gain or shift in the shape in which it meets the values."""
        return gain if name in ("layer_norm", "rms_norm") else gain.reshape(-1, *wide)

    added = rules.keeper.keep([torch.zeros((), dtype=call.operands[0].dtype) if shift is None else along(shift)])
    is_shift = [t is shift for t in call.operands]
    shapes = [t.shape for t in call.operands]

    def backward(relevance: Tensor) -> tuple[Tensor | None, ...]:
        signal = rules.divided(EPSILON, relevance, made[0], site.result)
        to_shift = (signal * added[0]).expand_as(signal)
        if not any(s and v for s, v in zip(is_shift, varying, strict=True)):
            rules.ledger.book(BIASES, to_shift, site.result)
        rest = rules.ledger.pass_on(signal * (made[0] - added[0]), site.result)
        factors = sum(v and not s for s, v in zip(is_shift, varying, strict=True))
        given = [to_shift if s else rest / factors if factors > 1 else rest for s in is_shift]
        return tuple(_gathered(g, shape, along) if v else None for g, shape, v in zip(given, shapes, varying, strict=True))

    output = rules.ruled(call, backward)
    made = rules.keeper.keep([output])
    return output


def _gathered(relevance: Tensor, shape: torch.Size, along: Callable[[Tensor], Tensor]) -> Tensor:
    """Relevance of values, or of a gain or shift that was laid along them."""
    if relevance.shape == shape:
        return relevance
    return relevance.sum_to_size(along(relevance.new_zeros(shape)).shape).reshape(shape)
