"""Which frameworks are tested: Keras on torch and ONNX in every run, TensorFlow and JAX apart (``make frameworks``).

A framework that is missing is a reason to skip here; continuous integration installs all that it tests.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

NEEDED = {
    "test_onnx": ("onnx", "onnxruntime"),
    "test_keras_files": ("keras",),
    "test_mutated": ("onnx", "onnxruntime", "keras", "skops"),
    "test_skops": ("onnx", "keras"),
}  # by the beginning of a file's name
EXPORT = ("onnxscript",)  # what torch's exporter needs


def lacking(modules: tuple[str, ...]) -> str:
    return ", ".join(name for name in modules if find_spec(name) is None)


collect_ignore: list[str] = (
    [] if os.environ.get("PELLUCID_FRAMEWORKS") else ["test_jax.py", "test_jax_watch.py", "test_tensorflow.py", "test_tensorflow_files.py"]
)
if os.environ.get("KERAS_BACKEND", "torch") != "torch":  # a process that has TensorFlow or JAX at work can not be forked
    collect_ignore.append("test_mutated_files.py")
if os.environ.get("CI") != "true":
    for beginning, modules in NEEDED.items():
        if lacking(modules):
            collect_ignore += [path.name for path in Path(__file__).parent.glob(f"{beginning}*.py")]


@pytest.fixture
def exporter() -> None:
    """Skips where torch can not export to ONNX."""
    if lacking(EXPORT):
        pytest.skip(f"needs {lacking(EXPORT)}")
