"""Curves and surfaces of a moved feature: the numbers drawn are the numbers found, in pictures and in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.scenes import Band, Image, Line, Points
from pellucid.scenes.words import words
from pellucid.views import attribution


def made(*, surface: bool = False, background: bool = True, rows: int = 1) -> pl.Explanation:
    kept = torch.get_rng_state()
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 2)), torch.randn(30, 9)
    torch.set_rng_state(kept)
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", names=tuple("abcdefghi")),), class_names=("no", "yes"))
    method = pl.Sensitivity(features=("c", "a") if surface else (), points=6, surface=surface)
    return pl.explain(net, x[:rows], method, spec=spec, target="yes", background=x if background else None)


def test_the_strongest_six_have_panels_and_all_stand_in_the_table() -> None:
    found = made()
    scene = attribution(found)
    parts = {array.name: array.values[0] for array in found.arrays}
    order = np.argsort(-np.ptp(parts["curve"], axis=1))
    names = found.arrays[0].coordinates["feature"]
    assert [panel.title for panel in scene.panels[:-1]] == [names[k] for k in order[:6]]
    assert [row[0] for row in scene.panels[-1].table.rows] == [names[k] for k in order]
    band, mean, local, curve, here = scene.panels[0].marks
    k = order[0]
    assert isinstance(curve, Line)
    np.testing.assert_array_equal(curve.y, parts["curve"][k])
    assert isinstance(mean, Line)
    np.testing.assert_array_equal(mean.y, parts["mean"][k])
    assert isinstance(local, Line)
    np.testing.assert_allclose(np.diff(local.y), np.diff(parts["ale"][k]))
    assert isinstance(band, Band)
    np.testing.assert_allclose(band.high - band.low, 2 * 1.96 * parts["error"][k])
    assert isinstance(here, Points)
    assert here.x[0] == pytest.approx(found.inputs[0].data.values[0][k])
    assert here.y[0] == pytest.approx(found.decision.scores[0])


def test_without_a_background_the_row_stands_alone() -> None:
    found = made(background=False)
    assert [type(mark) for mark in attribution(found).panels[0].marks] == [Line, Points]
    assert "no background" in found.provenance.choices[0]


def test_a_surface_is_drawn_with_the_second_feature_upwards() -> None:
    found = made(surface=True)
    panel = attribution(found).panels[0]
    image = panel.marks[0]
    assert isinstance(image, Image)
    assert image.values is not None
    values = found.arrays[0].values[0]
    np.testing.assert_array_equal(image.values[0], values[-1])  # row 0 is at the top
    assert panel.x is not None
    assert panel.y is not None
    assert (panel.x.label, panel.y.label) == ("c", "a")
    left, right, top, bottom = image.extent
    assert left < right
    assert bottom < top


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("surface", [False, True])
def test_pictures_words_and_archives_of_both(language: str, surface: bool, tmp_path: object) -> None:
    found = made(surface=surface)
    figure = found.plot(language=language)
    assert figure.axes
    said = found.narrate(language)  # type: ignore[arg-type]
    number = f"{found.arrays[0].values.max():.3g}" if surface else f"{np.ptp(found.arrays[0].values[0], axis=1).max():.3g}"
    assert number in said
    assert words("en")["response.row"] not in said or language == "en"
    read = pl.load(found.save(tmp_path / "curve.safetensors"))  # type: ignore[operator]
    assert read.narrate(language) == said  # type: ignore[arg-type]
    assert "text/html" in read._repr_mimebundle_()


def test_several_rows_are_told_together() -> None:
    assert "2 rows were explained" in made(rows=2).narrate()
