"""Peak memory of one call in a process of its own: ``python -m benchmarks.memory CASE CONTENDER SIZE`` prints bytes."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> int:
    """Forgets the highest memory so far, where the system can (Linux); returns the bytes to measure from."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return peak()
    return _status("VmRSS")


def peak() -> int:
    """The highest resident memory since :func:`reset_peak`, or of the whole life of the process, in bytes."""
    if _STATUS.is_file():
        return _status("VmHWM")
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024


def _status(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def added(case: str, contender: str, size: int) -> int:
    """Bytes that one call adds to the peak, after the network was loaded and had seen one row."""
    command = [sys.executable, "-m", "benchmarks.memory", case, contender, str(size)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1])


def _measure(case_id: str, contender: str, size: int) -> int:
    import torch

    from benchmarks.cases import CASES, FLOOR, OURS, Bench

    torch.set_num_threads(1)
    bench = Bench(next(case for case in CASES if case.id == case_id))
    points, net = bench.points, bench.bare
    with torch.no_grad():
        net(bench.x[:1])
    if contender == "pytorch-grad-cam":
        bench._peer_cam  # noqa: B018 (its imports are not the call's memory)
    elif contender == "captum":
        import captum.attr  # noqa: F401
    elif contender == OURS:
        import pellucid.harness.explain  # noqa: F401
    before = reset_peak()
    if contender == FLOOR:
        bench.floor_at(points, size)
    elif contender == OURS:
        bench.ours()
    else:
        bench.peer_at(contender, size)
    return peak() - before


if __name__ == "__main__":
    print(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3])))
