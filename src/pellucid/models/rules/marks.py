"""Marks on tensors of a running pass: what is known of a value that depends on the inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from pellucid.models.rules.rows import RowAxis

_MARK = "_pellucid_mark"


@dataclass(eq=False)
class Mark:
    """Where the rows of a tensor lie, on which inputs it depends, and what rule sets note.

    Attributes:
        owner: the pass that it belongs to.
        rows: None where it is not known in which elements the rows lie.
        sources: the numbers of the inputs.
        notes: ``soft`` is what stands beside a tensor of booleans or integers: the same numbers with a graph.
    """

    owner: object
    rows: RowAxis | None = None
    sources: frozenset[int] = frozenset()
    notes: dict[str, Any] = field(default_factory=dict)


def put_mark(tensor: Tensor, mark: Mark) -> None:
    """Marks a tensor."""
    setattr(tensor, _MARK, mark)


def mark_of(tensor: Tensor) -> Mark | None:
    """The mark of a tensor, whichever pass it belongs to."""
    return getattr(tensor, _MARK, None)


def soft_of(tensor: Tensor) -> Tensor | None:
    """What the rule set noted beside a tensor of booleans or integers: the same numbers with a graph."""
    found = mark_of(tensor)
    return found.notes.get("soft") if found is not None else None


def sources_of(*among: Tensor) -> frozenset[int]:
    """The numbers of the inputs on which any of these tensors of the running pass depends."""
    return frozenset[int]().union(*(found.sources for tensor in among if (found := mark_of(tensor)) is not None))
