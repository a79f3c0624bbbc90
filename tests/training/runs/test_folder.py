"""The run folder in all the ways it can be found: finished, live, locked, read-only, copied, full, gone, of another kind."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import pellucid as pl
from pellucid.training.runs import schema
from pellucid.training.runs.contents import Event, OrderFrame, ParameterFrame, Scalars
from pellucid.training.runs.lock import NAME, FolderLock, is_recorded
from pellucid.training.runs.upkeep import MERGE, Retention, thin
from pellucid.training.runs.writer import RunWriter


def recorded(folder: Path, steps: int = 5, **options: object) -> pl.Run:
    with pl.watch(nn.Linear(2, 2), None, folder, **options) as run:
        for step in range(steps):
            run.step(loss=1.0 / (step + 1), rows=[step, step + 1])
            run.log(valid=step)
        run.note("said")
    return pl.Run(folder)


def patiently(done: object, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_finished_run_is_one_file(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["run.sqlite"]
    assert run.status == "finished"
    assert run.names == ("loss", "valid")
    steps, values = run.scalars("loss")
    assert steps.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(values, 1 / np.arange(1, 6))
    assert [(step, rows.tolist()) for step, rows in run.order] == [(i + 1, [i, i + 1]) for i in range(5)]
    assert (5, Event("note", {"text": "said"})) in run.events
    with sqlite3.connect(run.path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()


def test_how_a_training_ended_is_told(tmp_path: Path) -> None:
    for error, how in ((ValueError("no rows"), "failed: ValueError: no rows"), (KeyboardInterrupt(), "interrupted")):
        with pytest.raises(type(error)), pl.watch(nn.Linear(2, 2), None, tmp_path) as run:
            run.step(loss=1.0)
            raise error
        assert pl.Run(tmp_path).status == how
        assert len(pl.Run(tmp_path).scalars("loss")) == 1
    assert len(pl.Run(tmp_path).attempts) == 2


def test_a_second_recorder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with pl.watch(nn.Linear(2, 2), None, tmp_path) as run:
        run.step(loss=1.0)
        with pytest.raises(pl.PellucidError, match=f"recorded into already.*process {os.getpid()}"):
            pl.watch(nn.Linear(2, 2), None, tmp_path)
        assert is_recorded(tmp_path)
        run.step(loss=2.0)
    assert not is_recorded(tmp_path)
    assert pl.Run(tmp_path).scalars("loss").values.tolist() == [1.0, 2.0]


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom pellucid.training.runs.lock import FolderLock\n"
        "try:\n    FolderLock(Path(sys.argv[1]))\nexcept OSError as error:\n    sys.exit(str(error))"
    )
    lock = FolderLock(tmp_path)
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "recorded into already" in found.stderr
    lock.release()
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0
    (tmp_path / NAME).write_text('{"process": 1, "host": "elsewhere"}')  # left behind by a process that is gone
    FolderLock(tmp_path).release()


def test_reading_while_it_records(tmp_path: Path) -> None:
    with pl.watch(nn.Linear(2, 2), None, tmp_path) as run:
        run.step(loss=1.0)
        patiently(lambda: "scalars" in pl.Run(tmp_path).kinds)
        reader = pl.Run(tmp_path)
        assert reader.status == "recording"
        assert reader.scalars("loss").values.tolist() == [1.0]
        run.step(loss=2.0)
        patiently(lambda: len(reader.scalars("loss")) == 2)  # the same object sees what has come since
    assert reader.status == "finished"


def test_following_misses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    followed: list[float] = []
    writer = RunWriter(tmp_path, {}, retention=Retention())
    lock = FolderLock(tmp_path)
    writer.start(polled=lambda: None)

    def follow() -> None:
        for _, frame in pl.Run(tmp_path).follow(every=0.05):
            followed.extend(frame.value.tolist())

    thread = threading.Thread(target=follow)
    thread.start()
    for step in range(40 * MERGE):  # enough transactions for frames to be merged behind the reader's back
        writer.told.append((step, time.time(), {"loss": float(step)}))
        if step % 40 == 0:
            writer.put("events", step, lambda: Event("x"))
            time.sleep(0.02)
    writer.close("finished")
    lock.release()
    thread.join(20)
    assert followed == list(range(40 * MERGE))


def test_numbers_are_merged_and_stay_in_order(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, {}, retention=Retention())
    for step in range(3 * MERGE + 5):
        writer.told.append((step, float(step), {"a": step, **({"b": -step} if step % 7 == 0 else {})}))
        writer.rows(step, np.arange(step % 3))
        writer._commit(last=False)
    writer.close("finished")
    run = pl.Run(tmp_path)
    assert run.kinds["scalars"] == 3 + 5
    assert run.scalars("a").values.tolist() == list(range(3 * MERGE + 5))
    assert run.scalars("b").steps.tolist() == [s for s in range(3 * MERGE + 5) if s % 7 == 0]
    assert [(s, r.tolist()) for s, r in run.order] == [(s, list(range(s % 3))) for s in range(3 * MERGE + 5)]


def test_thinning_keeps_the_first_the_latest_and_a_half_of_the_rest(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, {}, retention=Retention(frames=20))
    for step in range(200):
        writer._make("parameters", step, 0.0, lambda step=step: ParameterFrame(("w",), ((1,),), np.array([step], np.float32)))
        writer._commit(last=False)
    writer.close("finished")
    frames = pl.Run(tmp_path).frames("parameters")
    assert len(frames) <= 20
    assert frames.steps[0] == 0
    assert frames.steps[-1] == 199
    assert [float(frame.values[0]) for frame in frames] == frames.steps.tolist()
    gaps = np.diff(frames.steps)
    assert (gaps[:-1] >= gaps[1:]).mean() > 0.7  # ever finer towards the end
    connection = sqlite3.connect(tmp_path / "run.sqlite", isolation_level=None)
    thin(connection, 1, "parameters", Retention(frames=1000, bytes=1))
    assert connection.execute("SELECT count(*) FROM frames WHERE kind = 'parameters'").fetchone()[0] < len(frames)
    connection.close()


def test_frames_left_out_while_they_are_read_are_passed_over(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, {}, retention=Retention(frames=8))
    for step in range(8):
        writer._make("parameters", step, 0.0, lambda step=step: ParameterFrame(("w",), ((1,),), np.array([step], np.float32)))
        writer._commit(last=False)
    frames = pl.Run(tmp_path).frames("parameters")
    writer._make("parameters", 8, 0.0, lambda: ParameterFrame(("w",), ((1,),), np.array([8], np.float32)))
    writer._commit(last=False)  # which leaves some of them out
    writer.close("finished")
    kept = {place: float(frame.values[0]) for place, frame in frames.read(range(8))}
    assert 4 <= len(kept) < 8
    assert all(frames.steps[place] == value for place, value in kept.items())
    gone = next(place for place in range(8) if place not in kept)
    with pytest.raises(pl.PellucidError, match="left out since"):
        frames[gone]


def read_only(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)


def writable(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)


@pytest.fixture
def no_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may write anywhere: what is asked before the file is opened says otherwise."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and Path(path).exists())


@pytest.mark.usefixtures("no_writing")
def test_a_finished_run_in_a_read_only_folder(tmp_path: Path) -> None:
    recorded(tmp_path / "run")
    read_only(tmp_path / "run")
    try:
        run = pl.Run(tmp_path / "run")
        assert len(run.scalars("loss")) == 5
        assert [p.name for p in (tmp_path / "run").iterdir()] == ["run.sqlite"]
    finally:
        writable(tmp_path / "run")


@pytest.mark.usefixtures("no_writing")
def test_a_live_run_copied_with_its_log_into_a_read_only_folder(tmp_path: Path) -> None:
    with pl.watch(nn.Linear(2, 2), None, tmp_path / "run") as run:
        run.step(loss=1.0)
        patiently(lambda: "scalars" in _kinds(tmp_path / "run"))
        shutil.copytree(tmp_path / "run", tmp_path / "copy")
    (tmp_path / "copy" / "run.sqlite-shm").unlink()
    read_only(tmp_path / "copy")
    try:
        copy = pl.Run(tmp_path / "copy")
        assert copy.status == "killed"  # nobody records there
        assert copy.scalars("loss").values.tolist() == [1.0]
    finally:
        writable(tmp_path / "copy")


def _kinds(folder: Path) -> set[str]:
    with sqlite3.connect(folder / "run.sqlite") as connection:
        found = {row[0] for row in connection.execute("SELECT DISTINCT kind FROM frames")}
    connection.close()
    return found


def test_a_live_run_copied_without_its_log_opens_or_says_why(tmp_path: Path) -> None:
    with pl.watch(nn.Linear(2, 2), None, tmp_path / "run") as run:
        run.step(loss=1.0)
        patiently(lambda: "scalars" in pl.Run(tmp_path / "run").kinds)
        (tmp_path / "copy").mkdir()
        shutil.copy(tmp_path / "run" / "run.sqlite", tmp_path / "copy")
    with pytest.raises(pl.PellucidError, match=r"no run file|begun|was recorded here yet"):
        pl.Run(tmp_path / "copy")
    recorded(tmp_path / "run")
    torn = (tmp_path / "run" / "run.sqlite").read_bytes()
    (tmp_path / "copy" / "run.sqlite").write_bytes(torn[: len(torn) // 2])
    with pytest.raises(pl.PellucidError, match=r"can not be read|damaged"):
        pl.Run(tmp_path / "copy").all_scalars()
    (tmp_path / "copy" / "run.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(pl.PellucidError, match="damaged"):
        pl.Run(tmp_path / "copy")


def test_a_full_disk_is_told_once_and_training_goes_on(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="troubled.*full") as told, pl.watch(nn.Linear(2, 2), None, tmp_path) as run:
        run.step(loss=0.0)
        patiently(lambda: run._writer.written)
        pages = run._writer.connection.execute("PRAGMA page_count").fetchone()[0]
        run._writer.connection.execute(f"PRAGMA max_page_count = {pages}")
        for _ in range(3):
            run._writer.put("parameters", 1, lambda: ParameterFrame(("w",), ((1000,),), np.random.default_rng(0).random(9000)))
            run._writer._retry = 0.0
            patiently(lambda: run._writer.trouble)
            run._next = 0.0
            run.step(loss=1.0)
        run._writer.connection.execute("PRAGMA max_page_count = 1000000")  # somebody made room
        run._writer._retry = 0.0
        run.step(loss=2.0)
    assert len([w for w in told if "troubled" in str(w.message)]) == 1
    assert pl.Run(tmp_path).scalars("loss").values.tolist() == [0.0, 1.0, 1.0, 1.0, 2.0]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None, reason="this machine has no small disk to fill"
)
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False, capture_output=True).returncode:
        pytest.skip("this machine has no small disk to fill")
    try:
        with pytest.warns(UserWarning, match="troubled|not whole"), pl.watch(nn.Linear(2, 2), None, disk / "run") as run:
            for step in range(8):
                run._writer.put("parameters", step, lambda: ParameterFrame(("w",), ((60_000,),), np.random.default_rng().random(60_000)))
                run.step(loss=float(step))
                time.sleep(0.2)
        found = pl.Run(disk / "run").scalars("loss").values
        assert found.tolist() == list(range(len(found)))
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_a_folder_that_is_gone_is_told_and_training_goes_on(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="troubled"), pl.watch(nn.Linear(2, 2), None, tmp_path / "run") as run:
        run.step(loss=1.0)
        shutil.rmtree(tmp_path / "run")
        patiently(lambda: run._writer.trouble)
        run._next = 0.0
        run.step(loss=2.0)
        run.step(loss=3.0)
    assert not (tmp_path / "run").exists()


def test_where_the_disk_has_no_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "network_file_system", lambda folder: "nfs4")
    with pytest.warns(UserWarning, match="nfs4"), pl.watch(nn.Linear(2, 2), None, tmp_path) as run:
        run.step(loss=1.0)
        patiently(lambda: "scalars" in pl.Run(tmp_path).kinds)
        assert not (tmp_path / "run.sqlite-wal").exists()
        assert "nfs4" in pl.Run(tmp_path).facts["journal"]
    assert pl.Run(tmp_path).status == "finished"


def test_the_type_of_a_file_system_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "1 1 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /mnt/a\\040b rw - nfs4 server:/x rw\n3 1 0:3 / /mnt/a\\040b/local rw - tmpfs t rw\n"
    )
    real = Path
    monkeypatch.setattr(schema, "Path", lambda at: mounts if str(at) == "/proc/self/mountinfo" else real(at))
    assert schema.network_file_system(real("/mnt/a b/runs")) == "nfs4"
    assert schema.network_file_system(real("/mnt/a b/local/runs")) == ""
    assert schema.network_file_system(real("/var")) == ""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda at: None, "There is no run here"),
        (lambda at: (at / "run.sqlite").write_bytes(b""), "no run file"),
        (lambda at: sqlite3.connect(at / "run.sqlite").execute("CREATE TABLE t (x)").connection.close(), "no run file"),
        (lambda at: _version(at, 99), "unknown version"),
    ],
)
def test_what_is_no_run_is_told(tmp_path: Path, make: object, words: str) -> None:
    make(tmp_path)
    with pytest.raises(pl.PellucidError, match=words):
        pl.Run(tmp_path)


def _version(folder: Path, version: int) -> None:
    recorded(folder)
    with sqlite3.connect(folder / "run.sqlite") as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_questions_with_wrong_names(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    with pytest.raises(pl.PellucidError, match=r"did you mean 'loss'"):
        run.scalars("los")
    with pytest.raises(pl.PellucidError, match=r"did you mean 'layers'"):
        run.frames("layer")
    with pytest.raises(pl.PellucidError, match="no such attempt"):
        pl.Run(tmp_path, attempt=7)
    with pytest.raises(pl.PellucidError, match="goes on no more"):
        run.ask("pause")
    assert len(run.frames("boundary")) == 0


def test_a_million_numbers_open_within_a_second_of_processor_time(tmp_path: Path) -> None:
    """Not timed here (benchmarks do that): what makes it fast is that they lie in few frames."""
    writer = RunWriter(tmp_path, {}, retention=Retention())
    for _ in range(4 * MERGE):
        writer.told.extend((i, 0.0, {"loss": 0.5}) for i in range(500))
        writer._commit(last=False)
    writer.close("finished")
    run = pl.Run(tmp_path)
    assert len(run.scalars("loss")) == 4 * MERGE * 500
    assert run.kinds["scalars"] <= 8


def test_frames_of_a_run_are_frames_like_all_others(tmp_path: Path) -> None:
    from pellucid.explanation.frame import from_frame

    recorded(tmp_path)
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        blob = connection.execute("SELECT frame FROM frames WHERE kind = 'scalars'").fetchone()[0]
        order = connection.execute("SELECT frame FROM frames WHERE kind = 'order'").fetchone()[0]
    connection.close()
    assert from_frame(blob, Scalars).names == ("loss", "valid")
    assert from_frame(order, OrderFrame).rows.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
