"""Paired, alternating timing: every round runs all contenders once, and every second round in reverse order (ABBA)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Ratio:
    """A geometric mean of paired ratios with its 95 % interval (t on the logarithms)."""

    value: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def cpu_seconds(call: Callable[[], object]) -> float:
    """Process CPU time of one call: all threads of this process, and nothing that other programs do meanwhile."""
    started = time.process_time()
    call()
    return time.process_time() - started


def alternate(
    contenders: Mapping[str, Callable[[], object]], rounds: int, tick: Callable[[], None] = lambda: None
) -> dict[str, np.ndarray]:
    """CPU seconds of every contender in every round. The order is reversed in every second round, so that a drift of the clock cancels."""
    names = list(contenders)
    seconds = {name: np.empty(rounds) for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            seconds[name][number] = cpu_seconds(contenders[name])
        tick()
    return seconds


def ratio(above: np.ndarray, below: np.ndarray) -> Ratio:
    """How many times as much ``above`` took as ``below``. Two neighboring rounds (one ABBA) make one observation."""
    whole = len(above) // 2 * 2
    logs = (np.log(above[:whole]) - np.log(below[:whole])).reshape(-1, 2).mean(1)
    half = float(stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs)))
    mean = float(logs.mean())
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), whole)


def best_size(run: Callable[[int], object], sizes: tuple[int, ...], rows: int, *, repeats: int = 3) -> int:
    """The batch size with the least CPU time per row: the fastest of some alternating repeats counts."""
    fastest = dict.fromkeys(sizes, math.inf)
    for _ in range(repeats):
        for size in sizes:
            fastest[size] = min(fastest[size], cpu_seconds(lambda size=size: run(size)) / rows)
    return min(fastest, key=lambda size: fastest[size])
