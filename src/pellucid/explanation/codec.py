"""Frozen dataclasses to JSON plus arrays, and back, by their type hints alone.

The same hints make the JSON Schema (:mod:`pellucid.explanation.schema`), so that what Python writes, what it accepts and what
TypeScript is told can not drift apart. An array becomes ``{"array": "a3"}``; equal arrays are stored once. A union of dataclasses is told
apart by its one-valued ``Literal`` field (``mark``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import types
import typing
from functools import cache
from typing import Any

import numpy as np

from pellucid.errors import FileError

LARGEST = 1 << 1000  # a whole number that a float can be
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@cache
def hints(cls: type) -> dict[str, Any]:
    """The resolved type of each field of a dataclass."""
    found = typing.get_type_hints(cls)
    return {field.name: found[field.name] for field in dataclasses.fields(cls)}


def tag(cls: type) -> tuple[str, str] | None:
    """The (field, value) that tells this class apart in a union: its one-valued ``Literal`` field, if it has one."""
    for name, hint in hints(cls).items():
        if typing.get_origin(hint) is typing.Literal and len(typing.get_args(hint)) == 1:
            return name, typing.get_args(hint)[0]
    return None


class Packer:
    """Collects the arrays met while values are turned into JSON."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._seen: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def pack(self, value: object) -> Json:
        """JSON of a value; its arrays are kept under names in ``self.arrays``."""
        if isinstance(value, np.ndarray):
            return {"array": self._name(value)}
        if dataclasses.is_dataclass(value):
            return {f.name: self.pack(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, dict):
            return {str(key): self.pack(entry) for key, entry in value.items()}
        if isinstance(value, (tuple, list)):
            return [self.pack(entry) for entry in value]
        if isinstance(value, np.generic):
            return self.pack(value.item())
        if isinstance(value, float) and not math.isfinite(value):
            raise FileError("Non-finite numbers travel inside arrays only", received=repr(value), remedy="put the number into an array")
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise FileError(
            "This value has no place in a frame", received=type(value).__name__, remedy="use numbers, text, tuples, dicts or arrays"
        )

    def _name(self, array: np.ndarray) -> str:
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).digest())
        if key not in self._seen:
            self._seen[key] = f"a{len(self._seen)}"
            self.arrays[self._seen[key]] = array
        return self._seen[key]


def unpack(hint: Any, data: Json, arrays: dict[str, np.ndarray], where: str = "frame") -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912
    """The value of type ``hint`` that ``data`` describes; anything else is a :class:`FileError` that names the place."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is np.ndarray:
        if not isinstance(data, dict) or set(data) != {"array"} or not isinstance(data["array"], str) or data["array"] not in arrays:
            raise _misfit(where, "an array of this frame", data)
        return arrays[data["array"]]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if not isinstance(data, dict):
            raise _misfit(where, hint.__name__, data)
        fields = hints(hint)
        unknown, missing = set(data) - set(fields), {f.name for f in dataclasses.fields(hint) if _required(f)} - set(data)
        if unknown or missing:
            raise _misfit(where, f"{hint.__name__} (unknown: {sorted(unknown)}, missing: {sorted(missing)})", sorted(data))
        return hint(**{name: unpack(fields[name], entry, arrays, f"{where}.{name}") for name, entry in data.items()})
    if origin is typing.Literal:
        if data not in arguments or any(data == a and type(data) is not type(a) for a in arguments):
            raise _misfit(where, f"one of {arguments}", data)
        return data
    if origin in (typing.Union, types.UnionType):
        return _unpack_union(arguments, data, arrays, where)
    if origin is tuple:
        if not isinstance(data, list):
            raise _misfit(where, "a list", data)
        kinds = arguments[:1] * len(data) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(data):
            raise _misfit(where, f"{len(kinds)} entries", data)
        return tuple(unpack(k, entry, arrays, f"{where}[{i}]") for i, (k, entry) in enumerate(zip(kinds, data, strict=True)))
    if origin is dict:
        if not isinstance(data, dict):
            raise _misfit(where, "an object", data)
        return {key: unpack(arguments[1], entry, arrays, f"{where}.{key}") for key, entry in data.items()}
    if hint is float and (isinstance(data, float) or (type(data) is int and abs(data) <= LARGEST)):
        return float(data)
    if hint in (int, str, bool) and type(data) is hint:
        return data
    if hint in (None, types.NoneType) and data is None:
        return None
    raise _misfit(where, getattr(hint, "__name__", str(hint)), data)


def _unpack_union(arguments: tuple[Any, ...], data: Json, arrays: dict[str, np.ndarray], where: str) -> Any:  # noqa: ANN401
    classes: list[type] = [a for a in arguments if isinstance(a, type) and dataclasses.is_dataclass(a)]
    if data is None and types.NoneType in arguments:
        return None
    if isinstance(data, dict) and len(classes) > 1:
        for cls in classes:
            mark = tag(cls)
            if mark and data.get(mark[0]) == mark[1]:
                return unpack(cls, data, arrays, where)
        raise _misfit(where, f"one of {[c.__name__ for c in classes]}", data)
    errors = []
    for hint in arguments:
        try:
            return unpack(hint, data, arrays, where)
        except FileError as error:
            errors.append(error)
    raise max(errors, key=lambda error: len(error.problem))


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _misfit(where: str, expected: str, data: object) -> FileError:
    return FileError(
        f"{where} should be {expected}", received=repr(data)[:80], remedy="the file was damaged or made by something else; make it anew"
    )
