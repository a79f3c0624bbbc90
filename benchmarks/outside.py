"""The share of an explanation's time that is not spent inside the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pellucid.models.bound_torch import BoundTorch

# some call one another
_CALLS = ("forward", "outputs", "_plain", "gradients", "layer_gradients", "layer_outputs", "under", "outputs_under")
_PLACES: tuple[tuple[Any, str], ...] = (*((BoundTorch, name) for name in _CALLS), (torch.autograd, "grad"))


@dataclass
class Clock:
    """CPU seconds inside the calls of the bound model, and how many of them are under way."""

    seconds: float = 0.0
    depth: int = 0


@contextmanager
def clocked() -> Iterator[Clock]:
    """Every call of a bound network, and every backward pass, adds its CPU time to the clock."""
    clock = Clock()
    originals = [(owner, name, getattr(owner, name)) for owner, name in _PLACES]

    def timed(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            started, clock.depth = time.process_time(), clock.depth + 1
            try:
                return original(*arguments, **options)
            finally:
                clock.depth -= 1
                clock.seconds += (time.process_time() - started) * (clock.depth == 0)

        return call

    for owner, name, original in originals:
        setattr(owner, name, timed(original))
    try:
        yield clock
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


@dataclass(frozen=True)
class Outside:
    """The median share of the CPU time outside the model, and the median seconds that it makes."""

    share: float
    seconds: float


def outside_share(call: Callable[[], object], repeats: int) -> Outside:
    """Runs the call some times."""
    shares, seconds = [], []
    with clocked() as clock:
        for _ in range(repeats):
            clock.seconds, started = 0.0, time.process_time()
            call()
            whole = time.process_time() - started
            shares.append(1 - clock.seconds / whole)
            seconds.append(whole - clock.seconds)
    return Outside(float(np.median(shares)), float(np.median(seconds)))
