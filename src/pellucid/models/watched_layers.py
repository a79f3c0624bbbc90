"""Layers of a torch network, looked at while it runs: found by name, their outputs kept, and what they must be like for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from pellucid.errors import LayerError, UnknownName


def named_layer(net: nn.Module, name: str) -> nn.Module:
    """The layer of this name.

    Raises:
        UnknownName: there is none.
    """
    try:
        if name:
            return net.get_submodule(name)
    except AttributeError:
        pass
    raise UnknownName("layer", name, [n for n, _ in net.named_modules() if n])


@contextmanager
def watched(net: nn.Module, layers: tuple[str, ...], keep: Callable[[Tensor], Tensor]) -> Iterator[dict[str, Tensor]]:
    """What ``keep`` makes of the outputs of these layers; a copy goes on, since an in-place op that follows must not write over it."""
    kept: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[..., Tensor]:
        def hook(_module: nn.Module, _arguments: Any, output: Any) -> Tensor:  # noqa: ANN401
            kept[name] = keep(single_tensor(name, output))
            return kept[name].clone()

        return hook

    with ExitStack() as stack:
        for name in layers:
            stack.callback(named_layer(net, name).register_forward_hook(watch(name)).remove)
        yield kept


@contextmanager
def looked_at(net: nn.Module, layer: str, look: Callable[[Tensor], None]) -> Iterator[None]:
    """Hands each tensor that a layer returns to ``look``, before the network goes on with it."""

    def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:  # noqa: ANN401
        look(single_tensor(layer, output))

    handle = named_layer(net, layer).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def single_tensor(layer: str, output: Any) -> Tensor:  # noqa: ANN401
    """What a layer returned, if it is one tensor."""
    if isinstance(output, Tensor):
        return output
    raise LayerError("This layer returns no single tensor", received=f"{layer}: {type(output).__name__}", remedy="choose another layer")


def called(kept: dict[str, Tensor], layer: str) -> Tensor:
    """The kept output of a layer, if the forward pass called it."""
    if layer in kept:
        return kept[layer]
    raise not_called(layer)


def not_called(layer: str) -> LayerError:
    """The error for a layer that the forward pass does not use."""
    return LayerError("The forward pass does not call this layer", received=layer, remedy="choose a layer that it uses")


def row_each(layer: str, output: Tensor, rows: int) -> Tensor:
    """The output of a layer, if its first axis is the row."""
    if output.ndim and len(output) == rows:
        return output
    raise LayerError(
        "The first axis of this layer's output is not the row",
        received=f"{layer}: shape {tuple(output.shape)} for {rows} rows",
        remedy="choose a layer that keeps rows apart",
    )
