"""Layer-wise relevance propagation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from pellucid.errors import InputError, UnknownName
from pellucid.methods.attribution.layer_grids import find_grid, mapped_input
from pellucid.methods.protocol import Attribution
from pellucid.methods.relevances import Relevances, Stop, relevances, stop_at
from pellucid.models.rules.relevance.propagation import Rulebook
from pellucid.models.rules.relevance.weight_rules import AlphaBeta, Box, Epsilon, Flat, Gamma, WeightRule

if TYPE_CHECKING:
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

Composite = Literal["epsilon", "epsilon_plus", "epsilon_plus_flat", "epsilon_gamma", "epsilon_gamma_box"]
Rule = Literal["epsilon", "gamma", "z_plus", "alpha_beta", "z_box", "flat"]
Bound = float | tuple[float, ...]
COMPOSITES: dict[str, tuple[Rule, Rule, Rule | None]] = {  # dense layers, convolutions, the first layer
    "epsilon": ("epsilon", "epsilon", None),
    "epsilon_plus": ("epsilon", "z_plus", None),
    "epsilon_plus_flat": ("epsilon", "z_plus", "flat"),
    "epsilon_gamma": ("epsilon", "gamma", None),
    "epsilon_gamma_box": ("epsilon", "gamma", "z_box"),
}


@dataclass(frozen=True)
class LRP:
    """The score handed back from operation to operation, each dividing it among its inputs (Bach et al. 2015), with a closed ledger.

    Shapes: like the input; units: score. score = relevance of the inputs + of biases + of constants (class tokens, position embeddings) +
    what epsilon absorbs + what the softmax rule keeps: the check ``conservation`` holds these sums for every row, added up operation by
    operation, and a ledger that does not close is an error. With biases the inputs alone do *not* sum to the score, by design.

    A ``composite`` says which rule dense layers, convolutions and the first layer get, as advised by Montavon et al. (2019) and
    Kohlbrenner et al. (2020); ``dense``, ``convolution`` and ``first`` put another rule in its place: ``epsilon``, ``gamma``, ``z_plus``,
    ``alpha_beta``, ``z_box``, ``flat`` (:mod:`pellucid.models.rules.relevance.weight_rules`). The first layer is every one that nothing
    but moving elements lies before. A batch norm that alone reads a layer's output is one map with it. Everything else (residual sums,
    softmax, attention, normalization, gates) goes by :mod:`pellucid.models.rules.relevance.kinds`, after Achtibat et al. (2024) and
    Arras et al. (2017).

    Args:
        epsilon: the stabilizer of every division.
        gamma: of the gamma rule; alpha: of the alpha-beta rule (beta is alpha - 1).
        bounds: least and largest value that the first layer can get, for ``z_box``; each a number or one per channel. The input's
            ``value_range`` if not given.
        layer: show the relevance at this layer's output instead of at the input: ``over`` its ``"cells"`` with the channels summed (a layer
            without space, its units), or over its ``"units"``, the channels, summed over their places.
        unit: show the relevance of the input as far as it passes this unit of ``layer``.

    One gradient evaluation per row (and one forward where attention or a recurrent layer is written out).

    What it does not show: what would happen if the input were another; relevance is a way to divide the score, and each rule divides it
    otherwise. Zero inputs get nothing from most rules, however much it matters that they are zero.

    Written from the papers. One published implementation states that LRP is covered by a patent for commercial use.

    Raises:
        UnsupportedOperation: an operation that no rule covers, named with its line; or a ledger that does not close.
        UnknownName: no such composite, rule or layer.
        InputError: an epsilon that is not positive, a unit that does not exist, no bounds for the z-box rule.
    """

    composite: Composite = "epsilon_plus"
    dense: Rule | None = None
    convolution: Rule | None = None
    first: Rule | None = None
    epsilon: float = 1e-6
    gamma: float = 0.25
    alpha: float = 2.0
    bounds: tuple[Bound, Bound] | None = None
    layer: str | None = None
    over: Literal["cells", "units"] = "cells"
    unit: int | None = None

    id: ClassVar[str] = "lrp"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "graph"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The relevance of every row, and its ledger."""
        book = self._rulebook(evaluator)
        if self.layer is None:
            if self.unit is not None:
                raise InputError("A unit is one of a layer's", received=f"unit={self.unit}, no layer", remedy="give layer=")
            found = relevances(evaluator, book)
            return Attribution(found.inputs, checks=(found.account.check(),), choices=found.choices)
        stop = stop_at(evaluator, self.layer, self.unit)
        found = relevances(evaluator, book, stop)
        if self.unit is not None:
            return Attribution(
                found.inputs, checks=(found.account.check(),), choices=found.choices, through=f"{self.layer}, unit {self.unit}"
            )
        return self._at_layer(evaluator, found, stop)

    def _at_layer(self, evaluator: Evaluator, found: Relevances, stop: Stop) -> Attribution:
        on, relevance = mapped_input(evaluator), found.at_layer
        grid = find_grid(evaluator, stop.layer, on) if self.over == "cells" else None
        if grid is not None:
            values = grid.of(relevance).sum(1)
        else:
            values = relevance.movedim(stop.axis, 1).flatten(2).sum(2) if relevance.ndim > 2 else relevance
        return Attribution(
            (values,), layer=stop.layer, units=grid is None, input=on, checks=(found.account.check(),), choices=found.choices
        )

    def _rulebook(self, evaluator: Evaluator) -> Rulebook:
        if self.composite not in COMPOSITES:
            raise UnknownName("composite", self.composite, COMPOSITES)
        if not self.epsilon > 0:
            raise InputError("Epsilon must be positive", received=repr(self.epsilon), remedy="use epsilon=1e-6")
        if not (self.gamma >= 0 and self.alpha >= 1):
            raise InputError(
                "Gamma must not be negative, and alpha not below 1",
                received=f"gamma {self.gamma}, alpha {self.alpha}",
                remedy="use gamma=0.25, alpha=2",
            )
        dense, convolution, first = COMPOSITES[self.composite]
        first = self.first or first
        return Rulebook(
            self._rule(self.dense or dense, evaluator),
            self._rule(self.convolution or convolution, evaluator),
            None if first is None else self._rule(first, evaluator),
            self.epsilon,
        )

    def _rule(self, name: str, evaluator: Evaluator) -> WeightRule:
        if name == "z_box":
            return Box(*self._bounds(evaluator))
        made = {
            "epsilon": Epsilon(),
            "gamma": Gamma(self.gamma),
            "z_plus": AlphaBeta(),
            "alpha_beta": AlphaBeta(self.alpha),
            "flat": Flat(),
        }
        if name not in made:
            raise UnknownName("rule", name, get_args(Rule))
        return made[name]

    def _bounds(self, evaluator: Evaluator) -> tuple[Bound, Bound]:
        if self.bounds is not None:
            return self.bounds
        known = evaluator.specs[0].value_range
        if known is None:
            raise InputError(
                "The z-box rule needs to know between which bounds the input lies",
                remedy="give bounds=(low, high), numbers or one per channel (for a photo less its mean over its deviation: the images of "
                "black and white), or InputSpec(value_range=(low, high))",
            )
        return known
