"""What permuting each feature costs: the result of permutation_importance()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pellucid.explanation import renderers

Score = Literal["accuracy", "log_loss", "squared_error"]
LOSSES = ("log_loss", "squared_error")  # scores of which less is better


@dataclass(frozen=True, eq=False)
class Importance:
    """How much worse a network does on labelled rows once a feature is permuted over them.

    Attributes:
        names: of the features.
        falls: (repeat, feature): how much worse the score is, mean over rows; a loss's rise counts as a fall.
        row_falls: (sample, feature): the same of every row, mean over repeats.
        score: what is measured.
        reference: the score before anything is permuted.
        model: the network's name.
        seed: of the permutations.
        evaluations: model rows spent.
    """

    names: tuple[str, ...]
    falls: np.ndarray
    row_falls: np.ndarray
    score: Score
    reference: float
    model: str
    seed: int
    evaluations: int

    def __len__(self) -> int:
        return len(self.names)

    @property
    def values(self) -> np.ndarray:
        """The mean fall by feature (feature,)."""
        return self.falls.mean(0)

    @property
    def errors(self) -> np.ndarray:
        """The standard error of the mean over repeats (feature,): what other permutations of the same rows would change."""
        return self.falls.std(0, ddof=1) / np.sqrt(len(self.falls))

    @property
    def half_widths(self) -> np.ndarray:
        """Half of Student's 95 % interval over rows (feature,): what other rows of the same kind would change; not-a-number for one row."""
        from scipy.special import stdtrit

        rows = len(self.row_falls)
        if rows < 2:
            return np.full(len(self), np.nan)
        return stdtrit(rows - 1, 0.975) * self.row_falls.std(0, ddof=1) / np.sqrt(rows)

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """Features with their mean fall, largest first."""
        return tuple((self.names[k], float(self.values[k])) for k in np.argsort(-self.values, kind="stable"))

    def plot(self, **options: Any) -> Any:  # noqa: ANN401 (matplotlib's Figure, which this layer does not know)
        """Draws the falls as bars with their intervals; ``ax=``, ``language=``, ``theme=`` are understood."""
        return renderers.find("plot", "importance")(self, **options)

    def narrate(self, language: Literal["en", "zh-CN"] = "en") -> str:
        """What permuting costs, and what that does not show, in plain words."""
        return renderers.find("narrate", "importance")(self, language=language)
