"""Scenes: what a picture shows, before anyone draws it."""

from pellucid.scenes.marks import (
    Axis,
    Badge,
    Band,
    Bars,
    ColorScale,
    Image,
    LegendEntry,
    Line,
    Mark,
    Panel,
    Points,
    Scene,
    Table,
    Text,
)

__all__ = [
    "Axis",
    "Badge",
    "Band",
    "Bars",
    "ColorScale",
    "Image",
    "LegendEntry",
    "Line",
    "Mark",
    "Panel",
    "Points",
    "Scene",
    "Table",
    "Text",
]
