"""What was measured while a network was trained, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pellucid.errors import InputError
from pellucid.scenes import Axis, LegendEntry, Line, Mark, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.ticks import padded, round_ticks, tick_texts
from pellucid.scenes.words import Language, joined, words
from pellucid.views.entries import cell

COLORS = ("series1", "series2", "series3")
PARTS = ("train", "valid", "test")


def training_history(curves: Mapping[str, Sequence[float] | np.ndarray], *, language: Language = "en", title: str = "") -> Scene:
    """Curves over epochs, one panel per quantity: ``train_loss`` and ``valid_loss`` share one, ``valid_accuracy`` has another.

    Epochs are counted from 1. Losses are best where they are lowest, everything else where it is highest; the dot says where.

    Raises:
        InputError: there is no curve, or a curve without a value.
    """
    if not curves or not all(len(curve) for curve in curves.values()):
        raise InputError(
            "A training history needs at least one epoch", received=f"curves {list(curves)}", remedy="train for an epoch first"
        )
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, curve in curves.items():
        part, _, quantity = name.partition("_")
        known = part in PARTS and bool(quantity)
        groups.setdefault(quantity if known else name, {})[part if known else ""] = np.asarray(curve, float)
    panels = tuple(_panel(quantity, lines, language) for quantity, lines in groups.items())
    say = words(language)
    return Scene(
        title or say["training.title"],
        panels,
        joined([p.summary for p in panels], language),
        columns=min(2, len(panels)),
        language=language,
    )


def _panel(quantity: str, lines: dict[str, np.ndarray], language: Language) -> Panel:
    say = words(language)
    name = say.get(f"training.{quantity}", quantity.replace("_", " "))
    called = {part: say[f"training.{part}"] if part else name for part in lines}
    part = next((p for p in ("valid", "test") if p in lines), next(iter(lines)))
    best = _best(quantity, lines[part])
    everything = np.concatenate([line[np.isfinite(line)] for line in lines.values()])
    low, high = (float(everything.min()), float(everything.max())) if everything.size else (0.0, 1.0)
    epochs = max(len(line) for line in lines.values())
    marks: list[Mark] = [
        Line(called[p], np.arange(1, len(line) + 1, dtype=float), line, COLORS[i % len(COLORS)])
        for i, (p, line) in enumerate(lines.items())
    ]
    color = COLORS[list(lines).index(part) % len(COLORS)]
    marks.append(Points(called[part], np.array([best + 1.0]), lines[part][best : best + 1], color, 4.0))
    legend = tuple(LegendEntry(called[p], COLORS[i % len(COLORS)], "line") for i, p in enumerate(lines))
    value = number(float(lines[part][best]))
    labelled = f"{called[part]} {name}" if part and language == "en" else f"{called[part]}{name}" if part else name
    return Panel(
        f"history_{quantity}",
        name[:1].upper() + name[1:],
        joined([_summary(called[p] if p else name, quantity, line, language) for p, line in lines.items()], language),
        _table(called, lines, epochs, language),
        tuple(marks),
        x=Axis(say["epoch"], (1.0, float(max(epochs, 2))), *_epoch_ticks(epochs)),
        y=Axis("", padded(low, high, 0.08)),
        subtitle=say["training.finding"].format(name=labelled, value=value, epoch=best + 1),
        legend=legend if len(lines) > 1 else (),
    )


def _best(quantity: str, line: np.ndarray) -> int:
    if not np.isfinite(line).any():
        return 0
    return int(np.nanargmin(line) if "loss" in quantity or "error" in quantity else np.nanargmax(line))


def _epoch_ticks(epochs: int) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Whole epochs, the first among them."""
    whole = {t for t in round_ticks((1.0, float(max(epochs, 2))), 5) if t == int(t)}
    near = min(whole, default=1.0)
    ticks = tuple(sorted((whole - ({near} if epochs > 10 and near - 1 < 0.08 * epochs else set())) | {1.0}))
    return ticks, tick_texts(ticks)


def _summary(called: str, quantity: str, line: np.ndarray, language: Language) -> str:
    best = _best(quantity, line)
    ends = {"first": number(line[0]), "last": number(line[-1]), "best": number(line[best])}
    return words(language)["training.summary"].format(name=called, epochs=len(line), at=best + 1, **ends)


def _table(called: dict[str, str], lines: dict[str, np.ndarray], epochs: int, language: Language) -> Table:
    rows = []
    for epoch in range(epochs):
        cells = [cell(line[epoch] if epoch < len(line) else np.nan) for line in lines.values()]
        rows.append((float(epoch + 1), *cells))
    return Table((words(language)["epoch"], *(called[p] for p in lines)), tuple(rows))
