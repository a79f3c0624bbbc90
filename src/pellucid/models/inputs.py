"""The rows a user wants explained, in whatever form they came, as one tensor per model input."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.models.guess import guess_input

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class FrameCodec:
    """A DataFrame as a float matrix and back: category columns as codes, missing values as not-a-number."""

    columns: tuple[str, ...]
    dtypes: tuple[Any, ...]
    categories: tuple[tuple[Any, ...] | None, ...]
    labels: tuple[Any, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame, beside: pd.DataFrame | None = None) -> FrameCodec:
        """Learns the columns, dtypes and categories of a frame; of text columns also the categories of rows ``beside`` it."""
        import pandas as pd

        categories: list[tuple[Any, ...] | None] = []
        labels = tuple(frame.columns)
        if len(set(map(str, labels))) < len(labels):
            raise InputError("Two columns have the same name", received=str(labels)[:120], remedy="rename one of them")
        for place in range(len(labels)):
            column = frame.iloc[:, place]
            if isinstance(column.dtype, pd.CategoricalDtype):
                categories.append(tuple(column.cat.categories))
            elif pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
                categories.append(None)
            else:
                seen = set(column.dropna().unique())
                if beside is not None and labels[place] in beside.columns:
                    seen |= set(beside[labels[place]].dropna().unique())
                categories.append(tuple(sorted(seen, key=str)))
        return cls(tuple(map(str, labels)), tuple(frame.dtypes), tuple(categories), labels)

    @property
    def categorical(self) -> tuple[int, ...]:
        """The positions of the category columns."""
        return tuple(i for i, known in enumerate(self.categories) if known is not None)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """The frame as float64 (sample, feature)."""
        own = {str(column): place for place, column in enumerate(frame.columns)}  # a frame's own names need not be text
        missing = set(self.columns) - set(own)
        if missing:
            raise InputError(
                f"The table lacks columns {sorted(missing)}",
                received=f"columns {list(frame.columns)}",
                remedy="give the columns that the first table had",
            )
        encoded = []
        for name, known in zip(self.columns, self.categories, strict=True):
            column = frame.iloc[:, own[name]]
            if known is None:
                encoded.append(column.to_numpy(dtype=np.float64, na_value=np.nan))
                continue
            code = {value: float(i) for i, value in enumerate(known)}
            unknown = set(column.dropna().unique()) - set(code)
            if unknown:
                raise InputError(
                    f"Column {name!r} has categories that were not seen", received=str(sorted(map(str, unknown))), remedy=f"known: {known}"
                )
            encoded.append(np.array([code.get(value, np.nan) for value in column], np.float64))
        return np.stack(encoded, 1)

    def decode(self, matrix: np.ndarray) -> pd.DataFrame:
        """The matrix as a frame with the original columns and dtypes; integer columns stay float where they hold fractions or gaps."""
        import pandas as pd

        columns = {}
        for i, (name, dtype, known) in enumerate(zip(self.labels, self.dtypes, self.categories, strict=True)):
            values = matrix[:, i]
            if known is not None:
                labels = [None if np.isnan(v) else known[round(v)] for v in values]
                columns[name] = pd.Series(labels, dtype=dtype if isinstance(dtype, pd.CategoricalDtype) else object)
            else:
                whole = np.isfinite(values).all() and (values == np.round(values)).all()
                keep = pd.api.types.is_float_dtype(dtype) or whole
                columns[name] = pd.Series(values).astype(dtype) if keep else pd.Series(values)
        return pd.DataFrame(columns)


@dataclass(frozen=True, eq=False)
class RowInputs:
    """The explained rows: one tensor (sample, ...) per model input, with its spec; ``keywords`` says how the model is called."""

    tensors: tuple[Tensor, ...]
    specs: tuple[InputSpec, ...]
    keywords: tuple[str, ...]
    guesses: tuple[str, ...]
    frame: FrameCodec | None = None
    cast: bool = True

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.tensors[0])

    def take(self, index: Sequence[int]) -> RowInputs:
        """These rows only."""
        return replace(self, tensors=tuple(t[list(index)] for t in self.tensors))

    def fingerprint(self) -> str:
        """A hash of all values."""
        digest = hashlib.sha256()
        for tensor in self.tensors:
            flat = tensor.detach().cpu().contiguous()
            digest.update(repr((tuple(flat.shape), flat.dtype)).encode())
            digest.update(flat.reshape(-1).view(torch.uint8).numpy().data if flat.numel() else b"")
        return digest.hexdigest()[:16]


def collect(inputs: Any, spec: ModelSpec, beside: Any = None) -> RowInputs:  # noqa: ANN401
    """Rows from a tensor, array, nested list or DataFrame; a tuple of them (by position) or a dict (by keyword) for several inputs.

    A DataFrame of rows ``beside`` them (the background) may know further categories.

    Raises:
        InputError: no rows, unequal numbers of rows, not-a-number or infinity where the spec does not allow it,
            or something that is no array.
    """
    frame = None
    if _is_frame(inputs):
        frame = FrameCodec.of(inputs, beside if _is_frame(beside) else None)
        parts: list[Any] = [frame.encode(inputs)]
        keywords: tuple[str, ...] = ()
    elif isinstance(inputs, Mapping):
        parts, keywords = list(inputs.values()), tuple(map(str, inputs))
    elif isinstance(inputs, tuple):
        parts, keywords = list(inputs), ()
    else:
        parts, keywords = [inputs], ()
    if not parts:
        raise InputError("There is nothing to explain", received=type(inputs).__name__, remedy="give a tensor of shape (rows, ...)")
    names = keywords or (("input",) if len(parts) == 1 else tuple(f"input {i + 1}" for i in range(len(parts))))
    given = spec.inputs or tuple(InputSpec(name=name) for name in names)
    if len(given) != len(parts):
        raise InputError(
            "The spec does not fit the inputs", received=f"{len(parts)} inputs, {len(given)} InputSpecs", remedy="give one InputSpec each"
        )
    if keywords:
        given = tuple(replace(s, name=n) for s, n in zip(given, keywords, strict=True))
    if frame is not None:
        given = (replace(given[0], kind="tabular", names=given[0].names or frame.columns, categorical=frame.categorical),)
    tensors = tuple(_tensor(part, s.name) for part, s in zip(parts, given, strict=True))
    _check_rows(tensors, given)
    guessed = [guess_input(s, tuple(t.shape[1:]), integer=not t.is_floating_point()) for s, t in zip(given, tensors, strict=True)]
    specs = tuple(s for s, _ in guessed)
    for tensor, one in zip(tensors, specs, strict=True):
        _check_values(tensor, one)
    was_tensor = any(isinstance(part, Tensor) for part in parts)
    return RowInputs(tensors, specs, keywords, tuple(g for _, g in guessed if g), frame, cast=not was_tensor)


def _is_frame(value: object) -> bool:
    return type(value).__name__ == "DataFrame" and type(value).__module__.startswith("pandas")


def refuse_sparse(part: Any, name: str) -> None:  # noqa: ANN401
    """Raises an InputError for a sparse matrix of scipy."""
    if hasattr(part, "toarray"):
        raise InputError(
            f"{name} is a sparse matrix",
            received=f"{type(part).__name__} of shape {part.shape}",
            remedy="give these rows as a dense array: rows.toarray(); the table that they were taken from may stay as it is",
        )


def _tensor(part: Any, name: str) -> Tensor:  # noqa: ANN401
    if isinstance(part, Tensor):
        with torch.inference_mode(mode=False):
            return part.detach().clone() if part.is_inference() else part.detach()
    refuse_sparse(part, name)
    try:
        array = np.asarray(part)
    except ValueError as error:
        raise InputError(
            f"{name} is not a rectangular array", received=str(error)[:80], remedy="give rows of equal length, padded if need be"
        ) from error
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{name} holds values that are no numbers",
            received=f"{type(part).__name__} of dtype {array.dtype}",
            remedy="give numbers, or a DataFrame with preparation=pl.TablePreparation.fit(frame)",
        )
    if any(stride < 0 for stride in array.strides) or not array.flags.writeable:
        array = array.copy()
    return torch.from_numpy(np.ascontiguousarray(array) if array.ndim == 0 else array)


def _check_rows(tensors: tuple[Tensor, ...], specs: tuple[InputSpec, ...]) -> None:
    for tensor, spec in zip(tensors, specs, strict=True):
        if tensor.ndim == 0:
            raise InputError(f"{spec.name} has no row axis", received="a single number", remedy="give an array of shape (rows, ...)")
        if tensor.shape[0] == 0 or tensor.numel() == 0:
            raise InputError(f"{spec.name} has no rows", received=f"shape {tuple(tensor.shape)}", remedy="give at least one row")
    counts = {len(t) for t in tensors}
    if len(counts) > 1:
        shapes = {s.name: tuple(t.shape) for s, t in zip(specs, tensors, strict=True)}
        raise InputError(
            "The inputs have different numbers of rows", received=str(shapes), remedy="the first axis of every input is the row"
        )


def _check_values(tensor: Tensor, spec: InputSpec) -> None:
    if tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized:
        raise InputError(
            f"{spec.name} is sparse, nested or quantized",
            received=f"{tensor.layout}, {tensor.dtype}",
            remedy="give x.to_dense(), padded rows or x.dequantize()",
        )
    if tensor.is_meta:
        raise InputError(
            f"{spec.name} is on the meta device and holds no values", received=str(tuple(tensor.shape)), remedy="give real rows"
        )
    if tensor.is_complex():
        raise InputError(f"{spec.name} is complex", received=str(tensor.dtype), remedy="give real numbers, for example two channels")
    # a finite sum has finite terms, and is thirty times faster to find
    if not tensor.is_floating_point() or bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all()):
        return
    infinite = bool(torch.isinf(tensor).any())
    if infinite or not spec.missing:
        at = tuple(int(i) for i in (~torch.isfinite(tensor) if not infinite else torch.isinf(tensor)).nonzero()[0])
        raise InputError(
            f"{spec.name} holds {'infinity' if infinite else 'not-a-number'}",
            received=f"{float(tensor[at])} at index {at}",
            remedy="remove or impute it" + ("" if infinite else ", or say InputSpec(missing=True) if the model takes missing values"),
        )
