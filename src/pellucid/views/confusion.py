"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.errors import InputError
from pellucid.scenes import Axis, ColorScale, Image, Mark, Panel, Scene, Table, Text
from pellucid.scenes.numbers import percent
from pellucid.scenes.words import Language, words

WRITTEN = 20  # classes up to which counts are written into the cells


def confusion(counts: np.ndarray, class_names: Sequence[str], *, language: Language = "en", title: str = "") -> Scene:
    """Counts (true class, predicted class) as a colored matrix; color is the share of the true class.

    Raises:
        InputError: the counts are not square, or the names do not fit.
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(class_names) != len(counts):
        raise InputError(
            "A confusion matrix is square, with one name per class",
            received=f"shape {counts.shape}, {len(class_names)} names",
            remedy="give counts (class, class) and as many names",
        )
    say = words(language)
    panel = _panel(counts, tuple(str(n) for n in class_names), language)
    return Scene(title or say["confusion.title"], (panel,), panel.summary, language=language)


def _panel(counts: np.ndarray, names: tuple[str, ...], language: Language) -> Panel:
    say, n = words(language), len(names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    written = n <= WRITTEN
    # with numbers in the cells only the lower half of the map is used, on which ink is readable in both themes
    scale = ColorScale("sequential", (0.0, 2.0 if written else 1.0), say["confusion.share"])
    marks: list[Mark] = [Image(say["confusion.share"], (-0.5, n - 0.5, -0.5, n - 0.5), values=shares.astype(np.float32), scale=scale)]
    if written:
        marks += [Text(float(j), float(i), str(counts[i, j]), "middle") for i in range(n) for j in range(n) if counts[i, j]]
    right, count = int(np.trace(counts)), int(counts.sum())
    places = tuple(float(i) for i in range(n))
    return Panel(
        "confusion",
        say["confusion.finding"].format(right=right, count=count, share=percent(right / max(count, 1), language)),
        _summary(counts, names, language),
        Table((say["true_class"], *names), tuple((name, *(float(c) for c in row)) for name, row in zip(names, counts, strict=True))),
        tuple(marks),
        x=Axis(say["predicted_class"], (-0.5, n - 0.5), places, names, "category"),
        y=Axis(say["true_class"], (-0.5, n - 0.5), places, names, "category", reverse=True),
        subtitle=say["confusion.subtitle"] if written else "",
        scale=None if written else scale,
        equal=True,
    )


def _summary(counts: np.ndarray, names: tuple[str, ...], language: Language) -> str:
    say = words(language)
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return say["confusion.perfect"].format(count=int(counts.sum()))
    i, j = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return say["confusion.summary"].format(
        right=int(np.trace(counts)), count=int(counts.sum()), truth=names[i], predicted=names[j], errors=int(wrong[i, j])
    )
