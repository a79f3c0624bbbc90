"""A fit of Keras is the same with and without the callback, and what happened in it is told."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import UnsupportedOperation
from pellucid.training.recording import pinned
from pellucid.training.recording.mirror import UNPINNED
from pellucid.views.runs import run_scene

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


LAYERS = {"a": "a", "relu": "bend", "c": "c", "bn.add": "bn", "tanh": "squash", "b": "b"}  # ours, and Keras' own


def deeper(**second: Any) -> Any:
    keras.utils.set_random_seed(0)
    given = keras.Input((10,))
    hidden = keras.layers.ReLU(name="bend")(keras.layers.Dense(16, name="a")(given))
    hidden = keras.layers.Dense(12, name="c", **second)(keras.layers.Dropout(0.3)(hidden))
    hidden = keras.layers.Activation("tanh", name="squash")(keras.layers.BatchNormalization(name="bn")(hidden))
    net = keras.Model(given, keras.layers.Dense(2, name="b")(hidden))
    net.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return net


class Always(keras.callbacks.Callback):
    """Has a frame of activations made at every step."""

    def __init__(self, watching: Any) -> None:
        super().__init__()
        self.watching = watching

    def on_train_begin(self, logs: Any = None) -> None:
        looks = self.watching.recorder._looks
        self.watching.recorder._always, looks.allowed_behind = True, 10**9
        looks.schedule.due = lambda *_: "activations"


class Own(keras.callbacks.Callback):
    """What Keras itself says that its layers give, after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[dict[str, np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        inner = keras.Model(self.model.input, [self.model.get_layer(own).output for own in LAYERS.values()])
        given = inner(X[:40], training=False)
        self.kept.append({name: keras.ops.convert_to_numpy(one) for name, one in zip(LAYERS, given, strict=True)})


def test_what_layers_give_is_what_keras_says(tmp_path: Path) -> None:
    watching, own = pl.KerasWatch(tmp_path / "run", data=(X[:40], Y[:40])), Own()
    history = deeper().fit(X, Y, epochs=3, batch_size=32, verbose=0, callbacks=[watching, Always(watching), own]).history
    assert history == deeper().fit(X, Y, epochs=3, batch_size=32, verbose=0).history
    run = pl.Run(tmp_path / "run")
    frames = run.frames("activations")
    assert set(frames.steps) == set(range(16))
    for step, frame in list(zip(frames.steps, frames, strict=True))[1:]:
        assert frame.pinned
        assert frame.layers == tuple(LAYERS)
        assert frame.types == ("Linear", "ReLU", "Linear", "add", "Tanh", "Linear")
        for place, name in enumerate(LAYERS):
            values = own.kept[int(step) - 1][name].astype(np.float64)
            rounding = 1e-6 * np.abs(values).max()
            assert frame.spread.quantiles[place, [0, -1]] == pytest.approx([values.min(), values.max()], abs=rounding)
            assert frame.spread.mean[place] == pytest.approx(values.mean(), abs=rounding)
            assert frame.response[place] == pytest.approx(np.sqrt(values.var(0).mean()), rel=1e-5)
            assert (frame.rows[place], frame.units[place]) == values.shape
        assert frame.zero[1] == pytest.approx((own.kept[int(step) - 1]["relu"] == 0).mean(), abs=1e-3)
    notes = {language: run_scene(run, view="activity", language=language).notes for language in ("en", "zh-CN")}
    assert any("pinned rows, in evaluation mode" in note for note in notes["en"])
    assert any("评估模式" in note for note in notes["zh-CN"])
    assert sum("pinned rows, in evaluation mode" in note for note in run_scene(run, view="activations").notes) == 1


def test_a_layer_that_was_seen_can_be_explained(tmp_path: Path) -> None:
    net, _ = fitted(pl.KerasWatch(tmp_path / "run", data=(X[:40], Y[:40])))
    for name in pl.Run(tmp_path / "run").frames("activations")[-1].layers[:-1]:
        values = pl.explain(net, X[:2], pl.Conductance(layer=name), target=1, checks="none").arrays[0].values
        assert len(values) == 2
        assert np.isfinite(values).all()
        assert np.abs(values).max() > 0


def test_units_that_are_dead_or_saturated_are_found(tmp_path: Path) -> None:
    def found(folder: str, **second: Any) -> dict[str, tuple[str, ...]]:
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(16, "relu", **second), keras.layers.Dense(16, "tanh", **second)]
        net = keras.Sequential([keras.Input((10,)), *layers, keras.layers.Dense(2)])
        net.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        watching = pl.KerasWatch(tmp_path / folder, data=(X[:40], Y[:40]))
        net.fit(X, Y, epochs=3, batch_size=32, verbose=0, callbacks=[watching, Always(watching)])
        return {finding.id: finding.layers for finding in pl.Run(tmp_path / folder).diagnose()}

    assert not {"dead_rectifiers", "saturated_units"} & set(found("sound"))
    assert found("dead", bias_initializer=keras.initializers.Constant(-30.0))["dead_rectifiers"] == ("relu_1",)
    assert found("flat", kernel_initializer=keras.initializers.RandomNormal(stddev=20.0))["saturated_units"] == ("tanh",)


def test_without_pinned_rows_it_is_said_what_to_do(tmp_path: Path) -> None:
    fitted(pl.KerasWatch(tmp_path / "run"))
    run = pl.Run(tmp_path / "run")
    assert "activations" not in run.kinds
    assert [event.details["why"] for _, event in run.events if event.what == "left_out"] == [UNPINNED]


def test_a_look_that_fails_leaves_the_fit_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fails(*_: object) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("no layers today")
        raise UnsupportedOperation("Not read", received="a loop", remedy="none")

    monkeypatch.setattr(pinned, "given_by_layers", fails)
    _, plain = fitted()
    for reason in ("a loop", "no layers today"):
        _, history = fitted(pl.KerasWatch(tmp_path / reason, data=(X[:40], Y[:40])))
        assert history == plain
        run = pl.Run(tmp_path / reason)
        assert run.status == "finished"
        assert "activations" not in run.kinds
        assert run.kinds["predictions"] >= 2
        (event,) = [event for _, event in run.events if event.what == "left_out"]
        assert event.details["kind"] == "activations"
        assert reason in str(event.details["why"])


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="a branch on values: the other backends trace it")
def test_a_network_that_can_not_be_read_has_its_layers_left_out(tmp_path: Path) -> None:
    net = keras.Sequential([keras.Input((10,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
    net.layers[0].activation = lambda x: x if float(x.detach().sum()) > 0 else -x
    net.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(X, Y, batch_size=32, verbose=0, callbacks=[pl.KerasWatch(tmp_path / "run", data=(X[:40], Y[:40]))])
    run = pl.Run(tmp_path / "run")
    (event,) = [event for _, event in run.events if event.what == "left_out"]
    assert "no counterpart in torch" in str(event.details["why"])
    assert {"predictions", "attributions"} <= set(run.kinds)


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
