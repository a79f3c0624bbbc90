"""The loss around a network's weights: the plane, lines through it, the way to another network, and the curvature."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.loss_landscape import LossLandscape, LossSurface
from pellucid.scenes import Axis, ColorScale, Image, LegendEntry, Line, Lines, Panel, Points, Scene, Table
from pellucid.scenes.marks import Mark
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, words
from pellucid.views.inside.loss_landscape_curves import between, lines, spectrum
from pellucid.views.inside.loss_landscape_reading import along, axis_name, content, contours, is_wide, loss_scale, notes, scene, spread

LEVELS = 9  # contour lines
LISTED = 11  # rows and columns of the table
ENDS = (("landscape.start", "series4"), ("landscape.end", "series5"))  # of a trajectory, and their colors


def surface(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The loss on the plane with lines of equal loss, the trained weights and a trajectory on it; beside it the accuracy."""
    seen, say = content(explanation), words(language)
    found = seen.surface
    if found is None:
        raise TypeError("this landscape has no surface")
    title = say["landscape.surface.title"].format(model=explanation.provenance.model, count=f"{found.loss.size:,}")
    plane = _Plane(seen, found, language)
    panels = (plane.losses(), plane.accuracies()) if found.accuracy.size else (plane.losses(),)
    return scene(explanation, title, panels, language, subtitle=along(seen, language), given=notes(seen, language))


VIEWS = {"surface": surface, "lines": lines, "between": between, "spectrum": spectrum}


def shows(name: str, explanation: Explanation) -> bool:
    """Whether this picture has something to show."""
    seen = content(explanation)
    known = {"surface": seen.surface, "lines": seen.lines or None, "between": seen.between, "spectrum": seen.curvature}
    return known[name] is not None


# ---- the plane --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Plane:
    """The plane on its way into panels."""

    seen: LossLandscape
    found: LossSurface
    language: Language

    def losses(self) -> Panel:
        """The loss, with lines where it is equal."""
        say, found = words(self.language), self.found
        least, most = spread(found.loss)
        drawn, scale = loss_scale(found.loss, self.language)
        told = {"own": number(float(self.seen.own[0])), "least": number(least), "most": number(most)}
        finding = say["landscape.surface.finding"].format(**told)
        levels = np.linspace(*scale.domain, LEVELS + 2)[1:-1]
        ends, which = contours(found.across, found.up, drawn, levels)
        heights = 10**levels if is_wide(found.loss) else levels
        texts = [say["landscape.level"].format(value=number(float(height))) for height in heights]
        strength = np.full(len(ends), 0.4)
        rings = Lines("", ends[:, :, 0], ends[:, :, 1], ("ink",), labels=tuple(texts[at] for at in which), strength=strength)
        map_ = self._map(say["landscape.loss"], drawn, scale, found.loss if is_wide(found.loss) else None)
        summary = say["landscape.summary"].format(finding=finding, about=along(self.seen, self.language))
        panel = self._panel("loss", finding, found.loss, (map_, *((rings,) if len(ends) else ())), scale)
        legend = (LegendEntry(say["landscape.contour"], "ink", "line"), *panel.legend)
        return replace(panel, summary=summary, legend=legend)

    def accuracies(self) -> Panel:
        """The accuracy."""
        say = words(self.language)
        scale = ColorScale("sequential", (0.0, 1.0), say["landscape.scale.accuracy"])
        own, least = (percent(float(value), self.language) for value in (self.seen.own[1], self.found.accuracy.min()))
        finding = say["landscape.accuracy.finding"].format(own=own, least=least)
        map_ = self._map(say["landscape.accuracy"], self.found.accuracy, scale)
        return self._panel("accuracy", finding, self.found.accuracy, (map_,), scale)

    def _panel(self, name: str, finding: str, values: np.ndarray, marks: tuple[Mark, ...], scale: ColorScale) -> Panel:
        x, y = (Axis(axis_name(self.seen, at, self.language), _span(axis)) for at, axis in enumerate((self.found.across, self.found.up)))
        (left, right), (low, high) = x.domain, y.domain
        square = 1 / 3 <= (high - low) / (right - left) <= 3
        table, drawn = self._table(values), (*marks, *self._model(), *self._path())
        return Panel(name, finding, finding, table, drawn, x, y, legend=self._named(), scale=scale, equal=square)

    def _map(self, name: str, drawn: np.ndarray, scale: ColorScale, told: np.ndarray | None = None) -> Image:
        """A map whose cells lie around the points of the grid; ``told`` is read out of it in place of what is drawn."""
        (left, right), (low, high) = (_span(axis) for axis in (self.found.across, self.found.up))
        read = None if told is None else told[::-1].astype(np.float32)
        return Image(name, (left, right, high, low), drawn[::-1].astype(np.float32), scale, told=read)

    def _model(self) -> tuple[Mark, ...]:
        """The network itself, ringed."""
        told = f"{words(self.language)['landscape.model']}: {number(float(self.seen.own[0]))}"
        here = np.zeros(1)
        return Points("", here, here, "ink", 5.2, (told,)), Points("", here, here, "accent", 3.8, (told,))

    def _path(self) -> tuple[Mark, ...]:
        """The checkpoints in order, the first and the last in colors of their own."""
        path, say = self.seen.trajectory, words(self.language)
        if path is None:
            return ()
        x, y = path.places.T
        labels = tuple(
            say["landscape.checkpoint"].format(number=at, loss=number(float(loss)), off=number(float(off)))
            for at, (loss, off) in enumerate(zip(path.loss, path.off, strict=True), 1)
        )
        ends = tuple(Points("", x[[at]], y[[at]], color, 3.2, (labels[at],)) for at, (_, color) in zip((0, -1), ENDS, strict=True))
        return Line("", x, y, "ink"), Points("", x, y, "ink", 2.2, labels), *ends

    def _named(self) -> tuple[LegendEntry, ...]:
        say = words(self.language)
        path = (("landscape.path", "ink"), *ENDS) if self.seen.trajectory is not None else ()
        return tuple(LegendEntry(say[key], color, "point") for key, color in (("landscape.model", "accent"), *path))

    def _table(self, values: np.ndarray) -> Table:
        """Some rows and columns of the plane, the trained weights among them."""
        say, found = words(self.language), self.found
        columns, rows = (_some(axis) for axis in (found.across, found.up))
        head = (f"{say['landscape.b']} \\ {say['landscape.a']}", *(number(float(found.across[at])) for at in columns))
        cells = ((number(float(found.up[row])), *(number(float(values[row, at])) for at in columns)) for row in reversed(rows))
        return Table(head, tuple(cells))


def _span(axis: np.ndarray) -> tuple[float, float]:
    """From the side of the first cell to that of the last."""
    half = float(axis[1] - axis[0]) / 2
    return float(axis[0]) - half, float(axis[-1]) + half


def _some(axis: np.ndarray) -> list[int]:
    zero = int(np.abs(axis).argmin())
    return sorted({zero, *np.linspace(0, len(axis) - 1, min(LISTED, len(axis))).round().astype(int).tolist()})
