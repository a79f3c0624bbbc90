"""Watches a small convolutional network learn handwritten digits, and draws what was recorded.

``python examples/watch_digits.py [FOLDER]``

runs without a screen in about half a minute. The pictures and the run lie in the folder afterwards (``watch-digits`` if none is named).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import pellucid as pl
from pellucid.paper import save_png
from pellucid.views.runs import run_scene, run_views


def network() -> nn.Module:
    """Two convolutions, batch normalization, dropout."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(512, 64),
        nn.Tanh(),
        nn.Linear(64, 10),
    )


def main(folder: Path, epochs: int = 150) -> pl.Run:
    """Trains, records and draws; returns the run."""
    data = pl.datasets.digits()
    parts = data.split(seed=0)
    train, test = (
        (torch.as_tensor(part.inputs).float().reshape(-1, 1, 8, 8) / 16, torch.as_tensor(part.labels)) for part in (parts.train, parts.test)
    )
    torch.manual_seed(0)
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    with pl.watch(net, optimizer, folder, data=(test[0][:200], test[1][:200])) as run:
        for epoch in range(epochs):
            net.train()
            for rows in torch.randperm(len(train[0])).split(64):
                outputs = net(train[0][rows])
                loss = F.cross_entropy(outputs, train[1][rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.step(loss=loss, accuracy=(outputs.argmax(1) == train[1][rows]).float().mean())
            net.eval()
            with torch.no_grad():
                outputs = net(test[0])
            run.log(valid_loss=F.cross_entropy(outputs, test[1]), valid_accuracy=(outputs.argmax(1) == test[1]).float().mean())
            if epoch == epochs // 2:
                run.learning_rate(1e-4)
        sys.stdout.write(f"{run.cost}\n")
    found = pl.Run(folder)
    for view in run_views(found):
        path = save_png(run_scene(found, view=view), folder / f"{view}.png")
        sys.stdout.write(f"{path}\n")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "watch-digits"))
