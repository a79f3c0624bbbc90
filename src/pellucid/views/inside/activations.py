"""What the units of a network do on given rows: every picture, and which of them an inspection has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.activations import Activations
from pellucid.scenes import Scene
from pellucid.views.inside.activation_curves import operating_points, operating_shares
from pellucid.views.inside.activation_maps import attention, feature_maps, hidden_states
from pellucid.views.inside.activation_reading import activations
from pellucid.views.inside.activation_spreads import distributions
from pellucid.views.inside.activation_units import against_input, related_features, selectivity, top_examples

_HAS: dict[str, Callable[[Activations], bool]] = {
    "operating_points": lambda seen: bool(seen.functions),
    "operating_shares": lambda seen: bool(seen.functions),
    "feature_maps": lambda seen: any(one.maps.ndim > 1 for one in seen.layers),
    "top_examples": lambda seen: any(len(one.chosen) for one in seen.layers),
    "selectivity": lambda seen: any(np.isfinite(one.explained).any() for one in seen.layers),
    "against_input": lambda seen: any(one.scatter.size and one.related.size for one in seen.layers),
    "related_features": lambda seen: any(one.scatter.size and one.related.size for one in seen.layers),
    "attention": lambda seen: bool(seen.attention),
    "hidden_states": lambda seen: bool(seen.states),
}


def shows(view: str, explanation: Explanation) -> bool:
    """Whether the inspection has what a picture shows."""
    return view not in _HAS or _HAS[view](activations(explanation))


VIEWS: dict[str, Callable[..., Scene]] = {
    "operating_points": operating_points,
    "operating_shares": operating_shares,
    "distributions": distributions,
    "feature_maps": feature_maps,
    "top_examples": top_examples,
    "selectivity": selectivity,
    "against_input": against_input,
    "related_features": related_features,
    "attention": attention,
    "hidden_states": hidden_states,
}
