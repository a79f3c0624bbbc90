"""Relevance through sums, dense layers, convolutions, batch norms and products of matrices: in proportion to contributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from pellucid.models.rules.call import Call
from pellucid.models.rules.caller import unsupported
from pellucid.models.rules.constants import ADDED, constant_part, has_constants
from pellucid.models.rules.ledger import BIASES, CONSTANTS, EPSILON
from pellucid.models.rules.relevance.weight_rules import Epsilon, Passage
from pellucid.models.rules.weighted import channel_map, weighted

if TYPE_CHECKING:
    from pellucid.models.rules.relevance.propagation import Relevance, Site

WEIGHTED = {
    **dict.fromkeys(("linear", "matmul", "mm", "addmm"), "dense"),
    **{f"conv{t}{n}d": "convolution" for t in ("", "_transpose") for n in (1, 2, 3)},
}
_SCALES = {"lerp": 2, "grid_sample": 1}  # this tensor says how to combine the others, and gets nothing


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
    factors = [place != ADDED.get(name) for place in call.places]
    varying = sum(f and t.requires_grad for f, t in zip(factors, call.operands, strict=True))
    return [1 / varying if f else 1.0 for f in factors]


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
    scale, shift = channel_map(call)
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
