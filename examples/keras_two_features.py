"""A Keras classifier of two features: where it decides, and how much each feature moved each answer (SHAP).

``python examples/keras_two_features.py [FOLDER]`` runs without a screen in some seconds, on whichever backend Keras has (torch if none is
chosen). It needs ``pip install 'pellucid[keras,data]'``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from sklearn.datasets import make_moons

import pellucid as pl

SPEC = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", names=("length", "width")),), class_names=("outer", "inner"))


def network() -> Any:
    """2-16-16-2 with a softmax at its end."""
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    net.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def main(folder: Path, epochs: int = 30) -> tuple[pl.Explanation, pl.Explanation]:
    """Trains, draws the boundary and the beeswarm, tells both in words."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = make_moons(800, noise=0.2, random_state=0)
    x = x.astype(np.float32)
    net = network()
    net.fit(x[:600], y[:600], epochs=epochs, batch_size=32, verbose=0)
    held, labels = x[600:], y[600:]
    boundary = pl.inspect(net, "decision_boundary", held, labels=labels, spec=SPEC)
    shap = pl.explain(net, held, "shap", background=x[:600], target="inner", spec=SPEC)
    for name, picture in (("boundary", boundary.plot()), ("beeswarm", shap.plot(view="beeswarm"))):
        picture.savefig(folder / f"{name}.png", dpi=150)
        sys.stdout.write(f"{folder / name}.png\n")
    sys.stdout.write(f"\n{boundary.narrate()}\n\n{shap.narrate()}\n")
    return boundary, shap


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "keras-two-features"))
