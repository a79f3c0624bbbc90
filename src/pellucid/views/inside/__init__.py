"""Pictures of what was seen inside a network: one file for each thing that can be looked at, several pictures in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from pellucid.errors import InputError, UnknownName

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.scenes import Scene
    from pellucid.scenes.words import Language

View = Callable[..., "Scene"]


def inside_views(explanation: Explanation) -> Mapping[str, View]:
    """The pictures of an inspection by name, the main one first: those that its module ``shows`` of it, where it says so.

    Raises:
        InputError: an explanation of rows, which :mod:`pellucid.views` draws.
    """
    if explanation.content is None:
        raise InputError("This is no inspection", received=repr(explanation), remedy="give what pl.inspect returned")
    found = import_module(f"pellucid.views.inside.{explanation.content.what}")
    return {name: view for name, view in found.VIEWS.items() if not hasattr(found, "shows") or found.shows(name, explanation)}


def inside(explanation: Explanation, *, view: str | None = None, language: Language = "en", layer: str | None = None) -> Scene:
    """One picture of an inspection; ``layer`` names the layer where a picture is about one.

    Raises:
        UnknownName: no such picture.
        InputError: a layer for a picture that is not about one.
    """
    known = inside_views(explanation)
    name = view or next(iter(known))
    if name not in known:
        raise UnknownName("view", name, known)
    if layer is None:
        return known[name](explanation, language=language)
    if "layer" not in known[name].__annotations__:
        raise InputError("This picture is not about one layer", received=f"view={name!r}, layer={layer!r}", remedy="leave layer out")
    return known[name](explanation, language=language, layer=layer)
