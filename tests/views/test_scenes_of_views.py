"""What every scene keeps: data, summaries and table twins; frames that read back; and the shape of each picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pellucid import views
from pellucid.errors import InputError
from pellucid.explanation.frame import from_frame, to_frame
from pellucid.scenes import Bars, Image, Scene, Text
from views import explanations_by_hand as made
from views.scenes_by_hand import SCENES

NAMES = sorted(SCENES)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_a_summary_and_a_table_without_gaps(name, language):
    scene = SCENES[name](language)
    assert scene.title
    assert scene.summary
    assert scene.language == language
    assert len({panel.id for panel in scene.panels}) == len(scene.panels)
    for panel in scene.panels:
        assert panel.title
        assert panel.summary
        assert "nan" not in panel.summary.lower().split()
        assert "{" not in panel.summary + panel.title + panel.subtitle
        assert all(len(row) == len(panel.table.columns) for row in panel.table.rows)
        assert panel.table.rows
        assert all(math.isfinite(c) for row in panel.table.rows for c in row if not isinstance(c, str))


@pytest.mark.parametrize("name", NAMES)
def test_every_scene_travels_in_a_frame(name):
    scene = SCENES[name]("zh-CN")
    buffer = to_frame(scene)
    assert to_frame(from_frame(buffer, Scene)) == buffer


@pytest.mark.parametrize("name", NAMES)
def test_diverging_scales_are_symmetric_and_labelled(name):
    for panel in SCENES[name]("en").panels:
        scales = [mark.scale for mark in panel.marks if isinstance(mark, Image) and mark.scale]
        for scale in filter(None, [*scales, panel.scale]):
            assert scale.label
            if scale.kind == "diverging":
                assert scale.domain[0] == -scale.domain[1] < 0


@pytest.mark.parametrize("name", NAMES)
def test_every_color_is_a_role_and_every_mark_lies_in_its_panel(name):
    from pellucid.scenes.palette import ROLES

    for panel in SCENES[name]("en").panels:
        for mark in panel.marks:
            roles = mark.colors if isinstance(mark, Bars) else (getattr(mark, "color", "ink"),)
            assert set(roles) <= set(ROLES)
            if isinstance(mark, Text):
                assert panel.x.domain[0] <= mark.x <= panel.x.domain[1]


# the golden shapes: panel ids and the labels of their axes
SHAPES = {
    "patient": [("features0", "contribution to the logit", "")],
    "waterfall": [("waterfall0", "score (logit)", "")],
    "photo": [("input0", "", ""), ("map0", "", ""), ("overlay0", "", "")],
    "signal": [("signal0_0", "", ""), ("series0_0", "time step", "contribution to the logit")],
    "tokens": [("tokens0", "attribution for the logit", "")],
    "mixed": [("input1", "", ""), ("map1", "", ""), ("overlay1", "", ""), ("features0", "contribution to the logit", "")],
    "beeswarm": [("beeswarm", "contribution to the logit", "")],
    "importance": [("importance", "mean size of the attribution", "")],
    "dependence": [("dependence", "mean radius", "contribution to the logit")],
    "decision": [("decision", "score (logit)", "")],
    "faithfulness": [
        ("deletion", "share removed, strongest first", "score (logit)"),
        ("insertion", "share put back, strongest first", "score (logit)"),
    ],
    "reliability": [("reliability", "confidence", "accuracy")],
    "confusion": [("confusion", "predicted class", "true class")],
    "history": [("history_loss", "epoch", ""), ("history_accuracy", "epoch", "")],
}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_the_shape_of_each_picture(name):
    assert [(p.id, p.x.label, p.y.label) for p in SCENES[name]("en").panels] == SHAPES[name]


def test_a_refused_picture_claims_nothing_and_is_hatched():
    for name in ("patient_refused", "photo_refused", "long_signal"):
        scene = SCENES[name]("en")
        assert scene.badge.level == "refused"
        assert len(scene.badge.reasons) == 2
        assert any(panel.hatched for panel in scene.panels)
        assert not any("most" in panel.title or "lies" in panel.subtitle for panel in scene.panels)
    assert not any(panel.hatched for panel in SCENES["patient"]("en").panels)


def test_no_row_beyond_the_last():
    with pytest.raises(InputError, match=r"row 6 of 6.*0 to 5"):
        views.attribution(made.digits(), row=6)


def test_rows_are_told_apart():
    third = views.attribution(made.digits(), row=2).panels[1].marks[0].values
    assert np.allclose(third, made.digits().arrays[0].values[2].sum(axis=0), atol=1e-7)
