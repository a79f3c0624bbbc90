"""Kill -9 at any moment: the run opens, is consistent, and misses at most what was not yet written."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.training.runs.lock import FolderLock, is_recorded
from pellucid.training.runs.run import Run

WRITER = Path(__file__).with_name("killed_writer.py")
KILLS = 50


def check(folder: Path, promised: int) -> Run:
    """Everything that must hold of a run whose recorder was killed."""
    run = pl.Run(folder)
    assert run.status == "killed"
    loss, twice = run.scalars("loss"), run.scalars("twice")
    np.testing.assert_array_equal(loss.steps, np.arange(1, len(loss) + 1))  # no gap, nothing twice
    np.testing.assert_array_equal(loss.values, loss.steps)
    np.testing.assert_array_equal(twice.values, 2 * loss.steps)
    assert len(loss) >= promised
    for step, frame in zip(run.frames("parameters").steps, run.frames("parameters"), strict=True):
        assert (frame.values == step).all()  # whole
    with sqlite3.connect(folder / "run.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return run


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is not known there")
def test_fifty_kills_at_random_moments_with_a_reader_attached(tmp_path: Path) -> None:
    draw = random.Random(0)
    folders = []
    for i in range(KILLS):
        folder = tmp_path / str(i)
        folder.mkdir()
        size = 2_500_000 if i % 2 else 1000  # 10 MB, or small frames that are thinned all the time
        process = subprocess.Popen([sys.executable, str(WRITER), str(folder), str(size)], stdout=subprocess.PIPE, text=True)
        promised, ended = [0], threading.Event()

        def listen(process: subprocess.Popen[str] = process, promised: list[int] = promised) -> None:
            for line in process.stdout or ():
                if line.endswith("\n"):
                    promised.append(int(line))

        def read(folder: Path = folder, ended: threading.Event = ended) -> None:
            while not ended.is_set():
                if (folder / "run.sqlite").exists() and is_recorded(folder):
                    try:
                        for series in Run(folder).all_scalars().values():
                            assert len(series) == 0 or series.steps[-1] == len(series)
                    except pl.PellucidError as error:
                        assert "yet" in str(error) or "no run" in str(error)
                time.sleep(0.02)

        threads = [threading.Thread(target=listen), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 30
        while len(promised) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.3))
        process.kill()
        process.wait()
        ended.set()
        for thread in threads:
            thread.join()
        if process.stdout is not None:
            process.stdout.close()
        assert len(promised) >= 2, "the writer never wrote"
        check(folder, promised[-1])
        folders.append(folder)
    lock = FolderLock(folders[0])  # the lock died with the process
    lock.release()
    assert min(len(Run(folder).frames("parameters")) for folder in folders) >= 1


def test_a_killed_run_is_taken_up_by_a_new_attempt(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, str(WRITER), str(tmp_path), "10"], stdout=subprocess.PIPE, text=True)
    promised = int(process.stdout.readline() if process.stdout else 0)
    process.kill()
    process.communicate()
    first = check(tmp_path, promised)
    with pl.watch(_net(), None, tmp_path) as run:
        run.step(loss=5.0)
    second = pl.Run(tmp_path)
    assert [one.how for one in second.attempts] == ["killed", "finished"]
    assert second.scalars("loss").values.tolist() == [5.0]
    assert len(pl.Run(tmp_path, attempt=1).scalars("loss")) == len(first.scalars("loss"))


def _net() -> object:
    from torch import nn

    return nn.Linear(2, 2)
