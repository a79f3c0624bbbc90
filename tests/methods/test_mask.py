"""Optimized masks find what keeps the score, keep to their areas, and their gradient is the right one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.attribution.mask import _enlarging


class Spot(nn.Module):
    """A score that saturates on a bright square."""

    def forward(self, x: Tensor) -> Tensor:
        total = torch.tanh(x[:, :, 4:8, 8:12].mean((1, 2, 3)) * 2)
        return torch.stack([total, -total], 1)


def test_the_mask_lies_where_the_score_comes_from() -> None:
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) + 0.5
    found = pl.explain(Spot(), x, pl.Mask(areas=(0.1,), cells=8, baseline=pl.Constant(0.0)), target=0, checks="none")
    masks = found.arrays[0].values.sum(1)
    np.testing.assert_allclose(found.arrays[0].values[:, 0], found.arrays[0].values[:, 2])
    for mask in masks:
        assert mask.min() >= 0
        assert mask.max() <= 1 + 1e-6
        assert abs(mask.mean() - 0.1) < 0.05
        assert mask[4:8, 8:12].mean() > 0.6
        assert mask[10:, :6].mean() < 0.05
    with torch.no_grad():
        kept = Spot()(x * torch.from_numpy(masks[:, None]).float())[:, 0]
        assert (kept > 0.8 * Spot()(x)[:, 0]).all()


def test_smaller_areas_lie_within_the_mean_of_all() -> None:
    x = torch.ones(1, 1, 16, 16)
    found = pl.explain(Spot(), x, pl.Mask(cells=8, baseline=pl.Constant(0.0)), target=0, checks="none")
    assert found.arrays[0].values[0, 0, 5:7, 9:11].min() > 0.8


def test_the_gradient_in_the_cells_is_autograd_s() -> None:
    from pellucid.methods.attribution.mask import _Optimization
    from pellucid.methods.attribution.smooth_masks import SmoothMasks

    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 8 * 10, 2)).double()
    x, seen = torch.randn(2, 2, 10, 12).double(), []

    class Probe(pl.Mask):
        def attribute(self, evaluator):
            kind = SmoothMasks.over((2, 10, 12), evaluator.specs[0], 4)
            _ = evaluator.selection
            one = _Optimization(evaluator, (torch.zeros_like(x),), (0, kind), torch.ones(2).double())
            mask = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(1)).double()
            seen.extend([mask, *one._gradient(mask)])
            return super().attribute(evaluator)

    pl.explain(net, x, Probe(steps=1), target=1, checks="none")
    mask = seen[0].clone().requires_grad_()
    large = torch.einsum("yc,ncd,xd->nyx", _enlarging(10, 4).double(), mask, _enlarging(12, 4).double())
    loss = -net(large[:, None] * x)[:, 1]
    torch.testing.assert_close(seen[1], loss.detach())
    torch.testing.assert_close(seen[2], torch.autograd.grad(loss.sum(), mask)[0])


def test_a_row_stops_by_itself() -> None:
    x = torch.ones(1, 1, 16, 16)
    found = pl.explain(Spot(), x, pl.Mask(areas=(0.2,), steps=1000, cells=4), target=0, checks="none")
    assert found.provenance.evaluations < 1000


@pytest.mark.parametrize("method", [pl.Mask(areas=()), pl.Mask(areas=(1.5,)), pl.Mask(steps=0)])
def test_wrong_options_are_refused(method: pl.Mask) -> None:
    with pytest.raises(pl.PellucidError, match="out of range"):
        pl.explain(Spot(), torch.rand(1, 3, 16, 16), method, target=0)
