"""Loads a network that Keras saved: ``.keras``, or HDF5 with the network inside.

What a file says is read, not the file: the configuration is written anew when all that it names is Keras' own, the numbers when they were
read in a process of its own; Keras is given the copy.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import keras
from safetensors import SafetensorError

from pellucid.errors import FileError
from pellucid.models.files import hdf5
from pellucid.models.files.archive import unpacked
from pellucid.models.files.keras_check import CONFIG, METADATA, WEIGHTS, archive, question, whole
from pellucid.models.files.keras_config import canonical
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import Refused, in_sandbox

SECONDS = 30
HDF5 = b"\x89HDF\r\n\x1a\n"
REMEDY = "check where the file comes from; or make the network in a function of your own: --model package.module:factory"
SURROUNDINGS = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}


def load_keras(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401
    """The network in a file that ``model.save`` wrote: ``.keras``, or HDF5, whichever its content is.

    It was built and run once in a process with limits of time and memory before; optimizers, losses and metrics are left behind.

    Raises:
        FileError: not such a file, damaged, one that carries code (Lambda layers), has classes of its own or names other files, or one
            that crashes, hangs or grows.
    """
    data = read_file(path)
    try:
        if data.startswith(HDF5):
            return _given(whole(_seen("", data)))
        config, weights = parts(data)
        return _given(_seen(config, weights), config)
    except (Refused, FileError) as error:
        problem, received = (error.problem, error.received) if isinstance(error, FileError) else str(error).split("\n", 1)
        raise FileError(problem, received=f"{path}: {received}", remedy=REMEDY) from error


def parts(data: bytes) -> tuple[str, bytes]:
    """The configuration of a ``.keras`` file, written anew, and its HDF5 file.

    Raises:
        Refused: see :func:`load_keras`.
    """
    files = unpacked(data, "Keras file")
    if missing := [name for name in (CONFIG, WEIGHTS) if name not in files]:
        raise Refused("This is no Keras file, or one without weights", f"no {', '.join(missing)} among {', '.join(sorted(files))[:120]}")
    if beside := sorted(files.keys() - {CONFIG, METADATA, WEIGHTS}):
        raise Refused("The Keras file holds other files, such as tables of words, which are not read", ", ".join(beside)[:160])
    return canonical(files[CONFIG]), files[WEIGHTS]


def _seen(config: str, weights: bytes) -> hdf5.Tree:
    largest = hdf5.FREE + hdf5.EXPANSION * len(weights) + (16 << 20)
    around = {**SURROUNDINGS, "KERAS_BACKEND": keras.backend.backend()}
    function = "pellucid.models.files.keras_check:checked"
    found = in_sandbox(function, question(config, weights), seconds=SECONDS, largest=largest, environment=around)
    try:
        return hdf5.Tree.unpacked(found)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:  # a process that was taken over may say anything
        raise Refused("The process that looked at the file gave no sound answer", f"{len(found)} bytes") from error


def _given(tree: hdf5.Tree, config: str = "") -> Any:  # noqa: ANN401
    """What Keras makes of the copy."""
    with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
        copy = Path(folder, "network.keras" if config else "network.h5")
        copy.write_bytes(archive(config, tree) if config else hdf5.written(tree))
        try:
            return keras.saving.load_model(copy, compile=False, safe_mode=True)
        except Exception as error:  # it was loaded once, but versions and memory may differ
            raise Refused("Keras does not take this model", f"{type(error).__name__}: {str(error)[:160]}") from error
