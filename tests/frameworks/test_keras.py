"""Keras models on whichever backend is chosen: read as they are, explained like torch networks, left as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import pellucid as pl
from frameworks.answers import gap, incomplete, layers, read
from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.bridge import Bridge
from pellucid.models.wrap import wrap

keras = pytest.importorskip("keras", reason="keras is not installed")
make = keras.layers
BACKEND = keras.backend.backend()
PICTURES = np.random.default_rng(0).random((4, 8, 8, 3)).astype(np.float32)
SERIES = np.random.default_rng(1).random((4, 6, 4)).astype(np.float32)
TABLE = np.random.default_rng(2).standard_normal((4, 10)).astype(np.float32)
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(0)
    keras.config.set_floatx("float32")


def pictures() -> Any:
    net = keras.Sequential([
        keras.Input((8, 8, 3)), make.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="first"),
        make.BatchNormalization(name="norm"), make.MaxPooling2D(), make.Flatten(), make.Dense(12, activation="gelu", name="hidden"),
        make.Dropout(0.5), make.Dense(3, activation="softmax", name="last"),
    ])  # fmt: skip
    norm = net.get_layer("norm")
    norm.moving_mean.assign(np.linspace(-0.2, 0.3, 6))
    norm.moving_variance.assign(np.linspace(0.5, 2, 6))
    return net


def functional() -> Any:
    start = keras.Input((8, 8, 3))
    x = make.SeparableConv2D(6, 3, padding="same", name="separable")(start)
    x = make.LayerNormalization(name="normal")(x)
    x = make.Add()([x, make.Conv2D(6, 1, name="beside")(x)])
    x = make.Conv2DTranspose(4, 3, strides=2, padding="same", name="up")(x)
    x = make.AveragePooling2D(2, padding="same")(x)
    x = make.GlobalAveragePooling2D()(x)
    return keras.Model(start, make.Dense(3, name="out")(x))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = make.Dense(7, activation="relu"), make.Dense(3)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.second(self.first(keras.ops.reshape(x, (-1, 192))))


def subclassed() -> Any:
    net = Subclassed()
    net(PICTURES)
    return net


def attention() -> Any:
    start = keras.Input((6, 4))
    x = make.LayerNormalization(name="normal")(start + make.MultiHeadAttention(2, 3, name="attention")(start, start))
    return keras.Model(start, make.Dense(3, name="out")(make.GlobalAveragePooling1D()(x)))


def convolutions_in_time() -> Any:
    return keras.Sequential([
        keras.Input((6, 4)), make.Conv1D(5, 3, padding="causal", activation="elu", name="time"), make.ZeroPadding1D(1),
        make.MaxPooling1D(2), make.Flatten(), make.Dense(3, activation="tanh", name="out"),
    ])  # fmt: skip


def activations() -> Any:
    names = (
        "relu",
        "sigmoid",
        "tanh",
        "softplus",
        "softsign",
        "selu",
        "elu",
        "silu",
        "gelu",
        "mish",
        "leaky_relu",
        "relu6",
        "hard_sigmoid",
    )
    layers_ = [make.Dense(8, activation=name, name=f"with_{name}") for name in names]
    return keras.Sequential([keras.Input((10,)), *layers_, make.Dense(3, name="out")])


NETWORKS = [
    (pictures, PICTURES), (functional, PICTURES), (subclassed, PICTURES),
    (attention, SERIES), (convolutions_in_time, SERIES), (activations, TABLE),
]  # fmt: skip


@pytest.mark.parametrize(("build", "x"), NETWORKS, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_read_gives_the_same_answers(build: Any, x: np.ndarray) -> None:
    assert gap(build(), x) < 1e-5


@pytest.mark.parametrize(("build", "x"), NETWORKS, ids=lambda one: getattr(one, "__name__", ""))
def test_attributions_are_complete(build: Any, x: np.ndarray) -> None:
    assert not incomplete(build(), x)


def test_layers_have_keras_own_names() -> None:
    found = layers(pictures(), PICTURES)
    assert [name for name in found if name in ("first", "norm", "hidden", "last")] == ["first", "norm", "hidden", "last"]
    e = pl.explain(pictures(), PICTURES, pl.GradCAM(layer="first"))
    assert e.arrays[0].values.shape == (4, 4, 4)


def test_channels_lie_where_keras_says() -> None:
    e = pl.explain(pictures(), np.random.default_rng(0).random((2, 8, 8, 3)), "gradient")
    assert e.arrays[0].axes == ("sample", "y", "x", "channel")


def test_weights_that_change_are_seen() -> None:
    net = pictures()
    wrapped = wrap(net)
    before = pl.explain(wrapped, PICTURES, "gradient", target=1)
    fingerprint = wrapped.fingerprint()
    net.get_layer("last").set_weights([2 * w for w in net.get_layer("last").get_weights()])
    after, anew = pl.explain(wrap(net), PICTURES, "gradient", target=1), pl.explain(net, PICTURES, "gradient", target=1)
    assert not np.allclose(before.arrays[0].values, after.arrays[0].values)
    assert np.allclose(after.arrays[0].values, anew.arrays[0].values, atol=1e-6)
    assert wrap(net).fingerprint() != fingerprint


def test_it_leaves_no_trace() -> None:
    net = pictures()
    weights = [w.copy() for w in net.get_weights()]
    answer, state = net.predict(PICTURES, verbose=0), np.random.get_state()[1].copy()  # noqa: NPY002
    for method in ("gradient", "lrp", "gradcam", "lime"):
        pl.explain(net, PICTURES, method)
    assert all(np.array_equal(a, b) for a, b in zip(weights, net.get_weights(), strict=True))
    assert np.array_equal(answer, net.predict(PICTURES, verbose=0))
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_it_can_be_trained_afterwards() -> None:
    net = pictures()
    pl.explain(net, PICTURES, "integrated_gradients")
    net.compile("sgd", "sparse_categorical_crossentropy")
    before = net.get_weights()[0].copy()
    net.fit(PICTURES, np.array([0, 1, 2, 0]), epochs=1, verbose=0)
    assert not np.allclose(before, net.get_weights()[0])


def test_several_inputs_come_by_name_or_in_a_tuple() -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    out = make.Dense(2)(make.Concatenate()([make.Dense(4, activation="relu")(a), b]))
    rows = {"a": TABLE[:, :3], "b": TABLE[:, 3:5]}
    by_name = pl.explain(keras.Model({"a": a, "b": b}, out), rows, "deeplift", target=1)
    in_order = pl.explain(keras.Model([a, b], out), tuple(rows.values()), "deeplift", target=1)
    assert [one.values.shape for one in by_name.arrays[:2]] == [(4, 3), (4, 2)]
    np.testing.assert_allclose(by_name.arrays[0].values, in_order.arrays[0].values, atol=1e-6)


def test_tokens_are_explained_where_they_are_embedded() -> None:
    net = keras.Sequential(
        [keras.Input((6,)), make.Embedding(20, 8, name="words"), make.GlobalAveragePooling1D(), make.Dense(2, name="out")]
    )
    e = pl.explain(net, np.arange(12).reshape(2, 6), "integrated_gradients", target=1)
    assert e.arrays[0].values.shape == (2, 6)
    assert any("embedding" in guess for guess in e.provenance.guesses)


PADDED = np.concatenate([SERIES[:2], np.zeros_like(SERIES[:2])], 1)[:, [0, 1, 2, 6, 7, 8]]  # the last three steps are masked
TOKENS = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 9], [3, 0, 4, 0, 0, 0]])
RECURRENT: dict[str, tuple[Any, np.ndarray]] = {
    "lstm": (lambda: [make.LSTM(5, name="lstm")], SERIES),
    "unrolled": (lambda: [make.LSTM(5, unroll=True, name="lstm")], SERIES),
    "gru backwards": (lambda: [make.GRU(5, return_sequences=True, go_backwards=True, name="gru"), make.Flatten()], SERIES),
    "gru that resets first": (lambda: [make.GRU(5, reset_after=False, name="gru")], SERIES),
    "simple": (lambda: [make.SimpleRNN(5, activation="relu", name="simple")], SERIES),
    "both ways": (lambda: [make.Bidirectional(make.LSTM(3, return_sequences=True)), make.Bidirectional(make.GRU(3))], SERIES),
    "cells": (lambda: [make.RNN([make.LSTMCell(4), make.GRUCell(3)], return_sequences=True), make.GlobalAveragePooling1D()], SERIES),
    "dropout": (lambda: [make.LSTM(3, dropout=0.2, recurrent_dropout=0.2)], SERIES),
    "normalized": (lambda: [make.TimeDistributed(make.Dense(3)), make.LayerNormalization(), make.GRU(3)], SERIES),
    "pictures": (lambda: [make.Reshape((6, 2, 2, 1)), make.ConvLSTM2D(2, 2, padding="same"), make.Flatten()], SERIES),
    "masked": (lambda: [make.Masking(), make.LSTM(5, return_sequences=True), make.GRU(3)], PADDED),
    "masked tokens": (lambda: [make.Embedding(10, 4, mask_zero=True), make.Bidirectional(make.LSTM(3))], TOKENS),
    "zeros where masked": (
        lambda: [
            make.Embedding(10, 4, mask_zero=True),
            make.LSTM(5, return_sequences=True, zero_output_for_mask=True),
            make.GlobalAveragePooling1D(),
        ],
        TOKENS,
    ),
}


def recurrent(name: str) -> tuple[Any, np.ndarray]:
    layers_, x = RECURRENT[name]
    net = keras.Sequential([keras.Input(x.shape[1:]), *layers_(), make.Dense(2, name="out")])
    draw = np.random.default_rng(4)
    net.set_weights([draw.normal(0, 0.5, weight.shape) for weight in net.get_weights()])  # zeros would hide a bias
    return net, x


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers_are_written_out(name: str) -> None:
    net, x = recurrent(name)
    assert gap(net, x) < 1e-5
    if BACKEND == "torch":
        return
    twin = read(net, x).net
    assert not isinstance(twin, Bridge)
    assert sum(one.numel() for one in twin.parameters()) == net.count_params()
    if x.dtype.kind == "f":
        assert np.allclose(slopes(twin, x), slopes(wrap(net).source.bridge((torch.from_numpy(x),), ModelSpec(), "").net, x), atol=1e-5)


def slopes(net: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    rows = torch.from_numpy(x).requires_grad_()
    (found,) = torch.autograd.grad(net(rows)[:, 1].sum(), rows)
    return found.numpy()


def test_a_loop_is_one_layer_and_its_steps_call_the_same_ones() -> None:
    net, x = recurrent("lstm")
    assert not incomplete(net, x, within=1e-3)
    if BACKEND == "torch":
        return  # where Keras' own loop is written out as it runs
    found = layers(net, x)
    assert {"lstm", "lstm.lstm_cell", "out"} <= set(found)
    assert len(found) < 20
    sequences = keras.Sequential([keras.Input((6, 4)), make.LSTM(5, return_sequences=True, name="lstm"), make.Flatten(), make.Dense(2)])
    e = pl.explain(sequences, x, pl.Conductance(layer="lstm"), target=1)
    assert e.arrays[0].values.shape == (4, 5)  # of each unit, over all steps


@pytest.mark.parametrize("name", ["lstm", "unrolled"])
def test_weights_of_all_steps_are_shuffled_alike(name: str) -> None:
    net, x = recurrent(name)
    twin = read(net, x)
    for one in (twin.net, twin.randomized(1).net):
        assert len(list(one.parameters())) == 5
    assert float((twin.randomized(1).net(torch.from_numpy(x)) - twin.net(torch.from_numpy(x))).abs().max()) > 1e-3


def test_a_branch_on_values_is_taken_as_it_comes() -> None:
    if BACKEND != "torch":
        pytest.skip("this machine has no backend here that branches on values")

    class Branching(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = make.Dense(2)

        def call(self, x: Any) -> Any:
            return self.out(x * 2 if float(keras.ops.sum(x)) > -1e9 else x)

    net = Branching()
    net(TABLE)
    assert not incomplete(net, TABLE)


def test_predict_of_a_model_is_the_model() -> None:
    net = pictures()
    through = pl.explain(net.predict, PICTURES, "gradient", target=1)
    direct = pl.explain(net, PICTURES, "gradient", target=1)
    np.testing.assert_allclose(through.arrays[0].values, direct.arrays[0].values, atol=1e-6)  # bits may depend on where arrays lie


def test_a_model_without_weights_is_refused() -> None:
    with pytest.raises(ModelError, match="no weights yet"):
        pl.explain(keras.Sequential([make.Dense(3)]), TABLE, "gradient")


def test_random_weights_belong_to_a_copy() -> None:
    net = pictures()
    e = pl.explain(net, PICTURES, "integrated_gradients", checks="full")
    assert any(one.name == "parameter_randomization" for one in e.checks)
    assert gap(net, PICTURES) < 1e-5


def test_structure_and_weights_can_be_inspected() -> None:
    structure = pl.inspect(pictures(), "structure", PICTURES)
    assert structure.content is not None
    found = pl.inspect(pictures(), "weights", PICTURES)
    assert found.content is not None


def test_the_twin_is_made_once() -> None:
    net = pictures()
    assert read(net, PICTURES).net is read(net, PICTURES).net
