"""SavedModels that TensorFlow wrote: those that compute are loaded, those that do more are refused, and leave no mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pellucid as pl
from pellucid.cli import main
from pellucid.cli.loaded import network
from pellucid.errors import FileError

X = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)


class Network(tf.Module):
    def __init__(self, inside: Any = tf.nn.relu) -> None:
        super().__init__()
        draw = np.random.default_rng(1)
        self.first = tf.Variable(draw.standard_normal((6, 8)).astype(np.float32), name="first/kernel")
        self.last = tf.Variable(draw.standard_normal((8, 3)).astype(np.float32), name="last/kernel")
        self.inside = inside

    @tf.function(input_signature=[tf.TensorSpec((None, 6), tf.float32)])
    def __call__(self, x: Any) -> Any:
        return tf.nn.softmax(self.inside(x @ self.first) @ self.last)


def saved(net: Network, folder: Path) -> str:
    tf.saved_model.save(net, str(folder), signatures=net.__call__)
    return str(folder)


def test_a_sound_folder_is_loaded_and_explained(tmp_path: Path) -> None:
    net = Network()
    found = network(saved(net, tmp_path / "net"), None)
    (answer,) = found(x=tf.constant(X)).values()
    assert np.array_equal(answer.numpy(), net(tf.constant(X)).numpy())
    e, reference = (pl.explain(one, X, "integrated_gradients", target=1) for one in (found, net))
    assert np.allclose(e.arrays[0].values, reference.arrays[0].values, atol=1e-5)
    np.save(tmp_path / "rows.npy", X)
    given = ["explain", "--model", str(tmp_path / "net"), "--input", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "why.png")]
    assert main(given) == 0


def test_a_model_of_keras_is_loaded(tmp_path: Path) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("only Keras on TensorFlow writes SavedModels")
    net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, "relu"), keras.layers.BatchNormalization(), keras.layers.Dense(3)])
    net.export(str(tmp_path / "net"), verbose=False)
    found = network(str(tmp_path / "net"), None)
    (answer,) = found(**{next(iter(found.structured_input_signature[1])): tf.constant(X)}).values()
    assert np.allclose(answer.numpy(), net(X).numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["python", "writes", "reads"])
def test_what_does_more_than_to_compute_is_refused(kind: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def harm(x: Any) -> Any:
        if kind == "python":
            return tf.ensure_shape(tf.py_function(lambda y: (mark.touch(), y)[1], [x], tf.float32), x.shape)
        if kind == "writes":
            with tf.control_dependencies([tf.io.write_file(str(mark), "harm")]):
                return tf.identity(x)
        return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)

    folder = saved(Network(harm), tmp_path / "net")
    mark.unlink(missing_ok=True)
    with pytest.raises(FileError, match="calls Python" if kind == "python" else "reads or writes files"):
        network(folder, None)
    assert not mark.exists()


def test_the_functions_that_save_can_not_be_reached(tmp_path: Path) -> None:
    """A signature that names the function that saves finds none: it is not in the copy."""
    folder = Path(saved(Network(), tmp_path / "net"))
    data = (folder / "saved_model.pb").read_bytes()
    assert b"SaveV2" in data
    network(str(folder), None)
    at = data.index(b"__inference_signature_wrapper")
    name = data[at : at + 40].split(b"\x12")[0].split(b"*")[0].split(b"\x1a")[0]
    evil = data.replace(name, b"__inference__traced_save_".ljust(len(name), b"1")[: len(name)])
    (folder / "saved_model.pb").write_bytes(evil)
    with pytest.raises(FileError):
        network(str(folder), None)


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    folder = Path(saved(Network(), tmp_path / "net"))
    data = (folder / "saved_model.pb").read_bytes()
    for change in (data[: len(data) // 2], b"", data[:200] + b"\xff" * 200 + data[400:]):
        (folder / "saved_model.pb").write_bytes(change)
        with pytest.raises(FileError):
            network(str(folder), None)
    (folder / "saved_model.pb").write_bytes(data)
    (folder / "variables" / "variables.index").write_bytes(b"nothing")
    with pytest.raises(FileError, match="does not take"):
        network(str(folder), None)
