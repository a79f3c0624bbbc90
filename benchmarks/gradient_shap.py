"""What GradientSHAP (expected gradients) costs beside bare gradients and captum: ``python -m benchmarks.gradient_shap [--rounds 12]``.

The digits CNN, 50 rows, 64 draws for each from 100 background rows; what is timed is process CPU time with one thread.
"""

from __future__ import annotations

import warnings

import torch

import pellucid as pl
from benchmarks import floor
from benchmarks.outside import outside_share
from benchmarks.over_floor import report
from benchmarks.pairing import Ratio, alternate, best_size, ratio
from benchmarks.peers import missing
from pellucid.demo.networks import train_digits

ROWS, DRAWS, BACKGROUND, TARGET = 50, 64, 100, 3
SIZES = (16, 32, 64, 128, 256, 512)


def measure(rounds: int) -> tuple[dict[str, Ratio], list[str]]:
    """Ratios to the floor, and what else there is to say."""
    digits = train_digits()
    rows = digits.inputs(digits.split.test)
    x, background = torch.as_tensor(rows[:ROWS]).float(), torch.as_tensor(digits.inputs(digits.split.train)[:BACKGROUND]).float()
    bare = floor.frozen(digits.net)
    points = torch.rand(ROWS * DRAWS, *x.shape[1:])
    size = best_size(lambda s: floor.gradient_rows(bare, points[:1024], s, TARGET), SIZES, 1024)
    method = pl.ExpectedGradients(samples=DRAWS)

    def ours() -> pl.Explanation:
        return pl.explain(digits.net, x, method, target=TARGET, background=background, checks="none")

    def peer() -> object:
        from captum.attr import GradientShap

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return GradientShap(digits.net).attribute(x, background, n_samples=DRAWS, target=TARGET)

    for _ in range(3):  # the batch size settles
        made = ours()
    calls = {
        "floor": lambda: floor.gradient_rows(bare, points, size, TARGET),
        "pellucid": ours,
        "floor again": lambda: floor.gradient_rows(bare, points, size, TARGET),
    }
    if not missing("captum"):
        calls["captum"] = peer
    seconds = alternate(calls, rounds)
    outside = outside_share(ours, 5)
    said = [
        f"- floor: {len(points)} gradient rows in batches of {size}, {seconds['floor'].min() * 1e3:.0f} ms, least of {rounds} rounds",
        f"- pellucid: {made.provenance.evaluations} rows, up to {made.provenance.batch} at once; {outside.share:.1%} outside the model",
    ]
    return {name: ratio(seconds[name], seconds["floor"]) for name in calls if name != "floor"}, said


if __name__ == "__main__":
    report("gradient_shap", "GradientSHAP over bare gradients", "captum", measure, 12)
