"""Grad-CAM at ``layer4`` of a network of ResNet-18's shape: does it point at the photo that it names?

``python examples/resnet_gradcam.py [FOLDER]`` runs without a screen in about a minute. The network is trained here, from nothing, to tell
which of six photos a 64 x 64 cutting comes from; the left parts of the photos are trained on, the right parts are looked at. Then it sees
four cuttings in one picture, and is asked for each of them: the grid pointing game (Böhle, Fritz & Schiele 2021), where chance is 25 %.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from pellucid.paper import save_png
from pellucid.scenes import Scene
from pellucid.views.attribution import panels_of

PHOTOS = ("chelsea", "coffee", "rocket", "retina", "china", "flower")
SHOWN, NAMES = (0, 2, 4, 5), ("cat", "rocket", "lake", "flower")  # of them, in the grid
SIDE, HELD = 64, 30


class Block(nn.Module):
    """ResNet's basic block: two convolutions, and the input added."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        same = stride == 1 and entering == leaving
        self.downsample = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(row, channel, y, x) to the same with other channels."""
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.downsample(x))


class ResNet18(nn.Module):
    """He et al. 2016, table 1, 18 layers: photos (row, 3, y, x) to logits (row, class)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(Block(entering, leaving, stride), Block(leaving, leaving, 1))
            for entering, leaving, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
        )
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (row, class)."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def cuttings(count: int, held_out: bool, seed: int) -> tuple[Tensor, Tensor]:
    """Square pieces of each photo, (row, 3, 64, 64) in -1..1, and the photo each comes from."""
    draw = np.random.default_rng(seed)
    rows: list[np.ndarray] = []
    for photo in (pl.datasets.photos()[name] for name in PHOTOS):
        step = max(1, min(photo.shape[:2]) // 150)  # a cutting shows a good part of the photo
        photo = photo[::step, ::step]
        middle = photo.shape[1] // 2
        left, right = (middle, photo.shape[1] - SIDE) if held_out else (0, middle - SIDE)
        for _ in range(count):
            y, x = draw.integers(photo.shape[0] - SIDE + 1), draw.integers(left, right + 1)
            piece = photo[y : y + SIDE, x : x + SIDE]
            rows.append(piece[:, ::-1] if draw.random() < 0.5 else piece)
    pictures = torch.as_tensor(np.stack(rows).astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
    return pictures.contiguous(), torch.arange(len(PHOTOS)).repeat_interleave(count)


def main(folder: Path, count: int = 120, epochs: int = 4) -> dict[str, float]:
    """Trains, plays the game; of each photo in the grid the share of the map's positive mass that lies on it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    net = ResNet18(len(PHOTOS))
    x, y = cuttings(count, held_out=False, seed=0)
    pl.fit(net, x, y, epochs=epochs, batch_size=32, learning_rate=1e-3, seed=0)
    held, labels = cuttings(HELD, held_out=True, seed=1)
    sys.stdout.write(f"{pl.evaluate(net.eval(), held, labels, class_names=PHOTOS).summary()}\n")
    clear = held.std((2, 3)).mean(1).view(len(PHOTOS), -1).argmax(1)  # not the sky beside the rocket
    best = [held[at * HELD + int(clear[at])] for at in SHOWN]
    grid = torch.cat([torch.cat(best[:2], 2), torch.cat(best[2:], 2)], 1)[None]
    shares: dict[str, float] = {}
    panels = []
    for place, at in enumerate(SHOWN):
        e = pl.explain(net, grid, pl.GradCAM(layer="layer4"), target=PHOTOS[at], class_names=PHOTOS)
        photo, _, overlay = panels_of(e, 0, "en")
        mass = np.clip(np.asarray(e.values)[0], 0, None)
        mass = mass.reshape(-1, *mass.shape[-2:]).sum(0)
        row, column = divmod(place, 2)
        half = mass.shape[0] // 2
        inside = mass[row * half : (row + 1) * half, column * half : (column + 1) * half].sum()
        shares[PHOTOS[at]] = float(inside / mass.sum())
        panels += [] if panels else [replace(photo, title="The grid", subtitle="four cuttings")]
        panels.append(replace(overlay, id=PHOTOS[at], title=f"{NAMES[place]}: {shares[PHOTOS[at]]:.0%}", subtitle="of the mass is on it"))
    told = f"Grad-CAM at layer4 puts {min(shares.values()):.0%} to {max(shares.values()):.0%} of its mass on the photo that is asked for"
    notes = ("Hatched: by its own checks, such a map is not to be believed.",) if any(one.hatched for one in panels) else ()
    scene = Scene(told, tuple(panels), told, subtitle="Chance is 25 %", columns=len(panels), notes=notes)
    sys.stdout.write(f"{save_png(scene, folder / 'layer4.png')}\n{told}\n")
    return shares


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "resnet-gradcam"))
