"""What the graph of a SavedModel does is read before TensorFlow sees it: here from bytes made by hand, so that TensorFlow is not needed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from pellucid.cli.loaded import network
from pellucid.errors import FileError, MissingExtra
from pellucid.models.files.protobuf_wire import field, fields, varint
from pellucid.models.files.sandbox import Refused
from pellucid.models.files.saved_model import computing, operators


def number(of: int, value: int) -> bytes:
    return varint(of << 3) + varint(value)


def node(operator: str, name: str = "n") -> bytes:
    return (
        field(1, name.encode()) + field(2, operator.encode()) + field(3, b"input") + field(5, field(1, b"dtype") + field(2, number(6, 1)))
    )


def function(name: str, *operators_: str) -> bytes:
    return field(1, field(1, name.encode())) + b"".join(field(3, node(one)) for one in operators_)


def saved(*functions: bytes, nodes: tuple[str, ...] = (), objects: bytes = b"\x0a\x00", assets: bool = False) -> bytes:
    library = b"".join(field(1, one) for one in functions)
    graph = b"".join(field(1, node(one)) for one in nodes) + field(2, library) + field(4, number(1, 22))
    meta = field(1, field(4, b"serve")) + field(2, graph) + field(3, field(1, b"saver_filename:0"))
    meta += (field(6, field(2, b"words.txt")) if assets else b"") + (field(7, objects) if objects else b"")
    return number(1, 1) + field(2, meta)


SOUND = ("__inference_call_1", "Placeholder", "VarHandleOp", "ReadVariableOp", "MatMul", "AddV2", "Relu", "Identity")
SAVES = ("__inference__traced_save_7", "Const", "SaveV2", "MergeV2Checkpoints", "ShardedFilename")


def test_fields_are_read_and_written() -> None:
    message = (
        number(1, 300) + field(2, b"text") + bytes([3 << 3 | 5]) + b"1234" + bytes([4 << 3 | 1]) + b"12345678" + number(5, (1 << 63) + 1)
    )
    found = list(fields(message))
    assert [one.number for one in found] == [1, 2, 3, 4, 5]
    assert [one.value if isinstance(one.value, int) else bytes(one.value) for one in found] == [
        300,
        b"text",
        b"1234",
        b"12345678",
        (1 << 63) + 1,
    ]
    assert b"".join(one.raw for one in found) == message
    assert found[1].text == "text"
    with pytest.raises(Refused, match="is a number"):
        _ = found[0].message
    assert list(fields(b"")) == []
    assert [varint(n) for n in (0, 1, 127, 128, 300)] == [b"\0", b"\1", b"\x7f", b"\x80\1", b"\xac\2"]


DAMAGED = {
    "tag": b"\x80", "no value": b"\x08", "no end": b"\xff" * 20, "cut short": b"\x12\x05abc",
    "as large as any": b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "four bytes": b"\x0d12", "eight bytes": b"\x0912", "group": b"\x0b",
    "type 7": b"\x0f", "field 0": b"\x00\x00",
}  # fmt: skip


@pytest.mark.parametrize("message", DAMAGED.values(), ids=DAMAGED)
def test_damaged_messages_are_refused(message: bytes) -> None:
    with pytest.raises(Refused, match="damaged"):
        list(fields(message))


def test_operators_are_found() -> None:
    data = saved(function(*SOUND), function(*SAVES), nodes=("Const",))
    assert list(operators(data)) == [(SOUND[0], one) for one in SOUND[1:]] + [(SAVES[0], one) for one in SAVES[1:]]


def test_what_saves_is_left_out() -> None:
    copy = computing(
        saved(function(*SOUND), function(*SAVES), function("__inference__traced_restore_9", "RestoreV2"), nodes=("Const", "NoOp"))
    )
    assert list(operators(copy)) == [(SOUND[0], one) for one in SOUND[1:]]
    assert b"SaveV2" not in copy
    assert b"saver_filename" not in copy
    assert copy == computing(copy)
    assert copy == computing(saved(function(*SOUND)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (saved(function("__inference_call_1", "Identity", "PyFunc")), "calls Python. Received: PyFunc in __inference_call_1"),
        (saved(function("__inference_call_1", "EagerPyFunc")), "calls Python"),
        (saved(function("__inference_call_1", "ReadFile")), "reads or writes files"),
        (saved(function("__inference_call_1", "WriteFile")), "reads or writes files"),
        (saved(function("__inference_call_1", "SaveV2")), "reads or writes files"),
        (saved(function("__inference_call_1", "PrintV2")), "reads or writes files"),
        (saved(function("initializer", "InitializeTableFromTextFileV2")), "table"),
        (saved(function("__inference_call_1", "MyOwnOp")), "not among those that only compute"),
        (saved(function("__inference_call_1", "")), "not among those that only compute"),
        (saved(function(*SOUND), assets=True), "needs other files"),
        (saved(function(*SOUND), objects=b""), "TensorFlow 2"),
        (saved(function(*SOUND)) + saved(function(*SOUND)), "TensorFlow 2"),
        (saved(function(*SOUND))[:-9], "damaged"),
        (b"", "TensorFlow 2"),
        (b"\xff\xff\xff", "damaged"),
    ],
)
def test_what_could_harm_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(Refused) as caught:
        computing(data)
    problem, received = str(caught.value).split("\n")
    assert said in f"{problem}. Received: {received}"


def test_the_last_name_counts() -> None:
    """A message that says a field twice: TensorFlow takes the last."""
    twice = field(1, field(1, b"__inference__traced_save_1")) + function("__inference_call", "WriteFile")
    with pytest.raises(Refused, match="files"):
        computing(saved(twice))
    operator = field(1, field(1, b"f")) + field(3, field(2, b"Identity") + field(2, b"PyFunc"))
    with pytest.raises(Refused, match="calls Python"):
        computing(saved(operator))


def test_folders_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no SavedModel"):
        network(str(tmp_path), None)
    (tmp_path / "saved_model.pb").write_bytes(saved(function(*SOUND)))
    if not find_spec("tensorflow"):
        with pytest.raises(MissingExtra, match="tensorflow"):
            network(str(tmp_path), None)
