"""Reads exported programs (``.pt2``) without running anything that is in the file.

``torch.export.load`` (read in torch 2.13) can run code from the archive in five ways: weights and sample inputs are unpickled with
``weights_only=False`` when the archive asks for it, shapes go through ``sympy.sympify`` (which evaluates Python), an operator is any
path of attributes beneath ``torch`` (``torch.os.system`` is one), names end up in generated source, and compiled libraries are
loaded. So the archive never reaches it. What is known to be data is copied into a new archive in memory, everything else is
refused, and torch reads the copy.
"""

# pyright: reportPrivateUsage=false
# torch says only in private places whether an operator is one of its own and what arguments it takes

from __future__ import annotations

import ast
import json
import os
import re
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pellucid.errors import FileError
from pellucid.models.files.loading import file_format, read_file

if TYPE_CHECKING:
    from torch import nn

NAME = re.compile(r"(?!__)[\w.]*")  # what may become an identifier in generated source
TEXT = re.compile(r"[\w .,>+-]{0,200}")  # an operator's text argument, such as an einsum equation
SYMBOLIC = re.compile(r"_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pow|eq|ne|lt|le|gt|ge|getitem)|torch\.sym_(max|min|not|int|float)")
OPERATOR = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)")
# a shape is written as nested calls such as Add(Integer(2), Symbol('s0', positive=True)); Pow is left out, a tower of powers is never done
SHAPE_FUNCTIONS = frozenset(["Symbol", "Integer", "Add", "Mul", "FloorDiv", "Mod", "PythonMod", "CleanDiv", "CeilDiv", "Max", "Min"])
SHAPE_NODES = (ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.UnaryOp, ast.USub)
SYMBOL = re.compile(r"[a-z]+\d+")
TREES = frozenset({None, "builtins.tuple", "builtins.list", "builtins.dict"})
PAYLOADS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
LARGEST = 16 << 30  # bytes that an archive may claim to hold


def load_program(path: str | os.PathLike[str]) -> nn.Module:
    """The network in a ``.pt2`` file written by ``torch.export.save``.

    Raises:
        FileError: not such a file, damaged, or it holds something that could run code when loaded.
    """
    data = read_file(path)
    if file_format(data) != "exported":
        raise FileError("This is no exported program", received=str(path), remedy="write it with torch.export.save(program, 'net.pt2')")
    import torch

    try:
        return torch.export.load(BytesIO(copied(data))).module(check_guards=False)
    except FileError as error:
        raise FileError(error.problem, received=f"{path}: {error.received}", remedy=error.remedy) from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError, SyntaxError) as error:
        raise FileError(
            "The exported program can not be read",
            received=f"{path} ({type(error).__name__}: {str(error)[:80]})",
            remedy="export it anew with the torch that is installed here",
        ) from error


def copied(data: bytes) -> bytes:
    """A new archive with the program, its weights and constants, every part of which is known to be data."""
    import torch

    kept = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as archive, zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as new:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
            raise refused("claims to hold too much", f"over {LARGEST >> 30} GiB")
        top = archive.namelist()[0].partition("/")[0]
        program = json.loads(archive.read(f"{top}/models/model.json"))
        new.writestr("p/models/model.json", json.dumps(checked_program(program)))
        for place in PAYLOADS:
            _copy_payload(archive, new, top, place)
        for name in ("archive_format", "archive_version", "byteorder"):
            new.writestr(f"p/{name}", archive.read(f"{top}/{name}"))
        new.writestr("p/.data/version", "2")
        nothing = BytesIO()
        torch.save(((), {}), nothing)
        new.writestr("p/data/sample_inputs/model.pt", nothing.getvalue())
    return kept.getvalue()


def _copy_payload(archive: zipfile.ZipFile, new: zipfile.ZipFile, top: str, place: str) -> None:
    """Copies the raw tensors that a payload list names; anything pickled is refused."""
    listed = json.loads(archive.read(f"{top}/{place}"))
    folder, written = place.rpartition("/")[0], set[str]()
    for name, entry in listed["config"].items():
        file = entry["path_name"]
        if entry["use_pickle"] is not False or not re.fullmatch(r"(weight|tensor)_\d+", file):
            raise refused("holds a pickle", f"{name} in {file}")
        if not NAME.fullmatch(name):
            raise refused("has a name that is no name", name)
        if file not in written:
            new.writestr(f"p/{folder}/{file}", archive.read(f"{top}/{folder}/{file}"))
            written.add(file)
    new.writestr(f"p/{place}", json.dumps(listed))


def checked_program(program: dict[str, Any]) -> dict[str, Any]:
    """The program without its free text (stack traces, guards); every name, operator, shape and structure in it was looked at."""
    graph = dict(program["graph_module"])
    graph["metadata"] = {}
    graph["module_call_graph"] = [call for call in graph["module_call_graph"] if call["fqn"] == ""]
    if graph.get("treespec_namedtuple_fields"):
        raise refused("has named tuples as inputs or outputs", ", ".join(graph["treespec_namedtuple_fields"]))
    kept = {**program, "graph_module": graph, "guards_code": []}
    return _walk(kept, "program")


def _walk(value: Any, key: str) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, dict):
        if objects := set(value) & {"as_operator", "as_custom_obj", "custom_obj", "token"}:
            raise refused("passes objects to its operators", ", ".join(sorted(objects)))
        return {_name(k): {} if k == "metadata" else _walk(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(entry, key) for entry in value]
    if isinstance(value, str):
        return _text(value, key)
    return value


def _text(text: str, key: str) -> str:
    """A string of the program, if it is what its place asks for."""
    if key == "target":
        _check_operator(text)
    elif key == "expr_str":
        check_shape(text)
    elif key in ("in_spec", "out_spec"):
        _check_tree(json.loads(text)[1])
    elif key in ("as_string", "as_strings", "torch_version"):
        if not TEXT.fullmatch(text):
            raise refused("has a text argument that is no such text", text)
    else:
        _name(text)
    return text


def _name(text: str) -> str:
    if not NAME.fullmatch(text) or ".__" in text:
        raise refused("has a name that is no name", text)
    return text


def _check_operator(target: str) -> None:
    """Only arithmetic on shapes and the tensor operators of torch itself; none that opens files."""
    if SYMBOLIC.fullmatch(target):
        return
    import torch

    match = OPERATOR.fullmatch(target)
    try:
        operator = getattr(getattr(torch.ops.aten, match[1]), match[2]) if match else None
    except AttributeError:
        operator = None
    if not isinstance(operator, torch._ops.OpOverload) or not torch._C._dispatch_has_kernel(operator.name()):
        raise refused("calls something that is no tensor operator of torch", target)
    if any(argument.name == "filename" for argument in operator._schema.arguments):
        raise refused("calls an operator that opens files", target)


def check_shape(text: str) -> None:
    """A size as calls of a few functions on symbols and whole numbers; it will be evaluated."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise refused("has a shape that is no arithmetic", text) from error
    if not all(_fits(node) for node in ast.walk(tree)):
        raise refused("has a shape that is no arithmetic", text)


def _fits(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name)
    if isinstance(node, ast.Name):
        return node.id in SHAPE_FUNCTIONS or SYMBOL.fullmatch(node.id) is not None
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (bool, int)) or (isinstance(node.value, str) and SYMBOL.fullmatch(node.value) is not None)
    return isinstance(node, SHAPE_NODES)


def _check_tree(tree: dict[str, Any]) -> None:
    if tree["type"] not in TREES:
        raise refused("has inputs or outputs of its own types", str(tree["type"]))
    context = json.loads(tree["context"]) if tree["context"] else None
    keys = context if isinstance(context, list) else []
    if context is not None and (not isinstance(context, list) or not all(isinstance(k, str) and NAME.fullmatch(k) for k in keys)):
        raise refused("has inputs or outputs of its own types", str(context)[:80])
    for child in tree["children_spec"]:
        _check_tree(child)


def refused(problem: str, received: str) -> FileError:
    """The error for a part that might run code, or might not: what is not known to be data is refused."""
    return FileError(
        f"The exported program {problem}, and only what is known to be data is loaded",
        received=repr(received)[:120],
        remedy="give the network as a factory (pkg.module:function) with its weights as safetensors",
    )
