"""Baselines: what a row is compared with, and what takes the place of a feature that is removed (the in-fill).

Each is a small frozen callable ``(values, spec, background) -> Tensor`` of the same shape as ``values`` (sample, ...), with
a ``name`` that the result
carries. Every row's baseline depends on that row and the background alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from pellucid.data.players import players
from pellucid.errors import InputError, UnknownName

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.spec import InputSpec


class Baseline(Protocol):
    """A callable that gives the baseline of each row."""

    @property
    def name(self) -> str:
        """What the result calls it."""
        ...

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:
        """The baseline of each row, in the shape of ``values``."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same number everywhere."""

    value: float = 0.0

    @property
    def name(self) -> str:
        """Such as ``zero``."""
        return "zero" if self.value == 0 else f"constant {self.value:g}"

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:  # noqa: ARG002
        """That number in the shape of ``values``."""
        return values.new_full(values.shape, self.value)


@dataclass(frozen=True)
class BackgroundMean:
    """The mean of the background rows; the most frequent code in category columns."""

    name: str = "the background's mean"

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:
        """One row, repeated."""
        if background is None:
            raise InputError(
                "This baseline needs background rows",
                received="no background",
                remedy="give background=<rows of the training data> to explain()",
            )
        row = background.nanmean(0)
        for column in spec.categorical:
            known = background[:, column]
            row[column] = known[~known.isnan()].mode().values
        return row.to(values.dtype).expand_as(values).clone()


@dataclass(frozen=True)
class MeanColor:
    """Each row's own mean over space, per channel: an image without content but of the same color."""

    name: str = "the mean color"

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:  # noqa: ARG002
        """A flat picture per row."""
        space = [1 + spec.axes.index(axis) for axis in ("y", "x", "time") if axis in spec.axes]
        if not space:
            raise InputError(
                "The mean color needs an input with space", received=f"axes {spec.axes}", remedy="use Constant or BackgroundMean"
            )
        return values.mean(space, keepdim=True).expand_as(values).clone()


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur of the row over y and x, ``sigma`` in pixels."""

    sigma: float = 8.0

    @property
    def name(self) -> str:
        """With its width."""
        return f"a blur of {self.sigma:g} pixels"

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:  # noqa: ARG002
        """Each row blurred, edges replicated."""
        import torch
        from torch.nn import functional

        blurred = values
        for axis in ("y", "x"):
            if axis not in spec.axes:
                raise InputError("Blur needs an image", received=f"axes {spec.axes}", remedy="use Constant or BackgroundMean")
            at = 1 + spec.axes.index(axis)
            moved = blurred.movedim(at, -1)
            reach = min(int(3 * self.sigma + 0.5), moved.shape[-1] - 1)
            offsets = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
            kernel = torch.exp(-(offsets**2) / (2 * self.sigma**2))
            flat = functional.pad(moved.reshape(-1, 1, moved.shape[-1]), (reach, reach), mode="replicate")
            smooth = functional.conv1d(flat, (kernel / kernel.sum())[None, None])
            blurred = smooth.reshape(moved.shape).movedim(-1, at)
        return blurred.contiguous()


@dataclass(frozen=True, eq=False)
class Rows:
    """Given values: one row for all, or one per explained row."""

    rows: object
    name: str = "the given baseline"

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:  # noqa: ARG002
        """The given values in the dtype and on the device of ``values``."""
        import torch

        given = torch.as_tensor(self.rows).to(values)
        if given.shape not in (values.shape, values.shape[1:], (1, *values.shape[1:])):
            raise InputError(
                f"The baseline does not fit {spec.name}", received=f"shape {tuple(given.shape)}", remedy=f"give {tuple(values.shape[1:])}"
            )
        return given.expand_as(values).clone()


@dataclass(frozen=True)
class BackgroundPatches:
    """Patches of background rows, each part of the input from another row at random (always the same ones): real content, none of it whole.

    Parts are those that checks remove: patches of an image, features, tokens, time windows.
    """

    name: str = "patches of the background"

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:
        """One row made of parts of others, repeated."""
        import torch

        if background is None:
            raise InputError(
                "This baseline needs background rows",
                received="no background",
                remedy="give background=<rows of the training data> to explain()",
            )
        labels = torch.from_numpy(players(tuple(values.shape[1:]), spec).reshape(-1).copy())
        generator = torch.Generator().manual_seed(0)
        rows = torch.randint(len(background), (int(labels.max()) + 1,), generator=generator)[labels].to(background.device)
        flat = background.reshape(len(background), -1)
        mosaic = flat[rows, torch.arange(flat.shape[1], device=flat.device)]
        return mosaic.reshape(values.shape[1:]).to(values).expand_as(values).clone()


@dataclass(frozen=True)
class _Mean:
    """The mean over space or time of an image or a series, else the background's."""

    name: str = "the mean"

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:
        spatial = any(axis in spec.axes for axis in ("y", "x", "time"))
        return (MeanColor() if spatial else BackgroundMean())(values, spec, background)


NAMED: dict[str, Baseline] = {"zero": Constant(), "mean": _Mean(), "blur": Blur(), "patches": BackgroundPatches()}


def as_baseline(given: object) -> Baseline:
    """A baseline from its name, any function like one, a number (the same everywhere), or an array (one row for all, or one per row)."""
    if isinstance(given, str):
        if given not in NAMED:
            raise UnknownName("baseline", given, NAMED)
        return NAMED[given]
    if callable(given):
        named = cast("Baseline", given)
        return named if hasattr(given, "name") else _Named(getattr(given, "__name__", type(given).__name__), named)
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return Constant(float(given))
    if hasattr(given, "shape") or isinstance(given, (list, tuple)):
        return Rows(given)
    raise InputError(
        "This is no baseline",
        received=type(given).__name__,
        remedy=f"give {', '.join(NAMED)}, a number, an array, or Constant, BackgroundMean, MeanColor, Blur, BackgroundPatches, Rows",
    )


def several(given: object) -> tuple[object, ...]:
    """The baselines of a tuple or list of them; one baseline alone else.

    A tuple or list of plain numbers, nested or not, is the values of *one* baseline; ``Constant(0)`` stands for a number among several.

    Raises:
        InputError: an empty tuple or list.
    """
    if not isinstance(given, (list, tuple)):
        return (given,)
    if not given:
        raise InputError("There is no baseline among these", received=repr(given), remedy="give at least one, or None for the usual one")
    return tuple(given) if any(callable(one) or hasattr(one, "shape") or isinstance(one, str) for one in given) else (given,)


def default_baseline(spec: InputSpec, *, background: bool, embedded: bool) -> Baseline:
    """The baseline used where none is given: image the mean color, table the background's mean, removed tokens the blank or
    a zero embedding."""
    if embedded:
        return _Named("a zero embedding", Constant(0.0))
    if spec.kind == "tokens" and spec.blank is not None:
        return _Named(f"token {spec.blank}", Constant(float(spec.blank)))
    if background:
        return BackgroundMean()
    if spec.kind == "image":
        return MeanColor()
    if spec.kind == "series":
        return _Named("the series' own mean", MeanColor())
    return _Named("zero (no background was given)", Constant(0.0)) if spec.kind == "tabular" else Constant(0.0)


@dataclass(frozen=True)
class _Named:
    name: str
    inner: Baseline

    def __call__(self, values: Tensor, spec: InputSpec, background: Tensor | None) -> Tensor:
        return self.inner(values, spec, background)
