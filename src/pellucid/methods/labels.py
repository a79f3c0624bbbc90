"""True classes of rows, as users give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.errors import InputError


def classes(labels: Sequence[Any] | np.ndarray, rows: int, class_names: tuple[str, ...]) -> np.ndarray:
    """True classes as indices (row,); names are looked up."""
    if len(labels) != rows:
        raise InputError(
            "One label per row is needed", received=f"{len(labels)} labels for {rows} rows", remedy="give labels in the order of the rows"
        )
    found = [class_names.index(label) if isinstance(label, str) and label in class_names else label for label in list(labels)]
    try:
        return np.asarray([int(label) for label in found], int)
    except (TypeError, ValueError) as error:
        remedy = "give class indices, or names that are among class_names"
        raise InputError("A label is neither a class index nor a class name", received=str(error)[:80], remedy=remedy) from error
