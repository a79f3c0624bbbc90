"""Short real trainings on real and made data, sound ones and ones with a fault planted, for ``benchmarks.diagnoses`` and its test."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer, load_digits, make_moons
from torch import Tensor, nn

import pellucid as pl
from pellucid.training.diagnoses.evidence import Evidence, read

PINNED = 150  # rows that are held out and pinned
PACE = 2  # steps from one frame, of whatever kind, to the next, not by a clock: what is found does not depend on the machine
KINDS = ("layers", "activations", "parameters", "predictions")

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Training:
    """What is trained, on what, and how."""

    net: nn.Module
    inputs: Tensor
    labels: Tensor
    held: tuple[Tensor, Tensor]
    loss: Loss = F.cross_entropy
    rate: float = 3e-3
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam
    batch: int = 32
    steps: int = 400
    pace: int = PACE


@cache
def data(name: str) -> tuple[Tensor, Tensor]:
    """Inputs scaled to a spread of 1, and classes."""
    if name == "moons":
        inputs, labels = make_moons(600, noise=0.2, random_state=0)
    else:
        loaded = load_breast_cancer() if name == "cancer" else load_digits()
        inputs, labels = loaded.data, loaded.target
    rows = torch.as_tensor(inputs, dtype=torch.float32)
    rows = (rows - rows.mean(0)) / (rows.std(0) if name in ("cancer", "moons") else rows.std())
    shapes = {"images": (-1, 1, 8, 8), "series": (-1, 8, 8)}
    return rows.reshape(shapes.get(name, rows.shape)), torch.as_tensor(labels, dtype=torch.long)


def split(name: str, seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Rows to train on, and rows held out."""
    inputs, labels = data(name)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    held, rest = order[:PINNED], order[PINNED:]
    return (inputs[rest], labels[rest]), (inputs[held], labels[held])


class LastStep(nn.Module):
    """An LSTM and a linear layer on its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(8, 32, batch_first=True)
        self.out = nn.Linear(32, 10)

    def forward(self, series: Tensor) -> Tensor:
        """(row, time, feature) to (row, class)."""
        return self.out(self.recurrent(series)[0][:, -1])


def dense(widths: tuple[int, ...], between: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with a function between them."""
    layers: list[nn.Module] = []
    for entering, leaving in itertools.pairwise(widths):
        layers += [nn.Linear(entering, leaving), between()]
    return nn.Sequential(*layers[:-1])


def convolutional() -> nn.Sequential:
    """Two convolutions with batch normalization, for 8 x 8 images."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip


SOUND: dict[str, tuple[str, Callable[[], nn.Module], float]] = {
    "mlp": ("cancer", lambda: dense((30, 32, 32, 2)), 1e-3),
    "cnn": ("images", convolutional, 3e-3),
    "lstm": ("series", LastStep, 3e-3),
}


def sound(architecture: str, seed: int) -> Training:
    """A training without a fault."""
    name, make, rate = SOUND[architecture]
    torch.manual_seed(seed)
    (inputs, labels), held = split(name, seed)
    return Training(make(), inputs, labels, held, rate=rate)


def recorded(training: Training, seed: int, fractions: tuple[float, ...] = (1.0,)) -> dict[float, Evidence]:
    """Trains, records, and reads what was recorded up to each fraction of the steps."""
    draw = torch.Generator().manual_seed(seed)
    optimizer = training.optimizer(training.net.parameters(), lr=training.rate)
    with tempfile.TemporaryDirectory() as folder:
        with pl.watch(training.net, optimizer, folder, data=training.held, attribution=None, budget=1.0) as run:
            _pace(run, training.pace)
            for step in range(training.steps):
                rows = torch.randint(len(training.inputs), (training.batch,), generator=draw)
                loss = training.loss(training.net(training.inputs[rows]), training.labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.step(loss=loss)
                if step % 10 == 9:
                    run.log(valid_loss=_held_out(training))
        run = pl.Run(folder)
        return {fraction: read(run, round(fraction * training.steps)) for fraction in fractions}


def _pace(run: pl.Recorder, steps: int) -> None:
    """Takes a frame every so many steps, of each kind in turn, instead of by a clock."""
    turn = itertools.cycle(KINDS)
    run._always = True
    run._looks.schedule.due = lambda *_: next(turn) if run.steps % steps == 0 else None


def _held_out(training: Training) -> float:
    training.net.eval()
    with torch.no_grad():
        value = training.loss(training.net(training.held[0]), training.held[1]).item()
    training.net.train()
    return value
