"""The loss on a plane of weights, held against one plain forward pass for each point on deep copies."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from dynamics.landscape_twins import (
    SHAPES,
    Convolutional,
    Plain,
    Recurrent,
    Tied,
    Transformer,
    case,
    directions,
    plain_loss,
    plane,
    seen,
    slow_plane,
)
from pellucid.errors import ModelError
from pellucid.methods.dynamics import loss_landscape_points
from pellucid.methods.dynamics.loss_landscape import LookAtLossLandscape

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", SHAPES)
def test_every_point_is_a_plain_pass(kind: type[nn.Module], dtype: torch.dtype) -> None:
    net, x, labels = case(kind, dtype)
    found = plane(seen(net, x, labels))
    loss, accuracy = slow_plane(net, x, labels, (found.across, found.up), directions(net))
    assert np.allclose(found.loss, loss, rtol=TOLERANCE[dtype], atol=0)
    assert np.array_equal(found.accuracy, accuracy)


@pytest.mark.parametrize("kind", SHAPES)
def test_the_model_is_a_point_of_its_plane_bit_for_bit(kind: type[nn.Module]) -> None:
    net, x, labels = case(kind, torch.float32)
    for resolution in (5, 6):  # an even one has no middle
        whole = seen(net, x, labels, resolution=resolution, span=(-1.0, 1.0, -0.5, 1.5))
        found = plane(whole)
        row, column = np.flatnonzero(found.up == 0), np.flatnonzero(found.across == 0)
        assert len(row) == len(column) == 1
        assert found.loss[row[0], column[0]] == whole.own[0]
        assert found.accuracy[row[0], column[0]] == whole.own[1]
        assert whole.own[0] == pytest.approx(plain_loss(net, x, labels)[0], rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "layers"),
    [
        (Plain, ("body.1.weight",)),
        (Convolutional, ("first.weight",)),
        (Transformer, ("enter.weight",)),
        (Recurrent, ()),
        (Tied, ("first.weight",)),
    ],
)
def test_products_with_the_first_weights_are_made_once(kind: type[nn.Module], layers: tuple[str, ...]) -> None:
    net, x, labels = case(kind, torch.float32)
    assert seen(net, x, labels).shared == layers


def test_a_forward_that_writes_into_its_rows_or_computes_its_weights_runs_as_it_is() -> None:
    class Writing(Plain):
        def forward(self, x: Tensor) -> Tensor:
            x -= 0.5
            return self.body(x)

    torch.manual_seed(0)
    normed = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(12, 3)))
    for net in (Writing(), normed):
        x, labels = torch.randn(10, 3, 4), np.arange(10) % 3
        kept = x.clone()
        found = seen(net.eval(), x, labels)
        assert found.shared == () and torch.equal(x, kept)
        corner = plane(found)
        copied, along = deepcopy(net), directions(net)
        with torch.no_grad():
            for name, value in copied.named_parameters():
                if name in along[0]:
                    value += along[0][name] + along[1][name]
        assert corner.loss[-1, -1] == pytest.approx(plain_loss(copied, x, labels)[0], rel=1e-5)


class Twice(nn.Module):
    """One layer called twice on the same rows, what it gave first being written over."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.first(x).relu_() - self.first(input=x) * 0.5 + self.first(x))


class Tokens(nn.Module):
    """Tokens that are embedded, beside numbers that are not, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.numbers, self.head = nn.Embedding(11, 6), nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        return self.head(torch.tanh(self.embed(tokens).mean(1) + self.numbers(numbers)))


@pytest.mark.parametrize("kind", [Twice, Tokens])
def test_layers_called_twice_and_tokens(kind: type[nn.Module]) -> None:
    torch.manual_seed(2)
    net, numbers, labels = kind().double(), torch.randn(9, 4, dtype=torch.float64), np.arange(9) % 3
    given: Any = numbers if kind is Twice else {"tokens": torch.arange(9 * 5).reshape(9, 5) % 11, "numbers": numbers}
    whole = seen(net, given, labels, batch_size=4)
    assert whole.shared == (("first.weight",) if kind is Twice else ("numbers.weight",))
    found, along = plane(whole), directions(net)
    for row, column in ((0, 0), (1, 3), (4, 2)):
        copied = deepcopy(net)
        with torch.no_grad():
            for name, value in copied.named_parameters():
                if name in along[0]:
                    value += found.across[column] * along[0][name] + found.up[row] * along[1][name]
            outputs = copied(**given) if isinstance(given, dict) else copied(given)
        expected = float(nn.functional.cross_entropy(outputs, torch.from_numpy(labels)))
        assert found.loss[row, column] == pytest.approx(expected, rel=1e-12)


def test_the_batch_size_does_not_matter() -> None:
    net, x, labels = case(Convolutional, torch.float64)
    sizes = [plane(seen(net, x, labels, batch_size=size)).loss for size in (1, 7, 23, None)]
    assert all(np.allclose(sizes[0], one, rtol=1e-12, atol=0) for one in sizes[1:])


def test_filters_of_a_direction_are_as_long_as_the_networks_own() -> None:
    net, x, labels = case(Convolutional, torch.float64)
    found = seen(net, x, labels)
    along = directions(net)
    for one in along:
        assert set(one) == {"first.weight", "second.weight", "head.weight"}
        for name, value in one.items():
            own = dict(net.named_parameters())[name]
            assert torch.allclose(value.flatten(1).norm(dim=1), own.flatten(1).norm(dim=1), rtol=1e-12)
    moving = [value for value in net.parameters() if value.ndim > 1]
    norm = float(torch.cat([value.detach().reshape(-1) for value in moving]).norm())
    assert found.lengths == pytest.approx([norm, norm], rel=1e-12)
    assert found.still == sum(value.numel() for value in net.parameters()) - sum(value.numel() for value in moving)
    flat = [torch.cat([value.reshape(-1) for value in one.values()]) for one in along]
    assert found.cosine == pytest.approx(float(flat[0] @ flat[1]) / norm**2, abs=1e-12)


def test_lines_are_the_middle_of_the_surface() -> None:
    net, x, labels = case(Plain, torch.float64)
    whole, alone = seen(net, x, labels), seen(net, x, labels, shape="lines")
    assert alone.surface is None and alone.evaluations < whole.evaluations
    for one, other in zip(whole.lines, alone.lines, strict=True):
        assert np.array_equal(one.positions, other.positions) and np.allclose(one.loss, other.loss, rtol=1e-12)
        assert np.array_equal(one.accuracy, other.accuracy)
    assert np.array_equal(whole.lines[0].loss, plane(whole).loss[2]) and np.array_equal(whole.lines[1].loss, plane(whole).loss[:, 2])


def test_of_costly_networks_there_are_fewer_points_unless_it_is_said_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, labels = case(Plain, torch.float32)
    flops = len(x) * 2 * (12 * 16 + 16 * 3)
    for work, points in ((1 << 60, 51), (flops * 20**2, 19), (flops, 11)):
        monkeypatch.setattr(loss_landscape_points, "WORK", work)
        assert plane(seen(net, x, labels, resolution=None)).loss.shape == (points, points)
    assert plane(seen(net, x, labels, resolution=21)).loss.shape == (21, 21)


def test_of_costly_networks_lanczos_takes_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, labels = case(Plain, torch.float64)
    flops = len(x) * 2 * (12 * 16 + 16 * 3)
    for work, steps in ((flops * 6 * 30, 30), (flops, 20)):
        monkeypatch.setattr(loss_landscape_points, "WORK", work)
        found = seen(net, x, labels, shape="none", eigenvalues=15).curvature
        assert found is not None and found.steps == steps


# ---- no trace ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SHAPES)
def test_the_networks_bytes_stay_also_when_it_raises_half_way(kind: type[nn.Module]) -> None:
    net, x, labels = case(kind, torch.float32)
    before = {name: (value.clone(), value.data_ptr()) for name, value in net.state_dict().items()}
    calls = []

    def failing(outputs: Tensor, truth: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) > 20:
            raise ValueError("enough")
        return nn.functional.cross_entropy(outputs, truth.long(), reduction="none")

    with pytest.raises(ModelError, match="enough"):
        seen(net, x, labels, loss=failing, eigenvalues=2)
    seen(net, x, labels, eigenvalues=2)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name][0]) and value.data_ptr() == before[name][1]
    assert all(value.requires_grad and value.grad is None for value in net.parameters())


def test_progress_reaches_its_end_and_can_be_stopped() -> None:
    net, x, labels = case(Plain, torch.float32)
    told: list[tuple[int, int]] = []
    pl.inspect(net, LookAtLossLandscape(resolution=9), x, labels=labels, progress=lambda stage, done, of: told.append((done, of)))
    passes = [(done, of) for done, of in told if of == told[-1][1]]
    assert passes == sorted(passes) and all(done <= of for done, of in passes) and passes[-1][0] > 0.5 * passes[-1][1]

    def stop(stage: str, done: int, of: int) -> None:
        raise KeyboardInterrupt

    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(KeyboardInterrupt):
        pl.inspect(net, LookAtLossLandscape(resolution=9), x, labels=labels, progress=stop)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
