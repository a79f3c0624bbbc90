"""A network of Flax, trained by Optax under watch, then explained: handwritten digits.

``python examples/flax_training.py [FOLDER]`` runs without a screen in about half a minute. It needs
``pip install 'pellucid[flax,data]' optax``.
The losses are those of the loop without the recorder, bit by bit.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

import pellucid as pl
from pellucid.paper import save_png
from pellucid.views.runs import run_scene


class Network(linen.Module):
    """Two convolutions and a dense layer: pictures (row, 8, 8, 1) to logits (row, digit)."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        """Logits."""
        x = linen.relu(linen.Conv(16, (3, 3), name="stem")(x))
        x = linen.relu(linen.Conv(32, (3, 3), name="wide")(x))
        x = linen.max_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
        return linen.Dense(10, name="classifier")(x)


def main(folder: Path, epochs: int = 12) -> tuple[pl.Run, pl.Explanation]:
    """Trains, records, draws the curves and why one digit is what it is."""
    data = pl.datasets.digits().split(seed=0)
    train, test = ((np.asarray(part.inputs, np.float32).reshape(-1, 8, 8, 1) / 16, part.labels) for part in (data.train, data.test))
    net, optimizer = Network(), optax.adam(2e-3)
    params = net.init(jax.random.key(0), train[0][:1])
    state = optimizer.init(params)

    @jax.jit
    def step(params: Any, state: Any, x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
        def mean_loss(params: Any) -> Any:
            return optax.softmax_cross_entropy_with_integer_labels(net.apply(params, x), y).mean()

        loss, gradients = jax.value_and_grad(mean_loss)(params)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(params, updates), state, loss, gradients

    order = np.random.default_rng(0)
    with pl.JaxWatch(net, params, folder / "run", data=(test[0][:100], test[1][:100])) as run:
        for _ in range(epochs):
            for rows in np.array_split(order.permutation(len(train[0])), len(train[0]) // 64):
                params, state, loss, gradients = step(params, state, train[0][rows], train[1][rows])
                run.step(params, gradients, learning_rate=2e-3, loss=loss)
            right = jnp.argmax(net.apply(params, test[0]), 1) == test[1]
            run.log(valid_accuracy=float(right.mean()))
        sys.stdout.write(f"{run.cost}\n")
    found = pl.Run(folder / "run")
    save_png(run_scene(found, view="curves"), folder / "curves.png")
    e = pl.explain((net, params), test[0][:1], "lrp", class_names=tuple(map(str, range(10))))
    e.plot().savefig(folder / "digit.png", dpi=150)
    sys.stdout.write(f"{e.narrate()}\n")
    return found, e


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "flax-training"))
