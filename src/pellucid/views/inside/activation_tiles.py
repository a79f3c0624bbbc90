"""Small pictures side by side in one panel: maps, thumbnails and signals, each with a word above it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pellucid.scenes import Axis, ColorScale, Image, Lines, Mark, Text

GAP = 0.08  # of a tile's side, between tiles and around all
WORDS = 0.3  # of a tile's side, for the words above it
APART = 0.16  # of a tile's side, between a tile and the words below it, which are nearer to their own
ROW = WORDS + 1 + APART
SERIES = ("series1", "series2", "series3", "series4", "series5", "series6")  # of the features of a signal, in order


@dataclass
class Tiles:
    """Tiles of side 1 in ``columns``; pictures keep their proportions."""

    columns: int
    marks: list[Mark] = field(default_factory=list)
    rows: int = 0
    left: float = 0.0

    def place(self, number: int) -> tuple[float, float]:
        """The left upper corner of a tile, below its words."""
        row, column = divmod(number, self.columns)
        self.rows = max(self.rows, row + 1)
        return self.left + column * (1 + GAP), row * ROW + WORDS

    def say(self, number: int, text: str, color: str = "muted") -> None:
        """Words above a tile."""
        x, y = self.place(number)
        self.marks.append(Text(x + 0.5, y - WORDS / 2, text, "middle", color))

    def picture(self, number: int, pixels: np.ndarray) -> None:
        """A picture (y, x, 3)."""
        self.marks.append(Image("", self._extent(number, pixels.shape), pixels=pixels))

    def map(self, number: int, values: np.ndarray, scale: ColorScale, name: str) -> None:
        """A map (y, x) in a scale's colors."""
        self.marks.append(Image(name, self._extent(number, values.shape), values=values.astype(np.float32), scale=scale))

    def signal(self, number: int, values: np.ndarray, limits: tuple[float, float], name: str) -> None:
        """Curves (step, feature) between two limits."""
        x, y = self.place(number)
        low, high = limits
        heights = y + 1 - (values.T - low) / ((high - low) or 1.0)
        steps = x + np.linspace(0, 1, len(values))
        self.marks.append(Lines(name, steps, heights, SERIES, np.arange(len(heights)) % len(SERIES)))

    def large(self, pixels: np.ndarray, text: str) -> None:
        """A picture two tiles high at the left, before any other."""
        wide = 1 + ROW
        height, width = pixels.shape[:2]
        ratio = min(1.0, height / width), min(1.0, width / height)
        self.marks.append(Image("", (0.0, wide * ratio[1], WORDS, WORDS + wide * ratio[0]), pixels=pixels))
        self.marks.append(Text(wide * ratio[1] / 2, WORDS / 2, text, "middle", "muted"))
        self.left, self.rows = wide * ratio[1] + 3 * GAP, 2

    def axes(self) -> tuple[Axis, Axis]:
        """Hidden axes around all tiles."""
        width, height = self.left + self.columns * (1 + GAP), self.rows * ROW - APART + GAP
        return Axis("", (-GAP, width), hidden=True), Axis("", (-GAP, height), reverse=True, hidden=True)

    def _extent(self, number: int, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        x, y = self.place(number)
        height, width = shape[:2]
        wide, high = min(1.0, width / height), min(1.0, height / width)
        left, top = x + (1 - wide) / 2, y + (1 - high) / 2
        return left, left + wide, top, top + high
