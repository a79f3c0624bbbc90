"""Film strips: the decision over the plane and the explanations of pinned rows, as they formed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation import LabelledArray
from pellucid.scenes import Axis, ColorScale, Image, LegendEntry, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, method_name, words
from pellucid.views.entries import cell
from pellucid.views.inside.classes import COLORS
from pellucid.views.inside.decision_boundary_marks import PALEST, REST, STRONGEST
from pellucid.views.rasters import limit_of, photo
from pellucid.views.runs.reading import frame_axis, frame_ends, framed, read, some
from pellucid.views.signed_bars import category_axis

if TYPE_CHECKING:
    from pellucid.training.runs.contents import AttributionFrame, BoundaryFrame, PinnedFrame
    from pellucid.training.runs.run import Run

SCENES = 8  # frames of the plane
ROWS, TIMES = 4, 6  # explained rows and frames of each
COLUMNS = 40  # frames of a table's attributions
FEATURES = 20


def boundary(run: Run, *, language: Language = "en") -> Scene:
    """The predicted class over the plane at up to eight steps, the paler the less confident, with the pinned rows on it."""
    say = words(language)
    frames = run.frames("boundary")
    steps, found = read(frames, SCENES, early=True)
    pinned = run.pinned
    panels = tuple(plane(step, frame, pinned, language) for step, frame in zip(steps.tolist(), found, strict=True))
    notes = tuple(note for note in (say["run.frames.note"], some(len(found), len(frames), "frames", language)) if note)
    return framed(run, panels, language, title=say["run.boundary.title"], columns=min(4, len(panels)), notes=notes)


def attributions(run: Run, *, language: Language = "en") -> Scene:
    """Attributions of pinned rows as they formed: of images a picture for each row and step, of other rows a map of elements over steps."""
    say = words(language)
    frames = run.frames("attributions")
    image = are_images(frames[-1])
    steps, found = read(frames, TIMES if image else COLUMNS, early=image)
    method = method_name(found[-1].method, language)
    rows = range(min(ROWS, len(found[-1].rows)))
    if image:
        limit = limit_of(np.concatenate([summed_map(frame.values[row]).ravel() for frame in found for row in rows])).value
        shots = list(zip(found, steps.tolist(), strict=True))
        panels = tuple(
            panel
            for row in rows
            for panel in (
                *_seen(run.pinned, found[-1], row, language),
                *(_picture(frame, step, row, limit, language) for frame, step in shots),
            )
        )
        range_note = say["run.attribution.range"].format(limit=number(limit))
    else:
        limit = limit_of(np.concatenate([frame.values[list(rows)].ravel() for frame in found])).value
        panels = tuple(_over_steps(found, steps, row, limit, language) for row in rows)
        range_note = ""
    title = say["run.attribution.title"].format(count=len(rows), method=method)
    notes = tuple(note for note in (range_note, say["run.frames.note"], some(len(found), len(frames), "frames", language)) if note)
    return framed(run, panels, language, title=title, columns=len(panels) // len(rows) if image else min(2, len(panels)), notes=notes)


def plane(step: int, frame: BoundaryFrame, pinned: PinnedFrame | None, language: Language) -> Panel:
    """One frame of the plane; its first mark is the decision, the others are pinned rows."""
    say = words(language)
    count = max(int(frame.classes.max()) + 1, 2 if pinned is None or not len(pinned.labels) else int(pinned.labels.max()) + 1)
    names = [say["run.boundary.class"].format(name=one) for one in range(count)]
    roles = tuple(COLORS[one] if one < len(COLORS) else REST for one in range(count))
    floor = 1.0 / count
    strength = PALEST + (STRONGEST - PALEST) * np.clip((frame.confidence - floor) / (1 - floor), 0, 1)
    half = [(axis[1] - axis[0]) / 2 for axis in (frame.x, frame.y)]
    extent = (float(frame.x[0] - half[0]), float(frame.x[-1] + half[0]), float(frame.y[-1] + half[1]), float(frame.y[0] - half[1]))
    image = Image(
        say["boundary.confidence"],
        extent,
        frame.classes[::-1].astype(float),
        opacity=strength[::-1],
        roles=roles,
        texts=tuple(say["boundary.says"].format(name=name) for name in names),
        told=frame.confidence[::-1].astype(float),
    )
    marks: list[Image | Points] = [image]
    if pinned is not None:
        for one in range(count) if len(pinned.labels) else [-1]:
            mine = np.flatnonzero(pinned.labels == one) if one >= 0 else np.arange(len(pinned.inputs))
            labels = tuple(say["run.boundary.row"].format(row=int(i), name=one if one >= 0 else "?") for i in mine)
            color = roles[one] if one >= 0 else "ink"
            x, y = (pinned.inputs[mine, axis].astype(float) for axis in (0, 1))
            marks.append(Points(names[max(one, 0)], x, y, color, 2.2, labels))
    shares = np.bincount(frame.classes.ravel(), minlength=count) / frame.classes.size
    finding = say["run.boundary.finding"].format(share=percent(float(shares.max()), language), name=names[int(shares.argmax())])
    return Panel(
        f"plane{step}",
        say["run.flow.at"].format(step=f"{step:,}"),
        finding,
        Table(("", say["run.activity.share"]), tuple((name, float(s)) for name, s in zip(names, shares, strict=True))),
        tuple(marks),
        x=Axis("", extent[:2]),
        y=Axis("", (extent[3], extent[2])),
        legend=tuple(LegendEntry(name, role) for name, role in zip(names, roles, strict=True)),
    )


def are_images(frame: AttributionFrame) -> bool:
    """Whether the rows are images: more than four rows and columns, or channels too."""
    return frame.values.ndim == 4 or (frame.values.ndim == 3 and min(frame.values.shape[1:]) > 4)


def summed_map(values: np.ndarray) -> np.ndarray:
    """(y, x) of one image's attributions: summed over channels."""
    if values.ndim == 2:
        return values
    return values.sum(0) if values.shape[0] <= values.shape[-1] else values.sum(-1)


def _named(frame: AttributionFrame, row: int) -> str:
    return str(int(frame.classes[row])) if frame.classes[row] >= 0 else "?"


def _picture(frame: AttributionFrame, step: int, row: int, limit: float, language: Language) -> Panel:
    say = words(language)
    values = summed_map(frame.values[row]).astype(float)
    height, width = values.shape
    scale = ColorScale("diverging", (-limit, limit), say["run.attribution.scale"])
    which = int(frame.rows[row])
    return Panel(
        f"row{which}step{step}",
        say["run.flow.at"].format(step=f"{step:,}"),
        say["run.attribution.finding"].format(name=_named(frame, row), score=number(float(frame.scores[row]))),
        Table(tuple(str(i) for i in range(width)), tuple(tuple(float(v) for v in line) for line in values)),
        (Image(say["run.attribution.scale"], (0.0, float(width), 0.0, float(height)), values, scale),),
        x=Axis("", (0.0, float(width)), hidden=True),
        y=Axis("", (0.0, float(height)), hidden=True, reverse=True),
        subtitle=say["run.attribution.score"].format(score=number(float(frame.scores[row]))),
        equal=True,
    )


def _seen(pinned: PinnedFrame | None, frame: AttributionFrame, row: int, language: Language) -> tuple[Panel, ...]:
    """The row itself, before its attributions; its values from the least to the most as gray."""
    if pinned is None:
        return ()
    say = words(language)
    which = int(frame.rows[row])
    values = pinned.inputs[which].astype(float)
    axes = ("y", "x") if values.ndim == 2 else ("channel", "y", "x") if values.shape[0] <= values.shape[-1] else ("y", "x", "channel")
    low, high = float(values.min()), float(values.max())
    pixels = photo(LabelledArray("input", ((values - low) / ((high - low) or 1.0))[None], ("sample", *axes), {}))
    height, width = pixels.shape[:2]
    title = say["run.attribution.pinned"].format(row=which)
    panel = Panel(
        f"row{which}",
        title,
        say["run.attribution.row"].format(row=which, name=_named(frame, row)),
        Table((title,), ()),
        (Image("", (0.0, float(width), 0.0, float(height)), pixels=pixels),),
        x=Axis("", (0.0, float(width)), hidden=True),
        y=Axis("", (0.0, float(height)), hidden=True, reverse=True),
        subtitle=say["run.boundary.class"].format(name=_named(frame, row)),
        equal=True,
    )
    return (panel,)


def _over_steps(found: list[AttributionFrame], steps: np.ndarray, row: int, limit: float, language: Language) -> Panel:
    say = words(language)
    values = np.array([frame.values[row].ravel() for frame in found], float).T
    order = np.sort(np.argsort(-np.abs(values).max(1), kind="stable")[:FEATURES])
    values = values[order]
    scale = ColorScale("diverging", (-limit, limit), say["run.attribution.scale"])
    names = [say["run.attribution.feature"].format(number=int(i) + 1) for i in order]
    title = say["run.attribution.row"].format(row=int(found[-1].rows[row]), name=_named(found[-1], row))
    finding = say["run.attribution.score"].format(score=number(float(found[-1].scores[row])))
    rows = tuple((name, *(cell(float(v)) for v in line)) for name, line in zip(names, values, strict=True))
    return Panel(
        f"row{row}",
        title,
        f"{title}: {finding}",
        Table(("", *(say["run.flow.at"].format(step=f"{int(step):,}") for step in steps)), rows),
        (Image(say["run.attribution.scale"], (*frame_ends(len(steps)), -0.5, len(names) - 0.5), values, scale),),
        x=frame_axis(steps, language, count=4),
        y=category_axis(names),
        subtitle=finding,
        scale=scale,
    )
