"""Arrays in files of NumPy, by what their headers say: numbers and text, as many as there are bytes, never objects."""

from __future__ import annotations

import ast
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import FileError
from pellucid.models.files.archive import unpacked
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import Refused

MAGIC = b"\x93NUMPY"
LONGEST = 10_000  # characters of a header, as NumPy has it
FREE = 1 << 30  # bytes that a small archive may become
FAULTS = (ValueError, TypeError, SyntaxError, KeyError, IndexError, AttributeError, MemoryError, RecursionError, OverflowError)


def arrays_of(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """The array in a ``.npy`` file, or those in an ``.npz`` file by their names.

    Raises:
        FileError: unreadable, cut short, damaged, too large when it is unpacked, or it holds pickled objects.
    """
    data = read_file(path)
    try:
        if data.startswith(MAGIC):
            return _array(data)
        files = unpacked(data, "archive of arrays", free=FREE)
        return {name.removesuffix(".npy"): _array(content) for name, content in files.items()}
    except Refused as error:
        problem, received = str(error).split("\n", 1)
        raise FileError(problem, received=f"{path}: {received}", remedy="save plain numbers with numpy.save") from error


def _array(data: bytes) -> np.ndarray:
    wide = data[6:7] > b"\x01"
    start = 12 if wide else 10
    size = int.from_bytes(data[8:start], "little")
    if not data.startswith(MAGIC) or size > LONGEST or len(data) < start + size:
        raise Refused("The array file is cut short or damaged", f"{len(data)} bytes")
    try:
        header: Any = ast.literal_eval(data[start : start + size].decode("utf-8" if data[6:7] == b"\x03" else "latin-1").strip())
        kind: np.dtype = np.lib.format.descr_to_dtype(header["descr"])
        shape = tuple(int(n) for n in header["shape"])
        backward = bool(header["fortran_order"])
    except FAULTS as error:
        raise Refused("The array file is cut short or damaged", "a header that says no shape or kind") from error
    if kind.hasobject:
        raise Refused("The file holds Python objects, which only a pickle can", str(kind)[:80])
    count = prod(shape)
    if any(n < 0 for n in shape) or kind.itemsize * count > len(data) - start - size:
        raise Refused("The array file is cut short or damaged", f"{str(shape)[:80]} of {str(kind)[:80]} in {len(data)} bytes")
    try:
        values = np.frombuffer(data, kind, count, start + size) if count and kind.itemsize else np.zeros(count, kind)
        return (values.reshape(shape[::-1]).T if backward else values.reshape(shape)).copy()
    except FAULTS as error:
        raise Refused("The array file is cut short or damaged", f"{str(shape)[:80]} of {str(kind)[:80]}") from error
