"""A linear regression's loss over its slope and intercept, and how SGD, momentum and Adam go down it, side by side.

``python examples/linear_regression_gradient_flow.py [FOLDER]`` runs without a screen in some seconds. Each training is watched; what its
recorder kept of the parameters is drawn over the loss.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

import pellucid as pl
from pellucid.paper import save_png
from pellucid.views.inside import inside

OPTIMIZERS = {
    "SGD": lambda weights: torch.optim.SGD(weights, lr=0.02),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.02, momentum=0.9),
    "Adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
}
STEPS = 80
START = (-2.5, 3.5)


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """y = 1.5 x - 0.5 with noise; x lies off 0, so that slope and intercept pull against each other."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(60, 1, generator=draw) * 3.0
    return x, 1.5 * x - 0.5 + 0.3 * torch.randn(60, 1, generator=draw)


def trained(name: str, folder: Path) -> tuple[nn.Module, pl.Run]:
    """One training from the same start, with every step's parameters kept."""
    x, y = data()
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(START[0])
        net.bias.fill_(START[1])
    optimizer = OPTIMIZERS[name](net.parameters())
    with pl.watch(net, optimizer, folder / name, snapshots=1) as run:
        for _ in range(STEPS):
            loss = nn.functional.mse_loss(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(loss=loss)
    return net, pl.Run(folder / name)


def main(folder: Path) -> pl.Explanation:
    """Trains three times, looks at the plane, draws it."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = {name: trained(name, folder) for name in OPTIMIZERS}
    net = runs["Adam"][0]
    x, y = data()
    look = pl.LookAtGradientFlow(
        parameters=(("weight", (0, 0)), ("bias", (0,))),
        trajectories={name: run.trajectory() for name, (_, run) in runs.items()},
        span=(-4.0, 4.5, -4.5, 5.5),
    )
    found = pl.inspect(net, look, x, labels=y)
    for view in ("flow", "surface"):
        sys.stdout.write(f"{save_png(inside(found, view=view), folder / f'{view}.png')}\n")
    sys.stdout.write(found.narrate("en") + "\n")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gradient-flow"))
