"""What diagnoses know of a training: read from a run once, then only looked at."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from pellucid.training.runs.contents import ActivationFrame, Event, LayerFrame, ParameterFrame, PredictionFrame

if TYPE_CHECKING:
    from pellucid.training.runs.answers import Frames, Series
    from pellucid.training.runs.run import Run

Frame = TypeVar("Frame")

MOST = 64  # frames of a kind that are read: trends are seen in as many, and reading stays under a second


@dataclass(frozen=True, eq=False)
class Seen(Generic[Frame]):
    """Frames of one kind in order, with their ``steps``."""

    steps: tuple[int, ...] = ()
    frames: tuple[Frame, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    def last(self, count: int) -> Seen[Frame]:
        """The latest so many."""
        return Seen(self.steps[-count:], self.frames[-count:])

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last step."""
        return self.steps[0], self.steps[-1]


@dataclass(frozen=True, eq=False)
class Curve:
    """One number over a training: ``steps`` and ``values``, (entry,)."""

    steps: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, eq=False)
class Evidence:
    """A training up to some step.

    Attributes:
        numbers: what was told step by step, by name. ``layers``, ``activations``, ``parameters``, ``predictions``, ``events``: the frames.
        labels: of the pinned rows, (row, ...); empty where none were given.
        facts: of the network, the optimizer and the recording.
    """

    numbers: Mapping[str, Curve] = field(default_factory=dict)
    layers: Seen[LayerFrame] = field(default_factory=Seen)
    activations: Seen[ActivationFrame] = field(default_factory=Seen)
    parameters: Seen[ParameterFrame] = field(default_factory=Seen)
    predictions: Seen[PredictionFrame] = field(default_factory=Seen)
    events: Seen[Event] = field(default_factory=Seen)
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0))
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def loss(self) -> Curve:
        """The loss of each step, without entries where none was told."""
        return self.numbers.get("loss", Curve(np.zeros(0, np.int64), np.zeros(0)))


def read(run: Run, until: int | None = None) -> Evidence:
    """All that diagnoses look at, of a training that goes on or has ended, up to a step."""
    pinned, last = run.pinned, sys.maxsize if until is None else until
    return Evidence(
        numbers={name: _curve(series, last) for name, series in run.all_scalars().items()},
        layers=_some(run.frames("layers"), last),
        activations=_some(run.frames("activations"), last),
        parameters=_some(run.frames("parameters"), last, most=2),
        predictions=_some(run.frames("predictions"), last),
        events=_some(run.frames("events"), last, most=1000),
        labels=np.zeros(0) if pinned is None else pinned.labels,
        facts=run.facts,
    )


def _curve(series: Series, last: int) -> Curve:
    known = series.steps <= last
    return Curve(series.steps[known], series.values[known])


def _some(frames: Frames, last: int, most: int = MOST) -> Seen[Any]:
    """Frames at even distances up to a step, the first and the last among them."""
    count = int(np.searchsorted(frames.steps, last, side="right"))
    places = sorted({round(at) for at in np.linspace(0, count - 1, min(most, count))}) if count else []
    kept = [(int(frames.steps[place]), frame) for place, frame in frames.read(places)]
    return Seen(tuple(step for step, _ in kept), tuple(frame for _, frame in kept))
