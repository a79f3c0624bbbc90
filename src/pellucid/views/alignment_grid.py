"""Which source token each produced token draws on: a grid with the tokens along both sides."""

from __future__ import annotations

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Explanation, ShownInput
from pellucid.scenes import Axis, ColorScale, Image, Panel, Scene, Table
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, words
from pellucid.views.entries import cell
from pellucid.views.framing import framed
from pellucid.views.reading import is_refused, one_row, reduced, shown_input, value_label

AXES = ("produced", "token")


def alignment_grid(explanation: Explanation, *, row: int = 0, language: Language = "en") -> Scene:
    """Attributions (sample, produced, token) of one row: produced tokens from top to bottom, source tokens from left to right.

    Raises:
        InputError: the explanation has no produced tokens.
    """
    one = one_row(explanation, row)
    if not set(AXES) <= set(one.arrays[0].axes):
        raise InputError(
            "This explanation relates no produced tokens to source tokens",
            received=f"axes {one.arrays[0].axes}",
            remedy="use an attention method on an encoder-decoder network, or the picture that e.plot() draws",
        )
    return framed(one, (alignment_panel(one, 0, language),), language)


def alignment_panel(explanation: Explanation, index: int, language: Language) -> Panel:
    """The grid of array ``index`` of a one-row explanation."""
    say = words(language)
    values, down, across = grid(explanation, index)
    limit = float(np.abs(np.nan_to_num(values)).max()) or 1.0
    signed = bool(np.nanmin(values) < 0)
    label = say["alignment.scale"].format(label=value_label(explanation, language), limit=number(limit))
    scale = ColorScale("diverging" if signed else "sequential", (-limit if signed else 0.0, limit), label)
    extent = (-0.5, values.shape[1] - 0.5, -0.5, values.shape[0] - 0.5)
    refused = is_refused(explanation)
    finding = say["alignment.finding"].format(**_strongest(values, down, across, language))
    return Panel(
        f"alignment{index}",
        say["alignment.title"] if refused else finding,
        say["alignment.summary"].format(produced=len(down), source=len(across), **_strongest(values, down, across, language)),
        _table(values, down, across, language),
        (Image(value_label(explanation, language), extent, values=values.astype(np.float32), scale=scale),),
        x=Axis(say["alignment.source"], (-0.5, values.shape[1] - 0.5), tuple(map(float, range(len(across)))), across, "category"),
        y=Axis(
            say["alignment.produced"], (-0.5, values.shape[0] - 0.5), tuple(map(float, range(len(down)))), down, "category", reverse=True
        ),
        subtitle=say["alignment.size"].format(produced=len(down), source=len(across)),
        scale=scale,
        equal=max(values.shape) <= 3 * min(values.shape),
        hatched=refused,
    )


def grid(explanation: Explanation, index: int) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """The values (produced, token) of array ``index`` of a one-row explanation, and the tokens along both sides as text."""
    values = reduced(explanation.arrays[index], AXES)[0].values
    named = next((shown for shown in explanation.inputs if shown.name == "produced"), None)
    return values, _texts(named, values.shape[0]), _texts(shown_input(explanation, index), values.shape[1])


def _strongest(values: np.ndarray, down: tuple[str, ...], across: tuple[str, ...], language: Language) -> dict[str, str]:
    """The pair with the largest value, and the share that it is of what its produced token draws."""
    known = np.nan_to_num(values)
    i, j = np.unravel_index(int(np.abs(known).argmax()), known.shape)
    share = abs(known[i, j]) / (np.abs(known[i]).sum() or 1.0)
    return {"target": down[i], "origin": across[j], "share": percent(float(share), language)}


def _texts(shown: ShownInput | None, count: int) -> tuple[str, ...]:
    """The tokens of one row as text: their names, else their ids, else their places."""
    if shown is not None and shown.cells and len(shown.cells[0]) == count:
        return shown.cells[0]
    if shown is not None and shown.kind == "tokens" and shown.data.values[0].size == count:
        return tuple(str(v) for v in shown.data.values[0].ravel())
    return tuple(str(i + 1) for i in range(count))


def _table(values: np.ndarray, down: tuple[str, ...], across: tuple[str, ...], language: Language) -> Table:
    say = words(language)
    columns = (say["alignment.produced"], *(f"{i + 1} {text}" for i, text in enumerate(across)))
    return Table(columns, tuple((text, *(cell(float(v)) for v in row)) for text, row in zip(down, values, strict=True)))
