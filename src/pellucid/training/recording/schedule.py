"""When what is measured: as often as a share of the training time pays for, each kind in its turn."""

from __future__ import annotations

import time

SHORTEST = 1 / 15  # seconds between two frames of a kind: more nobody sees
AIM = 0.75  # of the share that frames may take, less where telling numbers and writing take more than the rest of WHOLE
WHOLE = 0.9  # of the share that everything together may take: no clock sees all of it (caches, waiting)
PREFERRED = 4.0  # how much sooner it is the turn of what somebody looks at


class Schedule:
    """Pays for frames out of an account that fills with time.

    It is the turn of the kind that waits longest. Its frame is made when the account holds what such a frame cost before, so the share is
    kept in the long run whatever a frame costs. The first frames are made on credit, one at a time.
    Frames have an account of their own, so that a short step, of which telling its loss is a large part, does not starve them.

    Args:
        share: of the training time, such as .02.
        kinds: that can be taken.
        processor: whether the training's own time is that of the processor: on a busy machine the clock on the wall runs ahead of it. With
            an accelerator, or several threads, the wall clock is the smaller one or the only one that tells.
    """

    def __init__(self, share: float, kinds: tuple[str, ...], *, processor: bool = False) -> None:
        self.share, self.processor = share, processor
        self.cost: dict[str, float] = {}
        self.taken = dict.fromkeys(kinds, float("-inf"))
        self.preferred: frozenset[str] = frozenset()
        self._started: float | None = None
        self._processed = 0.0

    def due(self, on_frames: float, spent: float) -> str | None:
        """The kind to be taken next, where the account holds its cost: ``on_frames`` seconds went into frames, ``spent`` into all."""
        now = time.perf_counter()
        if self._started is None:
            self._started, self._processed = now, time.process_time() if self.processor else 0.0
        waiting = [kind for kind, at in self.taken.items() if now - at >= SHORTEST]
        if not waiting:
            return None
        kind = max(waiting, key=lambda one: (now - self.taken[one]) * (PREFERRED if one in self.preferred else 1.0))
        elapsed = now - self._started
        if self.processor:
            elapsed = min(elapsed, time.process_time() - self._processed)
        balance = min(self.share * AIM * elapsed - on_frames, self.share * WHOLE * elapsed - spent)
        if balance < self.cost.get(kind, 0.0) and not ((kind not in self.cost and balance >= 0) or not on_frames):
            return None
        self.taken[kind] = now
        return kind

    def learn(self, kind: str, seconds: float) -> None:
        """What a frame of this kind cost; the mean of what it did and does."""
        self.cost[kind] = seconds if kind not in self.cost else 0.5 * (self.cost[kind] + seconds)

    def seen(self, kind: str) -> None:
        """A frame was made that no turn asked for."""
        if kind in self.taken:
            self.taken[kind] = time.perf_counter()

    def drop(self, kind: str) -> None:
        """Leaves a kind out from now on."""
        self.taken.pop(kind, None)

    def rest(self, seconds: float) -> None:
        """Time in which the training stood still fills no account."""
        if self._started is not None:
            self._started += seconds
