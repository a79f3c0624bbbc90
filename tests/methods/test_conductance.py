"""Conductance: against captum on the same nodes, sums, bounds, layers that can and can not be used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl


def mlp() -> tuple[nn.Sequential, Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    return net, torch.randn(4, 6, dtype=torch.float64)


def cnn() -> tuple[nn.Sequential, Tensor]:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 2), nn.GELU(), nn.Flatten(), nn.Linear(45, 3)).double()
    return net, torch.randn(3, 2, 6, 6, dtype=torch.float64)


def explained(net: nn.Module, x: Tensor, **options: Any) -> pl.Explanation:
    return pl.explain(net, x, pl.Conductance(baseline=pl.Constant(0.1), **options), target=1, checks="none")


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


@pytest.mark.parametrize(("make", "layer"), [(mlp, "1"), (mlp, "3"), (cnn, "1"), (cnn, "2")])
def test_of_a_layer_it_is_captum_s_on_the_same_nodes(make: Any, layer: str) -> None:
    captum = pytest.importorskip("captum.attr")
    net, x = make()
    steps = 12
    there = captum.LayerConductance(net, net.get_submodule(layer))
    parts = np.linspace(0, 1, steps).tolist()

    def theirs(order: list[float]) -> Tensor:
        """captum takes the gradient at the beginning of each step."""
        return there._attribute((x,), (torch.full_like(x, 0.1),), target=1, n_steps=steps - 1, step_sizes_and_alphas=([], order))

    # the trapezoid rule is the mean of going forth and going back
    expected = ((theirs(parts) - theirs(parts[::-1])) / 2).detach()
    expected = expected.flatten(2).sum(2) if expected.ndim > 2 else expected
    made = explained(net, x, layer=layer, steps=steps)
    assert relative(made.arrays[0].values, expected.numpy()) <= 1e-6
    assert made.arrays[0].axes == ("sample", "unit")
    assert made.kind == "layer_attribution"
    assert made.layer == layer


@pytest.mark.parametrize("unit", [0, 4])
def test_through_a_unit_it_is_captum_s(unit: int) -> None:
    captum = pytest.importorskip("captum.attr")
    net, x = mlp()
    theirs = captum.NeuronConductance(net, net[1]).attribute(
        x, unit, torch.full_like(x, 0.1), target=1, n_steps=20, method="riemann_middle"
    )
    made = explained(net, x, layer="1", unit=unit, steps=20)
    assert relative(made.arrays[0].values, theirs.detach().numpy()) <= 1e-6
    assert made.kind == "attribution"
    assert made.layer == f"1, unit {unit}"


def test_through_a_channel_it_is_the_sum_over_its_places() -> None:
    captum = pytest.importorskip("captum.attr")
    net, x = cnn()
    there = captum.NeuronConductance(net, net[2])
    theirs = sum(
        there.attribute(x, (2, row, column), torch.full_like(x, 0.1), target=1, n_steps=9, method="riemann_middle").detach()
        for row in range(3)
        for column in range(3)
    )
    assert relative(explained(net, x, layer="2", unit=2, steps=9).arrays[0].values, theirs.numpy()) <= 1e-6


@pytest.mark.parametrize(("make", "layer"), [(mlp, "0"), (mlp, "3"), (cnn, "1")])
def test_over_a_layer_that_everything_passes_it_sums_to_the_difference(make: Any, layer: str) -> None:
    net, x = make()
    with torch.no_grad():
        difference = (net(x) - net(torch.full_like(x, 0.1)))[:, 1].numpy()
    stated = []
    for steps in (10, 1000):
        made = explained(net, x, layer=layer, steps=steps)
        stated.append(made.errors[0].values.sum(1))
        assert (np.abs(made.arrays[0].values.sum(1) - difference) <= stated[-1] + 1e-14).all()
    assert (stated[1] <= stated[0] / 50).all()


def test_the_units_inputs_sum_to_the_unit_and_all_units_to_integrated_gradients() -> None:
    net, x = mlp()
    of_units = explained(net, x, layer="1", steps=2000)
    of_inputs = [explained(net, x, layer="1", unit=unit, steps=2000) for unit in range(9)]
    through = np.stack([made.arrays[0].values for made in of_inputs])
    stated = np.stack([made.errors[0].values.sum(1) for made in of_inputs], 1) + of_units.errors[0].values
    assert (np.abs(through.sum(2).T - of_units.arrays[0].values) <= stated).all()
    assert stated.max() < 0.01 * np.abs(of_units.arrays[0].values).max()
    whole = pl.explain(net, x, pl.IntegratedGradients(steps=2000, rule="midpoint", baseline=pl.Constant(0.1)), target=1, checks="none")
    np.testing.assert_allclose(through.sum(0), whole.arrays[0].values, atol=1e-12)


class Residual(nn.Module):
    """Half of what matters goes past the layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.inside, self.act, self.head = nn.Linear(6, 6).double(), nn.Tanh(), nn.Linear(6, 3).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x + self.act(self.inside(x)))


def test_what_goes_past_the_layer_is_left_out() -> None:
    net, x = Residual(), mlp()[1]
    through = sum(explained(net, x, layer="act", unit=unit, steps=400).arrays[0].values.sum(1) for unit in range(6))
    np.testing.assert_allclose(explained(net, x, layer="act", steps=400).arrays[0].values.sum(1), through, rtol=1e-4)
    past = ((x - 0.1) * net.head.weight[1]).sum(1).detach().numpy()
    with torch.no_grad():
        difference = (net(x) - net(torch.full_like(x, 0.1)))[:, 1].numpy()
    np.testing.assert_allclose(through + past, difference, rtol=1e-4)


def test_the_layer_is_found() -> None:
    assert explained(*mlp()).layer == "3"
    assert explained(*cnn()).layer == "3"  # a Flatten says nothing of its own
    net, x = cnn()
    assert explained(nn.Sequential(*net[:4], nn.AdaptiveAvgPool2d(1), nn.Dropout(), nn.Flatten(), nn.Linear(5, 3)).double(), x).layer == "4"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layer": "7"}, "There is no layer"),
        ({"layer": "1", "unit": 9}, "no such unit"),
        ({"layer": "1", "unit": -1}, "no such unit"),
        ({"layer": "1", "unit": True}, "no such unit"),
        ({"steps": 1}, "at least two steps"),
    ],
)
def test_what_can_not_be_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(pl.PellucidError, match=said):
        explained(*mlp(), **options)


def test_a_network_without_a_hidden_layer_is_refused() -> None:
    with pytest.raises(pl.PellucidError, match="No layer of this network lies before its outputs"):
        explained(nn.Sequential(nn.Linear(6, 3)).double(), mlp()[1])


def test_units_can_be_drawn_told_and_checked() -> None:
    net, x = mlp()
    made = pl.explain(net, x[:1], pl.Conductance(layer="3", steps=20), target=1, checks="full")
    assert [check.name for check in made.checks] == ["parameter_randomization"]
    assert len(made.plot().axes) > 0
    assert "unit" in made.narrate("en")
    assert "单元" in made.narrate("zh-CN")
    one = pl.explain(net, x[:1], pl.Conductance(layer="3", unit=2, steps=20), target=1)
    assert one.checks == ()  # the score depends on more than what flows through one unit
    assert "3, unit 2" in one.narrate("en")
