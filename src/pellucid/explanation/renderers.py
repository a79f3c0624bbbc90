"""Who draws, tells or exports an explanation: looked up by kind at the moment of use.

The package's face fills this table with ``"module:function"`` strings, so that an Explanation can plot itself without this layer importing
anything above it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pellucid.errors import UnknownName

_TABLE: dict[tuple[str, str], str] = {}


def register(act: str, kind: str, place: str) -> None:
    """Says that ``place`` ("module:function") does ``act`` ("plot", "narrate", "display", "export") for explanations of ``kind``."""
    _TABLE[act, kind] = place


def find(act: str, kind: str) -> Callable[..., Any]:
    """The function registered for this act and kind."""
    if (act, kind) not in _TABLE:
        raise UnknownName(f"way to {act} an explanation of kind", kind, [k for a, k in _TABLE if a == act])
    module, name = _TABLE[act, kind].split(":")
    return getattr(import_module(module), name)


def known(act: str, kind: str) -> bool:
    """Whether something is registered for this act and kind."""
    return (act, kind) in _TABLE
