"""zennit, an LRP library, called as its documentation says. It is LGPL: an opponent in benchmarks and an oracle in tests, nothing else."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers import know_torchvision


def missing() -> bool:
    """Whether zennit, or what it needs, is not installed."""
    return find_spec("zennit") is None or find_spec("torchvision") is None


def import_zennit() -> Any:
    """The package ``zennit`` with its composites, rules and canonizers."""
    know_torchvision()
    import zennit
    import zennit.attribution
    import zennit.canonizers
    import zennit.composites
    import zennit.rules
    import zennit.torchvision

    return zennit


def composite(
    name: str,
    *,
    bounds: tuple[Tensor, Tensor] | None = None,
    gamma: float = 0.25,
    epsilon: float = 1e-6,
    canonizers: list[Any] | None = None,
) -> Any:
    """The composite of zennit that does what ours of this name does; ``epsilon`` is zennit's own unless another one is given."""
    zennit = import_zennit()
    made, rules = zennit.composites, zennit.rules
    known = canonizers or []
    if name == "epsilon_plus":
        return made.EpsilonPlus(epsilon=epsilon, canonizers=known)
    if name == "epsilon_plus_flat":
        return made.EpsilonPlusFlat(epsilon=epsilon, canonizers=known)
    if name == "epsilon_gamma_box" and bounds is not None:
        return made.EpsilonGammaBox(low=bounds[0], high=bounds[1], epsilon=epsilon, gamma=gamma, canonizers=known)
    convolution = rules.Gamma(gamma) if name == "epsilon_gamma" else rules.Epsilon(epsilon)
    base = made.layer_map_base()
    return made.LayerMapComposite([*base, (zennit.types.Convolution, convolution), (nn.Linear, rules.Epsilon(epsilon))], canonizers=known)


def relevance(net: nn.Module, x: Tensor, target: int, chosen: Any) -> Tensor:
    """Relevance of the input, beginning with the target's output itself."""
    zennit = import_zennit()
    with zennit.attribution.Gradient(net, chosen) as attributor:
        return attributor(x, lambda outputs: outputs * torch.eye(outputs.shape[1], dtype=outputs.dtype)[target])[1].detach()
