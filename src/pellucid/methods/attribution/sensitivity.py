"""Output sensitivity: the score while one feature of a table is moved through its range, or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch

from pellucid.errors import InputError, UnknownName
from pellucid.explanation.arrays import LabelledArray
from pellucid.methods.attribution.accumulated import Sweep
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class Sensitivity:
    """The score of each row as one feature is moved through its range, all else held (ICE, Goldstein et al. 2015), and on average.

    Beside the row's own curve, with a background: its mean over background rows (partial dependence, Friedman 2001) with a standard error,
    and the accumulated local effect (ALE, Apley & Zhu 2020, eq. 15-16, zero on average), which moves every background row only within its
    own neighborhood and so asks nothing of the network where there are no data. ``surface=True`` moves two features together.

    Shapes: ``curve`` (sample, feature, step), beside it ``at`` (the feature's values, in the user's units), ``mean``, ``error`` and ``ale``
    of the same shape; ``surface`` (sample, across, step), the second feature across. Units: score. ``features`` are names or positions, all
    for none; ``points`` evenly from the least to the largest background value; ``rows`` of the background at most, drawn by the seed.
    points x features evaluations per row, (points + 2) x features x rows once for each class that is explained.

    What it does not show: features that move together in the world: the row's curve and the mean leave the data where features depend
    on one another, ALE does not.

    Raises:
        InputError: not a table, fewer than two points, one-hot columns, or a surface of other than two features.
        UnknownName: no feature of that name.
    """

    features: Sequence[str | int] = ()
    points: int = 20
    rows: int = 50
    surface: bool = False

    id: ClassVar[str] = "sensitivity"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "map"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The curves of every row."""
        if self.points < 2 or self.rows < 1:
            raise InputError(
                "Sensitivity needs at least two points and one row",
                received=f"{self.points} points, {self.rows} rows",
                remedy="use points=20, rows=50",
            )
        i = _table(evaluator)
        columns, names = _columns(self.features, evaluator.specs[i], evaluator.values[i].shape[1])
        if self.surface and len(columns) != 2:
            raise InputError("A surface is made of two features", received=f"{len(columns)}", remedy="give features=(first, second)")
        background = evaluator.background_rows()[i]
        sweep = Sweep(evaluator, i, columns, self.points, _some(background, self.rows, evaluator))
        if self.surface:
            return self._attribution(sweep, "surface", {"surface": sweep.surface()}, names)
        return self._attribution(sweep, "curve", {"curve": sweep.curves(), **sweep.averages()}, names)

    def _attribution(
        self, sweep: Sweep, kind: Literal["curve", "surface"], found: dict[str, Tensor], names: tuple[str, ...]
    ) -> Attribution:
        arrays = []
        for name, values in {**found, "at": sweep.at}.items():
            axes = ("sample", "across", "step") if name == "surface" else ("sample", "feature", "step")
            labels: dict[str, tuple[str, ...]] = {} if name == "surface" else {"feature": names}
            arrays.append(LabelledArray(name, values.cpu().numpy(), axes, labels))
        own = () if sweep.background is not None else ("no background was given: each feature is moved by its own size, at least by 1",)
        first = next(iter(found.values()))
        return Attribution((first,), made=tuple(arrays), kind=kind, choices=own, input=sweep.input)


def _table(evaluator: Evaluator) -> int:
    """The place of the table among the inputs."""
    for i, (values, spec) in enumerate(zip(evaluator.values, evaluator.specs, strict=True)):
        if spec.kind == "tabular" and values.ndim == 2:
            return i
    kinds = ", ".join(str(spec.kind) for spec in evaluator.specs)
    raise InputError("Sensitivity moves the features of a table", received=kinds, remedy="use 'occlusion' or 'rise' for images and series")


def _columns(wanted: Sequence[str | int], spec: InputSpec, count: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The encoded columns of the features and their names."""
    groups = spec.groups if len(spec.groups) == count else tuple(range(count))
    named = spec.group_names if len(spec.group_names) == max(groups) + 1 else spec.names if len(spec.names) == count else ()
    names = named or tuple(f"feature {k}" for k in range(max(groups) + 1))
    several = {group for group in groups if groups.count(group) > 1}
    asked = list(wanted) or [k for k in range(len(names)) if k not in several]
    found = []
    for feature in asked:
        if isinstance(feature, str) and feature not in names:
            raise UnknownName("feature", feature, names)
        place = names.index(feature) if isinstance(feature, str) else feature
        if not 0 <= place < len(names):
            raise InputError("There is no feature at this position", received=str(place), remedy=f"0 to {len(names) - 1}")
        if place in several:
            raise InputError(
                "A feature of several columns has no range to be moved through", received=names[place], remedy="choose a column of numbers"
            )
        found.append(place)
    return tuple(groups.index(place) for place in found), tuple(names[place] for place in found)


def _some(background: Tensor | None, most: int, evaluator: Evaluator) -> Tensor | None:
    if background is None or len(background) <= most:
        return background
    return background[torch.randperm(len(background), generator=evaluator.generator())[:most].to(background.device)]
