"""What every method needs and none should write: counted, batched access to the model for the rows being explained.

A method asks for scores or gradients at points it makes from (row, sample) pairs; the evaluator forms full batches across rows,
keeps to the memory limit and the budget, counts, and reports progress. Pairs run row by row, so a row's samples arrive in order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from pellucid.data.baselines import Baseline, as_baseline, default_baseline
from pellucid.errors import BudgetError, InputError
from pellucid.explanation.scores import Score
from pellucid.explanation.spec import ModelSpec
from pellucid.explanation.target import OutputSpace, Selection, Target
from pellucid.methods.batching import BatchSize, batch_size, clock, peak_memory
from pellucid.methods.mixtures import evaluation
from pellucid.models.borrowed_shadow import structure
from pellucid.models.guess import guess_outputs
from pellucid.models.memory import out_of_memory
from pellucid.models.protocol import BoundModel, LayerGradient

if TYPE_CHECKING:
    from pellucid.models.entrance import Entrance

_FOUND: WeakKeyDictionary[object, dict[Hashable, Any]] = WeakKeyDictionary()
T = TypeVar("T")
Points = Callable[[Tensor, Tensor], tuple[Tensor, ...]]  # (rows, samples) -> one tensor per explained input


@dataclass(frozen=True)
class Budget:
    """What an explanation may cost per call of ``explain``: wall ``seconds``, model ``calls`` (rows evaluated per explained
    row), the standard
    ``error`` (relative) at which a sampled method may stop, and the ``memory`` in bytes that a batch may add.

    Sampled methods stop when the first limit is met; others raise :class:`BudgetError` before they overspend.
    """

    seconds: float | None = None
    calls: int | None = None
    error: float | None = None
    memory: int | None = None


@dataclass
class Spent:
    """Model rows and wall time spent, and the largest batch."""

    forward: int = 0
    gradient: int = 0
    batch: int = 0

    @property
    def evaluations(self) -> int:
        """Rows evaluated; a gradient row counts as one."""
        return self.forward + self.gradient


@dataclass(frozen=True, eq=False)
class Situation:
    """The circumstances of one explanation that a method does not choose."""

    target: Target
    spec: ModelSpec
    last_module: str
    owner: object
    odds: bool = True  # whether probabilities are explained as log-odds
    seed: int = 0
    batch: int | None = None
    budget: Budget = Budget()
    background: tuple[Tensor, ...] | None = None
    progress: Callable[[str, int, int], None] | None = None


class Evaluator:
    """Access to one bound model: see the module's docstring."""

    def __init__(self, bound: BoundModel, situation: Situation) -> None:
        self.bound, self.situation = bound, situation
        self.values, self.specs = bound.values, bound.specs
        self.rows = len(self.values[0])
        self.device = self.values[0].device
        self.spent = Spent(forward=bound.evaluated)  # finding where tokens enter takes a row
        self.beside = 0  # rows that copies of the network in another precision ran
        self.stage = ""
        self.guesses: tuple[str, ...] = ()
        self.baseline_names: dict[str, str] = {}
        self._outputs: Tensor | None = None
        self._known = torch.zeros(self.rows, dtype=torch.bool)
        self._selection: Selection | None = None
        self._spec = situation.spec
        self._sizers: dict[str, BatchSize] = {}
        self._entrance: tuple[Entrance | None] | None = None
        self._started = clock()

    # ---- what is explained -------------------------------------------------------------------------------------------------

    @property
    def selection(self) -> Selection:
        """The resolved target; evaluates the rows themselves if that has not happened yet."""
        if self._selection is None:
            for rows, _ in self.pairs(1):
                self.note(self.run("forward", lambda r: self.bound.outputs(tuple(v[r] for v in self.values), r), rows), rows)
            self.resolve()
        if self._selection is None:
            raise RuntimeError("the target was not resolved")
        return self._selection

    @property
    def space(self) -> OutputSpace:
        """The model's outputs for the explained rows."""
        _ = self.selection
        return self._space()

    def scores_at_inputs(self, score: Score | None = None) -> Tensor:
        """The explained score of each row (sample,), from the evaluation that resolved the target; ``score`` in its place, where given."""
        selection = self.selection
        if self._outputs is None:
            raise RuntimeError("the outputs were not kept")
        return (score or selection.score)(self._outputs, torch.arange(self.rows)).double()

    def generator(self, stream: int = 0) -> torch.Generator:
        """A fresh local generator: the same seed and stream give the same draws."""
        return torch.Generator().manual_seed(self.situation.seed * 1_000_003 + stream)

    def baseline(self, chosen: Baseline | None) -> tuple[Tensor, ...]:
        """The baseline of every explained input, its name kept for the provenance."""
        found = []
        slots = getattr(self.bound, "slots", range(len(self.values)))
        for i, (values, spec) in enumerate(zip(self.values, self.specs, strict=True)):
            given = self.situation.background
            background = given[slots[i]] if given is not None and not self.bound.embedded[i] else None
            one = (
                as_baseline(chosen)
                if chosen is not None
                else default_baseline(spec, background=background is not None, embedded=self.bound.embedded[i])
            )
            rows = one(values, spec, background)
            if rows.shape != values.shape:
                raise InputError(
                    "The baseline has another shape than the input", received=f"{tuple(rows.shape)}", remedy=f"return {tuple(values.shape)}"
                )
            self.baseline_names[spec.name] = one.name
            found.append(rows)
        return tuple(found)

    def background_rows(self) -> tuple[Tensor | None, ...]:
        """The background (row, ...) of every explained input in its dtype; None for an input that has none, such as an embedding."""
        given = self.situation.background
        if given is None:
            return tuple(None for _ in self.values)
        slots = getattr(self.bound, "slots", range(len(self.values)))  # inputs that are held fixed have a background too
        return tuple(
            None if embedded else given[slot].to(values.dtype).to(self.device)
            for slot, values, embedded in zip(slots, self.values, self.bound.embedded, strict=True)
        )

    # ---- evaluations -------------------------------------------------------------------------------------------------------

    def scores(self, points: Points, samples: int, *, only: Tensor | None = None, together: int = 1, score: Score | None = None) -> Tensor:
        """Scores (sample, point) in float64 at ``samples`` points per row, without gradient; ``only`` of these rows, where given.

        ``together`` consecutive points share a batch. ``score`` takes the place of the target's own, and may give (sample, point, ...).
        """
        score = score or self.selection.score
        count = self.rows if only is None else len(only)
        self.afford(samples if only is None else -(-samples * count // self.rows))
        found: list[Tensor] = []
        kind = "forward" if together == 1 else f"forward by {together}"
        evaluate = evaluation(self, points, count * samples)
        for places, numbers in self.pairs(samples, kind, together, rows=count):
            rows = places if only is None else only[places]
            outputs = self.run(kind, evaluate, rows, numbers)
            found.append(score(outputs, rows).double().cpu())
        whole = torch.cat(found) if found else torch.empty(0, dtype=torch.float64)
        return whole.reshape(count, samples, *whole.shape[1:])

    def gradients(self, points: Points, samples: int, *, together: int = 1) -> Iterator[tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]]:
        """Yields (rows, samples, scores, gradients) batch by batch for ``samples`` points per row; ``together`` consecutive
        ones share a batch."""
        score = self.selection.score
        self.afford(samples)
        for rows, numbers in self.pairs(samples, "gradient", together):
            scores, gradients = self.run("gradient", lambda r, s: self.bound.gradients(points(r, s), r, score), rows, numbers)
            yield rows, numbers, scores, gradients

    def gradient_at_inputs(self) -> tuple[Tensor, ...]:
        """The gradient at the rows themselves; the same pass tells what the model predicts."""
        self.afford(1)
        found = tuple(torch.empty_like(v) for v in self.values)
        for rows, _ in self.pairs(1, "gradient"):
            _, gradients = self.run(
                "gradient", lambda r: self.bound.gradients(tuple(v[r] for v in self.values), r, self.noting_score), rows
            )
            for whole, part in zip(found, gradients, strict=True):
                whole[rows] = part
        self.resolve()
        return found

    def entrance(self) -> Entrance | None:
        """The model from its first layer on, where that layer alone takes the input; looked for once."""
        if self._entrance is None:
            self._entrance = (self.bound.entrance(lambda find: self.remembered("entrance", find)),)
        return self._entrance[0]

    def remembered(self, what: Hashable, find: Callable[[], T]) -> T:
        """What is found out once about this network's modules (not its weights) and shape of input; what ``find`` evaluates counts."""
        owner: Any = self.situation.owner
        key = (what, self._structure, tuple(tuple(v.shape[1:]) for v in self.values))
        kept = _FOUND.setdefault(owner, {})
        if key not in kept:
            before = self.bound.evaluated
            kept[key] = find()
            self.spent.forward += self.bound.evaluated - before
        return kept[key]

    @cached_property
    def _structure(self) -> Hashable:
        """Of which modules the network is made: a layer may have been replaced since the last explanation."""
        owner = self.situation.owner
        return structure(owner) if isinstance(owner, torch.nn.Module) else None

    @contextmanager
    def account(self, stage: str) -> Iterator[Spent]:
        """Counts what happens inside under its own name."""
        before, self.spent, self.stage = (self.spent, self.stage), Spent(), stage
        try:
            yield self.spent
        finally:
            self.spent, self.stage = before

    def affordable(self, samples: int) -> int:
        """How many of ``samples`` points per row the budget's calls still allow."""
        calls = self.situation.budget.calls
        return samples if calls is None else max(0, min(samples, calls - self.spent.evaluations // self.rows))

    def expired(self) -> bool:
        """Whether the budget's seconds are used up."""
        seconds = self.situation.budget.seconds
        return seconds is not None and clock() - self._started > seconds

    def seconds_left(self) -> float:
        """How many of the budget's seconds are left; infinitely many where it has no such limit."""
        seconds = self.situation.budget.seconds
        return float("inf") if seconds is None else seconds - (clock() - self._started)

    # ---- batches, for what evaluates in a way of its own -------------------------------------------------------------------

    def pairs(
        self, samples: int, kind: str = "forward", together: int = 1, *, rows: int | None = None, within: tuple[int, int] | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Batch by batch (row, sample) for all of the rows, or so many of them; ``kind`` names what is measured for the batch's size.

        ``within`` says, for the progress shown, how many are done before and how many there are in all.
        """
        total, at = (self.rows if rows is None else rows) * samples, 0
        self.bound.expect(total)
        sizer = self.sizer(kind)
        sizer.start_at(together)
        while at < total:
            count = min(max(together, sizer.size // together * together), total - at)
            row, first = divmod(at, samples)
            if first + count <= samples:  # within one row; a division for each point would be a tenth of a small network
                yield torch.full((count,), row, device=self.device), torch.arange(first, first + count, device=self.device)
            else:
                flat = torch.arange(at, at + count, device=self.device)
                yield flat // samples, flat % samples
            at += count
            if self.situation.progress:
                done, whole = within or (0, total)
                self.situation.progress(self.stage, done + at, whole)

    def run(self, kind: str, call: Callable[..., Any], *pairs: Tensor) -> Any:  # noqa: ANN401
        """One batch through the model, counted and measured; on out-of-memory in halves, joined again.

        A ``kind`` that starts with "forward" counts as evaluations without a gradient.
        """
        sizer, count = self.sizer(kind), len(pairs[0])
        learning = not sizer.settled
        before, started, evaluated = (peak_memory() if learning else 0), clock(), self.bound.evaluated
        try:
            found = call(*pairs)
        except Exception as error:
            if not out_of_memory(error):
                self.spent.forward += self.bound.evaluated - evaluated
                raise
            sizer.halve(count, error)
            half = count // 2
            return _join(self.run(kind, call, *(p[:half] for p in pairs)), self.run(kind, call, *(p[half:] for p in pairs)))
        sizer.report(count, clock() - started, peak_memory() - before if learning else 0)
        rows = self.bound.evaluated - evaluated  # more than asked for where the first batch was looked at twice
        if kind.startswith("forward"):
            self.spent.forward += rows
        else:
            self.spent.forward += rows - count
            self.spent.gradient += count
        self.spent.batch = max(self.spent.batch, count)
        return found

    def sizer(self, kind: str) -> BatchSize:
        """The measured size of a batch of this kind of pass."""
        if kind in self._sizers:
            return self._sizers[kind]
        shapes = tuple((tuple(v.shape[1:]), v.dtype) for v in self.values)
        row_bytes = sum(v[0].numel() * v.element_size() for v in self.values)
        budget = self.situation.budget
        found = batch_size(self.situation.owner, (kind, shapes), row_bytes=row_bytes, memory=budget.memory, fixed=self.situation.batch)
        return self._sizers.setdefault(kind, found)

    def afford(self, samples: int) -> None:
        """Raises BudgetError where so many evaluations per row are not allowed."""
        budget = self.situation.budget
        if budget.calls is not None and self.spent.evaluations + self.rows * samples > budget.calls * self.rows and self.stage != "checks":
            needed = self.spent.evaluations // self.rows + samples
            raise BudgetError(
                "The budget does not allow this method's evaluations",
                received=f"{needed} model rows per explained row needed, budget.calls is {budget.calls}",
                remedy="allow more calls, or choose fewer steps or samples",
            )

    def noting_score(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """The score at the rows themselves, the target being resolved on the way."""
        self.note(outputs.detach(), rows)
        return self.score(outputs, rows)

    def score(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """The explained score (batch,) of outputs of rows whose own outputs have been noted."""
        if self._selection is not None:
            return self._selection.score(outputs, rows)
        return self.situation.target.resolve(self._space()).score(outputs, rows)

    def note(self, outputs: Tensor, rows: Tensor) -> None:
        """Keeps the outputs at the rows themselves, from which the target is resolved."""
        if self._outputs is None:
            self._outputs = outputs.new_zeros((self.rows, *outputs.shape[1:]))
        self._outputs[rows] = outputs
        self._known[rows.cpu()] = True
        if self._spec.outputs == "unknown":
            kind, sentence = guess_outputs(_numpy(outputs), getattr(self.bound, "ends_in", "") or self.situation.last_module)
            self._spec = ModelSpec(self._spec.inputs, kind, self._spec.class_names, self._spec.select)
            explained = (
                f"; the {'log-odds are' if self.situation.odds else 'probability itself is'} explained" if kind == "probabilities" else ""
            )
            self.guesses += (sentence + explained,) if sentence else ()

    def resolve(self) -> None:
        """Settles the target, if every row has been evaluated."""
        if self._selection is None and bool(self._known.all()):
            self._selection = self.situation.target.resolve(self._space())

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _space(self) -> OutputSpace:
        if self._outputs is None:
            raise RuntimeError("the model was not evaluated yet")
        return OutputSpace(_numpy(self._outputs), self._spec.outputs, self._spec.class_names, self.situation.odds)


def sum_rows(total: Tensor, rows: Tensor, parts: Tensor) -> None:
    """Adds each batch row to its explained row in ``total``, in order, so that the same batches give the same bytes."""
    if parts.device.type == "cpu":
        total.index_add_(0, rows, parts)
        return
    found, counts = torch.unique_consecutive(rows, return_counts=True)
    for row, part in zip(found.tolist(), parts.split(counts.tolist()), strict=True):
        total[row] += part.sum(0)


def expand(weights: Tensor, like: Tensor) -> Tensor:
    """One weight per batch row, shaped to multiply ``like``."""
    return weights.to(like).reshape(-1, *([1] * (like.ndim - 1)))


def _numpy(tensor: Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor).numpy()


def _join(first: Any, second: Any) -> Any:  # noqa: ANN401
    if isinstance(first, Tensor):
        return torch.cat([first, second])
    if isinstance(first, LayerGradient):
        return LayerGradient(*(torch.cat([getattr(first, f), getattr(second, f)]) for f in ("scores", "activations", "gradients")))
    return tuple(_join(a, b) for a, b in zip(first, second, strict=True))
