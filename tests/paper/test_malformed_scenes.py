"""A scene that can not be drawn is refused in words, not by an assertion."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.paper import draw
from pellucid.paper.panels import axes_of
from pellucid.scenes import Axis, Image, Panel, Scene, Table


def scene(panel: Panel) -> Scene:
    return Scene("a title", (panel,), "a summary")


def test_a_chart_with_one_axis() -> None:
    panel = Panel("lonely", "a panel", "", Table((), ()), x=Axis("x", (0.0, 1.0)))
    with pytest.raises(InputError, match=r"needs two axes.*'lonely'.*both x and y"):
        axes_of(panel)


def test_an_image_without_scale() -> None:
    image = Image("map", (0.0, 2.0, 0.0, 2.0), values=np.eye(2))
    panel = Panel("p", "a panel", "", Table((), ()), marks=(image,), x=Axis("x", (0.0, 2.0)), y=Axis("y", (0.0, 2.0)))
    with pytest.raises(InputError, match=r"pixels, or values with a scale.*'map'"):
        draw(scene(panel))
