"""Expected gradients: integrated gradients averaged over a whole background instead of one baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.errors import InputError
from pellucid.methods.attribution.path import background_scores
from pellucid.methods.protocol import Attribution
from pellucid.methods.run import expand, sum_rows

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

DRAW = 4  # gradients that make one independent draw: two background rows, each at two opposite places of its line
ROUND = 4  # draws between two looks at the budget
SUM_ERRORS = 5  # standard errors within which the sum of the values is stated to be right: one row in a thousand of few draws lies outside


@dataclass(frozen=True)
class ExpectedGradients:
    """The gradient at a random place between the input and a random background row, times their difference, averaged (Erion et al. 2021).

    Also known as GradientSHAP. Shapes: like the input; units: score; the values sum to f(x) less the mean score of the background, up to
    the stated sampling error. ``samples`` gradient evaluations per row, and one forward row per background row (for all explained rows
    together; where other inputs are held fixed, for each). Without a background the usual baseline stands for it.

    Samples come in independent draws of four: two different background rows, one from the outer and one from the inner half of its line,
    each together with its mirror image (t and 1 - t), which cancels what changes linearly along the line. The standard error is that of the
    mean of the draws, widened as Student's t asks so that 1.96 of them make a 95 % interval. All explained rows share the draws. A
    budget's seconds, calls or error may stop it earlier.

    What it does not show: anything off those lines, and which of the background rows a value comes from.

    Raises:
        InputError: ``samples`` is no multiple of four, or less than 16.
    """

    samples: int = 64

    id: ClassVar[str] = "expected_gradients"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """Expected gradients of every row."""
        if isinstance(self.samples, bool) or not isinstance(self.samples, int) or self.samples < 4 * DRAW or self.samples % DRAW:
            raise InputError(
                "Expected gradients needs a multiple of four samples, at least 16", received=repr(self.samples), remedy="use samples=64"
            )
        _ = evaluator.selection
        start = evaluator.baseline(None)
        background = evaluator.background_rows()
        reference = background_scores(evaluator, background, start)
        evaluator.afford(4 * DRAW)
        sums = _Sums(evaluator)
        places = _places(evaluator, self.samples, max((len(b) for b in background if b is not None), default=1))
        lines = _Lines(evaluator.values, background, start, places)
        limited = evaluator.situation.budget
        chunk = ROUND * DRAW if limited.seconds or limited.calls or limited.error else self.samples
        while sums.done < self.samples:
            count = min(chunk, self.samples - sums.done)
            if sums.done:
                count = evaluator.affordable(count) // DRAW * DRAW
            if not count or (sums.done and (evaluator.expired() or sums.precise(limited.error))):
                break
            sums.add(count, lines)
        values, errors, total = sums.results()
        names = {
            spec.name: evaluator.baseline_names[spec.name] if rows is None else "all background rows"
            for spec, rows in zip(evaluator.specs, background, strict=True)
        }
        return Attribution(values, errors, "standard_error", start, total * SUM_ERRORS, baseline_scores=reference, compared=names)


def _places(evaluator: Evaluator, samples: int, background: int) -> tuple[Tensor, Tensor]:
    """The background row (sample,) and the place on its line (sample,) of every sample; the same for all explained rows."""
    draws = samples // DRAW
    generator = evaluator.generator(0)
    first = torch.randint(background, (draws,), generator=generator)
    other = (first + torch.randint(1, max(2, background), (draws,), generator=generator)) % background
    rows = torch.stack([first, other], 1).repeat_interleave(2, 1)
    near, far = torch.rand((2, draws), generator=generator, dtype=torch.float64) / 4
    parts = torch.stack([near, 1 - near, far + 0.25, 0.75 - far], 1)
    return rows.reshape(-1), parts.reshape(-1)


@dataclass(frozen=True, eq=False)
class _Lines:
    """The lines from background rows to the explained rows; an input without a background begins at ``start``, which follows the row.

    ``places`` are the background row and the place on its line of every sample.
    """

    values: tuple[Tensor, ...]
    background: tuple[Tensor | None, ...]
    start: tuple[Tensor, ...]
    places: tuple[Tensor, Tensor]

    def differences(self, rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        """From the line's beginning to its end."""
        return tuple(v[rows] - b for v, b in zip(self.values, self._beginnings(rows, samples), strict=True))

    def points(self, rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        """The places on the lines."""
        parts = self.places[1][samples.cpu()]
        beginnings = self._beginnings(rows, samples)
        return tuple(torch.lerp(b, v[rows], expand(parts, b)) for v, b in zip(self.values, beginnings, strict=True))

    def _beginnings(self, rows: Tensor, samples: Tensor) -> list[Tensor]:
        chosen = self.places[0][samples.cpu()]
        return [s[rows] if b is None else b[chosen] for b, s in zip(self.background, self.start, strict=True)]


class _Sums:
    """Sums over independent draws and over their squares, per element and for the sum of the elements."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator, self.done = evaluator, 0
        self.sums = tuple(torch.zeros_like(v) for v in evaluator.values)
        self.squares = tuple(torch.zeros_like(v) for v in evaluator.values)
        self.totals = torch.zeros((2, evaluator.rows), dtype=torch.float64, device=evaluator.device)

    def add(self, count: int, lines: _Lines) -> None:
        """Evaluates so many more samples per row."""
        evaluator, done = self.evaluator, self.done

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            return lines.points(rows, samples + done)

        for rows, samples, _, gradients in evaluator.gradients(points, count, together=DRAW):
            of, total = rows[::DRAW], torch.zeros(len(rows) // DRAW, dtype=torch.float64, device=evaluator.device)
            for i, (gradient, difference) in enumerate(zip(gradients, lines.differences(rows, samples + done), strict=True)):
                means = (gradient * difference).reshape(-1, DRAW, *gradient.shape[1:]).mean(1)
                sum_rows(self.sums[i], of, means)
                sum_rows(self.squares[i], of, means * means)
                total += means.reshape(len(means), -1).sum(1, dtype=torch.float64)
            sum_rows(self.totals[0], of, total)
            sum_rows(self.totals[1], of, total * total)
        self.done += count

    def results(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
        """The means, their standard errors, and the standard error (sample,) of their sum."""
        draws = self.done // DRAW
        errors = tuple(_standard_error(s, q, draws) for s, q in zip(self.sums, self.squares, strict=True))
        return tuple(s / draws for s in self.sums), errors, _standard_error(self.totals[0], self.totals[1], draws)

    def precise(self, error: float | None) -> bool:
        """Whether the largest standard error is at most ``error`` times the root mean square value, in every row."""
        if error is None:
            return False
        values, errors, _ = self.results()
        size = torch.stack([v.flatten(1).square().mean(1) for v in values]).mean(0).sqrt()
        return all(bool((e.flatten(1).amax(1) <= error * size).all()) for e in errors)


def _standard_error(sums: Tensor, squares: Tensor, draws: int) -> Tensor:
    """Of the mean of ``draws`` independent draws, times t / 1.96 (Cornish and Fisher's expansion of Student's t)."""
    free = draws - 1
    wider = 1 + 1.21 / free + 1.44 / free**2
    return ((squares - sums * sums / draws).clamp(min=0) / free / draws).sqrt() * wider
