"""An ONNX file from elsewhere is looked at in a process of its own: whatever is in it, one gets a model, or an error that says why not.

``PELLUCID_FUZZ_EXAMPLES=10000 pytest tests/frameworks/test_onnx_files.py`` tries so many damaged files.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import pellucid as pl
from frameworks.onnx_graphs import graph, node
from pellucid.cli import main
from pellucid.cli.loaded import network
from pellucid.errors import FileError, InputError, PellucidError
from pellucid.models.onnx_file import load_onnx
from pellucid.models.sandbox import in_sandbox

EXAMPLES = int(os.environ.get("PELLUCID_FUZZ_EXAMPLES", "200"))
ROWS = np.zeros((2, 3), np.float32)


def shaped(model: onnx.ModelProto) -> onnx.ModelProto:
    """With the rank of its outputs, which the format demands."""
    for one in model.graph.output:
        if not one.type.tensor_type.HasField("shape"):
            one.type.tensor_type.shape.SetInParent()
            one.type.tensor_type.shape.dim.add().dim_param = "rows"
            one.type.tensor_type.shape.dim.add().dim_param = "n"
    return model


def written(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(shaped(model).SerializeToString())
    return path


def small() -> onnx.ModelProto:
    """Two dense layers, a constant in a node, and a branch."""
    draw = np.random.default_rng(0)
    held = {"a": draw.normal(size=(3, 4)), "b": draw.normal(size=4), "c": draw.normal(size=(4, 2)), "shape": np.array([-1, 4])}
    constants = {name: value.astype(np.float32 if name != "shape" else np.int64) for name, value in held.items()}
    nodes = [
        node("Gemm", ["x", "a", "b"], ["h"]), node("Relu", ["h"], ["r"]), node("Reshape", ["r", "shape"], ["s"]),
        node("Constant", [], ["k"], value=numpy_helper.from_array(np.array([2.0], np.float32))), node("Mul", ["s", "k"], ["m"]),
        node("MatMul", ["m", "c"]),
    ]  # fmt: skip
    return graph(nodes, {"x": ROWS}, constants=constants, opset=17)


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


def mutated(data: bytes, seed: int) -> bytes:
    """Some bytes changed, cut out, doubled or put elsewhere."""
    draw = np.random.default_rng(seed)
    found = bytearray(data)
    for _ in range(int(draw.integers(1, 6))):
        at, length = int(draw.integers(0, max(len(found), 1))), int(draw.integers(1, 40))
        how = int(draw.integers(0, 6))
        if how == 0 and found:
            found[min(at, len(found) - 1)] ^= 1 << int(draw.integers(0, 8))
        elif how == 1:
            found[at : at + length] = draw.bytes(length)
        elif how == 2:
            del found[at : at + length]
        elif how == 3:
            found[at:at] = found[at : at + length]
        elif how == 4:
            found[at : at + 9] = b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"  # a number as large as any
        else:
            del found[at:]
    return bytes(found)


KINDS = [
    "Relu",
    "Add",
    "Conv",
    "LSTM",
    "Resize",
    "Tile",
    "Expand",
    "Gather",
    "If",
    "Loop",
    "TopK",
    "Pad",
    "Softmax",
    "Where",
    "Split",
    "QuantizeLinear",
]
SIZES = [-1, 0, 1, 2, 1 << 20, 1 << 31, 1 << 40, -(1 << 62)]


def twisted(seed: int) -> bytes:
    """A model that is well written and says something odd: operators, sizes, numbers and names put in each other's places."""
    draw = np.random.default_rng(seed)
    model = small()
    names = [name for one in model.graph.node for name in (*one.input, *one.output)] + ["", "nothing"]
    for _ in range(int(draw.integers(1, 4))):
        one = model.graph.node[int(draw.integers(len(model.graph.node)))]
        held = model.graph.initializer[int(draw.integers(len(model.graph.initializer)))]
        how = int(draw.integers(0, 7))
        if how == 0:
            one.op_type = str(draw.choice(KINDS))
        elif how == 1 and len(one.input):
            one.input[int(draw.integers(len(one.input)))] = str(draw.choice(names))
        elif how == 2:
            one.attribute.append(
                helper.make_attribute(str(draw.choice(["axis", "transB", "pads", "hidden_size", "alpha"])), int(draw.choice(SIZES)))
            )
        elif how == 3:
            held.dims[int(draw.integers(len(held.dims)))] = int(draw.choice(SIZES))
        elif how == 4:
            held.data_type = int(draw.integers(0, 24))
        elif how == 5:
            sizes = [int(draw.choice(SIZES)) for _ in range(2)]
            model.graph.initializer[3].CopyFrom(numpy_helper.from_array(np.array(sizes, np.int64), "shape"))
        else:
            model.opset_import[0].version = int(draw.integers(1, 26))
    return shaped(model).SerializeToString()


def _used(model: onnx.ModelProto) -> str:
    """What comes of a file that was loaded: two rows, explained or refused."""
    try:
        pl.explain(model, ROWS + 1, "gradient", target=0)
    except PellucidError as error:
        return error.problem.split(":")[0][:60]
    return "explained"


def test_damaged_files_end_in_a_model_or_an_error(tmp_path: Path) -> None:
    data = written(small(), tmp_path / "net.onnx").read_bytes()
    canary = tmp_path / "canary"
    canary.write_text("alive")

    def one(seed: int) -> str | onnx.ModelProto:
        path = tmp_path / f"{seed}.onnx"
        path.write_bytes(mutated(data, seed) if seed % 2 else twisted(seed))
        try:
            model = load_onnx(path)
        except FileError as error:
            return error.problem
        finally:
            path.unlink()
        return model

    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one, range(EXAMPLES)))
    ends = Counter(one if isinstance(one, str) else _used(one) for one in found)
    print(ends)
    assert sum(ends.values()) == EXAMPLES
    assert len(ends) > 2, "the mutations all end alike"
    assert canary.read_text() == "alive"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canary", "net.onnx"]
    assert time.monotonic() - started < 12 * EXAMPLES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 19


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
