"""Settings that every test shares."""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # no test opens a window
os.environ.setdefault("KERAS_BACKEND", "torch")  # before Keras is imported: the one backend that every test environment has
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: the workers already use every core


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's name must be the same in every run; one that holds an object's address is not."""
    unstable = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]", item.nodeid)]
    if unstable:
        raise pytest.UsageError(f"These tests are named by an address, give them ids=: {unstable[:5]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI runs, a skipped test has failed, unless it needs hardware that the machine lacks: nothing is left out in silence."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and "this machine has no" not in str(report.longrepr):
        report.outcome, report.longrepr = "failed", f"skipped, and CI needs it: {report.longrepr}"
    return report
