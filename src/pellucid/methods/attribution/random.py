"""Random: the control. Whatever cannot be told apart from it explains nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class Random:
    """Standard normal noise in the place of an attribution: the control against which others are judged (as in Hooker et al. 2019).

    Shapes: like the input; no unit. Draws once per row from the seed and the row's own values, so that a row's answer does not
    depend on its neighbors.

    What it does not show: anything about the model. Its verdict must be ``refused``.
    """

    id: ClassVar[str] = "random"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """Noise of the shape of each input."""
        found = []
        for i, values in enumerate(evaluator.values):
            flat = values.detach().double().reshape(len(values), -1).cpu()
            keys = (flat * torch.arange(1, flat.shape[1] + 1)).sum(1).numpy().view("uint64") >> 12  # a row's own key, from its own bits
            draws = [
                torch.randn(
                    values.shape[1:],
                    generator=evaluator.generator(i).manual_seed((int(k) + evaluator.situation.seed * 7919) % 2**62),
                    dtype=torch.float64,
                )
                for k in keys
            ]
            found.append(torch.stack(draws).to(values))
        return Attribution(tuple(found))
