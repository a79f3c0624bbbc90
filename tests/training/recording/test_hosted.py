"""What the callbacks of frameworks do, without the frameworks: which process records, and what is told under which name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import pellucid as pl
from pellucid.training import lightning_callback, transformers_callback
from pellucid.training.recording.hosted import Hosted
from training.recording.loops import mlp


def test_ranks_above_the_first_write_nothing(tmp_path: Path) -> None:
    net = mlp()
    trainer = SimpleNamespace(global_step=0, callback_metrics={}, is_global_zero=False, optimizers=[], should_stop=False)
    lightning = lightning_callback.Hooks()
    lightning.hosted = Hosted(tmp_path / "lightning")
    lightning.on_train_start(trainer, net)
    trainer.global_step = 1
    lightning.on_train_batch_end(trainer, net, {"loss": torch.tensor(1.0)}, None, 0)
    lightning.on_train_end(trainer, net)
    transformers = transformers_callback.Hooks()
    transformers.hosted = Hosted(tmp_path / "transformers")
    transformers.on_train_begin(None, SimpleNamespace(is_world_process_zero=False), None, model=net)
    transformers.on_step_end(None, None, SimpleNamespace())
    transformers.on_log(None, None, None, {"loss": 1.0})
    transformers.on_train_end(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_watched_rank_above_the_first_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    monkeypatch.setenv("RANK", "1")
    hosted = Hosted(tmp_path / "run")
    hosted.begin(mlp(), [])
    assert not hosted.step({"loss": 1.0})
    hosted.log({"valid_loss": 1.0})
    hosted.end()
    assert not (tmp_path / "run").exists()


def test_names_that_step_takes_for_itself_are_numbers_all_the_same(tmp_path: Path) -> None:
    hosted = Hosted(tmp_path)
    hosted.begin(mlp(), [])
    hosted.step({"loss": 1.0, "rows": 32, "train/loss": 2.0})
    hosted.log({"self": 3.0})
    hosted.end()
    hosted.end()
    run = pl.Run(tmp_path)
    assert {name: one.values.tolist() for name, one in run.all_scalars().items()} == {
        "loss": [1.0],
        "rows_told": [32.0],
        "train/loss": [2.0],
        "self_told": [3.0],
    }
