"""A training loop of JAX is the same with and without the recorder, and what happened in it is told."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import pellucid as pl
from pellucid.errors import InputError
from pellucid.training.recording.mirror import UNPINNED

X = np.random.default_rng(0).standard_normal((96, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def started() -> dict[str, Any]:
    draw = np.random.default_rng(1)
    shapes = {"hidden": (6, 8), "out": (8, 2)}
    return {
        name: {"kernel": jnp.asarray(draw.standard_normal(shape).astype(np.float32)), "bias": jnp.zeros(shape[1], jnp.float32)}
        for name, shape in shapes.items()
    }


def apply(params: Any, x: Any) -> Any:
    x = jax.nn.relu(x @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    return x @ params["out"]["kernel"] + params["out"]["bias"]


OPTIMIZER = optax.adam(1e-2)


@partial(jax.jit, donate_argnums=(0, 1))  # the old weights are gone after the step
def advanced(params: Any, state: Any, x: Any, y: Any) -> Any:
    def loss(params: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(apply(params, x), y).mean()

    value, gradients = jax.value_and_grad(loss)(params)
    updates, state = OPTIMIZER.update(gradients, state)
    return optax.apply_updates(params, updates), state, value, gradients


def trained(folder: Path | None = None, steps: int = 30, **options: Any) -> tuple[Any, list[float], list[tuple[Any, Any]]]:
    params = started()
    state, losses, seen = OPTIMIZER.init(params), [], []
    run = None if folder is None else pl.JaxWatch(apply, params, folder, data=(X[:40], Y[:40]), **options)
    for at in range(steps):
        rows = slice(at % 3 * 32, at % 3 * 32 + 32)
        params, state, loss, gradients = advanced(params, state, X[rows], Y[rows])
        losses.append(float(loss))
        seen.append((jax.tree.map(np.array, params), jax.tree.map(np.array, gradients)))
        if run is not None:
            run.step(params, gradients, loss=loss, learning_rate=1e-2, rows=np.arange(96)[rows])
    if run is not None:
        run.log(valid_accuracy=0.5)
        run.close()
    return params, losses, seen


def test_nothing_changes_and_everything_is_told(tmp_path: Path) -> None:
    params, losses, seen = trained(tmp_path / "run", every=2)
    bare, plain, _ = trained()
    assert losses == plain
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(bare), strict=True))
    run = pl.Run(tmp_path / "run")
    assert run.status == "finished"
    assert run.scalars("loss").values.tolist() == losses
    assert set(run.scalars("learning_rate").values) == {1e-2}
    assert run.scalars("valid_accuracy").values.tolist() == [0.5]
    frames = run.frames("layers")
    assert len(frames) > 5
    for place, step in list(enumerate(frames.steps))[1:]:
        frame = frames[place]
        after, gradients = seen[step - 1]
        before, _ = seen[step - 2]
        place = list(frame.weights.names).index("hidden.kernel")
        change = np.linalg.norm(after["hidden"]["kernel"] - before["hidden"]["kernel"])
        assert frame.gradients.norm[place] == pytest.approx(np.linalg.norm(gradients["hidden"]["kernel"]), rel=1e-5)
        assert frame.updates.norm[place] == pytest.approx(change, rel=1e-3)
    assert set(frames[-1].weights.names) == {f"{layer}.{kind}" for layer in ("hidden", "out") for kind in ("kernel", "bias")}


def test_pinned_rows_are_explained_by_the_network_as_it_then_is(tmp_path: Path) -> None:
    params, _, _ = trained(tmp_path / "run", steps=1000, budget=1.0)
    frames = pl.Run(tmp_path / "run").frames("predictions")
    assert len(frames) > 1
    assert not np.allclose(frames[0].outputs, frames[-1].outputs)
    assert np.allclose(frames[-1].outputs, np.asarray(apply(params, X[:40])), atol=1e-5)
    assert len(pl.Run(tmp_path / "run").frames("attributions")) > 0


def test_what_layers_give_is_what_jax_gives(tmp_path: Path) -> None:
    params = started()
    state = OPTIMIZER.init(params)
    with pl.JaxWatch(apply, params, tmp_path / "run", data=(X[:40], Y[:40])) as run:
        run._recorder._always = True
        looks = run._recorder._looks
        looks.schedule.due, looks.allowed_behind = lambda *_: "activations", 10**9
        seen = []
        for at in range(12):
            params, state, loss, gradients = advanced(params, state, X[at % 3 * 32 :][:32], Y[at % 3 * 32 :][:32])
            hidden = X[:40] @ params["hidden"]["kernel"] + params["hidden"]["bias"]
            seen.append([np.asarray(one, np.float64) for one in (hidden, jax.nn.relu(hidden), apply(params, X[:40]))])
            run.step(params, gradients, loss=loss)
        assert run.cost.kinds["activations"] > 0
    frames = pl.Run(tmp_path / "run").frames("activations")
    assert set(frames.steps) == set(range(13))
    for step, frame in list(zip(frames.steps, frames, strict=True))[1:]:
        assert frame.pinned
        assert (frame.layers, frame.types) == (("hidden", "relu", "out"), ("Linear", "ReLU", "Linear"))
        for place, values in enumerate(seen[int(step) - 1]):
            rounding = 1e-6 * np.abs(values).max()
            assert frame.spread.quantiles[place, [0, -1]] == pytest.approx([values.min(), values.max()], abs=rounding)
            assert frame.spread.mean[place] == pytest.approx(values.mean(), abs=rounding)
        assert frame.dead[1] == (seen[int(step) - 1][1] == 0).all(0).sum()


def test_layers_are_left_out_with_the_reason(tmp_path: Path) -> None:
    def looping(params: Any, x: Any) -> Any:
        return jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, jnp.tanh(s[1])), (0, apply(params, x)))[1]

    for name, net, options, why in (
        ("unpinned", apply, {}, UNPINNED),
        ("looping", looping, {"data": (X[:40], Y[:40]), "attribution": "occlusion"}, "no counterpart in torch"),
    ):
        params = started()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is also said as a warning, once
            run = pl.JaxWatch(net, params, tmp_path / name, **options)
        with run:
            for _ in range(3):
                params = jax.tree.map(lambda one: one * 0.9, params)
                run.step(params, loss=1.0)
        read = pl.Run(tmp_path / name)
        assert read.status == "finished"
        assert "activations" not in read.kinds
        (event,) = [event for _, event in read.events if event.what == "left_out"]
        assert event.details["kind"] == "activations"
        assert why in str(event.details["why"])


def test_what_can_be_asked(tmp_path: Path) -> None:
    params = started()
    state = OPTIMIZER.init(params)
    count = 0
    with pl.JaxWatch(apply, params, tmp_path / "run", attribution=None) as run:
        path = run.checkpoint()
        assert path is not None
        assert path.is_file()
        for ask in (lambda: run.learning_rate(0.1), lambda: run.freeze("hidden"), lambda: run.edit("out.bias", (0,), 1.0)):
            with pytest.raises(InputError, match="in a training loop of JAX"):
                ask()
        for _ in range(20):
            params, state, loss, _ = advanced(params, state, X[:32], Y[:32])
            count += 1
            if count == 5:
                run.stop()
            run.step(params, loss=loss)
    assert count < 20
    assert pl.Run(tmp_path / "run").status == "stopped"


def test_other_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no parameters with fractions"):
        pl.JaxWatch(apply, {"a": jnp.arange(3)}, tmp_path / "none")
    with pl.JaxWatch(apply, started(), tmp_path / "run", every=1) as run, pytest.raises(InputError, match="other parameters"):
        run.step({"hidden": started()["hidden"]}, loss=1.0)


def test_parameters_may_be_called_as_attributes_of_modules_are(tmp_path: Path) -> None:
    params = {"type": {"float": jnp.ones((2, 2))}, "training": jnp.ones(2)}
    with pl.JaxWatch(lambda p, x: x @ p["type"]["float"] + p["training"], params, tmp_path / "run", every=1) as run:
        for scale in (2.0, 3.0):
            run.step(jax.tree.map(lambda one, by=scale: one * by, params), params, loss=1.0)
    latest = pl.Run(tmp_path / "run").frames("layers")[-1]
    assert sorted(latest.weights.names) == ["training_", "type_.float_"]
    assert latest.gradients is not None
