"""Does the verdict tell truth from noise? Over 100 test digits and 50 patients, on fixed seeds: ``python -m benchmarks.verdicts``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from rich.console import Console
from rich.table import Table

import pellucid as pl
from pellucid.demo.networks import Trained, one_thread, train_digits, train_patient

LEVELS = ("supported", "weak", "refused", "unchecked")
METHODS = ("random", "integrated_gradients", "occlusion")
SHUFFLED = "integrated_gradients, shuffled after the fact"


@dataclass(frozen=True)
class Counted:
    """How many rows of one set got each verdict from one method."""

    data: str
    method: str
    counts: Counter[str]

    def share(self, level: str) -> float:
        """The share of rows with this verdict."""
        return self.counts[level] / sum(self.counts.values())


@cache
def study(*, seed: int = 0) -> tuple[Counted, ...]:
    """The verdicts of the control, two methods, and a shuffled explanation, on both sets."""
    with one_thread():
        return tuple(_study(seed))


def _study(seed: int) -> list[Counted]:
    rows = []
    for data, trained, count in (("digits", train_digits(seed=seed), 100), ("patients", train_patient(seed=seed), 50)):
        chosen = trained.split.test.inputs[:count]
        options = {"preparation": trained.preparation, "seed": seed}
        background = trained.split.train.inputs if trained.preparation is not None else None
        inputs = chosen if trained.preparation is not None else chosen.astype(np.float32)
        for method in METHODS:
            made = pl.explain(trained.net, inputs, method, background=background, **options)
            rows.append(_count(data, method, made))
        made = pl.explain(trained.net, inputs, "integrated_gradients", background=background, **options)
        values = np.random.default_rng(seed).permuted(made.arrays[0].values.reshape(count, -1), axis=1).reshape(made.arrays[0].values.shape)
        rows.append(_count(data, SHUFFLED, pl.judge(made, trained.net, inputs, values=values, background=background, **options)))
    return rows


def _count(data: str, method: str, made: pl.Explanation) -> Counted:
    return Counted(data, method, Counter(str(v) for v in made.verdicts))


def guessing(*, seed: int = 0) -> dict[str, Trained]:
    """Networks trained on random labels, which their evaluation must call no better than guessing."""
    return {"digits": train_digits(seed=seed, random_labels=True), "patients": train_patient(seed=seed, random_labels=True)}


def main() -> None:
    """Prints the table."""
    table = Table("data", "explanation", *LEVELS, title="Verdicts on fixed seeds")
    for row in study():
        table.add_row(row.data, row.method, *(f"{row.counts[level]} ({row.share(level):.0%})" for level in LEVELS))
    console = Console()
    console.print(table)
    for data, trained in guessing().items():
        console.print(f"{data}, trained on random labels: better than guessing? {trained.evaluation.better_than_base_rate}")


if __name__ == "__main__":
    main()
