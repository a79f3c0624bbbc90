"""SmoothGrad: the gradient averaged over noisy copies of the input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.errors import InputError
from pellucid.methods.protocol import Attribution
from pellucid.methods.run import expand, sum_rows

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

_KEPT = 128 * 2**20  # bytes of noise kept in memory; above that it is drawn anew for each batch


@dataclass(frozen=True)
class SmoothGrad:
    """The mean gradient over ``samples`` copies of the input with Gaussian noise (Smilkov et al. 2017, eq. 1), with its standard error.

    Shapes: like the input; units: score per input unit. ``sigma`` is relative: the noise's standard deviation over the
    range of the input (the
    spec's value range, the background's range per feature of a table, or else the row's own range). Noise comes in
    antithetic pairs (+e, -e), which cancels the linear
    part of the error; all rows share the draws. ``samples`` gradient evaluations per row; a budget's seconds, calls or error
    (largest standard error over the root mean square value) may stop it earlier.

    What it does not show: the network at the input itself; it explains a neighborhood as wide as sigma.

    Raises:
        InputError: an odd number of samples, fewer than four, or a sigma that is not positive.
    """

    samples: int = 32
    sigma: float = 0.15

    id: ClassVar[str] = "smoothgrad"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "slope"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The smoothed gradient of every row."""
        if self.samples < 4 or self.samples % 2 or not self.sigma > 0:
            raise InputError(
                "SmoothGrad needs an even number of samples, at least 4, and a positive sigma",
                received=f"{self.samples}, sigma {self.sigma}",
                remedy="use samples=32, sigma=0.15",
            )
        scales = tuple(self._scale(evaluator, i) for i in range(len(evaluator.values)))
        noise = _noise(evaluator, self.samples // 2)
        sums = tuple(torch.zeros_like(v) for v in evaluator.values)
        squares = tuple(torch.zeros_like(v) for v in evaluator.values)
        done, limited = 0, evaluator.situation.budget
        chunk = 8 if limited.seconds or limited.calls or limited.error else self.samples
        _ = evaluator.selection
        while done < self.samples:
            part = min(chunk, self.samples - done)
            if done >= 4:
                part = evaluator.affordable(part) // 2 * 2
            if part == 0 or (done >= 4 and (evaluator.expired() or _precise(sums, squares, done, limited.error))):
                break
            _accumulate(evaluator, scales, noise, (done, part), (sums, squares))
            done += part
        pairs = done // 2
        values = tuple(s / pairs for s in sums)
        errors = tuple(((q - s * s / pairs).clamp(min=0) / (pairs - 1) / pairs).sqrt() for s, q in zip(sums, squares, strict=True))
        return Attribution(values, errors, "standard_error")

    def _scale(self, evaluator: Evaluator, i: int) -> Tensor:
        """The noise's standard deviation, broadcastable to the values (sample, ...)."""
        values, spec, background = evaluator.values[i], evaluator.specs[i], evaluator.situation.background
        if spec.value_range is not None:
            return values.new_full((1,) * values.ndim, self.sigma * (spec.value_range[1] - spec.value_range[0]))
        if spec.kind == "tabular" and background is not None:
            spread = (background[i].amax(0) - background[i].amin(0)).to(values)
            return self.sigma * spread[None].expand(1, *values.shape[1:])
        flat = values.reshape(len(values), -1)
        return expand(self.sigma * (flat.amax(1) - flat.amin(1)), values)


def _noise(evaluator: Evaluator, pairs: int) -> object:
    size = sum(v[0].numel() * v.element_size() for v in evaluator.values)

    @lru_cache(maxsize=pairs if pairs * size <= _KEPT else 2)
    def draw(pair: int) -> tuple[Tensor, ...]:
        generator = evaluator.generator(pair)
        return tuple(torch.randn(v.shape[1:], generator=generator, dtype=v.dtype).to(v.device) for v in evaluator.values)

    return draw


def _accumulate(
    evaluator: Evaluator, scales: tuple[Tensor, ...], noise: object, span: tuple[int, int], totals: tuple[tuple[Tensor, ...], ...]
) -> None:
    """Adds the pair means of samples ``span[0] .. span[0] + span[1]`` and their squares to the totals."""

    def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        numbers = (samples + span[0]).tolist()
        batch = []
        for i, values in enumerate(evaluator.values):
            drawn = torch.stack([noise(k // 2)[i] if k % 2 == 0 else -noise(k // 2)[i] for k in numbers])  # type: ignore[operator]
            scale = scales[i] if len(scales[i]) == 1 else scales[i][rows]
            batch.append(values[rows] + scale * drawn)
        return tuple(batch)

    for rows, _, _, gradients in evaluator.gradients(points, span[1], together=2):
        for i, g in enumerate(gradients):
            means = (g[0::2] + g[1::2]) / 2
            sum_rows(totals[0][i], rows[0::2], means)
            sum_rows(totals[1][i], rows[0::2], means * means)


def _precise(sums: tuple[Tensor, ...], squares: tuple[Tensor, ...], done: int, error: float | None) -> bool:
    if error is None:
        return False
    pairs = done // 2
    for s, q in zip(sums, squares, strict=True):
        variance = ((q - s * s / pairs).clamp(min=0) / max(1, pairs - 1) / pairs).reshape(len(s), -1).amax(1)
        if bool((variance.sqrt() > error * (s / pairs).reshape(len(s), -1).square().mean(1).sqrt()).any()):
            return False
    return True
