"""What pictures of many rows read from an explanation: the rows that may be believed, and their parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Explanation
from pellucid.scenes import Badge, Panel, Scene
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, method_name, spaced, words
from pellucid.views.framing import baseline_name, code
from pellucid.views.gallery import MARKS
from pellucid.views.reading import joined, shown_input

MOST = 5000  # marks in one picture; of more, some are drawn
TOP = 12  # parts drawn by name
SEED = 0  # of the rows that are drawn where not all are
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
        cells: the same as text, by row; empty where not known.
    """

    explanation: Explanation
    rows: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    data: np.ndarray
    cells: tuple[tuple[str, ...], ...]

    @property
    def refused(self) -> int:
        """How many rows of the explanation are refused."""
        return sum(verdict.level == "refused" for verdict in self.explanation.verdicts)

    @property
    def hatched(self) -> bool:
        """Whether there is no row that may be believed."""
        return self.refused == len(self.explanation)

    @property
    def sizes(self) -> np.ndarray:
        """The mean size of each part's attributions (part,), padding left out; 0 where a part has none."""
        known = np.isfinite(self.values)
        return np.where(known, np.abs(self.values), 0.0).sum(0) / np.maximum(known.sum(0), 1)

    def strongest(self, top: int = TOP) -> np.ndarray:
        """The parts with the largest mean size, largest first."""
        return np.argsort(-self.sizes, kind="stable")[:top]

    def label(self, row: int, part: int, language: Language) -> str:
        """What hovering calls a point: its row, and the part with its value."""
        cell = self.cells[row][part] if self.cells else ""
        named = f"{self.names[part]} = {cell}" if cell else self.names[part]
        return words(language)["many.point"].format(row=int(self.rows[row]) + 1, label=named)


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
    cells = tuple(tuple(cell for part in found for cell in part[3][row]) for row in range(len(rows)))
    return ManyRows(explanation, rows, names, values, data, cells if any(any(row) for row in cells) else ())


def sampled(values: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` rows of (row, part), in order: those that hold a part's lowest or highest value, then others by a fixed draw."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    filled = np.where(np.isfinite(values), values, 0.0)
    extremes = dict.fromkeys(np.stack([filled.argmax(0), filled.argmin(0)], 1).ravel().tolist())
    others = [row for row in np.random.default_rng(SEED).permutation(count).tolist() if row not in extremes]
    return np.sort(np.array([*extremes, *others][:most], int))


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


def counted(shown: int, count: int, language: Language) -> str:
    """``n of n rows shown``; empty where all are."""
    return "" if shown == count else words(language)["many.sampled"].format(shown=shown, count=count)


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
    """The parts' own values, as numbers and as text; unknown but for tables."""
    shown = shown_input(explanation, index) if explanation.arrays[index].axes[1:] == ("feature",) else None
    unknown = np.full((len(rows), len(names)), np.nan)
    nothing = [("",) * len(names) for _ in rows]
    if (
        shown is None
        or shown.kind != "tabular"
        or shown.data.values.shape[1:] != (len(names),)
        or shown.data.values.dtype.kind not in "fiub"
    ):
        return unknown, nothing
    data = np.asarray(shown.data.values, float)[rows]
    if not shown.cells:
        return data, [tuple(number(v, 4) for v in row) for row in data]
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
