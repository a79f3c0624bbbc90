"""Evaluations below their plain cost, where they can be shown to give the same: convolutions with what follows them in one step, only
the touched region of early layers where rows differ from the explained one in a window, and passes by the framework itself.

A plan is made of the network as it is at that moment, so it always has the network's present weights; it is compared with a plain pass
before it is used, and given up for good once anything about it fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.models.bridge import Bridge
from pellucid.models.memory import out_of_memory
from pellucid.models.own_pass import Make, OwnPass
from pellucid.models.rules.tuned.fusion import Diverged, Fusion, plan
from pellucid.models.rules.tuned.regions import WHOLE, Regions, changed_windows

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch

ENOUGH = 16  # rows from which on making a plan pays
LARGE = 4096  # elements of an image below which watching every operation costs more than it saves
DEEP = 8  # convolutions from which on a network gains
AGREE = 1e-4  # of the largest output: beyond rounding, a plan would be wrong
_FAILURES = (Diverged, PellucidError, RuntimeError, TypeError, ValueError, IndexError)


class Tuned:
    """The evaluations of one bound network. ``expect`` says how many rows are coming, which decides whether a plan is worth making."""

    def __init__(self, bound: BoundTorch) -> None:
        self.bound = bound
        self._fusion: Fusion | None = None
        self._regions: tuple[int, Regions] | None = None  # of one explained row
        self._possible = True
        self._expected = 0
        self._held = self._began = False
        self.own: tuple[OwnPass, Make] | None = None  # of the framework that the network comes from

    def expect(self, rows: int) -> None:
        """So many rows are about to be evaluated."""
        self._expected += rows

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Inside, the network runs as it is: somebody looks at its layers."""
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before

    def forward(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The main output of a batch, with gradient where the caller's context asks for it."""
        if self.own is not None and not self._held:
            found = self._by_framework(*self.own, batch, rows)
            if found is not None:
                return found
        fusion = None if self._held or not self._began else self._plan(batch, rows)
        self._began = True  # the first pass finds out how the network ends
        if fusion is None:
            return self.bound.forward(batch, rows)
        try:
            return self._by_plan(fusion, batch, rows)
        except _FAILURES as error:
            if isinstance(error, RuntimeError) and out_of_memory(error):
                raise
            self._possible, self._fusion, self._regions = False, None, None
            return self.bound.forward(batch, rows)

    def _by_framework(self, own: OwnPass, make: Make, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor | None:
        """The main output by the framework's own pass; None where it is not used."""
        own.rows += len(rows)
        if own.net is None and own.begins(self._expected):
            own.net = self._made(make, tuple(t[:1].detach() for t in batch), rows[:1])
        net = own.net
        if net is None:
            return None
        try:
            with self.bound.by(net):
                return self.bound.forward(batch, rows)
        except _FAILURES as error:
            if isinstance(error, RuntimeError) and out_of_memory(error):
                raise
        own.give_up()
        return None

    def _made(self, make: Make, one: tuple[Tensor, ...], row: Tensor) -> Bridge | None:
        """The framework's own pass, if it can be made and gives the same for a row."""
        try:
            net = make()
            return net if net is not None and self._same(net, one, row) else None
        except Exception as error:  # the user's function is traced once more, and may raise anything
            if out_of_memory(error):
                raise
            return None

    def _same(self, net: Bridge, one: tuple[Tensor, ...], row: Tensor) -> bool:
        """Whether the framework gives the same for a row, and leaves its last softmax or sigmoid to torch."""
        with torch.no_grad():
            plain = self.bound.forward(one, row)
            if net.ends_in != self.bound.ends_in:
                return False
            with self.bound.by(net):
                return _agree(self.bound.forward(one, row), plain)

    def _by_plan(self, fusion: Fusion, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        def forward(given: tuple[Tensor, ...]) -> Tensor:
            return self.bound.forward(given, rows)

        if torch.is_grad_enabled():
            return fusion.run(forward, batch, differentiates=True)
        first = int(rows[0])
        if len(rows) > 1 and bool((rows == first).all()):
            known = self.bound.values[0][first : first + 1]
            patches = changed_windows(batch[0], known)
            if patches.share < WHOLE:
                if self._regions is None or self._regions[0] != first:
                    self._regions = first, Regions(fusion)
                return self._regions[1].run(forward, batch[0], patches)
        return fusion.run(forward, batch, differentiates=False)

    def _plan(self, batch: tuple[Tensor, ...], rows: Tensor) -> Fusion | None:
        """The plan, made once enough rows are expected."""
        if self._fusion is not None or not self._possible or self._expected < ENOUGH:
            return self._fusion
        self._possible = False
        if not _suits(self.bound):
            return None
        one, row = tuple(t[:1].detach() for t in batch), rows[:1]
        plain: list[Tensor] = []

        def forward(given: tuple[Tensor, ...]) -> Tensor:
            plain.append(self.bound.forward(given, row))
            return plain[-1]

        with torch.no_grad():
            try:
                found = plan(self.bound.net, one, forward)
                if found is not None and _agree(found.run(forward, one, differentiates=False), plain[0]):
                    self._fusion = found
            except _FAILURES as error:
                if isinstance(error, RuntimeError) and out_of_memory(error):
                    raise
        return self._fusion


def _suits(bound: BoundTorch) -> bool:
    """Whether the network is one that plans are made for: convolutions in eval mode on one float32 image on the CPU."""
    if len(bound.values) != 1 or any(bound.embedded) or bound.values[0].ndim != 4 or bound.values[0].dtype != torch.float32:
        return False
    if bound.model.torch_dtype != torch.float32 or bound.values[0].device.type != "cpu":
        return False
    if bound.values[0][0].numel() < LARGE:
        return False
    modules = list(bound.net.modules())
    return sum(isinstance(m, nn.Conv2d) for m in modules) >= DEEP and not any(m.training for m in modules)


def _agree(fused: Tensor, plain: Tensor) -> bool:
    scale = plain.abs().amax()
    return bool(torch.isfinite(fused).all()) and bool((fused - plain).abs().amax() <= AGREE * scale)
