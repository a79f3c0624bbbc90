"""A fit of Keras is the same with and without the callback, and what happened in it is told."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl

keras = pytest.importorskip("keras", reason="keras is not installed")
X = np.random.default_rng(0).standard_normal((160, 10)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"),
]


def network() -> Any:
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [keras.Input((10,)), keras.layers.Dense(16, "relu", name="a"), keras.layers.Dropout(0.3), keras.layers.Dense(2, name="b")]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
    return net


def fitted(*callbacks: Any, epochs: int = 3) -> Any:
    net = network()
    return net, net.fit(X, Y, epochs=epochs, batch_size=32, verbose=0, validation_split=0.2, callbacks=list(callbacks)).history


def test_nothing_changes_and_everything_is_told(tmp_path: Path) -> None:
    net, history = fitted(pl.KerasWatch(tmp_path / "run", data=(X[:40], Y[:40]), every=2))
    bare, plain = fitted()
    assert history == plain
    assert all(np.array_equal(a, b) for a, b in zip(net.get_weights(), bare.get_weights(), strict=True))
    run = pl.Run(tmp_path / "run")
    assert run.status == "finished"
    losses = run.scalars("loss")
    assert len(losses.values) == 3 * 3  # four batches an epoch, the last one's size is not known
    assert np.mean(losses.values[:3]) == pytest.approx(plain["loss"][0], rel=0.3)
    assert list(run.scalars("val_loss").values) == pytest.approx(plain["val_loss"], rel=1e-6)
    assert run.scalars("learning_rate").values[-1] == pytest.approx(1e-2)


def test_the_loss_of_a_batch_is_its_own(tmp_path: Path) -> None:
    own: list[float] = []

    class Own(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            count = batch + 1
            own.append(count * float(logs["loss"]) - sum(own))

    net = network()
    net.fit(X[:128], Y[:128], epochs=1, batch_size=32, verbose=0, shuffle=False, callbacks=[Own(), pl.KerasWatch(tmp_path / "run")])
    assert list(pl.Run(tmp_path / "run").scalars("loss").values) == pytest.approx(own[:3], rel=1e-5)


def test_weights_and_updates_are_recorded(tmp_path: Path) -> None:
    net, _ = fitted(pl.KerasWatch(tmp_path / "run", every=2))
    frames = pl.Run(tmp_path / "run").frames("layers")
    assert len(frames) > 3
    latest = frames[-1]
    weights = dict(zip(latest.weights.names, latest.weights.norm, strict=True))
    own = {v.path.replace("/", "."): np.linalg.norm(keras.ops.convert_to_numpy(v.value)) for v in net.trainable_variables}
    assert set(weights) == set(own)
    assert latest.updates is not None
    assert np.all(latest.updates.norm > 0)
    assert (latest.gradients is not None) == (keras.backend.backend() == "torch")


def test_a_stop_ends_the_fit(tmp_path: Path) -> None:
    class Ask(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                watching.recorder.stop()

    watching = pl.KerasWatch(tmp_path / "run")
    net = network()
    net.fit(X, Y, epochs=50, batch_size=32, verbose=0, callbacks=[Ask(), watching])
    run = pl.Run(tmp_path / "run")
    assert run.status == "stopped"
    assert len(run.scalars("loss").values) <= 3


def test_the_learning_rate_can_be_changed(tmp_path: Path) -> None:
    class Ask(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1 and watching.recorder is not None:
                pl.Run(tmp_path / "run").ask("learning_rate", value=1e-4)

    watching = pl.KerasWatch(tmp_path / "run")
    net = network()
    import time

    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            time.sleep(0.15)  # what is asked is fetched twice a second

    net.fit(X, Y, epochs=2, batch_size=32, verbose=0, callbacks=[Ask(), Slow(), watching])
    events = [event.what for _, event in pl.Run(tmp_path / "run").events]
    if keras.backend.backend() == "jax":
        assert "refused" in events
    else:
        assert "learning_rate" in events
        assert float(keras.ops.convert_to_numpy(net.optimizer.learning_rate)) == pytest.approx(1e-4)


def test_it_can_be_pickled(tmp_path: Path) -> None:
    again = pickle.loads(pickle.dumps(pl.KerasWatch(tmp_path, every=3)))
    assert again.options["every"] == 3
