"""``explanation.plot()``: the view of an explanation, drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from pellucid import views
from pellucid.errors import InputError, UnknownName
from pellucid.explanation import Explanation
from pellucid.paper.figure import draw
from pellucid.scenes import Scene
from pellucid.scenes.palette import Theme
from pellucid.scenes.words import Language
from pellucid.views.inside import inside
from pellucid.views.runs import run_scene

if TYPE_CHECKING:
    from pellucid.training.runs.run import Run

ViewName = Literal[
    "attribution",
    "feature_bars",
    "waterfall",
    "image_overlay",
    "token_bars",
    "alignment_grid",
    "series",
    "strongest_elements",
    "faithfulness_curves",
    "checks_table",
    "gallery",
    "beeswarm",
    "importance_bars",
    "dependence",
    "decision_plot",
]
MANY_ROWS = ("gallery", "beeswarm", "importance_bars", "dependence", "decision_plot")  # they take no row


def plot(
    explanation: Explanation,
    *,
    ax: Axes | None = None,
    row: int = 0,
    language: Language = "en",
    theme: Theme = "light",
    view: ViewName | None = None,
    cells: bool = False,
    feature: str | None = None,
) -> Figure | SubFigure:
    """Draws one row of an explanation, or many rows together, and returns the figure; nothing is shown.

    Args:
        explanation: what to draw.
        ax: axes to draw the main panel into; without them a new figure is made, which pyplot does not know.
        row: which row; a ``gallery``, ``beeswarm``, ``importance_bars``, ``dependence`` and ``decision_plot`` show many and take no row.
        language: of every word in the picture.
        theme: ``light`` or ``dark``.
        view: another view than the one that fits the input, such as ``waterfall`` or ``faithfulness_curves``.
        cells: whether a map coarser than its image is laid over it in its true cells, not smoothed.
        feature: whose ``dependence`` is drawn; the feature that weighs most if not given.

    Raises:
        UnknownName: no such view.
        InputError: no such row, or the view does not fit the explanation.
    """
    return draw(scene_of(explanation, row=row, language=language, view=view, cells=cells, feature=feature), theme=theme, ax=ax)


class Curves(Protocol):
    """What :func:`plot_history` reads: curves by name, one value per epoch."""

    @property
    def curves(self) -> Mapping[str, Sequence[float]]:
        """By name, such as ``train_loss``."""
        ...


def plot_history(history: Curves, *, ax: Axes | None = None, language: Language = "en", theme: Theme = "light") -> Figure | SubFigure:
    """Draws the curves of a training run; into ``ax`` only the first quantity's."""
    return draw(views.training_history(history.curves, language=language), theme=theme, ax=ax)


def plot_comparison(compared: Any, *, row: int = 0, language: Language = "en", theme: Theme = "light") -> Figure | SubFigure:  # noqa: ANN401
    """Draws what :func:`pellucid.compare` returned, with one row's pictures side by side."""
    return draw(views.comparison(compared, row=row, language=language), theme=theme)


def plot_importance(
    importance: Any,  # noqa: ANN401
    *,
    ax: Axes | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> Figure | SubFigure:
    """Draws what :func:`pellucid.permutation_importance` returned."""
    return draw(views.permutation_bars(importance, language=language), theme=theme, ax=ax)


def plot_interactions(
    found: Any,  # noqa: ANN401
    *,
    ax: Axes | None = None,
    row: int | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> Figure | SubFigure:
    """Draws what :func:`pellucid.interactions` returned: one row, or the mean over rows."""
    return draw(views.interaction_matrix(found, row=row, language=language), theme=theme, ax=ax)


def plot_inspection(
    explanation: Explanation,
    *,
    ax: Axes | None = None,
    view: str | None = None,
    layer: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> Figure | SubFigure:
    """Draws what :func:`pellucid.inspect` saw; ``view`` names one of its pictures, ``layer`` a layer where the picture is about one."""
    return draw(inside(explanation, view=view, layer=layer, language=language), theme=theme, ax=ax)


def plot_run(
    run: Run,
    *,
    ax: Axes | None = None,
    view: str | None = None,
    layer: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> Figure | SubFigure:
    """Draws a recorded training; ``view`` names one of its pictures, ``layer`` a layer where the picture is about single ones."""
    return draw(run_scene(run, view=view, layer=layer, language=language), theme=theme, ax=ax)


def scene_of(
    explanation: Explanation,
    *,
    row: int = 0,
    language: Language = "en",
    view: ViewName | None = None,
    cells: bool = False,
    feature: str | None = None,
) -> Scene:
    """The scene of one row, or of many, in the named view; ``cells`` and ``feature`` as in :func:`plot`."""
    name = view or "attribution"
    if name not in get_args(ViewName):
        raise UnknownName("view", name, get_args(ViewName))
    if cells and name not in ("attribution", "image_overlay"):
        raise InputError("This view lays no map over an image", received=f"view={name!r}, cells=True", remedy="leave cells out")
    if feature is not None and name != "dependence":
        raise InputError(
            "Only a dependence plot is about one feature", received=f"view={name!r}, feature={feature!r}", remedy="leave feature out"
        )
    make: Callable[..., Scene] = getattr(views, name)
    if name in MANY_ROWS:
        return make(explanation, language=language, **({"feature": feature} if feature is not None else {}))
    return make(explanation, row=row, language=language, **({"cells": True} if cells else {}))
