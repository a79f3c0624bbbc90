"""Relevance through functions of each element, products and quotients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.caller import unsupported
from pellucid.models.rules.relevance.sums import proportional

if TYPE_CHECKING:
    from pellucid.models.rules.relevance.propagation import Note, Relevance, Site


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
