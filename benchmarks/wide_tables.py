"""Shapley values of wide tables from the first layer on, beside the plain way: ``python -m benchmarks.wide_tables [--rounds 6]``.

MLPs with two hidden layers of 64, 10 rows, 50 background rows, 1,200 coalitions for each row; process CPU time with one thread.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

import pellucid as pl
from benchmarks import floor
from benchmarks.machine import described
from benchmarks.pairing import alternate, ratio
from pellucid.methods import mixtures

ROWS, BACKGROUND, COALITIONS, TARGET = 10, 50, 1200, 1
FEATURES = (32, 64, 128, 256)


def line(features: int, rounds: int) -> str:
    """One row of the table; the way in is forced for tables narrower than it is meant for, to show where it begins to pay."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)).eval()
    x, background = torch.randn(ROWS, features), torch.randn(BACKGROUND, features)
    bare, points = floor.frozen(net), torch.randn(ROWS * COALITIONS * BACKGROUND, features)
    method = pl.SHAP(estimator="permutation", value="marginal", samples=COALITIONS)

    def ours(wide: int) -> None:
        kept, mixtures.WIDE = mixtures.WIDE, wide
        try:
            pl.explain(net, x, method, target=TARGET, background=background, checks="none")
        finally:
            mixtures.WIDE = kept

    calls = {
        "floor": lambda: floor.forward_rows(bare, points, 1024),
        "plain": lambda: ours(10**9),
        "entering": lambda: ours(1),
        "floor again": lambda: floor.forward_rows(bare, points, 1024),
    }
    for call in calls.values():
        call()
        call()
    seconds = alternate(calls, rounds)
    over = [str(ratio(seconds[name], seconds["floor"])) for name in ("plain", "entering", "floor again")]
    return f"| {features} | {' | '.join(over)} | {ratio(seconds['entering'], seconds['plain'])} |"


def main() -> None:
    """Measures, prints, and writes ``results/wide_tables.md``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    lines = ["# Wide tables from the first layer on", "", *described("python -m benchmarks.wide_tables", ("torch", "pellucid"))]
    lines += [f"- taken by itself from {mixtures.WIDE} features, {mixtures.FEW} explained rows and {mixtures.FEW} in-fills on", ""]
    lines += ["| features | plain over the floor | from the first layer on | floor again | from the first layer on over plain |"]
    lines += ["|---|---|---|---|---|", *(line(features, rounds) for features in FEATURES)]
    Console(width=140).print("\n".join(lines))
    (Path(__file__).parent / "results" / "wide_tables.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
