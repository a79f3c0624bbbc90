"""What the options of ``pellucid explain`` name: networks, functions and rows, turned into objects."""

from __future__ import annotations

import ast
import csv
import dataclasses
import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.cli.arrays import arrays_of
from pellucid.data.image import SUFFIXES
from pellucid.errors import FileError, InputError, ModelError, PellucidError, UnknownName

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inspection
    from pellucid.methods.protocol import Method

EVERY = "all"  # the inspections that apply
TABLES = (".csv", ".npy", ".npz")
MISSING = frozenset(["", "na", "n/a", "nan", "null", "none", "?"])


def named_object(place: str, what: str) -> Any:  # noqa: ANN401
    """What ``package.module:name`` names; the current folder is searched first.

    Raises:
        ModelError: no such module, or it can not be imported.
        UnknownName: the module has nothing of that name.
    """
    module_name, colon, name = place.partition(":")
    if not colon or not name:
        raise InputError(f"A {what} is given as package.module:name", received=repr(place), remedy=f"such as --{what} mynets.cat:make")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except PellucidError:
        raise
    except Exception as error:  # the user's own module may raise anything
        raise ModelError(
            f"The module {module_name!r} can not be imported",
            received=f"{type(error).__name__}: {error}",
            remedy=f"run it from the folder that holds it, or install it; try: python -c 'import {module_name}'",
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise UnknownName(f"{what} in {module_name}", part, [entry for entry in vars(found) if not entry.startswith("_")])
        found = getattr(found, part)
    return found


def called(found: Any, what: str) -> Any:  # noqa: ANN401
    """The result of a factory, or the object itself where it is none."""
    if not (inspect.isroutine(found) or inspect.isclass(found)):
        return found
    try:
        return found()
    except PellucidError:
        raise
    except Exception as error:  # the user's own code may raise anything
        remedy = "give a function that needs no arguments; --debug shows where it failed"
        raise ModelError(f"The {what} could not be made", received=f"{type(error).__name__}: {error}", remedy=remedy) from error


def network(model: str, weights: Path | None) -> Any:  # noqa: ANN401
    """The network: a factory with weights, or a file or folder that holds all of it.

    Raises:
        PellucidError: see :func:`named_object`, :mod:`pellucid.models.files.loading` and :mod:`pellucid.models.files.kinds`.
    """
    from torch import nn

    from pellucid.models.files.kinds import kind_of
    from pellucid.models.files.loading import load_weights

    path = Path(model)
    kind = None if ":" in model and not path.exists() else kind_of(path)
    if kind is not None:
        if weights is not None:
            raise InputError(f"{kind.what} has its weights inside", received=f"--weights {weights}", remedy="leave --weights out")
        return kind.load(path)
    made = called(named_object(model, "model"), "network") if ":" in model else named_object(model, "model")
    if weights is None:
        return made
    if not isinstance(made, nn.Module):
        raise ModelError("Weights can be put into a torch.nn.Module only", received=type(made).__name__, remedy="leave --weights out")
    return load_weights(made, weights)


def class_names(place: str | None) -> tuple[str, ...]:
    """Class names from a text file (one a line) or from ``package.module:name`` (a sequence, or a function that returns one)."""
    if place is None:
        return ()
    if Path(place).is_file():
        return tuple(Path(place).read_text(encoding="utf-8").splitlines())
    if ":" not in place:
        raise FileError("The file of class names can not be read", received=place, remedy="give a text file with one name a line")
    return tuple(str(name) for name in called(named_object(place, "class-names"), "list of class names"))


def is_photo(path: Path) -> bool:
    """Whether a file is taken for a photo, by its name."""
    return path.suffix.lower() in SUFFIXES


def rows_of(path: Path) -> Any:  # noqa: ANN401
    """The rows in a ``.csv`` (a DataFrame where it has names), ``.npy`` or ``.npz`` file; several arrays come as a dict by name.

    Raises:
        FileError: unreadable, cut short, of another kind, or it holds pickled objects.
    """
    if path.suffix.lower() not in TABLES:
        legal = ", ".join((*TABLES, *SUFFIXES))
        raise FileError("Inputs of this kind can not be read", received=str(path), remedy=f"give one of {legal}")
    if not path.is_file():
        raise FileError("There is no input file of that name", received=str(path), remedy="check the path")
    if path.suffix.lower() == ".csv":
        return _csv(path)
    arrays = arrays_of(path)
    if isinstance(arrays, dict) and len(arrays) == 1:
        return next(iter(arrays.values()))
    return arrays


def _csv(path: Path) -> Any:  # noqa: ANN401
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError("The table can not be read", received=f"{path} ({error})", remedy="save it as CSV in UTF-8") from error
    widths = {len(line) for line in lines}
    if len(widths) != 1:
        raise FileError("The rows of the table differ in length", received=f"{path}: {sorted(widths)} columns", remedy="mend the rows")
    headed = not any(_is_number(cell) for cell in lines[0])
    body = lines[1:] if headed else lines
    if not body:
        raise FileError("The table has no rows", received=str(path), remedy="give at least one row under the header")
    import pandas as pd

    names = lines[0] if headed else [f"column {i}" for i in range(len(lines[0]))]
    return pd.DataFrame({name: _column([line[i] for line in body]) for i, name in enumerate(names)})


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _column(cells: list[str]) -> Any:  # noqa: ANN401
    """Numbers with not-a-number for what is missing; text as it is where one entry is no number."""
    missing = [cell.strip().lower() in MISSING for cell in cells]
    if all(gone or _is_number(cell) for cell, gone in zip(cells, missing, strict=True)):
        return np.array([np.nan if gone else float(cell) for cell, gone in zip(cells, missing, strict=True)])
    return [None if gone else cell for cell, gone in zip(cells, missing, strict=True)]


def chosen_rows(rows: Any, text: str | None) -> Any:  # noqa: ANN401
    """The rows that ``--rows`` names: ``3``, ``0:5`` or ``1,4,7``."""
    if text is None:
        return rows
    count = len(next(iter(rows.values()))) if isinstance(rows, dict) else len(rows)
    index: list[int] = []
    for part in text.split(","):
        start, colon, stop = part.partition(":")
        try:
            index += range(int(start or 0), int(stop or count)) if colon else [int(part)]
        except ValueError as error:
            raise InputError("Rows are given as whole numbers", received=repr(text), remedy="such as 3, 0:5 or 1,4,7") from error
    if not index or not all(0 <= i < count for i in index):
        raise InputError("There is no such row", received=repr(text), remedy=f"choose from 0 to {count - 1}")
    if isinstance(rows, dict):
        return {name: values[index] for name, values in rows.items()}
    return rows.iloc[index] if hasattr(rows, "iloc") else rows[index]


def method_of(name: str, options: Sequence[str], infills: Sequence[str] = ()) -> Method:
    """The method of that id with its fields set by ``name=value``; several in-fills are taken together."""
    from pellucid.methods.registry import method_class

    cls: Any = method_class(name)
    fields = {field.name for field in dataclasses.fields(cls)}
    given: dict[str, Any] = {}
    if infills:
        if "baseline" not in fields:
            raise InputError(f"{name} replaces nothing", received=f"--infill {infills[0]}", remedy="leave --infill out")
        given["baseline"] = tuple(infills) if len(infills) > 1 else infills[0]
    return cls(**given, **_options(name, options, fields))


def inspections_of(names: Sequence[str], options: Sequence[str]) -> list[Inspection]:
    """What is to be looked at, ``all`` of it or by name; an option ``name=value`` is for each that has it.

    Raises:
        UnknownName: no such inspection, or an option that none of them has.
    """
    from pellucid.methods.internals.registry import INSPECTIONS, inspection_class

    ids = list(INSPECTIONS) if EVERY in names else list(dict.fromkeys(names))
    classes: list[Any] = [inspection_class(name) for name in ids]
    fields = [{field.name for field in dataclasses.fields(cls)} for cls in classes]
    given = _options(", ".join(ids), options, set().union(*fields))
    return [cls(**{key: given[key] for key in own & given.keys()}) for cls, own in zip(classes, fields, strict=True)]


def labels_of(path: Path) -> np.ndarray:
    """One true class per row, from a file with one column."""
    rows = rows_of(path)
    found = np.asarray(rows.to_numpy() if hasattr(rows, "to_numpy") else rows)
    if found.ndim > 2 or (found.ndim == 2 and found.shape[1] != 1):
        raise FileError("Labels are one column", received=f"{path}: shape {found.shape}", remedy="give a file with one class per row")
    return found.reshape(-1)


def _options(name: str, options: Sequence[str], fields: set[str]) -> dict[str, Any]:
    """Fields set by ``name=value``; what is no Python literal is text."""
    given: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if key not in fields:
            raise UnknownName(f"option of {name}", key, fields)
        if not equals:
            raise InputError("An option needs a value", received=repr(option), remedy=f"write {key}=<value>")
        try:
            given[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            given[key] = value
    return given


def target_of(text: str | None) -> int | str | None:
    """A class index where the text is a whole number, else a class name."""
    if text is None:
        return None
    return int(text) if text.removeprefix("-").isdigit() else text


def numbers(text: str | None, fallback: tuple[float, ...]) -> tuple[float, ...]:
    """Numbers separated by commas."""
    if text is None:
        return fallback
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError("Numbers are given with commas between them", received=repr(text), remedy="such as 0.485,0.456,0.406") from error


def size_of_file(path: str | os.PathLike[str]) -> str:
    """How large a file is, for people."""
    size = Path(path).stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
