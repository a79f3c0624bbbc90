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
from torch import Tensor, nn

from pellucid.errors import PellucidError
from wall.cases import CASES, Case
from wall.promises import BOUND, PROMISES, TARGET, Sides, difference, float32_bound

Peer = Callable[[nn.Module, Tensor, Tensor], np.ndarray]


def captum_deeplift(net: nn.Module, x: Tensor, baseline: Tensor) -> np.ndarray:
    """captum's DeepLift."""
    from captum.attr import DeepLift

    return DeepLift(net).attribute(x, baseline, target=TARGET).detach().numpy()


def shap_deep(net: nn.Module, x: Tensor, baseline: Tensor) -> np.ndarray:
    """shap's DeepExplainer, its own check of the sums turned off so that its values can be seen."""
    import shap

    values = [shap.DeepExplainer(net, baseline[i : i + 1]).shap_values(x[i : i + 1], check_additivity=False) for i in range(len(x))]
    return np.concatenate([np.asarray(one)[..., TARGET] for one in values])


PEERS: dict[str, tuple[str, Peer]] = {"captum DeepLift": ("captum", captum_deeplift), "shap DeepExplainer": ("shap", shap_deep)}


@dataclass(frozen=True)
class Line:
    """One network: each promise's score, the row alone against the batch, float32 beside its bound, what peers say."""

    case: Case
    scores: dict[str, str]
    alone: str
    single: str
    peers: dict[str, str]


def worst(run: Callable[[], Sides]) -> str:
    """The worst row's score, or the name of the error."""
    try:
        return f"{run().scores().max():.0e}"
    except PellucidError as error:
        return type(error).__name__
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

    promises = {
        name: worst(lambda promise=promise: promise(net, x, baseline)) if case.apart or name == "deeplift" else "rows not apart"
        for name, promise in PROMISES.items()
    }
    return Line(
        case,
        promises,
        worst(neighbors) if case.apart else "rows not apart",
        single_precision(case),
        {name: worst(lambda peer=peer: of_peer(peer)) if find_spec(module) else "missing" for name, (module, peer) in PEERS.items()},
    )


def single_precision(case: Case) -> str:
    """The float32 residual and its bound, both in units of the score."""
    net, wide, x = case.network(torch.float32), case.network(), case.rows(dtype=torch.float32)
    baselines = case.baselines(torch.float32)
    sides = PROMISES["deeplift"](net, x, baselines["own"])
    return f"{np.abs(sides.left - sides.right).max():.0e} of {float32_bound(net, wide, (x, *baselines.values())):.0e}"


def style(text: str) -> str:
    """Green within the bound, red above it or an error."""
    try:
        return f"[green]{text}[/]" if float(text) <= BOUND else f"[red]{text}[/]"
    except ValueError:
        return text if text in ("rows not apart", "missing") else f"[red]{text}[/]"


def main() -> None:
    """Prints the table; the exit status says whether ours holds everywhere."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    console = Console(width=max(170, Console().width))
    lines = [line(case) for case in track(CASES.values(), "the wall", console=console, transient=True)]
    table = Table(
        "network", *PROMISES, "row alone", "float32 of its bound", *PEERS, title=f"|left - right|, worst row; at most {BOUND:.0e}"
    )
    group = ""
    for one in lines:
        if one.case.group != group:
            group = one.case.group
            table.add_section()
            table.add_row(f"[bold]{group}[/]")
        cells = [style(one.scores[name]) for name in PROMISES]
        table.add_row(one.case.name, *cells, style(one.alone), one.single, *(style(one.peers[name]) for name in PEERS))
    console.print(table)
    console.print(
        f"captum and shap: the same identity, f(x) - f(baseline); an error is named by its class. "
        f"Beside {len(lines)} networks here, random ones: tests/wall/test_random_graphs.py"
    )
    raise SystemExit(int(any(style(text).startswith("[red]") for one in lines for text in (*one.scores.values(), one.alone))))


if __name__ == "__main__":
    main()
