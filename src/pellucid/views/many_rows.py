"""What pictures of many rows read from an explanation: the rows that may be believed, and their parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Explanation
from pellucid.scenes import Badge, Column, Panel, RowLabels, Scene
from pellucid.scenes.words import Language, joined, method_name, spaced, words
from pellucid.views.framing import baseline_name, code
from pellucid.views.gallery import MARKS
from pellucid.views.reading import shown_input

TOP = 12  # parts drawn by name
POSITIONS = frozenset({"y", "x", "time", "produced", "channel"})  # axes along which one place means another thing in every row


@dataclass(frozen=True, eq=False)
class ManyRows:
    """The rows of an explanation that a summary speaks of.

    Attributes:
        explanation: all of its rows.
        rows: the numbers of those that are not refused; all of them, hatched, where every row is refused.
        names: of the parts: features, units, or places of tokens.
        values: attributions (row, part); not-a-number for padding.
        data: the parts' own values in the user's units (row, part); not-a-number where missing or without an order (a category).
        cells: by part, its array's entries as text, by row and place, and the part's place in them; no rows where there are none.
    """

    explanation: Explanation
    rows: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    data: np.ndarray
    cells: tuple[tuple[Sequence[tuple[str, ...]], int], ...]

    @property
    def refused(self) -> int:
        """How many rows of the explanation are refused."""
        return sum(verdict.level == "refused" for verdict in self.explanation.verdicts)

    @property
    def hatched(self) -> bool:
        """Whether there is no row that may be believed."""
        return self.refused == len(self.explanation)

    @cached_property
    def sizes(self) -> np.ndarray:
        """The mean size of each part's attributions (part,), padding left out; 0 where a part has none."""
        known = np.isfinite(self.values)
        return np.where(known, np.abs(self.values), 0.0).sum(0) / np.maximum(known.sum(0), 1)

    def strongest(self, top: int = TOP) -> np.ndarray:
        """The parts with the largest mean size, largest first."""
        return np.argsort(-self.sizes, kind="stable")[:top]

    def text(self, row: int, part: int) -> str:
        """A part's value in a row as the table's own text; empty where there is none."""
        cells, place = self.cells[part]
        return cells[row][place] if cells else ""

    def labels(self, rows: np.ndarray, parts: Sequence[int], language: Language) -> RowLabels:
        """What hovering calls the points of these rows in these parts: the row, and the part with its value."""
        say = words(language)
        columns = tuple(self._column(rows, int(part)) for part in parts)
        return RowLabels(say["many.point"], (self.rows[rows] + 1).astype(np.uint32), columns, say["missing"])

    def _column(self, rows: np.ndarray, part: int) -> Column:
        """A part's own values: numbers with their unit, else categories, else nothing."""
        name, data = self.names[part], self.data[:, part]
        known = np.flatnonzero(np.isfinite(data))
        if len(known):
            return Column(name, compact(data[rows]), unit=self.text(int(known[0]), part).partition(" ")[2])
        kinds, places = np.unique([self.text(int(row), part) for row in rows], return_inverse=True)
        if not any(kinds):
            return Column(name, np.empty(0, np.float32))
        return Column(name, compact(places.astype(float)), tuple(kinds.tolist()))


def compact(values: np.ndarray) -> np.ndarray:
    """The numbers in single precision; in double where whole ones would not stay what they are."""
    small = values.astype(np.float32)
    whole = np.isfinite(values) & (values == np.round(values))
    return small if (small[whole] == values[whole]).all() else values


def many_rows(explanation: Explanation, language: Language) -> ManyRows:
    """The rows that are not refused, their parts side by side.

    Raises:
        InputError: images, series and the like, whose places mean something else in every row.
    """
    believed = np.array([verdict.level != "refused" for verdict in explanation.verdicts])
    rows = np.flatnonzero(believed if believed.any() else ~believed)
    found = [_of_array(explanation, index, rows, language) for index in range(len(explanation.arrays))]
    names = tuple(name for part in found for name in part[0])
    values, data = (np.concatenate([part[at] for part in found], 1) for at in (1, 2))
    cells = tuple((part[3], place) for part in found for place in range(len(part[0])))
    return ManyRows(explanation, rows, names, values, data, cells)


def summary_scene(found: ManyRows, panel: Panel, language: Language, *, notes: Sequence[str] = ()) -> Scene:
    """One panel under the count of rows and their verdicts."""
    say = words(language)
    method = method_name(found.explanation.provenance.method, language)
    targets = sorted({_target(found.explanation, row) for row in found.rows})
    why = say["why"].format(target=targets[0], method=method) if len(targets) == 1 else method
    count = len(found.explanation)
    title = say["many.title"].format(why=why, count=count) if count > 1 else why
    badge = Badge("refused", say["verdict.refused"], (say["many.refused_all"],)) if found.hatched else None
    return Scene(
        title,
        (panel,),
        joined([title, panel.summary], language),
        subtitle=joined([_verdicts(found, language), _left_out(found, language)], language),
        badge=badge,
        notes=(*notes, *_notes(found, language)),
        code=code(found.explanation),
        language=language,
    )


def _verdicts(found: ManyRows, language: Language) -> str:
    say, levels = words(language), Counter(verdict.level for verdict in found.explanation.verdicts)
    shown = MARKS if found.hatched else [level for level in MARKS if level != "refused"]
    told = [say["gallery.counts"].format(count=levels[level], verdict=say[f"verdict.{level}"]) for level in shown if levels[level]]
    return ("、" if language == "zh-CN" else ", ").join(told)


def _left_out(found: ManyRows, language: Language) -> str:
    if found.hatched or not found.refused:
        return ""
    return words(language)["many.refused"].format(refused=found.refused, count=len(found.explanation))


def _notes(found: ManyRows, language: Language) -> list[str]:
    """With what all rows were compared, and whether they are explained for different targets."""
    say, explanation = words(language), found.explanation
    notes = [
        say["note.baseline_plain"].format(baseline=baseline_name(name, language))
        for name in dict.fromkeys(explanation.provenance.baseline.values())
    ]
    targets = Counter(_target(explanation, row) for row in found.rows)
    if len(targets) > 1:
        listed = ("、" if language == "zh-CN" else ", ").join(f"{name} {count}" for name, count in targets.most_common(4))
        notes.append(spaced(say["many.targets"].format(list=listed + (" …" if len(targets) > 4 else ""))))
    return notes


def _target(explanation: Explanation, row: int) -> str:
    decision, index = explanation.decision, int(explanation.decision.target_class[row])
    return decision.class_names[index] if 0 <= index < len(decision.class_names) else decision.target[row]


def _of_array(
    explanation: Explanation, index: int, rows: np.ndarray, language: Language
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, list[tuple[str, ...]]]:
    """Names, attributions, data and cells of one explained input, by row and part."""
    array = explanation.arrays[index]
    axes = array.axes[1:]
    if len(axes) != 1 or axes[0] in POSITIONS:
        raise InputError(
            "A summary over rows needs parts that mean the same in every row",
            received=f"{explanation.provenance.method} on {array.name} with axes {axes}",
            remedy="use it on a table, or on the units of a layer (conductance); for images there is view='gallery'",
        )
    values = np.asarray(array.values, float)[rows]
    values = values if array.valid is None else np.where(array.valid[rows], values, np.nan)
    say = words(language)
    several = f"{array.name}: " if len(explanation.arrays) > 1 else ""
    own = array.coordinates.get(axes[0]) or tuple(f"{say.get(axes[0], axes[0])} {i}" for i in range(values.shape[1]))
    data, cells = _data(explanation, index, rows, own)
    return tuple(several + name for name in own), values, data, cells


def _data(explanation: Explanation, index: int, rows: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """The parts' own values, as numbers and, where the table has such, as text; unknown but for tables."""
    shown = shown_input(explanation, index) if explanation.arrays[index].axes[1:] == ("feature",) else None
    if (
        shown is None
        or shown.kind != "tabular"
        or shown.data.values.shape[1:] != (len(names),)
        or shown.data.values.dtype.kind not in "fiub"
    ):
        return np.full((len(rows), len(names)), np.nan), []
    data = np.asarray(shown.data.values, float)[rows]
    if not shown.cells:
        return data, []
    cells = [shown.cells[row] for row in rows]
    ordered = [any(_is_number(row[part]) for row in cells) for part in range(len(names))]
    return np.where(ordered, data, np.nan), cells


def _is_number(cell: str) -> bool:
    """Whether a cell begins with a number; its unit may follow."""
    try:
        float(cell.partition(" ")[0])
    except ValueError:
        return False
    return True
