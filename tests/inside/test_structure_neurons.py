"""The units of a chain of layers: which chains are seen, whose weights are held, and how they are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.explanation.contents.structure import Neurons
from pellucid.scenes import Lines, Points, Text
from pellucid.views.inside import inside, inside_views


def seen(net: nn.Module, x: torch.Tensor, **options: object) -> pl.Explanation:
    torch.manual_seed(0)
    return pl.inspect(net.eval(), "structure", x, **options)  # type: ignore[arg-type]


def chain_of(net: nn.Module, x: torch.Tensor) -> Neurons | None:
    return seen(net, x).content.neurons  # type: ignore[union-attr]


class Called(nn.Module):
    """Two layers as functions, the second one's weight the product of others."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
        self.leave = nn.Parameter(torch.arange(8.0).reshape(2, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(torch.tanh(self.enter(x)).flatten(1), self.leave)


def test_weights_are_those_that_the_layers_apply() -> None:
    net = Called()
    found = chain_of(net, torch.randn(5, 3))
    assert found is not None
    assert (found.layers, found.activations, found.sizes) == (("enter", ""), ("tanh", ""), (3, 4, 2))
    np.testing.assert_allclose(found.weights[0], net.enter.weight.detach().numpy(), rtol=1e-6)
    np.testing.assert_array_equal(found.weights[1], net.leave.detach().numpy())
    np.testing.assert_array_equal(found.biases[0], net.enter.bias.detach().numpy())
    assert np.isnan(found.biases[1]).all()


class Skipping(nn.Module):
    """A layer whose input is added to its output."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x + self.inner(x))


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (Skipping(), (4,)),
        (nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(4, 2)), (1, 4)),
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), (4,)),
        (nn.Linear(4, 2), (3, 4)),  # the same layer at three places
    ],
    ids=["skip", "convolution", "normalization", "places"],
)
def test_what_is_no_plain_chain_has_no_such_picture(net: nn.Module, shape: tuple[int, ...]) -> None:
    explanation = seen(net, torch.randn(4, *shape))
    assert explanation.content.neurons is None  # type: ignore[union-attr]
    assert "neurons" not in inside_views(explanation)


def test_wide_layers_are_cut_to_their_strongest_units_and_it_is_said(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(500, 90), nn.ReLU(), nn.Dropout(0.5), nn.Linear(90, 3))
    with torch.no_grad():
        net[1].weight.mul_(0.01)
        net[1].weight[80:].mul_(1000)
    explanation = seen(net, torch.randn(4, 5, 100))
    found = explanation.content.neurons  # type: ignore[union-attr]
    assert found.sizes == (500, 90, 3) and [len(own) for own in found.shown] == [64, 64, 3]
    assert set(range(80, 90)) <= set(found.shown[1].tolist())
    own = net[1].weight.detach().numpy()
    np.testing.assert_array_equal(found.weights[0], own[np.ix_(found.shown[1], found.shown[0])])
    scene = inside(explanation, view="neurons")
    assert "64 of 500" in scene.notes[0] and "64 of 90" in scene.notes[1]
    assert explanation.save(tmp_path / "wide.safetensors").stat().st_size < 100_000
    again = pl.load(tmp_path / "wide.safetensors")
    np.testing.assert_array_equal(again.content.neurons.weights[0], found.weights[0])  # type: ignore[union-attr]


def test_edges_are_drawn_by_sign_and_size_and_named_at_both_ends() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -4.0], [0.0, 2.0], [0.5, -1.0]]))
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", names=("age", "size")),), class_names=("no", "yes"))
    scene = inside(seen(net, torch.randn(4, 2), spec=spec), view="neurons")
    (panel,) = scene.panels
    edges = next(mark for mark in panel.marks if isinstance(mark, Lines))
    assert len(edges.y) == 5 + 6, "a weight of 0 is no edge"
    assert edges.strength is not None and edges.role is not None
    assert (np.diff(edges.strength) <= 0).all() and edges.strength[0] == 1
    first = np.flatnonzero(edges.x[:, 0] == 0)
    np.testing.assert_allclose(edges.strength[first], [1, 0.5, 0.25, 0.25, 0.125])
    np.testing.assert_array_equal(edges.role[first], [1, 0, 0, 1, 0])
    assert panel.y is not None and panel.y.tick_labels == ("age", "size")
    assert [mark.text for mark in panel.marks if isinstance(mark, Text)] == ["no", "yes"]
    labels = [mark.labels for mark in panel.marks if isinstance(mark, Points)]
    assert labels[0] == ("age", "size") and "bias" in labels[2][0] and labels[2][0].startswith("no")


def test_operations_count_parameters_and_no_buffers() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    content = seen(net, torch.randn(6, 3)).content
    assert [operation.parameters for operation in content.operations] == [16, 8, 10]  # type: ignore[union-attr]
