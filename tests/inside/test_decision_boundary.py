"""The decision boundary end to end: what it holds, how it is drawn and told, that it leaves no trace, what it refuses."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from inside.test_decision_boundary_regions import Pooled, mlp
from paper.extents import cut_off, overlaps
from pellucid.errors import BudgetError, InputError, UnknownName, UnsupportedOperation
from pellucid.explanation.contents import DecisionBoundary
from pellucid.explanation.frame import to_frame
from pellucid.methods.internals.decision_boundary import LookAtDecisionBoundary
from pellucid.paper import draw
from pellucid.scenes import Bars, Image, Polygons
from pellucid.scenes.sampling import MOST, drawn, limited
from pellucid.views.inside import inside, inside_views

SMALL = LookAtDecisionBoundary(resolution=60)


def rows(count: int = 40, inputs: int = 2, seed: int = 0) -> Tensor:
    return 2 * torch.rand(count, inputs, generator=torch.Generator().manual_seed(seed)) - 1


def content(explanation: pl.Explanation) -> DecisionBoundary:
    assert isinstance(explanation.content, DecisionBoundary)
    return explanation.content


def seen(kind: str) -> pl.Explanation:
    """One of each way to look: exact on inputs, exact on slices, traced, sampled, one logit, one class everywhere."""
    if kind == "inputs":
        x = rows()
        return pl.inspect(mlp(0), SMALL, x, labels=np.arange(40) % 3, class_names=("red", "green", "blue"))
    if kind == "samples":
        return pl.inspect(mlp(1, inputs=5), LookAtDecisionBoundary(through=(0, 7, 3), resolution=60), rows(inputs=5))
    if kind == "pca":
        return pl.inspect(mlp(1, inputs=5), SMALL, rows(inputs=5), labels=np.arange(40) % 3)
    if kind == "traced":
        return pl.inspect(mlp(0, width=32), LookAtDecisionBoundary(resolution=60, most=2500), rows())
    if kind == "sampled":
        torch.manual_seed(0)
        return pl.inspect(nn.Sequential(nn.Linear(2, 9), nn.Tanh(), nn.Linear(9, 3)), SMALL, 4 * rows(), labels=np.arange(40) % 3)
    if kind == "logit":
        net = mlp(2)
        net[-1] = nn.Linear(16, 1)
        return pl.inspect(net, SMALL, rows(), spec=pl.ModelSpec(outputs="logits"), class_names=("no", "yes"))
    net = mlp(3)
    with torch.no_grad():
        net[-1].bias[1] += 1e3  # type: ignore[operator]
    return pl.inspect(net, SMALL, rows())


KINDS = ("inputs", "samples", "pca", "traced", "sampled", "logit", "one class")


@pytest.mark.parametrize(("kind", "how"), [(kind, kind if kind in ("traced", "sampled") else "exact") for kind in KINDS])
def test_what_it_holds(kind: str, how: str) -> None:
    found = content(seen(kind))
    assert (found.how, bool(found.why), found.regions is not None) == (how, how != "exact", how == "exact")
    assert found.classes.shape == found.confidence.shape == (60, 60)
    assert ((found.confidence >= 1 / len(found.class_names) - 1e-12) & (found.confidence <= 1)).all()
    assert (len(found.boundary) > 0) == (kind != "one class")
    assert found.agreement is None if found.regions is None else found.agreement == 1.0
    assert np.isinf(found.rows.distances).all() == (kind == "one class")
    if found.plane.kind == "samples":
        assert np.allclose(found.rows.off[[0, 7, 3]], 0, atol=1e-6)
        assert (found.rows.there == found.rows.predicted)[[0, 7, 3]].all()


def test_the_same_again_gives_the_same_bytes() -> None:
    first, second = content(seen("inputs")), content(seen("inputs"))
    assert first.regions is not None and second.regions is not None
    assert to_frame(first.regions) == to_frame(second.regions)
    assert first.boundary.tobytes() == second.boundary.tobytes()


def test_distances_are_how_far_one_may_walk() -> None:
    """On a circle of that size around a row the class is one and the same; on one a little larger it is not."""
    net, x = mlp(0), rows()
    found = content(pl.inspect(net, SMALL, x))
    turns = torch.linspace(0, 2 * torch.pi, 20_001, dtype=torch.float64)
    circle = torch.stack([turns.cos(), turns.sin()], 1)
    wide = copy.deepcopy(net).double()
    sure = np.flatnonzero(found.rows.sure)
    assert len(sure) > 20
    for row in sure:
        around = [wide(x[row].double() + factor * found.rows.distances[row] * circle).argmax(1) for factor in (0.9999, 1.0001)]
        assert len(around[0].unique()) == 1 < len(around[1].unique())


def test_a_traced_boundary_is_the_exact_one_where_the_grid_saw_it() -> None:
    exact = content(pl.inspect(mlp(0, width=32), SMALL, rows()))
    traced = content(seen("traced"))

    def length(of: DecisionBoundary) -> float:
        return float(np.linalg.norm(np.diff(of.boundary, axis=1), axis=-1).sum())

    assert 0.99 * length(exact) < length(traced) <= length(exact) * (1 + 1e-9)
    regions = exact.regions
    assert regions is not None and len(regions) > 2500


def test_one_logit_changes_at_zero() -> None:
    explanation = seen("logit")
    found = content(explanation)
    net = mlp(2)
    net[-1] = nn.Linear(16, 1)
    assert found.class_names == ("no", "yes")
    assert set(np.unique(found.classes)) == {0, 1}
    regions = found.regions
    assert regions is not None and regions.levels.shape[1] == 1


@pytest.mark.parametrize("look", [("light", "en"), ("dark", "zh-CN")], ids="-".join)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_drawn_and_told(kind: str, look: Any) -> None:
    explanation, (theme, language) = seen(kind), look
    for view in inside_views(explanation):
        scene = inside(explanation, view=view, language=language)
        assert "{" not in scene.title + scene.summary + "".join(scene.notes)
        figure = draw(scene, theme=theme)
        assert (overlaps(figure), cut_off(figure)) == ([], []), view
    text = explanation.narrate(language)
    assert "{" not in text and "nan" not in text and "inf" not in text


@pytest.mark.parametrize(("kind", "views"), [("inputs", 3), ("sampled", 2), ("one class", 2)])
def test_a_picture_that_would_show_nothing_is_left_out(kind: str, views: int) -> None:
    """Regions of what is not linear in pieces, and distances to a change that is nowhere."""
    shown = set(inside_views(seen(kind)))
    assert len(shown) == views
    assert ("regions" in shown, "distances" in shown) == (kind != "sampled", kind != "one class")


def test_bars_of_no_misread_row_leave_no_edge_upon_the_others() -> None:
    scene = inside(seen("sampled"), view="distances")
    right, wrong = (mark for mark in scene.panels[0].marks if isinstance(mark, Bars))
    assert len(wrong.length) and (wrong.length > 0).all()
    assert len(wrong.labels) == len(wrong.colors) == len(wrong.length) == len(wrong.start) == len(wrong.positions)
    assert right.length.sum() + wrong.length.sum() == np.isfinite(content(seen("sampled")).rows.distances).sum()


def test_many_regions_are_drawn_largest_first_and_all_travel() -> None:
    scene = inside(pl.inspect(mlp(0, width=64, depth=4), SMALL, rows()), view="regions")
    areas = next(mark for mark in scene.panels[0].marks if isinstance(mark, Polygons) and mark.sample)
    assert areas.sample is not None and areas.sample.count == len(areas.x) > MOST
    assert len(drawn(areas).x) == len(drawn(areas).role) == MOST
    kept = limited(scene, most=60_000)
    fewer = next(mark for mark in kept.panels[0].marks if isinstance(mark, Polygons) and mark.sample)
    assert MOST <= len(fewer.x) < len(areas.x) and len(fewer.labels.rows) == len(fewer.x)  # type: ignore[union-attr]


def test_the_map_stands_upright() -> None:
    """Class 1 above the diagonal: at the top left of the picture, where a map's first row and column are."""
    net = nn.Linear(2, 2)
    with torch.no_grad():
        net.weight[:] = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        net.bias[:] = 0
    explanation = pl.inspect(net, SMALL, rows())
    image = next(mark for mark in inside(explanation, view="boundary").panels[0].marks if isinstance(mark, Image))
    assert image.values is not None
    assert (image.texts[image.values[0, 0]], image.texts[image.values[-1, -1]]) == ("says 1", "says 0")
    assert content(explanation).classes[-1, 0] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_archive_holds_it(kind: str, tmp_path: Path) -> None:
    explanation = seen(kind)
    first = explanation.save(tmp_path / "one.safetensors")
    again = pl.load(first)
    assert again.save(tmp_path / "two.safetensors").read_bytes() == first.read_bytes()
    assert again.kind == "regions" and again.narrate("en") == explanation.narrate("en")


@pytest.mark.parametrize("interrupted", [False, True])
def test_it_leaves_no_trace(interrupted: bool) -> None:
    torch.manual_seed(0)
    net, x = Pooled().train(), torch.randn(4, 1, 6, 6)
    before, kept, draws = copy.deepcopy(net.state_dict()), x.clone(), torch.get_rng_state()
    calls: list[int] = []

    def stop(_stage: str, done: int, _whole: int) -> None:
        calls.append(done)
        if interrupted and len(calls) == 3:
            raise KeyboardInterrupt

    what = LookAtDecisionBoundary(through=(0, 1, 2), resolution=20)
    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            pl.inspect(net, what, x, progress=stop)
    else:
        assert content(pl.inspect(net, what, x, progress=stop)).how == "exact"
    assert len(calls) >= 3
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert torch.equal(x, kept) and torch.equal(draws, torch.get_rng_state())
    assert all(parameter.dtype == torch.float32 and parameter.grad is None and parameter.requires_grad for parameter in net.parameters())
    assert all(module.training and not (module._forward_hooks or module._forward_pre_hooks) for module in net.modules())


def test_a_function_is_sampled() -> None:
    def predict(x: np.ndarray) -> np.ndarray:
        return np.stack([x[:, 0], x[:, 1]], 1)

    found = content(pl.inspect(predict, SMALL, rows().numpy()))
    assert (found.how, found.why) == ("sampled", "hidden")


def test_what_can_not_be_seen_is_an_error() -> None:
    net = mlp(0)
    exact = {"how": "exact", "resolution": 20}
    with pytest.raises(InputError, match="none were given"):
        pl.inspect(net, "decision_boundary")
    with pytest.raises(InputError, match="three different rows"):
        pl.inspect(mlp(0, inputs=4), LookAtDecisionBoundary(through=(0, 0, 1)), rows(inputs=4))
    with pytest.raises(InputError, match="span no plane"):
        pl.inspect(mlp(0, inputs=4), LookAtDecisionBoundary(through=(0, 1, 2)), torch.arange(3.0)[:, None].expand(3, 4).clone())
    with pytest.raises(InputError, match="span no plane"):
        pl.inspect(mlp(0, inputs=4), SMALL, rows(2, inputs=4))
    with pytest.raises(InputError, match="two inputs"):
        pl.inspect(mlp(0, inputs=1), SMALL, rows(inputs=1))
    with pytest.raises(InputError, match="no extent"):
        pl.inspect(net, LookAtDecisionBoundary(span=(0, 0, 1, 2)), rows())
    with pytest.raises(UnknownName, match="did you mean 'exact'"):
        pl.inspect(net, LookAtDecisionBoundary(how="exat"), rows())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="points a side"):
        pl.inspect(net, LookAtDecisionBoundary(resolution=1), rows())
    with pytest.raises(InputError, match="scores of classes"):
        pl.inspect(nn.Linear(2, 1), SMALL, rows())
    with pytest.raises(InputError, match="missing or infinite"):
        pl.inspect(net, SMALL, torch.full((4, 2), torch.nan), spec=pl.ModelSpec((pl.InputSpec(missing=True),)))
    with pytest.raises(UnsupportedOperation, match="piecewise linear"):
        pl.inspect(nn.Sequential(nn.Linear(2, 3), nn.Tanh()), LookAtDecisionBoundary(**exact), rows())  # type: ignore[arg-type]
    with pytest.raises(BudgetError, match="more linear regions"):
        pl.inspect(net, LookAtDecisionBoundary(**exact, most=20), rows())  # type: ignore[arg-type]


def test_rows_that_the_copy_in_double_precision_runs_are_counted() -> None:
    net, x = mlp(0), rows()
    run = {kind: pl.inspect(net, replace(SMALL, how=kind), x).provenance.evaluations for kind in ("sampled", "exact")}
    assert run["sampled"] >= 60 * 60 + 40
    found = content(pl.inspect(net, replace(SMALL, how="exact"), x)).regions
    assert found is not None
    assert run["exact"] - run["sampled"] > len(found.middles), "each area is asked once at its middle, and its corners before"
