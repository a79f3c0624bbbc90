"""What the modules of a network give while it is trained, seen on rows of the user's own batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from pellucid.models.layer_shapes import channels_last
from pellucid.training.recording.layers import Put
from pellucid.training.recording.spreads import sample_size, spread
from pellucid.training.runs.contents import ActivationFrame

KEPT = 65_536  # values of one layer that are looked at
ALL_KEPT = 2_097_152  # of all layers together

EXACT_ZERO = (nn.ReLU, nn.ReLU6, nn.Threshold, nn.Hardswish)
# outputs between which the slope is at least a twentieth of the largest: s(1-s) >= 1/80 and 1-t² >= 1/20
BETWEEN: dict[type[nn.Module], tuple[float, float]] = {
    nn.Sigmoid: (0.5 - np.sqrt(0.25 - 1 / 80), 0.5 + np.sqrt(0.25 - 1 / 80)),
    nn.Tanh: (-np.sqrt(0.95), np.sqrt(0.95)),
    nn.Hardsigmoid: (1e-12, 1 - 1e-12),
    nn.Hardtanh: (-1 + 1e-12, 1 - 1e-12),
}


@dataclass(frozen=True, eq=False)
class Given:
    """What a layer gave on some rows: ``values`` (row, ...), its units along ``axis``.

    ``kind`` is the class of the module, or that which torch has for the operation; where it has none, ``operation`` names it.
    """

    name: str
    kind: type[nn.Module]
    values: Tensor
    axis: int
    operation: str = ""

    @property
    def type(self) -> str:
        """What it is, for people."""
        return self.operation or self.kind.__name__


class ActivationWatch:
    """Keeps what each module without modules of its own gives, during the first forward pass after it was armed.

    The hook is that of all modules and is there for one pass only, so nothing is left on the user's network. Functions that are called
    without a module (``F.relu``) are not seen apart from what follows them.

    Attributes:
        spent: seconds of the last look. ``done``: whether it was made. ``failed``: what stood against it.

    Args:
        net: whose modules. ``put``: takes what makes the frame. ``clock``: in which its own time is told.
    """

    def __init__(self, net: nn.Module, put: Put, clock: Callable[[], float]) -> None:
        leaves = {id(m): (name, m) for name, m in net.named_modules() if name and not any(True for _ in m.children())}
        self.leaves, self.net, self.put, self._clock = leaves, net, put, clock
        self.each = kept_of_each(len(leaves))
        self.spent = 0.0
        self.done = False
        self.failed: Exception | None = None
        self.output: tuple[Any, tuple[int, ...]] | None = None  # the node that made the output of that pass, and its shape
        self._kept: dict[int, Given] = {}
        self._last = False  # whether the module before put its channels last
        self._hook: Any = None

    @property
    def armed(self) -> bool:
        """Whether the next forward pass is looked at."""
        return self._hook is not None

    def arm(self) -> None:
        """Looks at the next forward pass of the network in which gradients are kept."""
        self.spent, self.done, self.output = 0.0, False, None
        self._kept, self._last = {}, False
        self._hook = register_module_forward_hook(self._see)

    def disarm(self) -> None:
        """Takes the hook away."""
        if self._hook is not None:
            self._hook.remove()
        self._hook = None
        self._kept = {}

    def finish(self) -> None:
        """Sends what was seen, for a loop that calls parts of the network and never the whole."""
        if self.armed and self._kept:
            self._send(ahead=0)

    def _see(self, module: nn.Module, _: Any, output: Any) -> None:  # noqa: ANN401
        try:
            self._look(module, output)
        except Exception as error:  # the user's own forward pass is going on, and looking must not end it
            self.failed = error

    def _look(self, module: nn.Module, output: Any) -> None:  # noqa: ANN401
        if module is self.net:
            if isinstance(output, Tensor) and output.grad_fn is not None:
                self.output = output.grad_fn, tuple(output.shape)
            if self._kept:
                started = self._clock()
                self._send(ahead=1)
                self.spent += self._clock() - started
            return
        if id(module) not in self.leaves or id(module) in self._kept or not torch.is_grad_enabled():
            return  # a validation pass is not the training
        started = self._clock()
        self._last = channels_last(module, self._last)
        output = output[0] if isinstance(output, (tuple, list)) and output else output
        if isinstance(output, Tensor) and output.is_floating_point() and output.ndim and output.numel():
            axis = units_of(output, last=self._last)
            name, _ = self.leaves[id(module)]
            self._kept[id(module)] = Given(name, type(module), some(output.detach(), self.each, axis).clone(), axis)
        self.spent += self._clock() - started

    def _send(self, *, ahead: int) -> None:
        given = [replace(one, values=one.values.float().cpu()) for one in self._kept.values()]
        self.disarm()
        self.done = True
        self.put(lambda: activation_frame(given), ahead)


def kept_of_each(layers: int) -> int:
    """Values that are looked at of each of so many layers."""
    return min(KEPT, ALL_KEPT // max(layers, 1))


def units_of(output: Tensor, *, last: bool) -> int:
    """The axis of units: the last one, or the second."""
    return output.ndim - 1 if last else min(1, output.ndim - 1)


def some(values: Tensor, most: int, units: int) -> Tensor:
    """At most about ``most`` values: rows spread over the batch, and where one row has more every second place; no unit is left out."""
    count = max(1, min(len(values), most * len(values) // values.numel()))
    rows = values[:: max(1, len(values) // count)][:count]
    for axis in (axis for axis in range(rows.ndim - 1, 0, -1) if axis != units):
        while rows.numel() > most and rows.shape[axis] > 1:
            rows = rows.index_select(axis, torch.arange(0, rows.shape[axis], 2, device=rows.device))
    return rows


def activation_frame(given: Sequence[Given], *, pinned: bool = False) -> ActivationFrame:
    """The frame of what layers gave, in the order in which they ran; ``pinned``: on the pinned rows, in eval mode."""
    most = sample_size(len(given))
    draw = np.random.default_rng(0)
    arrays = [one.values.numpy() for one in given]
    samples = [a.reshape(-1) if a.size <= most else a.reshape(-1)[np.sort(draw.integers(a.size, size=most))] for a in arrays]
    taken = np.array([len(sample) for sample in samples], np.int64)
    norm = np.array([np.sqrt(np.square(sample, dtype=np.float64).sum()) for sample in samples])
    names = tuple(one.name for one in given)
    sizes = np.array([array.size for array in arrays], np.int64)
    return ActivationFrame(
        names,
        tuple(one.type for one in given),
        spread(names, sizes, taken, np.concatenate(samples), norm),
        np.array([len(array) for array in arrays], np.int64),
        np.array([array.shape[one.axis] if array.ndim > 1 else 0 for one, array in zip(given, arrays, strict=True)], np.int64),
        np.array([float((array == 0).mean()) for array in arrays]),
        np.array([_saturated(one.kind, array) for one, array in zip(given, arrays, strict=True)]),
        np.array([_dead(one, array) for one, array in zip(given, arrays, strict=True)], np.int64),
        np.array([float(np.sqrt(array.var(0, dtype=np.float64).mean())) for array in arrays]),
        pinned,
    )


def _dead(one: Given, array: np.ndarray) -> int:
    if not issubclass(one.kind, EXACT_ZERO) or array.ndim < 2:
        return -1
    return int((array == 0).all(axis=tuple(i for i in range(array.ndim) if i != one.axis)).sum())


def _saturated(kind: type[nn.Module], array: np.ndarray) -> float:
    if kind not in BETWEEN:
        return float("nan")
    low, high = BETWEEN[kind]
    return float(((array < low) | (array > high)).mean())
