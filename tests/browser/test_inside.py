"""A page of all inspections of five networks, as a person gets it: nothing overlaps, nothing is pale, numbers can be read.

The line numbers of the annotated source lead to the network's graph, and its blocks back to the lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from browser.screen import Screen, measured, opened
from inside.subjects import NAMES, inspected
from pellucid.explanation import Explanation
from pellucid.methods.internals.registry import INSPECTIONS
from pellucid.report import Report, write_report
from pellucid.report.inspected import inspection_report
from pellucid.scenes import Bars, Image, Panel
from pellucid.scenes.numbers import MINUS

pytestmark = pytest.mark.browser
LOOKS = (("light", "en", 1280), ("dark", "zh-CN", 800))


# what each picture reads out when it has the focus and an arrow is pressed; null where there is nothing to read
FIRST_ELEMENTS = """() => [...document.querySelectorAll(".pl-plot")].map((plot) => {
  const press = (key) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  plot.focus();
  press("ArrowRight");
  const found = plot.querySelector(".pl-readout");
  const { left, right, width } = found.getBoundingClientRect();
  const numbers = [...found.querySelectorAll("dd")].map((dd) => dd.innerText);
  const read = width === 0 ? null : { left, right, text: found.innerText, numbers };
  press("Escape");
  return read;
})"""


@dataclass(frozen=True)
class Made:
    """The page of a network, and what it was made from."""

    name: str
    report: Report
    path: Path


@pytest.fixture(scope="module", params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    found = [one for what in INSPECTIONS if isinstance(one := inspected(request.param, what), Explanation)]
    report = inspection_report(found)
    return Made(request.param, report, write_report(report, tmp_path_factory.mktemp("inside") / "inside.html"))


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: "-".join(map(str, look)))
def screen(request: pytest.FixtureRequest, browser: Any, made: Made) -> Iterator[Screen]:
    theme, language, width = request.param
    with opened(browser, made.path, f"theme={theme}&lang={language}", width) as found:
        yield found


def test_all_measures(screen: Screen, made: Made, axe: str) -> None:
    measured(screen, axe, made.path.as_uri())


def test_every_picture_reads_out_what_python_has(screen: Screen, made: Made) -> None:
    """The first element by the keyboard: it is named or has a number, on the screen; of a bar or a map the number is Python's.

    Photographs have nothing to read out.
    """
    language = screen.page.evaluate("document.documentElement.lang")
    edition = next(edition for edition in made.report.editions if edition.language == language)
    panels = [panel for section in edition.sections for scene in section.scenes for panel in scene.panels if panel.x is not None]
    read = screen.page.evaluate(FIRST_ELEMENTS)
    assert len(read) == len(panels)
    compared = 0
    for panel, found in zip(panels, read, strict=True):
        assert (found is not None) == _readable(panel), panel.title
        if found is None:
            continue
        assert found["left"] >= 0 and found["right"] <= screen.page.viewport_size["width"], panel.title
        assert found["text"].strip() and "NaN" not in found["text"] and "undefined" not in found["text"], panel.title
        expected = _first(panel)
        if expected is not None:
            compared += 1
            assert any(_same(number, expected) for number in found["numbers"]), (panel.title, found["numbers"], expected)
    assert compared >= 2


def _readable(panel: Panel) -> bool:
    return any(mark.mark != "text" and not (isinstance(mark, Image) and mark.values is None) for mark in panel.marks)


def _first(panel: Panel) -> float | None:
    """The number of the first element of the last mark, where that is a bar or a cell of a map."""
    last = [mark for mark in panel.marks if mark.mark != "text" and not (isinstance(mark, Image) and mark.values is None)][-1]
    if isinstance(last, Bars) and len(last.length):
        return float(last.length[0])
    if isinstance(last, Image) and last.values is not None and last.told is None and not last.texts:
        return float(last.values.ravel()[0])
    return None


def _same(text: str, value: float) -> bool:
    """Whether a text is a number of Python's, rounded to four significant digits."""
    if not math.isfinite(value):
        return not re.search(r"\d", text)  # told in words
    try:
        return math.isclose(float(text.replace(",", "").replace(MINUS, "-")), value, rel_tol=5.001e-4, abs_tol=0)
    except ValueError:
        return False


def test_lines_of_source_and_blocks_of_the_graph_lead_to_one_another(screen: Screen) -> None:
    page = screen.page
    lines = page.locator(".pl-line-number button")
    assert lines.count() >= 1
    lines.first.click()
    plot = page.locator(".pl-plot:focus")
    expect(plot.locator(".pl-marker")).to_be_in_viewport()
    plot.press("Enter")
    expect(page.locator(".pl-found code").first).to_be_in_viewport()
