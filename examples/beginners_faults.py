"""Four faults that beginners make, each made on purpose, named by Pellucid, then mended.

``python examples/beginners_faults.py [FOLDER]`` runs without a screen in some seconds. It needs ``pip install 'pellucid[keras,data]'``.

1. Labels drawn at random: the network is no better than the base rate.
2. A target of shape (n,) against an output of (n, 1): the loss compares every row with every other.
3. A loss that averages the error without squaring: it has no lower bound.
4. Asking a Keras model for ``predict_proba``, which it does not have.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl


def patients() -> tuple[Tensor, Tensor]:
    """Standardized features (row, 30) and classes (row,)."""
    data = pl.datasets.breast_cancer()
    rows = np.asarray(data.inputs, np.float32)
    return torch.as_tensor((rows - rows.mean(0)) / rows.std(0)), torch.as_tensor(np.asarray(data.labels)).long()


def watched(folder: Path, outputs: int, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor], steps: int = 1500) -> set[str]:
    """Trains a small network under watch; what is found wrong, by name."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, outputs))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    held, rest = slice(0, 150), torch.arange(150, len(x))
    with pl.watch(net, optimizer, folder, data=(x[held], y[held]), attribution=None, budget=0.5) as run:
        for _ in range(steps):
            rows = rest[torch.randint(len(rest), (32,))]
            value = loss(net(x[rows]), y[rows])
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            run.step(loss=value)
    found = pl.Run(folder).diagnose()
    for one in found:
        sys.stdout.write(f"{one.id}: {one.narrate()}\n")
    sys.stdout.write("" if found else "nothing is found\n")
    return {one.id for one in found}


def random_labels(folder: Path) -> tuple[set[str], set[str]]:
    """Labels that have nothing to do with the rows, and the true ones."""
    x, y = patients()
    drawn = torch.randint(2, y.shape, generator=torch.Generator().manual_seed(0))
    cross_entropy = nn.functional.cross_entropy
    return watched(folder / "random", 2, x, drawn, cross_entropy), watched(folder / "true", 2, x, y, cross_entropy)


def broadcast(folder: Path) -> tuple[set[str], set[str]]:
    """Outputs (n, 1) against targets (n,), and against (n, 1): a feature is told from the 29 others."""
    x, _ = patients()
    rows, target = x[:, 1:], x[:, 0]
    mse = nn.functional.mse_loss
    return watched(folder / "flat", 1, rows, target, mse), watched(folder / "column", 1, rows, target[:, None], mse)


def unbounded(folder: Path) -> tuple[set[str], set[str]]:
    """The mean of the error, which is lowest at minus infinity, and of its square."""
    x, _ = patients()
    rows, target = x[:, 1:], x[:, :1]
    wrong = watched(folder / "error", 1, rows, target, lambda told, truth: (told - truth).mean())
    return wrong, watched(folder / "squared", 1, rows, target, lambda told, truth: (told - truth).square().mean())


def predict_proba() -> tuple[str, pl.Explanation]:
    """What is said of ``predict_proba``, and the explanation of the model itself."""
    x, y = patients()
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((30,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")])
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(x.numpy(), y.numpy(), epochs=3, verbose=0)
    rows = x[:4].numpy()
    try:
        pl.explain(lambda some: net.predict_proba(some), rows, "occlusion")
    except pl.PellucidError as error:
        said = str(error)
    else:
        raise RuntimeError("Keras models have no predict_proba")
    sys.stdout.write(f"{said}\n")
    return said, pl.explain(net, rows, "occlusion", target=1)


def main(folder: Path) -> dict[str, tuple[set[str], set[str]]]:
    """Makes each fault and mends it: what is found before and after."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for number, (what, show) in enumerate(
        (("random labels", random_labels), ("broadcast loss", broadcast), ("unbounded loss", unbounded)), 1
    ):
        sys.stdout.write(f"\n{number}. {what}, then mended\n")
        found[what] = show(folder)
    sys.stdout.write("\n4. predict_proba of a Keras model, then mended\n")
    said, made = predict_proba()
    found["predict_proba"] = ({said}, set())
    sys.stdout.write(f"{made.narrate()}\n")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "beginners-faults"))
