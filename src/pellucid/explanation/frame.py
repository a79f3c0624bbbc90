"""The frame: one binary form for archive, wire, run folder and report.

A safetensors buffer whose metadata entry ``pellucid`` holds JSON: ``{"format": 1, "type": ..., "content": ...}``. Arrays are named in the
JSON. There is no pickle anywhere, and any safetensors reader can read the numbers. See ``docs/format.md``.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TypeVar

import numpy as np

from pellucid.errors import FileError
from pellucid.explanation.codec import Json, Packer, unpack

FORMAT = 1
T = TypeVar("T")


def to_frame(value: object) -> bytes:
    """The frame of an :class:`Explanation`, a :class:`Scene` or any frozen dataclass made of arrays, numbers and text."""
    from safetensors.numpy import save

    packer = Packer()
    content = packer.pack(value)
    text = json.dumps(
        {"format": FORMAT, "type": type(value).__name__, "content": content}, allow_nan=False, ensure_ascii=False, sort_keys=True
    )
    return save(packer.arrays, metadata={"pellucid": text})


def from_frame(buffer: bytes, cls: type[T]) -> T:
    """The value in a frame.

    Raises:
        FileError: not a frame, an unknown format version, another type, or content that does not fit the schema.
    """
    arrays, header = read_frame(buffer)
    if header.get("type") != cls.__name__:
        raise FileError(
            f"This frame holds no {cls.__name__}", received=repr(header.get("type")), remedy=f"give a file written from a {cls.__name__}"
        )
    return unpack(cls, header.get("content"), arrays, cls.__name__)


def read_frame(buffer: bytes) -> tuple[dict[str, np.ndarray], dict[str, Json]]:
    """The arrays and the JSON header of a frame, its version checked."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    remedy = "make the file anew; it may be cut short, or be no Pellucid file"
    try:
        arrays = load(buffer)
        size = int.from_bytes(buffer[:8], "little")
        header = json.loads(json.loads(buffer[8 : 8 + size])["__metadata__"]["pellucid"])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError("This is not a Pellucid frame", received=f"{len(buffer)} bytes ({error})", remedy=remedy) from error
    if not isinstance(header, dict):
        raise FileError("This is not a Pellucid frame", received=f"a header of type {type(header).__name__}", remedy=remedy)
    if header.get("format") != FORMAT:
        raise FileError(
            "This frame has an unknown format version",
            received=repr(header.get("format")),
            remedy=f"this Pellucid reads format {FORMAT}; install the version of Pellucid that wrote the file",
        )
    return arrays, header


def write_whole(path: str | os.PathLike[str], data: bytes) -> Path:
    """Writes a file whole or not at all: beside its place first, then renamed.

    Raises:
        FileError: the path is a folder, its folder does not exist, or it can not be written.
    """
    path = Path(path)
    if path.is_dir():
        raise FileError("The path to write is a folder", received=str(path), remedy=f"give a file name, such as {path / 'report.html'}")
    if not path.parent.is_dir():
        raise FileError("The folder to write into does not exist", received=str(path), remedy=f"make {path.parent} first")
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise FileError(
            "The folder can not be written to", received=f"{path} ({error.strerror})", remedy="choose another folder"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        Path(beside).chmod(0o666 & ~umask)
        Path(beside).replace(path)
    except OSError as error:
        raise FileError(
            "The file could not be written", received=f"{path} ({error.strerror})", remedy="free space, or choose another folder"
        ) from error
    finally:
        Path(beside).unlink(missing_ok=True)
    return path
