"""Exact linear regions of 2-64-64-64-64 ReLU networks, per polygon: ``python -m benchmarks.decision_boundary``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.datasets import make_moons
from torch import Tensor, nn

import pellucid as pl
from benchmarks.machine import described
from pellucid.explanation.contents import DecisionBoundary
from pellucid.methods.internals.decision_boundary import LookAtDecisionBoundary
from pellucid.methods.internals.decision_boundary_cells import distances, located
from pellucid.methods.internals.decision_boundary_mesh import Mesh, grid

HERE = Path(__file__).parent
WIDTH, DEPTH, ROUNDS = 64, 4, 5
PIXELS = 400
SQUARE = (-1.0, 1.0, -1.0, 1.0)
HEAD = (
    "network",
    "polygons",
    "CPU s",
    "microseconds a polygon",
    "areas less the square",
    "400 x 400 argmax agrees",
    "beyond 1e-9 of a line",
)
PACKAGES = ("torch", "numpy", "pellucid")


@dataclass(frozen=True, eq=False)
class Case:
    """A network of two inputs, and rows that it is shown on."""

    title: str
    net: nn.Module
    rows: Tensor


def network(seed: int, classes: int, *, he: bool) -> nn.Sequential:
    """Untrained, as torch draws it or as He et al. do, with biases as torch draws them."""
    torch.manual_seed(seed)
    sizes = [2, *[WIDTH] * DEPTH]
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    net = nn.Sequential(*layers, nn.Linear(WIDTH, classes))
    for layer in net:
        if he and isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    return net.eval()


def moons() -> Case:
    """Trained on two moons, moved into the square."""
    x, labels = make_moons(500, noise=0.2, random_state=0)
    low, high = np.min(x, 0), np.max(x, 0)
    rows = torch.from_numpy((2 * (x - low) / (high - low) - 1).astype(np.float32))
    net = network(0, 2, he=False)
    pl.fit(net, rows, labels, epochs=60, learning_rate=2e-3, seed=0)
    return Case("trained on two moons", net.eval(), rows)


def cases() -> tuple[Case, ...]:
    """What is measured."""
    rows = 2 * torch.rand(50, 2, generator=torch.Generator().manual_seed(1)) - 1
    return (Case("fresh", network(0, 3, he=False), rows), Case("fresh, He", network(0, 3, he=True), rows), moons())


def timed(case: Case) -> tuple[float, DecisionBoundary]:
    """The least CPU seconds of a few rounds beyond those of the map alone, and what was seen."""
    taken: dict[str, list[float]] = {"sampled": [], "exact": []}
    found = None
    for _ in range(ROUNDS):
        for how, seconds in taken.items():
            what = LookAtDecisionBoundary(span=SQUARE, resolution=2, how=how)  # type: ignore[arg-type]
            started = time.process_time()
            found = pl.inspect(case.net, what, case.rows).content
            seconds.append(time.process_time() - started)
    if not isinstance(found, DecisionBoundary):
        raise TypeError(type(found).__name__)
    return min(taken["exact"]) - min(taken["sampled"]), found


def agreement(case: Case, found: DecisionBoundary) -> tuple[float, float]:
    """The share of pixels whose class the polygons foretell as the float64 network says it: of all, and of those off the lines."""
    regions = found.regions
    if regions is None:
        raise ValueError("no regions")
    axis = np.linspace(*SQUARE[:2], PIXELS + 1)[:-1] + 1 / PIXELS
    points = grid(axis, axis).points
    with torch.no_grad():
        said = case.net.double()(torch.from_numpy(points)).argmax(1).numpy()
    at = located(Mesh(regions.points, regions.corners, regions.counts), axis, axis).reshape(-1)
    foretold = regions.levels[at] + (regions.slopes[at] * (points - regions.middles[at])[:, None]).sum(-1)
    same = foretold.argmax(1) == said
    off = distances(points, found.boundary) > 1e-9
    return float(same.mean()), float(same[off].mean())


def row(case: Case) -> tuple[str, ...]:
    """One line of the table."""
    seconds, found = timed(case)
    regions = found.regions
    if regions is None:
        raise ValueError("no regions")
    each, beyond = agreement(case, found)
    off = regions.areas().sum() - 4
    return (
        case.title,
        f"{len(regions):,}",
        f"{seconds:.2f}",
        f"{1e6 * seconds / len(regions):.0f}",
        f"{off:.1e}",
        f"{100 * each:.4f} %",
        f"{100 * beyond:.4f} %",
    )


def main() -> None:
    """Prints the table and writes ``results/decision_boundary.md``."""
    torch.set_num_threads(1)
    rows = [row(case) for case in cases()]
    table = Table(*HEAD)
    for line in rows:
        table.add_row(*line)
    Console().print(table)
    about = described("python -m benchmarks.decision_boundary", PACKAGES)
    text = [
        "# Exact linear regions",
        "",
        f"ReLU networks 2-{'-'.join([str(WIDTH)] * DEPTH)} over the square from -1 to 1; CPU seconds of the process with one thread, the",
        f"least of {ROUNDS} rounds, for regions, colors and boundary, less those of the same call without them.",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|{'---|' * len(HEAD)}",
        *(f"| {' | '.join(line)} |" for line in rows),
        "",
        *about,
    ]
    (HERE / "results" / "decision_boundary.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
