"""What the layers of a network put out, and in which layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from pellucid.models.programs.program import Layer
from pellucid.models.protocol import LayerShape

_CHANNELS_FIRST = (
    *(
        getattr(nn, f"{kind}{n}d")
        for n in (1, 2, 3)
        for kind in ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm", "MaxPool", "AvgPool")
    ),
    *(getattr(nn, f"Adaptive{kind}Pool{n}d") for n in (1, 2, 3) for kind in ("Avg", "Max")),
    nn.GroupNorm,
    nn.Upsample,
)
_CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.RNNBase, nn.MultiheadAttention, nn.TransformerEncoderLayer)


def channels_last(module: nn.Module, before: bool) -> bool:
    """Whether a module puts its channels last; what has no layout of its own (activations, blocks) has that of the module ``before``."""
    if isinstance(module, Layer):
        return before if module.channels_last is None else module.channels_last
    return isinstance(module, _CHANNELS_LAST) or (before and not isinstance(module, _CHANNELS_FIRST))


def layer_shapes(net: nn.Module, evaluate: Callable[[], object]) -> dict[str, LayerShape]:
    """The output shape without the sample axis of every layer that keeps rows apart and returns a tensor, in order of execution.

    ``evaluate`` runs the network on one row.
    """
    shapes: dict[str, LayerShape] = {}
    last = [False]

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, _arguments: Any, output: Any) -> None:  # noqa: ANN401
            shapes.pop(name, None)
            last[0] = channels_last(module, last[0])
            if isinstance(output, Tensor) and output.ndim and len(output) == 1:
                kind = module.operation if isinstance(module, Layer) else type(module).__name__.lower()
                stage = "norm" in kind or any(True for _ in module.children())
                shapes[name] = LayerShape(tuple(output.shape[1:]), last[0], stage)

        return hook

    handles = [m.register_forward_hook(note(name)) for name, m in net.named_modules() if name]
    try:
        evaluate()
    finally:
        for handle in handles:
            handle.remove()
    return shapes
