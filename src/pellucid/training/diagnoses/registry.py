"""All diagnoses, one line each: a function from the evidence to a finding, or to None where nothing is wrong or known."""

from __future__ import annotations

from collections.abc import Callable

from pellucid.training.diagnoses import gradients, initialization, learning_rate, loss, overfitting, predictions, reach, units
from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding

DIAGNOSES: tuple[Callable[[Evidence], Finding | None], ...] = (
    loss.not_finite,
    loss.unbounded,
    loss.broadcast,
    reach.unreached,
    reach.unused,
    initialization.symmetry,
    initialization.scale_by_depth,
    units.dead_rectifiers,
    units.saturated,
    gradients.vanishing,
    gradients.exploding,
    learning_rate.too_high,
    learning_rate.too_low,
    predictions.collapse,
    predictions.base_rate,
    overfitting.overfitting,
)

# of every finding that a diagnosis can give; the words of each language have an entry for all of them
IDS = (
    "not_finite",
    "unbounded_loss",
    "broadcast_loss",
    "unreached_parameters",
    "unused_layers",
    "equal_units",
    "initialization_shrinks",
    "initialization_grows",
    "dead_rectifiers",
    "saturated_units",
    "vanishing_gradients",
    "exploding_gradients",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "class_collapse",
    "no_better_than_base_rate",
    "no_better_than_mean",
    "overfitting",
)
