"""The global generators of random numbers: whatever a model draws from them, they are afterwards as they were."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

_LOCK = threading.Lock()
_OUTER: list[Any] = []  # the caller's states, kept by the first of several openings (nested, or in other threads)
_OPEN = [0]


@contextmanager
def fixed_random_state(seed: int = 0) -> Iterator[None]:
    """The generators of torch, numpy and Python start from ``seed`` inside; when the last opening closes they are as they were.

    A model that draws (dropout kept on, sampling in its forward) so gives the same answer to the same call.
    """
    with _LOCK:
        _OPEN[0] += 1
        if _OPEN[0] == 1:
            _OUTER[:] = _states()
        _start(seed)
    try:
        yield
    finally:
        with _LOCK:
            _OPEN[0] -= 1
            if _OPEN[0] == 0:
                _restore(*_OUTER)
                _OUTER.clear()


def _states() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return torch.get_rng_state(), np.random.get_state(), random.getstate(), cuda  # noqa: NPY002


def _start(seed: int) -> None:
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


def _restore(torch_state: Any, numpy_state: Any, python_state: Any, cuda_states: list[Any]) -> None:  # noqa: ANN401
    torch.set_rng_state(torch_state)
    np.random.set_state(numpy_state)  # noqa: NPY002
    random.setstate(python_state)
    if cuda_states:
        torch.cuda.set_rng_state_all(cuda_states)
