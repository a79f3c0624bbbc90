"""A report of real explanations of real networks, as a person gets it: the same measures, and its numbers against Python's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from browser.screen import Screen, measured, opened
from browser.test_report import LOOKS
from pellucid.demo.networks import train_digits, train_patient
from pellucid.explanation import Explanation
from pellucid.harness.explain import explain
from pellucid.report import write_report
from pellucid.report.report import Report
from pellucid.report.sections import report_of
from pellucid.scenes.numbers import MINUS

pytestmark = pytest.mark.browser


class Made(NamedTuple):
    path: Path
    patient: Explanation
    digits: Explanation


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One patient, and three digits of which one is misread, in one file."""
    patient, digits = train_patient(), train_digits()
    test = patient.split.test
    one = explain(
        patient.net,
        test.inputs[:1],
        "integrated_gradients",
        preparation=patient.preparation,
        background=patient.split.train.inputs,
        labels=test.labels[:1],
        class_names=patient.dataset.class_names,
        checks="full",
    )
    wrong = int(np.flatnonzero(digits.evaluation.predicted != digits.split.test.labels)[0])
    rows = [0, 1, wrong]
    three = explain(digits.net, digits.inputs(digits.split.test)[rows], "occlusion", labels=digits.split.test.labels[rows])
    report: Report = report_of([one, three], quality=patient.evaluation)
    return Made(write_report(report, tmp_path_factory.mktemp("real") / "report.html"), one, three)


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: "-".join(map(str, look)))
def screen(request: pytest.FixtureRequest, browser: Any, made: Made) -> Iterator[Screen]:
    theme, language, width = request.param
    with opened(browser, made.path, f"theme={theme}&lang={language}", width) as found:
        yield found


def test_all_measures(screen: Screen, made: Made, axe: str) -> None:
    measured(screen, axe, made.path.as_uri(), drawn=60)


@pytest.fixture(scope="module")
def plain(browser: Any, made: Made) -> Iterator[Screen]:
    with opened(browser, made.path, "theme=light&lang=en") as found:
        yield found


def _figure(screen: Screen, section: str, number: int) -> Any:
    figure = screen.page.locator(f"#section-{section} figure").nth(number)
    figure.scroll_into_view_if_needed()
    return figure


def _read(screen: Screen, figure: Any, left: float, top: float) -> tuple[str, list[str]]:
    """The read-out at a pixel of a figure's canvas: its name and its numbers."""
    box = figure.locator("canvas").bounding_box()
    screen.page.mouse.move(box["x"] + left, box["y"] + top)
    found = figure.locator(".pl-readout")
    return found.locator("strong").inner_text(), found.locator("dd").all_inner_texts()


def _four(text: str) -> float:
    return float(text.replace(",", "").replace(MINUS, "-"))


def test_a_bar_reads_the_number_of_the_explanation(plain: Screen, made: Made) -> None:
    figure = _figure(plain, "e1", 0)
    box = figure.locator("canvas").bounding_box()
    values = made.patient.arrays[0].values[0]
    names = made.patient.arrays[0].coordinates["feature"]
    read = 0
    for top in np.arange(12.0, box["height"] - 60, 14):
        label, numbers = _read(plain, figure, box["width"] * 0.6, float(top))
        name = label.split(" = ")[0]
        if name in names:
            read += 1
            assert _four(numbers[0]) == float(f"{values[names.index(name)]:.4g}"), (label, numbers)
    assert read >= 12


def test_a_cell_of_a_map_reads_the_number_of_the_explanation(plain: Screen, made: Made) -> None:
    figure = _figure(plain, "e2-3", 1)
    box = figure.locator("canvas").bounding_box()
    plane = made.digits.arrays[0].values[2].reshape(8, 8)
    assert len(np.unique(plane)) > 8, "a comparison that can fail"
    for row, column in ((0, 3), (4, 4), (7, 2), (2, 5)):
        _, numbers = _read(plain, figure, (column + 0.5) / 8 * box["width"], (row + 0.5) / 8 * box["height"])
        assert _four(numbers[-1]) == float(f"{plane[row, column]:.4g}"), (row, column, numbers)
