"""What the pictures of a loss landscape share: the content, its name for a loss, axes, notes, curves of equal loss."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.loss_landscape import LossLandscape
from pellucid.scenes import Axis, ColorScale, Panel, Scene
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code

SPREAD = 20.0  # of the largest finite loss over the smallest, from which on colors and axes are logarithmic


def content(explanation: Explanation) -> LossLandscape:
    """The content."""
    if not isinstance(explanation.content, LossLandscape):
        raise TypeError(f"This picture shows a LossLandscape, received {type(explanation.content).__name__}")
    return explanation.content


def loss_name(seen: LossLandscape, language: Language) -> str:
    """What the loss is called; a function's own name is left as it is."""
    return words(language).get(f"landscape.{seen.loss}", seen.loss)


def about(seen: LossLandscape, language: Language) -> str:
    """Which loss, of how many rows."""
    return words(language)["landscape.rows"].format(loss=loss_name(seen, language), rows=f"{seen.rows:,}")


def along(seen: LossLandscape, language: Language) -> str:
    """What the plane lies along."""
    path = seen.trajectory
    share = percent(float(path.explained.sum()), language) if path is not None else ""
    count = len(path.places) if path is not None else 0
    return words(language)[f"landscape.along.{seen.directions}"].format(share=share, count=count)


def axis_name(seen: LossLandscape, which: int, language: Language) -> str:
    """The name of an axis of the plane."""
    value = share = ""
    if seen.directions == "hessian" and seen.curvature is not None:
        value = number(float(seen.curvature.values[which]))
    if seen.trajectory is not None:
        share = percent(float(seen.trajectory.explained[which]), language)
    return words(language)[f"landscape.axis.{seen.directions}"].format(number=which + 1, value=value, share=share)


def notes(seen: LossLandscape, language: Language) -> tuple[str, ...]:
    """What a slice is, and how the network ran."""
    say, path = words(language), seen.trajectory
    off = most = ""
    if path is not None:
        off, most = number(float(np.median(path.off))), number(float(path.off.max()))
    told = {"still": f"{seen.still:,}", "parameters": f"{seen.parameters:,}", "off": off, "most": most}
    found = (say[f"landscape.note.{seen.directions}"].format(**told), say["landscape.note.eval"])
    beyond = seen.surface is not None and not np.isfinite(seen.surface.loss).all()
    return (*found, say["landscape.note.beyond"]) if beyond else found


def spread(values: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest finite value."""
    known = values[np.isfinite(values)]
    return float(known.min()), float(known.max())


def is_wide(values: np.ndarray) -> bool:
    """Whether values are read better on a logarithmic scale."""
    least, most = spread(values)
    return least > 0 and most / least > SPREAD


def loss_scale(values: np.ndarray, language: Language) -> tuple[np.ndarray, ColorScale]:
    """What is drawn of losses, and its scale: logarithms where the spread is large, which the label says."""
    least, most = spread(values)
    wide = is_wide(values)
    label = words(language)["landscape.scale.log" if wide else "landscape.scale"].format(least=number(least), most=number(most))
    drawn = np.where(np.isfinite(values), values, np.nan)
    if not wide:
        return drawn, ColorScale("sequential", (least, most), label)
    return np.log10(drawn), ColorScale("sequential", (float(np.log10(least)), float(np.log10(most))), label)


def loss_axis(values: np.ndarray, language: Language, name: str) -> Axis:
    """An axis of losses, logarithmic where the spread is large."""
    least, most = spread(values)
    if is_wide(values):
        return Axis(words(language)["landscape.lines.axis.log"], (least / 1.25, most * 1.25), kind="log")
    room = 0.05 * (most - least or abs(most) or 1.0)
    return Axis(name, (min(least - room, 0.0) if least < 0.3 * most else least - room, most + room))


def accuracy_axis(values: np.ndarray, language: Language) -> Axis:
    """An axis of accuracies, from where they begin."""
    least = max(0.0, np.floor(10 * float(values.min()) - 0.5) / 10)
    return Axis(words(language)["landscape.accuracy"], (least - 0.02 * (1 - least), 1.0 + 0.03 * (1 - least)))


def scene(
    explanation: Explanation,
    title: str,
    panels: tuple[Panel, ...],
    language: Language,
    *,
    subtitle: str = "",
    given: tuple[str, ...] = (),
) -> Scene:
    """Panels side by side under their title, with which loss they show."""
    said = joined([about(content(explanation), language), subtitle], language)
    summary = joined([title, *(panel.summary for panel in panels)], language)
    columns = min(len(panels), 2)
    return Scene(title, panels, summary, said, columns=columns, notes=given, code=code(explanation), language=language)


def contours(across: np.ndarray, up: np.ndarray, values: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where values (y, x) on a grid cross levels: both ends (segment, 2, 2) of straight pieces, one in a half of a cell, and the number of
    the level (segment,). Halves with a corner that is no number are left out."""
    x, y = np.meshgrid(across, up)
    corners = np.stack([x, y, values], -1)
    lower = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:]], -2)
    upper = np.stack([corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:]], -2)
    halves = np.concatenate([lower.reshape(-1, 3, 3), upper.reshape(-1, 3, 3)])
    halves = halves[np.isfinite(halves[..., 2]).all(1)]
    ends, which = [np.zeros((0, 2, 2))], [np.zeros(0, int)]
    for at, level in enumerate(levels):
        above = halves[..., 2] > level
        cut = halves[above.any(1) & ~above.all(1)]
        start, end = cut, np.roll(cut, -1, 1)
        crossed = (start[..., 2] > level) != (end[..., 2] > level)
        part = (level - start[..., 2]) / np.where(crossed, end[..., 2] - start[..., 2], 1.0)
        places = start[..., :2] + part[..., None] * (end - start)[..., :2]
        ends.append(places[crossed].reshape(-1, 2, 2))
        which.append(np.full(len(cut), at))
    return np.concatenate(ends), np.concatenate(which)
