"""LRP as it is called: against zennit and captum, at layers and through units, its ledger as a check and in words, what is refused."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from benchmarks import zennit_peer
from pellucid.errors import InputError, LayerError, UnknownName, UnsupportedOperation
from pellucid.models.rules.relevance.weight_rules import Passage
from rules.relevance_passes import made

COMPOSITES = ("epsilon", "epsilon_plus", "epsilon_plus_flat", "epsilon_gamma", "epsilon_gamma_box")
LOW, HIGH = -1.0, 1.0


def chain(*, bias: bool = False, seed: int = 0) -> tuple[nn.Sequential, Tensor]:
    """A sequence of modules, for which peers have rules, and rows between ``LOW`` and ``HIGH``."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1, bias=bias),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, bias=bias),
        nn.ReLU(),
        nn.AvgPool2d(3, stride=1),
        nn.Flatten(),
        nn.Linear(8, 16, bias=bias),
        nn.ReLU(),
        nn.Linear(16, 4, bias=bias),
    )
    return net.double().eval(), torch.rand(4, 2, 14, 14, dtype=torch.float64) * (HIGH - LOW) + LOW


def values(net: nn.Module, x: Tensor, method: Any, **options: Any) -> np.ndarray:
    return pl.explain(net, x, method, target=2, checks="none", batch_size=4, **options).arrays[0].values


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def theirs(net: nn.Module, x: Tensor, composite: str) -> np.ndarray:
    bounds = torch.full_like(x[:1], LOW), torch.full_like(x[:1], HIGH)
    return zennit_peer.relevance(copy.deepcopy(net), x, 2, zennit_peer.composite(composite, bounds=bounds)).numpy()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("composite", COMPOSITES)
def test_on_a_chain_of_modules_it_is_zennit_s(composite: Any, *, bias: bool) -> None:
    pytest.importorskip("zennit.types") if zennit_peer.missing() else zennit_peer.import_zennit()
    net, x = chain(bias=bias)
    method = pl.LRP(composite=composite, bounds=(LOW, HIGH))
    assert relative(values(net, x, method), theirs(net, x, composite)) <= 1e-6


def test_that_it_is_zennit_s_can_fail() -> None:
    net, x = chain()
    assert relative(values(net, x, pl.LRP(composite="epsilon_gamma", gamma=0.2)), theirs(net, x, "epsilon_gamma")) > 1e-4
    assert relative(values(net, x, pl.LRP(composite="epsilon")), theirs(net, x, "epsilon_plus")) > 1e-2


def test_on_a_chain_of_modules_epsilon_is_captum_s() -> None:
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(4)
    # captum has no rule for nn.Flatten
    net = nn.Sequential(
        nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 8, bias=False), nn.ReLU(), nn.Linear(8, 4, bias=False)
    ).double()
    x = torch.randn(4, 6, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = captum.LRP(copy.deepcopy(net)).attribute(x.clone().requires_grad_(), target=2).detach().numpy()
    assert relative(values(net, x, pl.LRP(epsilon=1e-9)), found) <= 1e-6


# ---- where peers have no answer -----------------------------------------------------------------------------------------------


class Wide(nn.Module):
    """A residual picture network without biases, everything but the weights in functions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1, bias=False)
        self.inner = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.head = nn.Linear(6, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        x = x + F.relu_(self.inner(x))
        return self.head(x.mean((2, 3)))


def wide() -> tuple[Wide, Tensor]:
    torch.manual_seed(1)
    return Wide().double().eval(), torch.rand(3, 2, 8, 8, dtype=torch.float64)


@pytest.mark.parametrize("composite", ["epsilon", "epsilon_plus", "epsilon_gamma"])
def test_residual_sums_conserve(composite: Any) -> None:
    net, x = wide()
    made_of = pl.explain(net, x, pl.LRP(composite=composite, epsilon=1e-12), target=2, checks="none")
    sums, scores = made_of.arrays[0].values.sum((1, 2, 3)), made_of.decision.scores
    assert np.abs(sums - scores).max() <= 1e-6 * np.abs(scores).min()


def ledger(explanation: pl.Explanation) -> dict[str, np.ndarray]:
    (table,) = explanation.check("conservation").curves
    return {name: table.values[:, n] for n, name in enumerate(table.coordinates["entry"])}


def test_the_ledger_is_a_check_and_closes() -> None:
    net, x = chain(bias=True)
    found = pl.explain(net, x, "lrp", target=2, checks="none")
    entries, scores = ledger(found), found.decision.scores
    assert set(entries) == {"inputs", "biases", "constants", "softmax", "epsilon"}
    np.testing.assert_allclose(entries["inputs"], found.arrays[0].values.sum((1, 2, 3)), rtol=1e-12)
    assert np.abs(entries["biases"]).min() > 1e-3 * np.abs(scores).max()
    assert np.abs(sum(entries.values()) - scores).max() <= 1e-12 * np.abs(scores).max()
    check = found.check("conservation")
    assert (check.value <= check.reference).all()
    assert ledger(found[1])["biases"] == entries["biases"][1]


def test_a_ledger_that_does_not_close_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = chain(bias=True)
    monkeypatch.setattr(Passage, "to_bias", lambda *_: None)
    with pytest.raises(UnsupportedOperation, match="ledger does not close"):
        pl.explain(net, x, "lrp", target=2, checks="none")


def test_the_share_of_the_biases_is_told() -> None:
    net, x = chain(bias=True)
    found = pl.explain(net, x, "lrp", target=2)
    english, chinese = found[0].narrate(), found[0].narrate("zh-CN")
    share = ledger(found)["biases"][0] / found.decision.scores[0]
    assert "The ledger closes" in english
    assert f"({share * 100:.0f}\xa0%) is with biases".replace("-", "−") in english  # noqa: RUF001
    assert "账目平衡" in chinese
    assert "偏置占" in chinese


def test_probabilities_are_explained_by_their_log_odds() -> None:
    net, x = wide()
    found = pl.explain(nn.Sequential(net, nn.Softmax(1)), x, "lrp", target=2, checks="none")
    assert np.abs(sum(ledger(found).values()) - found.decision.scores).max() <= 1e-9
    assert np.abs(ledger(found)["softmax"]).max() > 0


def test_a_body_that_computes_something_else_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = made("lstm")
    pl.explain(net, x, "lrp", target=1, checks="none")
    plain = pl.models.bound_torch.BoundTorch.outputs
    monkeypatch.setattr(pl.models.bound_torch.BoundTorch, "outputs", lambda *a: plain(*a) + 1)
    with pytest.raises(UnsupportedOperation, match="something else than the model"):
        pl.explain(net, x, "lrp", target=1, checks="none")


# ---- layers and units -----------------------------------------------------------------------------------------------------------


def test_relevance_at_a_layer_is_its_cells_or_its_units() -> None:
    net, x = wide()
    cells = pl.explain(net, x, pl.LRP(layer="first", epsilon=1e-12), target=2, checks="none")
    units = pl.explain(net, x, pl.LRP(layer="first", over="units", epsilon=1e-12), target=2, checks="none")
    head = pl.explain(net, x, pl.LRP(layer="head"), target=2, checks="none")
    assert cells.kind == "layer_attribution"
    assert cells.arrays[0].axes == ("sample", "y", "x")
    assert units.arrays[0].axes == head.arrays[0].axes == ("sample", "unit")
    np.testing.assert_allclose(cells.arrays[0].values.sum((1, 2)), units.arrays[0].values.sum(1), rtol=1e-9)
    np.testing.assert_allclose(units.arrays[0].values.sum(1), units.decision.scores, rtol=1e-8)  # nothing goes past it
    np.testing.assert_allclose(head.arrays[0].values[:, 2], head.decision.scores, rtol=1e-9)


@pytest.mark.parametrize("layer", ["first", "inner"])
def test_what_passes_the_units_of_a_layer_adds_up(layer: str) -> None:
    net, x = wide()
    units = pl.explain(net, x, pl.LRP(layer=layer, over="units"), target=2, checks="none").arrays[0].values
    total = np.zeros(x.shape)
    for unit in range(6):
        found = pl.explain(net, x, pl.LRP(layer=layer, unit=unit), target=2, checks="none")
        entries, part = ledger(found), found.arrays[0].values
        np.testing.assert_allclose(entries["elsewhere"], found.decision.scores - units[:, unit], rtol=1e-9, atol=1e-15)
        assert np.abs(sum(entries.values()) - found.decision.scores).max() <= 1e-12
        assert found.layer == f"{layer}, unit {unit}"
        total += part
    whole = values(net, x, pl.LRP())
    if layer == "first":  # everything passes it
        np.testing.assert_allclose(total, whole, rtol=1e-6, atol=1e-12)
    else:  # a residual branch: the rest goes past it
        assert relative(total, whole) > 0.1
        np.testing.assert_allclose(total.sum((1, 2, 3)), units.sum(1), rtol=1e-3)


class Twice(nn.Module):
    """One layer called twice, and one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.idle, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        self.idle(x)
        return self.head(self.again(self.again(x).relu()).relu())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"composite": "epsilom"}, UnknownName, "epsilon"),
        ({"dense": "zplus"}, UnknownName, "z_plus"),
        ({"epsilon": 0.0}, InputError, "positive"),
        ({"gamma": -1.0}, InputError, "negative"),
        ({"alpha": 0.5}, InputError, "below 1"),
        ({"first": "z_box"}, InputError, "bounds"),
        ({"unit": 3}, InputError, "layer"),
        ({"layer": "agin"}, UnknownName, "again"),
        ({"layer": "again"}, LayerError, "2 times"),
        ({"layer": "again", "unit": 1}, LayerError, "2 times"),
        ({"layer": "idle"}, LayerError, "does not depend on this layer"),
        ({"layer": "idle", "unit": 0}, LayerError, "does not depend on this layer"),
        ({"layer": "head", "unit": 2}, InputError, "0 to 1"),
        ({"layer": "head", "unit": -1}, InputError, "0 to 1"),
    ],
)
def test_what_can_not_be_done_is_said(options: dict[str, Any], error: type[Exception], words: str) -> None:
    torch.manual_seed(2)
    with pytest.raises(error, match=words):
        pl.explain(Twice().double(), torch.randn(2, 4, dtype=torch.float64), pl.LRP(**options), target=1, checks="none")


def test_bounds_come_from_the_input_s_range() -> None:
    net, x = chain()
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="image", value_range=(LOW, HIGH)),))
    found = values(net, x, pl.LRP(composite="epsilon_gamma_box"), spec=spec)
    np.testing.assert_array_equal(found, values(net, x, pl.LRP(composite="epsilon_gamma_box", bounds=(LOW, HIGH))))
    each = pl.LRP(composite="epsilon_gamma_box", bounds=((LOW, LOW), (HIGH, HIGH)))
    np.testing.assert_allclose(found, values(net, x, each), rtol=1e-12)


def test_rules_of_their_own_take_the_place_of_the_composite_s() -> None:
    net, x = chain()
    np.testing.assert_array_equal(values(net, x, pl.LRP(composite="epsilon", convolution="z_plus")), values(net, x, pl.LRP()))
    mixed = values(net, x, pl.LRP(dense="alpha_beta", convolution="gamma", first="flat"))
    assert np.abs(mixed[:, 0] - mixed[:, 1]).max() <= 1e-12  # flat: both channels the same


def test_tokens_get_relevance_at_their_embedding() -> None:
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Embedding(20, 8), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Flatten(), nn.Linear(48, 3)
    ).double()
    found = pl.explain(net, torch.randint(0, 20, (2, 6)), "lrp", target=1, checks="none")
    assert found.arrays[0].axes == ("sample", "token")
    assert np.abs(sum(ledger(found).values()) - found.decision.scores).max() <= 1e-9 * np.abs(found.decision.scores).max()


def test_one_gradient_row_each_and_one_forward_where_a_body_ran() -> None:
    net, x = chain()
    assert pl.explain(net, x, "lrp", target=2, checks="none").provenance.evaluations == 4
    net, x = made("encoder")
    assert pl.explain(net, x, "lrp", target=1, checks="none").provenance.evaluations == 2 * len(x)


class Folded(nn.Module):
    """Rows taken one after the other and put together again, so that no operation shows where they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 4), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.stack([torch.outer(row, row.relu()).flatten() for row in self.first(x)]))


class Mixing(nn.Module):
    """Every row less the mean of all rows."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x - x.mean(0, keepdim=True))


@pytest.mark.parametrize("method", [pl.LRP(), pl.LRP(layer="first", unit=1), pl.LRP(layer="first"), pl.FullGrad()])
def test_rows_that_are_hidden_are_taken_one_score_at_a_time(method: Any) -> None:
    torch.manual_seed(5)
    net: nn.Module = Folded().double()
    x = torch.randn(3, 4, dtype=torch.float64)
    if isinstance(method, pl.FullGrad):
        net, x = nn.Sequential(nn.Flatten(), net), x.reshape(3, 1, 2, 2)
    together = pl.explain(net, x, method, target=1, checks="none", batch_size=3)
    assert np.abs(sum(ledger(together).values()) - together.decision.scores).max() <= 1e-9
    for row in range(3):
        alone = pl.explain(net, x[row : row + 1], method, target=1, checks="none")
        np.testing.assert_allclose(together.arrays[0].values[row], alone.arrays[0].values[0], rtol=1e-9, atol=1e-12)
        for name, held in ledger(together).items():
            np.testing.assert_allclose(held[row], ledger(alone)[name][0], rtol=1e-9, atol=1e-12)


def test_rows_that_are_mixed_are_refused() -> None:
    net, x = Mixing().double(), torch.randn(3, 4, dtype=torch.float64)
    with pytest.raises(UnsupportedOperation, match="depends on other rows"):
        pl.explain(net, x, "lrp", target=1, checks="none", batch_size=3)
    pl.explain(net, x, "lrp", target=1, checks="none", batch_size=1)


def test_values_that_left_torch_are_constants_and_it_is_said() -> None:
    class Leaves(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.sum(1), x.sum(1) + float(x.abs().max())], 1)

    x = torch.randn(1, 4, dtype=torch.float64)
    found = pl.explain(Leaves(), x, "lrp", target=1, checks="none")
    assert any("left torch at test_lrp.py:" in choice for choice in found.provenance.choices)
    np.testing.assert_allclose(ledger(found)["constants"], [float(x.abs().max())], rtol=1e-5)
