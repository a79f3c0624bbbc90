"""RISE against the exact covariance of its masks on a linear network, and its masks against an enlarged grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import pellucid as pl
from pellucid.explanation.spec import InputSpec
from pellucid.methods.attribution.smooth_masks import SmoothMasks, _enlarging

IMAGE = InputSpec(kind="image", axes=("channel", "y", "x"))


def test_enlarging_is_linear_interpolation_of_one_cell_more() -> None:
    grid = torch.rand(1, 1, 4)
    whole = functional.interpolate(grid, size=40, mode="linear", align_corners=False)[0, 0]
    for shift in (0, 3, 9):
        ours = _enlarging(30, 4, torch.tensor([shift / 10]))[0] @ grid[0, 0]
        torch.testing.assert_close(ours, whole[shift : shift + 30], atol=1e-6, rtol=0)


def test_masks_have_mean_one_half_everywhere_and_stay_within_bounds() -> None:
    masks = SmoothMasks.over((3, 20, 33), IMAGE, 5).draw(4000, torch.Generator().manual_seed(0))
    assert masks.shape == (4000, 20, 33)
    assert 0 <= float(masks.min()) < 0.01
    assert 0.99 < float(masks.max()) <= 1 + 1e-6
    assert float((masks.mean(0) - 0.5).abs().max()) < 5 * 0.5 / 4000**0.5


def test_a_linear_network_s_map_is_the_masks_covariance() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Flatten(), nn.Linear(2 * 12 * 12, 3)).double(), torch.randn(2, 2, 12, 12).double()
    many = SmoothMasks.over((2, 12, 12), IMAGE, 4).draw(200_000, torch.Generator().manual_seed(9)).reshape(200_000, -1) - 0.5
    covariance = (many.T @ many / len(many)).double()
    parts = (net[1].weight[1].reshape(2, 12, 12) * x).sum(1).reshape(2, -1).detach()
    truth = (2 * parts @ covariance).reshape(2, 12, 12).numpy()
    z = []
    for seed in range(20):
        found = pl.explain(net, x, pl.RISE(masks=200, cells=4, baseline=pl.Constant(0.0)), target=1, checks="none", seed=seed)
        z.append((found.arrays[0].values.sum(1) - truth) / found.errors[0].values.sum(1))
        np.testing.assert_allclose(found.arrays[0].values[:, 0], found.arrays[0].values[:, 1])
    z = np.array(z)
    assert 0.92 < (np.abs(z) < 1.96).mean() < 0.98
    assert np.abs(z.mean(0)).max() < 4 / np.sqrt(len(z))


def test_a_constant_score_gives_an_exactly_empty_map() -> None:
    found = pl.explain(lambda x: np.full((len(x), 2), 0.25), np.random.rand(1, 3, 16, 16), pl.RISE(masks=16), target=pl.Output(0))  # noqa: NPY002
    assert (found.arrays[0].values == 0).all()
    assert found.verdict == "refused"


def test_a_series_is_masked_along_time() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(60, 2))
    with torch.no_grad():
        net[1].weight.zero_()
        net[1].weight[1, 40:44] = 1.0  # steps 20 and 21 of 30, both features
    found = pl.explain(net, torch.ones(1, 30, 2), pl.RISE(masks=800, cells=10, baseline=pl.Constant(0.0)), target=1, checks="none")
    assert 19 <= found.arrays[0].values[0].sum(1).argmax() <= 22


def test_budgets_stop_it() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2)), torch.rand(2, 3, 16, 16)
    assert pl.explain(net, x, pl.RISE(), checks="none", budget=pl.Budget(calls=100)).provenance.evaluations <= 200
    assert pl.explain(net, x, pl.RISE(), checks="none", budget=pl.Budget(error=5.0)).provenance.evaluations < 400


@pytest.mark.parametrize(("method", "x"), [(pl.RISE(masks=9), torch.rand(1, 3, 8, 8)), (pl.RISE(cells=0), torch.rand(1, 3, 8, 8))])
def test_wrong_options_are_refused(method: pl.RISE, x: torch.Tensor) -> None:
    with pytest.raises(pl.PellucidError, match="even number of masks"):
        pl.explain(nn.Flatten(), x, method)


def test_a_table_is_refused_with_what_to_use() -> None:
    with pytest.raises(pl.PellucidError, match="'lime', 'shap' or 'occlusion'"):
        pl.explain(nn.Linear(5, 2), torch.rand(1, 5), "rise")
