"""Value-weighted attention: how much a token hands over, not how much it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.methods.attribution.attention_maps import attend
from pellucid.methods.attribution.attention_streams import averaged, one_head

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.attribution.attention_streams import Query, Reading
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability
    from pellucid.models.rules.attention.heads import Attention


@dataclass(frozen=True)
class AttentionNorm:
    """The length of the vector that a token hands to the query, |sum over heads of weight * value * map| (Kobayashi et al. 2020, eq. 5).

    Shapes: as of raw attention; units: length in the layer's output, never negative; the mean over layers. One gradient evaluation per
    row, which finds the tokens that the score reads. The values count with the linear map that mixes the heads where one follows;
    where none does, the values alone (said in the guesses). ``layer``, ``head`` and ``query`` as of raw attention.

    What it does not show: the direction of what is handed over, so that what speaks against counts like what speaks for; residual
    connections, and what later layers make of it.

    Raises:
        CapabilityError: a network without attention.
        UnsupportedOperation: attention within windows.
        LayerError: tokens that can not be laid on an input.
    """

    layer: int | str | None = None
    head: int | None = None
    query: Query = None

    id: ClassVar[str] = "attention_norm"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "attention"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "magnitude"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The lengths for every row."""
        bare: set[str] = set()

        def combine(reading: Reading) -> Tensor:
            bare.update(one.attention.module for one in reading.direct if one.attention.projection is None)
            return averaged(reading, lambda one: norms(one, self.head), self.layer)

        found = attend(evaluator, combine, query=self.query, layer=self.layer)
        if bare:
            evaluator.guesses += (
                f"attention_norm: no linear map follows the attention of {', '.join(sorted(bare))}: the values alone count",
            )
        return found


def norms(one: Attention, head: int | None = None) -> Tensor:
    """|sum over heads of what each key hands to each query|, (sample, query, key), without forming these vectors."""
    weights, values = one_head(one.weights, head), one_head(one.values, head)
    if one.projection is None:  # heads side by side
        return (weights.square() * values.square().sum(-1)[:, :, None]).sum(1).sqrt()
    projection = one.projection if head is None else one.projection[head : head + 1]
    handed = torch.einsum("nhku,huo->nkho", values, projection.to(values))
    gram = handed @ handed.mT  # (sample, key, head, head)
    return (weights * torch.einsum("nkhg,ngqk->nhqk", gram, weights)).sum(1).clamp(min=0).sqrt()
