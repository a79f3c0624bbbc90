"""Paper: draws any scene with matplotlib."""

from pellucid.paper.figure import PaperFigure, draw, png_bytes, save_png
from pellucid.paper.plots import (
    ViewName,
    plot,
    plot_comparison,
    plot_history,
    plot_importance,
    plot_inspection,
    plot_interactions,
    plot_run,
    scene_of,
)

__all__ = [
    "PaperFigure",
    "ViewName",
    "draw",
    "plot",
    "plot_comparison",
    "plot_history",
    "plot_importance",
    "plot_inspection",
    "plot_interactions",
    "plot_run",
    "png_bytes",
    "save_png",
    "scene_of",
]
