"""Are faults of a training found, soon, and at the right layer? And is nothing found in sound ones? ``python -m benchmarks.diagnoses``."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from benchmarks.diagnoses_faults import FAULTS, STRENGTHS, Fault
from benchmarks.diagnoses_sound import KINDS_OF_SOUND
from benchmarks.diagnoses_trainings import SOUND, Training, recorded, sound
from pellucid.training.diagnoses.diagnose import diagnose
from pellucid.training.diagnoses.finding import Finding

RESULTS = Path(__file__).parent / "results" / "diagnoses.md"
FRACTIONS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)  # of the steps, at which a training is diagnosed as if it still went on
SOON = 0.2
FIRST = 1000  # seed


@dataclass(frozen=True)
class Planted:
    """One training with a fault.

    Attributes:
        first: fraction of the steps at which it was found, not-a-number if never. ``soon``: whether it was at :data:`SOON`.
        right: whether the layer was named.
    """

    first: float
    soon: bool
    right: bool


def over_time(training: Training, seed: int) -> dict[float, tuple[Finding, ...]]:
    """What would have been found at each fraction of the training."""
    return {fraction: diagnose(evidence) for fraction, evidence in recorded(training, seed, FRACTIONS).items()}


def planted(fault: Fault, seed: int, level: float) -> Planted:
    """A training with this fault."""
    found = over_time(fault.plant(seed, level), seed)
    told = {fraction: next((one for one in findings if one.id == fault.id), None) for fraction, findings in found.items()}
    first = next((fraction for fraction in FRACTIONS if told[fraction] is not None), float("nan"))
    layers = fault.layers(level)
    finding = told[first] if first == first else None
    return Planted(first, told[SOON] is not None, finding is not None and (not layers or finding.layer in layers))


@dataclass(frozen=True)
class Sound:
    """A training without a fault, and its findings, with the fraction of the steps at which each came first."""

    name: str
    alarms: dict[str, float]


def false_alarms(made: dict[str, Callable[[int], Training]], seeds: range) -> list[Sound]:
    """Of each sound training the findings at any time."""
    found: list[Sound] = []
    for (name, make), seed in track(list(itertools.product(made.items(), seeds)), "sound trainings", transient=True):
        alarms: dict[str, float] = {}
        for fraction, findings in over_time(make(seed), seed).items():
            for one in findings:
                alarms.setdefault(one.id, fraction)
        found.append(Sound(name, alarms))
    return found


def line(fault: Fault, strength: str, level: float, results: list[Planted]) -> str:
    """A row of the table."""
    firsts = [one.first for one in results if one.first == one.first]
    count = len(results)
    when = f"{np.median(firsts):.0%}" if firsts else ""
    layer = f"{sum(one.right for one in results)} of {len(firsts)}" if fault.layers(level) and firsts else ""
    soon = sum(one.soon for one in results)
    return f"| {fault.id} | {fault.what} | {strength} | {level:g} | {len(firsts)} of {count} | {soon} of {count} | {when} | {layer} |"


def table(seeds: range, strengths: tuple[str, ...]) -> list[str]:
    """All faults."""
    rows = [
        "| finding | planted | strength | level | found | in the first 20 % | first at (median) | right layer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    cases = [(fault, i) for fault in FAULTS for i, strength in enumerate(STRENGTHS) if strength in strengths]
    for fault, i in track(cases, "faults", transient=True):
        results = [planted(fault, seed, fault.levels[i]) for seed in seeds]
        rows.append(line(fault, STRENGTHS[i], fault.levels[i], results))
    return rows


def summary(what: str, found: list[Sound]) -> str:
    """How many sound trainings had an alarm, and which."""
    which = "; ".join(f"{one.name}: {', '.join(one.alarms)}" for one in found if one.alarms)
    return f"- {what}: {sum(bool(one.alarms) for one in found)} of {len(found)}" + (f" ({which})" if which else "")


def sparse(architecture: str) -> Callable[[int], Training]:
    """A sound training with a tenth of the frames."""
    return lambda seed: replace(sound(architecture, seed), pace=20)


def alarms(seeds: int) -> list[str]:
    """False alarms in three sets of sound trainings."""
    usual = {name: functools.partial(sound, name) for name in SOUND}
    few = {name: sparse(name) for name in SOUND}
    return [
        summary(f"three architectures ({', '.join(SOUND)})", false_alarms(usual, range(FIRST, FIRST + seeds))),
        summary("the same with a tenth of the frames", false_alarms(few, range(FIRST, FIRST + seeds))),
        summary(f"{len(KINDS_OF_SOUND)} other kinds", false_alarms(KINDS_OF_SOUND, range(FIRST, FIRST + max(seeds // 5, 1)))),
    ]


def main() -> None:
    """Prints the table and writes it; ``--quick`` takes two seeds and the middle strength, and writes nothing."""
    quick = "--quick" in sys.argv
    torch.set_num_threads(1)
    lines = [
        "# Diagnoses of trainings",
        "",
        f"400 steps each on the processor (2,500 for overfitting, which begins after 50 to 400), seeds from {FIRST}, with which no "
        "threshold was chosen. A frame at every second step, of four kinds in turn; diagnosed at 5, 10, 15, 20, 30, 50, 75 and 100 % "
        "of the steps. Made by `python -m benchmarks.diagnoses`.",
        "",
        "Sound trainings with a finding at any of these times:",
        "",
        *alarms(2 if quick else 10),
        "",
        *table(range(FIRST, FIRST + (2 if quick else 5)), ("middle",) if quick else STRENGTHS),
    ]
    text = "\n".join(lines) + "\n"
    Console(width=200, markup=False, highlight=False).print(text)
    if not quick:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
