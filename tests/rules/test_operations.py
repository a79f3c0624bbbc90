"""The table of operations keeps its word: whatever is opened has a body, and the page lists what is followed."""

from __future__ import annotations

import types

from pellucid.models.rules.bodies.table import BODIES
from pellucid.models.rules.deeplift.steps import ORDERED
from pellucid.models.rules.operations import _table, operations


def test_every_composite_has_a_body_or_is_python() -> None:
    ways: dict[str, list[object]] = {}
    for function, way in _table().items():
        ways.setdefault(way.operation.name, []).append(function)
    lacking = [
        name
        for name, operation in operations().items()
        if operation.kind == "composite" and name not in BODIES and not all(isinstance(f, types.FunctionType) for f in ways.get(name, []))
    ]
    assert lacking == []


def test_what_is_ordered_is_in_the_table() -> None:
    assert all(operations()[name].kind == "discrete" for name in ORDERED)
