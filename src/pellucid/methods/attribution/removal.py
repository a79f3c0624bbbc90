"""Taking players away: a batch of copies of each row in which some players keep their values and the others take the in-fill's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator, Points

_SMALL = 2**22  # elements of masks that are kept
_WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


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
        # looked up once where all rows have the same players and the answer is small, instead of in every batch
        masks = [
            _bits(kept[:, label[0]], value) if len(label) == 1 and len(kept) * label.numel() <= _SMALL else None
            for label, value in zip(self.labels, self.values, strict=True)
        ]

        def copies(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            parts = []
            for value, fill, label, mask in zip(self.values, self.filled, self.labels, masks, strict=True):
                if mask is None:
                    parts.append(torch.where(_of_elements(kept[samples], label, rows), value[rows], fill[rows]))
                else:
                    parts.append(_mixed(mask, value, fill, (rows, samples)))
            return tuple(parts)

        return copies

    def blends(self, shares: Tensor) -> Points:
        """Copies of rows: copy ``k`` keeps the share ``shares[k]`` of each player, float (copy, player), the rest is the in-fill's."""
        shares = shares.to(self.values[0])

        def copies(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            chosen = shares[samples]
            return tuple(
                torch.lerp(fill[rows], value[rows], _of_elements(chosen, label, rows))
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
            parts.append(_of_elements(found / sizes.clamp(min=1), label.cpu(), rows).reshape(value.shape).to(value))
        return tuple(parts)


def _bits(chosen: Tensor, like: Tensor) -> Tensor:
    """A mask whose elements are as wide as those of ``like``: all bits set, or none."""
    return chosen.to(_WORDS[like.element_size()]).neg_()


def _mixed(mask: Tensor, value: Tensor, fill: Tensor, pairs: tuple[Tensor, Tensor]) -> Tensor:
    """Each row's value where the bits of the mask (copy, ...) of the pair's copy are set, else its fill.

    Bit by bit, fill ^ (mask & (value ^ fill)): exact whatever the values are, and several times as fast as a choice per element. A row's
    copies come one after the other, so that neither they nor the row have to be gathered.
    """
    rows, samples = pairs
    ours, theirs = value.contiguous().view(mask.dtype), fill.contiguous().view(mask.dtype)
    mixed, start = torch.empty(len(rows), *value.shape[1:], dtype=mask.dtype, device=value.device), 0
    found, counts = torch.unique_consecutive(rows, return_counts=True)
    for row, count in zip(found.tolist(), counts.tolist(), strict=True):
        first, part = int(samples[start]), mixed[start : start + count]
        torch.bitwise_and(mask[first : first + count], ours[row] ^ theirs[row], out=part)
        part.bitwise_xor_(theirs[row])
        start += count
    return mixed.view(value.dtype)


def _of_elements(chosen: Tensor, label: Tensor, rows: Tensor) -> Tensor:
    """What each element's player has, (batch, ...), from (batch, player)."""
    if len(label) > 1:
        own = label[rows]
        return chosen.gather(1, own.reshape(len(own), -1)).reshape(own.shape)
    return chosen[:, label[0]]
