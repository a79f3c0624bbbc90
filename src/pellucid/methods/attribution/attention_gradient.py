"""Attention weighted by the gradient of the score, carried through the layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pellucid.methods.attribution.attention_maps import attend
from pellucid.methods.attribution.attention_streams import accumulated

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.attribution.attention_streams import Query, Reading
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability
    from pellucid.models.rules.attention.heads import Attention


@dataclass(frozen=True)
class AttentionGradient:
    """Attention times its gradient, positive part, mean over heads, accumulated as R <- R + A R (Chefer et al. 2021, eq. 5 and 6).

    Shapes: as of raw attention; no unit, never negative; with ``signed=True`` what lowers the score is kept as a negative value. One
    gradient evaluation per row, which also finds the tokens that the score reads; ``query`` chooses another.
    It differs from the paper: what a token is to itself before any attention (the identity) is taken away at the end, and
    cross-attention is carried like self-attention, without the paper's normalization of the two parts.

    What it does not show: what goes through residual connections and through the values; for several layers, products of gradients
    have no meaning of their own.

    Raises:
        CapabilityError: a network without attention.
        UnsupportedOperation: attention within windows.
        LayerError: tokens that can not be laid on an input.
    """

    signed: bool = False
    query: Query = None

    id: ClassVar[str] = "attention_gradient"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "attention"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The weighted attention of every row."""

        def matrix(one: Attention) -> Tensor:
            weighted = one.gradient * one.weights
            return (weighted if self.signed else weighted.clamp(min=0)).mean(1)

        def combine(reading: Reading) -> Tensor:
            carried = accumulated(reading, matrix, keep=1.0)
            return carried - reading.rows if reading.source is reading.reader else carried

        return attend(evaluator, combine, query=self.query)
