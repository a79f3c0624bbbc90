"""A retina photo: a small network that judges how full of vessels a place is, and whether its explanation lies on the vessels.

``python examples/retina_photo.py [FOLDER]`` runs without a screen in about half a minute. Vessels are found by a ridge filter (Sato et al.
1998), which is no doctor: the network learns to repeat it from the left half of the photo, and is explained on the right half, where it
is measured how much of each map lies on vessels. Nothing here is a diagnosis.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from skimage.filters import sato
from skimage.transform import resize
from sklearn.metrics import roc_auc_score
from torch import nn

import pellucid as pl
from pellucid.paper import save_png
from pellucid.scenes import Scene
from pellucid.views.attribution import panels_of

SIDE = 32
METHODS = {
    "Gradient times input": "gradient_times_input",
    "Integrated gradients": "integrated_gradients",
    "DeepLIFT": "deeplift",
    "LRP": "lrp",
    "Occlusion": pl.Occlusion(window=4, stride=2),
}
VESSEL = 0.9  # quantile of the ridge filter inside the eye


def eye() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The photo (3, y, x) in 0..1, where its vessels are, and where the eye is."""
    photo = resize(pl.datasets.photos()["retina"], (352, 352), anti_aliasing=True).astype(np.float32)
    inside = photo.max(2) > 0.2
    inside &= np.hypot(*(np.indices(inside.shape) - 175.5)) < 158  # without the rim
    ridges = sato(photo[..., 1], sigmas=(1.5, 2.5), black_ridges=True)
    return photo.transpose(2, 0, 1), (ridges > np.quantile(ridges[inside], VESSEL)) & inside, inside


def cuttings(count: int, half: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squares of one half: pixels (row, 3, 32, 32), share of vessels in percent (row, 1), and where the vessels are (row, 32, 32)."""
    photo, vessels, inside = eye()
    draw = np.random.default_rng(seed)
    middle = photo.shape[2] // 2
    low, high = (0, middle - SIDE) if half == "left" else (middle, photo.shape[2] - SIDE)
    pieces = []
    while len(pieces) < count:
        y, x = int(draw.integers(photo.shape[1] - SIDE)), int(draw.integers(low, high + 1))
        at = np.s_[y : y + SIDE, x : x + SIDE]
        if inside[at].all():
            light = np.float32(draw.uniform(0.85, 1.15))  # brightness must not tell
            pieces.append((photo[:, *at] * light, 100 * vessels[at].mean(), vessels[at]))
    pixels, share, where = (np.stack(part) for part in zip(*pieces, strict=True))
    return pixels.astype(np.float32), share.astype(np.float32)[:, None], where


def network() -> nn.Sequential:
    """Three convolutions, the mean over the place, one number."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 1),
    )  # fmt: skip


def main(folder: Path, count: int = 1500, epochs: int = 20) -> dict[str, float]:
    """Trains, measures, explains; of each method how well its map tells vessels from the rest (area under the ROC curve, chance .5)."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y, _ = cuttings(count, "left", seed=0)
    torch.manual_seed(0)
    net = network()
    middle, spread = y.mean(), y.std()
    pl.fit(net, x, (y - middle) / spread, loss="mse", epochs=epochs, batch_size=32, learning_rate=2e-3, seed=0)
    with torch.no_grad():
        net[-1].weight *= spread
        net[-1].bias.mul_(spread).add_(middle)
    held, share, vessels = cuttings(200, "right", seed=1)
    quality = pl.evaluate(net.eval(), held, share, outputs="values")
    sys.stdout.write(f"{quality.summary()}\n")
    shown = np.argsort(-share[:, 0])[:24]
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="image"),), class_names=("percent of vessels",))
    told: dict[str, float] = {}
    panels = []
    for name, method in METHODS.items():
        e = pl.explain(net, held[shown], method, target=pl.Output(0), background=held[:50], spec=spec)
        maps = np.asarray(e.values).reshape(len(shown), -1, SIDE, SIDE).sum(1)
        told[name] = float(np.mean([roc_auc_score(where.ravel(), one.ravel()) for where, one in zip(vessels[shown], maps, strict=True)]))
        photo, _, overlay = panels_of(e, 0, "en")
        panels += [] if panels else [replace(photo, title="A place with many vessels")]
        supported = sum(one.level == "supported" for one in e.verdicts)
        panels.append(replace(overlay, id=name, title=f"{name}: {told[name]:.2f}", subtitle=f"{supported} of {len(shown)} maps supported"))
        sys.stdout.write(f"{name}: area under the ROC curve {told[name]:.2f}; {supported} of {len(shown)} maps are supported\n")
    best = max(told, key=lambda name: told[name])
    title = f"{best} lies on the vessels best: {told[best]:.2f}, where chance is 0.5"
    notes = ("Vessels by a ridge filter; this is no diagnosis.", "Hatched: by its own checks, such a map is not to be believed.")
    scene = Scene(title, tuple(panels), title, subtitle="Area under the ROC curve of each map against the vessels", columns=3, notes=notes)
    sys.stdout.write(f"{save_png(scene, folder / 'retina.png')}\n")
    return told


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "retina-photo"))
