"""SHAP on models: value functions against slow loops, players of every kind, what is chosen, named and refused."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.data.players import superpixels
from pellucid.errors import BudgetError, InputError, UnknownName

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 5, generator=GENERATOR, dtype=torch.float64)
BACKGROUND = torch.randn(17, 5, generator=GENERATOR, dtype=torch.float64) @ torch.randn(5, 5, generator=GENERATOR, dtype=torch.float64)


def mlp(width: int = 5, seed: int = 0, out: int = 2) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Linear(16, out)).double()


def found(net: nn.Module, x: Tensor, method: pl.SHAP, **options: object) -> np.ndarray:
    return pl.explain(net, x, method, target=1, checks="none", **options).arrays[0].values  # type: ignore[arg-type]


def slow(value: object, players: int) -> np.ndarray:
    """Shapley values by their definition from a function of a set of players."""
    from math import factorial

    result = np.zeros(players)
    for player in range(players):
        rest = [p for p in range(players) if p != player]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for chosen in combinations(rest, size):
                result[player] += weight * (value({*chosen, player}) - value(set(chosen)))  # type: ignore[operator]
    return result


def score(net: nn.Module, rows: Tensor) -> float:
    with torch.no_grad():
        return float(net(rows)[:, 1].mean())


def marginal(net: nn.Module, row: Tensor, chosen: set[int]) -> float:
    rows = BACKGROUND.clone()
    rows[:, sorted(chosen)] = row[sorted(chosen)]
    return score(net, rows)


def nearest(net: nn.Module, row: Tensor, chosen: set[int]) -> float:
    here = sorted(chosen)
    scale = BACKGROUND.std(0, correction=0)
    distance = (((BACKGROUND - row) / scale)[:, here] ** 2).sum(1)
    rows = BACKGROUND[distance.argsort(stable=True)[:16]].clone() if here else BACKGROUND.clone()
    rows[:, here] = row[here]
    return score(net, rows)


@pytest.mark.parametrize("batch", [None, 1, 7, 64])
def test_the_baseline_value_function_is_a_slow_loop(batch: int | None) -> None:
    net, base = mlp(), torch.ones(5, dtype=torch.float64) / 3
    made = found(net, X, pl.SHAP(baseline=base), batch_size=batch)
    for row, values in zip(X, made, strict=True):
        wanted = slow(lambda s, row=row: score(net, torch.where(torch.tensor([k in s for k in range(5)]), row, base)[None]), 5)
        np.testing.assert_allclose(values, wanted, atol=1e-12)


@pytest.mark.parametrize("batch", [None, 1, 7, 17, 60])
@pytest.mark.parametrize(("value", "loop"), [("marginal", marginal), ("nearest", nearest)])
def test_background_value_functions_are_slow_loops(value: str, loop: object, batch: int | None) -> None:
    net = mlp()
    made = found(net, X, pl.SHAP(value=value), background=BACKGROUND, batch_size=batch)  # type: ignore[arg-type]
    for row, values in zip(X, made, strict=True):
        np.testing.assert_allclose(values, slow(lambda s, row=row: loop(net, row, s), 5), atol=1e-12)  # type: ignore[operator]


def test_the_gaussian_value_function_of_a_linear_model_is_its_conditional_mean() -> None:
    net = nn.Linear(5, 2).double()
    weight, bias = net.weight[1].detach().numpy(), net.bias[1].item()
    mean = BACKGROUND.mean(0).numpy()
    covariance = np.cov(BACKGROUND.numpy().T)
    covariance += 1e-6 * np.trace(covariance) / 5 * np.eye(5)

    def value(row: np.ndarray, chosen: set[int]) -> float:
        here, gone = sorted(chosen), [k for k in range(5) if k not in chosen]
        full = row.copy()
        slope = covariance[np.ix_(gone, here)] @ np.linalg.inv(covariance[np.ix_(here, here)]) if here else np.zeros((len(gone), 0))
        full[gone] = mean[gone] + slope @ (row[here] - mean[here])
        return float(full @ weight + bias)

    made = found(net, X, pl.SHAP(value="gaussian"), background=BACKGROUND)
    for row, values in zip(X.numpy(), made, strict=True):
        np.testing.assert_allclose(values, slow(lambda s, row=row: value(row, s), 5), atol=1e-10)


def test_trees_agree_with_shap_s_exact_tree_explainer() -> None:
    shap = pytest.importorskip("shap")
    ensemble = pytest.importorskip("sklearn.ensemble")
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 8))
    forest = ensemble.RandomForestRegressor(10, max_depth=5, random_state=0).fit(x, x[:, 0] * x[:, 1] + x[:, 2])
    wanted = shap.TreeExplainer(forest, x[:30], feature_perturbation="interventional").shap_values(x[100:103])
    made = pl.explain(forest.predict, x[100:103], "shap", background=x[:30], target=pl.Output(0), checks="none")
    np.testing.assert_allclose(made.arrays[0].values, wanted, atol=1e-6 * np.linalg.norm(wanted))
    assert made.provenance.choices == (
        "value function: marginal over 30 background rows",
        "estimator: exact enumeration, 256 coalitions for each row",
    )


def test_sampled_values_are_within_their_errors_of_shap_s_kernel() -> None:
    shap = pytest.importorskip("shap")
    net, row = mlp(10, seed=4), torch.randn(1, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        explainer = shap.KernelExplainer(lambda z: net(torch.from_numpy(z))[:, 1].numpy(), np.zeros((1, 10)))
        wanted = explainer.shap_values(row.numpy(), nsamples=1024, l1_reg=0, silent=True)[0]  # all coalitions
    made = pl.explain(net, row, pl.SHAP(estimator="leverage", samples=300), target=1, checks="none")
    assert (np.abs(made.arrays[0].values[0] - wanted) <= 3 * made.errors[0].values[0] + 1e-9).mean() >= 0.9


def test_the_result_names_its_value_function() -> None:
    net = mlp()
    named = {
        value: pl.explain(net, X, pl.SHAP(value=value), target=1, background=BACKGROUND)
        for value in ("baseline", "marginal", "nearest", "gaussian")
    }
    assert [made.provenance.baseline["input"] for made in named.values()] == [
        "the background's mean",
        "background rows, whatever is present (marginal)",
        "background rows most like what is present (conditional)",
        "what is usual beside what is present, by a normal distribution (conditional)",
    ]
    for made in named.values():
        check = made.check("completeness")
        assert (check.value <= check.reference).all()
        assert (check.reference < 1e-9).all()
        for language in ("en", "zh-CN"):
            assert made.narrate(language)  # type: ignore[arg-type]
    values = [made.arrays[0].values for made in named.values()]
    assert all(np.abs(a - b).max() > 1e-3 for a, b in combinations(values, 2))  # they answer different questions


def test_marginal_without_a_background_is_the_named_baseline() -> None:
    made = pl.explain(mlp(), X, pl.SHAP(value="marginal"), target=1, checks="none")
    assert made.provenance.baseline == {"input": "zero (no background was given)"}
    assert made.provenance.choices[0] == "value function: baseline"


def test_a_large_background_is_drawn_from() -> None:
    rows = torch.randn(500, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    made = pl.explain(mlp(), X, pl.SHAP(references=20), target=1, background=rows, checks="none")
    assert made.provenance.choices[0] == "value function: marginal over 20 background rows"
    assert made.provenance.evaluations == len(X) * (1 + 31 * 20)


def test_one_hot_columns_play_together() -> None:
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", groups=(0, 1, 1, 2, 2), group_names=("a", "b", "c")),))
    made = pl.explain(mlp(), X, "shap", target=1, spec=spec, checks="none")
    assert made.arrays[0].values.shape == (3, 3)
    net, zero = mlp(), torch.zeros(5, dtype=torch.float64)
    owner = torch.tensor([0, 1, 1, 2, 2])
    wanted = slow(lambda s: score(net, torch.where(torch.isin(owner, torch.tensor(sorted(s), dtype=torch.long)), X[0], zero)[None]), 3)
    np.testing.assert_allclose(made.arrays[0].values[0], wanted, atol=1e-12)


def small_cnn() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)).double()


def blocks() -> Tensor:
    """Images of flat blocks of color: three rows with unlike numbers of blocks."""
    images = torch.zeros(3, 3, 24, 24, dtype=torch.float64)
    images[:, 0, :12], images[:, 1, :, 12:] = 1.0, 1.0
    images[1, 2, 6:18, 6:18] = 1.0
    return images + torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 100


def test_superpixels_are_each_row_s_own() -> None:
    net, x = small_cnn(), blocks()
    method = pl.SHAP(players="superpixels", segments=9, samples=400)
    together = pl.explain(net, x, method, target=1, checks="none")
    for row in range(len(x)):
        alone = found(net, x[row : row + 1], method)
        np.testing.assert_allclose(alone[0], together.arrays[0].values[row], atol=1e-12)
        labels = superpixels(x[row].numpy(), ("channel", "y", "x"), 9)
        for player in range(labels.max() + 1):
            assert np.ptp(alone[0][labels == player]) < 1e-12
    assert ((together.decision.scores - together.decision.baseline_scores) - together.arrays[0].values.sum((1, 2, 3)) < 1e-9).all()


def test_patches_given_labels_and_large_images() -> None:
    net, x = small_cnn(), blocks()
    labels = np.arange(24)[:, None] // 12 * 2 + np.arange(24)[None] // 12
    made = found(net, x, pl.SHAP(players=labels))
    assert np.ptp(made[0][:, :12, :12]) < 1e-12
    assert np.unique(np.round(found(net, x, pl.SHAP(players="patches", samples=300)), 12)[0, 0]).size == 49
    large = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made = pl.explain(net, large, pl.SHAP(samples=200), target=1, checks="none")
    assert "200 coalitions" in made.provenance.choices[1]
    assert np.unique(np.round(made.arrays[0].values[0, 0], 14)).size == 49


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.last = nn.Embedding(11, 4), nn.Linear(4, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.last(torch.tanh(self.embed(tokens)).mean(1))


@pytest.mark.parametrize("estimator", ["auto", "partition", "permutation"])
def test_tokens_play_at_their_embedding(estimator: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Words().double()
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6], [6, 6, 1, 1, 2, 10]])
    made = pl.explain(net, tokens, pl.SHAP(estimator=estimator, samples=200), target=1, checks="none")  # type: ignore[arg-type]
    with torch.no_grad():
        each = torch.tanh(net.embed(tokens)) @ net.last.weight[1] / 6  # without interactions
    np.testing.assert_allclose(made.arrays[0].values, each.numpy(), atol=1e-12)


def test_several_inputs_share_one_game() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = mlp(7)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.inner(torch.cat([a, b], 1))

    a, b = X, X[:, :2] * 2
    made = pl.explain(Two(), (a, b), "shap", target=1, checks="none")
    wanted = found(mlp(7), torch.cat([a, b], 1), pl.SHAP())
    np.testing.assert_allclose(np.concatenate([part.values for part in made.arrays], 1), wanted, atol=1e-12)


def test_what_auto_becomes() -> None:
    def chosen(net: nn.Module, width: int, **options: object) -> str:
        return pl.explain(
            net, torch.zeros(1, width, dtype=torch.float64) + 1, pl.SHAP(**options), target=1, checks="none"
        ).provenance.choices[1]  # type: ignore[arg-type]

    assert "exact enumeration, 16384 " in chosen(mlp(14), 14)
    assert "leverage sampling, 9600 " in chosen(mlp(15), 15)  # a tiny network
    assert "odd Gaussian process, 300 " in chosen(nn.Sequential(nn.Linear(15, 4000), nn.ReLU(), nn.Linear(4000, 2)).double(), 15)
    assert "odd Gaussian process, 200 " in chosen(mlp(15), 15, samples=200)
    assert "exact enumeration, 2 " in chosen(mlp(1), 1)


def test_budgets_stop_and_refuse() -> None:
    x = torch.randn(2, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    net = mlp(20)
    made = pl.explain(net, x, pl.SHAP(estimator="proxy"), target=1, budget=pl.Budget(calls=100), checks="none")
    assert 95 * len(x) <= made.provenance.evaluations <= 100 * len(x)
    made = pl.explain(net, x, pl.SHAP(samples=5000), target=1, budget=pl.Budget(error=0.05), checks="none")
    assert made.provenance.evaluations < 2000
    values, errors = made.arrays[0].values, made.errors[0].values
    assert (errors.max(1) <= 0.05 * np.sqrt((values**2).mean(1)) * (1 + 1e-9)).all()
    with pytest.raises(BudgetError, match=r"one pass.*at least"):
        pl.explain(net, x, "shap", target=1, budget=pl.Budget(calls=30))
    with pytest.raises(BudgetError, match=r"all coalitions.*budget.calls is 30"):
        pl.explain(net, x, pl.SHAP(estimator="exact"), target=1, budget=pl.Budget(calls=30))
    with pytest.raises(BudgetError, match=r"40 players.*proxy"):
        pl.explain(mlp(40), torch.ones(1, 40, dtype=torch.float64), pl.SHAP(estimator="exact"), target=1)
    slow_down = pl.explain(net, x, pl.SHAP(samples=10**6, estimator="leverage"), target=1, budget=pl.Budget(seconds=0.3), checks="none")
    assert slow_down.provenance.evaluations < 2 * 10**6


def test_progress_shows_the_shrinking_interval() -> None:
    seen: list[str] = []
    x = torch.randn(1, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pl.explain(mlp(20), x, pl.SHAP(samples=600), target=1, checks="none", progress=lambda stage, *_: seen.append(stage))
    stages = list(dict.fromkeys(seen))
    shown = [float(stage.removeprefix("shap ± ").rstrip("%")) for stage in stages if "±" in stage]
    assert len(shown) >= 2
    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(
    ("method", "background", "error", "said"),
    [
        (pl.SHAP(estimator="guess"), None, UnknownName, "estimator"),  # type: ignore[arg-type]
        (pl.SHAP(value="guess"), None, UnknownName, "value function"),  # type: ignore[arg-type]
        (pl.SHAP(players="guess"), None, UnknownName, "kind of players"),  # type: ignore[arg-type]
        (pl.SHAP(value="nearest"), None, InputError, "needs background rows"),
        (pl.SHAP(value="gaussian"), BACKGROUND[:2], InputError, "one table of numbers"),
        (pl.SHAP(samples=2), None, InputError, "at least 4 samples"),
        (pl.SHAP(references=0), BACKGROUND, InputError, "At least one background row"),
        (pl.SHAP(players="superpixels"), None, InputError, "Only images have superpixels"),
        (pl.SHAP(players=[0, 1]), None, InputError, "do not fit"),
    ],
    ids=str,
)
def test_what_can_not_be_is_refused(method: pl.SHAP, background: Tensor | None, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        pl.explain(mlp(), X, method, target=1, background=background)


def test_superpixels_have_no_conditional_value() -> None:
    with pytest.raises(InputError, match="same players in all rows"):
        pl.explain(small_cnn(), blocks(), pl.SHAP(players="superpixels", value="nearest"), target=1, background=blocks())


def test_aliases() -> None:
    assert {pl.explain(mlp(), X, name, target=1, checks="none").provenance.method for name in ("kernel_shap", "KernelSHAP", "shapley")} == {
        "shap"
    }
