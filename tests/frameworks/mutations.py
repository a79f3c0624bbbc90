"""Files that are damaged, or well written and odd: seeded changes of bytes, of the entries of archives, of JSON and protocol buffers."""

from __future__ import annotations

import base64
import json
import marshal
import pickle
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
from onnx import helper, numpy_helper

from frameworks.onnx_graphs import graph, node, shaped
from pellucid.models.files.protobuf_wire import field, fields, varint
from pellucid.models.files.sandbox import Refused

Draw = np.random.Generator
ROWS = np.zeros((2, 3), np.float32)
HUGE = [b"\xff" * 8, (1 << 40).to_bytes(8, "little"), b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", (1 << 31).to_bytes(4, "big")]


class Bomb:
    """An object whose pickle makes a folder when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        import os

        return os.mkdir, (str(self.mark),)


def blocks(mark: Path) -> list[bytes]:
    """What would run a program, where somebody opened it as such; the program makes the mark."""
    code = compile(f"__import__('os').mkdir({str(mark)!r})", "x", "exec")
    return [pickle.dumps(Bomb(mark)), pickle.dumps(Bomb(mark), 0), marshal.dumps(code), f"__import__('os').mkdir({str(mark)!r})".encode()]


def bytes_changed(data: bytes, draw: Draw, extra: list[bytes]) -> bytes:
    """Some bytes changed, cut out, doubled, put elsewhere, or replaced by a size as large as any or a program."""
    found = bytearray(data)
    for _ in range(int(draw.integers(1, 6))):
        at, length = int(draw.integers(0, max(len(found), 1))), int(draw.integers(1, 40))
        if draw.random() < 0.3:
            at = int(at**0.5)  # the beginning says more than the middle
        how = int(draw.integers(0, 9))
        if how <= 1 and found:
            found[min(at, len(found) - 1)] ^= 1 << int(draw.integers(0, 8))
        elif how == 2:
            found[at : at + length] = draw.bytes(length)
        elif how == 3:
            del found[at : at + length]
        elif how == 4:
            found[at:at] = found[at : at + length]
        elif how == 5:
            size = HUGE[int(draw.integers(len(HUGE)))]
            found[at : at + len(size)] = size
        elif how == 6:
            found[at : at + length] = bytes(length)
        elif how == 7:
            found[at : at + length] = extra[int(draw.integers(len(extra)))]
        elif draw.random() < 0.3:
            del found[at:]
    return bytes(found)


# ---- JSON


def values(mark: Path) -> list[Any]:
    code = base64.b64encode(blocks(mark)[2]).decode()
    return [
        None, True, -1, 0, 1, 7, 1 << 20, 1 << 40, -(1 << 62), 10**400, 1e308, float("nan"), "", "x", "a" * 20_000, "../../x", str(mark),
        [],
        {}, [[]], [1 << 30] * 4, "float128", "bfloat16", "__import__('os')", "keras.layers", "os", "function", "Lambda",
        {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": code}}}},
        {"module": "os", "class_name": "mkdir", "config": {"path": str(mark)}, "registered_name": None},
        {"class_name": "__lambda__", "config": {"value": [code, None, None]}}, json.loads("[" * 500 + "]" * 500),
        {"__class__": "mkdir", "__module__": "os", "__loader__": "FunctionNode", "content": str(mark)},
        {"__class__": "mkdir", "__module__": "os", "__loader__": "ObjectNode", "__id__": 1, "content": {"__class__": "dict"}},
        "ObjectNode", "FunctionNode", "PartialNode", "NdArrayNode", "numpy", "ndarray", "sklearn.linear_model",
    ]  # fmt: skip


def json_changed(value: Any, draw: Draw, pool: list[Any]) -> Any:
    """A value put in another's place, a key taken out or renamed, an entry doubled, at a place drawn at random."""
    places: list[tuple[Any, Any]] = []

    def walk(one: Any) -> None:
        for key in one if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ():
            places.append((one, key))
            walk(one[key])

    walk(value)
    for _ in range(int(draw.integers(1, 4))):
        if not places:
            return pool[int(draw.integers(len(pool)))]
        inside, key = places[int(draw.integers(len(places)))]
        if (isinstance(inside, list) and key >= len(inside)) or (isinstance(inside, dict) and key not in inside):
            continue
        how = int(draw.integers(0, 6))
        if how <= 2:
            inside[key] = pool[int(draw.integers(len(pool)))]
        elif how == 3:
            del inside[key]
        elif how == 4:
            other, at = places[int(draw.integers(len(places)))]
            if isinstance(other, dict) and at in other:
                inside[key] = json.loads(json.dumps(other[at]))
        elif isinstance(inside, list):
            inside.insert(key, inside[key])
        else:
            inside[str(draw.choice(["class_name", "module", "config", "shape", "dtype", "x"]))] = inside.pop(key)
    return value


def header_changed(data: bytes, draw: Draw, pool: list[Any]) -> bytes:
    """Of a safetensors file, also of the JSON that Pellucid keeps in it."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    inner = header.get("__metadata__", {}).get("pellucid")
    if inner is not None and draw.random() < 0.8:
        header["__metadata__"]["pellucid"] = json.dumps(json_changed(json.loads(inner), draw, pool))
    else:
        header = json_changed(header, draw, pool)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def archive_changed(data: bytes, draw: Draw, inside: Callable[[str, bytes], bytes]) -> bytes:
    """Of a zip archive: an entry renamed, doubled, left out, replaced by another, packed, or changed inside."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        files = [(name, archive.read(name)) for name in archive.namelist()]
    for _ in range(int(draw.integers(1, 3))):
        at = int(draw.integers(len(files)))
        name, content = files[at]
        how = int(draw.integers(0, 8))
        if how == 0:
            files[at] = str(draw.choice(["../x", "/x", "x\0y", " ", "assets/x", "config.json", "a.npy", "x" * 900, "权重"])), content
        elif how == 1:
            files.append((name, content))
        elif how == 2 and len(files) > 1:
            del files[at]
        elif how == 3:
            files[at] = name, files[int(draw.integers(len(files)))][1]
        elif how == 4:
            files[at] = name, bytes(3 << 20)
        else:
            files[at] = name, inside(name, content)
    buffer = BytesIO()
    packing = zipfile.ZIP_DEFLATED if draw.random() < 0.3 else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", packing) as new:
        for name, content in files:
            new.writestr(name, content)
    return buffer.getvalue()


# ---- protocol buffers

OPERATORS = [b"ReadFile", b"PyFunc", b"WriteFile", b"SaveV2", b"MatMul", b"While", b"PartitionedCall", b"TensorListReserve", b"Reshape"]


def protobuf_changed(data: bytes, draw: Draw, extra: list[bytes]) -> bytes:
    """A field taken out, doubled, moved, or with another number, text or message in it, somewhere in the messages in one another."""
    try:
        found = list(fields(data))
    except Refused:
        return bytes_changed(data, draw, extra)
    if not found:
        return data
    at = int(draw.integers(len(found)))
    one = found[at]
    parts = [each.raw for each in found]
    if not isinstance(one.value, int) and draw.random() < 0.9:
        inner = bytes(one.value)
        if len(inner) > 1 and not inner.isascii():
            parts[at] = field(one.number, protobuf_changed(inner, draw, extra))
            return b"".join(parts)
    how = int(draw.integers(0, 7))
    if how == 0:
        del parts[at]
    elif how == 1:
        parts.insert(at, parts[at])
    elif how == 2:
        parts.append(parts.pop(at))
    elif isinstance(one.value, int):
        parts[at] = varint(one.number << 3) + varint(int(draw.choice([0, 1, 3, 23, 1 << 31, (1 << 63) - 1, (1 << 64) - 1])))
    elif how == 3:
        parts[at] = field(one.number, bytes(found[int(draw.integers(len(found)))].raw))
    elif how == 4:
        parts[at] = field(one.number, extra[int(draw.integers(len(extra)))])
    else:
        parts[at] = field(one.number, OPERATORS[int(draw.integers(len(OPERATORS)))])
    return b"".join(parts)


# ---- folders, as archives of their files


def packed(folder: Path) -> bytes:
    """A folder as an archive."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def unpack(data: bytes, folder: Path) -> None:
    """The folder again."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        archive.extractall(folder)


def folder_changed(data: bytes, draw: Draw, extra: list[bytes]) -> bytes:
    """One file of a SavedModel changed, mostly its graph and in its messages."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = "saved_model.pb" if draw.random() < 0.8 else str(draw.choice(sorted(files)))
    for _ in range(int(draw.integers(1, 4))):
        change = protobuf_changed if name.endswith(".pb") and draw.random() < 0.8 else bytes_changed
        files[name] = change(files[name], draw, extra)
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as new:
        for each, content in files.items():
            new.writestr(each, content)
    return buffer.getvalue()


# ---- HDF5


def hdf5_changed(data: bytes, draw: Draw, pool: list[Any]) -> bytes:
    """Links, sizes, kinds and attributes, by HDF5 itself."""
    buffer = BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        arrays: list[str] = []
        file.visititems(lambda name, one: arrays.append(name) if isinstance(one, h5py.Dataset) else None)
        name = arrays[int(draw.integers(len(arrays)))]
        how = int(draw.integers(0, 9))
        if "model_config" in file.attrs and draw.random() < 0.5:
            config = json.loads(file.attrs["model_config"])
            file.attrs["model_config"] = json.dumps(json_changed(config, draw, pool)).replace("\\u0000", "")
            return_ = True
        else:
            return_ = False
            shape = file[name].shape
        if return_:
            pass
        elif how == 8:
            file.attrs["weight_names" if draw.random() < 0.5 else "layer_names"] = np.zeros(3)
        else:
            del file[name]
            if how == 0:
                file[name] = h5py.ExternalLink("/etc/passwd", "/x")
            elif how == 1:
                file[name] = h5py.SoftLink("/")
            elif how == 2:
                file.create_dataset(name, shape or (1,), "f4", external=[("/etc/passwd", 0, 10_000)])
            elif how == 3:
                file.create_dataset(name, (1 << 20, 1 << 20), "f4", chunks=(64, 64), compression="gzip")
            elif how == 4:
                file.create_dataset(name, data=np.zeros((*shape[::-1], 1), str(draw.choice(["f2", "f4", "f8", "i8", "u1", "c8"]))))
            elif how == 5:
                file[name] = file.ref
            elif how == 6:
                file[name] = file["/"]
    return buffer.getvalue()


# ---- ONNX

KINDS = [
    "Relu", "Add", "Conv", "LSTM", "Resize", "Tile", "Expand", "Gather", "If", "Loop", "TopK", "Pad", "Softmax", "Where", "Split",
    "QuantizeLinear",
]  # fmt: skip
SIZES = [-1, 0, 1, 2, 1 << 20, 1 << 31, 1 << 40, -(1 << 62)]


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


def onnx_changed(draw: Draw) -> bytes:
    """A model that is well written and says something odd: operators, sizes, numbers and names put in each other's places."""
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
            name = str(draw.choice(["axis", "transB", "pads", "hidden_size", "alpha"]))
            one.attribute.append(helper.make_attribute(name, int(draw.choice(SIZES))))
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
