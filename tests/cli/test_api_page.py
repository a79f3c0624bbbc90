"""The API page names what there is, and leaves out nothing that is public."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pellucid
from pellucid.methods.internals.registry import INSPECTIONS, inspection_class

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
NAMED = re.findall(r"^::: (\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def _found(path: str) -> object:
    try:
        return import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(import_module(module), name)


def test_every_name_on_the_page_is_there() -> None:
    assert len(NAMED) > 30
    assert all(_found(path) is not None for path in NAMED)


def test_every_public_name_is_on_the_page() -> None:
    told = {path.rpartition(".")[2] for path in NAMED} | {"PellucidError", "datasets"}  # their modules are on the page
    entries = {row.name for row in pellucid.methods()} | {inspection_class(what).__name__ for what in INSPECTIONS}  # made by the build
    assert set(pellucid.__all__) - told - entries == set()
