"""Integrated gradients along the straight line from a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch

from pellucid.data.baselines import several
from pellucid.errors import InputError, UnknownName
from pellucid.explanation.provenance import BETWEEN
from pellucid.methods.attribution.path import Path
from pellucid.methods.attribution.path_rules import RULES, Rule, integrate
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class IntegratedGradients:
    """The gradient averaged along the line from the baseline to the input, times their difference (Sundararajan et al. 2017, eq. 1).

    Shapes: like the input; units: score; the values sum to f(x) - f(baseline). ``steps`` gradient evaluations per row and baseline.

    ``rule``: ``exact`` splits the line at every kink of a piecewise-linear network (Sotoudeh & Thakur 2019; linear layers, convolutions,
    ReLU and its relatives, max-pooling, absolute values, comparisons) and takes one gradient per piece, at most ``max_segments`` per row:
    the integral itself, up to rounding (``error_kind`` of the result is then ``"exact"``). ``adaptive`` places two fifths of the steps
    evenly and the others where the gradient was seen to change; a smooth network is integrated by interpolating polynomials. What is then
    missing from f(x) - f(baseline), one more evaluation, is shared out in proportion to the stated errors, if these allow for it.
    ``midpoint`` takes equal steps and shares out nothing. ``auto`` is ``exact`` row by row where that can be and ``adaptive`` elsewhere;
    ``choices`` of the provenance say which and why.

    The error of ``adaptive`` and ``midpoint`` is stated per element, from how much the gradient changes between neighboring steps: three
    standard deviations of what kinks at random places between them add up to, or the worst that they can do where that is less. A kink
    and its opposite between the same two neighbors are not seen.

    ``baseline`` may be a tuple of several: the values are then the mean over them, and the explanation's ``spread`` says how far
    apart they are.

    What it does not show: anything off that line. Another baseline gives another answer, and the result names the one used.

    Raises:
        InputError: fewer than two steps, no segment, or a baseline of another shape.
        UnknownName: no such rule.
        CapabilityError, BudgetError: ``exact`` of a network that is not piecewise linear, or of a path with too many pieces.
    """

    steps: int = 50
    baseline: Baseline | Sequence[Baseline] | None = None
    rule: Rule = "auto"
    max_segments: int = 500

    id: ClassVar[str] = "integrated_gradients"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """Integrated gradients of every row, with the bound on their error."""
        self._check()
        starts, compared = _starts(evaluator, several(self.baseline))
        single = len(starts) == 1
        _ = evaluator.selection  # which takes an evaluation
        if self.rule != "exact":
            evaluator.afford((self.steps + (self.rule != "midpoint" or not single)) * len(starts))
        paths = [Path.between(evaluator, start) for start in starts]
        found = [integrate(path, self.rule, steps=self.steps, max_segments=self.max_segments) for path in paths]
        kind = "exact" if all(one.exact for one in found) else "bound"
        choices = tuple(dict.fromkeys(one.choice for one in found if one.choice))
        if single:
            only = found[0]
            return Attribution(
                only.values, only.errors, kind, starts[0], only.completeness, baseline_scores=only.start_scores, choices=choices
            )
        scores = [path.start_scores() if one.start_scores is None else one.start_scores for path, one in zip(paths, found, strict=True)]
        return Attribution(
            tuple(torch.stack(parts).mean(0) for parts in zip(*(one.values for one in found), strict=True)),
            # bounds: their mean bounds the error of the mean
            tuple(torch.stack(parts).mean(0) for parts in zip(*(one.errors for one in found), strict=True)),
            kind,
            starts[0],
            torch.stack([one.completeness for one in found]).mean(0),
            baseline_scores=torch.stack(scores).mean(0),
            alternatives=tuple(one.values for one in found),
            compared=compared,
            choices=choices,
        )

    def _check(self) -> None:
        for value, least, what in ((self.steps, 2, "two steps"), (self.max_segments, 1, "one segment")):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                remedy = "use steps=50, max_segments=500"
                raise InputError(f"Integrated gradients needs at least {what}", received=repr(value), remedy=remedy)
        if self.rule not in RULES:
            raise UnknownName("rule", self.rule, RULES)


def _starts(evaluator: Evaluator, chosen: tuple[object, ...]) -> tuple[list[tuple[Tensor, ...]], dict[str, str]]:
    """The rows of every baseline, and all of their names by input; the evaluator keeps those of the first, which is the checks' in-fill."""
    starts, names = [], []
    for one in reversed(chosen):
        starts.append(evaluator.baseline(cast("Baseline | None", one)))
        names.append(dict(evaluator.baseline_names))
    return starts[::-1], {name: BETWEEN.join(dict.fromkeys(of[name] for of in reversed(names))) for name in names[0]}
