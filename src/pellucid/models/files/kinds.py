"""Which files hold a whole network, and what reads each kind. Nothing in a file is executed: what could run code is refused."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pellucid.errors import FileError, MissingExtra
from pellucid.models.files.loading import WAY_OUT

REFUSED = (".pt", ".pth", ".ckpt", ".bin")
PICKLES = (".pkl", ".pickle", ".joblib")
ESTIMATORS = "skops.io.dump(estimator, 'net.skops') for scikit-learn"
GRAPH = "saved_model.pb"


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        what: a name for people, such as ``An ONNX model``.
        loader: ``package.module:function`` from a path to the network.
        needs: a module that has to be installed; ``extra`` brings it.
    """

    what: str
    loader: str
    needs: str = "torch"
    extra: str = ""

    def load(self, path: Path) -> Any:  # noqa: ANN401
        """The network.

        Raises:
            MissingExtra: what reads it is not installed.
            FileError: see the loader.
        """
        if find_spec(self.needs) is None:
            raise MissingExtra(self.needs, self.extra)
        module, _, name = self.loader.partition(":")
        return getattr(import_module(module), name)(path)


KERAS = Kind("A Keras file", "pellucid.models.files.keras_file:load_keras", "keras", "keras")
SAVED_MODEL = Kind("A SavedModel", "pellucid.models.files.tensorflow_file:load_saved_model", "tensorflow", "tensorflow")
PROGRAM = Kind("An exported program", "pellucid.models.files.exported:load_program")
KINDS = {
    ".pt2": PROGRAM,
    ".onnx": Kind("An ONNX model", "pellucid.models.files.onnx_file:load_onnx", "onnx", "onnx"),
    ".keras": KERAS,
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".skops": Kind("A skops file", "pellucid.models.files.sklearn_file:load_skops", "skops", "skops"),
}


def kind_of(path: Path) -> Kind | None:
    """What reads a file or folder, by its name; None where it is not there and has no such name.

    Raises:
        FileError: a pickle, weights alone, or a folder that is no SavedModel.
    """
    suffix = path.suffix.lower()
    if suffix in KINDS:
        return KINDS[suffix]
    if path.is_dir():
        if not (path / GRAPH).is_file():
            raise FileError("The folder holds no SavedModel", received=f"{path} without {GRAPH}", remedy=f"give one of {', '.join(KINDS)}")
        return SAVED_MODEL
    if not path.is_file():
        return None
    if suffix in PICKLES:
        problem = "A pickle can run any program when it is opened, so it is refused"
        raise FileError(problem, received=str(path), remedy=f"{ESTIMATORS}; {WAY_OUT}")
    if suffix in REFUSED:
        problem = "A file of weights or a pickle is no network by itself"
        raise FileError(problem, received=str(path), remedy=f"give --model a factory; {WAY_OUT}")
    return PROGRAM
