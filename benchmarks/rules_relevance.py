"""What LRP costs beside a plain gradient, and beside zennit: ``python -m benchmarks.rules_relevance [resnet18] [vgg11]``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

import pellucid as pl
from benchmarks import zennit_peer
from benchmarks.machine import described
from benchmarks.networks import resnet18
from benchmarks.pairing import Ratio, alternate, ratio

TARGET, ROUNDS, PIXELS = 3, 12, 224
BOUND = 5.0
COMPOSITES = ("epsilon", "epsilon_plus", "epsilon_plus_flat", "epsilon_gamma", "epsilon_gamma_box")
FLOOR, AGAIN = "plain gradient", "plain gradient again"
AIMS = {"epsilon": 2.0} | dict.fromkeys(COMPOSITES[1:], 3.0)
HERE = Path(__file__).parent
RESULT = HERE / "results" / "rules_relevance.md"


def vgg11(classes: int = 1000) -> nn.Module:
    """VGG-11 for 224 pixels (Simonyan & Zisserman 2015, table 1, column A)."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    given = 3
    for made in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        layers += [nn.Conv2d(given, made, 3, padding=1), nn.ReLU(inplace=True)] if made else [nn.MaxPool2d(2)]
        given = made or given
    head = [nn.Linear(512 * 49, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, classes)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(), *head).eval()


NETWORKS: dict[str, Callable[[], nn.Module]] = {"resnet18": resnet18, "vgg11": vgg11}


def network(name: str) -> nn.Module:
    """The network with frozen weights, and batch norms that have seen something."""
    net = NETWORKS[name]().requires_grad_(requires_grad=False)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.1)
    return net


@dataclass(frozen=True)
class Line:
    """One contender: its time over the floor's, and how much of the score its input holds where only biases may hold the rest."""

    contender: str
    milliseconds: float
    over_floor: Ratio
    held: float | None

    def __str__(self) -> str:
        held = "" if self.held is None else f"{self.held:.3g}"
        return f"| {self.contender} | {self.milliseconds:.1f} | {self.over_floor} | {held} |"


def gradient(net: nn.Module, x: Tensor) -> None:
    """The floor: one forward and one backward to the input, frozen weights."""
    leaf = x.clone().requires_grad_()
    torch.autograd.grad(net(leaf)[:, TARGET].sum(), leaf)


def measure(name: str, tick: Callable[[], None]) -> list[Line]:
    """All contenders on one network and one picture, in alternation."""
    net = network(name)
    x = torch.randn(1, 3, PIXELS, PIXELS).clamp(-BOUND, BOUND)
    calls: dict[str, Callable[[], object]] = {FLOOR: lambda: gradient(net, x)}
    held: dict[str, float] = {}
    with torch.no_grad():
        score = float(net(x)[0, TARGET])
    for composite in COMPOSITES:
        method = pl.LRP(composite=composite, bounds=(-BOUND, BOUND))
        calls[f"pellucid, {composite}"] = lambda method=method: pl.explain(net, x, method, target=TARGET, checks="none")
        check = pl.explain(net, x, method, target=TARGET, checks="none").check("conservation")
        held[f"pellucid, {composite}"] = float(check.curves[0].values.sum()) / score
    if not zennit_peer.missing():
        for composite in COMPOSITES:
            bounds = torch.full_like(x, -BOUND), torch.full_like(x, BOUND)
            chosen = zennit_peer.composite(composite, bounds=bounds)
            calls[f"zennit, {composite}"] = lambda chosen=chosen: zennit_peer.relevance(net, x, TARGET, chosen)
            held[f"zennit, {composite}"] = float(zennit_peer.relevance(net, x, TARGET, chosen).sum()) / score
    calls[AGAIN] = lambda: gradient(net, x)
    for call in calls.values():
        call()
    seconds = alternate(calls, ROUNDS, tick)
    return [Line(c, float(seconds[c].min() * 1e3), ratio(seconds[c], seconds[FLOOR]), held.get(c)) for c in calls if c != FLOOR]


def markdown(measured: dict[str, list[str]]) -> str:
    """The tables."""
    text = ["# LRP beside a plain gradient", "", *described("python -m benchmarks.rules_relevance", ("torch", "zennit", "pellucid"))]
    text += [
        f"- process CPU time, one thread, one picture of {PIXELS} pixels, random weights, {ROUNDS} rounds in alternation (ABBA)",
        f"- aims: {', '.join(f'{name} at most {aim:g}' for name, aim in AIMS.items())}",
        "- *accounted*: for Pellucid all that its ledger holds over the score, which must be 1; for zennit, which keeps no ledger, the",
        "  relevance of the input over the score. zennit has no rule for a residual sum written as `+` and no canonizer for these blocks.",
    ]
    for name, lines in measured.items():
        text += ["", f"## {name}", "", "| contender | CPU ms, least | over a plain gradient [95 %] | accounted |", "|---|---|---|---|"]
        text += lines
    return "\n".join(text) + "\n"


def main(chosen: tuple[str, ...] = ()) -> None:
    """Measures, prints and writes ``results/rules_relevance.md``."""
    torch.set_num_threads(1)
    console, out = Console(width=120), HERE / "out"
    out.mkdir(exist_ok=True)
    for name in chosen or tuple(NETWORKS):
        with Progress(console=console, transient=True) as bars:
            task = bars.add_task(name, total=ROUNDS)
            lines = measure(name, partial(bars.advance, task))
        (out / f"rules_relevance-{name}.txt").write_text("\n".join(map(str, lines)))
    kept = {name: path.read_text().splitlines() for name in NETWORKS if (path := out / f"rules_relevance-{name}.txt").is_file()}
    RESULT.write_text(markdown(kept))
    console.print(markdown(kept))


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
