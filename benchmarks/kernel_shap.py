"""What KernelSHAP costs beside the bare model: ``python -m benchmarks.kernel_shap [--rounds 10]``.

A 30-64-64-2 MLP, 20 rows, 100 background rows, 1,200 coalitions for each row; what is timed is process CPU time with one thread.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from benchmarks import floor
from benchmarks.outside import outside_share
from benchmarks.over_floor import report
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


if __name__ == "__main__":
    report("kernel_shap", "KernelSHAP over the bare model", "shap", measure, 10)
