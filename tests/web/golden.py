"""Makes ``web/test/golden/golden.json``: frames, numbers and colors as Python writes them, for the TypeScript tests.

``python tests/web/golden.py`` writes the file; a test says when it is stale.
"""

from __future__ import annotations

import base64
import json
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path

import numpy as np

from pellucid.explanation.frame import to_frame
from pellucid.report import Edition, Report, Section
from pellucid.scenes import (
    Axis,
    Badge,
    Band,
    Bars,
    ColorScale,
    Column,
    Image,
    Line,
    Lines,
    Mark,
    Panel,
    Points,
    Polygons,
    RowLabels,
    Sample,
    Scene,
    Table,
    Text,
)
from pellucid.scenes.numbers import MINUS
from pellucid.scenes.palette import colorize

PLACE = Path(__file__).resolve().parents[2] / "web" / "test" / "golden" / "golden.json"
NUMBERS = (
    0.0,
    -0.0,
    1.0,
    -7.0,
    0.5,
    1 / 3,
    -2 / 3,
    12345.678,
    99999.9,
    123456.7,
    999999.4,
    1234567.8,
    1797.0,
    0.00012345,
    0.0000999999,
    3.2e-9,
    -4.56789e12,
    1e20,
    2.00049,
    0.99995,
)


def scene() -> Scene:
    """One of every mark, with arrays of several types and one that is there twice."""
    x = np.linspace(0, 1, 5)
    marks: tuple[Mark, ...] = (
        Image(
            "map",
            (0, 3, 0, 2),
            np.array([[1.5, -2.0, np.nan], [0.25, 4.0, np.inf]]),
            ColorScale("diverging", (-4, 4), "value"),
            opacity=np.full((2, 3), 0.5, np.float32),
        ),
        Image("", (0, 2, 0, 1), pixels=np.array([[[1, 2, 3], [250, 251, 252]]], np.uint8)),
        Line("curve", x, x**2),
        Band("band", x, x**2 - 0.1, x**2 + 0.1),
        Bars("bars", np.arange(2, dtype=np.int64), np.zeros(2), np.array([1.0, -2.0]), ("positive", "negative"), ("größe", "重量")),
        Points("points", x.astype(np.float32), x, labels=("a", "b", "c", "d", "e")),
        Text(0.5, 0.5, "</script><b>no markup</b>"),
        Points("colored", x, x, values=np.array([-4.0, 0.0, 4.0, 9.0, np.nan]), scale=ColorScale("sequential", (-4, 4), "worth")),
        _lines(),
        _polygons(),
        Image(
            "share",
            (0, 2, 1, 0),
            np.array([[1, 0]], np.uint8),
            opacity=np.array([[0.25, 1.0]], np.float32),
            roles=("positive", "negative"),
            texts=("for", "against"),
            told=np.array([[0.75, 0.5]], np.float32),
        ),
    )
    table = Table(("name", "value"), (("=1+1", 2.5), ('a "quoted", name', -1.0)))
    panel = Panel("all", "All marks", "Every mark once.", table, marks, Axis("x", (0, 3)), Axis("y", (-2, 4)))
    return Scene(
        "Golden", (panel,), "Every mark once.", badge=Badge("weak", "weak", ("a reason",)), code="pl.explain(net, x)", language="zh-CN"
    )


def _lines() -> Lines:
    """Four lines over shared steps, of which two are drawn of the whole picture; named by their rows."""
    y = np.array([[0, 1, 2], [2, 1, 0], [3, 3, 3], [-2, np.nan, -2]], np.float32)
    size = Column("size", np.array([1.5, np.nan, 2.0, 1e6], np.float32), unit="mm")
    labels = RowLabels("row {row}: {label}", np.array([4, 1, 3, 2], np.uint32), (size,), "missing")
    sample = Sample(2, 5000, 4, "rows", "2 of 4 rows shown")
    role, strength = np.array([0, 1, 0, 1], np.uint8), np.array([1.0, 0.5, 0.25, 0.0], np.float32)
    return Lines("", np.array([0.0, 1.5, 3.0]), y, ("positive", "negative"), role, labels, sample, strength)


def _polygons() -> Polygons:
    """A square, a triangle beside it and one far off that is not drawn of the whole; each named by all of its columns."""
    x = np.array([[0, 1, 1, 0], [1, 2, 1, 1], [2, 3, 3, 2]], np.float32)
    y = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]], np.float32)
    kind = Column("kind", np.array([1, 0, 1], np.uint8), ("calm", "rough"))
    size = Column("size", np.array([1.0, 0.5, np.nan], np.float32))
    labels = RowLabels("area {row}: {label}", np.array([7, 8, 9], np.uint32), (kind, size), "missing", together=True)
    sample = Sample(2, 5000, 3, "areas", "2 of 3 areas shown")
    role, strength = np.array([0, 1, 0], np.uint8), np.array([0.5, 1.0, 0.25], np.float32)
    return Polygons("", x, y, ("positive", "negative"), role, strength, labels, sample)


def report() -> Report:
    """Two editions that share the scene's arrays."""
    editions = tuple(
        Edition(lang, "Golden", ("intro",), (Section("one", "One", (), (scene(),)),), ("everything",)) for lang in ("en", "zh-CN")
    )
    return Report("2026-01-02T03:04:05+00:00", "0.0.0", editions)


def read_out(value: float) -> str:
    """What a value should read in English: a twin of ``formatValue`` by decimal arithmetic on the shortest form of the number."""
    exact = Decimal(repr(value))
    if exact == exact.to_integral_value() and abs(exact) < Decimal(10) ** 15:
        return f"{int(exact):,}".replace("-", MINUS)
    rounded = Context(prec=4, rounding=ROUND_HALF_UP).plus(exact)
    if Decimal("1e-4") <= abs(exact) < Decimal("1e6"):
        return f"{rounded.normalize():,f}".replace("-", MINUS)
    mantissa, exponent = f"{rounded.normalize():e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", MINUS)


def golden() -> str:
    """The content of the file."""
    values = np.array([-5.0, -4.0, -1.7, 0.0, 0.9, 3.3, 4.0, np.nan])
    colors = {
        f"{kind} {theme}": np.rint(colorize(values, kind, (-4, 4), theme) * 255).astype(int).tolist()
        for kind in ("diverging", "sequential")
        for theme in ("light", "dark")
    }
    content = {
        "frames": {name: base64.b64encode(to_frame(value)).decode() for name, value in (("scene", scene()), ("report", report()))},
        "numbers": [[value, read_out(value)] for value in NUMBERS],
        "colors": {"domain": [-4, 4], "values": [None if np.isnan(v) else v for v in values.tolist()], "rgb": colors},
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(golden(), encoding="utf-8")
