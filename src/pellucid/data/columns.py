"""Reads the columns of whatever table a person has: a DataFrame, a Series (one row), an array or nested lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from pellucid.errors import InputError, UnknownName

Table: TypeAlias = Any  # a DataFrame, Series, array or nested lists; pandas is not imported to say so


def is_frame(table: Table) -> bool:
    """Whether this is a pandas DataFrame, found out without importing pandas."""
    return type(table).__name__ == "DataFrame" and type(table).__module__.split(".")[0] == "pandas"


def column_names(table: Table, names: Sequence[str] | None) -> tuple[str, ...]:
    """A frame's own names; else the names given, or "feature 1", "feature 2" and so on."""
    if is_frame(table) and names is not None:
        raise InputError(
            "A DataFrame has names already", received=f"names={list(names)[:6]}", remedy="rename its columns, or leave names out"
        )
    shape = table.shape if is_frame(table) else _array(table).shape
    width = shape[-1] if shape else 0
    own = [str(name) for name in table.columns] if is_frame(table) else [f"feature {i + 1}" for i in range(width)]
    found = tuple(str(name) for name in names) if names is not None else tuple(own)
    if len(found) != width:
        raise InputError(
            "One name is needed per column",
            received=f"{len(found)} names for {width} columns",
            remedy="give as many names as there are columns",
        )
    if len(set(found)) < len(found):
        twice = sorted({name for name in found if found.count(name) > 1})
        raise InputError("Two columns have the same name", received=", ".join(twice), remedy="rename one of them")
    return found


def read_columns(table: Table, names: Sequence[str]) -> list[np.ndarray]:
    """One array (sample) per name: float64 where every entry is a number or missing (not-a-number), else objects with ``None`` for missing.

    A frame's columns are found by name, and more of them do no harm; other tables are read in order.
    """
    if type(table).__name__ == "Series" and type(table).__module__.split(".")[0] == "pandas":
        table = table.to_frame().T
    if is_frame(table):
        own = {str(name): position for position, name in enumerate(table.columns)}
        for name in names:
            if name not in own:
                raise UnknownName("column in this table", name, own)
        return [_column(table.iloc[:, own[name]].to_numpy(), name) for name in names]
    values = _array(table)
    values = values[None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] != len(names):
        shape = f"shape {values.shape}"
        raise InputError(f"A table of {len(names)} columns is needed", received=shape, remedy=f"columns in order: {', '.join(names[:12])}")
    return [_column(values[:, i], name) for i, name in enumerate(names)]


def is_missing(value: object) -> bool:
    """Whether an entry is ``None``, not-a-number, or pandas' NA or NaT."""
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))
    )


def _array(table: Table) -> np.ndarray:
    """Nested lists keep their entries as they are: numpy would turn a number beside a text into text."""
    if isinstance(table, np.ndarray):
        return table
    if type(table).__module__.split(".")[0] == "torch":
        return table.detach().cpu().numpy()
    try:
        values = np.array(table, dtype=object)
    except ValueError:  # numpy's answer to some rows of different lengths; to others it is an array of lists
        values = np.array([[]], dtype=object)
    if any(isinstance(entry, (list, tuple, np.ndarray)) for entry in values.flat) or values.size == 0:
        received = f"{type(table).__name__} of {len(table)} rows"
        raise InputError("The rows of this table are empty or of different lengths", received=received, remedy="give rows of equal length")
    return values


def _column(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind in "mM":
        raise InputError(
            f"Column {name!r} holds dates or durations", received=str(values.dtype), remedy="turn it into a number, as days since a date"
        )
    if values.dtype.kind in "iuf":
        return _finite(values.astype(np.float64), name)
    entries = [None if is_missing(value) else value for value in values.tolist()]
    if values.dtype.kind != "b" and all(entry is None or _is_number(entry) for entry in entries):
        return _finite(np.array([np.nan if entry is None else float(entry) for entry in entries]), name)
    column = np.empty(len(entries), object)
    column[:] = entries
    return column


def _is_number(entry: object) -> bool:
    return isinstance(entry, (int, float, np.number)) and not isinstance(entry, (bool, np.bool_))


def _finite(values: np.ndarray, name: str) -> np.ndarray:
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise InputError(
            f"Column {name!r} holds infinity", received=f"{values[row]} in row {row}", remedy="replace it by a number, or mark it missing"
        )
    return values
