"""Where integer tokens enter a network: the calls of ``nn.Embedding`` that are fed with an input as it is.

Tokens can not be varied by small steps; what their embeddings hold can. An input that feeds several embeddings is explained at all of
them, side by side along the last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import InputError


@dataclass(frozen=True)
class Entry:
    """One embedding module that an input feeds, in the calls of these numbers; ``width`` is its last axis."""

    module: nn.Module
    calls: tuple[int, ...]
    width: int


def find_entries(net: nn.Module, fed: dict[int, Tensor], run: Callable[[], object]) -> dict[int, tuple[Entry, ...]]:
    """The entries of each integer input, found by one forward pass ``run`` on the tensors ``fed`` (by position of the input).

    Raises:
        InputError: two inputs of equal values, converted before they are embedded, can not be told apart.
    """
    count: dict[nn.Module, int] = {}
    calls: list[_Call] = []

    def look(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:  # noqa: ANN401
        number = count[module] = count.get(module, -1) + 1
        ids = arguments[0] if arguments else named.get("input")
        if isinstance(ids, Tensor) and isinstance(output, Tensor):
            slots, same = _which(ids, fed)
            calls.append(_Call(slots, same, module, number, output.shape[-1]))

    handles = [m.register_forward_hook(look, with_kwargs=True) for m in net.modules() if isinstance(m, nn.Embedding)]
    try:
        if handles:
            run()
    finally:
        for handle in handles:
            handle.remove()
    found = {slot: _entries(slot, calls) for slot in fed}
    return {slot: entries for slot, entries in found.items() if entries}


@dataclass(frozen=True)
class _Call:
    slots: tuple[int, ...]
    same_memory: bool
    module: nn.Module
    number: int
    width: int


def _entries(slot: int, calls: list[_Call]) -> tuple[Entry, ...]:
    """The entries of one input: where its own memory is embedded, or, if it is nowhere, where its values are."""
    mine = [call for call in calls if slot in call.slots]
    mine = [call for call in mine if call.same_memory] or mine
    if any(len(call.slots) > 1 for call in mine):
        raise InputError(
            "Two integer inputs hold the same values and are converted before they are embedded, so that they can not be told apart",
            received=f"input {slot + 1} and others, in the first row",
            remedy="give them as torch.int64, or put a row first in which they differ",
        )
    modules = dict.fromkeys(call.module for call in mine)
    return tuple(Entry(m, tuple(c.number for c in mine if c.module is m), next(c.width for c in mine if c.module is m)) for m in modules)


def _which(ids: Tensor, fed: dict[int, Tensor]) -> tuple[tuple[int, ...], bool]:
    """The input that these ids are, by memory; or else those that have the same values."""
    for slot, tensor in fed.items():
        if (
            ids.dtype == tensor.dtype
            and ids.data_ptr() == tensor.data_ptr()
            and ids.shape == tensor.shape
            and ids.stride() == tensor.stride()
        ):
            return (slot,), True
    return tuple(slot for slot, tensor in fed.items() if ids.shape == tensor.shape and bool((ids == tensor).all())), False


def embed(entries: tuple[Entry, ...], tokens: Tensor) -> Tensor:
    """What the entries make of the tokens, side by side along the last axis."""
    return torch.cat([entry.module(tokens).detach() for entry in entries], -1).clone()


@contextmanager
def replaced(entries: tuple[Entry, ...], tensor: Tensor) -> Iterator[None]:
    """While it is open, the entries' calls return their parts of ``tensor``."""
    parts = tensor.split([entry.width for entry in entries], -1)
    handles = [entry.module.register_forward_hook(_returning(entry.calls, part)) for entry, part in zip(entries, parts, strict=True)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _returning(calls: tuple[int, ...], part: Tensor) -> Callable[..., Tensor | None]:
    number = [-1]

    def hook(_module: nn.Module, _arguments: Any, _output: Any) -> Tensor | None:  # noqa: ANN401
        number[0] += 1
        return part.clone() if number[0] in calls else None  # an in-place op that follows must not write over what others get

    return hook
