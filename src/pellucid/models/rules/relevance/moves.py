"""Relevance of elements that are only moved or picked: it goes where they came from, and what lands on constants is booked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pellucid.models.rules.call import Call
from pellucid.models.rules.constants import constant_elements, lost_elements
from pellucid.models.rules.ledger import CONSTANTS

if TYPE_CHECKING:
    from pellucid.models.rules.relevance.propagation import Relevance, Site
    from pellucid.models.rules.rows import RowAxis


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


def constant(rules: Relevance, call: Call, site: Site) -> Any:  # noqa: ANN401, ARG001
    """Answers, indices and random numbers carry no relevance."""
    return call.run(*call.operands)
