"""Pictures of trainings: nothing overlaps, nothing is cut off, every number is that of the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pellucid as pl
from paper.extents import cut_off, overlaps
from pellucid.paper import draw
from pellucid.scenes import Image, Line
from pellucid.views.runs import VIEWS, run_scene, run_views
from pellucid.views.runs.curves import WINDOWS, compared_curves, smoothed
from pellucid.views.runs.spreads import LEVELS, _rebinned
from training.recording.loops import convolutional, images, mlp, rows

LOOKS = (("light", "en"), ("dark", "zh-CN"))


def recorded(folder: Path, net: nn.Module, data: tuple[torch.Tensor, torch.Tensor], steps: int = 40) -> pl.Run:
    """A training in which all kinds of frames are taken in turn."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    draw = torch.Generator().manual_seed(0)
    with pl.watch(net, optimizer, folder, data=(data[0][:30], data[1][:30])) as run:
        run._always, run._looks.allowed_behind = True, 10**9
        turn = iter(run._looks.kinds * 1000)
        run._looks.schedule.due = lambda *_: next(turn)
        for step in range(steps):
            chosen = torch.randint(0, len(data[0]), (32,), generator=draw)
            loss = F.cross_entropy(net(data[0][chosen]), data[1][chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(loss=loss, accuracy=0.5)
            if step % 10 == 9:
                run.log(valid_loss=float(loss.detach()) + 0.1)
        run.learning_rate(1e-3)
        run.freeze("0")
        run.step(loss=float("nan"))
    return pl.Run(folder)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> pl.Run:
    return recorded(tmp_path_factory.mktemp("plane"), mlp(), rows())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> pl.Run:
    return recorded(tmp_path_factory.mktemp("pictures"), convolutional(), images())


@pytest.mark.parametrize("look", LOOKS, ids="-".join)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("of", ["plane", "pictures"])
def test_pictures_can_be_read(request: pytest.FixtureRequest, of: str, view: str, look: tuple[str, str]) -> None:
    run = request.getfixturevalue(of)
    if view not in run_views(run):
        assert (of, view) == ("pictures", "boundary")
        with pytest.raises(pl.PellucidError, match="two features"):
            run.plot(view)
        return
    theme, language = look
    scene = run_scene(run, view=view, language=language)
    assert "{" not in scene.title + scene.summary
    assert all(panel.summary and panel.table.columns for panel in scene.panels)
    figure = draw(scene, theme=theme)
    assert (overlaps(figure), cut_off(figure)) == ([], [])


def test_curves_are_those_of_the_run(plane: pl.Run) -> None:
    scene = run_scene(plane, view="curves")
    assert [panel.id for panel in scene.panels] == ["curve_loss", "curve_accuracy", "curve_learning_rate"]
    line = next(mark for mark in scene.panels[0].marks if isinstance(mark, Line))
    series = plane.scalars("loss")
    np.testing.assert_array_equal(line.y, series.values[:-1])  # the last is not a number
    assert "1 of 41 values are not finite, the first at step 41" in scene.panels[0].subtitle
    rate = next(mark for mark in scene.panels[2].marks if isinstance(mark, Line))
    assert rate.y.tolist() == [1e-2, 1e-2, 1e-3, 1e-3]  # a stair
    assert "learning rate set" in scene.panels[0].legend[-1].label


def test_windows_against_a_slow_count() -> None:
    from pellucid.training.runs.answers import Series

    draw = np.random.default_rng(0)
    values = draw.normal(size=10 * WINDOWS + 3)
    values[7] = np.inf
    series = Series("x", np.arange(1, len(values) + 1), np.zeros(len(values)), values)
    found = smoothed(series)
    kept = [(s, v) for s, v in zip(series.steps, values, strict=True) if np.isfinite(v)]
    assert found.together == 11
    for at in (0, 1, 17, len(found.steps) - 1):
        part = [v for _, v in kept[at * 11 : (at + 1) * 11]]
        assert found.middle[at] == np.median(part)
        np.testing.assert_allclose([found.low[at], found.high[at]], np.quantile(part, (0.1, 0.9)))


def test_the_flow_is_the_norm_of_the_gradients(plane: pl.Run) -> None:
    panel = run_scene(plane, view="gradient_flow").panels[0]
    image = next(mark for mark in panel.marks if isinstance(mark, Image))
    frames = plane.frames("layers")
    spread = frames[-1].gradients
    at = spread.names.index("2.weight")
    assert image.values is not None
    assert image.values[1, -1] == pytest.approx(np.log10(spread.norm[at] / np.sqrt(spread.size[at])))


def test_histograms_on_a_common_axis_keep_their_shares() -> None:
    draw = np.random.default_rng(0)
    values = np.sort(draw.normal(size=4096))
    counts, _ = np.histogram(values, 48, (values[0], values[-1]))
    quantiles = np.quantile(values, (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1))
    shares = _rebinned(quantiles, counts, (-2.0, 2.0))
    assert len(shares) == LEVELS
    assert shares.sum() == pytest.approx(((values > -2) & (values < 2)).mean(), abs=0.01)
    truth, _ = np.histogram(values, LEVELS, (-2.0, 2.0))
    np.testing.assert_allclose(shares, truth / 4096, atol=0.012)
    assert _rebinned(np.full(9, 0.5), np.array([7] + [0] * 47), (-2.0, 2.0)).sum() == 1.0


def test_one_layer(plane: pl.Run) -> None:
    scene = run_scene(plane, view="weights", layer="2")
    assert [panel.title for panel in scene.panels] == ["2.weight", "2.bias"]
    with pytest.raises(pl.PellucidError, match="no layer of that name"):
        run_scene(plane, view="weights", layer="nowhere")
    with pytest.raises(pl.PellucidError, match="not about one layer"):
        run_scene(plane, view="curves", layer="2")
    with pytest.raises(pl.PellucidError, match="did you mean 'curves'"):
        plane.plot("curve")


def test_runs_beside_one_another(plane: pl.Run, pictures: pl.Run) -> None:
    scene = compared_curves([plane, pictures])
    assert len([mark for mark in scene.panels[0].marks if isinstance(mark, Line)]) == 2
    with pytest.raises(pl.PellucidError, match="told: loss"):
        compared_curves([plane], name="los")
