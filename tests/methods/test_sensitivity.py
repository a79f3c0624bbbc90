"""Curves against loops, scikit-learn's partial dependence, and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import pellucid as pl


def forest() -> tuple[object, np.ndarray]:
    from sklearn.ensemble import RandomForestClassifier

    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 4))
    x[:, 1] = x[:, 0] * 0.7 + 0.3 * x[:, 1]
    return RandomForestClassifier(20, random_state=0).fit(x, (x[:, 0] * x[:, 2] + x[:, 1] > 0).astype(int)), x


def part(found: pl.Explanation, name: str) -> np.ndarray:
    return next(array.values for array in found.arrays if array.name == name)


def test_the_mean_curve_is_scikit_learn_s_partial_dependence() -> None:
    from sklearn.inspection import partial_dependence

    model, x = forest()
    method = pl.Sensitivity(features=(2, 0), points=12, rows=500)
    found = pl.explain(model.predict_proba, x[:3], method, target=pl.Output(1), background=x)  # type: ignore[attr-defined]
    for place, feature in enumerate((2, 0)):
        theirs = partial_dependence(
            model, x, [feature], grid_resolution=12, percentiles=(0, 1), kind="both", response_method="predict_proba"
        )
        for row in range(3):
            np.testing.assert_allclose(part(found, "at")[row, place], theirs["grid_values"][0], atol=1e-12)
            np.testing.assert_allclose(part(found, "mean")[row, place], theirs["average"][0], atol=1e-12)
        np.testing.assert_allclose(part(found, "curve")[:, place], theirs["individual"][0, :3], atol=1e-12)
        np.testing.assert_allclose(part(found, "error")[0, place], theirs["individual"][0].std(0, ddof=1) / np.sqrt(120), atol=1e-12)


def accumulated(score: object, x: np.ndarray, feature: int, at: np.ndarray, bins: int) -> np.ndarray:
    """The slow twin: row by row, bin by bin, as the paper writes it."""
    edges = np.unique(np.quantile(x[:, feature], np.linspace(0, 1, bins + 1)))
    effects, counts = [0.0], []
    for low, high in itertools.pairwise(edges):
        inside = [row for row in x if low < row[feature] <= high or (row[feature] == edges[0] and low == edges[0])]
        total = 0.0
        for row in inside:
            ends = [row.copy(), row.copy()]
            ends[0][feature], ends[1][feature] = low, high
            bottom, top = score(np.array(ends))  # type: ignore[operator]
            total += top - bottom
        effects.append(effects[-1] + (total / len(inside) if inside else 0.0))
        counts.append(len(inside))
    heights = np.array(effects)
    middle = np.average((heights[:-1] + heights[1:]) / 2, weights=counts)
    return np.interp(at, edges, heights - middle)


def test_accumulated_local_effects_against_loops() -> None:
    model, x = forest()
    found = pl.explain(model.predict_proba, x[:1], pl.Sensitivity(points=8, rows=500), target=pl.Output(1), background=x)  # type: ignore[attr-defined]
    for feature in range(4):
        twin = accumulated(lambda rows: model.predict_proba(rows)[:, 1], x, feature, part(found, "at")[0, feature], 8)  # type: ignore[attr-defined]
        np.testing.assert_allclose(part(found, "ale")[0, feature], twin, atol=1e-12)


def test_a_linear_network_has_straight_curves_and_ale_ignores_correlation() -> None:
    net = nn.Linear(3, 2).double()
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(1)).double()
    found = pl.explain(net, x[:2], pl.Sensitivity(rows=100), target=1, background=x)
    weight = net.weight[1].detach().numpy()
    slopes = np.diff(part(found, "curve"), axis=2) / np.diff(part(found, "at"), axis=2)
    np.testing.assert_allclose(slopes, np.broadcast_to(weight[None, :, None], slopes.shape), atol=1e-10)
    slopes = np.diff(part(found, "ale"), axis=2) / np.diff(part(found, "at"), axis=2)
    np.testing.assert_allclose(slopes, np.broadcast_to(weight[None, :, None], slopes.shape), atol=1e-10)


def test_a_surface_holds_every_pair_of_values() -> None:
    def product(x: np.ndarray) -> np.ndarray:
        return x[:, 1] * x[:, 2]

    x = np.random.default_rng(0).normal(size=(30, 3))
    method = pl.Sensitivity(features=(1, 2), points=7, surface=True)
    found = pl.explain(product, x[:2], method, spec=pl.ModelSpec(outputs="values"), background=x)
    at = part(found, "at")[0]
    assert found.kind == "surface"
    np.testing.assert_allclose(part(found, "surface")[1], at[1][:, None] * at[0][None], atol=1e-12)


def test_rows_of_several_classes_have_their_own_averages() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3)).double(), torch.randn(40, 3).double()
    together = pl.explain(net, x[:3], pl.Sensitivity(rows=40), target=[0, 2, 0], background=x)
    for row, target in enumerate((0, 2, 0)):
        alone = pl.explain(net, x[row : row + 1], pl.Sensitivity(rows=40), target=target, background=x)
        for name in ("curve", "mean", "ale"):
            np.testing.assert_allclose(part(together, name)[row], part(alone, name)[0], atol=1e-12)
    assert together.provenance.evaluations == 3 * (1 + 3 * 20) + 2 * 3 * 40 * 22


def test_a_frame_is_moved_in_the_user_s_units() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"age": draw.uniform(20, 70, 80), "city": draw.choice(["Bonn", "Oslo"], 80), "income": draw.normal(3, 1, 80)})
    preparation = pl.TablePreparation.fit(frame)
    net = nn.Linear(len(preparation.names), 2)
    found = pl.explain(net, frame.iloc[:2], "sensitivity", target=1, preparation=preparation, background=frame)
    assert found.arrays[0].coordinates["feature"] == ("age", "income")
    np.testing.assert_allclose(part(found, "at")[0, 0, [0, -1]], [frame["age"].min(), frame["age"].max()], rtol=1e-5)
    with pytest.raises(pl.PellucidError, match="several columns"):
        pl.explain(net, frame.iloc[:2], pl.Sensitivity(features=("city",)), preparation=preparation, background=frame)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (pl.Sensitivity(points=1), "two points"),
        (pl.Sensitivity(features=("age",)), "There is no feature"),
        (pl.Sensitivity(features=(9,)), "no feature at this position"),
        (pl.Sensitivity(features=(1,), surface=True), "two features"),
    ],
)
def test_wrong_options_are_refused(method: pl.Sensitivity, message: str) -> None:
    with pytest.raises(pl.PellucidError, match=message):
        pl.explain(nn.Linear(3, 2), torch.rand(1, 3), method)


def test_images_are_refused_with_what_to_use() -> None:
    with pytest.raises(pl.PellucidError, match="'occlusion' or 'rise'"):
        pl.explain(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), torch.rand(1, 3, 4, 4), "sensitivity")
