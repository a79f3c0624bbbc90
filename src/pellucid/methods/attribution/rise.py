"""RISE: which pixels were visible when the score was high."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.errors import InputError
from pellucid.methods.attribution.smooth_masks import SmoothMasks
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator, Points
    from pellucid.models.protocol import Capability

ELEMENTS = 2**23  # mask elements made at a time


@dataclass(frozen=True)
class RISE:
    """How much higher the score is on average where a pixel is seen, over random smooth masks (Petsiuk et al. 2018, eq. 6).

    A mask is a grid of ``cells`` x ``cells`` zeros and ones, enlarged linearly and shifted; what it hides takes the in-fill's values.
    ``masks`` evaluations per row, an even number: every mask is followed by its opposite, which shows what it hides. Works on images and,
    with masks over time, on series.

    Shapes: like the input; units: score. A pixel's value (the sum over its channels) is E[score M] / E[M] - E[score], with a standard
    error. A budget's seconds, calls or error may stop it earlier.

    It differs from the paper: the mean score is subtracted, which the paper's map adds to every pixel alike and which is most of its
    noise; with opposite masks it cancels exactly. Masks have mean 1/2.

    What it does not show: details smaller than a cell; which of two neighbors it was, since masks are smooth.

    Raises:
        InputError: an odd number of masks, fewer than 8, no cells, or an input without space or time.
    """

    masks: int = 1000
    cells: int = 7
    baseline: Baseline | None = None

    id: ClassVar[str] = "rise"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row, input by input."""
        if self.masks < 8 or self.masks % 2 or self.cells < 1:
            raise InputError(
                "RISE needs an even number of masks, at least 8, and at least one cell",
                received=f"{self.masks} masks, {self.cells} cells",
                remedy="use masks=1000, cells=7",
            )
        filled = evaluator.baseline(self.baseline)
        _ = evaluator.selection
        kinds = [SmoothMasks.over(tuple(v.shape[1:]), s, self.cells) for v, s in zip(evaluator.values, evaluator.specs, strict=True)]
        found = [self._one(evaluator, filled, i, kind) for i, kind in enumerate(kinds)]
        return Attribution(tuple(v for v, _ in found), tuple(e for _, e in found), "standard_error", filled)

    def _one(self, evaluator: Evaluator, filled: tuple[Tensor, ...], i: int, kind: SmoothMasks) -> tuple[Tensor, Tensor]:
        """The map of one input, the others left as they are, and its standard error."""
        generator, wanted, done = evaluator.generator(i), self.masks // 2, 0
        limited = evaluator.situation.budget
        chunk = max(4, min(wanted, ELEMENTS // kind.elements))
        chunk = min(chunk, 32) if limited.seconds or limited.calls or limited.error else chunk
        total = torch.zeros(evaluator.rows, kind.elements, dtype=torch.float64)
        squares = torch.zeros_like(total)
        while done < wanted:
            pairs = min(chunk, wanted - done)
            pairs = pairs if done < 4 else evaluator.affordable(2 * pairs) // 2
            if pairs < 1 or (done >= 4 and (evaluator.expired() or _precise(total, squares, done, limited.error))):
                break
            masks = kind.draw(pairs, generator)
            scores = evaluator.scores(_seen(evaluator, filled, i, kind.shaped(masks)), 2 * pairs)
            apart, centered = scores[:, 0::2] - scores[:, 1::2], masks.reshape(pairs, -1).double() - 0.5
            total += apart @ centered
            squares += apart.square() @ centered.square_()
            done += pairs
        mean = total / done
        errors = ((squares / done - mean.square()).clamp(min=0) / (done - 1)).sqrt()
        return _as_input(mean, kind, evaluator.values[i]), _as_input(errors, kind, evaluator.values[i])


def _seen(evaluator: Evaluator, filled: tuple[Tensor, ...], i: int, masks: Tensor) -> Points:
    """Copies of rows seen through each mask and, next, through its opposite."""
    masks = masks.to(evaluator.values[i])

    def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        batch = [v[rows] for v in evaluator.values]
        mask = masks[samples // 2]
        opposite = (samples % 2).reshape(-1, *[1] * (mask.ndim - 1)).to(mask)
        batch[i] = torch.lerp(filled[i][rows], batch[i], (mask - opposite).abs())
        return tuple(batch)

    return points


def _as_input(maps: Tensor, kind: SmoothMasks, like: Tensor) -> Tensor:
    """Maps (sample, pixel) in the shape of the input, shared between the channels."""
    shaped = kind.shaped(maps.reshape(len(maps), *(kind.shape[axis] for axis in kind.axes)))
    return (shaped * (kind.elements / like[0].numel())).expand(like.shape).to(like)


def _precise(total: Tensor, squares: Tensor, done: int, error: float | None) -> bool:
    """Whether every row's largest standard error is within this share of the root mean square of its map."""
    if error is None:
        return False
    mean = total / done
    errors = ((squares / done - mean.square()).clamp(min=0) / (done - 1)).sqrt()
    return bool((errors.amax(1) <= error * mean.square().mean(1).sqrt()).all())
