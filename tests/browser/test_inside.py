"""A page of all inspections of five networks, as a person gets it: nothing overlaps, nothing is pale, numbers can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.screen import Screen, cut_off, opened, overlapping, pale
from inside.subjects import NAMES, inspected
from pellucid.explanation import Explanation
from pellucid.methods.internals.registry import INSPECTIONS
from pellucid.report import write_report
from pellucid.report.inspected import inspection_report

pytestmark = pytest.mark.browser
LOOKS = (("light", "en", 1280), ("dark", "zh-CN", 800))


@pytest.fixture(scope="module", params=NAMES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = [one for what in INSPECTIONS if isinstance(one := inspected(request.param, what), Explanation)]
    return write_report(inspection_report(found), tmp_path_factory.mktemp("inside") / "inside.html")


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: "-".join(map(str, look)))
def screen(request: pytest.FixtureRequest, browser: Any, page: Path) -> Iterator[Screen]:
    theme, language, width = request.param
    with opened(browser, page, f"theme={theme}&lang={language}", width) as found:
        yield found


def test_all_measures(screen: Screen, axe: str) -> None:
    lines = screen.lines()
    assert sum(line["where"] == "canvas" for line in lines) > 10, "the pictures are drawn"
    assert (overlapping(lines), cut_off(lines), pale(lines)) == ([], [], [])
    assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screen.page.evaluate(axe)
    assert screen.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id))") == []
    assert screen.complaints == []
    assert len(screen.requests) == 1
