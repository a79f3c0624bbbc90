"""Arrays are read by what their headers say, as NumPy reads them; what says more than there is, or holds objects, is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pellucid.cli.arrays import arrays_of
from pellucid.errors import FileError

SOUND = {
    "matrix": np.arange(12.0).reshape(3, 4), "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)), "one": np.array(3),
    "empty": np.zeros((0, 4)), "text": np.array(["a", "权重"]), "bytes": np.array([b"x", b"yz"]), "big": np.arange(5, dtype=">i2"),
    "half": np.ones((2, 2, 2), np.float16), "flags": np.array([True, False]), "complex": np.array([1 + 2j]),
    "table": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]), "names": np.array([(1,)], [("权重", "i4")]),
    "time": np.array(["2026-01-01"], "M8[D]"),
}  # fmt: skip


def written(value: np.ndarray, **how: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, **how)
    return buffer.getvalue()


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
def test_what_numpy_writes_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(written(SOUND[name]))
    found = arrays_of(tmp_path / "x.npy")
    assert isinstance(found, np.ndarray)
    assert found.dtype == SOUND[name].dtype
    assert found.shape == SOUND[name].shape
    assert np.array_equal(found, SOUND[name])
    assert found.flags.writeable


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_are_read(save, tmp_path: Path) -> None:
    save(tmp_path / "x.npz", a=SOUND["matrix"], b=SOUND["text"])
    found = arrays_of(tmp_path / "x.npz")
    assert isinstance(found, dict)
    assert list(found) == ["a", "b"]
    assert np.array_equal(found["a"], SOUND["matrix"])


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(64)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (written(np.array([{}], object), allow_pickle=True), "holds Python objects"),
        (written(SOUND["matrix"])[:-1], "cut short"),
        (written(SOUND["matrix"])[:9], "cut short"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,)}"), "cut short"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -8)}"), "cut short"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 70 + ")}"), "cut short"),
        (header("{'descr': 'os', 'fortran_order': False, 'shape': (1,)}"), "cut short"),
        (header("__import__('os').system('true')"), "cut short"),
        (header("(" * 3000), "cut short"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "cut short"),
        (b"", "no archive of arrays"),
        (b"x" * 100, "no archive of arrays"),
    ],
)
def test_what_is_none_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(FileError, match=said):
        arrays_of(tmp_path / "x.npy")


def test_an_archive_that_becomes_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.cli.arrays.FREE", 1 << 20)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("x.npy", written(np.zeros(1 << 20)))
    with pytest.raises(FileError, match="becomes too large"):
        arrays_of(tmp_path / "x.npz")
