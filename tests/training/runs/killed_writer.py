"""A process that records as fast as it can until it is killed; it says what it knows to be written. Started by the tests."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from pellucid.training.runs import writer as writing
from pellucid.training.runs.contents import ParameterFrame
from pellucid.training.runs.lock import FolderLock
from pellucid.training.runs.upkeep import Retention
from pellucid.training.runs.writer import RunWriter


def main(folder: Path, size: int) -> None:
    """Numbers at every step, and frames of ``size`` values of which at most six stay."""
    writing.PAUSE = 0.05  # more transactions to be killed in
    lock = FolderLock(folder)
    writer = RunWriter(folder, {"model": "killed"}, retention=Retention(frames=6))
    writer.start(polled=lambda: None)
    step = frame = seen = 0
    marks = [0, 0]
    while lock.supported:
        for _ in range(50):
            step += 1
            writer.told.append((step, time.time(), {"loss": float(step), "twice": 2.0 * step}))
        if writer.behind < 2:
            frame += 1
            writer.put("parameters", step, lambda at=step: ParameterFrame(("w",), ((size,),), np.full(size, at, np.float32)))
        time.sleep(0.01)
        if writer.written > seen:
            # a transaction ended since the last look, and one before: this one began after the look before the last, so it holds what was
            # told by then
            seen = writer.written
            marks.append(step)
            sys.stdout.write(f"{marks[-3]}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
