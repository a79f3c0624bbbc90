"""What the seam to a framework costs: ``python -m benchmarks.seam [--rounds 10]``; writes ``results/seam.md``.

The gradient of one class score of a small convolutional network with respect to eight photos of 3 x 224 x 224, through each adapter, over
the same by the framework itself as it compiles it (``tf.function`` around a ``GradientTape``, ``jax.jit`` of ``jax.grad``, autograd in
torch), in CPU time of the process. Every framework runs in a process of its own, with one thread. What is not installed is left out, so
run it where all frameworks are: ``make frameworks`` makes such an environment.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

ROWS, SIDE, CLASSES, TARGET = 8, 224, 10, 3
SETTLED = 10  # calls before anything is measured: frameworks compile at the first, and the adapter of TensorFlow after some dozen rows
WIDTHS = (3, 32, 64, 128)
BACKENDS = {"keras-torch": "torch", "keras-tensorflow": "tensorflow", "keras-jax": "jax"}
NEEDS = {
    "torch": (), "keras-torch": ("keras",), "keras-tensorflow": ("keras", "tensorflow"), "keras-jax": ("keras", "jax"),
    "tensorflow": ("tensorflow",), "flax-linen": ("flax",), "flax-nnx": ("flax",), "equinox": ("equinox",),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
}  # fmt: skip
ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}  # fmt: skip
Gradient = Callable[[], np.ndarray]  # the framework's own
Made = tuple[Any, np.ndarray, Gradient]  # what is given to explain, the photos in its layout, and the framework's own gradient


def photos(*, channels_last: bool) -> np.ndarray:
    """Noise, of which the gradient takes as long as of anything."""
    shape = (ROWS, SIDE, SIDE, 3) if channels_last else (ROWS, 3, SIDE, SIDE)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def _torch() -> Made:
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for entering, leaving in itertools.pairwise(WIDTHS):
        layers += [nn.Conv2d(entering, leaving, 3, 2), nn.ReLU()]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], CLASSES)).eval().requires_grad_(False)
    x = photos(channels_last=False)

    def own() -> np.ndarray:
        leaf = torch.from_numpy(x).requires_grad_()
        with torch.enable_grad():
            (found,) = torch.autograd.grad(net(leaf)[:, TARGET].sum(), leaf)
        return found.numpy()

    return net, x, own


def _onnx() -> Made:
    """Of ONNX there is no gradient: beside it runs the torch network that was exported."""
    import io

    import onnx
    import torch

    net, x, own = _torch()
    file = io.BytesIO()
    rows = torch.export.Dim("rows")
    torch.onnx.export(net, (torch.from_numpy(x),), file, dynamo=True, dynamic_shapes=({0: rows},), verbose=False)
    return onnx.load_from_string(file.getvalue()), x, own


def _keras() -> Made:
    import keras

    make = keras.layers
    convolutions = [make.Conv2D(width, 3, 2, activation="relu") for width in WIDTHS[1:]]
    net = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *convolutions, make.GlobalAveragePooling2D(), make.Dense(CLASSES)])
    x = photos(channels_last=True)
    return net, x, {"torch": _by_autograd, "tensorflow": _by_tape, "jax": _by_keras_jax}[keras.backend.backend()](net, x)


def _by_autograd(net: Any, x: np.ndarray) -> Gradient:
    import torch

    def own() -> np.ndarray:
        leaf = torch.from_numpy(x).requires_grad_()
        with torch.enable_grad():
            (found,) = torch.autograd.grad(net(leaf, training=False)[:, TARGET].sum(), leaf)
        return found.numpy()

    return own


def _by_tape(net: Any, x: np.ndarray) -> Gradient:
    import tensorflow as tf

    @tf.function
    def slopes(rows: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            score = tf.reduce_sum(net(rows)[:, TARGET])
        return tape.gradient(score, rows)

    return lambda: slopes(tf.constant(x)).numpy()


def _by_jax(scores: Callable[[Any], Any], x: np.ndarray) -> Gradient:
    import jax

    slopes = jax.jit(jax.grad(lambda rows: scores(rows)[:, TARGET].sum()))
    return lambda: np.asarray(slopes(x))


def _by_keras_jax(net: Any, x: np.ndarray) -> Gradient:
    trained, other = [[one.value for one in some] for some in (net.trainable_variables, net.non_trainable_variables)]
    return _by_jax(lambda rows: net.stateless_call(trained, other, rows, training=False)[0], x)


def _tensorflow() -> Made:
    import tensorflow as tf

    draw = np.random.default_rng(1)
    kernels = [tf.Variable(0.1 * draw.standard_normal((3, 3, a, b)).astype(np.float32)) for a, b in itertools.pairwise(WIDTHS)]
    last = tf.Variable(draw.standard_normal((WIDTHS[-1], CLASSES)).astype(np.float32))

    @tf.function
    def net(rows: Any) -> Any:
        for kernel in kernels:
            rows = tf.nn.relu(tf.nn.conv2d(rows, kernel, 2, "VALID"))
        return tf.reduce_mean(rows, (1, 2)) @ last

    x = photos(channels_last=True)
    return net, x, _by_tape(net, x)


def _linen() -> Made:
    import jax
    from flax import linen

    class Network(linen.Module):
        @linen.compact
        def __call__(self, rows: Any) -> Any:
            for width in WIDTHS[1:]:
                rows = linen.relu(linen.Conv(width, (3, 3), 2, padding="VALID")(rows))
            return linen.Dense(CLASSES)(rows.mean((1, 2)))

    x, net = photos(channels_last=True), Network()
    params = net.init(jax.random.key(0), x)
    return (net, params), x, _by_jax(lambda rows: net.apply(params, rows), x)


def _nnx() -> Made:
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            pairs = itertools.pairwise(WIDTHS)
            self.layers = nnx.List([nnx.Conv(a, b, (3, 3), 2, padding="VALID", rngs=rngs) for a, b in pairs])
            self.last = nnx.Linear(WIDTHS[-1], CLASSES, rngs=rngs)

        def __call__(self, rows: Any) -> Any:
            for layer in self.layers:
                rows = nnx.relu(layer(rows))
            return self.last(rows.mean((1, 2)))

    x, net = photos(channels_last=True), Network(nnx.Rngs(0))
    return net, x, _by_jax(net, x)


def _equinox() -> Made:
    import equinox as eqx
    import jax

    keys = jax.random.split(jax.random.key(0), len(WIDTHS))
    layers: list[Any] = []
    for key, entering, leaving in zip(keys, WIDTHS, WIDTHS[1:], strict=False):
        layers += [eqx.nn.Conv2d(entering, leaving, 3, 2, key=key), eqx.nn.Lambda(jax.nn.relu)]
    mean = eqx.nn.Lambda(lambda row: row.mean((1, 2)))
    net = eqx.nn.Sequential([*layers, mean, eqx.nn.Linear(WIDTHS[-1], CLASSES, key=keys[-1])])
    x = photos(channels_last=False)
    return net, x, _by_jax(jax.vmap(net), x)


MAKE: dict[str, Callable[[], Made]] = {
    "torch": _torch, "keras-torch": _keras, "keras-tensorflow": _keras, "keras-jax": _keras, "tensorflow": _tensorflow,
    "flax-linen": _linen, "flax-nnx": _nnx, "equinox": _equinox, "onnx": _onnx,
}  # fmt: skip


def one(name: str, rounds: int) -> dict[str, Any]:
    """Ratios of one framework, in this process."""
    import torch

    import pellucid as pl
    from benchmarks.pairing import alternate, ratio
    from pellucid.models.inputs import collect
    from pellucid.models.wrap import wrap

    torch.set_num_threads(1)
    model, x, own = MAKE[name]()
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="image"),))
    wrapped = wrap(model, spec)
    numbers = torch.arange(ROWS)
    with wrapped.open(collect(x, wrapped.spec), mode="eval") as bound:

        def ours() -> np.ndarray:
            return bound.gradients(bound.values, numbers, lambda outputs, _: outputs[:, TARGET])[1][0].numpy()

        for _ in range(SETTLED):
            first, second = own(), ours()
        apart = float(np.abs(first - second).max() / np.abs(first).max())
        seconds = alternate({"own": own, "seam": ours, "own again": own}, rounds)
    whole = alternate({"own": own, "explain": lambda: pl.explain(model, x, "gradient", target=TARGET, spec=spec, checks="none")}, rounds)
    return {
        "milliseconds": float(np.median(seconds["own"])) * 1e3,
        "seam": str(ratio(seconds["seam"], seconds["own"])),
        "again": str(ratio(seconds["own again"], seconds["own"])),
        "explain": str(ratio(whole["explain"], whole["own"])),
        "apart": apart,
    }


def main() -> None:
    """Each framework in turn; the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--one", choices=tuple(MAKE))
    asked = parser.parse_args()
    if asked.one:
        warnings.simplefilter("ignore")
        sys.stdout.write("\n" + json.dumps(one(asked.one, asked.rounds)) + "\n")
        return
    from benchmarks.machine import described

    rows, left_out = [], []
    for name, needs in NEEDS.items():
        missing = [need for need in needs if find_spec(need) is None]
        if missing:
            left_out.append(f"{name} ({', '.join(missing)} not installed)")
            continue
        command = [sys.executable, "-m", "benchmarks.seam", "--one", name, "--rounds", str(asked.rounds)]
        environment = os.environ | ONE_THREAD | {"KERAS_BACKEND": BACKENDS.get(name, "torch")}
        told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        made = json.loads(told.splitlines()[-1])
        cells = (f"{made['milliseconds']:.0f}", made["seam"], made["again"], made["explain"], f"{made['apart']:.1e}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    lines = [
        "# The seam to other frameworks", "",
        *described("python -m benchmarks.seam", ("torch", "keras", "tensorflow-cpu", "jax", "flax", "equinox", "onnx", "numpy")),
        f"- gradient of a score of {ROWS} photos of 3 x {SIDE} x {SIDE} with one thread, CPU time; {asked.rounds} rounds", "",
        "| framework | its own gradient, ms | through the adapter | its own again | the whole of `explain` | apart |",
        "|---|---|---|---|---|---|", *rows,
    ]  # fmt: skip
    if left_out:
        lines += ["", f"Left out: {'; '.join(left_out)}."]
    Console(width=200, markup=False, highlight=False).print("\n".join(lines))
    (Path(__file__).parent / "results" / "seam.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
