"""The marks of a decision boundary's pictures: the map of classes, the lines, the rows, the linear regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.explanation.contents.decision_boundary import DecisionBoundary, LinearRegions
from pellucid.scenes import Axis, Column, Image, LegendEntry, Lines, Points, Polygons, RowLabels, Sample, Table, Text
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.sampling import MOST
from pellucid.scenes.words import Language, joined, words
from pellucid.views.inside.classes import COLORS, colors_of

REST = "random"  # of further classes
PALEST, STRONGEST = 0.1, 0.5  # of a color over the surface: at the confidence of a coin, and at certainty
GROUND = "random"  # under regions that are not drawn
TINT = 0.55  # of a region's color
LISTED = 12


@dataclass(frozen=True, eq=False)
class Shown:
    """What is seen, on its way into marks."""

    seen: DecisionBoundary
    language: Language

    @property
    def named(self) -> np.ndarray:
        """The classes that are seen, on the map or among the rows, those first that take most of the map; they get colors."""
        seen = self.seen
        counts = np.bincount(seen.classes.reshape(-1), minlength=len(seen.class_names)).astype(float)
        counts += np.bincount(self.of_rows(), minlength=len(counts)) / max(1, len(seen.rows.truth))
        order = np.argsort(-counts, kind="stable")
        return np.sort(order[: min(len(COLORS), int((counts > 0).sum()))])

    def role(self, which: int) -> str:
        """The color of a class."""
        return colors_of(self.named.tolist()).get(which, REST)

    def of_rows(self) -> np.ndarray:
        """(row,) the true class, where it is known that the network says."""
        rows = self.seen.rows
        return np.where((rows.truth >= 0) & (rows.truth < len(self.seen.class_names)), rows.truth, rows.predicted)

    def axes(self) -> tuple[Axis, Axis]:
        """The two axes of the plane."""
        plane, say = self.seen.plane, words(self.language)
        key = "boundary.axis_input" if plane.kind == "inputs" else "boundary.axis"
        names = list(plane.names) if len(plane.names) == 2 else [say[key].format(number=i) for i in (1, 2)]
        if plane.explained:
            shares = [percent(share, self.language) for share in plane.explained]
            names = [say["boundary.axis_pca"].format(number=i, share=share) for i, share in enumerate(shares, 1)]
        return Axis(names[0], plane.span[:2]), Axis(names[1], plane.span[2:])

    def map(self) -> Image:
        """The classes at the points of the grid, each a cell around it."""
        seen, say = self.seen, words(self.language)
        left, right, low, high = seen.plane.span
        half = [(b - a) / (n - 1) / 2 for a, b, n in ((left, right, seen.classes.shape[1]), (low, high, seen.classes.shape[0]))]
        least = 1 / len(seen.class_names)
        strength = PALEST + (STRONGEST - PALEST) * np.clip((seen.confidence - least) / (1 - least), 0, 1)
        kinds = np.unique(seen.classes)
        return Image(
            say["boundary.confidence"],
            (left - half[0], right + half[0], high + half[1], low - half[1]),
            np.searchsorted(kinds, seen.classes)[::-1].astype(np.uint8),
            opacity=strength[::-1].astype(np.float32),
            roles=tuple(self.role(int(k)) for k in kinds),
            texts=tuple(say["boundary.says"].format(name=seen.class_names[k]) for k in kinds),
            told=seen.confidence[::-1].astype(np.float32),
        )

    def lines(self) -> tuple[Lines, ...]:
        """The pieces of the boundary."""
        ends = self.seen.boundary
        return (Lines(words(self.language)["boundary.line"], ends[:, :, 0], ends[:, :, 1], ("ink",)),) if len(ends) else ()

    def points(self) -> tuple[Points, ...]:
        """The rows in the part that is shown, by class; those that are misread have a ring."""
        inside = self.inside()
        of, rows = self.of_rows(), self.seen.rows
        wrong = inside & (rows.truth >= 0) & (rows.truth != rows.predicted)
        marks = [Points("", *rows.places[wrong].T, color="ink", radius=4.6, labels=self.labels(wrong))] if wrong.any() else []
        for which in np.unique(of[inside]):
            chosen = inside & (of == which)
            radius = 2.6 if inside.sum() <= 500 else 1.8
            marks.append(Points("", *rows.places[chosen].T, color=self.role(int(which)), radius=radius, labels=self.labels(chosen)))
        return tuple(marks)

    def samples(self) -> tuple[Text, ...]:
        """The names of the rows that a slice goes through, beside them."""
        (left, right, _, _), say = self.seen.plane.span, words(self.language)
        found = []
        for row in self.seen.plane.samples:
            x, y = self.seen.rows.places[row]
            toward = -1 if x > left + 0.8 * (right - left) else 1
            place = float(x + toward * 0.02 * (right - left))
            found.append(Text(place, float(y), say["boundary.sample"].format(row=row + 1), "start" if toward > 0 else "end"))
        return tuple(found)

    def inside(self) -> np.ndarray:
        """(row,) whether it lies in the part that is shown; of very many rows the first."""
        (left, right, low, high), places = self.seen.plane.span, self.seen.rows.places
        found = (places[:, 0] >= left) & (places[:, 0] <= right) & (places[:, 1] >= low) & (places[:, 1] <= high)
        return found & (found.cumsum() <= MOST // 2)

    def labels(self, chosen: np.ndarray) -> tuple[str, ...]:
        """What hovering says of rows."""
        say, rows, names = words(self.language), self.seen.rows, self.seen.class_names
        return tuple(
            say["boundary.point"].format(
                row=row + 1,
                truth=say["boundary.truth"].format(name=names[rows.truth[row]]) if 0 <= rows.truth[row] < len(names) else "",
                said=names[rows.predicted[row]],
                distance=number(float(rows.distances[row])),
            )
            for row in np.flatnonzero(chosen)
        )

    def legend(self) -> tuple[LegendEntry, ...]:
        """The classes that are seen, the line, and the ring."""
        say, rows = words(self.language), self.seen.rows
        on_map = [
            LegendEntry(say["boundary.says"].format(name=self.seen.class_names[k]), self.role(int(k)))
            for k in self.named
            if (self.seen.classes == k).any()
        ]
        rest = [LegendEntry(say["boundary.other"], REST)] if np.setdiff1d(self.seen.classes, self.named).size else []
        line = [LegendEntry(say["boundary.line"], "ink", "line")] if len(self.seen.boundary) else []
        known = "boundary.true" if (rows.truth >= 0).any() else "boundary.called"
        dots = [
            LegendEntry(say[known].format(name=self.seen.class_names[k]), self.role(int(k)), "point")
            for k in self.named
            if (self.of_rows() == k).any()
        ]
        dots += [LegendEntry(say["boundary.other_rows"], REST, "point")] if np.setdiff1d(self.of_rows(), self.named).size else []
        ring = [LegendEntry(say["boundary.wrong"], "ink", "point")] if ((rows.truth >= 0) & (rows.truth != rows.predicted)).any() else []
        return tuple(on_map + rest + line + dots + ring)

    def about(self) -> str:
        """Which plane it is, how far rows lie off it, how many are shown and misread."""
        say, plane, rows = words(self.language), self.seen.plane, self.seen.rows
        joiner = "、" if self.language == "zh-CN" else ", "
        parts = [
            say[f"boundary.{plane.kind}"].format(
                elements=f"{len(plane.origin):,}",
                items=joiner.join(str(i + 1) for i in plane.samples),
                share=percent(sum(plane.explained), self.language),
            )
        ]
        if rows.off.any():
            parts.append(say["boundary.off"].format(median=number(float(np.median(rows.off))), most=number(float(rows.off.max()))))
        shown = int(self.inside().sum())
        if shown < len(rows.truth):
            parts.append(say["boundary.shown"].format(shown=shown, count=len(rows.truth)))
        if (rows.truth >= 0).any():
            wrong = int(((rows.truth >= 0) & (rows.truth != rows.predicted)).sum())
            parts.append(say["boundary.right"].format(wrong=wrong, count=int((rows.truth >= 0).sum())))
        return joined(parts, self.language)

    def why(self) -> str:
        """What stands against exact regions."""
        return words(self.language)[f"boundary.why.{self.seen.why}"].format(detail=self.seen.detail) if self.seen.why else ""

    def areas(self, found: LinearRegions, shares: np.ndarray) -> Polygons:
        """The regions, the largest first."""
        say, order = words(self.language), np.argsort(-shares, kind="stable")
        place = found.points[found.corners[order]].astype(np.float32)
        scores = found.levels[order]
        two = scores.shape[1] == 1
        winner = (scores[:, 0] > 0).astype(int) if two else scores.argmax(1)
        slopes = found.slopes[order, 0] * np.where(winner, 1, -1)[:, None] if two else found.slopes[order, winner]
        columns = (
            Column(say["regions.class"], winner.astype(np.uint16), self.seen.class_names),
            Column(say["boundary.confidence"], confidence(scores).astype(np.float32)),
            Column(say["regions.along"], slopes[:, 0].astype(np.float32)),
            Column(say["regions.up"], slopes[:, 1].astype(np.float32)),
        )
        return Polygons(
            "",
            place[..., 0],
            place[..., 1],
            COLORS[: int(found.colors.max()) + 1],
            found.colors[order],
            np.full(len(order), TINT, np.float32),
            RowLabels(say["regions.point"], (order + 1).astype(np.uint32), columns, say["missing"], together=True),
            self._sample(len(order)),
        )

    def _sample(self, count: int) -> Sample | None:
        """What is drawn of very many regions."""
        if count <= MOST:
            return None
        say = words(self.language)
        return Sample(MOST, MOST, count, say["regions.unit"], say["regions.sample"].format(shown=f"{MOST:,}", count=f"{count:,}"))

    def ground(self) -> Polygons:
        """What lies under the regions, seen where some are not drawn."""
        left, right, low, high = self.seen.plane.span
        x, y = np.array([[left, right, right, left]]), np.array([[low, low, high, high]])
        return Polygons("", x, y, (GROUND,), np.zeros(1, int), np.full(1, TINT, np.float32))

    def largest(self, found: LinearRegions, shares: np.ndarray) -> Table:
        """The largest regions in numbers."""
        say = words(self.language)
        order = np.argsort(-shares, kind="stable")[:LISTED]
        rows = tuple((f"{i + 1:,}", float(found.counts[i]), round(100 * float(shares[i]), 3)) for i in order)
        return Table((say["regions.name"], say["regions.corners"], say["regions.share"]), rows)


def confidence(scores: np.ndarray) -> np.ndarray:
    """(row,) the probability of the class that wins, from logits; of one logit, which 0 parts, likewise."""
    scores = np.concatenate([np.zeros_like(scores), scores], 1) if scores.shape[1] == 1 else scores
    return 1 / np.exp(scores - scores.max(1, keepdims=True)).sum(1)
