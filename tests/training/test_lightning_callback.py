"""A fit of Lightning is the same with and without the callback, and all of it is told."""

from __future__ import annotations

import pickle
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

import pellucid as pl
from pellucid.training.lightning_callback import _callback_class
from pellucid.training.runs.writer import PAUSE
from training.frameworks import imported
from training.recording.loops import mlp, rows

lightning = imported("lightning.pytorch")
pytestmark = pytest.mark.filterwarnings("ignore")


class Net(lightning.LightningModule):
    """The small network of the other tests, with numbers for steps, epochs and validation."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.losses = mlp(), []
        self.act: Any = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        if self.act is not None and len(self.losses) == 5:
            self.act()
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.losses.append(loss.item())
        self.log("noise", torch.rand(()))
        self.log("epoch_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("valid_loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 1e-2)


def fitted(folder: Path, callback: Any, act: Any = None, **options: Any) -> Net:
    net = Net()
    net.act = act
    torch.manual_seed(3)
    data = TensorDataset(*rows(128))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(
            accelerator="cpu", max_epochs=3, callbacks=[callback] if callback else [], default_root_dir=folder, **quiet, **options
        )
        trainer.fit(net, DataLoader(data, 16, shuffle=True), DataLoader(data, 64))
    return net


@pytest.mark.parametrize("accumulated", [1, 4])
def test_losses_are_bit_by_bit_those_without_it(tmp_path: Path, accumulated: int) -> None:
    plain = fitted(tmp_path, None, accumulate_grad_batches=accumulated)
    callback = pl.WatchLightning(tmp_path / "run", data=(rows(20)))
    told = fitted(tmp_path, callback, accumulate_grad_batches=accumulated)
    assert told.losses == plain.losses
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), told.state_dict().values(), strict=True))
    run = pl.Run(tmp_path / "run")
    assert run.status == "finished"
    assert run.facts["model"] == "Net"
    steps = 24 // accumulated
    means = np.array(plain.losses).reshape(steps, accumulated).mean(1)
    np.testing.assert_allclose(run.scalars("loss").values, means, rtol=1e-6)
    assert run.scalars("loss").steps.tolist() == list(range(1, steps + 1))
    assert len(run.scalars("noise")) == steps
    for name in ("valid_loss", "epoch_loss"):
        assert run.scalars(name).steps.tolist() == [steps // 3, 2 * steps // 3, steps]
    np.testing.assert_allclose(run.scalars("epoch_loss").values, np.array(plain.losses).reshape(3, 8).mean(1), rtol=1e-6)
    assert {"layers", "predictions"} <= set(run.kinds)


def test_an_error_ends_the_run(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"):
        fitted(tmp_path, pl.WatchLightning(tmp_path / "run"), fail)
    run = pl.Run(tmp_path / "run")
    assert run.status == "failed: ValueError: no rows"
    assert len(run.scalars("loss")) == 5


def test_ctrl_c_ends_the_run(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fitted(tmp_path, pl.WatchLightning(tmp_path / "run"), interrupt)
    assert pl.Run(tmp_path / "run").status == "interrupted"


def test_a_stop_through_the_folder_ends_the_fit(tmp_path: Path) -> None:
    def ask() -> None:
        pl.Run(tmp_path / "run").ask("stop")
        time.sleep(4 * PAUSE)

    net = fitted(tmp_path, pl.WatchLightning(tmp_path / "run"), ask)
    run = pl.Run(tmp_path / "run")
    assert run.status == "stopped"
    assert len(net.losses) == len(run.scalars("loss")) == 6


def test_a_callback_is_copied_without_its_recording(tmp_path: Path) -> None:
    callback = pickle.loads(pickle.dumps(pl.WatchLightning(tmp_path, every=3)))
    assert isinstance(callback, lightning.Callback)
    assert callback.hosted.options["every"] == 3


def test_without_lightning_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _callback_class.cache_clear()
    for name in ("lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(pl.PellucidError, match=r"pip install 'pellucid\[lightning\]'"):
        pl.WatchLightning(tmp_path)
