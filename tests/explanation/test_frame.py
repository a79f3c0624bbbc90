"""The frame: every bit kept, everything else refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load, save

from pellucid.errors import FileError
from pellucid.explanation import LabelledArray
from pellucid.explanation import load as load_explanation
from pellucid.explanation.explanation import Explanation
from pellucid.explanation.frame import from_frame, read_frame, to_frame, write_whole
from pellucid.scenes import Axis, Image, Line, Panel, Scene, Table

DTYPES = st.sampled_from(["float32", "float64", "float16", "uint8", "int64", "int32", "bool"])
SCENE = Scene(
    "t",
    (
        Panel(
            "p",
            "panel",
            "a summary",
            Table(("a", "b"), ((1.5, "x"), (2.0, "y"))),
            marks=(
                Image("v", (0.0, 3.0, 0.0, 2.0), values=np.arange(6.0).reshape(2, 3)),
                Line("l", np.arange(3.0), np.array([1.0, np.nan, np.inf])),
            ),
            x=Axis("x", (0.0, 3.0)),
            y=Axis("y", (0.0, 2.0), reverse=True),
        ),
    ),
    "summary",
    language="zh-CN",
)


@settings(max_examples=80, deadline=None)
@given(array=DTYPES.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))))
def test_arrays_keep_every_bit(array: np.ndarray) -> None:
    read = from_frame(to_frame(LabelledArray("犬", array, ("sample", "y", "x", "channel")[: array.ndim], {})), LabelledArray)
    assert read.values.dtype == array.dtype
    assert read.values.shape == array.shape
    assert read.values.tobytes() == array.tobytes()


def test_scenes_keep_everything() -> None:
    frame = to_frame(SCENE)
    assert to_frame(from_frame(frame, Scene)) == frame
    assert from_frame(frame, Scene).panels[0].marks[1].mark == "line"


def test_any_safetensors_reader_can_read_the_numbers() -> None:
    arrays = load(to_frame(SCENE))
    assert any(np.array_equal(a, np.arange(6.0).reshape(2, 3)) for a in arrays.values())


def test_equal_arrays_are_stored_once_and_data_are_aligned() -> None:
    big = np.arange(10_000.0)
    both = Scene("t", (SCENE.panels[0], Panel("q", "", "", Table((), ()), marks=(Line("a", big, big), Line("b", big, big)))), "s")
    frame = to_frame(both)
    assert len(frame) < 2 * big.nbytes
    assert (8 + int.from_bytes(frame[:8], "little")) % 8 == 0


def changed(frame: bytes, edit: object) -> bytes:
    arrays = load(frame)
    _, header = read_frame(frame)
    edit(header)  # type: ignore[operator]
    return save(arrays, metadata={"pellucid": json.dumps(header)})


EDITS = {
    "unknown format version": lambda h: h.update(format=2),
    "unknown format version ": lambda h: h.update(format="1"),
    "holds no Scene": lambda h: h.update(type="Explanation"),
    "should be Scene": lambda h: h["content"].update(surprise=1),
    "should be Scene ": lambda h: h["content"].pop("title"),
    "should be str": lambda h: h["content"].update(title=3),
    "an array of this frame": lambda h: h["content"]["panels"][0]["marks"][0].update(values={"array": "a99"}),
    "one of": lambda h: h["content"]["panels"][0]["marks"][0].update(mark="script"),
    "should be float": lambda h: h["content"]["panels"][0]["x"].update(domain=["low", 1.0]),
}


@pytest.mark.parametrize("said", EDITS)
def test_what_does_not_fit_is_refused_with_the_place(said: str) -> None:
    with pytest.raises(FileError, match=said.strip()):
        from_frame(changed(to_frame(SCENE), EDITS[said]), Scene)


def test_broken_files_are_refused(tmp_path: Path) -> None:
    frame = to_frame(SCENE)
    draws = random.Random(0)
    for cut in (0, 1, 7, 8, 20, len(frame) // 2, len(frame) - 1):
        with pytest.raises(FileError, match="What to do"):
            from_frame(frame[:cut], Scene)
    for _ in range(300):  # flipped bytes: a clear refusal or a frame that still fits, nothing else
        broken = bytearray(frame)
        broken[draws.randrange(len(frame))] = draws.randrange(256)
        try:
            from_frame(bytes(broken), Scene)
        except FileError as error:
            assert "Received" in str(error)
    for content in (b"", b"PK\x03\x04 a pickle", b"\x80\x04\x95"):
        (tmp_path / "x.safetensors").write_bytes(content)
        with pytest.raises(FileError, match="not a Pellucid frame"):
            load_explanation(tmp_path / "x.safetensors")
    with pytest.raises(FileError, match="can not be read"):
        load_explanation(tmp_path / "none.safetensors")


def test_numbers_that_are_not_finite_travel_inside_arrays_only() -> None:
    with pytest.raises(FileError, match="inside arrays only"):
        to_frame(Axis("x", (0.0, float("nan"))))


def test_files_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a b 报告.bin"
    write_whole(target, b"old")
    with pytest.raises(FileError, match="is a folder"):
        write_whole(tmp_path, b"new")
    with pytest.raises(FileError, match="does not exist"):
        write_whole(tmp_path / "nowhere" / "x", b"new")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FileError, match="No space left"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_an_explanation_needs_axes_that_fit() -> None:
    with pytest.raises(Exception, match="One axis name is needed per dimension"):
        LabelledArray("a", np.zeros((2, 3)), ("sample",), {})
    with pytest.raises(Exception, match="Unknown axis names"):
        LabelledArray("a", np.zeros(2), ("samples",), {})
    assert Explanation.__dataclass_params__.frozen
