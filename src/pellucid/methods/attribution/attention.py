"""Raw attention: where a network looks, which is not why it decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pellucid.methods.attribution.attention_maps import attend
from pellucid.methods.attribution.attention_streams import averaged, one_head

if TYPE_CHECKING:
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.attribution.attention_streams import Query
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class Attention:
    """The attention weights themselves, the mean over layers and heads (Bahdanau et al. 2015; Vaswani et al. 2017, eq. 1).

    Shapes: (sample, token), cells (sample, y, x) of an image whose patches are tokens, or (sample, produced, token) of an encoder-decoder
    network; units: shares of attention, 0..1. One gradient evaluation per row, which finds the tokens that the score reads: the class
    token, the last one, or the mean over all. ``query`` chooses another; ``layer`` (a number or a module's name) and ``head`` choose one.

    What it does not show: what the network uses. Weights say nothing of the values they weigh, can be changed without changing the
    answer (Jain & Wallace 2019), and gather on tokens that carry nothing (sinks; they are named in the guesses).

    Raises:
        CapabilityError: a network without attention.
        UnsupportedOperation: attention within windows.
        LayerError: tokens that can not be laid on an input.
    """

    layer: int | str | None = None
    head: int | None = None
    query: Query = None

    id: ClassVar[str] = "attention"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "attention"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "magnitude"
    caution: ClassVar[Caution] = "attention_is_not_importance"

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The weights of every row."""
        return attend(
            evaluator,
            lambda reading: averaged(reading, lambda one: one_head(one.weights, self.head).mean(1), self.layer),
            query=self.query,
            layer=self.layer,
        )
