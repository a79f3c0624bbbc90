"""Frameworks whose callbacks are tested where they are installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest
from benchmarks.peers import know_torchvision


def imported(name: str, *others: str, needed: tuple[str, ...] = ()) -> ModuleType:
    """A framework; without it, or where what it needs is broken, the tests of a file are skipped with the reason."""
    try:
        if find_spec("torchvision") is not None:  # beside a build of torch that its operators do not know
            know_torchvision()
        found = [import_module(one) for one in (name, *others)]
        for one in needed:  # imported when they are asked for
            getattr(found[0], one)
    except (ImportError, RuntimeError) as error:  # such as a torchvision made for another torch
        pytest.skip(f"{name} can not be imported: {str(error).splitlines()[0]}", allow_module_level=True)
    return found[0]
