"""Counts the rows that pass through a network, whoever calls it.

The hooks are plain functions that write to this module: Pellucid runs a copy of the network, hooks included, and a hook that held
its counter in a closure would count on a copy of the counter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass
class Rows:
    """Rows that entered the network, and rows whose output carried a graph to differentiate."""

    entered: int = 0
    differentiated: int = 0
    largest: int = 0


ROWS = Rows()


def _enter(_module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
    ROWS.entered += len(arguments[0])
    ROWS.largest = max(ROWS.largest, len(arguments[0]))


def _leave(_module: nn.Module, _arguments: tuple[Tensor, ...], output: Tensor) -> None:
    ROWS.differentiated += len(output) * output.requires_grad


@contextmanager
def counted(first: nn.Module, last: nn.Module) -> Iterator[Rows]:
    """Counts what enters the ``first`` module and leaves the ``last`` one."""
    handles = [first.register_forward_pre_hook(_enter), last.register_forward_hook(_leave)]
    ROWS.entered = ROWS.differentiated = ROWS.largest = 0
    try:
        yield ROWS
    finally:
        for handle in handles:
            handle.remove()
