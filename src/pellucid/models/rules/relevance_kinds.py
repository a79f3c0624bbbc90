"""How each kind of operation divides relevance among its operands.

==============================  ===========================================================================================
moves elements, picks the max   relevance goes where the element came from; constants among the elements are booked
sums, means, other linear maps  in proportion to the contributions, stabilized by epsilon (residual sums too)
dense layers, convolutions      by the rule that the rulebook gives them; a batch norm behind one counts as part of it
one function of each element    passed on whole, whatever the function is at zero (Bach et al. 2015; Achtibat et al. 2024, eq. 9)
product of two varying values   half to each (Achtibat et al. 2024); all to the signal where the other one is a gate, that is a sigmoid
                                or an affine function of one (Arras et al. 2017)
matrix product of two           half to each, within each in proportion (Achtibat et al. 2024)
quotient                        all to the numerator: the divisor is a scale
softmax and its kin             to the logits by the first-order expansion at themselves; the rest is booked (Achtibat et al. 2024)
normalization                   passed on element by element but for the share of the shift: mean and deviation count as constants
                                (Achtibat et al. 2024, identity rule)
==============================  ===========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pellucid.models.rules.interceptor import Call, tensors, unsupported
from pellucid.models.rules.ledger import BIASES, CONSTANTS, EPSILON, SOFTMAX
from pellucid.models.rules.rule import argument
from pellucid.models.rules.weight_rules import Epsilon, Passage
from pellucid.models.rules.weighted import weighted

if TYPE_CHECKING:
    from pellucid.models.rules.relevance import Note, Relevance, Site
    from pellucid.models.rules.rows import RowAxis

Kind = Callable[["Relevance", Call, "Site"], Any]
WEIGHTED = {
    **dict.fromkeys(("linear", "matmul", "mm", "addmm"), "dense"),
    **{f"conv{t}{n}d": "convolution" for t in ("", "_transpose") for n in (1, 2, 3)},
}
# operations that put constants among the elements they move
_MIXING = frozenset(
    {"cat", "stack", "hstack", "vstack", "dstack", "pad", "where", "masked_fill", "index_fill", "index_copy", "index_put", "scatter"}
    | {"select_scatter", "slice_scatter", "copy", "tril", "triu", "diag", "setitem", "zero", "fill"}
)
_ADDENDS = {"addmm": 1, "addmv": 1, "addbmm": 1, "baddbmm": 1, "addr": 1, "addcmul": 1}  # their first tensor is added, not multiplied
_SCALES = {"lerp": 2, "grid_sample": 1}  # this tensor says how to combine the others, and gets nothing


# ---- elements that are moved --------------------------------------------------------------------------------------------------


def moved(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """Autograd's own gradient moves relevance back; what lands on constants is booked."""
    if call.operation.name == "detach":  # the value goes on, whatever the user says of its gradient
        return call.operands[0].view_as(call.operands[0])
    output = call.run(*call.operands)
    if isinstance(output, Tensor) and output.requires_grad:
        _book_constants(rules, output, constant_elements(call), lambda: site.result)
    return output


def written(rules: Relevance, call: Call) -> None:
    """Like moved elements, but autograd has written them in place already."""
    if call.written is not None and call.written.requires_grad:
        at = call.result_rows
        _book_constants(rules, call.written, constant_elements(call), lambda: at)


def picked(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """Winner takes all, ties evenly, as autograd has it; what a constant wins is booked."""
    output = call.run(*call.operands)
    if isinstance(output, Tensor) and output.requires_grad:
        _book_constants(rules, output, lost_elements(call, output), lambda: site.result)
    return output


def _book_constants(rules: Relevance, made: Tensor, constant: Tensor | None, at: Callable[[], RowAxis | None]) -> None:
    if constant is not None:
        made.register_hook(lambda r: None if r is None else rules.ledger.book_product(CONSTANTS, r, constant, at()))


def constant_elements(call: Call) -> Tensor | None:
    """One where an element of the result is a constant, zero where it comes from a varying operand; None where none is a constant."""
    if call.operation.name not in _MIXING:
        return None
    with torch.no_grad():  # elements come from operands that are not a number where they are not a number
        marked = [torch.full_like(t, float("nan")) if t.requires_grad else t for t in call.operands]
        result = call.run(*marked)
        own = result.isnan()
    return None if bool(own.all()) else (~own).to(result.dtype)


def lost_elements(call: Call, output: Tensor) -> Tensor | None:
    """One where a maximum (or minimum) is that of a constant, a half where it ties with one; None where there is no constant."""
    others = [t for t in tensors(call.args, call.kwargs) if not t.requires_grad]
    if not others:
        return None
    own = next(t for t in call.operands if t.requires_grad).detach()
    return (own != output.detach()).to(output.dtype) + (others[0].detach() == own).to(output.dtype) / 2


def constant(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401, ARG001
    """Answers, indices and random numbers carry no relevance."""
    return call.run(*call.operands)


# ---- sums and linear maps -----------------------------------------------------------------------------------------------------


def proportional(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """Each operand's contributions over the stabilized result; of factors that vary together each gets an equal part."""
    shares = _shares(call)
    given = [
        _read(rules, t, share, site, n) if share else t.detach() for n, (t, share) in enumerate(zip(call.operands, shares, strict=True))
    ]
    result = call.run(*given)
    if not result.requires_grad:
        return result
    kept = rules.keeper.keep([result])
    added = [constant_part(call).nan_to_num(posinf=0.0, neginf=0.0)] if has_constants(call) else []  # nothing comes back from infinity

    def backward(relevance: Tensor | None) -> Tensor | None:
        if relevance is None:  # nothing arrives, as at a gate
            return None
        signal = rules.divided(EPSILON, relevance, kept[0], site.result)
        if added:
            rules.ledger.book_product(CONSTANTS, signal, added[0].expand_as(signal), site.result)
        return signal

    result.register_hook(backward)
    return result


def _read(rules: Relevance, operand: Tensor, share: float, site: Site, number: int) -> Tensor:
    """The operand, its gradient turned into relevance."""
    if not operand.requires_grad:
        return operand
    kept, alias = rules.keeper.keep([operand]), operand.view_as(operand)

    def backward(gradient: Tensor | None) -> Tensor | None:
        if gradient is None:
            return None
        return rules.ledger.pass_on(gradient * kept[0] if share == 1 else gradient * kept[0] * share, site.operands[number])

    alias.register_hook(backward)
    return alias


def _shares(call: Call) -> list[float]:
    """The part of each operand: factors share, addends and linear operands get theirs whole, scales nothing."""
    name = call.operation.name
    if call.operation.kind != "product":
        return [0.0 if place == _SCALES.get(name) else 1.0 for place in call.places]
    factors = [place >= _ADDENDS.get(name, 0) and not (name in _BIASED and place == _BIASED[name]) for place in call.places]
    varying = sum(f and t.requires_grad for f, t in zip(factors, call.operands, strict=True))
    return [1 / varying if f else 1.0 for f in factors]


_BIASED = {"linear": 2, "bilinear": 3, **{f"conv{t}{n}d": 2 for t in ("", "_transpose") for n in (1, 2, 3)}}


def has_constants(call: Call) -> bool:
    """Whether a linear operation or a product also adds something that does not vary."""
    if call.operation.name in ("add", "sub", "lerp", "index_add", "scatter_add", *_ADDENDS):
        return any(not t.requires_grad for t in tensors(call.args, call.kwargs)) or _numbers(call)
    if call.operation.name == "batch_norm":
        return True
    return call.operation.name in _BIASED and len(list(tensors(call.args, call.kwargs))) > _BIASED[call.operation.name]


def _numbers(call: Call) -> bool:
    return any(isinstance(a, (int, float)) and a != 0 for a in call.args)


def constant_part(call: Call) -> Tensor:
    """What the operation gives where everything that varies is zero."""
    with torch.no_grad():
        return call.run(*(torch.zeros_like(t) if t.requires_grad else t for t in call.operands))


def layer(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """A dense layer or a convolution, by the rulebook; with the batch norm that alone reads it, as one map."""
    found = weighted(call)
    book = rules.rulebook
    rule = book.dense if WEIGHTED[call.operation.name] == "dense" else book.convolution
    if book.first is not None and rules.first(call):
        rule = book.first
    if found is None:
        if len(call.operands) == 1 and not isinstance(rule, Epsilon):
            raise unsupported(f"{call.operation.name}, called so that {type(rule).__name__} does not apply,")
        return proportional(rules, call, site)
    given = rules.keeper.keep([call.operands[0]])

    def backward(relevance: Tensor) -> tuple[Tensor]:
        whole, result = found, made
        if site.joined and site.norm is not None:
            scale, shift, result = site.norm
            whole = found.scaled(scale, shift, result[0])
        passage = Passage(whole, given[0], result[0], rules.ledger, rules.stabilizer(given[0]), site.result)
        return (rules.ledger.pass_on(rule.relevance(passage, relevance), site.operands[0]),)

    output = rules.ruled(call, backward)
    made = rules.keeper.keep([output])
    site.scalable = found.scalable and (found.geometry is not None or output.ndim == 2)
    return output


def batch_norm(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """A factor and a shift for each channel, the statistics being constants; nothing where a layer takes it in as its own part."""
    x = call.operands[0]
    scale, shift = _batch_norm_map(call, x.detach())
    maker = rules.note(x).maker
    given = rules.keeper.keep([x])

    def backward(relevance: Tensor) -> tuple[Tensor]:
        if maker is not None and maker.joined:
            return (relevance,)
        signal = rules.divided(EPSILON, relevance, made[0], site.result)
        rules.ledger.book_channels(BIASES, signal, 1, shift, site.result)
        shape = [-1 if axis == 1 else 1 for axis in range(signal.ndim)]
        return (rules.ledger.pass_on(signal * scale.reshape(shape) * given[0], site.operands[0]),)

    output = rules.ruled(call, backward)
    made = rules.keeper.keep([output])
    if maker is not None and maker.scalable:
        maker.norm = scale, shift, made
    return output


def _batch_norm_map(call: Call, x: Tensor) -> tuple[Tensor, Tensor]:
    mean, variance = argument(call, "running_mean", 1), argument(call, "running_var", 2)
    weight, bias = argument(call, "weight", 3), argument(call, "bias", 4)
    if argument(call, "training", 5, default=False) or mean is None:
        others = [axis for axis in range(x.ndim) if axis != 1]
        mean, variance = x.mean(others), x.var(others, correction=0)
    scale = (variance + argument(call, "eps", 7, default=1e-5)).rsqrt()
    scale = scale if weight is None else scale * weight
    return scale, -mean * scale if bias is None else bias - mean * scale


# ---- one element at a time ----------------------------------------------------------------------------------------------------


def passed(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401, ARG001
    """Whole to the only operand that varies; of a power to its base, of a clamp to where the element came from."""
    varying = [t.requires_grad for t in call.operands]
    name = call.operation.name
    if sum(varying) > 1 and name in ("clamp", "clamp_min", "clamp_max"):
        return call.run(*call.operands)
    if sum(varying) > 1 and name == "pow":
        varying = [True, False]
    if sum(varying) > 1:
        raise unsupported(f"{call.operation.name} of two values that both depend on the input")
    shapes = [t.shape for t in call.operands]
    return rules.ruled(call, lambda r: tuple(r.sum_to_size(s) if v else None for s, v in zip(shapes, varying, strict=True)))


def product(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """Half to each of two factors, all to the signal behind a gate, whole where the other is a number."""
    varying = [t.requires_grad for t in call.operands]
    if sum(varying) == 1:
        others = [t for t in tensors(call.args, call.kwargs) if not t.requires_grad]
        whole = all(t.ndim == 0 and bool(t != 0) for t in others) and 0 not in [a for a in call.args if isinstance(a, (int, float))]
        return passed(rules, call, site) if whole else proportional(rules, call, site)
    gates = [rules.note(t).gate for t in call.operands]
    parts = [0.5, 0.5] if gates[0] == gates[1] else [float(not gate) for gate in gates]
    shapes = [t.shape for t in call.operands]

    def backward(relevance: Tensor) -> tuple[Tensor | None, ...]:
        return tuple(
            None if part == 0 else (relevance if part == 1 else relevance * part).sum_to_size(shape)
            for part, shape in zip(parts, shapes, strict=True)
        )

    return rules.ruled(call, backward)


def quotient(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """All to the numerator; to the divisor only where the numerator is a constant."""
    if sum(t.requires_grad for t in call.operands) == 1:
        return passed(rules, call, site)
    shape = call.operands[0].shape
    return rules.ruled(call, lambda r: (r.sum_to_size(shape), None))


def is_gate(call: Call, notes: list[Note]) -> bool:
    """Whether the result is a sigmoid or an affine function of one, however it is reshaped."""
    name, kind = call.operation.name, call.operation.kind
    if name in ("sigmoid", "hardsigmoid"):
        return True
    if len(notes) != 1 or not notes[0].gate:
        return False
    return kind == "structural" or name in ("sub", "add", "neg", "mul", "div")


# ---- softmax and normalization ------------------------------------------------------------------------------------------------


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


def softmax_axes(call: Call) -> tuple[int, ...]:
    """The axes that a softmax or a log-sum-exp runs over."""
    dim, ndim = argument(call, "dim", 1, default=-1), call.operands[0].ndim
    if dim is None:  # torch's own rule for a softmax without an axis
        dim = 0 if ndim in (0, 1, 3) else 1
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    return dims or tuple(range(ndim))


_SHIFTS = {"layer_norm": ("bias", 3), "group_norm": ("bias", 3), "instance_norm": ("bias", 4), "rms_norm": ("bias", 99)}


def norm(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401
    """(y - shift) R / y, element by element; half of it to a gain that varies. What the shift has of y is booked, or goes to it."""
    name = call.operation.name
    shift = argument(call, *_SHIFTS[name])
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


BY_KIND: dict[str, Kind] = {
    "structural": moved,
    "linear": proportional,
    "product": proportional,
    "elementwise": passed,
    "max": picked,
    "norm": norm,
    "comparison": constant,
    "discrete": constant,
    "random": constant,
}
BY_NAME: dict[str, Kind] = {
    **dict.fromkeys(WEIGHTED, layer),
    "batch_norm": batch_norm,
    "mul": product,
    "div": quotient,
    "softmax": softmax,
    "softmin": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    **dict.fromkeys(
        ("neg", "positive", *(f"{kind}dropout{n}" for kind in ("", "alpha_", "feature_alpha_") for n in ("", "1d", "2d", "3d"))), passed
    ),
}
