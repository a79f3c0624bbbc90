"""What KernelSHAP costs beside the bare model: ``python -m benchmarks.kernel_shap [--rounds 10]``.

A 30-64-64-2 MLP, 20 rows, 100 background rows, 1,200 coalitions for each row; what is timed is process CPU time with one thread.
"""

from __future__ import annotations

import argparse
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

import pellucid as pl
from benchmarks import floor
from benchmarks.machine import described
from benchmarks.outside import outside_share
from benchmarks.pairing import Ratio, alternate, best_size, ratio

ROWS, BACKGROUND, COALITIONS, TARGET = 20, 100, 1200, 1
SIZES = (512, 1024, 2048, 4096, 8192, 16_384)


def network() -> nn.Module:
    """The MLP, untrained: its weights make no difference to the time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)).eval()


def ours(net: nn.Module, x: Tensor, background: Tensor) -> pl.Explanation:
    """KernelSHAP by leverage sampling."""
    method = pl.SHAP(estimator="leverage", value="marginal", samples=COALITIONS)
    return pl.explain(net, x, method, target=TARGET, background=background, checks="none")


def peer(net: nn.Module, x: Tensor, background: Tensor) -> object:
    """shap's KernelExplainer, without its choice of ten features, which would add to its time."""
    import shap

    def function(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(rows.astype(np.float32)))[:, TARGET].numpy()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return shap.KernelExplainer(function, background.numpy()).shap_values(x.numpy(), nsamples=COALITIONS - 2, l1_reg=0, silent=True)


def measure(rounds: int) -> tuple[dict[str, Ratio], list[str]]:
    """Ratios to the floor, and what else there is to say."""
    net = network()
    x, background = torch.randn(ROWS, 30), torch.randn(BACKGROUND, 30)
    bare, points = floor.frozen(net), torch.randn(ROWS * ((COALITIONS - 1) * BACKGROUND + 1), 30)
    size = best_size(lambda s: floor.forward_rows(bare, points[:65_536], s), SIZES, 65_536)
    for _ in range(3):  # the batch size settles
        made = ours(net, x, background)
    calls = {
        "floor": lambda: floor.forward_rows(bare, points, size),
        "pellucid": lambda: ours(net, x, background),
        "floor again": lambda: floor.forward_rows(bare, points, size),
    }
    if find_spec("shap"):
        calls["shap"] = lambda: peer(net, x, background)
    seconds = alternate(calls, rounds)
    outside = outside_share(lambda: ours(net, x, background), 5)
    said = [
        f"- floor: {len(points)} rows in batches of {size}, {seconds['floor'].min() * 1e3:.0f} ms, least of {rounds} rounds",
        f"- pellucid: {made.provenance.evaluations} rows in batches of up to {made.provenance.batch}; "
        f"{outside.share:.1%} of the call outside the model ({outside.seconds * 1e9 / len(points):.0f} ns a row)",
    ]
    return {name: ratio(seconds[name], seconds["floor"]) for name in calls if name != "floor"}, said


def main() -> None:
    """Measures, prints, and writes ``results/kernel_shap.md``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    torch.set_num_threads(1)
    ratios, said = measure(parser.parse_args().rounds)
    lines = ["# KernelSHAP over the bare model", "", *described("python -m benchmarks.kernel_shap", ("torch", "numpy", "shap"))]
    lines += [*said, "", "| contender | CPU time over the floor [95 %] |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in ratios.items()]
    Console(width=140).print("\n".join(lines))
    (Path(__file__).parent / "results" / "kernel_shap.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
