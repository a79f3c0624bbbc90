"""A numpy array whose axes have names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pellucid.errors import InputError

if TYPE_CHECKING:
    import xarray

AXES = frozenset(
    [
        "sample",
        "channel",
        "y",
        "x",
        "time",
        "token",
        "feature",
        "class",
        "layer",
        "head",
        "unit",
        "step",
        "across",
        "fraction",
        "produced",
        "entry",
    ]
)


@dataclass(frozen=True, eq=False)
class LabelledArray:
    """Values with one axis name per dimension.

    ``coordinates`` gives names along an axis (feature names, class names); ``valid`` marks, for
    rows of unequal length that were padded, which entries are real.
    """

    name: str
    values: np.ndarray
    axes: tuple[str, ...]
    coordinates: dict[str, tuple[str, ...]]
    valid: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.axes) != self.values.ndim:
            raise InputError(
                "One axis name is needed per dimension",
                received=f"axes {self.axes} for shape {self.values.shape}",
                remedy="give axes=(...) of that length",
            )
        unknown = set(self.axes) - AXES
        if unknown:
            raise InputError(f"Unknown axis names {sorted(unknown)}", remedy=f"use {', '.join(sorted(AXES))}")
        for axis, labels in self.coordinates.items():
            if axis not in self.axes or len(labels) != self.values.shape[self.axes.index(axis)]:
                raise InputError(
                    f"The names along axis {axis!r} do not fit",
                    received=f"{len(labels)} names, axes {self.axes}, shape {self.values.shape}",
                    remedy="give one name per entry along that axis",
                )

    def rows(self, index: np.ndarray) -> LabelledArray:
        """The same array with only these samples; an array without a sample axis comes back whole."""
        if "sample" not in self.axes:
            return self
        at = self.axes.index("sample")
        labels = dict(self.coordinates)
        if "sample" in labels:
            labels["sample"] = tuple(labels["sample"][i] for i in index)
        valid = None if self.valid is None else np.take(self.valid, index, axis=at)
        return LabelledArray(self.name, np.take(self.values, index, axis=at), self.axes, labels, valid)

    def to_xarray(self) -> xarray.DataArray:
        """The array as an ``xarray.DataArray`` (xarray is imported here, not before)."""
        import xarray

        values = self.values if self.valid is None else np.where(self.valid, self.values, np.nan)
        return xarray.DataArray(values, dims=self.axes, coords={k: list(v) for k, v in self.coordinates.items()}, name=self.name)
