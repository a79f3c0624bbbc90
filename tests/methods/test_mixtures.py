"""Points that mix two rows, evaluated from the first layer on: as by the points themselves, and only where nothing else takes the input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.methods import mixtures
from pellucid.methods.games import model_game
from pellucid.models import entrance

FEATURES = 9
METHODS = {
    "leverage": pl.SHAP(estimator="leverage", value="marginal", samples=120),
    "permutation": pl.SHAP(estimator="permutation", value="marginal", samples=120),
    "proxy": pl.SHAP(estimator="proxy", samples=64),
}


class Written(nn.Module):
    """A first layer in a function, and an operation that writes into its output."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.head = nn.Parameter(torch.randn(12, FEATURES)), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        assert x.ndim == 2 and len(x) == x.shape[0]
        return self.head(functional.linear(x, self.weight).relu_().tanh())


class Doubled(nn.Module):
    """Takes its input twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.skip = nn.Linear(FEATURES, 3), nn.Linear(FEATURES, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.first(x)) + self.skip(x)


class Branching(nn.Module):
    """Looks at its input for some rows only, and never at that which is tried first."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head, self.calls = nn.Linear(FEATURES, 8), nn.Linear(8, 3), 0

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(torch.relu(self.first(x)))
        return y + 10 * x[:, :1] if len(x) > 1 else y


def mlp(*, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Linear(FEATURES, 16, bias=bias), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(inplace=True), nn.Linear(8, 3))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "MLP": mlp,
    "no bias": lambda: mlp(bias=False),
    "in-place at once": lambda: nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU(inplace=True), nn.Linear(16, 3)),
    "function": Written,
    "softmax at the end": lambda: nn.Sequential(*mlp(), nn.Softmax(1)),
}
ELSEWHERE: dict[str, Callable[[], nn.Module]] = {
    "input used twice": Doubled,
    "one layer": lambda: nn.Linear(FEATURES, 3),
    "scaled first": lambda: nn.Sequential(nn.LayerNorm(FEATURES), mlp()),
    "weight made anew": lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(FEATURES, 8)), nn.ReLU(), nn.Linear(8, 3)),
}


def made(make: Callable[[], nn.Module], dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    return make().to(dtype).eval(), torch.randn(5, FEATURES, dtype=dtype), torch.randn(7, FEATURES, dtype=dtype)


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each batch that went on from the first layer."""
    rows: list[int] = []
    original = entrance.Entrance.outputs

    def outputs(self: entrance.Entrance, hidden: Tensor, *rest: object) -> Tensor | None:
        found = original(self, hidden, *rest)  # type: ignore[arg-type]
        rows.append(0 if found is None else len(hidden))
        return found

    monkeypatch.setattr(entrance.Entrance, "outputs", outputs)
    monkeypatch.setattr(mixtures, "ENOUGH", 32)
    monkeypatch.setattr(mixtures, "WIDE", 2)
    return rows


def values(net: nn.Module, x: Tensor, method: object, background: Tensor, **options: object) -> np.ndarray:
    return pl.explain(net, x, method, target=1, background=background, checks="none", **options).arrays[0].values  # type: ignore[arg-type]


def plainly(*arguments: object, **options: object) -> np.ndarray:
    kept, mixtures.ENOUGH = mixtures.ENOUGH, 10**9
    try:
        return values(*arguments, **options)  # type: ignore[arg-type]
    finally:
        mixtures.ENOUGH = kept


@pytest.mark.parametrize("batch_size", [None, 5, 23])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_what_the_points_give(network: str, method: str, batch_size: int | None, entered: list[int]) -> None:
    net, x, background = made(NETWORKS[network])
    found = values(net, x, METHODS[method], background, batch_size=batch_size)
    assert sum(entered) > 300
    expected = plainly(net, x, METHODS[method], background, batch_size=batch_size)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("network", ELSEWHERE)
def test_where_the_input_goes_elsewhere_the_points_are_made(network: str, entered: list[int]) -> None:
    net, x, background = made(ELSEWHERE[network])
    found = values(net, x, METHODS["leverage"], background, batch_size=50)
    assert not entered
    np.testing.assert_array_equal(found, plainly(net, x, METHODS["leverage"], background, batch_size=50))


def test_a_branch_that_looks_at_the_input_is_noticed(entered: list[int]) -> None:
    net, x, background = made(Branching)
    found = values(net, x, METHODS["leverage"], background, batch_size=50)
    assert entered == [0]
    np.testing.assert_array_equal(found, plainly(net, x, METHODS["leverage"], background, batch_size=50))


def test_a_hook_that_changes_the_input_is_noticed(entered: list[int]) -> None:
    net, x, background = made(mlp)
    net[0].register_forward_pre_hook(lambda _, given: (given[0] * 2 if len(given[0]) > 1 else given[0],))  # type: ignore[index]
    found = values(net, x, METHODS["leverage"], background, batch_size=50)
    assert entered == [0]
    np.testing.assert_array_equal(found, plainly(net, x, METHODS["leverage"], background, batch_size=50))


def test_weights_are_those_of_the_moment(entered: list[int]) -> None:
    net, x, background = made(mlp)
    values(net, x, METHODS["leverage"], background)
    optimizer = torch.optim.SGD(net.parameters(), 1.0)
    net(x).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    found = values(net, x, METHODS["leverage"], background)
    assert all(entered)
    np.testing.assert_allclose(found, plainly(net, x, METHODS["leverage"], background), rtol=1e-9, atol=1e-12 * np.abs(found).max())


def test_missing_values_are_filled_as_ever(entered: list[int]) -> None:
    net, x, background = made(lambda: nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, 3)))
    x[0, 0] = torch.nan
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", missing=True),))
    found = values(net, x, METHODS["leverage"], background, spec=spec, batch_size=50)
    assert not entered
    np.testing.assert_array_equal(found, plainly(net, x, METHODS["leverage"], background, spec=spec, batch_size=50))


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_in_single_precision_it_is_no_farther_from_the_truth(scale: float, entered: list[int]) -> None:
    """Columns in units as far apart as those of real tables: what is exact in the points must not cancel here."""
    net, x, background = made(mlp, torch.float32)
    units = torch.logspace(0, 1, FEATURES) ** np.log10(scale)
    with torch.no_grad():
        net[0].weight.div_(units)  # type: ignore[index]
    x, background = x * units, background * units + 3 * units
    method = METHODS["leverage"]
    found, plain = values(net, x, method, background), plainly(net, x, method, background)
    truth = plainly(net.double(), x.double(), method, background.double())
    assert all(entered) and entered
    assert np.abs(found - truth).max() <= 2 * np.abs(plain - truth).max() + 1e-7 * np.abs(truth).max()


def test_narrow_tables_and_few_rows_are_evaluated_plainly(entered: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, background = made(mlp)
    values(net, x[:2], METHODS["leverage"], background)
    monkeypatch.undo()
    values(net, x, METHODS["leverage"], background)
    assert not entered


def test_a_wrong_way_in_would_be_seen(entered: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, background = made(mlp)
    original = mixtures.mixed_outputs
    monkeypatch.setattr(
        model_game,
        "mixed_outputs",
        lambda *arguments: (lambda inner: lambda rows, numbers: inner(rows, numbers) * 1.01)(original(*arguments)),
    )
    found = values(net, x, METHODS["leverage"], background, batch_size=50)
    assert entered == [0]
    np.testing.assert_array_equal(found, plainly(net, x, METHODS["leverage"], background, batch_size=50))
