"""LIME against the model of all coalitions enumerated: coefficients, intervals, fit, refusals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.methods.attribution.local_fit import fit, redraw_overlap

PLAYERS = 8


def network(seed: int = 0) -> nn.Module:
    kept = torch.get_rng_state()
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(PLAYERS, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2)).double()
    torch.set_rng_state(kept)
    return net


def rows(count: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).normal(size=(count, PLAYERS)) * 1.5)


def population(net: nn.Module, x: torch.Tensor, width: float) -> tuple[np.ndarray, float]:
    """The weighted least-squares model over all coalitions of one row, and its R2: the slow twin."""
    kept = np.array(list(itertools.product([0.0, 1.0], repeat=PLAYERS)))
    weight = np.prod(np.where(kept == 1, 1 - width, width), axis=1)
    with torch.no_grad():
        scores = net(torch.from_numpy(kept) * x)[:, 1].numpy()
    design = np.column_stack([np.ones(len(kept)), kept])
    found = np.linalg.solve(design.T @ (design * weight[:, None]), design.T @ (weight * scores))
    missed = weight @ (scores - design @ found) ** 2
    return found[1:], 1 - missed / (weight @ (scores - weight @ scores) ** 2)


def lime(net: Any, x: Any, method: pl.LIME, **options: Any) -> pl.Explanation:
    return pl.explain(net, x, method, **{"target": 1, "checks": "none", "background": torch.zeros(1, PLAYERS).double(), **options})


@pytest.mark.parametrize("width", [0.5, 0.2])
def test_intervals_cover_the_population_s_model(width: float) -> None:
    net, x = network(), rows()
    truth = np.array([population(net, row, width)[0] for row in x])
    off, stated = [], []
    for seed in range(60):
        found = lime(net, x, pl.LIME(width=width, samples=400, stable=0.9999), seed=seed)
        off.append(found.arrays[0].values - truth)
        stated.append(found.errors[0].values)
    off = np.array(off)
    assert 0.92 <= (np.abs(off) <= 1.96 * np.array(stated)).mean() <= 0.98  # 1,440 intervals, alike within a seed
    assert (np.abs(off.mean(0)) < 4 * off.std(0) / np.sqrt(len(off))).all()  # no bias that would show


def test_a_narrower_width_is_another_model() -> None:
    net, x = network(), rows(1)
    wide, narrow = population(net, x[0], 0.5)[0], population(net, x[0], 0.1)[0]
    found = lime(net, x, pl.LIME(width=0.1, samples=4000))
    assert np.abs(found.arrays[0].values[0] - narrow).max() < np.abs(found.arrays[0].values[0] - wide).max()


def test_r2_is_the_population_s() -> None:
    net, x = network(), rows()
    found = lime(net, x, pl.LIME(width=0.5, samples=3000, stable=0.9999)).check("local_fit").value
    np.testing.assert_allclose(found, [population(net, row, 0.5)[1] for row in x], atol=0.02)


def test_a_linear_network_is_found_exactly() -> None:
    net = nn.Linear(PLAYERS, 2).double()
    x, background = rows(), torch.from_numpy(np.random.default_rng(1).normal(size=(20, PLAYERS)))
    found = lime(net, x, pl.LIME(), background=background)
    expected = net.weight[1].detach() * (x - background.mean(0))
    np.testing.assert_allclose(found.arrays[0].values, expected.numpy(), atol=1e-12)
    assert found.errors[0].values.max() < 1e-12
    assert found.check("local_fit").value == pytest.approx(np.ones(3))
    assert (found.check("local_fit").curves[1].values == 64).all()  # the first look was enough


def test_errors_and_coefficients_against_loops() -> None:
    draw = np.random.default_rng(0)
    kept, scores = draw.random((2, 40, 6)) < 0.5, draw.normal(size=(1, 2, 40))
    found = fit(torch.from_numpy(kept), torch.from_numpy(scores))
    design = np.column_stack([np.ones(80), kept.reshape(80, 6)])
    expected, *_ = np.linalg.lstsq(design, scores.reshape(80), rcond=None)
    np.testing.assert_allclose(found.coefficients[0].numpy(), expected[1:], atol=1e-12)
    residuals, bread = scores.reshape(80) - design @ expected, np.linalg.inv(design.T @ design)
    meat = np.zeros((7, 7))
    centered = design[:, 1:] - design[:, 1:].mean(0)
    leverage = np.diag(centered @ np.linalg.inv(centered.T @ centered) @ centered.T)
    for pair in range(40):
        score = design[pair] * residuals[pair] + design[40 + pair] * residuals[40 + pair]
        score /= 1 - leverage[pair] - leverage[40 + pair]
        meat += np.outer(score, score)
    np.testing.assert_allclose(found.errors[0].numpy() ** 2, np.diag(bread @ meat @ bread)[1:], atol=1e-12)


def test_the_expected_overlap_is_that_of_real_redraws() -> None:
    draw = np.random.default_rng(2)
    centers, errors = np.sort(draw.normal(size=12))[::-1].copy(), np.full(12, 0.1)
    real = []
    for _ in range(400):
        first, second = (np.argsort(-np.abs(centers + errors * draw.normal(size=12)))[:4] for _ in range(2))
        both = len(np.intersect1d(first, second))
        real.append((both / (8 - both), *(centers + errors * draw.normal(size=12))))
    seen = torch.tensor(np.array(real)[:, 1:])
    stated = redraw_overlap(seen, torch.full_like(seen, 0.1), 4, torch.Generator().manual_seed(0)).mean()
    assert abs(float(stated) - np.mean([r[0] for r in real])) < 0.06  # what one draw expects of the next, on average over draws


def test_what_is_not_linear_is_refused() -> None:
    def parity(x: np.ndarray) -> np.ndarray:
        return np.prod(np.where(x > 0.5, 1.0, -1.0), axis=1)[:, None] * np.ones(2)

    found = pl.explain(parity, np.ones((1, PLAYERS)), pl.LIME(), target=pl.Output(1), background=np.zeros((1, PLAYERS)))
    assert found.verdict == "refused"
    assert "poor_fit" in {reason.code for reason in found.verdicts[0].reasons}
    assert "does not describe" in found.narrate() or "describes the network here only" in found.narrate()


def test_a_tie_that_sampling_can_not_resolve_is_refused() -> None:
    def tied(x: np.ndarray) -> np.ndarray:
        noise = np.sin(1e4 * (x * np.arange(1, 13)).sum(1))
        return (x.sum(1) + 2 * noise)[:, None] * np.ones(2)

    found = pl.explain(tied, np.ones((1, 12)), pl.LIME(fit=0.05), target=pl.Output(1), background=np.zeros((1, 12)), checks="none")
    assert [reason.code for reason in found.verdicts[0].reasons] == ["unresolved"]
    assert found.check("local_fit").curves[1].values > 900  # all that it may draw was drawn


def test_the_width_narrows_until_the_fit_is_reached() -> None:
    def together(x: np.ndarray) -> np.ndarray:  # linear only where at most one is missing
        gone = (x < 0.5).sum(1)
        return np.where(gone <= 1, 1.0 - 0.2 * gone, np.cos(3.0 * gone))[:, None] * np.ones(2)

    wanted = pl.explain(together, np.ones((1, 4)), pl.LIME(fit=0.6), target=pl.Output(1), background=np.zeros((1, 4)), checks="none").check(
        "local_fit"
    )
    assert wanted.curves[0].values[0] < 0.5


def test_a_budget_of_calls_is_kept() -> None:
    found = lime(network(), rows(2), pl.LIME(), budget=pl.Budget(calls=150))
    assert found.provenance.evaluations <= 300
    assert lime(network(), rows(2), pl.LIME(), budget=pl.Budget(error=10.0)).provenance.evaluations == 2 * 65


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (pl.LIME(width=0.7), "width between 0 and 0.5"),
        (pl.LIME(fit=0), "out of range"),
        (pl.LIME(samples=40), "too few samples"),
        (pl.LIME(players="patches"), "kind of players"),  # type: ignore[arg-type]
    ],
)
def test_wrong_options_are_refused(method: pl.LIME, message: str) -> None:
    with pytest.raises(pl.PellucidError, match=message):
        lime(network(), rows(1), method)
