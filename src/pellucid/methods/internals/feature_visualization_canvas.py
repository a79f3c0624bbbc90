"""The space in which pictures are made: the layout of a network's images, the range of each channel, and how its colors go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import InputError

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.run import Evaluator

NUMBERS = 1 << 22  # of rows, from which the mean and the colors are measured
STEADY = 1e-3  # of the largest variance: directions of color that vary less are left as flat as that


@dataclass(frozen=True, eq=False)
class Canvas:
    """Planes (picture, channel, y, x) in 0..1, and the inputs of the network that they stand for.

    Attributes:
        axes: of an input without the sample axis, some order of ``channel``, ``y`` and ``x``.
        low, high: (channel,) what 0 and 1 stand for, and ``bounds`` how that is known.
        mean: (channel,) of the rows' planes.
        colors: (channel, channel) the symmetric root of the covariance of a pixel's channels.
    """

    axes: tuple[str, ...]
    low: Tensor
    high: Tensor
    bounds: Literal["preparation", "spec", "data"]
    mean: Tensor
    colors: Tensor

    def planes(self, inputs: Tensor) -> Tensor:
        """Inputs (row, ...) as planes."""
        low, high = self.low[:, None, None], self.high[:, None, None]
        return (laid_out(inputs, self.axes) - low) / torch.where(high > low, high - low, torch.ones_like(low))

    def inputs(self, planes: Tensor) -> Tensor:
        """Planes as inputs (row, ...)."""
        values = self.low[:, None, None] + planes * (self.high - self.low)[:, None, None]
        values = values if "channel" in self.axes else values[:, 0]
        order = [axis for axis in ("channel", "y", "x") if axis in self.axes]
        found = values.permute(0, *(1 + order.index(axis) for axis in self.axes))
        return found.contiguous(memory_format=torch.channels_last) if found.ndim == 4 else found

    def mixed(self, planes: Tensor) -> Tensor:
        """Planes whose channels vary alike and on their own, as colors that go together as in the rows."""
        return torch.einsum("cd,ndyx->ncyx", self.colors, planes)

    def unmixed(self, planes: Tensor) -> Tensor:
        """The reverse of :meth:`mixed`."""
        return torch.einsum("cd,ndyx->ncyx", torch.linalg.inv(self.colors), planes)

    def pixels(self, inputs: Tensor, preparation: Preparation | None) -> np.ndarray:
        """Inputs as pictures (row, y, x, 3) of uint8: prepared photos as they were, others from the lowest to the highest value."""
        if preparation is not None and preparation.kind == "image":
            shown = np.asarray(preparation.invert(inputs.detach().float().cpu().numpy()), float)
        else:
            shown = self.planes(inputs.detach()).permute(0, 2, 3, 1).double().cpu().numpy()
        shown = shown if shown.shape[3] == 3 else np.repeat(shown.mean(3, keepdims=True), 3, 3)
        return np.round(255 * np.clip(np.nan_to_num(shown), 0, 1)).astype(np.uint8)


def laid_out(inputs: Tensor, axes: tuple[str, ...]) -> Tensor:
    """Inputs (row, ...) as (row, channel, y, x)."""
    order = [1 + axes.index(axis) for axis in ("channel", "y", "x") if axis in axes]
    found = inputs.permute(0, *order)
    return found if "channel" in axes else found[:, None]


def canvas_of(evaluator: Evaluator, preparation: Preparation | None, rows: Tensor) -> Canvas:
    """The canvas of a network's only input; its colors are measured on some of these ``rows``.

    Raises:
        InputError: the network takes several inputs, or something that is no image; values are not finite, or all the same.
    """
    spec, values = _image(evaluator), evaluator.values[0]
    ends = laid_out(values, spec.axes)
    if not all(bool(torch.isfinite(end)) for end in values.aminmax()):
        raise InputError("The rows hold missing or infinite values", received=spec.name, remedy="leave those rows out")
    low, high, bounds = _range(spec, preparation, ends)
    if not bool((high > low).any()):
        raise InputError("All values of the rows are the same", received=str(float(low[0])), remedy="give rows that differ")
    plain = Canvas(spec.axes, low, high, bounds, low, low.diag())
    few = rows[:: max(1, -(-len(rows) * values[0].numel() // NUMBERS))]
    pixels = plain.planes(values[few]).double().transpose(0, 1).flatten(1)
    return Canvas(spec.axes, low, high, bounds, pixels.mean(1).to(low), _root(torch.cov(pixels).reshape(len(low), -1)).to(low))


def _image(evaluator: Evaluator) -> InputSpec:
    """The description of the only input, if it is an image."""
    spec, bound = evaluator.specs[0], evaluator.bound
    image = set(spec.axes) in ({"channel", "y", "x"}, {"y", "x"}) and len(spec.axes) == evaluator.values[0].ndim - 1
    if len(evaluator.values) == 1 and bound.alone and image and not bound.embedded[0]:  # type: ignore[attr-defined]
        return spec
    several = len(evaluator.values) > 1 or not bound.alone  # type: ignore[attr-defined]
    raise InputError(
        "Feature visualization makes pictures, and needs a network that takes one image",
        received="several inputs" if several else f"{spec.name}: {spec.kind} with axes {', '.join(spec.axes)}",
        remedy="look at 'activations' for what units respond to; or, if it is an image, say so: InputSpec(kind='image', axes=(...))",
    )


def _range(
    spec: InputSpec, preparation: Preparation | None, values: Tensor
) -> tuple[Tensor, Tensor, Literal["preparation", "spec", "data"]]:
    """The lowest and highest value of each channel: those that a photo can have, those that the spec states, or those of the rows."""
    if preparation is not None and preparation.kind == "image":
        mean, std = (values.new_tensor(getattr(preparation, name)) for name in ("mean", "std"))
        return -mean / std, (1 - mean) / std, "preparation"
    if spec.value_range is not None:
        low, high = (values.new_full((values.shape[1],), float(end)) for end in spec.value_range)
        return low, high, "spec"
    return values.amin((0, 2, 3)), values.amax((0, 2, 3)), "data"


def _root(covariance: Tensor) -> Tensor:
    """The symmetric root, no direction flatter than a thousandth of the largest variance."""
    variances, directions = torch.linalg.eigh(covariance)
    kept = variances.clamp_min(STEADY * float(variances[-1]) or 1.0)
    return directions @ kept.sqrt().diag() @ directions.T
