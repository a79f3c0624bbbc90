"""The line of the user's code that is running, and the error that names it."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from pellucid.errors import UnsupportedOperation

_PACKAGE = Path(__file__).parents[2]
_INSIDE = (
    str(Path(torch.__file__).parent),
    *(str(_PACKAGE / folder) for folder in ("models", "methods", "explanation", "harness", "checks")),
)


def user_line() -> str:
    """The file and line of the innermost frame that is neither torch's nor ours."""
    found = caller()
    return f"{Path(found[0]).name}:{found[1]}" if found else "an unknown line"


def caller(*, within: str = "") -> tuple[str, int, str] | None:
    """Path, line and function of the innermost frame that is neither torch's nor ours; None where there is none.

    ``within`` is one of our own files: what called it is not looked at.
    """
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if within and code.co_filename == within:
            return None
        if not code.co_filename.startswith(_INSIDE) and code.co_filename != "<frozen importlib._bootstrap>":
            return code.co_filename, frame.f_lineno, code.co_name
        frame = frame.f_back
    return None


def unsupported(name: str) -> UnsupportedOperation:
    """The error for an operation that no rule covers."""
    return UnsupportedOperation(
        "No rule covers an operation of this forward pass",
        received=f"{name} at {user_line()}",
        remedy="use a method without rules, such as 'integrated_gradients' or 'occlusion'; docs/operations.md lists what is covered",
    )
