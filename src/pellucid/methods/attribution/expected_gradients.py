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
FEWEST = 8  # draws: with fewer, the regression costs more than it gains
ROUND = 4  # draws between two looks at the budget
SUM_ERRORS = 5  # standard errors within which the sum of the values is stated to be right: one row in a thousand of few draws lies outside


@dataclass(frozen=True)
class ExpectedGradients:
    """The gradient at a random place between the input and a random background row, times their difference, averaged (Erion et al. 2021).

    Also known as GradientSHAP. Shapes: like the input; units: score; the values sum to f(x) less the mean score of the background, up to
    the stated sampling error. ``samples`` gradient evaluations per row, and one forward row per background row (for all explained rows
    together; where other inputs are held fixed, for each). Without a background the usual baseline stands for it.

    Samples come in independent draws of four: two different background rows, one from the outer and one from the inner half of its line,
    each together with its mirror image (t and 1 - t), which cancels what changes linearly along the line. What the scores of the two rows
    foretell of a value is taken off by regression (differs from paper: a plain mean). The standard error is widened as Student's t asks, so
    that 1.96 of them make a 95 % interval. All explained rows share the draws. A budget's seconds, calls or error may stop it earlier.

    What it does not show: anything off those lines, and which of the background rows a value comes from.

    Raises:
        InputError: ``samples`` is no multiple of four, or less than 32.
    """

    samples: int = 64

    id: ClassVar[str] = "expected_gradients"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """Expected gradients of every row."""
        if isinstance(self.samples, bool) or not isinstance(self.samples, int) or self.samples < FEWEST * DRAW or self.samples % DRAW:
            raise InputError(
                "Expected gradients needs a multiple of four samples, at least 32", received=repr(self.samples), remedy="use samples=64"
            )
        _ = evaluator.selection
        start = evaluator.baseline(None)
        background = evaluator.background_rows()
        scores = background_scores(evaluator, background, start)
        evaluator.afford(FEWEST * DRAW)
        places = _places(evaluator, self.samples, scores.shape[1])
        sums = _Sums(evaluator, _Lines(evaluator.values, background, start, places), scores)
        limited = evaluator.situation.budget
        bounded = bool(limited.seconds or limited.calls or limited.error)
        while sums.done < self.samples:
            count = min(FEWEST * DRAW if not sums.done else ROUND * DRAW, self.samples - sums.done) if bounded else self.samples
            if sums.done:
                count = evaluator.affordable(count) // DRAW * DRAW
            if not count or (sums.done and (evaluator.expired() or sums.precise(limited.error))):
                break
            sums.add(count)
        values, errors, total = sums.results()
        names = {
            spec.name: evaluator.baseline_names[spec.name] if rows is None else "all background rows"
            for spec, rows in zip(evaluator.specs, background, strict=True)
        }
        return Attribution(values, errors, "standard_error", start, total * SUM_ERRORS, baseline_scores=scores.mean(1), compared=names)


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
    """Sums over independent draws, per element and for the sum of the elements, with those of the control beside them.

    The control of a draw is by how much the mean score of its two background rows lies above that of all of them. It is known, its mean is
    zero, and what it foretells of a value (by linear regression over the draws) is taken off.
    """

    def __init__(self, evaluator: Evaluator, lines: _Lines, scores: Tensor) -> None:
        self.evaluator, self.lines, self.done = evaluator, lines, 0
        self.controls = _controls(scores, lines.places[0]).to(evaluator.device)
        whole = torch.zeros(evaluator.rows, dtype=torch.float64, device=evaluator.device)
        self.sums = tuple(tuple(torch.zeros_like(v) for _ in range(3)) for v in (*evaluator.values, whole))

    def add(self, count: int) -> None:
        """Evaluates so many more samples per row."""
        evaluator, done = self.evaluator, self.done

        def points(rows: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
            return self.lines.points(rows, samples + done)

        for rows, samples, _, gradients in evaluator.gradients(points, count, together=DRAW):
            of, draws = rows[::DRAW], (samples[::DRAW] + done) // DRAW
            parts = zip(gradients, self.lines.differences(rows, samples + done), strict=True)
            means = [(g * d).reshape(-1, DRAW, *g.shape[1:]).mean(1) for g, d in parts]
            means.append(torch.stack([m.reshape(len(m), -1).sum(1, dtype=torch.float64) for m in means]).sum(0))
            control = self.controls[of, draws]
            for (plain, squares, crossed), mean in zip(self.sums, means, strict=True):
                sum_rows(plain, of, mean)
                sum_rows(squares, of, mean * mean)
                sum_rows(crossed, of, mean * expand(control, mean))
        self.done += count

    def results(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
        """The means, their standard errors, and the standard error (sample,) of their sum."""
        found = [self._mean(*sums) for sums in self.sums]
        return tuple(value for value, _ in found[:-1]), tuple(error for _, error in found[:-1]), found[-1][1]

    def _mean(self, plain: Tensor, squares: Tensor, crossed: Tensor) -> tuple[Tensor, Tensor]:
        """The intercept of the regression on the control, and its standard error times t / 1.96 (Cornish and Fisher's expansion of t)."""
        draws = self.done // DRAW
        control = self.controls[:, :draws]
        middle = expand(control.mean(1), plain)
        variation = expand((control - control.mean(1, keepdim=True)).square().sum(1), plain)
        together = crossed - plain * middle
        steps = torch.where(variation > 0, together / variation, 0)
        free = draws - 2
        left = (squares - plain * plain / draws - steps * together).clamp(min=0) / free
        widened = 1 + 1.21 / free + 1.44 / free**2
        spread = 1 / draws + torch.where(variation > 0, middle * middle / variation, 0)
        return plain / draws - steps * middle, (left * spread).sqrt() * widened

    def precise(self, error: float | None) -> bool:
        """Whether the largest standard error is at most ``error`` times the root mean square value, in every row."""
        if error is None:
            return False
        values, errors, _ = self.results()
        size = torch.stack([v.flatten(1).square().mean(1) for v in values]).mean(0).sqrt()
        return all(bool((e.flatten(1).amax(1) <= error * size).all()) for e in errors)


def _controls(scores: Tensor, rows: Tensor) -> Tensor:
    """(sample, draw) how far the background rows of each draw score above the mean of all, from their scores (sample, background row)."""
    drawn = scores[:, rows].reshape(len(scores), -1, DRAW).mean(2) - scores.mean(1, keepdim=True)
    small = drawn.abs() <= 1e-9 * scores.abs().amax(1, keepdim=True)  # rounding is no control
    return torch.where(small, 0.0, drawn)
