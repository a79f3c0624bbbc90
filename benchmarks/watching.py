"""What watching a training costs: ``python -m benchmarks.watching [--rounds N] [--seconds S]``; writes ``results/watching.md``.

Two trainings: a convolutional network on digits, and a residual network of 100 layers. Each loop is run bare, watched at the default
budget, and bare again, in alternation; the CPU time of the process is that of the loop alone. The recorder's own clock is printed beside,
with how many frames of each kind it made in 15 seconds. Then all layers at every 10 steps, beside TensorBoard's histograms of the same.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from examples.watch_digits import network
from rich.console import Console
from torch import Tensor, nn

import pellucid as pl
from benchmarks.machine import described
from benchmarks.pairing import Ratio, ratio
from pellucid.training.recording.recorder import Cost

SPAN = 15.0  # seconds in which each kind of frame must be seen at least once
EVERY = 10


class Residual(nn.Module):
    """One of many layers, added to what went in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(row, feature) to the same."""
        return x + 0.1 * torch.relu(self.inner(x))


def deep_network() -> nn.Module:
    """A residual network of 100 linear layers, 64 wide."""
    return nn.Sequential(nn.Flatten(), *(Residual(64) for _ in range(99)), nn.Linear(64, 10))


@dataclass(frozen=True, eq=False)
class Case:
    """One training: its network, and about how many steps take a second here."""

    name: str
    make: Callable[[], nn.Module]
    inputs: Tensor
    labels: Tensor


# given a network and its optimizer: what is called after each step, and at the end
After = Callable[[nn.Module, torch.optim.Optimizer], tuple[Callable[[Tensor], None], Callable[[], "Loop | None"]]]


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop that was run: CPU and wall seconds, losses, and what the recorder says of itself."""

    cpu: float
    wall: float
    losses: list[float]
    cost: Cost | None = None
    frames: dict[str, int] | None = None


def cases() -> Iterator[Case]:
    """Both trainings, on the digits."""
    data = pl.datasets.digits()
    inputs = torch.tensor(np.asarray(data.inputs), dtype=torch.float32).reshape(-1, 1, 8, 8)
    labels = torch.tensor(np.asarray(data.labels))
    yield Case("convolutional network, digits", network, inputs / inputs.max(), labels)
    yield Case("residual network of 100 layers", deep_network, inputs / inputs.max(), labels)


def loop(case: Case, steps: int, after: After) -> Loop:
    """One training of so many steps; ``after`` gives what is called after each step, and at the end."""
    torch.manual_seed(0)
    net = case.make()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    each, end = after(net, optimizer)
    order = torch.Generator().manual_seed(1)
    losses = []
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        rows = torch.randint(0, len(case.inputs), (64,), generator=order)
        loss = F.cross_entropy(net(case.inputs[rows]), case.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        each(loss)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = end()
    return Loop(cpu, wall, losses, found.cost if found else None, found.frames if found else None)


def bare(*_: object) -> tuple[Callable[[Tensor], None], Callable[[], None]]:
    """Nothing after a step."""
    return (lambda _: None), (lambda: None)


def watched(case: Case, every: int | None = None) -> After:
    """A recorder, at its default budget or with all layers at every so many steps."""

    def after(net: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Callable[[Tensor], None], Callable[[], Loop]]:
        folder = Path(tempfile.mkdtemp())
        run = pl.watch(net, optimizer, folder, data=(case.inputs[:100], case.labels[:100]), every=every)

        def end() -> Loop:
            cost = run.cost
            run.close("stopped")
            frames = pl.Run(folder).kinds
            shutil.rmtree(folder)
            return Loop(0.0, 0.0, [], cost, frames)

        return (lambda loss: run.step(loss=loss)), end

    return after


def tensorboard(net: nn.Module, _: torch.optim.Optimizer) -> tuple[Callable[[Tensor], None], Callable[[], None]]:
    """The loss at every step, histograms of all weights and gradients at every tenth, as TensorBoard's users do it."""
    from torch.utils.tensorboard import SummaryWriter

    folder = tempfile.mkdtemp()
    writer, count = SummaryWriter(folder), [0]

    def each(loss: Tensor) -> None:
        count[0] += 1
        writer.add_scalar("loss", loss.item(), count[0])
        if count[0] % EVERY == 0:
            for name, weight in net.named_parameters():
                writer.add_histogram(name, weight, count[0])
                writer.add_histogram(f"{name}.grad", weight.grad, count[0])

    def end() -> None:
        writer.close()
        shutil.rmtree(folder)

    return each, end


def alternated(case: Case, steps: int, rounds: int, contenders: dict[str, After]) -> dict[str, list[Loop]]:
    """Every contender's loops; every second round in reverse order."""
    found: dict[str, list[Loop]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in contenders if number % 2 == 0 else reversed(contenders):
            found[name].append(loop(case, steps, contenders[name]))
    return found


def over(found: dict[str, list[Loop]], name: str) -> Ratio:
    """CPU time of a contender over that of the bare loop."""
    return ratio(np.array([one.cpu for one in found[name]]), np.array([one.cpu for one in found["bare"]]))


def measure(case: Case, seconds: float, rounds: int) -> list[str]:
    """The rows of one training."""
    trial = loop(case, 100, bare)
    steps = max(100, round(100 * seconds / trial.cpu))
    long = alternated(case, steps, rounds, {"bare": bare, "watched": watched(case), "bare again": bare})
    costs = [one.cost for one in long["watched"] if one.cost is not None]
    shares = [cost.seconds / one.cpu for cost, one in zip(costs, long["watched"], strict=True)]
    kinds = {name: min(one.frames[name] * SPAN / one.wall for one in long["watched"] if one.frames) for name in _kinds(long)}
    same = all(one.losses == long["bare"][0].losses for loops in long.values() for one in loops)
    often: dict[str, After] = {
        "bare": bare,
        "all layers": watched(case, EVERY),
        "bare again": bare,
        **({"TensorBoard": tensorboard} if _installed() else {}),
    }
    short = alternated(case, max(50, steps // 8), 2 * rounds, often)
    layers = [one.cost.seconds / one.cpu for one in short["all layers"] if one.cost is not None]
    board = str(over(short, "TensorBoard")) if "TensorBoard" in short else "not installed"
    made = ", ".join(f"{name} {count:.1f}" for name, count in kinds.items())
    row = "| {} | {:.2f} % ({:.2f} %) | {} | {} |"
    return [
        f"## {case.name}",
        "",
        f"{steps:,} steps of {1000 * trial.cpu / 100:.1f} ms, {rounds} rounds; losses bit by bit the same in all: **{same}**.",
        "",
        "| | own clock over the loop's CPU time (largest) | CPU time over bare [95 %] | bare again over bare |",
        "|---|---|---|---|",
        row.format("default budget of 2 %", 100 * np.mean(shares), 100 * max(shares), over(long, "watched"), over(long, "bare again")),
        row.format(
            f"all layers at every {EVERY} steps",
            100 * np.mean(layers),
            100 * max(layers),
            over(short, "all layers"),
            over(short, "bare again"),
        ),
        f"| TensorBoard, histograms at every {EVERY} steps | | {board} | |",
        "",
        f"Frames in {SPAN:.0f} s at the default budget, fewest of all rounds: {made}.",
        "",
    ]


def _kinds(found: dict[str, list[Loop]]) -> list[str]:
    first = found["watched"][0].frames or {}
    return [name for name in first if name not in ("events", "pinned", "scalars")]


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorboard") is not None


def main() -> None:
    """Measures both trainings, and how long a million numbers take to open."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = ["# What watching a training costs", "", *described("python -m benchmarks.watching", ("torch", "numpy", "tensorboard")), ""]
    for case in cases():
        lines += measure(case, options.seconds, options.rounds)
    lines += [f"A run of a million numbers is opened and read in {opened():.2f} s of CPU time."]
    Console(width=160).print("\n".join(lines))
    (Path(__file__).parent / "results" / "watching.md").write_text("\n".join(lines) + "\n")


def opened(count: int = 1_000_000) -> float:
    """CPU seconds to open a run of so many numbers and to have all of them."""
    with tempfile.TemporaryDirectory() as folder:
        with pl.watch(nn.Linear(1, 1), None, folder) as run:
            for step in range(count // 2):
                run.step(loss=1.0 / (step + 1), accuracy=0.5)
        began = time.process_time()
        found = pl.Run(folder).all_scalars()
        taken = time.process_time() - began
        if sum(len(one) for one in found.values()) < count:
            raise RuntimeError("some numbers are missing")
    return taken


if __name__ == "__main__":
    main()
