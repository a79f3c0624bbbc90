"""Pictures of a recorded training: one file for each thing that is seen over its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from pellucid.errors import InputError, UnknownName

if TYPE_CHECKING:
    from pellucid.scenes import Scene
    from pellucid.scenes.words import Language
    from pellucid.training.runs.run import Run

View = Callable[..., "Scene"]

# by name: where it is drawn, and which frames it needs
VIEWS: dict[str, tuple[str, str]] = {
    "curves": ("curves:curves", "scalars"),
    "gradient_flow": ("flow:gradient_flow", "layers"),
    "update_ratio": ("flow:update_ratio", "layers"),
    "weights": ("spreads:weights", "layers"),
    "gradients": ("spreads:gradients", "layers"),
    "activations": ("spreads:activations", "activations"),
    "activity": ("activity:activity", "activations"),
    "boundary": ("strips:boundary", "boundary"),
    "attributions": ("strips:attributions", "attributions"),
}


def run_views(run: Run) -> Mapping[str, View]:
    """The pictures for which this training has frames, by name."""
    kinds = run.kinds
    return {name: _view(place) for name, (place, kind) in VIEWS.items() if kinds.get(kind)}


def run_scene(run: Run, *, view: str | None = None, language: Language = "en", layer: str | None = None) -> Scene:
    """One picture of a training, the curves if none is named; ``layer`` names a layer where the picture is about single ones.

    Raises:
        UnknownName: no such picture or layer.
        InputError: nothing of the kind was recorded, or a layer for a picture that is not about one.
    """
    name = view or "curves"
    if name not in VIEWS:
        raise UnknownName("view", name, VIEWS)
    place, kind = VIEWS[name]
    if not run.kinds.get(kind):
        recorded = ", ".join(run.kinds) or "nothing yet"
        raise InputError(f"No frames of {kind} were recorded", received=f"view={name!r}; recorded: {recorded}", remedy=_remedy(kind))
    make = _view(place)
    if layer is None:
        return make(run, language=language)
    if "layer" not in make.__annotations__:
        raise InputError("This picture is not about one layer", received=f"view={name!r}, layer={layer!r}", remedy="leave layer out")
    return make(run, language=language, layer=layer)


def _remedy(kind: str) -> str:
    if kind == "boundary":
        return "give pl.watch rows of two features: data=(inputs, labels)"
    if kind == "attributions":
        return "give pl.watch rows: data=(inputs, labels)"
    return "train a little longer, or give recording a larger budget"


def _view(place: str) -> View:
    module, function = place.split(":")
    return getattr(import_module(f"pellucid.views.runs.{module}"), function)
