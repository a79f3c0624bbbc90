"""A beeswarm of 20,000 rows: zooming brings back the points that the whole picture leaves out, and they read what Python has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser.screen import Screen, cut_off, opened, overlapping, pale
from pellucid import views
from pellucid.explanation import LabelledArray, ShownInput
from pellucid.report import Edition, Report, Section, write_report
from pellucid.report.report import Language
from pellucid.scenes import Points
from pellucid.scenes.numbers import MINUS
from views import explanations_by_hand as made

pytestmark = pytest.mark.browser
ROWS, FEATURES = 20_000, 12
NAMES = tuple(f"feature {chr(97 + i)}" for i in range(FEATURES))
DRAW = np.random.default_rng(11)
DATA = DRAW.normal(5, 2, (ROWS, FEATURES))
VALUES = (DATA - 5) * np.linspace(1.2, 0.1, FEATURES) + DRAW.normal(0, 0.2, (ROWS, FEATURES))


def _explanation() -> Any:
    names = {"feature": NAMES}
    shown = ShownInput("x", "tabular", LabelledArray("x", DATA, ("sample", "feature"), names))
    array = LabelledArray("x", VALUES, ("sample", "feature"), names)
    return made.explanation((array,), (shown,), made.decision(("yes", "no"), ROWS), rows=ROWS)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    explanation = _explanation()

    def edition(language: Language) -> Edition:
        return Edition(language, "Many", (), (Section("many", "Many", (), (views.beeswarm(explanation, language=language),)),), ())

    return write_report(
        Report("2026-03-04T05:06:00+00:00", "0.1.0", (edition("en"), edition("zh-CN"))), tmp_path_factory.mktemp("many") / "many.html"
    )


@pytest.fixture(scope="module")
def drawn_first() -> set[int]:
    """The rows that are drawn of the whole picture."""
    (points,) = (mark for mark in views.beeswarm(_explanation()).panels[0].marks if isinstance(mark, Points))
    assert points.sample is not None
    return set(points.labels.rows[: points.sample.first // FEATURES].tolist())


@pytest.fixture
def screen(browser: Any, path: Path) -> Iterator[Screen]:
    with opened(browser, path, "theme=light&lang=en") as found:
        yield found


def _told(screen: Screen) -> str:
    return screen.page.locator(".pl-told").inner_text()


def _drag(screen: Screen, left: float, top: float, right: float, bottom: float) -> dict[str, float]:
    """Zooms to a box given in parts of the canvas; returns the canvas' box."""
    canvas = screen.page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    screen.page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + right * box["width"], box["y"] + bottom * box["height"], steps=3)
    screen.page.mouse.up()
    return box


def _features(screen: Screen) -> list[str]:
    """The features that stand at the axis."""
    texts = screen.page.evaluate("[...window.__pellucid.textBoxes.values()][0].map((b) => b.text)")
    return [text for text in texts if text in NAMES]


def _four(text: str) -> float:
    return float(text.replace(",", "").replace(MINUS, "-"))


def test_a_point_that_was_not_drawn_is_read_after_zooming(screen: Screen, drawn_first: set[int]) -> None:
    assert _told(screen) == "4,992 of 240,000 points shown, the extremes among them"
    assert _features(screen) == list(NAMES)
    box = _drag(screen, 0.6, 0.1, 0.63, 0.12)
    assert _features(screen) == [NAMES[1]], "a box within a category shows that one, under its name"
    assert re.fullmatch(r"all [\d,]+ points in this view shown", _told(screen))
    names: set[int] = set()
    for left in np.linspace(0.25, 0.9, 8):
        for top in np.linspace(0.25, 0.7, 5):
            screen.page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
            readout = screen.page.locator(".pl-readout")
            found = re.fullmatch(r"row (\d+): (feature .) = (.+)", readout.locator("strong").inner_text())
            assert found is not None
            row, feature = int(found[1]), NAMES.index(found[2])
            names.add(row)
            assert _four(found[3]) == float(f"{DATA[row - 1, feature]:.4g}")
            assert _four(readout.locator("dd").first.inner_text()) == float(f"{VALUES[row - 1, feature]:.4g}")
    assert len(names) > 20
    assert len(names - drawn_first) > 0.8 * len(names), "these were not drawn before"


def test_the_wheel_and_the_keys_zoom_along_categories_too(screen: Screen) -> None:
    plot = screen.page.locator(".pl-plot")
    plot.focus()
    for _ in range(5):
        screen.page.keyboard.press("ArrowRight")
    for _ in range(9):
        screen.page.keyboard.press("+")
    assert _features(screen) == [NAMES[0]], "the keys go to what was read out last"
    assert plot.locator(".pl-readout strong").is_visible()
    screen.page.keyboard.press("0")
    assert _features(screen) == list(NAMES)
    box = screen.page.locator("canvas").bounding_box()
    screen.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    for _ in range(16):
        screen.page.mouse.wheel(0, -100)
    screen.page.wait_for_function("!document.querySelector('.pl-told').textContent.includes('240,000')")
    assert len(_features(screen)) in (1, 2)
    for _ in range(40):
        screen.page.mouse.wheel(0, 100)
    screen.page.wait_for_function("document.querySelector('.pl-told').textContent.includes('240,000')")


@pytest.mark.parametrize(("theme", "language", "width"), [("light", "en", 1280), ("dark", "zh-CN", 800)])
def test_nothing_overlaps_and_all_can_be_read_whole_and_zoomed(
    browser: Any, path: Path, axe: str, theme: str, language: str, width: int
) -> None:
    with opened(browser, path, f"theme={theme}&lang={language}", width) as screen:
        for zoom in (None, (0.5, 0.2, 0.7, 0.5), (0.55, 0.3, 0.6, 0.34)):
            if zoom:
                _drag(screen, *zoom)
            lines = screen.lines()
            assert (overlapping(lines), cut_off(lines), pale(lines)) == ([], [], [])
        assert _told(screen)
        screen.page.evaluate(axe)
        assert screen.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id))") == []
        assert screen.complaints == []
