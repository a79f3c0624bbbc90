"""One MLP and one CNN with the same weights in every framework, each beside the torch network that takes the same layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

Kind = Literal["mlp", "cnn"]
Dtype = Literal["float32", "float64"]
CLASSES, FEATURES, CHANNELS, SIDE = 3, 6, 3, 8


class ChannelsLast(nn.Module):
    """A torch network for pictures that come with channels last; the features of its dense layers are in that order too."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.permute(0, 3, 1, 2))


@dataclass(frozen=True)
class Weights:
    """Of a network: kernels as torch has them, biases."""

    arrays: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]


def weights(kind: Kind, dtype: Dtype) -> Weights:
    """The same numbers in both dtypes, up to rounding."""
    draw = np.random.default_rng(7)
    if kind == "mlp":
        shapes = {"a": (16, FEATURES), "b": (12, 16), "c": (CLASSES, 12)}
    else:
        shapes = {"a": (6, CHANNELS, 3, 3), "b": (8, 6, 3, 3), "c": (CLASSES, 8 * 4 * 4)}
    arrays: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        arrays[f"{name}.weight"] = (draw.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(dtype)
        arrays[f"{name}.bias"] = (draw.standard_normal(shape[0]) * 0.1).astype(dtype)
    return Weights(arrays)


def rows(kind: Kind, dtype: Dtype, *, channels_last: bool) -> np.ndarray:
    """Three rows to be explained."""
    shape = (3, FEATURES) if kind == "mlp" else (3, CHANNELS, SIDE, SIDE)
    x = np.random.default_rng(8).standard_normal(shape)
    return np.ascontiguousarray(np.moveaxis(x, 1, -1) if channels_last and kind == "cnn" else x).astype(dtype)


def torch_network(kind: Kind, dtype: Dtype, *, channels_last: bool = False) -> nn.Module:
    """The reference."""
    w = weights(kind, dtype)
    layers: dict[str, nn.Module]
    if kind == "mlp":
        layers = {"a": nn.Linear(FEATURES, 16), "relu": nn.ReLU(), "b": nn.Linear(16, 12), "relu_1": nn.ReLU(), "c": nn.Linear(12, CLASSES)}
    else:
        layers = {
            "a": nn.Conv2d(CHANNELS, 6, 3, padding=1), "relu": nn.ReLU(), "max_pool": nn.MaxPool2d(2),
            "b": nn.Conv2d(6, 8, 3, padding=1), "relu_1": nn.ReLU(), "flatten": nn.Flatten(), "c": nn.Linear(128, CLASSES),
        }  # fmt: skip
    net = nn.Sequential()
    for name, layer in layers.items():
        net.add_module(name, layer)
    net.add_module("softmax", nn.Softmax(1))
    net = net.to(getattr(torch, dtype))
    net.load_state_dict({name: torch.from_numpy(value) for name, value in w.arrays.items()})
    net.requires_grad_(False).eval()
    return ChannelsLast(net).eval() if channels_last and kind == "cnn" else net


def dense_last(kind: Kind, w: Weights) -> np.ndarray:
    """The last dense kernel (input, output) for features flattened with channels last."""
    c = w["c.weight"]
    if kind == "cnn":
        c = np.moveaxis(c.reshape(CLASSES, 8, 4, 4), 1, -1).reshape(CLASSES, -1)
    return np.ascontiguousarray(c.T)


def conv_last(kernel: np.ndarray) -> np.ndarray:
    """A kernel (y, x, input, output)."""
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))


@dataclass(frozen=True)
class Column:
    """One framework of the matrix.

    Attributes:
        needs: importable names without which it can not be built.
        build: from kind and dtype to the model that is given to ``explain``.
        dtypes: in which it can compute.
        backend: of Keras, which a process has one of.
    """

    name: str
    needs: tuple[str, ...]
    build: Callable[[Kind, Dtype], Any]
    channels_last: bool = True
    dtypes: tuple[Dtype, ...] = ("float64", "float32")
    kinds: tuple[Kind, ...] = ("mlp", "cnn")
    backend: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not installed."""
        return tuple(name for name in self.needs if find_spec(name) is None)


def keras_network(kind: Kind, dtype: Dtype) -> Any:
    import keras

    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    w, make = weights(kind, dtype), keras.layers
    if kind == "mlp":
        layers = [make.Dense(16, "relu", name="a"), make.Dense(12, "relu", name="b")]
        kernels = [w["a.weight"].T, w["b.weight"].T]
        start = keras.Input((FEATURES,))
    else:
        layers = [
            make.Conv2D(6, 3, padding="same", activation="relu", name="a"), make.MaxPooling2D(2),
            make.Conv2D(8, 3, padding="same", activation="relu", name="b"), make.Flatten(),
        ]  # fmt: skip
        kernels = [conv_last(w["a.weight"]), conv_last(w["b.weight"])]
        start = keras.Input((SIDE, SIDE, CHANNELS))
    net = keras.Sequential([start, *layers, make.Dense(CLASSES, "softmax", name="c")])
    net.set_weights([kernels[0], w["a.bias"], kernels[1], w["b.bias"], dense_last(kind, w), w["c.bias"]])
    return net


def tensorflow_network(kind: Kind, dtype: Dtype) -> Any:
    import tensorflow as tf

    w = weights(kind, dtype)
    kernels = (w["a.weight"].T, w["b.weight"].T) if kind == "mlp" else (conv_last(w["a.weight"]), conv_last(w["b.weight"]))
    a, b, c = (tf.Variable(k, name=f"{n}/kernel") for n, k in zip("abc", (*kernels, dense_last(kind, w)), strict=True))
    biases = [tf.Variable(w[f"{n}.bias"], name=f"{n}/bias") for n in "abc"]

    @tf.function
    def network(x: Any) -> Any:
        if kind == "mlp":
            x = tf.nn.relu(x @ a + biases[0])
            x = tf.nn.relu(x @ b + biases[1])
        else:
            x = tf.nn.relu(tf.nn.conv2d(x, a, 1, "SAME") + biases[0])
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            x = tf.nn.relu(tf.nn.conv2d(x, b, 1, "SAME") + biases[1])
            x = tf.reshape(x, (tf.shape(x)[0], 128))
        return tf.nn.softmax(x @ c + biases[2])

    return network


def linen_network(kind: Kind, dtype: Dtype) -> Any:
    import jax.numpy as jnp
    from flax import linen

    class Network(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            if kind == "mlp":
                x = linen.relu(linen.Dense(16, name="a", param_dtype=dtype)(x))
                x = linen.relu(linen.Dense(12, name="b", param_dtype=dtype)(x))
            else:
                x = linen.relu(linen.Conv(6, (3, 3), name="a", param_dtype=dtype)(x))
                x = linen.max_pool(x, (2, 2), (2, 2))
                x = linen.relu(linen.Conv(8, (3, 3), name="b", param_dtype=dtype)(x)).reshape(len(x), -1)
            return linen.softmax(linen.Dense(CLASSES, name="c", param_dtype=dtype)(x))

    w = weights(kind, dtype)
    kernels = (w["a.weight"].T, w["b.weight"].T) if kind == "mlp" else (conv_last(w["a.weight"]), conv_last(w["b.weight"]))
    named = zip("abc", (*kernels, dense_last(kind, w)), strict=True)
    params = {n: {"kernel": jnp.asarray(k), "bias": jnp.asarray(w[f"{n}.bias"])} for n, k in named}
    return Network(), {"params": params}


def nnx_network(kind: Kind, dtype: Dtype) -> Any:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            if kind == "mlp":
                self.a, self.b = nnx.Linear(FEATURES, 16, rngs=rngs), nnx.Linear(16, 12, rngs=rngs)
                self.c = nnx.Linear(12, CLASSES, rngs=rngs)
            else:
                self.a, self.b = nnx.Conv(CHANNELS, 6, (3, 3), rngs=rngs), nnx.Conv(6, 8, (3, 3), rngs=rngs)
                self.c = nnx.Linear(128, CLASSES, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.relu(self.a(x))
            if kind == "cnn":
                x = nnx.max_pool(x, (2, 2), (2, 2))
            x = nnx.relu(self.b(x))
            return jax.nn.softmax(self.c(x.reshape(len(x), -1)))

    w, net = weights(kind, dtype), Network(nnx.Rngs(0))
    kernels = (w["a.weight"].T, w["b.weight"].T) if kind == "mlp" else (conv_last(w["a.weight"]), conv_last(w["b.weight"]))
    for layer, name, kernel in zip((net.a, net.b, net.c), "abc", (*kernels, dense_last(kind, w)), strict=True):
        layer.kernel[...] = jnp.asarray(kernel)
        layer.bias[...] = jnp.asarray(w[f"{name}.bias"])
        layer.kernel.set_value(jnp.asarray(kernel))
        layer.bias.set_value(jnp.asarray(w[f"{name}.bias"]))
    return net


def equinox_network(kind: Kind, dtype: Dtype) -> Any:
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    key, w = jax.random.key(0), weights(kind, dtype)
    relu, nn_ = eqx.nn.Lambda(jax.nn.relu), eqx.nn
    if kind == "mlp":
        layers = [nn_.Linear(FEATURES, 16, key=key), relu, nn_.Linear(16, 12, key=key), relu, nn_.Linear(12, CLASSES, key=key)]
        places = (0, 2, 4)
    else:
        layers = [
            nn_.Conv2d(CHANNELS, 6, 3, padding=1, key=key), relu, nn_.MaxPool2d(2, 2), nn_.Conv2d(6, 8, 3, padding=1, key=key), relu,
            nn_.Lambda(jnp.ravel), nn_.Linear(128, CLASSES, key=key),
        ]  # fmt: skip
        places = (0, 3, 6)
    net = nn_.Sequential([*layers, nn_.Lambda(jax.nn.softmax)])
    for place, name in zip(places, "abc", strict=True):
        bias = w[f"{name}.bias"].reshape(net.layers[place].bias.shape)
        new = (jnp.asarray(w[f"{name}.weight"]), jnp.asarray(bias))
        net = eqx.tree_at(lambda n, place=place: (n.layers[place].weight, n.layers[place].bias), net, new)
    return net


def sklearn_network(kind: Kind, dtype: Dtype) -> Any:
    """An MLPClassifier with these weights."""
    from sklearn.neural_network import MLPClassifier

    w = weights("mlp", dtype)
    net = MLPClassifier((16, 12), max_iter=1, random_state=0)
    x, y = np.random.default_rng(0).standard_normal((30, FEATURES)), np.arange(30) % CLASSES
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(x.astype(dtype), y)
    net.coefs_ = [w["a.weight"].T, w["b.weight"].T, w["c.weight"].T]
    net.intercepts_ = [w["a.bias"], w["b.bias"], w["c.bias"]]
    return net


def onnx_network(kind: Kind, dtype: Dtype) -> Any:
    """An ONNX graph with these weights, channels first, as torch exports it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    w = weights(kind, dtype)
    held = [numpy_helper.from_array(value, name) for name, value in w.arrays.items()]
    if kind == "mlp":
        nodes = [
            helper.make_node("Gemm", ["x", "a.weight", "a.bias"], ["1"], transB=1), helper.make_node("Relu", ["1"], ["2"]),
            helper.make_node("Gemm", ["2", "b.weight", "b.bias"], ["3"], transB=1), helper.make_node("Relu", ["3"], ["4"]),
            helper.make_node("Gemm", ["4", "c.weight", "c.bias"], ["5"], transB=1),
        ]  # fmt: skip
    else:
        nodes = [
            helper.make_node("Conv", ["x", "a.weight", "a.bias"], ["1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["1"], ["2"]), helper.make_node("MaxPool", ["2"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Conv", ["m", "b.weight", "b.bias"], ["3"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["3"], ["4"]), helper.make_node("Flatten", ["4"], ["f"]),
            helper.make_node("Gemm", ["f", "c.weight", "c.bias"], ["5"], transB=1),
        ]  # fmt: skip
    nodes.append(helper.make_node("Softmax", ["5"], ["y"], axis=1))
    element = TensorProto.DOUBLE if dtype == "float64" else TensorProto.FLOAT
    shape = ["n", FEATURES] if kind == "mlp" else ["n", CHANNELS, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", element, shape)],
        [helper.make_tensor_value_info("y", element, ["n", CLASSES])],
        held,
    )
    return onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


COLUMNS = {
    column.name: column
    for column in (
        Column("torch", (), torch_network, channels_last=False),
        Column("keras-torch", ("keras",), keras_network, dtypes=("float32",), backend="torch"),  # Keras multiplies in float32 there
        Column("keras-tensorflow", ("keras", "tensorflow"), keras_network, backend="tensorflow"),
        Column("keras-jax", ("keras", "jax"), keras_network, backend="jax"),
        Column("tensorflow", ("tensorflow",), tensorflow_network),
        Column("flax-linen", ("flax",), linen_network),
        Column("flax-nnx", ("flax",), nnx_network),
        Column("equinox", ("equinox",), equinox_network, channels_last=False),
        Column("onnx", ("onnx", "onnxruntime"), onnx_network, channels_last=False, dtypes=("float32",)),
        Column("sklearn", ("sklearn",), sklearn_network, channels_last=False, kinds=("mlp",)),
    )
}
