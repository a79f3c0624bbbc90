"""What a fitted estimator has learned, as a hash: it changes when the estimator is fitted again, or when somebody alters it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

DEEP = 60  # objects within objects; a forest of pipelines has about ten


def learned(estimator: object) -> str:
    """A hash over the arrays and settings of an estimator, of the estimators inside it and of their trees."""
    digest = hashlib.sha256()
    _add(digest, estimator, {}, 0)
    return digest.hexdigest()[:16]


def _add(digest: Any, value: Any, seen: dict[int, object], depth: int) -> None:  # noqa: ANN401
    """Adds one value; what was met before, or lies too deep, by its kind only."""
    digest.update(type(value).__qualname__.encode())
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(repr((value.shape, value.dtype)).encode())
        digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data if value.size else b"")
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
        digest.update(repr(value).encode())
    elif id(value) not in seen and depth < DEEP and not callable(value):
        seen[id(value)] = value  # held, so that no other object gets its number
        for part in _parts(value):
            _add(digest, part, seen, depth + 1)


def _parts(value: Any) -> list[Any]:  # noqa: ANN401
    """What an object is made of, in a fixed order."""
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, np.ndarray):  # of objects, such as the trees of a boosted ensemble
        return value.reshape(-1).tolist()
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    try:  # compiled objects, such as trees, keep what they hold to themselves
        state = value.__getstate__()
    except (AttributeError, TypeError, NotImplementedError):  # it can not be written down
        state = getattr(value, "__dict__", None)
    return [] if state is None or state is value else [state]
