"""The pages under test are those of the sources: built anew where they are stale."""

from __future__ import annotations

import pytest

from web.front import load_build


@pytest.fixture(scope="session", autouse=True)
def built_front() -> None:
    load_build().build()
