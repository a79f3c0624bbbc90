"""fit(record=...): the same training bit by bit, all of it told, and an end that is told rightly however it comes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.training.runs.writer import PAUSE

DRAW = np.random.default_rng(0)
INPUTS = DRAW.normal(size=(120, 2)).astype(np.float32)
LABELS = (INPUTS[:, 0] > 0).astype(np.int64)
HELD = (INPUTS[:40], LABELS[:40])


def network(outputs: int = 2) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, outputs))


def weights(net: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in net.state_dict().values()]


@pytest.mark.parametrize("stopping", [None, 2])
def test_the_history_is_bit_by_bit_that_without_it(tmp_path: Path, stopping: int | None) -> None:
    plain, told = network(), network()
    options = {"validation": HELD, "epochs": 6, "batch_size": 16, "learning_rate": 0.1, "early_stopping": stopping}
    without = pl.fit(plain, INPUTS, LABELS, **options)
    recorded = pl.fit(told, INPUTS, LABELS, record=tmp_path / "run", **options)
    assert {name: curve.tolist() for name, curve in recorded.curves.items()} == {n: c.tolist() for n, c in without.curves.items()}
    assert (recorded.best_epoch, recorded.kept_epoch, recorded.stopped_early) == (
        without.best_epoch,
        without.kept_epoch,
        without.stopped_early,
    )
    assert all(torch.equal(a, b) for a, b in zip(weights(plain), weights(told), strict=True))
    run = pl.Run(tmp_path / "run")
    assert run.status == "finished"
    steps = -(-120 // 16)
    assert len(run.scalars("loss")) == recorded.epochs * steps
    for name, curve in recorded.curves.items():
        assert run.scalars(name).values.tolist() == curve.tolist()
        assert run.scalars(name).steps.tolist() == [steps * (epoch + 1) for epoch in range(recorded.epochs)]
    assert run.pinned is not None
    np.testing.assert_array_equal(run.pinned.inputs, HELD[0])


def test_the_mean_of_the_steps_is_the_loss_of_the_epoch(tmp_path: Path) -> None:
    history = pl.fit(network(), INPUTS, LABELS, epochs=1, batch_size=40, record=tmp_path)
    run = pl.Run(tmp_path)
    assert run.scalars("loss").values.mean() == pytest.approx(history.curves["train_loss"][0])
    assert run.scalars("accuracy").values.mean() == pytest.approx(history.curves["train_accuracy"][0])


def test_values_and_other_inputs_are_recorded_too(tmp_path: Path) -> None:
    pl.fit(network(1), INPUTS, INPUTS[:, :1], loss="mse", epochs=2, record=tmp_path / "values")
    assert pl.Run(tmp_path / "values").names == ("loss", "learning_rate", "train_loss")
    words = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    tokens = DRAW.integers(10, size=(60, 3))
    pl.fit(words, tokens, tokens[:, 0] % 2, epochs=2, record=tmp_path / "words")
    assert pl.Run(tmp_path / "words").status == "finished"


class Calls(nn.Module):
    """Does something in its n-th pass in training mode."""

    def __init__(self, after: int, act: object) -> None:
        super().__init__()
        self.inner, self.left, self.act = network(), after, act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.left -= 1
            if self.left == 0:
                self.act()
        return self.inner(x)


def fail() -> None:
    raise ValueError("no rows")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("act", "error", "how"), [(fail, ValueError, "failed: ValueError"), (interrupt, KeyboardInterrupt, "interrupted")])
def test_what_ends_a_training_ends_its_recording(tmp_path: Path, act: object, error: type[BaseException], how: str) -> None:
    net = Calls(10, act)
    with pytest.raises(error):
        pl.fit(net, INPUTS, LABELS, batch_size=40, record=tmp_path)  # three steps an epoch: the tenth pass is in the fourth
    run = pl.Run(tmp_path)
    assert run.status.startswith(how)
    assert len(run.scalars("loss")) == 9
    whole = Calls(99, act)
    pl.fit(whole, INPUTS, LABELS, batch_size=40, epochs=3)
    assert all(torch.equal(a, b) for a, b in zip(weights(net), weights(whole), strict=True))


def test_a_loss_that_is_not_finite_is_told_before_the_error(tmp_path: Path) -> None:
    with pytest.raises(pl.PellucidError, match="The loss became"):
        pl.fit(network(1), INPUTS, 1e30 * INPUTS[:, :1], loss="mse", optimizer="sgd", learning_rate=1e10, record=tmp_path)
    run = pl.Run(tmp_path)
    assert run.status.startswith("failed: ModelError: The loss became")
    assert not np.isfinite(run.scalars("loss").values[-1])


def asks_for_a_stop(folder: Path) -> None:
    """Asks through the folder, and waits until the recorder has had time to read it."""
    pl.Run(folder).ask("stop")
    time.sleep(4 * PAUSE)


@pytest.mark.parametrize("stopping", [None, 1000])
def test_a_stop_through_the_folder_keeps_whole_epochs(tmp_path: Path, stopping: int | None) -> None:
    net = Calls(8, lambda: asks_for_a_stop(tmp_path))  # three steps an epoch: the eighth pass is in the third
    options = {"validation": HELD, "batch_size": 40, "learning_rate": 0.3, "early_stopping": stopping}
    history = pl.fit(net, INPUTS, LABELS, epochs=9, record=tmp_path, **options)
    run = pl.Run(tmp_path)
    assert run.status == "stopped"
    assert len(run.scalars("loss")) == 8
    assert (history.epochs, history.stopped_early) == (2, False)
    assert history.kept_epoch == (history.best_epoch if stopping else 2)
    again = network()
    pl.fit(again, INPUTS, LABELS, epochs=history.kept_epoch, batch_size=40, learning_rate=0.3)
    assert all(torch.equal(a, b) for a, b in zip(weights(net), weights(again), strict=True))


def test_a_stop_in_the_first_epoch_leaves_the_weights_as_they_were(tmp_path: Path) -> None:
    net = Calls(2, lambda: asks_for_a_stop(tmp_path))
    before = weights(net)
    history = pl.fit(net, INPUTS, LABELS, epochs=3, batch_size=40, record=tmp_path)
    assert (history.epochs, history.kept_epoch, history.best_epoch) == (0, 0, 0)
    assert "0 epochs" in repr(history)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(net), strict=True))
