"""The Explanation: a frozen value that holds what was found, what it was found on, and how far it may be believed."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid.errors import FileError, InputError
from pellucid.explanation import renderers
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import LEVELS, Check, Level, Verdict
from pellucid.explanation.contents import Content
from pellucid.explanation.frame import from_frame, to_frame, write_whole
from pellucid.explanation.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import xarray

Kind = Literal["attribution", "layer_attribution", "curve", "surface", "graph", "text", "rules", "examples", "tree", "regions", "layers"]
InputKind = Literal["tabular", "image", "tokens", "audio", "series", "array"]
OutputKind = Literal["logits", "probabilities", "values", "unknown"]


@dataclass(frozen=True, eq=False)
class ShownInput:
    """One model input as the user knows it.

    ``data`` is in the user's units: a table (sample, feature), an image (sample, y, x, channel) in 0..1, tokens
    (sample, token), a series (sample, time, feature). ``cells`` are a table's entries as text, unit and "missing" included.
    ``players`` labels every element of one row (shape of the attribution without its sample axis, or of the model's
    input) with the unit that checks remove together.
    """

    name: str
    kind: InputKind
    data: LabelledArray
    cells: tuple[tuple[str, ...], ...] = ()
    players: np.ndarray | None = None

    def rows(self, index: np.ndarray) -> ShownInput:
        """The same input with only these samples."""
        return replace(self, data=self.data.rows(index), cells=tuple(self.cells[i] for i in index) if self.cells else ())


@dataclass(frozen=True, eq=False)
class Decision:
    """What the network said about each row.

    ``outputs`` (sample, class) are the raw outputs and ``probabilities`` the same as probabilities, where both make
    sense. ``predicted`` is the index of the predicted class, -1 where there is none. ``target`` names what is explained,
    one text per row, ``target_class``
    its class index or -1. ``scores`` (sample) is the explained scalar and ``baseline_scores`` (sample) the
    same at the baseline (not-a-number if the method has none). ``truth`` holds true labels where they are known.
    """

    output_kind: OutputKind
    outputs: LabelledArray | None
    probabilities: LabelledArray | None
    class_names: tuple[str, ...]
    predicted: np.ndarray
    target: tuple[str, ...]
    target_class: np.ndarray
    scores: np.ndarray
    baseline_scores: np.ndarray
    truth: tuple[str, ...] = ()

    def rows(self, index: np.ndarray) -> Decision:
        """The decisions about these samples only."""
        return replace(
            self,
            outputs=self.outputs.rows(index) if self.outputs else None,
            probabilities=self.probabilities.rows(index) if self.probabilities else None,
            predicted=self.predicted[index],
            target=tuple(self.target[i] for i in index),
            target_class=self.target_class[index],
            scores=self.scores[index],
            baseline_scores=self.baseline_scores[index],
            truth=tuple(self.truth[i] for i in index) if self.truth else (),
        )


def nothing_decided() -> Decision:
    """No rows, and so no decision about any: what an inspection of the network itself holds."""
    none = np.zeros(0)
    return Decision("unknown", None, None, (), none.astype(int), (), none.astype(int), none, none)


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a method found about each explained row, with its checks and verdicts.

    ``arrays`` has one labelled array per explained input; ``errors``, where the method states one, has the same shapes: the
    standard error of a sampled
    method, the integration error of a deterministic one, or, where that is nothing but rounding, a bound of it: ``error_kind``
    ``"exact"``. ``spread``, of the same shapes, is how far apart the values lie
    that several baselines give (largest less smallest); empty for one baseline. What :func:`pellucid.inspect` saw inside a network is its
    ``content``; there are no rows, decisions and verdicts then. It holds no model and no plotting code.
    """

    kind: Kind
    arrays: tuple[LabelledArray, ...]
    inputs: tuple[ShownInput, ...]
    decision: Decision
    provenance: Provenance
    checks: tuple[Check, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    errors: tuple[LabelledArray, ...] = ()
    error_kind: Literal["none", "standard_error", "bound", "exact"] = "none"
    layer: str = ""
    spread: tuple[LabelledArray, ...] = ()
    content: Content | None = None

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, row: int | slice) -> Explanation:
        """The explanation of one row, or of several."""
        count = len(self)
        if isinstance(row, slice):
            index = np.arange(count)[row]
        elif -count <= row < count:
            index = np.array([row % count])
        else:
            raise IndexError(f"row {row} of an explanation with {count} rows")
        if not len(index):
            raise InputError("An explanation needs at least one row", received=f"{row} of {count} rows", remedy="choose rows that exist")
        return replace(
            self,
            arrays=tuple(a.rows(index) for a in self.arrays),
            inputs=tuple(i.rows(index) for i in self.inputs),
            decision=self.decision.rows(index),
            checks=tuple(c.rows(index) for c in self.checks),
            verdicts=tuple(self.verdicts[i] for i in index),
            errors=tuple(e.rows(index) for e in self.errors),
            spread=tuple(s.rows(index) for s in self.spread),
        )

    @property
    def values(self) -> xarray.DataArray | dict[str, xarray.DataArray]:
        """The values with named axes; a dict by input name where several inputs are explained."""
        shown = {array.name: array.to_xarray() for array in self.arrays}
        return next(iter(shown.values())) if len(shown) == 1 else shown

    @property
    def verdict(self) -> Level:
        """The verdict of the worst row: ``supported``, ``weak``, ``refused`` or ``unchecked``."""
        levels: list[Level] = [v.level for v in self.verdicts]
        return max(levels, key=LEVELS.index) if levels else "unchecked"

    def check(self, name: str) -> Check:
        """The check of this name."""
        from pellucid.errors import UnknownName

        for check in self.checks:
            if check.name == name:
                return check
        raise UnknownName("check", name, [c.name for c in self.checks])

    def plot(self, **options: Any) -> Any:  # noqa: ANN401 (matplotlib's Figure, which this layer does not know)
        """Draws the explanation with matplotlib and returns the figure.

        ``ax=``, ``language=``, ``theme=``, ``row=``, ``view=``, for coarse maps ``cells=``, and for a dependence plot ``feature=`` are
        understood.
        """
        return renderers.find("plot", self.kind)(self, **options)

    def narrate(self, language: Literal["en", "zh-CN"] = "en", *, quality: Any = None) -> str:  # noqa: ANN401
        """The findings in plain words, every sentence tied to a number and a check.

        With ``quality``, what :func:`pellucid.evaluate` returned, a network that is no better than guessing is called that first.
        """
        return renderers.find("narrate", self.kind)(self, language=language, quality=quality)

    def to_pandas(self, form: Literal["long", "wide"] = "long") -> pd.DataFrame:
        """The attributions as a DataFrame (pandas is imported here, not before).

        Args:
            form: ``long`` has a line for each attribution: ``sample``, ``input``, a column for each axis (``feature``, ``token``, ``y``,
                ``x``, ...), the input's ``value`` and, where it has one, its text ``shown``, ``attribution``, ``error``, ``target`` and
                ``verdict``. ``wide`` has a line for each row, indexed by ``sample``, ``target`` and ``verdict``, and a column for each
                feature.

        Raises:
            InputError: an inspection, which has no rows; ``wide`` of several inputs or of images. UnknownName: no such form.
        """
        from pellucid.errors import UnknownName
        from pellucid.explanation.tables import long_table, wide_table

        if form not in ("long", "wide"):
            raise UnknownName("form of a table", form, ("long", "wide"))
        return long_table(self) if form == "long" else wide_table(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the explanation as one safetensors file (``docs/format.md``), whole or not at all."""
        return write_whole(path, to_frame(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str | bytes]:  # noqa: ARG002
        """What a notebook shows: picture, verdict and table."""
        if not renderers.known("display", self.kind):
            return {"text/plain": repr(self)}
        return {"text/plain": repr(self), **renderers.find("display", self.kind)(self)}

    def __repr__(self) -> str:
        if self.content is not None:
            return f"Explanation({self.content.what} of {self.provenance.model})"
        shapes = ", ".join(f"{a.name} {dict(zip(a.axes, a.values.shape, strict=True))}" for a in self.arrays)
        counted = Counter(v.level for v in self.verdicts)
        levels = ", ".join(f"{counted[level]} {level}" for level in LEVELS if counted[level]) if len(self) > 1 else self.verdict
        return f"Explanation({self.provenance.method} of {self.provenance.target}; {shapes}; verdict: {levels})"


def load(path: str | os.PathLike[str]) -> Explanation:
    """Reads an explanation that :meth:`Explanation.save` wrote; nothing in the file is executed.

    Raises:
        FileError: no such file, cut short, damaged, or of an unknown format version.
    """
    try:
        buffer = Path(path).read_bytes()
    except OSError as error:
        raise FileError(
            "The file can not be read", received=f"{path} ({error.strerror})", remedy="give the path of a saved explanation"
        ) from error
    return from_frame(buffer, Explanation)
