"""Loads an ONNX file; what comes from elsewhere is first looked at in a process of its own."""

from __future__ import annotations

import os

import onnx

from pellucid.errors import FileError
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import in_sandbox


def load_onnx(path: str | os.PathLike[str]) -> onnx.ModelProto:
    """The model in an ``.onnx`` file. The file was read and run once in a process with limits of time and memory before.

    Raises:
        FileError: not such a file, damaged, one that keeps weights in other files or calls operators that are not ONNX's own, or one that
            crashes, hangs or grows.
    """
    try:
        canonical = in_sandbox("pellucid.models.files.onnx_check:checked", read_file(path))
    except FileError as error:
        if "can not be read" in error.problem:
            raise
        raise FileError(error.problem, received=f"{path}: {error.received}", remedy=error.remedy) from error
    model = onnx.ModelProto()
    model.ParseFromString(canonical)
    return model
