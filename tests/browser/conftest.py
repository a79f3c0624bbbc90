"""Chromium, the report under test and axe-core; without them the tests are skipped with a reason, or fail where CI runs them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pellucid.report import write_report
from web.front import load_build

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; CI needs it")
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def built_front() -> None:
    load_build().build()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    path = (
        os.environ.get("PELLUCID_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )
    if path is None:
        _missing("no Chromium: install it, or name it in PELLUCID_CHROMIUM")
    playwright = (
        pytest.importorskip("playwright.sync_api") if os.environ.get("CI") != "true" else __import__("playwright.sync_api").sync_api
    )
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, from the front end's test tools."""
    return (load_build().workspace() / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the gallery, under a name with a space and Chinese characters."""
    from browser.gallery import report

    return write_report(report(), tmp_path_factory.mktemp("out") / "my report 报告.html")
