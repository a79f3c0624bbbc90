"""The pictures of a recorded training on the page about it: two moons, and handwritten digits, recorded while the page is built."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import pellucid as pl
from pellucid import paper
from pellucid.demo.networks import train_digits
from pellucid.views.runs import run_scene, run_views

DPI = 100
FOLDER = tempfile.TemporaryDirectory()


def pictures() -> dict[str, bytes]:
    """All pictures of a training by name; one that can not be made ends the build."""
    return {name: paper.png_bytes(paper.draw(run_scene(run, view=name)), dpi=DPI) for name, run in _views().items()}


def runs_list() -> str:
    """Each picture with the call that draws it."""
    return "\n\n".join(f'`plot(view="{name}")`\n\n![training: {name}](runs/{name}.png)' for name in _views())


@cache
def _views() -> dict[str, pl.Run]:
    digits, moons = _digits(), _moons()
    return {name: digits if name in run_views(digits) else moons for name in run_views(moons)}


def _digits() -> pl.Run:
    trained = train_digits()
    inputs, labels = torch.as_tensor(trained.inputs(trained.split.train)).float(), torch.as_tensor(trained.split.train.labels)
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.Tanh(), nn.Linear(64, 10)
    )
    return _recorded("digits", net, inputs, labels, 600)


def _moons() -> pl.Run:
    from sklearn.datasets import make_moons

    points, labels = make_moons(300, noise=0.15, random_state=0)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    return _recorded("moons", net, torch.tensor(points, dtype=torch.float32), torch.tensor(labels), 900)


def _recorded(name: str, net: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, steps: int) -> pl.Run:
    folder = Path(FOLDER.name) / name
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    order = torch.Generator().manual_seed(0)
    with pl.watch(net, optimizer, folder, data=(inputs[:200], labels[:200]), budget=0.5) as run:
        for step in range(steps):
            rows = torch.randint(0, len(inputs), (64,), generator=order)
            outputs = net(inputs[rows])
            loss = F.cross_entropy(outputs, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(loss=loss, accuracy=(outputs.argmax(1) == labels[rows]).float().mean())
            if step == steps // 2:
                run.learning_rate(3e-4)
    return pl.Run(folder)
