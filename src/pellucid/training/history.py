"""What a training run left behind: its curves, and where it was best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.explanation import renderers


@dataclass(frozen=True, eq=False)
class History:
    """The curves of one training run.

    Attributes:
        curves: by name, one value per epoch: ``train_loss`` (the mean over the epoch's batches while the weights moved, penalties not
            counted) and, for classes, ``train_accuracy``; with validation rows also ``valid_loss`` and ``valid_accuracy``, measured
            after the epoch in eval mode.
        best_epoch: counted from 1; of the lowest validation loss, or the last one without validation rows; 0 where none was finished.
        kept_epoch: the epoch whose weights the network now has; 0 for those before training.
        stopped_early: whether the patience ran out.
        seconds: wall time.
    """

    curves: dict[str, np.ndarray]
    best_epoch: int
    kept_epoch: int
    stopped_early: bool
    seconds: float

    @property
    def epochs(self) -> int:
        """How many epochs were run to their end."""
        return len(self.curves["train_loss"])

    def plot(self, **options: Any) -> Any:  # noqa: ANN401
        """A figure of the curves, drawn by whatever is registered for histories."""
        return renderers.find("plot", "history")(self, **options)

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(0 epochs: stopped in the first)"
        last = ", ".join(f"{name.replace('_', ' ')} {curve[self.kept_epoch - 1]:.4g}" for name, curve in self.curves.items())
        stop = ", stopped early" if self.stopped_early else ""
        return f"History({self.epochs} epochs{stop}, kept epoch {self.kept_epoch}: {last})"
