"""What the modules of a network take and give in a forward pass, and how long they take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

Shapes = tuple[tuple[int, ...], ...]


@dataclass
class Visit:
    """One module in one forward pass: how often it was called, shapes of its last call, seconds of all calls with what lies below."""

    calls: int = 0
    inputs: Shapes = ()
    outputs: Shapes = ()
    seconds: float = 0.0
    began: list[float] = field(default_factory=list)


def visits(net: nn.Module, evaluate: Callable[[], object]) -> dict[str, Visit]:
    """The modules that ``evaluate``, which runs the network once, visits; by their dotted path, "" for the network itself."""
    found: dict[str, Visit] = {}

    def before(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, arguments: Any, options: Any) -> None:  # noqa: ANN401
            visit = found.setdefault(name, Visit())
            visit.calls += 1
            visit.inputs = _shapes((arguments, options))
            visit.began.append(perf_counter())

        return hook

    def after(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:  # noqa: ANN401
            visit = found[name]
            visit.seconds += perf_counter() - visit.began.pop()
            visit.outputs = _shapes(output)

        return hook

    with ExitStack() as hooks:
        for name, module in net.named_modules():
            if isinstance(module, torch.jit.ScriptModule) and name:
                continue
            hooks.callback(module.register_forward_pre_hook(before(name), with_kwargs=True).remove)
            hooks.callback(module.register_forward_hook(after(name)).remove)
        evaluate()
    return found


def _shapes(value: Any) -> Shapes:  # noqa: ANN401
    return tuple(tuple(leaf.shape) for leaf in tree_leaves(value) if isinstance(leaf, Tensor))
