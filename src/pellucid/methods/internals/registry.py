"""Every inspection by its id. A new one is one file and one line here; ``pl.inspect``, the command line and the tests follow from it."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING

from pellucid.errors import InputError, UnknownName

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inspection

INSPECTIONS: dict[str, str] = {
    "structure": "internals.structure:LookAtStructure",
    "source": "internals.source:LookAtSource",
    "weights": "internals.weights:LookAtWeights",
    "activations": "internals.activations:LookAtActivations",
    "feature_visualization": "internals.feature_visualization:LookAtFeatureVisualization",
    "representations": "internals.representations:LookAtRepresentations",
    "decision_boundary": "internals.decision_boundary:LookAtDecisionBoundary",
    "pruning": "internals.pruning:LookAtPruning",
    "gradient_flow": "dynamics.gradient_flow:LookAtGradientFlow",
    "loss_landscape": "dynamics.loss_landscape:LookAtLossLandscape",
}


def inspection_class(name: str) -> type[Inspection]:
    """The class of an inspection's id."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    if plain not in INSPECTIONS:
        raise UnknownName("thing to inspect", name, INSPECTIONS)
    module, cls = INSPECTIONS[plain].split(":")
    return getattr(import_module(f"pellucid.methods.{module}"), cls)


def as_inspection(what: str | Inspection | type[Inspection]) -> Inspection:
    """An inspection from its id, its class or an object."""
    if isinstance(what, str):
        return inspection_class(what)()
    if inspect.isclass(what) and hasattr(what, "look"):
        return what()
    if hasattr(what, "look"):
        return what  # type: ignore[return-value]
    raise InputError("This is nothing to inspect", received=repr(what)[:80], remedy=f"give one of {', '.join(INSPECTIONS)}")
