"""Whether a file of Keras can be read without harm: called in a process of its own (:mod:`pellucid.models.files.sandbox`).

The HDF5 part is read here and nowhere else. Then the network is built, and run once, so that what grows or does not end does so here.
"""

from __future__ import annotations

import zipfile
from importlib import import_module
from io import BytesIO
from typing import Any

import h5py
import keras
import numpy as np

from pellucid.models.files import hdf5
from pellucid.models.files.keras_config import canonical
from pellucid.models.files.sandbox import Refused

OPEN = 2  # how long an axis without a length is taken to be
MOST = 1 << 26  # numbers of an input
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
SETTING = "model_config"  # of an HDF5 file that holds a network
KEPT = (SETTING, "keras_version", "backend")
INSIDE = "/model_weights"


def warmed() -> None:
    """Has the backend start its threads and load what it loads at first use, before there are limits."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model(np.zeros((OPEN, 2), "float32"), training=False)
    import_module("keras.src.legacy.saving.json_utils").decode('{"class_name": ""}')  # imports TensorFlow where it is installed


def question(config: str, weights: bytes) -> bytes:
    """A configuration, empty where it lies in the HDF5 file, and an HDF5 file, in one."""
    text = config.encode()
    return len(text).to_bytes(8, "little") + text + weights


def checked(data: bytes) -> bytes:
    """The numbers and texts of an HDF5 file (:class:`pellucid.models.files.hdf5.Tree`), with which the network was built and run once.

    Raises:
        Refused: what was wrong and what was received.
    """
    size = int.from_bytes(data[:8], "little")
    config, tree = data[8 : 8 + size].decode(), hdf5.read(data[8 + size :])
    if not config:
        tree = whole(tree)
    try:
        _run(_zipped(archive(config, tree)) if config else _legacy(tree))
    except Refused:
        raise
    except Exception as error:  # Keras and what it stands on raise anything
        grows = isinstance(error, MemoryError) or "alloc" in str(error).lower()
        problem = "The Keras model asks for too much memory" if grows else "Keras does not take this model"
        raise Refused(problem, f"{type(error).__name__}: {_line(error)}") from error
    return tree.packed()


def whole(tree: hdf5.Tree) -> hdf5.Tree:
    """What of an HDF5 file is a network: its configuration and its weights.

    Raises:
        Refused: it holds weights only, or a configuration that is refused.
    """
    about = tree.groups[""]
    if not isinstance(about.get(SETTING), str):
        raise Refused("The HDF5 file holds no network", f"no {SETTING}; weights alone need the network that they belong to")
    texts = {name: text for name, text in about.items() if name in KEPT}
    texts[SETTING] = canonical(str(texts[SETTING]))
    inside = {path: found for path, found in tree.groups.items() if _within(path)}
    arrays = {path: found for path, found in tree.arrays.items() if _within(path)}
    return hdf5.Tree({"": texts, **inside}, arrays, {path: tree.texts.get(path, {}) for path in arrays})


def archive(config: str, tree: hdf5.Tree) -> bytes:
    """A ``.keras`` file."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as new:
        new.writestr(CONFIG, config)
        new.writestr(METADATA, "{}")
        new.writestr(WEIGHTS, hdf5.written(tree))
    return buffer.getvalue()


def _within(path: str) -> bool:
    return path == INSIDE or path.startswith(f"{INSIDE}/")


def _zipped(data: bytes) -> Any:  # noqa: ANN401
    """The network in a ``.keras`` file in memory, for which Keras has no public function."""
    return import_module("keras.src.saving.saving_lib").load_model(BytesIO(data), compile=False, safe_mode=True)


def _legacy(tree: hdf5.Tree) -> Any:  # noqa: ANN401
    with h5py.File(BytesIO(hdf5.written(tree)), "r") as file:
        return import_module("keras.src.legacy.saving.legacy_h5_format").load_model_from_hdf5(file, compile=False)


def _run(model: Any) -> None:  # noqa: ANN401
    """Answers for two rows of zeros; that these may not be what the network takes does not matter."""
    given = getattr(model, "inputs", None)
    if not given:
        return
    shapes = [tuple(OPEN if size is None else int(size) for size in one.shape) for one in given]
    if any(float(np.prod(np.array(shape, np.float64))) > MOST for shape in shapes):
        raise Refused("An input of the Keras model is too large", str(shapes)[:120])
    rows = [np.zeros(shape, keras.backend.standardize_dtype(one.dtype)) for shape, one in zip(shapes, given, strict=True)]
    try:
        model(rows if len(rows) > 1 else rows[0], training=False)
    except Exception as error:  # what counts is that it came back
        if isinstance(error, MemoryError) or "alloc" in str(error).lower():
            raise


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:160]
