"""Attention rollout: attention multiplied through the layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pellucid.methods.attribution.attention_maps import attend
from pellucid.methods.attribution.attention_streams import accumulated

if TYPE_CHECKING:
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.attribution.attention_streams import Query
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class AttentionRollout:
    """The product over layers of (I + mean attention over heads) / 2 (Abnar & Zuidema 2020, eq. 1).

    Shapes: as of raw attention; units: shares, 0..1. One gradient evaluation per row, which finds the tokens that the score reads;
    ``query`` chooses another.
    It differs from the paper: cross-attention counts too, a token of the decoder being half itself and half what it attends to.

    What it does not show: what the network uses. It takes residual and attention for equally strong, values for equally large and
    everything between the layers for the identity; another class has the same rollout.

    Raises:
        CapabilityError: a network without attention.
        UnsupportedOperation: attention within windows.
        LayerError: tokens that can not be laid on an input.
    """

    query: Query = None

    id: ClassVar[str] = "attention_rollout"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "attention"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "magnitude"
    caution: ClassVar[Caution] = "attention_is_not_importance"

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The rollout of every row."""
        return attend(evaluator, lambda reading: accumulated(reading, lambda one: one.weights.mean(1) / 2, keep=0.5), query=self.query)
