"""The colors of classes, the same in every picture of what is inside a network."""

from __future__ import annotations

COLORS = ("series1", "positive", "series4", "series5", "series3", "series2", "series6", "negative")  # of the classes, in order
