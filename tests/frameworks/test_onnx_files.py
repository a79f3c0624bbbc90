"""An ONNX file from elsewhere is looked at in a process of its own: whatever is in it, one gets a model, or an error that says why not."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from frameworks.mutations import ROWS, small
from frameworks.onnx_graphs import graph, node, shaped
from pellucid.cli import main
from pellucid.cli.loaded import network
from pellucid.errors import FileError, InputError
from pellucid.models.files.onnx_file import load_onnx
from pellucid.models.files.sandbox import in_sandbox


def written(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(shaped(model).SerializeToString())
    return path


def test_a_sound_file_is_loaded(tmp_path: Path) -> None:
    model = load_onnx(written(small(), tmp_path / "net.onnx"))
    assert [one.op_type for one in model.graph.node] == ["Gemm", "Relu", "Reshape", "Constant", "Mul", "MatMul"]
    assert isinstance(network(str(tmp_path / "net.onnx"), None), onnx.ModelProto)
    with pytest.raises(InputError, match="has its weights inside"):
        network(str(tmp_path / "net.onnx"), Path("w.safetensors"))


def test_a_file_is_explained_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(small(), tmp_path / "net.onnx")
    np.save(tmp_path / "rows.npy", np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32))
    given = ["explain", "--model", str(path), "--input", str(tmp_path / "rows.npy"), "--rows", "0:2", "--out", str(tmp_path / "why.png")]
    assert main(given) == 0
    assert (tmp_path / "why.png").stat().st_size > 5_000
    (tmp_path / "net.onnx").write_bytes(b"no model")
    assert main(given) == 2
    assert "This is no ONNX model" in capsys.readouterr().err


def elsewhere(location: str) -> onnx.ModelProto:
    model = small()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return model


def foreign() -> onnx.ModelProto:
    model = small()
    model.graph.node[1].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    return model


def claims(*dims: int) -> onnx.ModelProto:
    model = small()
    model.graph.initializer[0].dims[:] = dims
    return model


def grown(kind: str, *shape: int) -> onnx.ModelProto:
    """A few bytes that become a large constant."""
    ends = {"p": 0.0, "q": 1e12, "r": 1.0}
    nodes = {
        "ConstantOfShape": [node("ConstantOfShape", ["s"], ["c"])],
        "Expand": [node("Constant", [], ["k"], value_float=1.0), node("Expand", ["k", "s"], ["c"])],
        "Range": [*(node("Constant", [], [k], value_float=v) for k, v in ends.items()), node("Range", list(ends), ["c"])],
    }[kind]  # fmt: skip
    return graph(
        [*nodes, node("ReduceSum", ["c"], ["d"], keepdims=0), node("Add", ["x", "d"])], {"x": ROWS}, constants={"s": np.array(shape)}
    )


def endless() -> onnx.ModelProto:
    """A loop that never ends."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Identity", ["v"], ["w"])], "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("v", TensorProto.FLOAT, ["rows", 3])],
        [value("on", TensorProto.BOOL, []), value("w", TensorProto.FLOAT, ["rows", 3])],
    )  # fmt: skip
    always = node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
    return graph([always, node("Loop", ["", "yes", "x"], ["y"], body=body)], {"x": ROWS})


REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "weights in another file": (lambda: elsewhere("weights.bin"), "keeps weights in other files"),
    "weights up the tree": (lambda: elsewhere("../../etc/passwd"), "keeps weights in other files"),
    "weights anywhere": (lambda: elsewhere("/etc/passwd"), "keeps weights in other files"),
    "operators of others": (foreign, "not ONNX's own"),
    "a tensor beyond all": (lambda: claims(1 << 40, 1 << 20), "impossible size"),
    "a tensor below nothing": (lambda: claims(-3, 4), "impossible size"),
    "a tensor of another size": (lambda: claims(3, 5), "another size"),
    "a constant that grows": (lambda: grown("ConstantOfShape", 1 << 16, 1 << 16), "memory|does not take"),
    "a number that is spread": (lambda: grown("Expand", 1 << 16, 1 << 16), "memory|does not take"),
    "a range that is long": (lambda: grown("Range"), "memory|does not take"),
    "a loop without end": (endless, "took too long|crashes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_harm_is_refused(name: str, tmp_path: Path) -> None:
    make, said = REFUSED[name]
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(FileError, match=said) as caught:
        load_onnx(written(make(), tmp_path / "net.onnx"))
    assert "What to do" in str(caught.value)
    assert time.monotonic() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 18  # kilobytes: a quarter of a gigabyte


@pytest.mark.parametrize("data", [b"", b"\0", b"PK\3\4", b"hello" * 99, b"\x80\x04\x95" + b"\xff" * 64, b"\xff" * 4096])
def test_what_is_no_model_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(FileError, match="no ONNX model"):
        load_onnx(tmp_path / "net.onnx")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="can not be read"):
        load_onnx(tmp_path / "none.onnx")


# ---- the process itself, in which even a function that means harm does none ------------------------------------------------------------


def writes(data: bytes) -> bytes:
    Path(data.decode()).write_text("harm")
    return b""


def starts(data: bytes) -> bytes:
    os.system(f"touch {data.decode()}")
    return b""


def grows(data: bytes) -> bytes:
    return bytes(4 << 30)


def hangs(data: bytes) -> bytes:
    while True:
        pass


def sleeps(data: bytes) -> bytes:
    time.sleep(60)
    return b""


def crashes(data: bytes) -> bytes:
    os.abort()


def doubles(data: bytes) -> bytes:
    print("said aloud")
    return data * 2


def floods(data: bytes) -> bytes:
    return bytes(64 << 20)


@pytest.mark.parametrize("harm", ["writes", "starts", "grows", "hangs", "sleeps", "crashes", "floods"])
def test_a_process_with_limits_does_no_harm(harm: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"crashes|took too long|too much"):
        in_sandbox(f"frameworks.test_onnx_files:{harm}", str(tmp_path / "canary").encode(), seconds=3)
    assert not (tmp_path / "canary").exists()


def test_a_process_with_limits_answers() -> None:
    assert in_sandbox("frameworks.test_onnx_files:doubles", b"ab") == b"abab"
