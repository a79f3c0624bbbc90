"""The numbers and texts of an HDF5 file, read by what is in it and written anew: links, types and filters of its own are left behind.

:func:`read` is for a process of its own (:mod:`pellucid.models.files.sandbox`); :func:`written` needs nothing of the file that was read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import h5py
import numpy as np

from pellucid.models.files.sandbox import Refused

Text = str | list[str]
EXPANSION = 4  # how many times the size of the file its numbers may take, beside FREE
FREE = 64 << 20  # bytes
OBJECTS = 50_000
DEEPEST = 32
LONGEST = 1000  # characters of a name
FILTERS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
FAULTS = (OSError, RuntimeError, KeyError, TypeError, AttributeError, OverflowError, IndexError, ValueError)  # what h5py raises
BRAIN = "bfloat16"  # kept as two bytes each, and said in an attribute


@dataclass(frozen=True)
class Tree:
    """What a file holds, by path: groups and their texts, arrays and their texts."""

    groups: dict[str, dict[str, Text]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    texts: dict[str, dict[str, Text]] = field(default_factory=dict)  # of arrays

    def packed(self) -> bytes:
        """As safetensors."""
        from safetensors.numpy import save

        named = {str(i): np.ascontiguousarray(value) for i, value in enumerate(self.arrays.values())}
        about = {"groups": self.groups, "arrays": list(self.arrays), "texts": self.texts}
        return save(named, metadata={"tree": json.dumps(about)})

    @classmethod
    def unpacked(cls, data: bytes) -> Tree:
        """What :meth:`packed` wrote."""
        from safetensors.numpy import load

        values = load(data)
        about = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["tree"])
        return cls(about["groups"], {path: values[str(i)] for i, path in enumerate(about["arrays"])}, about["texts"])


def read(data: bytes) -> Tree:
    """What is in a file.

    Raises:
        Refused: it is no HDF5 file, damaged, too large, or holds anything but numbers and short texts.
    """
    tree = Tree()
    try:
        with h5py.File(BytesIO(data), "r") as file:
            tree.groups[""] = _texts(file)
            _group(file, "", tree, FREE + EXPANSION * len(data))
    except Refused:
        raise
    except FAULTS as error:
        raise Refused("This is no HDF5 file, or a damaged one", f"{len(data)} bytes ({_line(error)})") from error
    return tree


def written(tree: Tree) -> bytes:
    """An HDF5 file with nothing else in it."""
    buffer = BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        for path, texts in tree.groups.items():
            _put(file.require_group(path) if path else file, texts)
        for path, values in tree.arrays.items():
            texts = tree.texts.get(path, {})
            brain = texts.get("dtype") == BRAIN and values.dtype == np.uint16
            _put(file.create_dataset(path, data=values.view("V2") if brain else values), texts)
    return buffer.getvalue()


def _group(group: h5py.Group, path: str, tree: Tree, left: int) -> int:
    """Adds what is in a group; how many bytes are left."""
    if path.count("/") > DEEPEST:
        raise Refused("The groups of the HDF5 file lie too deep in each other", f"over {DEEPEST}")
    for name in group:
        inner = f"{path}/{name}"
        if not isinstance(name, str) or name in (".", "..") or len(inner) > LONGEST or not name.isprintable():
            raise Refused("A name in the HDF5 file is none", repr(name)[:80])
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            where = getattr(link, "filename", None) or getattr(link, "path", "")
            raise Refused("The HDF5 file refers to other files or places", f"{inner[:80]} to {str(where)[:80]}")
        found = group[name]
        if len(tree.groups) + len(tree.arrays) > OBJECTS:
            raise Refused("The HDF5 file holds too much", f"over {OBJECTS} groups and arrays")
        if isinstance(found, h5py.Group):
            tree.groups[inner] = _texts(found)
            left = _group(found, inner, tree, left)
        elif isinstance(found, h5py.Dataset):
            left = _array(found, inner, tree, left)
        else:
            raise Refused("The HDF5 file holds a type of its own", inner[:80])
    return left


def _array(found: h5py.Dataset, path: str, tree: Tree, left: int) -> int:
    made = found.id.get_create_plist()
    if found.is_virtual or made.get_external_count():
        raise Refused("The HDF5 file keeps numbers in other files", path[:80])
    if any(made.get_filter(i)[0] not in FILTERS for i in range(made.get_nfilters())):
        raise Refused("The HDF5 file is packed in an unusual way", path[:80])
    texts, kind = _texts(found), found.dtype
    brain = texts.get("dtype") == BRAIN and kind.itemsize == 2 and kind.kind in "Vu"
    if found.shape is None or kind.hasobject or (kind.kind not in "fiub" and not brain) or kind.itemsize > 8 or kind.shape:
        raise Refused("The HDF5 file holds something else than numbers", f"{path[:80]}: {kind}"[:160])
    size = int(np.prod([float(n) for n in found.shape])) * kind.itemsize
    left -= size
    if left < 0:
        raise Refused("An array of the HDF5 file is too large for the file", f"{path[:80]}: {found.shape} of {kind}")
    values = np.asarray(found[()])
    tree.arrays[path] = values.view(np.uint16) if brain else values.astype(kind.newbyteorder("="), copy=False)
    tree.texts[path] = texts
    return left


def _texts(of: h5py.Group | h5py.Dataset) -> dict[str, Text]:
    """The attributes that are text or lists of text; numbers are not needed."""
    found: dict[str, Text] = {}
    for name in of.attrs:
        attribute: Any = of.attrs.get_id(name)
        kind: Any = attribute.dtype
        if h5py.check_ref_dtype(kind) is not None:
            raise Refused("The HDF5 file refers to other files or places", name[:80])
        if (kind.kind != "S" and h5py.check_string_dtype(kind) is None) or attribute.shape is None:
            continue
        values: Any = of.attrs[name]
        found[name] = _text(values) if isinstance(values, str | bytes) else [_text(one) for one in np.ravel(values).tolist()]
    return found


def _text(value: Any) -> str:  # noqa: ANN401
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _put(into: h5py.Group | h5py.Dataset, texts: dict[str, Text]) -> None:
    for name, value in texts.items():
        into.attrs[name] = value if isinstance(value, str) else np.array(value, dtype=h5py.string_dtype())


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
