"""Taking players away: a batch of copies of each row in which some players keep their values and the others take the in-fill's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator, Points


@dataclass(frozen=True, eq=False)
class Removal:
    """Who can be taken away, and what comes in the place.

    Attributes:
        values, filled: the explained rows and their in-fill, one tensor (sample, ...) per input.
        labels: per input the player of each element, int64 (sample, ...), or (1, ...) where all rows have the same; numbered over
            all inputs.
        counts: how many players each row has, (sample,).
    """

    values: tuple[Tensor, ...]
    filled: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    counts: Tensor

    @classmethod
    def of(cls, evaluator: Evaluator, filled: tuple[Tensor, ...], label: Callable[[int], Tensor]) -> Removal:
        """The players that ``label`` finds in each input, numbered over all inputs."""
        labels: list[Tensor] = []
        counts = torch.zeros(evaluator.rows, dtype=torch.int64)
        for i, values in enumerate(evaluator.values):
            own = label(i)
            if len(own) == 1 and not bool((counts == counts[0]).all()):  # the numbers go on from another one in each row
                own = own.expand(evaluator.rows, *own.shape[1:])
            offset = counts[: len(own)]
            counts = counts + own.reshape(len(own), -1).amax(1) + 1
            labels.append((own + offset.reshape(-1, *[1] * (own.ndim - 1))).to(values.device))
        return cls(evaluator.values, filled, tuple(labels), counts)

    def points(self, kept: Tensor) -> Points:
        """Copies of rows: copy ``k`` keeps the players of ``kept[k]``, bool (copy, player)."""
        kept = kept.to(self.values[0].device)

        def copies(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            chosen = kept[samples]
            return tuple(
                torch.where(_spread(chosen, label, rows), value[rows], fill[rows])
                for value, fill, label in zip(self.values, self.filled, self.labels, strict=True)
            )

        return copies

    def spread(self, found: Tensor) -> tuple[Tensor, ...]:
        """Numbers (sample, player) shared equally between the elements of each player, in the shapes of the inputs."""
        rows = torch.arange(len(found))
        parts = []
        for value, label in zip(self.values, self.labels, strict=True):
            flat = label.reshape(len(label), -1).cpu()
            ones = torch.ones_like(flat, dtype=found.dtype)
            sizes = torch.zeros(len(flat), found.shape[1], dtype=found.dtype).scatter_add_(1, flat, ones)
            parts.append(_spread(found / sizes.clamp(min=1), label.cpu(), rows).reshape(value.shape).to(value))
        return tuple(parts)


def _spread(chosen: Tensor, label: Tensor, rows: Tensor) -> Tensor:
    """What each element's player has, (batch, ...), from (batch, player)."""
    if len(label) > 1:
        own = label[rows]
        return chosen.gather(1, own.reshape(len(own), -1)).reshape(own.shape)
    return chosen[:, label[0]]
