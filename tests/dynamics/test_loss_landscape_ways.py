"""Planes through checkpoints, and the straight way from one network to another."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

import pellucid as pl
from dynamics.landscape_twins import Convolutional, Plain, case, plain_loss
from pellucid.errors import InputError
from pellucid.explanation.contents.loss_landscape import LossLandscape
from pellucid.methods.dynamics.loss_landscape import LookAtLossLandscape
from pellucid.views.inside import inside_views


def seen(net: nn.Module, x: Any, labels: Any, spec: Any = None, **options: Any) -> LossLandscape:
    look = LookAtLossLandscape(**{"resolution": 7, "eigenvalues": 0, **options})
    content = pl.inspect(net, look, x, labels=labels, batch_size=16, spec=spec).content
    assert isinstance(content, LossLandscape)
    return content


def checkpoints(net: nn.Module, count: int = 5) -> list[dict[str, Tensor]]:
    """States on a bent way to the network."""
    found = []
    for at in range(count):
        torch.manual_seed(10 + at)
        one = deepcopy(net)
        with torch.no_grad():
            for value in one.parameters():
                value += (count - at) * 0.2 * torch.randn_like(value)
        found.append(one.state_dict())
    return found


def test_a_trajectory_has_the_singular_values_of_its_differences() -> None:
    net, x, labels = case(Convolutional, torch.float64)
    states = checkpoints(net)
    own = parameters_to_vector(net.parameters()).detach().numpy()
    copies = []
    for state in states:
        copies.append(deepcopy(net))
        copies[-1].load_state_dict(state)
    flat = np.stack([parameters_to_vector(one.parameters()).detach().numpy() for one in copies])
    _, sizes, along = np.linalg.svd(flat - own, full_matrices=False)
    found = seen(net, x, labels, directions=states)
    path = found.trajectory
    assert path is not None and found.directions == "trajectory"
    assert np.allclose(path.explained, sizes[:2] ** 2 / (sizes**2).sum(), rtol=1e-10)
    assert np.allclose(np.abs(path.places), np.abs((flat - own) @ along[:2].T), rtol=1e-9)
    assert np.allclose(path.off**2 + (path.places**2).sum(1), path.distance**2, rtol=1e-10)
    assert np.allclose(path.distance, np.linalg.norm(flat - own, axis=1), rtol=1e-12)
    assert np.allclose(path.loss, [plain_loss(one, x, labels)[0] for one in copies], rtol=1e-12)
    assert found.lengths == pytest.approx([1.0, 1.0]) and abs(found.cosine) < 1e-10
    surface = found.surface
    assert surface is not None and 0.0 in surface.across and 0.0 in surface.up
    assert surface.across[0] <= path.places[:, 0].min() and surface.across[-1] >= path.places[:, 0].max()
    vectors = seen(net, x, labels, directions=flat)
    assert vectors.surface is not None and np.allclose(vectors.surface.loss, surface.loss, rtol=1e-10)


def test_a_plane_through_two_checkpoints_holds_both() -> None:
    net, x, labels = case(Plain, torch.float64)
    found = seen(net, x, labels, directions=checkpoints(net, 2))
    path = found.trajectory
    assert path is not None and path.explained.sum() == pytest.approx(1.0) and path.off.max() < 1e-10 * path.distance.max()


def test_checkpoints_that_span_no_plane_or_do_not_fit() -> None:
    net, x, labels = case(Plain, torch.float64)
    state = checkpoints(net, 1)[0]
    own = net.state_dict()
    half = {name: (value + own[name]) / 2 for name, value in state.items()}
    with pytest.raises(InputError, match="one line of weights"):
        seen(net, x, labels, directions=[state, half])
    with pytest.raises(InputError, match="parameters_to_vector"):
        seen(net, x, labels, directions=np.zeros((3, 7)))
    with pytest.raises(InputError, match=r"Checkpoint 2 is not of the same architecture.*without body\.1\.weight"):
        seen(net, x, labels, directions=[state, {"other": torch.zeros(1)}])
    state["body.1.weight"] = state["body.1.weight"] + float("nan")
    with pytest.raises(InputError, match="missing or infinite weights"):
        seen(net, x, labels, directions=[state, own])


class Product(nn.Module):
    """x times a times b: the same function at (1, 1) and (-1, -1), and nothing half-way."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.a, self.b = (nn.Parameter(torch.full((1, 1), sign, dtype=torch.float64)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.a @ self.b


def test_the_barrier_of_a_planted_pair() -> None:
    x = torch.ones(4, 1, dtype=torch.float64)
    found = seen(Product(1.0), x, np.ones(4), pl.ModelSpec(outputs="values"), other=Product(-1.0), resolution=21)
    way = found.between
    assert way is not None
    assert way.line.loss == pytest.approx(((1 - 2 * way.line.positions) ** 2 - 1) ** 2, abs=1e-12)
    assert way.barrier[0] == pytest.approx(1.0) and way.at == pytest.approx(0.5)
    assert way.distance == pytest.approx(np.sqrt(8)) and np.isnan(way.accuracy_barrier[0])


def test_the_way_moves_buffers_too_and_ends_at_the_other_network() -> None:
    net, x, labels = case(Convolutional, torch.float64)
    torch.manual_seed(5)
    other = Convolutional().double().eval()
    way = seen(net, x, labels, other=other).between
    assert way is not None and way.name == "Convolutional"
    ends = [plain_loss(one, x, labels) for one in (net, other)]
    assert way.line.loss[[0, -1]] == pytest.approx([end[0] for end in ends], rel=1e-12)
    assert way.line.accuracy[[0, -1]] == pytest.approx([end[1] for end in ends])
    middle = deepcopy(net)
    middle.load_state_dict(
        {name: (value + other.state_dict()[name]) / 2 if value.is_floating_point() else value for name, value in net.state_dict().items()}
    )
    assert way.line.loss[3] == pytest.approx(plain_loss(middle, x, labels)[0], rel=1e-12)
    by_state = seen(net, x, labels, other=other.state_dict()).between
    assert by_state is not None and np.array_equal(by_state.line.loss, way.line.loss)


def test_another_architecture_is_named() -> None:
    net, x, labels = case(Plain, torch.float32)
    wider = Plain()
    wider.body[1], wider.body[3] = nn.Linear(12, 20), nn.Linear(20, 3)
    with pytest.raises(InputError, match=r"The other network is not of the same architecture.*body\.1\.weight: \(20, 12\) for \(16, 12\)"):
        seen(net, x, labels, other=wider)
    with pytest.raises(InputError, match="which the network does not have"):
        seen(net, x, labels, other={**net.state_dict(), "more": torch.zeros(1)})
    with pytest.raises(InputError, match="the same weights"):
        seen(net, x, labels, other=deepcopy(net))


def test_buffers_that_no_state_dict_holds_stay() -> None:
    net, x, labels = case(Plain, torch.float64)
    net.register_buffer("scale", torch.ones(2, dtype=torch.float64), persistent=False)
    torch.manual_seed(9)
    other = Plain().double()
    way = seen(net, x, labels, other=other.state_dict()).between
    assert way is not None and way.line.loss[-1] == pytest.approx(plain_loss(other, x, labels)[0], rel=1e-12)


def test_pictures_and_words_follow_what_was_looked_at() -> None:
    net, x, labels = case(Plain, torch.float32)
    torch.manual_seed(9)
    look = LookAtLossLandscape(shape="none", other=Plain(), eigenvalues=2, learning_rate=0.1)
    found = pl.inspect(net, look, x, labels=labels)
    assert list(inside_views(found)) == ["between", "spectrum"]
    said = found.narrate("en")
    assert "straight way to the other network" in said and "2 / learning rate = 20" in said and "Dinh et al. 2017" in said
    path = pl.inspect(net, LookAtLossLandscape(directions=checkpoints(net, 3), resolution=7, eigenvalues=0), x, labels=labels)
    assert list(inside_views(path)) == ["surface", "lines"]
    assert "closest to 3 checkpoints" in path.narrate("en") and "3 个检查点" in path.narrate("zh-CN")
    for name, view in inside_views(path).items():
        assert view(path, language="zh-CN").summary, name
