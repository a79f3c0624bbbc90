# ruff: noqa: RUF001 (a dash stands for an unknown name)
"""The layers of a network as a table."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.scenes import Panel, Scene, Table
from pellucid.scenes.words import Language, words


def layer_table(layers: Sequence[tuple[str, str, str, int]], *, language: Language = "en", title: str = "") -> Scene:
    """Name, type, output shape and parameter count of each layer, in the given order."""
    say = words(language)
    total = sum(parameters for *_, parameters in layers)
    finding = say["layers.finding"].format(count=len(layers), parameters=f"{total:,}")
    name, *_, most = max(layers, key=lambda layer: layer[3], default=("–", "", "", 0))
    summary = say["layers.summary"].format(count=len(layers), parameters=f"{total:,}", name=name, most=f"{most:,}")
    columns = tuple(say[key] for key in ("layer", "layer.type", "layer.shape", "layer.parameters"))
    rows = tuple((name, kind, shape, f"{parameters:,}") for name, kind, shape, parameters in layers)
    return Scene(title or say["layers.title"], (Panel("layers", finding, summary, Table(columns, rows)),), summary, language=language)
