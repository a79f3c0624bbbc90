"""What takes the place of a hidden window: by name, several together, and imputed from around it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.explanation.spec import InputSpec
from pellucid.methods.attribution.imputation import DIAGONAL, DIRECT, Imputation

IMAGE = InputSpec(kind="image", axes=("channel", "y", "x"))


def network() -> nn.Module:
    kept = torch.get_rng_state()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 10 * 10, 3)).double()
    torch.set_rng_state(kept)
    return net


def images(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 2, 12, 12, generator=torch.Generator().manual_seed(3)).double()


@pytest.mark.parametrize("corner", [(4, 5), (0, 0), (8, 3), (0, 8)])
def test_every_imputed_pixel_is_the_weighted_mean_of_its_neighbors(corner: tuple[int, int]) -> None:
    imputation = Imputation((2, 12, 12), IMAGE, (4, 4), torch.tensor([corner]))
    imputation.noise = torch.zeros_like(imputation.noise)
    x = images(1)
    filled = imputation.fill(x, torch.tensor([0]))
    y, left = corner
    hidden = torch.zeros(12, 12, dtype=torch.bool)
    hidden[y : y + 4, left : left + 4] = True
    torch.testing.assert_close(filled[0][:, ~hidden], x[0][:, ~hidden])
    for row, column in hidden.nonzero().tolist():
        total, weights = torch.zeros(2).double(), 0.0
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if (dy, dx) != (0, 0) and 0 <= row + dy < 12 and 0 <= column + dx < 12:
                    weight = DIRECT if 0 in (dy, dx) else DIAGONAL
                    total, weights = total + weight * filled[0, :, row + dy, column + dx], weights + weight
        torch.testing.assert_close(filled[0, :, row, column], total / weights, atol=1e-12, rtol=0)


def test_a_window_as_large_as_the_image_is_left_with_noise() -> None:
    filled = Imputation((1, 4, 4), IMAGE, (4, 4), torch.tensor([[0, 0]])).fill(torch.rand(1, 1, 4, 4), torch.tensor([0]))
    assert float(filled.abs().max()) < 0.1


def test_names_are_the_baselines_they_name() -> None:
    net, x = network(), images()
    for name, baseline in (("zero", pl.Constant(0.0)), ("mean", pl.MeanColor()), ("blur", pl.Blur())):
        by_name, given = (
            pl.explain(net, x, pl.Occlusion(baseline=one), target=1, checks="none").arrays[0].values for one in (name, baseline)
        )
        np.testing.assert_allclose(by_name, given, atol=1e-12)
    with pytest.raises(pl.PellucidError, match="blur"):
        pl.explain(net, x, pl.Occlusion(baseline="blurr"), target=1)


def test_several_in_fills_are_their_mean_and_their_spread() -> None:
    net, x = network(), images()
    names = ("mean", "blur", "noisy", "patches")
    found = pl.explain(net, x, pl.Occlusion(window=4, baseline=names), target=1, background=images(6))
    each = [pl.explain(net, x, pl.Occlusion(window=4, baseline=n), target=1, background=images(6)).arrays[0].values for n in names]
    np.testing.assert_allclose(found.arrays[0].values, np.mean(each, 0), atol=1e-12)
    np.testing.assert_allclose(found.spread[0].values, np.ptp(each, 0), atol=1e-12)
    assert next(iter(found.provenance.baseline.values())).count(" | ") == 3
    assert "in-fill" in found.narrate() or "baselines" in found.narrate()


def test_patches_are_parts_of_background_rows() -> None:
    background = torch.arange(5.0)[:, None, None, None].expand(5, 2, 12, 12)
    filled = pl.BackgroundPatches()(images(), IMAGE, background)
    assert set(filled.unique().tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    torch.testing.assert_close(filled[0, 0], filled[1, 1])
    with pytest.raises(pl.PellucidError, match="background"):
        pl.BackgroundPatches()(images(), IMAGE, None)


def test_tables_have_no_neighbors() -> None:
    with pytest.raises(pl.PellucidError, match="neighbors"):
        pl.explain(nn.Linear(5, 2), torch.rand(1, 5), pl.Occlusion(baseline="noisy"), target=0)
