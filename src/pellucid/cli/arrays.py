"""Arrays in files of NumPy: numbers and text, never objects, and an error of ours where a file is damaged."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tokenize import TokenError

import numpy as np

from pellucid.errors import FileError
from pellucid.models.files.archive import unpacked
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import Refused

MAGIC = b"\x93NUMPY"
FREE = 1 << 30  # bytes that a small archive may become
FAULTS = (
    ValueError, TypeError, SyntaxError, KeyError, IndexError, AttributeError, MemoryError, RecursionError, OverflowError, EOFError,
    TokenError,
)  # fmt: skip


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
    try:
        return np.lib.format.read_array(BytesIO(data), allow_pickle=False)
    except FAULTS as error:
        if "Object arrays" in str(error):
            raise Refused("The file holds Python objects, which only a pickle can", "an array of objects") from error
        raise Refused(
            "The array file is cut short or damaged", f"{len(data)} bytes: {(str(error).splitlines() or [''])[0][:80]}"
        ) from error
