"""Which elements are drawn first, what is said of it, and what a file leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.scenes import Axis, Column, Line, Lines, Panel, Points, RowLabels, Scene, Table
from pellucid.scenes.sampling import MOST, by_importance, drawn, limited, said, sample_of

DRAW = np.random.default_rng(0)


def swarm(rows=4000, columns=3):
    """Points of all rows in each column; every tenth has no place."""
    x = DRAW.normal(size=rows * columns).astype(np.float32)
    x[::10] = np.nan
    named = tuple(Column(name, DRAW.normal(size=rows).astype(np.float32)) for name in "abcdefgh"[:columns])
    labels = RowLabels("row {row}: {label}", np.arange(1, rows + 1, dtype=np.uint32), named, "missing")
    sample = sample_of(np.isfinite(x), 1500, "points", "en")
    return Points("", x, np.arange(rows * columns) % columns * 1.0, labels=labels, values=np.arange(x.size), sample=sample)


def bundle(lines=200, steps=5):
    labels = tuple(str(i) for i in range(lines))
    role = (np.arange(lines) % 2).astype(np.uint8)
    return Lines(
        "",
        DRAW.normal(size=(lines, steps)),
        np.arange(steps),
        ("positive", "negative"),
        role,
        labels,
        sample_of(np.ones(lines, bool), 60, "rows", "en"),
    )


def scene_of(*marks, language="en"):
    axes = Axis("x", (-4, 4)), Axis("y", (-1, 5))
    return Scene("t", (Panel("p", "p", "p", Table(("a",), (("b",),)), marks, *axes, subtitle="before"),), "s", language=language)


def test_the_order_is_kept_where_all_are_drawn():
    assert by_importance(DRAW.normal(size=(50, 2)), 50).tolist() == list(range(50))


def test_extremes_come_first_and_nothing_is_lost_or_doubled():
    values = DRAW.normal(size=(50, 2))
    values[3, 1] = np.nan
    found = by_importance(values, 10)
    assert sorted(found.tolist()) == list(range(50))
    extremes = {int(np.nanargmin(values[:, k])) for k in (0, 1)} | {int(np.nanargmax(values[:, k])) for k in (0, 1)}
    assert set(found[: len(extremes)].tolist()) == extremes
    np.testing.assert_array_equal(found, by_importance(values, 10))
    assert found[len(extremes) :].tolist() != sorted(found[len(extremes) :].tolist()), "a draw, not the first rows"


def test_there_is_nothing_to_say_where_all_are_drawn():
    assert sample_of(np.ones(MOST, bool), MOST, "points", "en") is None
    sample = sample_of(np.ones(MOST + 1, bool), MOST, "points", "en")
    assert sample.said == "5,000 of 5,001 points shown, the extremes among them"


def test_places_that_are_missing_are_not_counted():
    sample = swarm().sample
    assert sample.count == 12_000 - 1200
    assert sample.said.startswith("1,350 of 10,800 points shown")


def test_paper_draws_the_first_with_all_that_belongs_to_them():
    points, lines = drawn(swarm()), drawn(bundle())
    assert len(points.x) == len(points.y) == len(points.values) == 1500
    assert len(points.labels.rows) == len(points.labels.columns[2].values) == 500
    assert (lines.x.shape, lines.y.shape, lines.role.shape, len(lines.labels)) == ((60, 5), (5,), (60,), 60)
    whole = replace(swarm(), sample=None)
    assert drawn(whole) is whole


def test_paper_draws_no_more_than_the_first():
    from pellucid.paper import draw

    axes = draw(scene_of(swarm(), bundle())).axes[0]
    assert [len(c.get_offsets()) for c in axes.collections if len(c.get_offsets()) > 1] == [1500]
    assert [len(c.get_paths()) for c in axes.collections if len(c.get_paths()) > 1] == [60]
    texts = [text.get_text() for text in axes.figure.texts]
    assert any("1,350 of 10,800 points shown" in text for text in texts)
    assert any("60 of 200 rows shown" in text for text in texts)


def test_axes_of_the_user_say_it_too():
    from matplotlib.figure import Figure

    from pellucid.paper import draw

    axes = Figure(figsize=(6, 4)).subplots()
    draw(scene_of(swarm()), ax=axes)
    assert "1,350 of 10,800 points shown" in axes.get_xlabel().replace("\n", " ")


def test_a_file_holds_no_more_than_it_may_and_says_so():
    scene = scene_of(swarm(), bundle(), Line("", np.arange(9000), np.arange(9000)))
    assert limited(scene, 13_000) is scene, "12,000 points, and 200 lines of 5 steps; a plain line is not sampled"
    panel = limited(scene, 6500).panels[0]
    points, lines, line = panel.marks
    assert (len(points.x), len(points.labels.rows), len(lines.x), len(line.x)) == (6000, 2000, 100, 9000)
    assert points.sample == scene.panels[0].marks[0].sample
    assert panel.subtitle == (
        "before · this file holds 5,400 of the 10,800 points: no zoom brings the others back · "
        "this file holds 100 of the 200 rows: no zoom brings the others back"
    )
    assert said(panel) == said(scene.panels[0])
    assert "此文件只含 10,800 points中的 5,400 points" in limited(scene_of(swarm(), language="zh-CN"), 6000).panels[0].subtitle


def test_what_is_drawn_of_the_whole_is_never_left_out():
    (points, lines) = limited(scene_of(swarm(), bundle()), 10).panels[0].marks
    assert (len(points.x), len(lines.x)) == (1500, 60)
