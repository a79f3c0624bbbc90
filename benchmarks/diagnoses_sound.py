"""Trainings of many kinds without a fault, in which a diagnosis could go wrong: other losses, outputs, optimizers and depths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.diagnoses_trainings import Loss, Training, convolutional, dense, sound, split


class Attending(nn.Module):
    """Two layers of a transformer, their mean over time, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.places = nn.Linear(8, 32), nn.Parameter(0.02 * torch.randn(8, 32))
        self.body = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2)
        self.out = nn.Linear(32, 10)

    def forward(self, series: Tensor) -> Tensor:
        """(row, time, feature) to (row, class)."""
        return self.out(self.body(self.embed(series) + self.places).mean(1))


class Residual(nn.Module):
    """Six residual blocks with layer normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.out = nn.Linear(30, 32), nn.Linear(32, 2)
        block = [nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) for _ in range(6)]
        self.blocks = nn.ModuleList(block)

    def forward(self, rows: Tensor) -> Tensor:
        """(row, feature) to (row, class)."""
        rows = self.enter(rows)
        for block in self.blocks:
            rows = rows + block(rows)
        return self.out(rows)


def _made(data: str, net: Callable[[], nn.Module], rate: float, loss: Loss = F.cross_entropy) -> Callable[[int], Training]:
    def training(seed: int) -> Training:
        (inputs, labels), held = split(data, seed)
        torch.manual_seed(seed)
        return Training(net(), inputs, labels, held, rate=rate, loss=loss)

    return training


def _log_odds(seed: int) -> Training:
    training = _made("cancer", lambda: nn.Sequential(dense((30, 32, 1)), nn.Flatten(0)), 3e-3, F.binary_cross_entropy_with_logits)(seed)
    return replace(training, labels=training.labels.float(), held=(training.held[0], training.held[1].float()))


def _probability(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy(outputs[:, 0], labels.float())


def _column(seed: int, *, outputs: int = 1, loss: Loss = F.mse_loss) -> Training:
    """The first column of the patients from the others."""
    (inputs, _), (held, _) = split("cancer", seed)
    torch.manual_seed(seed)
    net = dense((29, 32, outputs))
    return Training(net, inputs[:, 1:], inputs[:, :1], (held[:, 1:], held[:, :1]), loss=loss)


def _density(outputs: Tensor, values: Tensor) -> Tensor:
    return F.gaussian_nll_loss(outputs[:, :1], values, F.softplus(outputs[:, 1:]) + 1e-4)


def _reconstruction(seed: int) -> Training:
    (images, _), (held, _) = split("images", seed)
    torch.manual_seed(seed)
    inputs, held = images.flatten(1), held.flatten(1)
    return Training(dense((64, 32, 8, 32, 64)), inputs, inputs, (held, held), loss=F.mse_loss)


def _rare(seed: int) -> Training:
    """One digit of ten against all others."""
    training = sound("cnn", seed)
    labels, held = (training.labels == 3).long(), (training.held[1] == 3).long()
    return replace(training, labels=labels, held=(training.held[0], held), rate=1e-3)


def _partly_frozen(seed: int) -> Training:
    training = sound("cnn", seed)
    for name, parameter in training.net.named_parameters():
        parameter.requires_grad_(not name.startswith("0."))
    return training


def _descent(momentum: float, rate: float) -> Callable[[int], Training]:
    def optimizer(parameters: object, lr: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=lr, momentum=momentum)

    return lambda seed: replace(sound("cnn", seed), optimizer=optimizer, rate=rate)


KINDS_OF_SOUND: dict[str, Callable[[int], Training]] = {
    "transformer": _made("series", Attending, 1e-3),
    "residual blocks": _made("cancer", Residual, 1e-3),
    "regression": _column,
    "density (negative loss)": lambda seed: _column(seed, outputs=2, loss=_density),
    "autoencoder": _reconstruction,
    "tanh": _made("moons", lambda: dense((2, 32, 32, 2), nn.Tanh), 3e-3),
    "sigmoid, two layers": _made("cancer", lambda: dense((30, 32, 32, 2), nn.Sigmoid), 3e-3),
    "log-odds, labels as floats": _log_odds,
    "probability": _made("moons", lambda: nn.Sequential(*dense((2, 32, 1)), nn.Sigmoid()), 1e-2, _probability),
    "one class of ten is rare": _rare,
    "dropout": _made("cancer", lambda: dense((30, 64, 64, 2), lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.5))), 1e-3),
    "six layers": _made("cancer", lambda: dense((30, *(32,) * 5, 2)), 1e-3),
    "wide": _made("moons", lambda: dense((2, 512, 512, 2)), 1e-3),
    "logistic regression": _made("cancer", lambda: nn.Linear(30, 2), 1e-2),
    "frozen first layer": _partly_frozen,
    "descent": _descent(0.0, 0.1),
    "descent with momentum": _descent(0.9, 0.02),
    "convolutions, twice": lambda seed: replace(_made("images", convolutional, 1e-2)(seed), batch=16),
}
