"""Integrated gradients: against captum, against a slow twin, its stated error, its steps, several baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.attribution import adaptive_path
from pellucid.methods.attribution.path_nodes import DEGREES, chosen_degree, first_nodes, more_nodes, quadrature

SMOOTH: dict[str, Any] = {"gelu": nn.GELU, "tanh": nn.Tanh}


def mlp(activation: Any, seed: int = 0, width: int = 64) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(30, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, 2)).double()
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, generator=generator)
            nn.init.normal_(layer.bias, std=0.3, generator=generator)
    return net


def rows(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 1.2


def cnn() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(5, 3)
    ).double()


def by_hand(net: nn.Module, x: Tensor, parts: np.ndarray, weights: np.ndarray, target: int = 1) -> np.ndarray:
    """Integrated gradients from zero with these nodes and weights, one row at a time."""
    found = []
    for row in x:
        points = (torch.from_numpy(parts).reshape(-1, *[1] * row.ndim) * row).requires_grad_()
        (gradients,) = torch.autograd.grad(net(points)[:, target].sum(), points)
        found.append((torch.from_numpy(weights).reshape(-1, *[1] * row.ndim) * gradients).sum(0) * row)
    return torch.stack(found).numpy()


def reference(net: nn.Module, x: Tensor, *, smooth: bool) -> np.ndarray:
    if smooth:
        nodes, weights = leggauss(400)
        return by_hand(net, x, (nodes + 1) / 2, weights / 2)
    count = 20_000
    return by_hand(net, x, (np.arange(count) + 0.5) / count, np.full(count, 1 / count))


def explained(net: nn.Module, x: Tensor, checks: Any = "none", *, rule: Any = "adaptive", **options: Any) -> pl.Explanation:
    return pl.explain(net, x, pl.IntegratedGradients(rule=rule, **options), target=1, checks=checks)


def distances(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    flat = (values - truth).reshape(len(truth), -1)
    return np.linalg.norm(flat, axis=1) / np.linalg.norm(truth.reshape(len(truth), -1), axis=1)


# ---- the rules ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [7, 50])
def test_the_midpoint_rule_is_captum_s(steps: int) -> None:
    captum = pytest.importorskip("captum.attr")
    net, x = cnn(), torch.randn(4, 2, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    baseline = 0.3 * torch.ones_like(x)
    theirs = captum.IntegratedGradients(net).attribute(x, baseline, target=1, n_steps=steps, method="riemann_middle").detach().numpy()
    ours = explained(net, x, steps=steps, rule="midpoint", baseline=pl.Constant(0.3)).arrays[0].values
    assert distances(ours, theirs).max() <= 1e-6


class Recording(nn.Module):
    """Notes which points it is asked about, in units of a row whose first element tells the place."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            SEEN.extend(x.detach()[:, 0].tolist())
        return self.net(x)


SEEN: list[float] = []


def test_the_adaptive_rule_equals_a_slow_twin() -> None:
    net, x = mlp(nn.ReLU), rows(1)
    SEEN.clear()
    made = explained(Recording(net), x, steps=40)
    parts = np.sort(np.array(SEEN) / float(x[0, 0]))
    assert len(parts) == 40
    gradients = np.stack([by_hand(net, x, np.array([part]), np.array([1.0]))[0] for part in parts])
    values, variance, worst = np.zeros(30), np.zeros(30), np.zeros(30)
    borders = [0.0, *((parts[1:] + parts[:-1]) / 2), 1.0]
    for k in range(40):
        values += (borders[k + 1] - borders[k]) * gradients[k]
    gaps = [(parts[k + 1] - parts[k], np.abs(gradients[k + 1] - gradients[k])) for k in range(39)]
    for outer, beside in ((parts[0], gaps[0]), (1 - parts[-1], gaps[-1])):
        gaps.append((2 * outer * np.sqrt(outer / beside[0]), beside[1]))  # type: ignore[arg-type]
    for gap, change in gaps:
        variance += (gap * change) ** 2 / 12
        worst += gap * change / 2
    stated = np.minimum(worst, 3 * np.sqrt(variance))
    with torch.no_grad():
        missing = float(net(x)[0, 1] - net(0 * x)[0, 1]) - values.sum()
    values += missing * stated / stated.sum()
    np.testing.assert_allclose(made.errors[0].values[0], stated, rtol=1e-9)
    np.testing.assert_allclose(made.arrays[0].values[0], values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("steps", [20, 50, 200])
def test_on_kinked_networks_the_adaptive_rule_is_closer_than_the_fixed_ones(steps: int) -> None:
    net, x = mlp(nn.ReLU), rows(30)
    truth = reference(net, x, smooth=False)
    made = explained(net, x, steps=steps)
    nodes, weights = leggauss(steps)
    fixed = (explained(net, x, steps=steps, rule="midpoint").arrays[0].values, by_hand(net, x, (nodes + 1) / 2, weights / 2))
    assert np.median(distances(made.arrays[0].values, truth)) < 0.9 * min(np.median(distances(one, truth)) for one in fixed)
    covered = np.abs(made.arrays[0].values - truth) <= made.errors[0].values
    assert covered.mean() >= 0.97
    size = np.linalg.norm(made.errors[0].values, axis=1) / np.linalg.norm(made.arrays[0].values - truth, axis=1)
    assert np.median(size) < 10  # a bound that is ten times too wide would cover too


@pytest.mark.parametrize("activation", SMOOTH)
def test_smooth_networks_are_recognized(activation: str) -> None:
    net, x = mlp(SMOOTH[activation]), rows(30)
    truth = reference(net, x, smooth=True)
    for steps, most in ((20, 1e-4), (50, 1e-7)):
        made = explained(net, x, "fast", steps=steps)
        errors = distances(made.arrays[0].values, truth)
        assert np.median(errors) < most
        assert np.median(errors) < np.median(distances(explained(net, x, steps=steps, rule="midpoint").arrays[0].values, truth)) / 10
        assert (np.abs(made.arrays[0].values - truth) <= made.errors[0].values).mean() >= 0.9
        check = made.check("completeness")
        assert (check.value <= check.reference).all()


def test_rows_that_take_turns_get_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = mlp(nn.ReLU), rows(7)
    whole = explained(net, x, steps=24)
    monkeypatch.setattr(adaptive_path, "KEPT", 2 * 24 * 30 * 8 + 1)  # two rows at a time
    monkeypatch.setattr(adaptive_path, "_CHUNK", 1000)
    seen: list[tuple[int, int]] = []
    turns = pl.explain(
        net,
        x,
        pl.IntegratedGradients(steps=24, rule="adaptive"),
        target=1,
        checks="none",
        progress=lambda _, done, all_: seen.append((done, all_)),
    )
    np.testing.assert_allclose(turns.arrays[0].values, whole.arrays[0].values, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(turns.errors[0].values, whole.errors[0].values, rtol=1e-12, atol=1e-14)
    told = [done for done, all_ in seen if all_ == 7 * 24]
    assert told == sorted(told)
    assert told[-1] == 7 * 24


def test_what_is_missing_is_shared_out_only_within_the_stated_error() -> None:
    class Broken(nn.Module):
        """A tenth of what it says has no gradient."""

        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x) + (0.1 * x.sum(1, keepdim=True)).detach()

    net, x = mlp(nn.ReLU), rows(5)
    whole, broken = explained(net, x, "fast", steps=100), explained(Broken(net), x, "fast", steps=100)
    assert (whole.check("completeness").value < 1e-12).all()
    check = broken.check("completeness")
    lost = (0.1 * x.sum(1)).numpy()
    assert (np.abs(lost) > check.reference).any()
    far = np.abs(lost) > 2 * check.reference
    assert far.any()
    assert (check.value[far] > check.reference[far]).all()
    assert all(str(broken.verdicts[k]) == "refused" for k in np.flatnonzero(far))


# ---- nodes and weights -------------------------------------------------------------------------------------------------------------


def test_new_nodes_go_where_the_gradient_changes() -> None:
    at = first_nodes(10)
    changes = torch.zeros(1, 9, dtype=torch.float64)
    changes[0, 6] = 1.0  # between .65 and .75
    new = more_nodes(at, changes, 3)
    assert new.shape == (1, 3)
    assert ((new > 0.65) & (new < 0.75)).all()
    idle = more_nodes(at, torch.zeros_like(changes), 9)
    assert len(set(idle[0].tolist()) - {0.0, 1.0}) == 9
    ordered = torch.cat([at, idle], 1).sort().values
    assert (ordered[:, 1:] - ordered[:, :-1]).max() <= 0.1 + 1e-12
    many = more_nodes(at, torch.rand(1, 9, dtype=torch.float64), 200)
    assert many.shape == (1, 200)
    assert ((many > 0) & (many < 1)).all()
    assert len(many.unique()) == 200


def test_rounding_tips_no_decision() -> None:
    at, changes = first_nodes(16).expand(200, 16), torch.ones(200, 15, dtype=torch.float64)
    noisy = changes * (1 + 1e-13 * torch.randn(200, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(more_nodes(at, noisy, 11), more_nodes(at, changes, 11))


@pytest.mark.parametrize("degree", DEGREES)
def test_the_weights_integrate_polynomials_exactly(degree: int) -> None:
    generator = torch.Generator().manual_seed(degree)
    at = torch.rand(4, 12, dtype=torch.float64, generator=generator).sort(1).values
    weights = quadrature(at, torch.full((4,), degree))
    assert torch.allclose(weights.sum(1), torch.ones(4, dtype=torch.float64))
    for power in range(2 if degree == 1 else degree + 1):
        if degree == 1 and power == 1:
            continue  # beyond the outer nodes the value stays, on purpose
        assert torch.allclose((weights * at**power).sum(1), torch.full((4,), 1 / (power + 1), dtype=torch.float64), atol=1e-9)


def test_equal_cells_get_the_weights_of_the_midpoint_rule() -> None:
    assert torch.allclose(quadrature(first_nodes(8), torch.tensor([1])), torch.full((1, 8), 1 / 8, dtype=torch.float64))


def test_the_degree_follows_the_slopes() -> None:
    at = first_nodes(30).expand(3, 30)
    slopes = torch.stack([at[0].exp(), (at[0] > 0.4).double(), torch.zeros(30, dtype=torch.float64)])
    assert chosen_degree(at, slopes).tolist() == [7, 1, 1]


# ---- several baselines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["adaptive", "midpoint"])
def test_several_baselines_give_their_mean_and_their_spread(rule: Any, tmp_path: Any) -> None:
    net, x = mlp(nn.ReLU), rows(6)
    starts = (pl.Constant(0.0), pl.Constant(0.5), torch.full((30,), -0.4, dtype=torch.float64))
    each = np.stack([explained(net, x, steps=60, rule=rule, baseline=start).arrays[0].values for start in starts])
    made = explained(net, x, "fast", steps=60, rule=rule, baseline=starts)
    np.testing.assert_allclose(made.arrays[0].values, each.mean(0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(made.spread[0].values, each.max(0) - each.min(0), rtol=1e-12, atol=1e-14)
    assert made.spread[0].axes == made.arrays[0].axes
    assert made.provenance.baseline == {"input": "zero | constant 0.5 | the given baseline"}
    check = made.check("completeness")
    assert (check.value <= check.reference).all()
    with torch.no_grad():
        scores = torch.stack([net(torch.zeros_like(x))[:, 1], net(torch.full_like(x, 0.5))[:, 1], net(torch.full_like(x, -0.4))[:, 1]])
    np.testing.assert_allclose(made.decision.baseline_scores, scores.mean(0).numpy(), rtol=1e-12)
    assert made[2].spread[0].values.shape == (1, 30)
    assert np.array_equal(pl.load(made.save(tmp_path / "e.safetensors")).spread[0].values, made.spread[0].values)
    for language, said in (("en", "mean over several baselines (zero, constant 0.5 and the given baseline)"), ("zh-CN", "几个基线")):
        assert said in made[:1].narrate(language)
    assert len(made.plot(row=0).axes) > 0


def test_one_baseline_has_no_spread_and_numbers_are_one_baseline() -> None:
    net, x = mlp(nn.ReLU), rows(2)
    alone = explained(net, x, steps=20, baseline=(pl.Constant(0.5),))
    assert alone.spread == ()
    listed = explained(net, x, steps=20, baseline=[0.5] * 30)
    assert listed.spread == ()
    np.testing.assert_allclose(alone.arrays[0].values, listed.arrays[0].values, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 1}, "at least two steps"),
        ({"steps": 20.5}, "at least two steps"),
        ({"steps": True}, "at least two steps"),
        ({"rule": "simpson"}, "no rule"),
        ({"baseline": ()}, "no baseline among these"),
        ({"baseline": (pl.Constant(0), np.zeros(4))}, "does not fit"),
    ],
)
def test_what_can_not_be_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(pl.PellucidError, match=said):
        explained(mlp(nn.ReLU), rows(1), **options)
