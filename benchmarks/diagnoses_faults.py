"""Faults that are planted into short trainings, each at three strengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.diagnoses_trainings import Training, dense, sound, split

STRENGTHS = ("weak", "middle", "strong")


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault that can be planted.

    Attributes:
        id: of the finding that should come. ``plant``: from a seed and one of ``levels``, which are told as ``what``, to a training.
        layers: any of which is the right one, by level; empty where the fault is none of layers.
    """

    id: str
    what: str
    levels: tuple[float, float, float]
    plant: Callable[[int, float], Training]
    layers: Callable[[float], tuple[str, ...]] = lambda _: ()


def _with_nan(seed: int, count: float) -> Training:
    training = sound("mlp", seed)
    inputs = training.inputs.clone()
    inputs[: int(count), 3] = float("nan")
    return replace(training, inputs=inputs)


def _upside_down(seed: int, factor: float) -> Training:
    return replace(sound("mlp", seed), loss=lambda outputs, labels: -factor * F.cross_entropy(outputs, labels))


def _square(seed: int, batch: float) -> Training:
    training = _regression(seed)
    return replace(training, batch=int(batch), loss=lambda outputs, labels: F.mse_loss(outputs, labels))


def _regression(seed: int) -> Training:
    """The first column of the patients from the others."""
    (inputs, _), (held, _) = split("cancer", seed)
    torch.manual_seed(seed)
    return Training(dense((29, 32, 1)), inputs[:, 1:], inputs[:, 0], (held[:, 1:], held[:, 0]), rate=1e-3)


class _Detached(nn.Sequential):
    """A sequence cut after some of its layers."""

    cut = 0

    def forward(self, rows: Tensor) -> Tensor:
        for place, layer in enumerate(self):
            rows = layer(rows)
            rows = rows.detach() if place + 1 == self.cut else rows
        return rows


def _cut(seed: int, layers: float) -> Training:
    training = sound("mlp", seed)
    torch.manual_seed(seed)
    net = _Detached(*dense((30, 32, 32, 32, 32, 2)))
    net.cut = 2 * int(layers)
    return replace(training, net=net)


class _Spared(nn.Module):
    """A network, and layers that it does not call."""

    def __init__(self, body: nn.Module, count: int) -> None:
        super().__init__()
        self.body, self.spare = body, nn.ModuleList(nn.Linear(10, 10) for _ in range(count))

    def forward(self, rows: Tensor) -> Tensor:
        return self.body(rows)


def _forgotten(seed: int, count: float) -> Training:
    training = sound("cnn", seed)
    return replace(training, net=_Spared(training.net, int(count)))


def _random_labels(seed: int, share: float) -> Training:
    training = sound("mlp", seed)
    draw = torch.Generator().manual_seed(seed + 100)

    def mixed(labels: Tensor) -> Tensor:
        other = labels[torch.randperm(len(labels), generator=draw)]
        return torch.where(torch.rand(len(labels), generator=draw) < share, other, labels)

    return replace(training, labels=mixed(training.labels), held=(training.held[0], mixed(training.held[1])))


def _one_answer(seed: int, weight: float) -> Training:
    weights = torch.tensor([weight, 1.0])
    return replace(sound("mlp", seed), loss=lambda outputs, labels: F.cross_entropy(outputs, labels, weight=weights))


def _low_biases(seed: int, below: float) -> Training:
    training = sound("mlp", seed)
    with torch.no_grad():
        for place in (0, 2):
            training.net[place].bias.fill_(-below)
    return training


def _sigmoids(seed: int, depth: float) -> Training:
    training = sound("mlp", seed)
    torch.manual_seed(seed)
    return replace(training, net=dense((30, *(32,) * int(depth), 2), nn.Sigmoid))


def _scaled(seed: int, factor: float, *, between: type[nn.Module] = nn.ReLU, depth: int = 6) -> Training:
    """Default weights of all hidden layers times a factor."""
    training = sound("mlp", seed)
    torch.manual_seed(seed)
    net = dense((30, *(32,) * depth, 2), between)
    with torch.no_grad():
        for layer in list(net)[:-1]:
            if isinstance(layer, nn.Linear):
                layer.weight *= factor
                layer.bias *= factor
    return replace(training, net=net)


def _alike(seed: int, value: float) -> Training:
    training = sound("mlp", seed)
    with torch.no_grad():
        for parameter in training.net.parameters():
            parameter.fill_(value if parameter.ndim > 1 else 0.0)
    return training


def _few_rows(seed: int, rows: float) -> Training:
    """Every eighth label is wrong, so that learning all by heart does harm: without it some 32 rows are enough.

    Of 2,500 steps: the held-out loss begins to rise after 50 to 400, and what has not begun can not be found.
    """
    (inputs, labels), held = split("moons", seed)
    kept = labels[: int(rows)].clone()
    kept[::8] = 1 - kept[::8]
    torch.manual_seed(seed)
    return Training(dense((2, 128, 128, 2)), inputs[: int(rows)], kept, held, rate=1e-2, steps=2500)


def _rated(architecture: str) -> Callable[[int, float], Training]:
    return lambda seed, rate: replace(sound(architecture, seed), rate=rate)


FAULTS: tuple[Fault, ...] = (
    Fault("not_finite", "rows with a missing value", (1, 5, 50), _with_nan, lambda _: ("0",)),
    Fault("unbounded_loss", "cross-entropy with its sign turned, times", (0.1, 1, 10), _upside_down),
    Fault("broadcast_loss", "(n, 1) against (n,), n", (8, 32, 128), _square),
    Fault("unreached_parameters", "layers behind a detach", (1, 2, 4), _cut, lambda n: tuple(str(2 * i) for i in range(int(n)))),
    Fault("unused_layers", "layers that are not called", (1, 2, 4), _forgotten, lambda n: tuple(f"spare.{i}" for i in range(int(n)))),
    Fault("no_better_than_base_rate", "share of labels dealt anew", (0.6, 0.8, 1), _random_labels),
    Fault("class_collapse", "weight of one class", (30, 100, 1000), _one_answer),
    Fault("dead_rectifiers", "biases begin at minus", (1, 3, 10), _low_biases, lambda _: ("1", "3")),
    Fault("vanishing_gradients", "sigmoid layers", (3, 6, 10), _sigmoids, lambda _: ("0",)),
    Fault("exploding_gradients", "weights times", (8, 16, 32), lambda seed, by: _scaled(seed, by)),
    Fault(
        "saturated_units", "weights of tanh layers times", (4, 16, 64),
        lambda seed, by: _scaled(seed, by, between=nn.Tanh, depth=3), lambda _: ("1", "3", "5"),
    ),
    Fault("learning_rate_too_high", "Adam, MLP, rate", (0.1, 1, 10), _rated("mlp")),
    Fault("learning_rate_too_high", "Adam, CNN, rate", (0.1, 1, 10), _rated("cnn")),
    Fault("learning_rate_too_high", "Adam, LSTM, rate", (0.1, 1, 10), _rated("lstm")),
    Fault("learning_rate_too_low", "Adam, MLP, rate", (1e-5, 1e-6, 1e-7), _rated("mlp")),
    Fault("learning_rate_too_low", "Adam, CNN, rate", (1e-5, 1e-6, 1e-7), _rated("cnn")),
    Fault("learning_rate_too_low", "Adam, LSTM, rate", (1e-5, 1e-6, 1e-7), _rated("lstm")),
    Fault(
        "initialization_shrinks", "weights times", (0.8, 0.5, 0.1), lambda seed, by: _scaled(seed, by), lambda _: ("4", "6", "8", "10"),
    ),
    Fault("initialization_grows", "weights times", (6, 10, 20), lambda seed, by: _scaled(seed, by), lambda _: ("4", "6", "8", "10")),
    Fault("equal_units", "all weights", (0.01, 0.1, 0.5), _alike, lambda _: ("0", "2")),
    Fault("overfitting", "rows to train on, some labels wrong", (64, 32, 16), _few_rows),
)  # fmt: skip
