"""Exact integrated gradients beside 200 midpoint steps: ``python -m benchmarks.exact_path [mlp] [random] [digits]``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

import pellucid as pl
from benchmarks.counting import counted
from benchmarks.floor import frozen
from benchmarks.machine import described
from benchmarks.networks import mlp
from benchmarks.pairing import alternate, best_size, ratio
from benchmarks.peers import captum_integrated_gradients, missing
from pellucid.data import datasets
from pellucid.demo.networks import train_digits

HERE = Path(__file__).parent
STEPS = 200
TARGET = 3
SIZES = (64, 256, 1024, 4096)
EXACT, ITS_FLOOR, MIDPOINT, AGAIN, CAPTUM = "exact", "its rows alone", f"midpoint {STEPS}", f"midpoint {STEPS} again", f"captum {STEPS}"
HEAD = ("contender", "gradient rows", "forward rows", "CPU ms", "relative to midpoint", "exact over it", "error")
PACKAGES = ("torch", "numpy", "captum", "scikit-learn", "pellucid")


@dataclass(frozen=True, eq=False)
class Case:
    """A network, the rows explained against zero, and how many rounds are timed."""

    title: str
    net: nn.Module
    x: Tensor
    rounds: int

    def ours(self, rule: str) -> np.ndarray:
        """Attributions by one of our rules."""
        method = pl.IntegratedGradients(steps=STEPS, rule=rule, baseline=0.0, max_segments=5000)  # type: ignore[arg-type]
        return pl.explain(self.net, self.x, method, target=TARGET, checks="none").arrays[0].values

    def captum(self, size: int) -> np.ndarray:
        """captum's midpoint rule."""
        zeros = torch.zeros_like(self.x)
        return captum_integrated_gradients(self.net, self.x, zeros, TARGET, steps=STEPS, size=size).detach().numpy()


def trained_mlp() -> nn.Module:
    """The MLP after thirty epochs on the digits."""
    net, data = mlp(64, 128, 128, 10), datasets.digits().split(seed=0)
    pl.fit(
        net,
        torch.from_numpy(data.train.inputs.astype(np.float32)).flatten(1),
        data.train.labels,
        epochs=30,
        learning_rate=1e-3,
        seed=0,
    )
    return net.eval()


def digits(count: int) -> Tensor:
    """The first test digits, (sample, 1, 8, 8) in 0..1."""
    return torch.from_numpy(datasets.digits().split(seed=0).test.inputs[:count].astype(np.float64))


def cases() -> dict[str, Callable[[], Case]]:
    """What is measured, by name; all in float64."""
    shape = "MLP 64-128-128-10"
    normal = torch.randn(50, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return {
        "mlp": lambda: Case(f"{shape} trained on digits, 50 test digits", trained_mlp().double(), digits(50).flatten(1), 40),
        "random": lambda: Case(f"{shape} untrained, 50 normal rows", mlp(64, 128, 128, 10).double(), normal, 40),
        "digits": lambda: Case("digits CNN, 5 test digits", train_digits().net.double(), digits(5), 8),
    }


def measure(case: Case) -> list[tuple[str, ...]]:
    """One line for each contender."""
    exact = case.ours("exact")
    calls: dict[str, Callable[[], object]] = {EXACT: partial(case.ours, "exact"), MIDPOINT: partial(case.ours, "midpoint")}
    if not missing("captum"):
        size = best_size(case.captum, SIZES, STEPS * len(case.x))
        calls[CAPTUM] = partial(case.captum, size)
    calls[AGAIN] = calls[MIDPOINT]
    for call in (*calls.values(), *calls.values()):
        call()
    rows = {name: _rows(case.net, call) for name, call in calls.items()}
    calls[ITS_FLOOR] = _bare(case, *rows[EXACT])
    rows[ITS_FLOOR] = rows[EXACT]
    seconds = alternate(calls, case.rounds)
    errors = {name: _error(call(), exact) for name, call in calls.items() if name in (MIDPOINT, CAPTUM)}
    count = len(case.x)
    return [
        (
            name,
            f"{rows[name][0] / count:.1f}",
            f"{rows[name][1] / count:.1f}",
            f"{seconds[name].min() * 1e3:.1f}",
            str(ratio(seconds[name], seconds[MIDPOINT])) if name != MIDPOINT else "",
            str(ratio(seconds[EXACT], seconds[name])) if name != EXACT else "",
            f"{errors[name]:.1e}" if name in errors else "",
        )
        for name in calls
    ]


def _rows(net: nn.Module, call: Callable[[], object]) -> tuple[int, int]:
    """Gradient rows and forward rows of a call, counted by hooks."""
    modules = [m for m in net.modules() if not list(m.children())]
    with counted(modules[0], modules[0]) as found:
        call()
    return found.differentiated, found.entered - found.differentiated


def _bare(case: Case, gradients: int, forwards: int) -> Callable[[], object]:
    """As many rows through the bare network, in the batch size that is the fastest for gradients."""
    net, points = frozen(case.net), case.x.repeat(-(-max(gradients, forwards) // len(case.x)), *[1] * (case.x.ndim - 1))

    def run(size: int) -> None:
        for batch in points[:gradients].split(size):
            leaf = batch.detach().requires_grad_()
            torch.autograd.grad(net(leaf)[:, TARGET].sum(), leaf)
        with torch.no_grad():
            for batch in points[:forwards].split(size):
                net(batch)

    return partial(run, best_size(run, SIZES, gradients))


def _error(found: object, exact: np.ndarray) -> float:
    """The largest relative Euclidean error of a row."""
    given = np.asarray(found).reshape(len(exact), -1)
    wanted = exact.reshape(len(exact), -1)
    return float((np.linalg.norm(given - wanted, axis=1) / np.linalg.norm(wanted, axis=1)).max())


def main() -> None:
    """Measures the cases asked for, prints them and writes ``results/exact_path.md`` when all were asked for."""
    torch.set_num_threads(1)
    known, asked = cases(), sys.argv[1:]
    names = asked or list(known)
    console, text = Console(), []
    for name in names:
        case = known[name]()
        lines = measure(case)
        table = Table(*HEAD, title=case.title)
        for line in lines:
            table.add_row(*line)
        console.print(table)
        text += ["", f"## {case.title}", "", "| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
        text += ["| " + " | ".join(line) + " |" for line in lines]
    if not asked:
        head = ["# Exact integrated gradients", "", *described("python -m benchmarks.exact_path", PACKAGES), *_NOTES]
        (HERE / "results" / "exact_path.md").write_text("\n".join([*head, *text]) + "\n")


_NOTES = (
    "- float64, from zero, one thread; rows are per explained row and counted by hooks; CPU of the process, the fastest round; ratios are",
    "  geometric means over pairs of alternating rounds with a 95 % interval; error: the largest relative Euclidean error of a row",
    f"- *{ITS_FLOOR}*: as many gradient and forward rows through the bare network, all the way (the search mostly stops before the end)",
)

if __name__ == "__main__":
    main()
