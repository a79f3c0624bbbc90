"""Steering a training, from the loop itself and from elsewhere: done between two steps, logged with the step."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

import pellucid as pl
from training.recording.loops import batches, mlp, rows, train


class Loop:
    """A loop in a thread that goes on until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.net = mlp()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1, momentum=0.9)
        self.folder, self.steps = folder, 0
        self.run: pl.Recorder | None = None
        self.thread = threading.Thread(target=self._train)
        self.thread.start()
        patiently(lambda: self.steps > 0)
        self.reader = pl.Run(folder)

    def _train(self) -> None:
        inputs, labels = rows(32)
        with pl.watch(self.net, self.optimizer, self.folder) as self.run:
            while True:
                loss = F.cross_entropy(self.net(inputs), labels)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.steps += 1
                self.run.step(loss=loss)
                time.sleep(0.001)

    def event(self, what: str) -> tuple[int, dict[str, object]]:
        """The step and details of the last event of that name, once it is in the run."""
        found: list[tuple[int, dict[str, object]]] = []

        def there() -> bool:
            found[:] = [(step, event.details) for step, event in self.reader.events if event.what == what]
            return bool(found)

        patiently(there)
        return found[-1]

    def ended(self) -> bool:
        """Whether the thread came to its end by itself."""
        self.thread.join(20)
        return not self.thread.is_alive()


def patiently(done: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)


def still(loop: Loop) -> bool:
    before = loop.steps
    time.sleep(0.3)
    return loop.steps == before


def test_a_training_is_steered_through_its_folder(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    reader = loop.reader
    reader.ask("pause")
    patiently(lambda: still(loop))
    step, _ = loop.event("pause")
    assert step == loop.steps
    reader.ask("advance", steps=3)
    patiently(lambda: loop.steps == step + 3)
    assert still(loop)
    reader.ask("learning_rate", value=0.01)
    reader.ask("freeze", layer="2")
    reader.ask("edit", parameter="4.weight", index=[1, 3], value=0.25)
    reader.ask("checkpoint")
    step, details = loop.event("checkpoint")
    assert loop.optimizer.param_groups[0]["lr"] == 0.01
    assert loop.net[4].weight[1, 3].item() == 0.25
    saved = load_file(tmp_path / str(details["file"]))
    assert all(torch.equal(saved[name], value) for name, value in loop.net.state_dict().items())
    assert loop.event("learning_rate")[1]["before"] == pytest.approx(0.1)
    frozen = loop.net[2].weight.detach().clone()
    reader.ask("resume")
    patiently(lambda: loop.steps > step + 30)
    assert torch.equal(loop.net[2].weight, frozen)
    reader.ask("unfreeze", layer="2")
    loop.event("unfreeze")
    patiently(lambda: not torch.equal(loop.net[2].weight, frozen))
    reader.ask("note", text="half way")
    assert loop.event("note")[1] == {"text": "half way"}
    reader.ask("stop")
    assert loop.ended()
    assert reader.status == "stopped"
    assert reader.scalars("learning_rate").values.tolist() == [0.1, 0.01]


@pytest.mark.parametrize(
    ("what", "details", "words"),
    [
        ("freeze", {"layer": "7"}, "no layer of that name"),
        ("freeze", {"layer": "1"}, "no parameters"),
        ("learning_rate", {"value": -1}, "0 or more"),
        ("learning_rate", {"value": 0.1, "group": 3}, "no such group"),
        ("edit", {"parameter": "0.weight", "index": [99, 0], "value": 1}, "One weight"),
        ("edit", {"parameter": "0.weights", "index": [0, 0], "value": 1}, "did you mean '0.weight'"),
        ("dance", {}, "no command of that name"),
    ],
)
def test_what_can_not_be_done_is_refused_in_the_log_and_changes_nothing(
    tmp_path: Path, what: str, details: dict[str, object], words: str
) -> None:
    loop = Loop(tmp_path)
    loop.reader.ask("pause")
    patiently(lambda: still(loop))
    before = copy.deepcopy(loop.net.state_dict()), loop.optimizer.param_groups[0]["lr"]
    loop.reader.ask(what, **details)
    _, refused = loop.event("refused")
    assert words in str(refused["why"])
    assert all(torch.equal(a, b) for a, b in zip(before[0].values(), loop.net.state_dict().values(), strict=True))
    assert loop.optimizer.param_groups[0]["lr"] == before[1]
    loop.reader.ask("stop")
    assert loop.ended()


def test_steering_from_the_loop(tmp_path: Path) -> None:
    net, (inputs, labels) = mlp(), rows(32)
    optimizer = torch.optim.Adam(net.parameters(), 0.1)
    with pl.watch(net, optimizer, tmp_path) as run:
        run.step(loss=1.0)
        run.learning_rate(0.5)
        assert optimizer.param_groups[0]["lr"] == 0.5
        run.freeze("0")
        assert not net[0].weight.requires_grad
        run.unfreeze("0")
        assert net[0].weight.requires_grad
        run.edit("0.bias", (1,), 2.0)
        assert net[0].bias[1].item() == 2.0
        path = run.checkpoint()
        assert path is not None
        assert path.exists()
        with pytest.raises(pl.PellucidError, match="no layer of that name"):
            run.freeze("nowhere")
        run.step(loss=F.cross_entropy(net(inputs), labels))
        run.stop()
        run.step(loss=3.0)
        raise AssertionError("the loop goes on")
    assert pl.Run(tmp_path).status == "stopped"
    assert len(pl.Run(tmp_path).scalars("loss")) == 3


def test_freezing_keeps_what_was_frozen_before(tmp_path: Path) -> None:
    net = mlp()
    net[0].bias.requires_grad_(False)
    with pl.watch(net, None, tmp_path) as run:
        run.step()
        run.freeze("0")
        run.unfreeze("0")
    assert net[0].weight.requires_grad
    assert not net[0].bias.requires_grad


def test_a_broad_except_does_not_swallow_a_stop(tmp_path: Path) -> None:
    with pl.watch(mlp(), None, tmp_path) as run:
        for step in range(10):
            try:
                run.step(loss=float(step))
                run.stop()
            except Exception:
                continue
    assert pl.Run(tmp_path).steps == 2


def test_commands_of_an_earlier_attempt_are_not_obeyed(tmp_path: Path) -> None:
    from pellucid.training.runs import control

    with pl.watch(mlp(), None, tmp_path) as run:
        run.step()
    control._connect(tmp_path / control.FILE).close()  # a viewer that comes late
    control.ask(tmp_path, control.Command("stop", {}))
    net = mlp()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with pl.watch(net, optimizer, tmp_path) as run:
        train(net, run, optimizer, batches(rows(), epochs=1))
        time.sleep(0.7)
        run.step(loss=1.0)
    assert pl.Run(tmp_path).status == "finished"


def test_what_is_looked_at_comes_first(tmp_path: Path) -> None:
    net = nn.Linear(2, 2)
    with pl.watch(net, None, tmp_path, data=rows(8)[0]) as run:
        run.step()
        pl.Run(tmp_path).subscribe("predictions")
        patiently(lambda: run._looks.schedule.preferred == {"predictions"})
        schedule, now = run._looks.schedule, time.perf_counter()
        schedule.taken = {"parameters": now - 2.0, "predictions": now - 1.0}
        schedule.preferred = frozenset()
        assert schedule.due(0.0, 0.0) == "parameters"  # which waits longer
        schedule.taken = {"parameters": now - 2.0, "predictions": now - 1.0}
        schedule.preferred = frozenset({"predictions"})
        assert schedule.due(0.0, 0.0) == "predictions"
        del schedule.taken["parameters"]
