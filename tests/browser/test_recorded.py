"""The page of a recorded training, as a person gets it: nothing overlaps, nothing is cut off, nothing is pale; one file, no complaint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pellucid as pl
from browser.screen import Screen, measured, opened
from pellucid.report import write_report
from pellucid.report.recorded import recording_report
from training.recording.loops import convolutional, images, mlp, rows
from views.runs.test_run_views import recorded

pytestmark = pytest.mark.browser
LOOKS = (("light", "en", 1280), ("dark", "zh-CN", 800))
NETS = {"plane": (mlp, rows), "pictures": (convolutional, images)}


@pytest.fixture(scope="module", params=NETS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pl.Run:
    net, data = NETS[request.param]
    return recorded(tmp_path_factory.mktemp(request.param), net(), data())


@pytest.fixture(scope="module")
def page(run: pl.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(recording_report(run), tmp_path_factory.mktemp("recorded") / "run.html")


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: "-".join(map(str, look)))
def screen(request: pytest.FixtureRequest, browser: Any, page: Path) -> Iterator[Screen]:
    theme, language, width = request.param
    with opened(browser, page, f"theme={theme}&lang={language}", width) as found:
        yield found


def test_all_measures(screen: Screen, page: Path, axe: str) -> None:
    measured(screen, axe, page.as_uri())


def test_facts_and_numbers_stand_in_tables(screen: Screen, run: pl.Run) -> None:
    page = screen.page
    tables = page.locator("table.pl-table")
    told = dict(zip(*(tables.nth(0).locator(f"td:nth-child({i})").all_inner_texts() for i in (1, 2)), strict=True))
    assert str(run.folder) in told.values() and "Sequential" in told.values()
    numbers = tables.nth(1)
    assert numbers.locator("tbody td:first-child").all_inner_texts() == list(run.names)
    box = page.locator(".pl-table-box").first
    assert box.evaluate("(one) => one.scrollHeight <= one.clientHeight"), "the facts need no scrolling"


BURIED = """() => [...document.querySelectorAll(".pl-panel > header")].filter((header) => {
  const [a, b] = ["h4", ".pl-tools"].map((of) => header.querySelector(of).getBoundingClientRect());
  return a.right > b.left + 1 && b.right > a.left + 1 && a.bottom > b.top + 4 && b.bottom > a.top + 4;
}).map((header) => header.innerText)"""


def test_no_button_lies_on_a_heading(screen: Screen) -> None:
    page = screen.page
    assert page.evaluate(BURIED) == []
    lay = """(area) => document.querySelectorAll(".pl-panel > header > *").forEach((one) => { one.style.gridArea = area; })"""
    page.evaluate(lay, "1 / 1 / 2 / -1")
    assert len(page.evaluate(BURIED)) > 5, "the look at boxes can fail"
    page.evaluate(lay, "")


def test_every_picture_of_the_run_is_on_the_page(run: pl.Run) -> None:
    from pellucid.views.runs import run_views

    for edition in recording_report(run).editions:
        scenes = [scene for section in edition.sections for scene in section.scenes]
        assert len(scenes) == len(run_views(run)) + 1  # and the tables
        assert all("{" not in section.heading for section in edition.sections)
