"""What every preparation offers, and the two that exist: tables and photos."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np

from pellucid.data.image import ImagePreparation
from pellucid.data.table import TablePreparation

__all__ = ["ImagePreparation", "Preparation", "TablePreparation"]


class Preparation(Protocol):
    """Turns what the user has into what the network takes, and back into what a person can read."""

    @property
    def kind(self) -> Literal["tabular", "image"]:
        """What the prepared data are."""
        ...

    def apply(self, data: Any, /) -> np.ndarray:  # noqa: ANN401
        """The network's input, the sample axis first."""
        ...

    def invert(self, inputs: np.ndarray, /) -> Any:  # noqa: ANN401
        """The user's units: an image (sample, y, x, channel) in 0..1, or a table (sample, raw feature)."""
        ...
