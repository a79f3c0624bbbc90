"""DeepLIFT, by operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pellucid.methods.differences import differences
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class DeepLIFT:
    """The difference from a baseline, handed down operation by operation (Shrikumar et al. 2017, the rescale rule for any operation).

    Shapes: like the input; units: score; the values sum to f(x) - f(baseline) up to rounding, on any network whose operations are listed in
    docs/operations.md: residual sums, gates, attention, recurrent layers, normalization, modules used twice. Each operation multiplies by
    its own Jacobian averaged along the straight line between what it saw at the baseline and at the row: a quotient of differences for a
    function of one number, both orders of a product, the shared envelope of a maximum.

    Costs a row: two evaluations at the baseline (two in all where one baseline serves all rows), one at the row, one gradient evaluation.

    What it does not show: how the parts act together along the way, for each operation is averaged alone; and anything off the one
    baseline, which the result names.

    Raises:
        InputError: a baseline of another shape.
        UnsupportedOperation: an operation that no rule covers, named with its line; a branch of the code that the baseline does not take;
            differences that do not add up, because values left torch on the way.
    """

    baseline: Baseline | None = None

    id: ClassVar[str] = "deeplift"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "graph"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The contributions of every row, with the rounding that their sum may carry."""
        start = evaluator.baseline(self.baseline)
        found = differences(evaluator, start)
        return Attribution(found.values, baseline=start, completeness=found.rounding, baseline_scores=found.baseline_scores)
