"""How each kind of operation divides relevance among its operands.

==============================  ===========================================================================================
moves elements, picks the max   relevance goes where the element came from; constants among the elements are booked
sums, means, other linear maps  in proportion to the contributions, stabilized by epsilon (residual sums too)
dense layers, convolutions      by the rule that the rulebook gives them; a batch norm behind one counts as part of it
one function of each element    passed on whole, whatever the function is at zero (Bach et al. 2015; Achtibat et al. 2024, eq. 9)
product of two varying values   half to each (Achtibat et al. 2024); all to the signal where the other one is a gate, that is a sigmoid
                                or an affine function of one (Arras et al. 2017)
matrix product of two           half to each, within each in proportion (Achtibat et al. 2024)
quotient                        all to the numerator: the divisor is a scale
softmax and its kin             to the logits by the first-order expansion at themselves; the rest is booked (Achtibat et al. 2024)
normalization                   passed on element by element but for the share of the shift: mean and deviation count as constants
                                (Achtibat et al. 2024, identity rule)
==============================  ===========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pellucid.models.rules.call import Call
from pellucid.models.rules.relevance.elements import passed, product, quotient
from pellucid.models.rules.relevance.moves import constant, moved, picked
from pellucid.models.rules.relevance.normalizers import log_softmax, logsumexp, norm, softmax
from pellucid.models.rules.relevance.sums import WEIGHTED, batch_norm, layer, proportional

if TYPE_CHECKING:
    from pellucid.models.rules.relevance.propagation import Relevance, Site

Kind = Callable[["Relevance", Call, "Site"], Any]

BY_KIND: dict[str, Kind] = {
    "structural": moved,
    "linear": proportional,
    "product": proportional,
    "elementwise": passed,
    "max": picked,
    "norm": norm,
    "comparison": constant,
    "discrete": constant,
    "random": constant,
}
BY_NAME: dict[str, Kind] = {
    **dict.fromkeys(WEIGHTED, layer),
    "batch_norm": batch_norm,
    "mul": product,
    "div": quotient,
    "softmax": softmax,
    "softmin": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    **dict.fromkeys(
        ("neg", "positive", *(f"{kind}dropout{n}" for kind in ("", "alpha_", "feature_alpha_") for n in ("", "1d", "2d", "3d"))), passed
    ),
}
