"""What other libraries say of the same identities. An error is theirs, and is named by its class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

from benchmarks import zennit_peer
from wall.promises import EPSILON, TARGET

Peer = Callable[[nn.Module, Tensor, Tensor], np.ndarray]


def captum_deeplift(net: nn.Module, x: Tensor, baseline: Tensor) -> np.ndarray:
    """captum's DeepLift."""
    from captum.attr import DeepLift

    return DeepLift(net).attribute(x, baseline, target=TARGET).detach().numpy()


def shap_deep(net: nn.Module, x: Tensor, baseline: Tensor) -> np.ndarray:
    """shap's DeepExplainer, its own check of the sums turned off so that its values can be seen."""
    import shap

    values = [shap.DeepExplainer(net, baseline[i : i + 1]).shap_values(x[i : i + 1], check_additivity=False) for i in range(len(x))]
    return np.concatenate([np.asarray(one)[..., TARGET] for one in values])


PEERS: dict[str, tuple[str, Peer]] = {"captum DeepLift": ("captum", captum_deeplift), "shap DeepExplainer": ("shap", shap_deep)}


def zennit_lrp(net: nn.Module, x: Tensor) -> np.ndarray:
    """zennit's LRP by the epsilon rule, batch norms merged as its documentation says."""
    canonizers = [zennit_peer.import_zennit().canonizers.SequentialMergeBatchNorm()]
    chosen = zennit_peer.composite("epsilon", epsilon=EPSILON, canonizers=canonizers)
    return zennit_peer.relevance(net, x, TARGET, chosen).numpy()


def has_zennit() -> bool:
    """Whether zennit is installed."""
    return not zennit_peer.missing()
