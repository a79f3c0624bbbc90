"""Sampled estimates that grow until they are good enough, or until the budget is used up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.errors import BudgetError
from pellucid.methods.games.game import Estimate, Game
from pellucid.methods.games.sample import Sample

clock = time.perf_counter


def _endless() -> float:
    return float("inf")


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes:
        samples: coalitions for each row, those of no and of all players included.
        error: the largest standard error over the root mean square value of a row, at which that row is done; None: never.
        seconds: how many are left; asked after every round.
        watch: told the relative error of the worst row after every round, and how many coalitions there are.
    """

    samples: int
    error: float | None = None
    seconds: Callable[[], float] = _endless
    watch: Callable[[float, int], None] | None = None


def estimate(game: Game, sample: Sample, limits: Limits) -> Estimate:
    """Rounds of growing size; each row stops on its own, so that it does not depend on its neighbors.

    Raises:
        BudgetError: too few coalitions for one pass.
    """
    if limits.samples < sample.least:
        raise BudgetError(
            f"There are too few coalitions for one pass of {sample.name}",
            received=f"{limits.samples} coalitions for {game.players} players",
            remedy=f"allow at least {sample.least} (samples=, or the calls of the budget), or group the players",
        )
    most = int(min(limits.samples, sample.most))
    size, going = min(most, max(sample.least, 4 * game.players + 2)), np.arange(game.rows)
    seen = np.empty((game.rows, 0))
    values, errors = np.zeros((2, game.rows, game.players))
    counts, started = np.zeros(game.rows, np.int64), clock()
    while len(going):
        new = sample.grow(size)
        seen = np.concatenate([seen, game.value(new, going)], 1) if len(new) else seen
        room = size * limits.seconds() / max(clock() - started, 1e-9)
        last = size >= most or room < game.players
        if last or limits.error is not None or limits.watch is not None:
            values[going], errors[going] = sample.fit(seen, game.empty[going], game.full[going])
        counts[going] = seen.shape[1] + 2
        relative = _relative(values[going], errors[going])
        if limits.watch is not None:
            limits.watch(float(relative.max()), size)
        if last:
            break
        unsure = relative > limits.error if limits.error is not None else np.ones(len(going), bool)
        going, seen, size = going[unsure], seen[unsure], int(min(most, 2 * size, size + room))
    return Estimate(values, errors, counts, sample.name)


def _relative(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The largest error of each row over the root mean square of its values."""
    scale = np.sqrt((values**2).mean(1))
    return np.divide(errors.max(1), scale, out=np.where(errors.max(1) > 0, np.inf, 0.0), where=scale > 0)
