"""Pictures of a gradient flow: arrows of descent over the loss, one panel for each training, and the loss as a surface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.gradient_flow import FlowPath, GradientFlow
from pellucid.scenes import Axis, Image, LegendEntry, Line, Lines, Mark, Panel, Points, Polygons, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import code
from pellucid.views.inside.loss_landscape_reading import contours, is_wide, loss_scale, spread

if TYPE_CHECKING:
    from pellucid.views.inside import View

LEVELS = 9  # contour lines
LONGEST = 0.8  # of the room of an arrow, the longest one
HEAD = 0.32  # of an arrow's length, its head; half as wide
COLORS = ("series2", "series4", "series5", "series3", "series6")
DOTS = 24  # checkpoints of a way that have a dot
STEEP = 1e4  # largest over smallest loss, from which the height of the surface is its logarithm
FINE = 24  # cells of the surface along each axis
RISE = 0.75  # of the width of the surface, the height from the least loss to the most
TURN, TILT = np.deg2rad(35.0), np.deg2rad(48.0)


def flow(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The loss as a map with its contour lines, arrows that point downhill, and where a training went: one panel for each."""
    seen, say = _content(explanation), words(language)
    paths: tuple[FlowPath | None, ...] = seen.paths or (None,)
    panels = tuple(_map(seen, path, at, language) for at, path in enumerate(paths))
    title = say["flow.title"].format(x=_axis_names(seen, language)[0], y=_axis_names(seen, language)[1])
    return _scene(explanation, title, panels, language, columns=min(3, len(panels)))


def surface(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The loss as a surface seen from the side, with the trainings on it."""
    seen, say = _content(explanation), words(language)
    return _scene(explanation, say["flow.surface.title"], (_surface(seen, language),), language)


VIEWS: dict[str, View] = {"flow": flow, "surface": surface}


def _content(explanation: Explanation) -> GradientFlow:
    if not isinstance(explanation.content, GradientFlow):
        raise TypeError(f"This picture shows a GradientFlow, received {type(explanation.content).__name__}")
    return explanation.content


def _scene(explanation: Explanation, title: str, panels: tuple[Panel, ...], language: Language, *, columns: int = 1) -> Scene:
    seen, say = _content(explanation), words(language)
    about = say["flow.about"].format(loss=say.get(f"landscape.{seen.judged}", seen.judged), rows=f"{seen.rows:,}")
    told = {"others": f"{seen.parameters - 2:,}", "share": percent(float(seen.explained.sum()), language)}
    still = say[f"flow.note.{seen.along}"].format(**told) if seen.parameters > 2 else ""
    arrows = say["flow.note.arrows"] if panels[0].id != "surface" else ""
    notes = tuple(note for note in (still, arrows) if note)
    summary = joined([title, *(panel.summary for panel in panels)], language)
    return Scene(title, panels, summary, about, columns=columns, notes=notes, code=code(explanation), language=language)


def _axis_names(seen: GradientFlow, language: Language) -> tuple[str, str]:
    if seen.along == "parameters":
        return seen.names
    pattern = words(language)["landscape.axis.trajectory"]
    return tuple(pattern.format(number=name, share=percent(float(s), language)) for name, s in zip(seen.names, seen.explained, strict=True))  # type: ignore[return-value]


def _span(axis: np.ndarray) -> tuple[float, float]:
    half = float(axis[1] - axis[0]) / 2
    return float(axis[0]) - half, float(axis[-1]) + half


def _map(seen: GradientFlow, path: FlowPath | None, at: int, language: Language) -> Panel:
    say = words(language)
    drawn, scale = loss_scale(seen.loss, language)
    (left, right), (low, high) = _span(seen.across), _span(seen.up)
    told = seen.loss[::-1].astype(np.float32) if is_wide(seen.loss) else None
    image = Image(say["landscape.loss"], (left, right, high, low), drawn[::-1].astype(np.float32), scale, told=told)
    levels = np.linspace(*scale.domain, LEVELS + 2)[1:-1]
    ends, _ = contours(seen.across, seen.up, drawn, levels)
    marks: list[Mark] = [image]
    if len(ends):
        marks.append(Lines("", ends[:, :, 0], ends[:, :, 1], ("ink",), strength=np.full(len(ends), 0.25)))
    marks += _arrows(seen, language)
    color = COLORS[at % len(COLORS)]
    if path is not None:
        marks += _way(path, path.places[:, 0], path.places[:, 1], color, language)
    else:
        own = say["landscape.model"] + f": {number(float(seen.own_loss[0]))}"
        marks.append(Points("", seen.own[:1], seen.own[1:], "accent", 4.5, (own,)))
    names = _axis_names(seen, language)
    went = LegendEntry(say["landscape.model"], "accent", "point") if path is None else LegendEntry(say["flow.way"], color, "line")
    legend = (went, LegendEntry(say["flow.arrow"], "ink", "line"))
    summary = _told(path, language) if path is not None else _steepest(seen, language)
    return Panel(
        f"flow{at}",
        path.name if path is not None else _steepest(seen, language),
        joined([path.name if path is not None else "", summary], language),
        _table(seen, path, language),
        tuple(marks),
        x=Axis(names[0], (left, right)),
        y=Axis(names[1], (low, high)),
        subtitle=summary if path is not None else "",
        legend=legend,
        scale=scale if at == 0 else None,
    )


def _arrows(seen: GradientFlow, language: Language) -> list[Mark]:
    """Downhill from each place; the length grows with the fourth root of the gradient, which spans many decades."""
    width = np.array([np.ptp(_span(seen.across)), np.ptp(_span(seen.up))])
    room = LONGEST / max(round(len(seen.places) ** 0.5), 1)
    size = np.linalg.norm(seen.gradients, axis=1)
    good = np.isfinite(size) & (size > 0)
    if not good.any():
        return []
    downhill = -seen.gradients[good] / width  # as it is drawn: both axes are given the same length
    unit = downhill / np.linalg.norm(downhill, axis=1, keepdims=True)
    length = room * (size[good] / size[good].max()) ** 0.25
    start = (seen.places[good] - [seen.across[0], seen.up[0]]) / width
    end = start + unit * length[:, None]
    side = np.stack([-unit[:, 1], unit[:, 0]], 1) * (HEAD / 2 * length)[:, None]
    neck = end - unit * (HEAD * length)[:, None]
    heads = np.stack([end, neck + side, neck - side], 1)
    origin = np.array([seen.across[0], seen.up[0]])

    def back(points: np.ndarray) -> np.ndarray:
        return points * width + origin

    shafts, tips = back(np.stack([start, neck], 1)), back(heads)
    pattern = words(language)["flow.at"]
    labels = tuple(pattern.format(size=number(float(s)), whole=number(float(w))) for s, w in zip(size[good], seen.whole[good], strict=True))
    strength = np.full(len(shafts), 0.75)
    return [
        Lines("", shafts[:, :, 0], shafts[:, :, 1], ("ink",), labels=labels, strength=strength),
        Polygons("", tips[:, :, 0], tips[:, :, 1], ("ink",), np.zeros(len(tips), int), strength, labels),
    ]


def _way(path: FlowPath, x: np.ndarray, y: np.ndarray, color: str, language: Language) -> list[Mark]:
    pattern = words(language)["landscape.checkpoint"]
    labels = tuple(
        pattern.format(number=at, loss=number(float(loss)), off=number(float(off)))
        for at, (loss, off) in enumerate(zip(path.loss, path.off, strict=True), 1)
    )
    some = sorted({round(at) for at in np.linspace(0, len(x) - 1, min(DOTS, len(x)))})
    dots = Points("", x[some], y[some], color, 1.8, tuple(labels[at] for at in some))
    return [Line(path.name, x, y, color), dots, Points("", x[:1], y[:1], color, 5.0, labels[:1])]


def _told(path: FlowPath, language: Language) -> str:
    ends = {"first": number(float(path.loss[0])), "last": number(float(path.loss[-1]))}
    return words(language)["flow.told"].format(count=f"{len(path.loss):,}", **ends)


def _steepest(seen: GradientFlow, language: Language) -> str:
    size = np.linalg.norm(seen.gradients, axis=1)
    least, most = spread(size)
    return words(language)["flow.finding"].format(least=number(least), most=number(most))


def _table(seen: GradientFlow, path: FlowPath | None, language: Language) -> Table:
    say, names = words(language), _axis_names(seen, language)
    if path is not None:
        columns = (path.places[:, 0], path.places[:, 1], path.loss, path.off)
        rows = tuple(tuple(map(float, row)) for row in zip(*columns, strict=True))
        return Table((*names, say["landscape.loss"], say["flow.off"]), rows)
    rows = tuple((float(x), float(y), float(a), float(b)) for (x, y), (a, b) in zip(seen.places, seen.gradients, strict=True))
    return Table((*names, *(say["flow.gradient"].format(name=name) for name in names)), rows)


def _surface(seen: GradientFlow, language: Language) -> Panel:
    say = words(language)
    least, most = spread(seen.loss)
    wide = least > 0 and most / least > STEEP
    drawn = np.log10(seen.loss) if wide else np.where(np.isfinite(seen.loss), seen.loss, np.nan)
    domain = (float(np.log10(least)), float(np.log10(most))) if wide else (least, most)
    columns, rows = (np.unique(np.linspace(0, len(axis) - 1, FINE + 1).round().astype(int)) for axis in (seen.across, seen.up))
    heights = drawn[np.ix_(rows, columns)]
    (left, right), (low, high) = (float(seen.across[0]), float(seen.across[-1])), (float(seen.up[0]), float(seen.up[-1]))
    project = _projection((left, right), (low, high), domain)
    x, y = np.meshgrid(seen.across[columns], seen.up[rows])
    u, v, depth = project(x, y, heights)
    near, far = slice(None, -1), slice(1, None)
    corners = [(near, near), (near, far), (far, far), (far, near)]
    us, vs, ds, hs = (np.stack([field[one].ravel() for one in corners], 1) for field in (u, v, depth, heights))
    known = np.isfinite(hs).all(1)
    order = np.argsort(-ds[known].mean(1), kind="stable")  # the farthest first, so that nearer ones cover them
    us, vs, hs = us[known][order], vs[known][order], hs[known][order].mean(1)
    strength = 0.12 + 0.8 * np.clip((hs - domain[0]) / ((domain[1] - domain[0]) or 1.0), 0, 1)
    values = 10**hs if wide else hs
    labels = tuple(say["landscape.level"].format(value=number(float(value))) for value in values)
    marks: list[Mark] = [Polygons("", us, vs, ("positive",), np.zeros(len(us), int), strength, labels)]
    legend = [LegendEntry(say["flow.surface.high"], "positive")]
    for at, path in enumerate(seen.paths):
        loss = np.log10(np.maximum(path.loss, 1e-300)) if wide else path.loss
        a, b, _ = project(path.places[:, 0], path.places[:, 1], np.clip(loss, *domain))
        marks += _way(path, a, b, COLORS[at % len(COLORS)], language)
        legend.append(LegendEntry(path.name, COLORS[at % len(COLORS)], "line"))
    names = _axis_names(seen, language)
    bounds = np.array([us.min(), us.max(), vs.min(), vs.max()]) if len(us) else np.array([0.0, 1.0, 0.0, 1.0])
    room = 0.04 * (bounds[1] - bounds[0])
    finding = say["flow.surface.finding"].format(x=names[0], y=names[1])
    return Panel(
        "surface",
        finding,
        joined([finding, _steepest(seen, language)], language),
        _table(seen, None, language),
        tuple(marks),
        x=Axis("", (float(bounds[0] - room), float(bounds[1] + room)), hidden=True),
        y=Axis("", (float(bounds[2] - room), float(bounds[3] + room)), hidden=True),
        legend=tuple(legend),
        equal=True,
    )


def _projection(
    x_span: tuple[float, float], y_span: tuple[float, float], heights: tuple[float, float]
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """From places and heights to the paper, and how far away they are: turned about the vertical, tilted, without perspective."""
    least, most = heights

    def project(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a = (x - x_span[0]) / (x_span[1] - x_span[0]) - 0.5
        b = (y - y_span[0]) / (y_span[1] - y_span[0]) - 0.5
        h = RISE * (z - least) / ((most - least) or 1.0)
        across, away = a * np.cos(TURN) - b * np.sin(TURN), a * np.sin(TURN) + b * np.cos(TURN)
        return across, away * np.sin(TILT) + h * np.cos(TILT), away * np.cos(TILT) - h * np.sin(TILT)

    return project
