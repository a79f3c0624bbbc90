"""Optimized masks: the smallest parts of an image that keep the score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

from pellucid.errors import InputError
from pellucid.methods.attribution.smooth_masks import SmoothMasks
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

RATE, DECAY, DECAY_SQUARE = 0.05, 0.9, 0.99  # of Adam (Kingma & Ba 2015)
FIRM, FIRMER = 1.0, 30.0  # weight of the area at the first and at the last step, where the score lost in all is 1
PATIENCE, GAIN = 15, 1e-3  # a row stops when so many steps together bring less


@dataclass(frozen=True)
class Mask:
    """Smooth masks of given areas, optimized to keep the score when all else is the in-fill (extremal perturbations, Fong et al. 2019).

    A mask of ``cells`` x ``cells`` numbers in 0..1 is enlarged linearly. Its sorted values are pulled to a step of the wanted area (eq. 7),
    ever harder. One mask for each of ``areas``, each from 1/2 everywhere, by at most ``steps`` gradient evaluations; a row stops before
    when its mask gains no more. Nothing is drawn.

    Shapes: like the input; no unit: a pixel's value (the sum over channels) is the mean of the masks, 1 for what belongs even to the
    smallest part and 0 for what belongs to none. Works on images and, over time, on series.

    It differs from the paper: linear enlargement stands for its max-convolution, and Adam for gradient descent with momentum.

    What it does not show: other parts that keep the score as well, since an optimum is not the only one; evidence against the target.

    Raises:
        InputError: areas outside 0..1, no steps or cells, or an input without space or time.
    """

    areas: Sequence[float] = (0.05, 0.1, 0.2)
    cells: int = 14
    steps: int = 80
    baseline: Baseline | None = None

    id: ClassVar[str] = "mask"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The masks of every row, input by input."""
        if not self.areas or not all(0 < area < 1 for area in self.areas) or min(self.steps, self.cells) < 1:
            raise InputError(
                "The mask's options are out of range",
                received=f"areas {tuple(self.areas)}, {self.steps} steps, {self.cells} cells",
                remedy="areas lie between 0 and 1; use areas=(0.05, 0.1, 0.2), steps=80, cells=14",
            )
        filled = evaluator.baseline(self.baseline)
        scores = evaluator.scores_at_inputs().cpu()
        lost = (scores - evaluator.scores(lambda rows, _: tuple(f[rows] for f in filled), 1)[:, 0]).abs()
        evaluator.afford(self.steps * len(self.areas))
        found = []
        for i, (values, spec) in enumerate(zip(evaluator.values, evaluator.specs, strict=True)):
            kind = SmoothMasks.over(tuple(values.shape[1:]), spec, self.cells)
            one = _Optimization(evaluator, filled, (i, kind), lost.clamp(min=1e-12))
            masks = torch.stack([one.run(area, self.steps) for area in self.areas]).mean(0)
            shared = kind.shaped(masks) * (kind.elements / values[0].numel())
            found.append(shared.expand(values.shape).to(values))
        return Attribution(tuple(found), baseline=filled)


@dataclass(eq=False)
class _Optimization:
    """The search for one input's masks, row by row independently."""

    evaluator: Evaluator
    filled: tuple[Tensor, ...]
    on: tuple[int, SmoothMasks]
    lost: Tensor
    enlarge: tuple[Tensor, ...] = field(init=False)

    def __post_init__(self) -> None:
        kind, dtype = self.on[1], self.evaluator.values[self.on[0]].dtype
        sides = [kind.shape[axis] for axis in kind.axes]
        self.enlarge = tuple(_enlarging(side, min(kind.cells, side)).to(self.evaluator.device, dtype) for side in sides)

    def run(self, area: float, steps: int) -> Tensor:
        """The enlarged mask of this area for every row, (sample, y, x) or (sample, time)."""
        rows, like = self.evaluator.rows, self.enlarge[0]
        mask = torch.full((rows, *(one.shape[1] for one in self.enlarge)), 0.5, dtype=like.dtype, device=like.device)
        wanted = (torch.linspace(0, 1, mask[0].numel(), device=like.device, dtype=like.dtype) > 1 - area).to(like)
        first, second = torch.zeros_like(mask), torch.zeros_like(mask)
        best, since = torch.full((rows,), torch.inf, dtype=torch.float64), torch.zeros(rows, dtype=torch.int64)
        for step in range(1, steps + 1):
            firm = FIRM * (FIRMER / FIRM) ** (step / steps)
            loss, gradient = self._gradient(mask)
            ranks = mask.reshape(rows, -1).argsort(1).argsort(1)
            apart = mask.reshape(rows, -1) - wanted[ranks]
            gradient += (2 * firm / apart.shape[1]) * apart.reshape(mask.shape)
            loss = loss + FIRMER * apart.square().mean(1).double().cpu()  # what the end will ask for
            since = torch.where(loss < best - GAIN, 0, since + 1)
            best = torch.minimum(best, loss)
            moving = (since < PATIENCE).to(mask.device).reshape(-1, *[1] * (mask.ndim - 1))
            first = DECAY * first + (1 - DECAY) * gradient
            second = DECAY_SQUARE * second + (1 - DECAY_SQUARE) * gradient.square()
            change = first / (1 - DECAY**step) / ((second / (1 - DECAY_SQUARE**step)).sqrt() + 1e-12)
            mask = torch.where(moving, (mask - RATE * change).clamp(0, 1), mask)
            if not bool(moving.any()) or self.evaluator.expired():
                break
        return self._enlarged(mask)

    def _gradient(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The share of the score that is lost under each row's mask (sample,), and its gradient in the mask's own cells."""
        i, kind = self.on
        factor = kind.shaped(self._enlarged(mask))
        value, fill = self.evaluator.values[i], self.filled[i]
        losses, found = torch.zeros(len(mask), dtype=torch.float64), torch.zeros_like(mask)

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
            batch = [v[rows] for v in self.evaluator.values]
            batch[i] = torch.lerp(fill[rows], batch[i], factor[rows])
            return tuple(batch)

        others = tuple(axis + 1 for axis in range(value.ndim - 1) if axis not in kind.axes)
        for rows, _, scores, gradients in self.evaluator.gradients(points, 1):
            scale = self.lost[rows.cpu()]
            losses[rows.cpu()] = -scores.double().cpu() / scale
            slope = (gradients[i] * (value - fill)[rows]).sum(others) if others else gradients[i] * (value - fill)[rows]
            order = sorted(range(len(kind.axes)), key=lambda place: kind.axes[place])
            slope = slope.permute(0, *(1 + order.index(place) for place in range(len(order))))
            for place, one in enumerate(self.enlarge):
                slope = (slope.movedim(1 + place, -1) @ one).movedim(-1, 1 + place)
            found[rows] = -slope / scale.to(slope).reshape(-1, *[1] * (slope.ndim - 1))
        return losses, found

    def _enlarged(self, mask: Tensor) -> Tensor:
        for place, one in enumerate(self.enlarge):
            mask = (mask.movedim(1 + place, -1) @ one.T).movedim(-1, 1 + place)
        return mask


def _enlarging(side: int, cells: int) -> Tensor:
    """Linear interpolation (side, cell)."""
    return functional.interpolate(torch.eye(cells)[None], size=side, mode="linear", align_corners=False)[0].T.contiguous()
