"""What DeepLIFT and DeepSHAP cost beside the bare model and the peers: ``python -m benchmarks.rules``.

The floor of DeepSHAP is one forward per row, one per background row, and one backward per pair, in the best batch size; that of DeepLIFT
one plain gradient per row.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

import pellucid as pl
from benchmarks.floor import frozen, gradient_rows
from benchmarks.machine import described
from benchmarks.networks import mlp, resnet18
from benchmarks.pairing import alternate, best_size, ratio
from pellucid.demo.networks import digits_network

RESULT = Path(__file__).parent / "results" / "rules.md"
TARGET = 1
FLOOR, AGAIN, OURS = "floor", "floor again", "pellucid"
SIZES = (8, 16, 25, 50, 100)
Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One network, its rows, and a background (None: DeepLIFT against one baseline)."""

    title: str
    net: nn.Module
    x: Tensor
    background: Tensor | None
    rounds: int


def cases() -> list[Case]:
    """The digits CNN and two MLPs at 50, 10 and 1 rows beside 100 of background; ResNet-18 and the CNN against one baseline."""
    torch.manual_seed(0)
    networks: list[tuple[str, nn.Module, tuple[int, ...], int]] = [
        ("digits CNN", digits_network().eval(), (1, 8, 8), 12),
        ("MLP 30-64-64-2", mlp(30, 64, 64, 2), (30,), 40),
        ("MLP 64-128-128-10", mlp(64, 128, 128, 10), (64,), 40),
    ]
    found = [
        Case(f"DeepSHAP, {title}, {rows} x 100 rows", net, torch.rand(rows, *shape), torch.rand(100, *shape), rounds)
        for rows in (50, 10, 1)
        for title, net, shape, rounds in networks
    ]
    found.append(Case("DeepLIFT, ResNet-18 at 224 pixels, 4 rows", resnet18(), torch.rand(4, 3, 224, 224), None, 8))
    found.append(Case("DeepLIFT, digits CNN, 50 rows", networks[0][1], torch.rand(50, 1, 8, 8), None, 40))
    return found


def floor_of_pairs(net: nn.Module, x: Tensor, background: Tensor, size: int) -> None:
    """The graph over the larger side, in batches; as many backwards as the other side has rows."""
    large, small = (x, background) if len(x) >= len(background) else (background, x)
    with torch.no_grad():
        net(small)
    for block in large.split(size):
        leaf = block.detach().requires_grad_()
        score = net(leaf)[:, TARGET].sum()
        for number in range(len(small)):
            torch.autograd.grad(score, leaf, retain_graph=number < len(small) - 1)


def contenders(case: Case) -> dict[str, Call]:
    """Everyone who does this, as calls without arguments."""
    bare = frozen(case.net)
    if case.background is None:
        size = best_size(lambda s: gradient_rows(bare, case.x, s, TARGET), tuple(s for s in (1, 2, 4, *SIZES) if s <= len(case.x)), 1)
        floor: Call = partial(gradient_rows, bare, case.x, size, TARGET)
        ours: Call = partial(pl.explain, case.net, case.x, pl.DeepLIFT(baseline=0.0), target=TARGET, checks="none")
    else:
        size = best_size(lambda s: floor_of_pairs(bare, case.x, case.background, s), SIZES, 1)  # type: ignore[arg-type]
        floor = partial(floor_of_pairs, bare, case.x, case.background, size)
        ours = partial(pl.explain, case.net, case.x, "deepshap", background=case.background, target=TARGET, checks="none")
    found = {FLOOR: floor, OURS: ours}
    if find_spec("captum"):
        found["captum"] = partial(captum, case)
    if find_spec("shap") and case.background is not None:
        found["shap"] = partial(shap, case)
    return found | {AGAIN: floor}


def captum(case: Case) -> object:
    """captum's DeepLift or DeepLiftShap."""
    from captum.attr import DeepLift, DeepLiftShap

    if case.background is None:
        return DeepLift(case.net).attribute(case.x, torch.zeros_like(case.x), target=TARGET)
    return DeepLiftShap(case.net).attribute(case.x, case.background, target=TARGET)


def shap(case: Case) -> object:
    """shap's DeepExplainer, for the outputs that it explains at once."""
    import shap as package

    return package.DeepExplainer(case.net, case.background).shap_values(case.x, check_additivity=False)


def measure(case: Case) -> list[str]:
    """One line a contender."""
    calls = {}
    for name, call in contenders(case).items():
        try:
            for _ in range(6 if name == OURS else 1):  # the batch size settles
                call()
            calls[name] = call
        except Exception as error:  # a peer may refuse a network
            calls[f"{name}: {type(error).__name__}"] = None
    seconds = alternate({name: call for name, call in calls.items() if call}, case.rounds)
    lines = []
    for name, call in calls.items():
        if call is None:
            lines.append(f"| {case.title} | {name} | | |")
            continue
        above = "1" if name == FLOOR else str(ratio(seconds[name], seconds[FLOOR]))
        lines.append(f"| {case.title} | {name} | {seconds[name].min() * 1e3:.1f} | {above} |")
    return lines


def main() -> None:
    """Measures, prints and writes ``results/rules.md``."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    console = Console()
    text = ["# What DeepLIFT and DeepSHAP cost", "", *described("python -m benchmarks.rules", ("torch", "captum", "shap", "pellucid"))]
    text += ['- process CPU time, one thread, `checks="none"`; peers on the same network, whether or not their values add up there']
    text += ["", "| case | contender | CPU ms, least | over the floor [95 %] |", "|---|---|---|---|"]
    for case in track(cases(), "rules", console=console, transient=True):
        text += measure(case)
    RESULT.write_text("\n".join(text) + "\n", encoding="utf-8")
    console.print("\n".join(text))


if __name__ == "__main__":
    main()
