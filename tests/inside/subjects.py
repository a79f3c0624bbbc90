"""The networks that every inspection is tried on: a CNN, a table's MLP, EfficientNet-Lite0, a transformer encoder, an LSTM."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.demo.efficientnet import efficientnet_lite0
from pellucid.demo.networks import train_digits, train_patient
from pellucid.methods.dynamics.gradient_flow import LookAtGradientFlow
from pellucid.methods.dynamics.loss_landscape import LookAtLossLandscape
from pellucid.methods.internals.decision_boundary import LookAtDecisionBoundary
from pellucid.methods.internals.feature_visualization import LookAtFeatureVisualization
from pellucid.methods.internals.pruning import LookAtPruning
from pellucid.methods.internals.registry import INSPECTIONS

NAMES = ("digits CNN", "patient MLP", "EfficientNet-Lite0", "transformer encoder", "LSTM")


@dataclass(frozen=True, eq=False)
class Subject:
    """A network with rows, their labels and what else ``pl.inspect`` is told."""

    net: nn.Module
    data: Any
    labels: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)
    looks: dict[str, Any] = field(default_factory=dict)  # inspections with other options than their own defaults, by id


class Encoder(nn.Module):
    """A transformer encoder classifier of series."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.enter, self.encoder, self.head = nn.Linear(5, 16), nn.TransformerEncoder(layer, 2), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.enter(x)).mean(1))


class Recurrent(nn.Module):
    """An LSTM classifier of series."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(5, 12, batch_first=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


@cache
def subject(name: str) -> Subject:
    """The subject of that name."""
    if name == "digits CNN":
        digits = train_digits()
        rows = digits.split.test
        looks = {"decision_boundary": LookAtDecisionBoundary(most=1_000)}  # which it has more of: sampled, quickly
        return Subject(digits.net, digits.inputs(rows)[:60], rows.labels[:60], {"class_names": digits.dataset.class_names}, looks)
    if name == "patient MLP":
        patient = train_patient()
        rows = patient.split.test
        told = {"preparation": patient.preparation, "class_names": patient.dataset.class_names}
        return Subject(patient.net, rows.inputs[:80], rows.labels[:80], told)
    torch.manual_seed(0)
    if name == "EfficientNet-Lite0":
        looks = {
            "pruning": LookAtPruning(ablations=24, shares=(0.0, 0.5, 0.9)),
            "loss_landscape": LookAtLossLandscape(resolution=5, eigenvalues=1, steps=4, probes=2),
            "gradient_flow": LookAtGradientFlow(resolution=5, arrows=3),
        }
        return Subject(efficientnet_lite0(pretrained=False), torch.randn(8, 3, 64, 64), np.arange(8) % 3, looks=looks)
    net = Encoder() if name == "transformer encoder" else Recurrent()
    return Subject(net.eval(), torch.randn(30, 9, 5), np.arange(30) % 3)


@cache
def inspected(name: str, what: str) -> pl.Explanation | str:
    """What an inspection sees in a subject; the reason where it does not apply."""
    one = subject(name)
    try:
        return pl.inspect(one.net, one.looks.get(what, BRIEF.get(what, what)), one.data, labels=one.labels, **one.options)
    except pl.PellucidError as error:
        return str(error)


BRIEF = {
    "feature_visualization": LookAtFeatureVisualization(steps=12),
    "loss_landscape": LookAtLossLandscape(resolution=21),
    "gradient_flow": LookAtGradientFlow(resolution=21, arrows=7),
}
IMAGES = ("digits CNN", "EfficientNet-Lite0")
OF_IMAGES = ("feature_visualization",)  # only these take images alone; what they say of others is in their own tests
ALL = [(name, what) for what in INSPECTIONS for name in NAMES if name in IMAGES or what not in OF_IMAGES]
