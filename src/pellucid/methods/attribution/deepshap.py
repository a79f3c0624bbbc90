"""DeepSHAP: DeepLIFT averaged over a background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from scipy.special import stdtrit

from pellucid.errors import InputError
from pellucid.methods.attribution.path import background_scores
from pellucid.methods.background_pairs import pair_sums
from pellucid.methods.differences import sum_of
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.background_pairs import Sums
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

NORMAL = 1.959964  # standard errors of a 95 % interval


@dataclass(frozen=True)
class DeepSHAP:
    """DeepLIFT averaged over the rows of a background (Lundberg & Lee 2017, section 4.2), by operations.

    Shapes: like the input; units: score; the values sum to f(x) less the mean score of the background, up to rounding. Without a background
    the usual baseline stands for it. Of more than ``backgrounds`` background rows so many are taken at random, the same ones whatever the
    seed. The standard error says how much the mean over all conceivable background rows may differ from the mean over these, widened as
    Student's t asks, so that 1.96 of them make a 95 % interval.

    Costs two forward rows per explained row and per background row (the plain model, and the model under the rules), and one backward per
    pair. Where other inputs are held fixed beside the explained ones, two forward rows per pair.

    What it does not show: exact Shapley values. It averages every operation by itself, where the Shapley value averages over orders of
    features; the two agree where features meet only in sums.

    Raises:
        InputError: ``backgrounds`` is no positive whole number.
        UnsupportedOperation: as :class:`DeepLIFT`.
    """

    backgrounds: int = 100

    id: ClassVar[str] = "deepshap"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "graph"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The mean contribution of every element over the background, with its standard error."""
        if isinstance(self.backgrounds, bool) or not isinstance(self.backgrounds, int) or self.backgrounds < 1:
            raise InputError("DeepSHAP needs at least one background row", received=repr(self.backgrounds), remedy="use backgrounds=100")
        here = evaluator.scores_at_inputs().cpu()
        start = evaluator.baseline(None)
        background = tuple(None if rows is None else self._some(rows) for rows in evaluator.background_rows())
        scores = background_scores(evaluator, background, start)
        pairs = pair_sums(evaluator, tuple(_standing(b, s, evaluator) for b, s in zip(background, start, strict=True)), start, scores)
        count = scores.shape[1]
        values = tuple(total / count for total in pairs.values)
        size = sum_of(values, absolute=True) + here.abs() + scores.abs().mean(1)
        whole = evaluator.situation.background
        taken = "some of the background rows" if whole is not None and len(whole[0]) > self.backgrounds else "all background rows"
        names = {
            spec.name: evaluator.baseline_names[spec.name] if rows is None else taken
            for spec, rows in zip(evaluator.specs, background, strict=True)
        }
        return Attribution(
            values,
            _standard_errors(pairs, count),
            "standard_error" if count > 1 else "none",
            start,
            pairs.passes.rounding(size),
            baseline_scores=scores.mean(1),
            compared=names,
        )

    def _some(self, rows: Tensor) -> Tensor:
        if len(rows) <= self.backgrounds:
            return rows
        return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[: self.backgrounds].sort().values.to(rows.device)]


def _standing(rows: Tensor | None, start: Tensor, evaluator: Evaluator) -> Tensor | None:
    """A baseline that is one row for all stands for a background of one row."""
    return start[:1] if rows is None and evaluator.situation.background is None and bool((start == start[:1]).all()) else rows


def _standard_errors(pairs: Sums, count: int) -> tuple[Tensor, ...]:
    if count == 1:
        return ()
    means = tuple(total / count for total in pairs.values)
    widened = float(stdtrit(count - 1, 0.975)) / NORMAL
    return tuple(((q / count - m * m).clamp(min=0) / (count - 1)).sqrt() * widened for q, m in zip(pairs.squares, means, strict=True))
