"""Whatever is in a file, one gets what it holds, or an error that says why not; nothing in it is run, and nothing grows or hangs.

``PELLUCID_FUZZ_EXAMPLES=10000 pytest -s tests/frameworks/test_mutated_files.py`` tries so many damaged files. Each is read in a child of a
process that has all imported, with the limits of the sandbox; some go the whole way that a user's file goes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import skops.io as skops
from safetensors.torch import save
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import pellucid as pl
from frameworks import mutations as change
from frameworks.warm import APART, CRASHED, Warm
from pellucid.cli.loaded import network, rows_of
from pellucid.errors import PellucidError
from pellucid.models.files.loading import read_weights

EXAMPLES = int(os.environ.get("PELLUCID_FUZZ_EXAMPLES", "420"))
PROCESSES = 2
WHOLE = 25  # one of so many goes the whole way ...
LONG = 1 if EXAMPLES > 1000 else 4  # ... and of those for whom a process takes seconds to start, fewer in a short run
SLOW = ("keras", "h5", "saved_model")
ARCHIVES = ("keras", "npz", "skops")
GROWTH = 1 << 20  # kilobytes: a gigabyte
RUNS = ("pickle.find_class", "code.__new__", "os.system", "os.exec", "socket.connect", "pty.spawn")
LATE = 60  # seconds, on a machine that does other things
SUFFIXES = {
    "safetensors": ".safetensors",
    "npz": ".npz",
    "archive": ".safetensors",
    "onnx": ".onnx",
    "keras": ".keras",
    "h5": ".h5",
    "skops": ".skops",
    "saved_model": "",
}
PUBLIC: dict[str, Callable[[Path], Any]] = {
    "safetensors": read_weights, "npz": rows_of, "archive": pl.load,
    **dict.fromkeys((*APART, "skops"), lambda path: network(str(path), None)),
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore")


def keras_network() -> Any:
    make = keras.layers
    return keras.Sequential([
        keras.Input((6, 6, 2)), make.Conv2D(3, 3, padding="same", activation="relu"), make.BatchNormalization(), make.MaxPooling2D(),
        make.Flatten(), make.Dense(4, kernel_regularizer="l2"), make.LeakyReLU(), make.Dense(2, activation="softmax"),
    ])  # fmt: skip


def estimators() -> VotingClassifier:
    """A network and trees."""
    net = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=5))
    return VotingClassifier([("net", net), ("trees", RandomForestClassifier(2, max_depth=2))], voting="soft")


def tensorflow_network(folder: Path) -> None:
    """A SavedModel, where TensorFlow is installed."""
    import tensorflow as tf

    class Network(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.out = tf.Variable(np.ones((3, 3, 2, 4), np.float32)), tf.Variable(np.ones((4, 2), np.float32))

        @tf.function(input_signature=[tf.TensorSpec((None, 6, 6, 2), tf.float32)])
        def __call__(self, x: Any) -> Any:
            x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, self.kernel, 1, "SAME")), 2, 2, "VALID")
            return tf.nn.softmax(tf.reduce_mean(x, (1, 2)) @ self.out)

    net = Network()
    tf.saved_model.save(net, str(folder), signatures=net.__call__)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of each kind."""
    folder = tmp_path_factory.mktemp("sound")
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    pl.explain(net, np.ones((2, 3), np.float32), "integrated_gradients", target=1).save(folder / "why.safetensors")
    np.savez(folder / "rows.npz", x=np.ones((5, 4), np.float32), y=np.arange(5))
    for suffix in (".keras", ".h5"):
        keras_network().save(folder / f"net{suffix}")
    found = {
        "safetensors": save(net.state_dict()), "archive": (folder / "why.safetensors").read_bytes(),
        "npz": (folder / "rows.npz").read_bytes(), "onnx": change.shaped(change.small()).SerializeToString(),
        "keras": (folder / "net.keras").read_bytes(), "h5": (folder / "net.h5").read_bytes(),
        "skops": skops.dumps(estimators().fit(np.eye(4), np.arange(4) % 2)),
    }  # fmt: skip
    if find_spec("tensorflow"):
        tensorflow_network(folder / "net")
        found["saved_model"] = change.packed(folder / "net")
    return found


@pytest.fixture(scope="module")
def warm(sound: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Warm]]:
    """Processes that have read a sound file of each kind already."""
    folder = tmp_path_factory.mktemp("warm")
    found = [Warm() for _ in range(PROCESSES if EXAMPLES > 1000 else 1)]
    for kind, data in sound.items():
        path = folder / f"{kind}{SUFFIXES[kind]}"
        put(path, kind, data)
        assert {one.read(kind, path, warm=True)[0] for one in found} == {"loaded"}
    yield found
    for one in found:
        one.close()


def put(path: Path, kind: str, data: bytes) -> None:
    """Writes a file, or a folder."""
    if kind == "saved_model":
        change.unpack(data, path)
    else:
        path.write_bytes(data)


def mutated(kind: str, data: bytes, seed: int, mark: Path) -> bytes:
    """One of the changes that there are for a kind; the same seed gives the same bytes."""
    draw = np.random.default_rng(seed)
    blocks, pool = change.blocks(mark), change.values(mark)

    def inside(name: str, content: bytes) -> bytes:
        with suppress(ValueError, OSError, RuntimeError):  # it may be damaged already
            if name.endswith(".json") and draw.random() < 0.8:
                return json.dumps(change.json_changed(json.loads(content), draw, pool)).encode()
            if name.endswith(".h5") and draw.random() < 0.6:
                return change.hdf5_changed(content, draw, pool)
        return change.bytes_changed(content, draw, blocks)

    if kind == "saved_model":
        return change.folder_changed(data, draw, blocks)
    if draw.random() < (0.2 if kind in ARCHIVES else 0.4):  # of an archive, most of these fail its sums
        return change.bytes_changed(data, draw, blocks)
    if kind == "onnx":
        return change.onnx_changed(draw)
    if kind == "h5":
        return change.hdf5_changed(data, draw, pool)
    if kind in ARCHIVES:
        return change.archive_changed(data, draw, inside)
    return change.header_changed(data, draw, pool)


class Watch:
    """What is asked of the system while a file goes the whole way, in this process: a hook can not be taken off, only told to rest."""

    def __init__(self) -> None:
        self.on, self.seen = False, list[str]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event.startswith(RUNS):
            self.seen.append(f"{event} {arguments!r}"[:300])


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


def public(kind: str, path: Path) -> str:
    """How a file ends that goes the whole way."""
    try:
        PUBLIC[kind](path)
    except PellucidError as error:
        return f"refused: {error.problem}"
    return "loaded"


def test_damaged_files_end_in_what_they_hold_or_an_error(sound: dict[str, bytes], warm: list[Warm], watch: Watch, tmp_path: Path) -> None:
    canary, mark = tmp_path / "canary", tmp_path / "mark"
    canary.write_text("alive")
    kinds = list(sound)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()

    def some(which: int) -> list[tuple[str, int, str, float]]:
        found: list[tuple[str, int, str, float]] = []
        for seed in range(which, EXAMPLES, len(warm)):
            kind, turn = kinds[seed % len(kinds)], seed // len(kinds)
            path = tmp_path / f"{seed}{SUFFIXES[kind]}"
            put(path, kind, mutated(kind, sound[kind], seed, mark))
            found.append((kind, seed, *warm[which].read(kind, path)))
            if turn % (WHOLE * (LONG if kind in SLOW else 1)) == kinds.index(kind):
                begun = time.monotonic()
                found.append((f"{kind}, whole", seed, public(kind, path), time.monotonic() - begun))
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return found

    watch.on = True
    with ThreadPoolExecutor(len(warm)) as pool:
        found = [one for part in pool.map(some, range(len(warm))) for one in part]
    watch.on = False
    harm = [one for one in found if one[2].startswith("HARM")]
    crashed = [one for one in found if one[2].startswith(CRASHED) and one[0] not in APART]
    late = [one for one in found if one[3] > LATE]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"\n{EXAMPLES} files in {time.monotonic() - started:.0f} s, {grown / 1024:.0f} MB more")
    for kind in sorted({one[0] for one in found}):
        ends = Counter(one[2].partition(":")[0] for one in found if one[0] == kind)
        longest = max(one[3] for one in found if one[0] == kind)
        print(f"{kind}: {dict(ends)}, the longest {longest:.1f} s")
    ends = Counter((one[0], one[2][:100]) for one in found)
    for (kind, told), times in ends.most_common(150 if EXAMPLES > 1000 else 0):
        print(f"  {times:5d} {kind}: {told}")
    assert not harm, harm[:5]
    assert not watch.seen, watch.seen[:5]
    assert not crashed, crashed[:5]
    assert not late, late[:5]
    assert grown < GROWTH
    assert canary.read_text() == "alive"
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]
    for kind in kinds:
        assert len({told for name, _, told, _ in found if name == kind}) > 2, f"the mutations of {kind} all end alike"


def test_the_programs_in_the_files_are_ones(watch: Watch, tmp_path: Path) -> None:
    """What is spliced in would make its mark if it were run, and the watch of this process would see it."""
    import marshal
    import pickle

    mark = tmp_path / "mark"
    for number, block in zip(count(), change.blocks(mark), strict=False):
        run = (pickle.loads, pickle.loads, lambda data: exec(marshal.loads(data)), exec)[number]
        watch.on = True
        run(block)
        watch.on = False
        assert mark.exists(), number
        mark.rmdir()
    assert any("find_class" in one for one in watch.seen)
    watch.seen.clear()


def test_harm_is_seen(warm: list[Warm], tmp_path: Path) -> None:
    """A state dict whose pickle is opened as one: the watch tells it."""
    (tmp_path / "bomb.npz").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as new:
        buffer = BytesIO()
        np.save(buffer, np.array([change.Bomb(tmp_path / "mark")], object), allow_pickle=True)
        new.writestr("x.npy", buffer.getvalue())
    told, _ = warm[0].read("npz", tmp_path / "bomb.npz")
    assert told.startswith("refused: The file holds Python objects")
    assert not (tmp_path / "mark").exists()
    told, _ = warm[0].read("pickle", tmp_path / "bomb.npz")
    assert told.startswith("HARM pickle.find_class")
