"""A Keras network of ten features: trained under watch, looked into, explained.

``python examples/keras_classifier.py [FOLDER]`` runs without a screen in some seconds, on whichever backend Keras has (torch if none is
chosen). Of the ten features the first three matter; the rest is noise.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import pellucid as pl
from pellucid.paper import save_png
from pellucid.views.runs import run_scene

NAMES = ("income", "debt", "age", *(f"noise {i}" for i in range(1, 8)))


def table(rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal features; the class is whether a curved sum of the first three is above 0."""
    x = np.random.default_rng(0).standard_normal((rows, 10)).astype(np.float32)
    score = 1.5 * x[:, 0] - 1.2 * x[:, 1] + 0.8 * np.tanh(2 * x[:, 2])
    return x, (score > 0).astype(np.float32)


def network() -> Any:
    """10-64-64-1 with a sigmoid at its end."""
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(64, "relu", name="first"),
            keras.layers.Dense(64, "tanh", name="second"),
            keras.layers.Dense(1, "sigmoid", name="out"),
        ]
    )
    net.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    return net


def main(folder: Path, epochs: int = 15) -> tuple[pl.Run, pl.Explanation]:
    """Trains, looks and explains; writes pictures and a TensorBoard log into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = table()
    net = network()
    watching = pl.KerasWatch(folder / "run", data=(x[600:664], y[600:664].astype(int)), every=10)
    net.fit(x[:600], y[:600], validation_data=(x[600:], y[600:]), epochs=epochs, batch_size=32, verbose=0, callbacks=[watching])
    run = pl.Run(folder / "run")
    print(run)
    save_png(run_scene(run, view="curves"), folder / "curves.png")
    run.export(folder / "tensorboard", format="tensorboard")

    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", names=NAMES),), class_names=("no", "yes"))
    held, labels = x[600:], y[600:].astype(int)
    for what in ("weights", "activations"):
        seen = pl.inspect(net, what, held, labels=labels, spec=spec)
        seen.plot().savefig(folder / f"{what}.png", dpi=150)
        print(seen.narrate())
    slopes = pl.explain(net, held, "gradient_times_input", spec=spec, target="yes")
    slopes.plot(view="beeswarm").savefig(folder / "importance.png", dpi=150)
    row = pl.explain(net, held[:1], "lime", background=x[:100], spec=spec, target="yes")
    row.plot().savefig(folder / "lime.png", dpi=150)
    print(row.narrate())
    return run, slopes


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "keras-classifier"))
