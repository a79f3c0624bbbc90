"""Total Sobol indices against closed forms: linear scores, products, the Ishigami function."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pellucid as pl


def indices(score: object, players: int, designs: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    spec = pl.ModelSpec(outputs="values")
    method = pl.Sobol(designs=designs, baseline=pl.Constant(0.0))
    found = pl.explain(score, np.ones((1, players)), method, spec=spec, checks="none", seed=seed)
    return found.arrays[0].values[0], found.errors[0].values[0]


def test_a_linear_score_s_indices_are_its_squared_weights() -> None:
    weights = np.array([3.0, -2.0, 0.0, 1.0])
    found, errors = indices(lambda x: x @ weights, 4)
    truth = weights**2 / (weights**2).sum()
    assert (np.abs(found - truth) <= 3 * errors + 1e-12).all()
    assert found[2] == 0


def test_the_ishigami_function() -> None:
    def ishigami(x: np.ndarray) -> np.ndarray:
        a = (2 * x - 1) * np.pi
        return np.sin(a[:, 0]) + 7 * np.sin(a[:, 1]) ** 2 + 0.1 * a[:, 2] ** 4 * np.sin(a[:, 0])

    truth = np.array([0.5576, 0.4424, 0.2437])  # Saltelli et al. 2008
    found, errors = indices(ishigami, 3, designs=2048)
    np.testing.assert_allclose(found, truth, atol=0.02)
    assert (np.abs(found - truth) < 3 * errors).all()


def test_standard_errors_cover() -> None:
    weights = np.array([3.0, -2.0, 0.5, 1.0])
    truth = weights**2 / (weights**2).sum()
    z = []
    for seed in range(40):
        found, errors = indices(lambda x: x @ weights, 4, designs=32, seed=seed)
        z.append((found - truth) / errors)
    assert (np.abs(np.array(z)) <= 1.96).mean() > 0.92


def test_a_constant_score_has_no_indices() -> None:
    found, errors = indices(lambda x: np.ones(len(x)), 3, designs=8)
    assert (found == 0).all()
    assert (errors == 0).all()


def test_tokens_can_not_be_blended() -> None:
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tokens", blank=0),), outputs="values")
    with pytest.raises(pl.PellucidError, match="no blend"):
        pl.explain(lambda t: t.sum(1) * 1.0, np.array([[1, 2, 3]]), "sobol", spec=spec)
    with pytest.raises(pl.PellucidError, match="at least 4"):
        pl.explain(torch.nn.Linear(3, 2), torch.rand(1, 3), pl.Sobol(designs=2))
