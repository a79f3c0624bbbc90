"""A training of transformers is the same with and without the callback, and all of it is told."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.training.runs.writer import PAUSE
from pellucid.training.transformers_callback import _callback_class
from training.frameworks import imported

transformers = imported("transformers", "accelerate", needed=("BertForSequenceClassification", "Trainer"))
pytestmark = pytest.mark.filterwarnings("ignore")


def tokens() -> list[dict[str, Tensor]]:
    """Forty short rows whose class is whether they begin with a large number."""
    draw = torch.Generator().manual_seed(0)
    found = torch.randint(1, 30, (40, 6), generator=draw)
    return [{"input_ids": row, "labels": (row[0] > 15).long()} for row in found]


class Classifier(nn.Module):
    """A tiny BERT that counts its passes while it is trained."""

    def __init__(self, act: Any = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        self.bert = transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=30, max_position_embeddings=8, **sizes))
        self.act, self.losses = act, []

    def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> Any:
        if self.training and self.act is not None and len(self.losses) == 3:
            self.act()
        found = self.bert(input_ids=input_ids, labels=labels)
        if self.training:
            self.losses.append(found.loss.item())
        return found


def trained(folder: Path, callback: Any, act: Any = None) -> Classifier:
    net = Classifier(act)
    options = transformers.TrainingArguments(
        output_dir=str(folder / "out"), num_train_epochs=2, per_device_train_batch_size=8, logging_steps=1, report_to=[], use_cpu=True,
        save_strategy="no", eval_strategy="epoch", disable_tqdm=True, seed=1, learning_rate=1e-2, dataloader_pin_memory=False,
    )  # fmt: skip
    callbacks = [] if callback is None else [callback]
    transformers.Trainer(net, options, train_dataset=tokens(), eval_dataset=tokens(), callbacks=callbacks).train()
    return net


def test_losses_are_bit_by_bit_those_without_it(tmp_path: Path) -> None:
    plain = trained(tmp_path, None)
    told = trained(tmp_path, pl.WatchTransformers(tmp_path / "run", every=2))
    assert len(plain.losses) == 10
    assert told.losses == plain.losses
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), told.state_dict().values(), strict=True))
    run = pl.Run(tmp_path / "run")
    assert run.status == "finished"
    assert run.facts["optimizers"] == ["AdamW"]
    assert run.scalars("loss").steps.tolist() == list(range(1, 11))
    assert run.scalars("loss").values == pytest.approx(plain.losses, abs=1e-3)  # the Trainer rounds what it logs
    assert run.scalars("eval_loss").steps.tolist() == [5, 10]
    assert len(run.scalars("learning_rate")) == 10  # it decays with every step
    frame = run.frames("layers")[0]
    assert frame.updates is not None


def test_an_error_ends_the_run_in_its_context(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"), pl.WatchTransformers(tmp_path / "run") as watching:
        trained(tmp_path, watching, fail)
    run = pl.Run(tmp_path / "run")
    assert run.status == "failed: ValueError: no rows"
    assert len(run.scalars("loss")) == 3


def test_without_a_context_the_next_training_ends_it(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("no rows")

    watching = pl.WatchTransformers(tmp_path / "run")
    with pytest.raises(ValueError, match="no rows"):
        trained(tmp_path, watching, fail)
    trained(tmp_path, watching)
    assert [one.how for one in pl.Run(tmp_path / "run").attempts] == ["ended without close()", "finished"]


def test_a_stop_through_the_folder_ends_the_training(tmp_path: Path) -> None:
    def ask() -> None:
        pl.Run(tmp_path / "run").ask("stop")
        time.sleep(4 * PAUSE)

    net = trained(tmp_path, pl.WatchTransformers(tmp_path / "run"), ask)
    assert pl.Run(tmp_path / "run").status == "stopped"
    assert len(net.losses) == 4


def test_without_transformers_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _callback_class.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(pl.PellucidError, match=r"pip install 'pellucid\[transformers\]'"):
        pl.WatchTransformers(tmp_path)
