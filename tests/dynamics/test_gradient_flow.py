"""Gradient flow: arrows, losses and ways against closed forms and slow twins."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pellucid as pl
from pellucid.explanation.contents.gradient_flow import GradientFlow


def seen(net: nn.Module, look: object, inputs: object, labels: object) -> GradientFlow:
    found = pl.inspect(net, look, inputs, labels=labels).content
    assert isinstance(found, GradientFlow)
    return found


@pytest.fixture
def regression() -> tuple[nn.Linear, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 1))
    net = nn.Linear(1, 1).double()
    with torch.no_grad():
        net.weight.fill_(0.3)
        net.bias.fill_(-0.2)
    return net, x, 2.0 * x - 1.0 + 0.1 * draw.normal(size=x.shape)


def test_a_linear_regression_has_the_gradient_of_its_formula(regression: tuple[nn.Linear, np.ndarray, np.ndarray]) -> None:
    net, x, y = regression
    found = seen(net, pl.LookAtGradientFlow(resolution=9, arrows=5, span=(-3.0, 4.0, -2.5, 3.5)), x, y)
    assert found.along == "parameters"
    assert found.names == ("weight[0, 0]", "bias[0]")
    np.testing.assert_allclose(found.own, [0.3, -0.2])
    for (w, b), gradient, whole in zip(found.places, found.gradients, found.whole, strict=True):
        off = w * x + b - y
        truth = np.array([2 * (off * x).mean(), 2 * off.mean()])
        np.testing.assert_allclose(gradient, truth, rtol=1e-9, atol=1e-12)
        assert whole == pytest.approx(np.linalg.norm(truth), rel=1e-9)
    for j, b in enumerate(found.up):
        for i, w in enumerate(found.across):
            assert found.loss[j, i] == pytest.approx(((w * x + b - y) ** 2).mean(), rel=1e-9)
    assert found.across[0] <= -2.0
    assert np.isclose(found.across, 0.3).any()  # the network itself is a column


def test_ways_lie_where_their_parameters_are(regression: tuple[nn.Linear, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    net, x, y = regression
    inputs, labels = torch.tensor(x), torch.tensor(y)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.5)
    places, losses = [], []
    with pl.watch(net, optimizer, tmp_path, snapshots=1) as run:
        for _ in range(12):
            loss = F.mse_loss(net(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(loss=loss)
            places.append([net.weight.item(), net.bias.item()])
            losses.append(F.mse_loss(net(inputs), labels).item())
    kept = pl.Run(tmp_path).trajectory()
    assert kept.dtype == np.float64
    np.testing.assert_array_equal(kept[:14], [[0.3, -0.2], *places, places[-1]])  # before the first step, after each, at the end
    found = seen(net, pl.LookAtGradientFlow(trajectories={"SGD": kept}, resolution=9, arrows=3), x, y)
    (path,) = found.paths
    np.testing.assert_allclose(path.places[1:13], places, rtol=1e-12)
    np.testing.assert_allclose(path.loss[1:13], losses, rtol=1e-9)
    assert path.off.max() < 1e-12
    assert found.across[0] < kept[:, 0].min() < kept[:, 0].max() < found.across[-1]


def network() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 3)).double()
    return net, torch.randn(20, 3).double(), torch.arange(20) % 3


def test_two_parameters_of_a_network_against_a_slow_twin() -> None:
    net, x, y = network()
    chosen = (("0.weight", (2, 1)), ("4.bias", (0,)))
    found = seen(net, pl.LookAtGradientFlow(parameters=chosen, resolution=5, arrows=3), x, y.numpy())
    for place, gradient, whole in zip(found.places, found.gradients, found.whole, strict=True):
        twin = copy.deepcopy(net).eval()
        with torch.no_grad():
            twin[0].weight[2, 1], twin[4].bias[0] = place.tolist()
        F.cross_entropy(twin(x), y).backward()
        np.testing.assert_allclose(gradient, [twin[0].weight.grad[2, 1], twin[4].bias.grad[0]], rtol=1e-9, atol=1e-12)
        norm = torch.cat([p.grad.ravel() for p in twin.parameters()]).norm()
        assert whole == pytest.approx(float(norm), rel=1e-9)


def test_the_steepest_parameters_are_taken_where_none_are_named() -> None:
    net, x, y = network()
    found = seen(net, pl.LookAtGradientFlow(resolution=3, arrows=2), x, y.numpy())
    twin = copy.deepcopy(net).eval()
    F.cross_entropy(twin(x), y).backward()
    sizes = {
        f"{name}[{', '.join(map(str, index))}]": abs(float(p.grad[index]))
        for name, p in twin.named_parameters()
        for index in np.ndindex(*p.shape)
    }
    assert set(found.names) == set(sorted(sizes, key=lambda one: -sizes[one])[:2])


def test_the_plane_of_a_training() -> None:
    net, x, y = network()
    own = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    draw = np.random.default_rng(0)
    first, second = (v / np.linalg.norm(v) for v in draw.normal(size=(2, len(own))))
    second = second - (second @ first) * first
    second /= np.linalg.norm(second)
    ways = {"a": own + np.outer([3.0, 2.0, 1.0], first), "b": own + np.outer([1.0, 0.5], second) + 0.3 * first}
    found = seen(net, pl.LookAtGradientFlow(trajectories=ways, resolution=5, arrows=2), x, y.numpy())
    assert found.along == "trajectory"
    assert found.explained.sum() == pytest.approx(1.0)
    for path in found.paths:
        assert path.off.max() < 1e-9
        np.testing.assert_allclose(np.linalg.norm(path.places, axis=1), np.linalg.norm(ways[path.name] - own, axis=1), rtol=1e-9)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (pl.LookAtGradientFlow(parameters=(("0.weights", (0, 0)), ("4.bias", (0,)))), "did you mean '0.weight'"),
        (pl.LookAtGradientFlow(parameters=(("0.weight", (9, 0)), ("4.bias", (0,)))), "no such element"),
        (pl.LookAtGradientFlow(trajectories={"a": np.zeros((4, 7))}), "7"),
        (pl.LookAtGradientFlow(arrows=1), "arrows"),
        (pl.LookAtGradientFlow(span=(50.0, 60.0, 0.0, 1.0)), "must hold the network itself"),
    ],
)
def test_bad_input(look: object, words: str) -> None:
    net, x, y = network()
    with pytest.raises(pl.PellucidError, match=words):
        pl.inspect(net, look, x, labels=y.numpy())


def test_the_network_is_as_it_was() -> None:
    net, x, y = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    pl.inspect(net, pl.LookAtGradientFlow(resolution=3, arrows=2), x, labels=y.numpy())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert net.training
