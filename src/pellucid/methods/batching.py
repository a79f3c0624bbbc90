"""How many rows go through the model at once: found by measuring the real work, under a memory limit, halved when memory runs out."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from pellucid.errors import BudgetError

MEMORY = 512 * 2**20  # bytes that one batch may add to the process, unless the budget says otherwise
LARGEST = 16_384
GAIN = 0.95  # a doubled batch must take less than this share of the time per row to be worth going on
TRIALS = 2  # batches of each size; the faster one counts, since other work on the machine only ever slows one down
BRIEF = 1e-3  # seconds below which a batch's time is mostly the call's own overhead, and says nothing about the rows
SHORT, MORE = 5e-3, 2  # seconds below which so many times as many batches are tried
AGAIN = 64  # full batches after which a settled size is measured again, so that a bad moment does not stick; doubled each time


@dataclass
class BatchSize:
    """The batch size for one model, input shape and kind of pass.

    It starts at one row and doubles while each doubling makes a row cheaper, on the user's own rows: measuring costs no evaluation.
    Cache-sized batches win on convolutional networks (8 rows, where 50 took twice the time), large ones on small networks. A size
    that was found is measured again from its half on, ever more rarely.
    """

    row_bytes: int
    memory: int = MEMORY
    size: int = 1
    settled: bool = False
    best: float = float("inf")
    best_size: int = 1
    misses: int = 0
    trials: int = 0
    fastest: float = float("inf")
    cap: int = LARGEST
    grown: int = 0
    full: int = 0
    again: int = AGAIN
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.cap = max(1, min(self.cap, self.memory // max(1, 8 * self.row_bytes)))

    def start_at(self, rows: int) -> None:
        """Goes on from at least so many rows: a smaller batch is not going to come, and would be waited for in vain."""
        with self.lock:
            if not self.settled and self.size < rows <= self.cap:
                self.size = self.best_size = rows

    def report(self, rows: int, seconds: float, grown: int) -> None:
        """Takes in one batch: its rows, its time and by how many bytes it raised the peak memory."""
        with self.lock:
            if rows != self.size:
                return
            if self.settled:
                self._age()
                return
            self.grown += grown
            if self.grown > self.memory // 2:  # twice the rows would go beyond the limit
                self.cap = rows
            self.fastest = min(self.fastest, seconds)
            self.trials += 1
            brief = seconds < BRIEF and rows * 2 <= self.cap
            if brief or self.trials >= TRIALS * (MORE if self.fastest < SHORT else 1):
                self._judge(rows, self.fastest)

    def _judge(self, rows: int, seconds: float) -> None:
        gained = seconds / rows < self.best * GAIN
        if seconds / rows < self.best:
            self.best, self.best_size = seconds / rows, rows
        self.misses = 0 if gained or seconds < BRIEF else self.misses + 1
        self.trials, self.fastest = 0, float("inf")
        if self.misses >= 2 or self.size * 2 > self.cap:
            self.size, self.settled, self.full = self.best_size, True, 0
        else:
            self.size *= 2

    def _age(self) -> None:
        """Counts a full batch of the settled size; now and then the search begins again at half of it."""
        self.full += 1
        if self.full >= self.again and self.cap > 1:
            self.again *= 2
            self.size, self.settled = max(1, self.size // 2), False
            self.best, self.best_size, self.misses, self.trials, self.fastest = float("inf"), self.size, 0, 0, float("inf")

    def halve(self, rows: int, error: BaseException) -> None:
        """After running out of memory with so many rows: half of them from now on."""
        with self.lock:
            if rows <= 1:
                raise BudgetError(
                    "One row at a time already runs out of memory",
                    received=str(error).splitlines()[0][:100],
                    remedy="use a smaller input, a black-box method (it keeps no intermediate results), or a machine with more memory",
                ) from error
            self.size = self.cap = min(self.size, rows // 2)
            self.best_size, self.settled = self.size, True


_KNOWN: WeakKeyDictionary[object, dict[Hashable, BatchSize]] = WeakKeyDictionary()


def batch_size(owner: object, key: Hashable, *, row_bytes: int, memory: int | None, fixed: int | None) -> BatchSize:
    """The batch size kept for this model object and key, or a fixed one."""
    if fixed is not None:
        return BatchSize(0, size=fixed, best_size=fixed, settled=True, again=sys.maxsize)
    kept = _KNOWN.setdefault(owner, {})
    if (key, memory) not in kept:
        kept[key, memory] = BatchSize(row_bytes, memory or MEMORY)
    return kept[key, memory]


def peak_memory() -> int:
    """The highest memory use of this process so far, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


clock = time.perf_counter
