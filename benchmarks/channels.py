"""How many channels Score-CAM and Ablation-CAM need: ``python -m benchmarks.channels``.

The map of the k channels of largest energy against that of all 1,280, as Pearson's correlation over cells, on real photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import pellucid as pl
from benchmarks.machine import described
from pellucid.data.datasets import photos
from pellucid.demo.efficientnet import efficientnet_lite0, preparation

COUNTS = (16, 32, 64, 128, 256)
ABLATED = ("astronaut", "chelsea", "china", "coffee", "flower", "retina", "rocket")
MASKED = ("astronaut", "chelsea", "china")  # all channels of one photo are a minute
RESULT = Path(__file__).parent / "results" / "channels.md"


@dataclass(frozen=True)
class Line:
    """One method on one photo: the correlation at each of ``COUNTS``."""

    method: str
    photo: str
    found: tuple[float, ...]

    def __str__(self) -> str:
        return f"| {self.method} | {self.photo} | " + " | ".join(f"{value:.3f}" for value in self.found) + " |"


def measure(method: type, photo: str, net: torch.nn.Module) -> Line:
    """The correlations of one method on one photo."""

    def values(channels: int | None) -> np.ndarray:
        chosen = method(channels=channels)
        return pl.explain(net, photos()[photo], chosen, preparation=preparation(), checks="none").arrays[0].values.reshape(-1)

    whole = values(None)
    return Line(method.__name__, photo, tuple(float(np.corrcoef(values(count), whole)[0, 1]) for count in COUNTS))


def main() -> None:
    """Measures, prints and writes ``results/channels.md``."""
    torch.set_num_threads(1)
    net = efficientnet_lite0()
    lines = [measure(pl.AblationCAM, photo, net) for photo in ABLATED] + [measure(pl.ScoreCAM, photo, net) for photo in MASKED]
    packages = ("torch", "numpy", "pellucid")
    text = ["# Channels that Score-CAM and Ablation-CAM need", "", *described("python -m benchmarks.channels", packages)]
    text += ["- EfficientNet-Lite0, layer `head` (1,280 channels, 7 x 7 cells), the predicted class", ""]
    text += ["| method | photo | " + " | ".join(map(str, COUNTS)) + " |", "|---" * (2 + len(COUNTS)) + "|", *map(str, lines)]
    RESULT.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
