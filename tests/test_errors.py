"""Every error that is raised on purpose says what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pellucid
from pellucid.errors import InputError, MissingExtra, PellucidError, UnknownName

SOURCE = Path(pellucid.__file__).parent
THREE_PARTS = {"InputError", "TargetError", "ModelError", "CapabilityError", "LayerError", "BudgetError", "FileError", "PellucidError"}


def lacking(source: str) -> list[int]:
    """Lines that make an error without saying what to do."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in THREE_PARTS
        and not any(k.arg == "remedy" for k in node.keywords)
    ]


def test_every_error_says_what_to_do() -> None:
    found = {str(path.relative_to(SOURCE)): lines for path in SOURCE.rglob("*.py") if (lines := lacking(path.read_text(encoding="utf-8")))}
    assert found == {}


def test_the_test_can_fail() -> None:
    assert lacking('raise InputError("no rows")') == [1]


def test_the_three_parts() -> None:
    error = InputError("No rows.", received="shape (0, 3)", remedy="give one")
    assert str(error) == "No rows. Received: shape (0, 3). What to do: give one."
    assert isinstance(error, (PellucidError, ValueError))
    near = UnknownName("method", "occlusoin", ["occlusion", "gradient"])
    assert "did you mean 'occlusion'" in str(near)
    assert "legal: gradient, occlusion" in str(near)
    assert "pip install 'pellucid[data]'" in str(MissingExtra("scikit-learn", "data"))
