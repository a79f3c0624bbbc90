"""Linear maps with constant weights: dense layers, convolutions and batch norms, read off a call; with other weights, and backward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.rules.call import Call

_LINEAR = ("input", "weight", "bias")
_CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_BATCH_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_TORCH_BATCH_NORM = ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps")  # torch.batch_norm's order
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")


@dataclass(frozen=True, eq=False)
class Geometry:
    """How a convolution moves over its input, each size per spatial axis."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    transposed: bool
    output_padding: list[int]
    groups: int


@dataclass(frozen=True, eq=False)
class Weighted:
    """``x -> W x + b``.

    Attributes:
        weight: (output, input) of a dense layer, or as torch's convolutions take it.
        bias: (output,).
        geometry: None for a dense layer, whose outputs lie on the last axis; the channels of a convolution lie on axis 1.
        factor: (output,), not negative: what a batch norm behind it multiplies by, where that is cheaper than multiplying the weights.
    """

    weight: Tensor
    bias: Tensor | None
    geometry: Geometry | None = None
    factor: Tensor | None = None

    @property
    def channel(self) -> int:
        """The axis of the outputs."""
        return -1 if self.geometry is None else 1

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """W x + b with these weights."""
        g, own = self.geometry, bias if self.factor is None else None
        if g is None:
            made = functional.linear(x, weight, own)
        else:
            made = torch.convolution(x, weight, own, g.stride, g.padding, g.dilation, g.transposed, g.output_padding, g.groups)
        if self.factor is None:
            return made
        shape = self._along(self.channel, made.ndim)
        made *= self.factor.reshape(shape)
        return made if bias is None else made.add_(bias.reshape(shape))

    def backward(self, signal: Tensor, weight: Tensor, like: Tensor) -> Tensor:
        """The transposed map of a signal in the shape of the output; ``like`` has the shape of the input."""
        g = self.geometry
        if self.factor is not None:
            signal = signal * self.factor.reshape(self._along(self.channel, signal.ndim))
        if g is None:
            return signal @ weight
        sizes = (g.stride, g.padding, g.dilation, g.transposed, g.output_padding, g.groups)
        return torch.ops.aten.convolution_backward(signal, like, weight, None, *sizes, [True, False, False])[0]

    def scaled(self, scale: Tensor, shift: Tensor, made: Tensor) -> Weighted:
        """The map followed by a factor and a shift for each output; ``made`` is what comes out."""
        bias = shift if self.bias is None else self.bias * scale + shift
        shape = self._along(1 if self.geometry is not None and self.geometry.transposed else 0, self.weight.ndim)
        if self.weight.numel() < made.numel():
            return replace(self, weight=self.weight * scale.reshape(shape), bias=bias)
        weight = self.weight * scale.sign().reshape(shape) if bool((scale < 0).any()) else self.weight
        return replace(self, weight=weight, bias=bias, factor=scale.abs())

    @staticmethod
    def _along(axis: int, ndim: int) -> list[int]:
        return [-1 if a == axis % ndim else 1 for a in range(ndim)]

    @property
    def scalable(self) -> bool:
        """Whether the weights have one axis of outputs."""
        return self.geometry is None or not self.geometry.transposed or self.geometry.groups == 1


def weighted(call: Call) -> Weighted | None:
    """The map that a call applies to its only varying operand; None if it is no such map."""
    name = call.operation.name
    if len(call.operands) != 1:
        return None
    if name == "linear":
        given = call.named(_LINEAR)
        return Weighted(given["weight"], given.get("bias")) if call.places == (0,) else None
    if name in ("matmul", "mm", "addmm"):
        return _matrix(call)
    return _convolution(call) if name.startswith("conv") and name[-1] == "d" and call.places == (0,) else None


def _matrix(call: Call) -> Weighted | None:
    """``x @ W``, and ``b + x @ W``, with a constant matrix."""
    if call.operation.name != "addmm":
        x, weight = call.operands[0], call.args[-1] if len(call.args) == 2 else next(iter(call.kwargs.values()))
        fits = call.places == (0,) and isinstance(weight, Tensor) and weight.ndim == 2 and x.ndim > 1
        return Weighted(weight.t(), None) if fits else None
    if call.places != (1,) or len(call.args) != 3 or any(call.kwargs.get(k, 1) != 1 for k in ("alpha", "beta")):
        return None
    bias = call.args[0]
    return Weighted(call.args[2].t(), bias) if bias.ndim == 1 else None


def _convolution(call: Call) -> Weighted | None:
    transposed = call.operation.name.startswith("conv_transpose")
    space = int(call.operation.name[-2])
    given = call.named(_TRANSPOSED if transposed else _CONVOLUTION)
    weight, padding = given["weight"], given.get("padding", 0)
    if call.operands[0].ndim != space + 2:  # without a batch axis
        return None
    dilation = _sizes(given.get("dilation", 1), space)
    if isinstance(padding, str):
        reach = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if any(r % 2 for r in reach):  # torch pads one side more
            return None
        padding = [r // 2 for r in reach]
    geometry = Geometry(
        _sizes(given.get("stride", 1), space),
        _sizes(padding, space),
        dilation,
        transposed,
        _sizes(given.get("output_padding", 0), space),
        given.get("groups", 1),
    )
    return Weighted(weight, given.get("bias"), geometry)


def channel_map(call: Call, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor]:
    """What a batch norm multiplies each channel by, and what it adds, formed in this dtype; in the parameters' own where there is none."""
    given = _batch_norm(call)
    mean, variance, weight, bias = (given.get(name) for name in ("running_mean", "running_var", "weight", "bias"))
    if given.get("training") or mean is None or variance is None:
        x = call.operands[0].detach()
        others = [axis for axis in range(x.ndim) if axis != 1]
        mean, variance = x.mean(others), x.var(others, correction=0)
    scale = (variance.to(dtype) + given.get("eps", 1e-5)).rsqrt()
    scale = scale if weight is None else scale * weight.to(dtype)
    shift = -mean.to(dtype) * scale
    return scale, shift if bias is None else bias.to(dtype) + shift


def has_fixed_statistics(call: Call) -> bool:
    """Whether a batch norm goes by statistics that it has, and nothing but its input varies."""
    given = _batch_norm(call)
    return len(call.operands) == 1 and not given.get("training") and isinstance(given.get("running_mean"), Tensor)


def _batch_norm(call: Call) -> dict[str, Any]:
    return call.named(_TORCH_BATCH_NORM if call.function is torch.batch_norm else _BATCH_NORM)


def _sizes(value: Any, space: int) -> list[int]:  # noqa: ANN401
    entries = list(value) if isinstance(value, (tuple, list)) else [value]
    return entries * space if len(entries) == 1 else entries
