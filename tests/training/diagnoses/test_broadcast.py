"""A loss over all pairs of rows is seen in its graph, and a loss that is meant so is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from pellucid.training.recording.broadcast import broadcast_rows

ROWS = 8


def found(loss_of: object, output: Tensor) -> int:
    loss = loss_of(output)
    loss.backward()
    return broadcast_rows(loss, output.grad_fn, tuple(output.shape))


def output(*shape: int) -> Tensor:
    return nn.Linear(3, shape[-1] if len(shape) > 1 else 1)(torch.randn(ROWS, 3)).reshape(shape)


TARGET = torch.arange(float(ROWS))


@pytest.mark.parametrize(
    "loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, lambda o, t: ((o - t) ** 2).mean(), lambda o, t: (t - o).abs().sum()]
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_shapes_that_differ(loss: object):
    assert found(lambda o: loss(o, TARGET), output(ROWS, 1)) == ROWS
    assert found(lambda o: loss(o, TARGET[:, None]), output(ROWS)) == ROWS
    assert found(lambda o: loss(o, TARGET[:, None]), output(ROWS, 1)) == 0
    assert found(lambda o: loss(o[:, 0], TARGET), output(ROWS, 1)) == 0
    assert found(lambda o: 0.1 * loss(o, TARGET) + o.square().mean(), output(ROWS, 1)) == ROWS


def test_losses_over_pairs_are_meant():
    assert found(lambda o: F.relu(1 - (o - o.T)).mean(), output(ROWS, 1)) == 0  # a ranking
    assert found(lambda o: F.cross_entropy(o @ o.T, torch.arange(ROWS)), output(ROWS, 4)) == 0  # contrastive
    assert found(lambda o: F.cross_entropy(o, torch.arange(ROWS) % 4), output(ROWS, 4)) == 0


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_what_is_not_known_is_not_said():
    one = output(ROWS, 1)
    assert broadcast_rows(torch.tensor(1.0), one.grad_fn, (ROWS, 1)) == 0
    assert broadcast_rows(F.mse_loss(output(ROWS, 1), TARGET[:, None]), one.grad_fn, (ROWS, 1)) == 0
    assert broadcast_rows(F.mse_loss(one[:1], TARGET[:1, None]), one.grad_fn, (1, 1)) == 0
    far = F.mse_loss(one, TARGET[:, None].expand(ROWS, ROWS))
    for _ in range(1200):
        far = far + 0.0
    assert broadcast_rows(far, one.grad_fn, (ROWS, 1)) == 0  # farther than is walked


class Twice(torch.autograd.Function):
    """An operation of the user's own, with two results."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * values, values.clone()

    @staticmethod
    def backward(ctx: object, first: Tensor, second: Tensor) -> Tensor:
        return 2 * first + second


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_operations_of_the_users_own_are_walked_through():
    assert found(lambda o: F.mse_loss(Twice.apply(o)[0], TARGET), output(ROWS, 1)) == 0  # its results have shapes of their own: not known
    assert found(lambda o: Twice.apply(F.mse_loss(o, TARGET))[0], output(ROWS, 1)) == ROWS


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_the_recorder_says_it_once_and_changes_nothing(tmp_path: Path):
    def losses(folder: Path | None) -> list[float]:
        torch.manual_seed(0)
        net, inputs = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), torch.randn(ROWS, 3)
        optimizer = torch.optim.SGD(net.parameters(), 0.01)
        run = None if folder is None else pl.watch(net, optimizer, folder)
        if run is not None:
            run._always = True
            run._looks.schedule.due = lambda *_: "activations"
        told = []
        for _ in range(12):
            loss = F.mse_loss(net(inputs), TARGET)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            told.append(loss.item())
            if run is not None:
                run.step(loss=loss)
        if run is not None:
            run.close()
        return told

    assert losses(tmp_path) == losses(None)
    run = pl.Run(tmp_path)
    assert [event.details["rows"] for _, event in run.events if event.what == "broadcast_loss"] == [ROWS]
    assert [finding.id for finding in run.diagnose()][:1] == ["broadcast_loss"]
