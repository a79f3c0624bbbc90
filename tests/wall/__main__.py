"""The wall as a table, peers beside: ``make wall``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from wall.cases import CASES, Case
from wall.exact import PIECEWISE_LINEAR, integral
from wall.inputs_alone import KEPT, as_sides, look
from wall.peers import PEERS, Peer, has_zennit, zennit_lrp
from wall.promises import BOUND, PROMISES, Sides, difference, float32_bound

EXACT, INPUTS, ZENNIT = "exact IG", "lrp, inputs alone", "zennit LRP"
APART, MISSING, CURVED, KEPT_ELSEWHERE = "rows not apart", "missing", "not piecewise linear", "not comparable"
OURS = (*PROMISES, EXACT, "row alone", INPUTS)
WITHOUT_BIASES = " *"


@dataclass(frozen=True)
class Line:
    """One network: what ours and what peers score on each identity, and float32 beside its bound."""

    case: Case
    ours: dict[str, str]
    single: str
    peers: dict[str, str]


def worst(run: Callable[[], Sides]) -> str:
    """The worst row's score, or the name of the error."""
    try:
        return f"{run().scores().max():.0e}"
    except Exception as error:
        return type(error).__name__


def line(case: Case) -> Line:
    """Everything about one network, beside a baseline for each row."""
    net, x, baseline = case.network(), case.rows(), case.baselines()["own"]
    wanted = difference(net, x, baseline)

    def of_peer(peer: Peer) -> Sides:
        flat = peer(case.network(), x.clone(), baseline.clone()).reshape(len(x), -1)
        return Sides(flat.sum(1), wanted, np.abs(flat).sum(1), flat)

    def neighbors() -> Sides:
        whole, one = PROMISES["deeplift"](net, x, baseline).values, PROMISES["deeplift"](net, x[:1], baseline[:1]).values
        flat = (one - whole[:1]).reshape(1, -1)
        size = np.abs(whole[:1]).reshape(1, -1).sum(1)
        return Sides(np.abs(flat).max(1), np.zeros(1), 1e3 * size, flat)

    ours = {
        name: worst(lambda promise=promise: promise(net, x, baseline)) if case.apart or name == "deeplift" else APART
        for name, promise in PROMISES.items()
    }
    ours[EXACT] = worst(lambda: integral(net, x, baseline)) if case.name in PIECEWISE_LINEAR else CURVED
    ours["row alone"] = worst(neighbors) if case.apart else APART
    peers = {name: worst(lambda peer=peer: of_peer(peer)) if find_spec(module) else MISSING for name, (module, peer) in PEERS.items()}
    ours[INPUTS], peers[ZENNIT] = inputs_alone(case)
    return Line(case, ours, single_precision(case), peers)


def inputs_alone(case: Case) -> tuple[str, str]:
    """Ours and zennit's, on the network or its copy without biases, where the relevance of the inputs must be the score."""
    if not case.apart:
        return APART, APART
    try:
        found = look(case)
    except Exception as error:
        return type(error).__name__, KEPT_ELSEWHERE
    if found is None:
        return KEPT_ELSEWHERE, KEPT_ELSEWHERE
    ours = worst(lambda: found.ours)
    theirs = worst(lambda: as_sides(zennit_lrp(found.net, case.rows()), found.score)) if has_zennit() else MISSING
    mark = "" if found.biased else WITHOUT_BIASES
    return ours + mark, theirs + mark


def single_precision(case: Case) -> str:
    """The float32 residual and its bound, both in units of the score."""
    net, wide, x = case.network(torch.float32), case.network(), case.rows(dtype=torch.float32)
    baselines = case.baselines(torch.float32)
    sides = PROMISES["deeplift"](net, x, baselines["own"])
    return f"{np.abs(sides.left - sides.right).max():.0e} of {float32_bound(net, wide, (x, *baselines.values())):.0e}"


def style(name: str, text: str) -> str:
    """Green within the bound, red above it or an error."""
    bound = KEPT if name in (INPUTS, ZENNIT) else BOUND
    try:
        return f"[green]{text}[/]" if float(text.removesuffix(WITHOUT_BIASES)) <= bound else f"[red]{text}[/]"
    except ValueError:
        return f"[dim]{text}[/]" if text in (APART, MISSING, CURVED, KEPT_ELSEWHERE) else f"[red]{text}[/]"


def main() -> None:
    """Prints the table; the exit status says whether ours holds everywhere."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    console = Console(width=max(240, Console().width))
    lines = [line(case) for case in track(CASES.values(), "the wall", console=console, transient=True)]
    title = f"|left - right|, worst row; at most {BOUND:.0e}"
    table = Table("network", *OURS, "float32 of its bound", *PEERS, ZENNIT, title=title)
    group = ""
    for one in lines:
        if one.case.group != group:
            group = one.case.group
            table.add_section()
            table.add_row(f"[bold]{group}[/]")
        theirs = [style(name, one.peers[name]) for name in (*PEERS, ZENNIT)]
        table.add_row(one.case.name, *(style(name, one.ours[name]) for name in OURS), one.single, *theirs)
    console.print(table)
    console.print(
        "captum and shap: the same identity, f(x) - f(baseline); an error is named by its class. "
        f"lrp, inputs alone, and zennit: the relevance of the inputs is f(x), to {KEPT:.0e}, where our ledger says that nothing else "
        "(biases, constants, softmax, epsilon) keeps more; * on a copy of the network whose biases are zero. "
        f"Beside {len(lines)} networks here, random ones: tests/wall/test_random_graphs.py"
    )
    raise SystemExit(int(any(style(name, text).startswith("[red]") for one in lines for name, text in one.ours.items())))


if __name__ == "__main__":
    main()
