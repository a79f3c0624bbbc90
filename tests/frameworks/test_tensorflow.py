"""TensorFlow: functions, modules, signatures of SavedModels."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pellucid as pl
from frameworks.answers import gap, incomplete, layers, read
from pellucid.errors import CapabilityError
from pellucid.models.bridge import Bridge
from pellucid.models.own_pass import ENOUGH, own_pass

X = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
PICTURES = np.random.default_rng(1).standard_normal((4, 8, 8, 3)).astype(np.float32)
W = np.random.default_rng(2).standard_normal((6, 4)).astype(np.float32)


class Network(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        draw = np.random.default_rng(3)
        self.kernel = tf.Variable(draw.standard_normal((3, 3, 3, 4)).astype(np.float32), name="conv/kernel")
        self.bias = tf.Variable(draw.standard_normal(4).astype(np.float32), name="conv/bias")
        self.out = tf.Variable(draw.standard_normal((64, 3)).astype(np.float32), name="out/kernel")

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)])
    def __call__(self, x: Any) -> Any:
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, self.kernel, 2, "SAME"), self.bias))
        return tf.reshape(x, (tf.shape(x)[0], -1)) @ self.out


def test_a_module() -> None:
    net = Network()
    assert gap(net, PICTURES) < 1e-5
    assert not incomplete(net, PICTURES)
    assert {"conv", "out"} <= set(layers(net, PICTURES))


def test_a_function() -> None:
    w = tf.Variable(W)
    network = tf.function(lambda x: tf.nn.softmax(tf.nn.gelu(x @ w)))
    assert gap(network, X) < 1e-5
    assert not incomplete(network, X)


def test_a_function_of_which_a_gradient_was_taken() -> None:
    w = tf.Variable(W)
    network = tf.function(lambda x: tf.nn.softmax(tf.nn.relu(x @ w)))

    @tf.function
    def slopes(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_sum(network(x)[:, 1])
        return tape.gradient(score, x)

    slopes.get_concrete_function(tf.TensorSpec((None, 6), tf.float32))
    assert gap(network, X) < 1e-5
    assert not incomplete(network, X)


def test_the_signature_of_a_saved_model(tmp_path: Path) -> None:
    net = Network()
    tf.saved_model.save(net, str(tmp_path), signatures=net.__call__)
    loaded = tf.saved_model.load(str(tmp_path))
    e = pl.explain(loaded.signatures["serving_default"], PICTURES, "integrated_gradients", target=1)
    assert np.allclose(e.arrays[0].values, pl.explain(net, PICTURES, "integrated_gradients", target=1).arrays[0].values, atol=1e-5)


def test_weights_that_change_are_seen() -> None:
    net = Network()
    before = pl.explain(net, PICTURES, "gradient", target=1)
    net.out.assign(net.out * 2)
    assert not np.allclose(before.arrays[0].values, pl.explain(net, PICTURES, "gradient", target=1).arrays[0].values)


def test_weights_that_change_are_seen_by_a_function_that_was_wrapped_before_its_first_call() -> None:
    w = tf.Variable(W)
    held = pl.wrap(tf.function(lambda x: x @ w))
    pl.explain(held, X, "gradient", target=1, checks="none")
    w.assign(2 * w)
    found = pl.explain(held, X, "gradient", target=1, checks="none").values.values
    assert np.allclose(found, 2 * W[:, 1], atol=1e-6)


def test_variables_without_a_name_are_told_apart() -> None:
    a, b = tf.Variable(np.diag([1.0, 2.0, 3.0]).astype(np.float32)), tf.Variable(np.diag([1.0, 2.0, 3.0]).astype(np.float32))
    net = read(tf.function(lambda x: tf.nn.relu(x @ a) @ b), X[:, :3])
    assert len({id(one) for one in net.net.parameters()}) == 2


OF_ROWS = {
    "divided": lambda x: x / tf.cast(tf.shape(x)[0], tf.float32),
    "root": lambda x: x * tf.math.rsqrt(tf.square(x) + tf.cast(tf.shape(x)[0], tf.float32)),
    "some": lambda x: tf.maximum(x, tf.cast(tf.minimum(tf.shape(x)[0], 3), tf.float32)),
    "share": lambda x: x * tf.cast(tf.reduce_sum(tf.cast(x > 0, tf.int32), -1, keepdims=True), tf.float32) / 6,
    "turned": lambda x: tf.tanh(x @ W[:4, :4]) + tf.sin(x @ tf.transpose(W[:4, :4])),
}


@pytest.mark.parametrize("name", OF_ROWS)
def test_arithmetic_that_only_looks_like_something_else(name: str) -> None:
    w = tf.Variable(W)
    assert gap(tf.function(lambda x: OF_ROWS[name](x[:, :4]) @ w[:4]), X) < 1e-5


def test_what_has_no_counterpart_is_differentiated_by_tensorflow() -> None:
    w = tf.Variable(W)

    @tf.function
    def network(x: Any) -> Any:
        x = x @ w
        for _ in tf.range(3 + tf.cast(tf.reduce_max(x) > 1e9, tf.int32)):
            x = tf.tanh(x)
        return x

    assert isinstance(read(network, X).net, Bridge)
    assert "While" in read(network, X).twin.net._reason
    e = pl.explain(network, X, "gradient", target=1)
    other = pl.explain(tf.function(lambda x: tf.tanh(tf.tanh(tf.tanh(x @ w)))), X, "gradient", target=1)
    assert np.allclose(e.arrays[0].values, other.arrays[0].values, atol=1e-5)
    assert not incomplete(network, X, methods=("integrated_gradients",), within=1e-3)


def test_loops_of_known_length_are_written_out() -> None:
    w = tf.Variable(W[:4, :4])

    @tf.function
    def network(x: Any) -> Any:
        states = tf.TensorArray(tf.float32, 3)
        for step in tf.range(3):
            x = tf.tanh(x @ w + tf.cast(step, tf.float32)) if step < 2 else x
            states = states.write(step, x)
        return tf.reduce_sum(states.stack(), 0) + states.read(1)

    rows = X[:, :4]
    assert gap(network, rows) < 1e-5
    assert not incomplete(network, rows)
    assert not isinstance(read(network, rows).net, Bridge)


OPERATIONS: dict[str, Any] = {
    "abs": tf.abs,
    "where": lambda x: tf.where(x > 0, x, 0.1 * x),
    "concat": lambda x: tf.concat([x, 2 * x], 1),
    "slice": lambda x: x[:, 1:3],
    "reverse": lambda x: x[:, ::-1],
    "newaxis": lambda x: x[:, None, :, None][:, 0, ..., 0],
    "pad": lambda x: tf.pad(x, [[0, 0], [1, 2]]),
    "mirror": lambda x: tf.pad(x, [[0, 0], [2, 1]], "REFLECT"),
    "cumsum": lambda x: tf.cumsum(x, 1),
    "split": lambda x: tf.split(x, 2, 1)[1],
    "stack": lambda x: tf.reshape(tf.stack([x, x], 2), (-1, 8)),
    "unstack": lambda x: tf.unstack(x, axis=1)[0][:, None],
    "einsum": lambda x: tf.einsum("ni,nj->nij", x, x),
    "gather": lambda x: tf.gather(x, [2, 0], axis=1),
    "tile": lambda x: tf.tile(x, [1, 2]),
    "max": lambda x: x - tf.reduce_max(x, 1, keepdims=True),
    "mean": lambda x: tf.reduce_mean(x, 1, keepdims=True),
    "prod": lambda x: tf.reduce_prod(x, 1, keepdims=True),
    "square": lambda x: tf.math.squared_difference(x, 1.0),
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "leaky": tf.nn.leaky_relu,
    "relu6": tf.nn.relu6,
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
    "log_softmax": tf.nn.log_softmax,
    "swish": tf.nn.silu,
    "erf": tf.math.erf,
    "floor": tf.floor,
    "minimum": lambda x: tf.minimum(x, 0.5),
    "normalize": lambda x: tf.math.l2_normalize(x, 1),
    "matmul": lambda x: tf.matmul(x[:, :, None], x[:, None, :]),
    "one_hot": lambda x: tf.one_hot(tf.argmax(x, 1), 4) * x,
    "layer_norm": lambda x: (x - tf.reduce_mean(x, 1, True)) / tf.math.reduce_std(x, 1, True),
}


def test_swish_is_one_operation_and_other_gradients_are_the_users_own() -> None:
    w = tf.Variable(W)

    @tf.custom_gradient
    def straight(x: Any) -> Any:
        return tf.sign(x), lambda up: up

    assert [name for name, _ in read(tf.function(lambda x: tf.nn.silu(x @ w)), X).net.named_children()] == ["Variable", "silu"]
    assert not isinstance(read(tf.function(lambda x: tf.nn.silu(x @ w)), X).net, Bridge)
    network = tf.function(lambda x: straight(x @ w))
    assert isinstance(read(network, X).net, Bridge)
    e = pl.explain(network, X, "gradient", target=pl.Output(1))
    assert np.allclose(e.arrays[0].values, W[:, 1], atol=1e-6)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operations(name: str) -> None:
    w = tf.Variable(W)
    assert gap(tf.function(lambda x: OPERATIONS[name](x @ w)), X) < 1e-5


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_windows(padding: str, stride: int) -> None:
    kernel = tf.Variable(np.random.default_rng(4).standard_normal((3, 2, 3, 4)).astype(np.float32))
    depth = tf.Variable(np.random.default_rng(5).standard_normal((3, 3, 3, 2)).astype(np.float32))
    for call in (
        lambda x: tf.nn.conv2d(x, kernel, stride, padding),
        lambda x: tf.nn.depthwise_conv2d(x, depth, [1, stride, stride, 1], padding),
        lambda x: tf.nn.max_pool2d(x, 3, stride, padding),
        lambda x: tf.nn.avg_pool2d(x, 3, stride, padding),
    ):
        assert gap(tf.function(call), PICTURES) < 1e-5


# ---- passes by TensorFlow itself ---------------------------------------------------------------------------------------------------------

PHOTOS = np.random.default_rng(4).standard_normal((8, 40, 40, 3)).astype(np.float32)
MANY = np.concatenate([PHOTOS] * (ENOUGH // len(PHOTOS)))


class Photographed(tf.Module):
    """Convolutions, and a head of the test's own."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        draw = np.random.default_rng(5)
        self.kernel = tf.Variable(draw.standard_normal((3, 3, 3, 6)).astype(np.float32) / 3, name="conv/kernel")
        self.out = tf.Variable(10 * draw.standard_normal((6, 4)).astype(np.float32), name="out/kernel")
        self.head = head

    @tf.function
    def __call__(self, x: Any) -> Any:
        x = tf.nn.relu(tf.nn.conv2d(x, self.kernel, 2, "SAME"))
        return self.head(tf.reduce_mean(x, (1, 2)) @ self.out)


def by_tensorflow(net: Any, rows: np.ndarray = MANY) -> bool:
    """Whether TensorFlow itself makes the passes once so many rows are explained."""
    pl.explain(net, rows, "gradient", target=1, checks="none")
    return own_pass(read(net, rows).net).net is not None


HEADS = {
    "scores": tf.identity,
    "softmax": lambda z: tf.nn.softmax(3 * z),  # saturated in float32
    "sigmoid": lambda z: tf.sigmoid(3 * z),
}


@pytest.mark.parametrize("head", HEADS)
def test_large_pictures_go_through_tensorflow_itself(head: str) -> None:
    net = Photographed(HEADS[head])
    before = pl.explain(net, PHOTOS, "gradient", target=1, checks="none").values.values
    after = pl.explain(net, MANY, "gradient", target=1, checks="none").values.values[: len(PHOTOS)]
    assert own_pass(read(net, MANY).net).net is not None
    for one, other in zip(before, after, strict=True):
        assert np.linalg.norm(one - other) <= 1e-4 * np.linalg.norm(one)
        assert np.linalg.norm(one) > 0


def test_passes_by_tensorflow_follow_its_weights() -> None:
    net = Photographed(tf.identity)
    assert by_tensorflow(net)
    net.out.assign(-net.out)
    before = pl.explain(net, PHOTOS, "gradient", target=1, checks="none").values.values
    assert by_tensorflow(net)
    assert np.allclose(before, pl.explain(net, PHOTOS, "gradient", target=1, checks="none").values.values, rtol=1e-4, atol=1e-7)


def test_layers_and_rules_are_those_of_torch() -> None:
    net = Photographed(tf.nn.softmax)
    before = pl.explain(net, PHOTOS, pl.GradCAM(layer="conv"), target=1, checks="none").values.values
    assert by_tensorflow(net)
    assert np.array_equal(before, pl.explain(net, PHOTOS, pl.GradCAM(layer="conv"), target=1, checks="none").values.values)
    assert not incomplete(net, PHOTOS)


def test_torch_goes_on_where_tensorflow_gives_something_else() -> None:
    calls: list[int] = []

    def head(z: Any) -> Any:
        calls.append(1)  # at each tracing
        return z * (2.0 if len(calls) > 1 else 1.0)

    assert not by_tensorflow(Photographed(head))
    assert len(calls) > 1
    assert not by_tensorflow(Photographed(lambda z: (z, z)))
    assert not by_tensorflow(Photographed(lambda z: tf.reshape(tf.nn.softmax(3 * z), (-1, 4))))  # whose logits are not seen


def test_torch_goes_on_where_a_function_is_traced_once_only() -> None:
    calls: list[int] = []

    def head(z: Any) -> Any:
        calls.append(1)
        return {1: z}[len(calls)]

    assert not by_tensorflow(Photographed(head))
    assert len(calls) == 2


def test_a_gradient_that_is_stopped_is_said_to_be_missing() -> None:
    net = Photographed(lambda z: tf.stop_gradient(z))
    for rows in (PHOTOS, MANY):
        with pytest.raises(CapabilityError, match="differentiate"):
            pl.explain(net, rows, "gradient", target=1, checks="none")


def test_passes_by_tensorflow_do_not_keep_a_network() -> None:
    net = Photographed(tf.identity)
    assert by_tensorflow(net)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None
