"""Deletion and insertion against a slow independent computation, and the verdict rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.explanation.check import Check
from pellucid.harness.verdict import verdicts

GENERATOR = torch.Generator().manual_seed(0)
NET = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 3)).double()
for parameter in NET.parameters():
    parameter.data = torch.randn(parameter.shape, generator=GENERATOR, dtype=torch.float64)
X = torch.randn(4, 10, generator=GENERATOR, dtype=torch.float64)


def slow_curve(row: int, order: np.ndarray, counts: list[int], *, keep: bool) -> list[float]:
    """The score of class 1 with the first k players of the order removed (or alone kept), one forward at a time."""
    scores = []
    for k in counts:
        x = X[row].clone()
        gone = order[k:] if keep else order[:k]
        x[torch.from_numpy(np.array(gone))] = 0.0
        scores.append(NET(x[None])[0, 1].item())
    return scores


@pytest.mark.parametrize("checks", ["fast", "full"])
def test_curves_equal_a_slow_loop(checks: str) -> None:
    made = pl.explain(NET, X, "occlusion", target=1, checks=checks)
    for name, keep in (("deletion", False), ("insertion", True)):
        check = made.check(name)
        curves = {c.name: c.values for c in check.curves}
        counts = np.round(curves["fraction"] * 10).astype(int).tolist()
        assert (counts[0], counts[-1]) == (0, 10)
        for row in range(len(X)):
            order = np.argsort(-made.arrays[0].values[row], kind="stable")
            expected = slow_curve(row, order, counts, keep=keep)
            np.testing.assert_allclose(curves["curve"][row], expected, atol=1e-12)
            area = sum((b - a) / 10 * (u + v) / 2 for a, b, u, v in zip(counts, counts[1:], expected, expected[1:], strict=False))
            assert check.value[row] == pytest.approx(area, abs=1e-12)


def test_random_orders_are_what_the_reference_says() -> None:
    made = pl.explain(NET, X, "occlusion", target=1, checks="full")
    check = made.check("deletion")
    draws = np.random.default_rng(5)
    counts = np.round(check.curves[0].values * 10).astype(int).tolist()
    areas = [np.trapezoid(slow_curve(0, draws.permutation(10), counts, keep=False), check.curves[0].values) for _ in range(400)]
    standard_error = np.std(areas) / np.sqrt(60)  # 60 orders at most stand behind the reference
    assert abs(check.reference[0] - np.mean(areas)) < 5 * standard_error


def test_p_values_of_noise_are_not_too_small() -> None:
    """Under the null at most about 5 % of random explanations may be accepted; both curves must agree, so fewer are."""
    accepted = 0
    rows = torch.randn(300, 10, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    made = pl.explain(NET, rows, "random", target=1)
    accepted = sum(v.level != "refused" for v in made.verdicts)
    assert accepted <= 300 * 0.05 + 4 * np.sqrt(300 * 0.05 * 0.95)
    deletion = made.check("deletion").p_value
    assert 0.3 < np.median(deletion) < 0.7  # a p-value of noise is uniform: it is not conservative by construction


def test_too_few_players_are_unchecked() -> None:
    net = nn.Linear(3, 2).double()
    made = pl.explain(net, X[:, :3], "occlusion", target=1)
    assert [v.level for v in made.verdicts] == ["unchecked"] * 4
    assert pl.explain(net, X[:, :3], "integrated_gradients", target=1).checks[0].name == "completeness"


def test_a_constant_model_supports_nothing() -> None:
    class Constant(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (0 * x)[:, :2] + 1

    assert {v.level for v in pl.explain(Constant(), X, "occlusion", target=1).verdicts} == {"refused"}


def check(role: str, *, value: float, reference: float, low: float, high: float, p_value: float = np.nan) -> Check:
    one = [np.array([v]) for v in (value, reference, low, high, p_value)]
    return Check("a check", role, "lower", *one, evaluations=0)  # type: ignore[arg-type]


RULES = [
    (check("faithfulness", value=1, reference=2, low=0.8, high=1.2, p_value=0.01), "supported", None),
    (check("faithfulness", value=1, reference=2, low=-0.1, high=2.1, p_value=0.04), "weak", "interval_includes_random"),
    (check("faithfulness", value=1, reference=2, low=0, high=3, p_value=0.06), "refused", "not_better_than_random"),
    (check("faithfulness", value=1, reference=2, low=0, high=3), "refused", "not_better_than_random"),
    (check("identity", value=2, reference=1, low=2, high=2), "refused", "identity_broken"),
    (check("identity", value=1, reference=2, low=1, high=1), "unchecked", "unchecked"),
    (check("stability", value=0.7, reference=0.8, low=0.6, high=0.9), "weak", "unstable_over_seeds"),
    (check("sensitivity", value=0.7, reference=0.8, low=0.6, high=0.85), "weak", "ignores_parameters"),
    (check("identity", value=np.nan, reference=2, low=1, high=1), "refused", "not_finite"),
]


@pytest.mark.parametrize(("one", "level", "code"), RULES)
def test_the_verdict_rule(one: Check, level: str, code: str | None) -> None:
    verdict = verdicts([one], finite=np.array([True]))[0]
    assert verdict.level == level
    assert [r.code for r in verdict.reasons] == ([code] if code else [])


def test_scores_that_are_not_finite_are_refused() -> None:
    assert verdicts([RULES[0][0]], finite=np.array([False]))[0].reasons[0].code == "not_finite"
    assert verdicts([], finite=np.array([True]))[0].level == "unchecked"


def test_full_checks_find_an_explanation_that_ignores_the_network() -> None:
    made = pl.explain(NET, X, "random", target=1, checks="full")
    assert (made.check("parameter_randomization").value > 0.999).all()
    assert (made.check("seed_stability").value < 0.5).all()
    learned = pl.explain(NET, X, "integrated_gradients", target=1, checks="full")
    assert (learned.check("parameter_randomization").value < 0.8).all()


def test_judge_refuses_shuffled_values() -> None:
    net = nn.Linear(40, 2).double()
    x = torch.randn(3, 40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    made = pl.explain(net, x, "integrated_gradients", target=1)
    assert {v.level for v in made.verdicts} == {"supported"}
    assert {v.level for v in pl.judge(made, net, x, target=1).verdicts} == {"supported"}
    shuffled = np.random.default_rng(0).permuted(made.arrays[0].values, axis=1)
    assert "supported" not in {v.level for v in pl.judge(made, net, x, target=1, values=shuffled).verdicts}
