"""Convolutions and pools over any axes, as torch's that want channels on axis 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.operation import Constant
from pellucid.models.programs.views import inverse, moved, padded

if TYPE_CHECKING:
    from pellucid.models.programs.reader import Reader, Ref

CONVOLUTIONS = (functional.conv1d, functional.conv2d, functional.conv3d)
TRANSPOSED = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)
MAXIMA = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)


@dataclass(frozen=True)
class Window:
    """How a window moves over its axes: each tuple has one entry for every axis of space.

    Attributes:
        padding: elements before and behind each axis.
        spread: zeros put between elements, plus one (a transposed convolution's stride).
    """

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    spread: tuple[int, ...] = ()


def same_padding(length: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """What is put before and behind an axis so that each stride starts one window (TensorFlow's SAME)."""
    total = max((-(-length // stride) - 1) * stride + (kernel - 1) * dilation + 1 - length, 0)
    return total // 2, total - total // 2


def convolution(  # noqa: PLR0913
    entering: Sequence[int], kernel: Sequence[int], leaving: Sequence[int], window: Window, groups: int, *, same: Sequence[int] = ()
) -> Callable[..., Tensor]:
    """(x, weight, bias=None) to a convolution.

    ``entering``, ``kernel``: the orders that bring x to (sample, channel, ...) and the weight to (output, input, ...); ``leaving``: where
    sample, channel, ... lie in the result; ``same``: the kernel's lengths, where the padding is SAME.
    """
    to_first, to_torch, back = moved(entering), moved(kernel), moved(inverse(leaving))
    convolve = CONVOLUTIONS[len(window.stride) - 1]

    def convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        first = to_first(x)
        if any(n > 1 for n in window.spread):
            channels = first.shape[1]
            ones = first.new_ones((channels, *[1] * (first.ndim - 1)))
            first = TRANSPOSED[len(window.spread) - 1](first, ones, stride=window.spread, groups=channels)
        around = window.padding
        if same:
            sizes = zip(first.shape[2:], same, window.stride, window.dilation, strict=True)
            around = tuple(same_padding(*one) for one in sizes)
        even = all(low == high >= 0 for low, high in around)
        padding: Sequence[int] | int = [low for low, _ in around] if even else 0
        if not even:
            first = padded(first, ((0, 0), (0, 0), *around))
        return back(convolve(first, to_torch(weight), bias, window.stride, padding, window.dilation, groups))

    return convolved


def transposed(
    order: Sequence[int], stride: tuple[int, ...], dilation: tuple[int, ...], lengths: Sequence[int], *, same: bool
) -> Callable[[Tensor, Tensor, Tensor | None, Sequence[int]], Tensor]:
    """(x, weight, bias, size of the result) to the transpose of a convolution; the weight is (input, output, ...)."""
    there, back = moved(order), moved(inverse(order))

    def convolved(x: Tensor, weight: Tensor, bias: Tensor | None, size: Sequence[int]) -> Tensor:
        made = TRANSPOSED[len(stride) - 1](there(x), weight, bias, stride=stride, dilation=dilation)
        wanted = [size[i] for i in order[2:]]
        cuts = []
        for axis, length in enumerate(wanted):
            low = same_padding(length, lengths[axis], stride[axis], dilation[axis])[0] if same else 0
            cuts.append((-low, low + length - made.shape[axis + 2]))
        return back(padded(made, ((0, 0), (0, 0), *cuts)))

    return convolved


def pool(
    kind: str, lengths: Sequence[int], strides: Sequence[int], padding: Sequence[tuple[int, int]], dilation: Sequence[int]
) -> Callable[[Tensor], Tensor]:
    """A window that takes the largest (``max``), smallest (``min``) or sum (``sum``) over some axes; one entry for every axis of x."""
    axes = [i for i, _ in enumerate(lengths) if lengths[i] != 1 or strides[i] != 1 or tuple(padding[i]) != (0, 0)]
    rest = [i for i in range(len(lengths)) if i not in axes]
    order = (*rest, *axes)
    there, back = moved(order), moved(inverse(order))

    def of(values: Sequence[int]) -> list[int]:
        return [int(values[i]) for i in axes]

    around = [(int(padding[i][0]), int(padding[i][1])) for i in axes]
    even = all(low == high <= (lengths[i] - 1) * dilation[i] // 2 for (low, high), i in zip(around, axes, strict=True))

    def pooled(x: Tensor) -> Tensor:
        if not axes:
            return x
        first = there(x)
        kept = first.shape[: len(rest)]
        flat = first.reshape(kept[0] if kept else 1, prod(kept[1:]) if kept else 1, *first.shape[len(rest) :])
        sign = -1 if kind == "min" else 1
        filling = 0.0 if kind == "sum" else float("-inf")
        at = [low for low, _ in around]
        if not even:
            flat, at = padded(sign * flat if sign < 0 else flat, ((0, 0), (0, 0), *around), filling), [0] * len(axes)
        elif sign < 0:
            flat = -flat
        if kind == "sum":
            made = _summed(flat, of(lengths), of(strides), at, of(dilation))
        else:
            made = MAXIMA[len(axes) - 1](flat, of(lengths), of(strides), at, of(dilation))
        made = -made if sign < 0 else made
        return back(made.reshape(*kept, *made.shape[2:]))

    return pooled


def _summed(x: Tensor, lengths: list[int], strides: list[int], padding: list[int], dilation: list[int]) -> Tensor:
    if any(n != 1 for n in dilation):
        raise NotImplementedError("sums over windows with gaps")
    if len(lengths) == 1:
        return functional.avg_pool1d(x, lengths, strides, padding, count_include_pad=True) * lengths[0]
    pool_over = functional.avg_pool2d if len(lengths) == 2 else functional.avg_pool3d
    return pool_over(x, lengths, strides, padding, count_include_pad=True, divisor_override=1)


def dense(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias`` over the last axis; the weight is (output, input)."""
    return functional.linear(x, weight, bias)


def einsum(equation: str) -> Callable[[Tensor, Tensor], Tensor]:
    """A product of two values summed over some axes."""
    return lambda left, right: torch.einsum(equation, left, right)


def dense_einsum(reader: Reader, equation: str, value: Ref, weight: Ref, outputs: Sequence[int]) -> bool:
    """Adds the product of a value, over its last axes, with a constant (``abc,cde->abde``) as a dense layer; False if it is none."""
    inputs, _, out = equation.replace(" ", "").partition("->")
    left, _, right = inputs.partition(",")
    over = "".join(letter for letter in left if letter in right and letter not in out)
    new = "".join(letter for letter in right if letter not in left)
    kept = left.removesuffix(over)
    fits = "." not in equation and bool(over) and set(right) == {*over, *new} and (left, out) == (kept + over, kept + new)
    if not fits or isinstance(value, Constant) or isinstance(weight, int) or not isinstance(weight.value, Tensor):
        return False
    kernel = weight.value.permute([right.index(letter) for letter in (*new, *over)])
    sizes = kernel.shape[: len(new)]
    matrix = Constant(kernel.reshape(prod(sizes), -1).contiguous(), weight.path)
    about = {"channel": -1, "channels_last": True}
    at: Ref = value
    if len(over) > 1:
        at = reader.made("flatten", lambda x: x.flatten(-len(over)), (at,), structural=True)
    if len(new) == 1:
        reader.add("linear", dense, (at, matrix), outputs, affine=True, about=about)
        return True
    at = reader.made("linear", dense, (at, matrix), affine=True, about=about)
    reader.add("unflatten", lambda x: x.reshape(*x.shape[:-1], *sizes), (at,), outputs, structural=True)
    return True
