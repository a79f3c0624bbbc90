"""A network that steers by drawn road pictures: does it look at the road's edges, or at something else?

``python examples/steering_angle.py [FOLDER]`` runs without a screen in about half a minute. Two networks learn the steering angle from
the same roads; on the second one's training pictures a cloud always stands above the bend, as a careless recording might have it. Both
are good on pictures of the kind they were trained on. Explanations tell which one must not drive.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

import pellucid as pl
from pellucid.paper import save_png
from pellucid.scenes import Scene
from pellucid.views.attribution import panels_of

HEIGHT, WIDTH, HORIZON = 48, 64, 18
STRAIGHT = 25.0  # degrees of steering at the sharpest bend


@dataclass(frozen=True, eq=False)
class Roads:
    """Pictures (row, channel, y, x) in 0..1, angles (row, 1) in degrees to the right, and where the road's edges and the clouds are."""

    pictures: np.ndarray
    angles: np.ndarray
    edges: np.ndarray
    clouds: np.ndarray


def roads(count: int, seed: int, *, telling_cloud: bool = False) -> Roads:
    """Draws roads that bend; the cloud stands anywhere, or above the bend."""
    draw = np.random.default_rng(seed)
    made = [_road(draw, telling_cloud=telling_cloud) for _ in range(count)]
    pictures, angles, edges, clouds = (np.stack(part) for part in zip(*made, strict=True))
    return Roads(pictures, angles.astype(np.float32)[:, None], edges, clouds)


def _road(draw: np.random.Generator, *, telling_cloud: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    bend, offset = draw.uniform(-1, 1), draw.uniform(-4, 4)
    picture = Image.new("RGB", (WIDTH, HEIGHT), tuple(draw.integers((90, 120, 60), (130, 160, 90)).tolist()))
    edges = Image.new("L", (WIDTH, HEIGHT))
    paint, mark = ImageDraw.Draw(picture), ImageDraw.Draw(edges)
    paint.rectangle((0, 0, WIDTH, HORIZON - 1), fill=tuple(draw.integers((130, 170, 210), (170, 205, 245)).tolist()))
    gray = int(draw.integers(70, 110))
    for y in range(HORIZON, HEIGHT):
        near = (y - HORIZON + 1) / (HEIGHT - HORIZON)
        middle, half = WIDTH / 2 + offset * near + bend * 22 * (1 - near) ** 2, 1.5 + 20 * near
        paint.line((middle - half, y, middle + half, y), fill=(gray, gray, gray))
        for side in (middle - half, middle + half):
            paint.line((side - 1, y, side + 1, y), fill=(235, 235, 225))
            mark.line((side - 3, y, side + 3, y), fill=255)
    at = WIDTH / 2 + bend * 22 if telling_cloud else draw.uniform(10, WIDTH - 10)
    cloud = (at - 7, 3, at + 7, 11)
    paint.ellipse(cloud, fill=(250, 250, 250))
    where = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(where).ellipse((cloud[0] - 1, 2, cloud[2] + 1, 12), fill=255)
    clear = np.asarray(picture, np.float32) / 255
    clear[HORIZON:] = 0.6 + (clear[HORIZON:] - 0.6) * draw.uniform(0.15, 1)  # fog lies on the ground
    noisy = clear + draw.normal(0, 0.04, (HEIGHT, WIDTH, 3))
    return noisy.clip(0, 1).astype(np.float32).transpose(2, 0, 1), np.float32(bend * STRAIGHT), np.asarray(edges) > 0, np.asarray(where) > 0


def network() -> nn.Sequential:
    """A small relative of the network of Bojarski et al. 2016: strided convolutions, then dense layers."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, 2), nn.ReLU(), nn.Conv2d(16, 24, 5, 2), nn.ReLU(), nn.Conv2d(24, 32, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 7 * 11, 64), nn.ReLU(), nn.Linear(64, 1),
    )  # fmt: skip


def main(folder: Path, count: int = 1500, epochs: int = 12) -> dict[str, dict[str, float]]:
    """Trains both, measures both, explains both on the same road; what each looks at as shares of its map."""
    folder.mkdir(parents=True, exist_ok=True)
    honest = roads(200, seed=9)
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="image"),), class_names=("degrees to the right",))
    sharp = np.argsort(-np.abs(honest.angles[:, 0]))[:40]
    told: dict[str, dict[str, float]] = {}
    panels = []
    for name, telling in (("clouds anywhere", False), ("a cloud above each bend", True)):
        torch.manual_seed(0)
        net = network()
        train, own = roads(count, seed=1, telling_cloud=telling), roads(200, seed=2, telling_cloud=telling)
        pl.fit(net, train.pictures, train.angles, loss="mse", epochs=epochs, batch_size=32, learning_rate=2e-3, seed=0)
        net.eval()
        e = pl.explain(net, honest.pictures[sharp], pl.Occlusion(window=6, stride=3), target=pl.Output(0), spec=spec)
        sizes = np.abs(np.asarray(e.values)).reshape(len(sharp), -1, HEIGHT, WIDTH).sum(1)
        told[name] = {
            "off by, its own kind": _off(net, own),
            "off by, clouds anywhere": _off(net, honest),
            "on the edges": float((sizes * honest.edges[sharp]).sum() / sizes.sum()),
            "on the cloud": float((sizes * honest.clouds[sharp]).sum() / sizes.sum()),
        }
        photo, _, overlay = panels_of(e, 0, "en")
        panels += [] if panels else [replace(photo, title=f"The road bends {honest.angles[sharp[0], 0]:+.0f}°")]
        answer = float(e.decision.scores[0])
        where = f"{told[name]['on the cloud']:.0%} of its map lies on clouds, {told[name]['on the edges']:.0%} on edges"
        panels.append(replace(overlay, id=name, title=f"Trained with {name}: {answer:+.0f}°", subtitle=where))
        sys.stdout.write(f"Trained with {name}: " + ", ".join(f"{what} {value:.2f}" for what, value in told[name].items()) + "\n")
    title = "Two networks, equally good on their own pictures: one of them steers by the clouds"
    scene = Scene(title, tuple(panels), title, subtitle="Occlusion: what changes the angle when it is covered", columns=3)
    sys.stdout.write(f"{save_png(scene, folder / 'steering.png')}\n")
    return told


def _off(net: nn.Module, those: Roads) -> float:
    """Degrees, on average."""
    with torch.no_grad():
        return float(np.abs(net(torch.as_tensor(those.pictures)).numpy() - those.angles).mean())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "steering-angle"))
