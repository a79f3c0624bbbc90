"""One transformer with the same weights in every framework, each written as its library has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES, TIME, WIDTH, HEADS, HIDDEN = 3, 5, 8, 2, 12
EACH = WIDTH // HEADS
EPS = 1e-5
DENSE = {"query": (WIDTH, WIDTH), "key": (WIDTH, WIDTH), "value": (WIDTH, WIDTH), "mixed": (WIDTH, WIDTH),
         "first": (HIDDEN, WIDTH), "second": (WIDTH, HIDDEN), "out": (CLASSES, WIDTH)}  # fmt: skip
NORMS = ("before", "between", "after")


def weights() -> dict[str, np.ndarray]:
    """Of every layer, dense kernels as torch has them."""
    draw = np.random.default_rng(17)
    found: dict[str, np.ndarray] = {}
    for name, shape in DENSE.items():
        found[f"{name}.weight"] = draw.standard_normal(shape) / np.sqrt(shape[1])
        found[f"{name}.bias"] = draw.standard_normal(shape[0]) * 0.1
    for name in NORMS:
        found[f"{name}.weight"] = 1 + 0.3 * draw.standard_normal(WIDTH)
        found[f"{name}.bias"] = 0.2 * draw.standard_normal(WIDTH)
    return found


def rows() -> np.ndarray:
    """Four rows to be explained."""
    return np.random.default_rng(18).standard_normal((4, TIME, WIDTH))


class Transformer(nn.Module):
    """The reference: one block, normalized before each part. Where attention is scaled changes only what epsilon takes in LRP."""

    def __init__(self, *, tanh: bool, late: bool) -> None:
        super().__init__()
        for name, (out, into) in DENSE.items():
            self.add_module(name, nn.Linear(into, out))
        for name in NORMS:
            self.add_module(name, nn.LayerNorm(WIDTH, eps=EPS))
        self.how, self.late = "tanh" if tanh else "none", late

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        query, key, value = (one.unflatten(-1, (HEADS, EACH)).transpose(1, 2) for one in (self.query(y), self.key(y), self.value(y)))
        scores = query @ key.transpose(-1, -2) * EACH**-0.5 if self.late else (query * EACH**-0.5) @ key.transpose(-1, -2)
        shares = torch.softmax(scores, -1)
        x = x + self.mixed((shares @ value).transpose(1, 2).flatten(2))
        x = x + self.second(functional.gelu(self.first(self.between(x)), approximate=self.how))
        return self.out(self.after(x).mean(1))


def torch_transformer(*, tanh: bool, late: bool) -> nn.Module:
    """In double precision; ``late`` is whether the scores are scaled, not the queries."""
    net = Transformer(tanh=tanh, late=late).double()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in weights().items()})
    return net.requires_grad_(False).eval()


def keras_transformer(*, tanh: bool) -> Any:
    """Of Keras' own layers, on whichever backend and in whichever precision are chosen."""
    import keras

    make, start = keras.layers, keras.Input((TIME, WIDTH))
    y = make.LayerNormalization(epsilon=EPS, name="before")(start)
    x = start + make.MultiHeadAttention(HEADS, EACH, name="attention")(y, y)
    y = make.Dense(HIDDEN, name="first")(make.LayerNormalization(epsilon=EPS, name="between")(x))
    y = make.Activation(lambda z: keras.activations.gelu(z, approximate=tanh), name="gelu")(y)
    x = x + make.Dense(WIDTH, name="second")(y)
    x = make.GlobalAveragePooling1D()(make.LayerNormalization(epsilon=EPS, name="after")(x))
    net = keras.Model(start, make.Dense(CLASSES, name="out")(x))
    w = weights()
    for name in NORMS:
        net.get_layer(name).set_weights([w[f"{name}.weight"], w[f"{name}.bias"]])
    for name in ("first", "second", "out"):
        net.get_layer(name).set_weights([w[f"{name}.weight"].T, w[f"{name}.bias"]])
    parts = [(w[f"{n}.weight"].T.reshape(WIDTH, HEADS, EACH), w[f"{n}.bias"].reshape(HEADS, EACH)) for n in ("query", "key", "value")]
    mixed = (w["mixed.weight"].T.reshape(HEADS, EACH, WIDTH), w["mixed.bias"])
    net.get_layer("attention").set_weights([one for pair in (*parts, mixed) for one in pair])
    return net


def linen_transformer(*, tanh: bool) -> Any:
    """Of linen's own layers."""
    import jax.numpy as jnp
    from flax import linen

    class Network(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            kinds = {"dtype": jnp.float64, "param_dtype": jnp.float64}
            y = linen.LayerNorm(epsilon=EPS, name="before", **kinds)(x)
            x = x + linen.MultiHeadDotProductAttention(HEADS, name="attention", **kinds)(y, y)
            y = linen.Dense(HIDDEN, name="first", **kinds)(linen.LayerNorm(epsilon=EPS, name="between", **kinds)(x))
            x = x + linen.Dense(WIDTH, name="second", **kinds)(linen.gelu(y, approximate=tanh))
            return linen.Dense(CLASSES, name="out", **kinds)(linen.LayerNorm(epsilon=EPS, name="after", **kinds)(x).mean(1))

    w = {name: jnp.asarray(value) for name, value in weights().items()}
    params: dict[str, Any] = {n: {"scale": w[f"{n}.weight"], "bias": w[f"{n}.bias"]} for n in NORMS}
    params |= {n: {"kernel": w[f"{n}.weight"].T, "bias": w[f"{n}.bias"]} for n in ("first", "second", "out")}
    params["attention"] = {
        n: {"kernel": w[f"{n}.weight"].T.reshape(WIDTH, HEADS, EACH), "bias": w[f"{n}.bias"].reshape(HEADS, EACH)}
        for n in ("query", "key", "value")
    } | {"out": {"kernel": w["mixed.weight"].T.reshape(HEADS, EACH, WIDTH), "bias": w["mixed.bias"]}}
    return Network(), {"params": params}


def nnx_transformer(*, tanh: bool) -> Any:
    """Of nnx's own layers."""
    import jax.numpy as jnp
    from flax import nnx

    kinds: dict[str, Any] = {"dtype": jnp.float64, "param_dtype": jnp.float64, "rngs": nnx.Rngs(0)}

    class Network(nnx.Module):
        def __init__(self) -> None:
            self.before, self.between, self.after = (nnx.LayerNorm(WIDTH, epsilon=EPS, **kinds) for _ in range(3))
            self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, **kinds)
            self.first, self.second = nnx.Linear(WIDTH, HIDDEN, **kinds), nnx.Linear(HIDDEN, WIDTH, **kinds)
            self.out = nnx.Linear(WIDTH, CLASSES, **kinds)

        def __call__(self, x: Any) -> Any:
            x = x + self.attention(self.before(x))
            x = x + self.second(nnx.gelu(self.first(self.between(x)), approximate=tanh))
            return self.out(self.after(x).mean(1))

    net, w = Network(), {name: jnp.asarray(value) for name, value in weights().items()}
    for n in NORMS:
        getattr(net, n).scale.set_value(w[f"{n}.weight"])
        getattr(net, n).bias.set_value(w[f"{n}.bias"])
    for n in ("first", "second", "out"):
        getattr(net, n).kernel.set_value(w[f"{n}.weight"].T)
        getattr(net, n).bias.set_value(w[f"{n}.bias"])
    for n in ("query", "key", "value"):
        getattr(net.attention, n).kernel.set_value(w[f"{n}.weight"].T.reshape(WIDTH, HEADS, EACH))
        getattr(net.attention, n).bias.set_value(w[f"{n}.bias"].reshape(HEADS, EACH))
    net.attention.out.kernel.set_value(w["mixed.weight"].T.reshape(HEADS, EACH, WIDTH))
    net.attention.out.bias.set_value(w["mixed.bias"])
    return net


def equinox_transformer(*, tanh: bool) -> Any:
    """Of Equinox's own layers, which take one row and one token."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    key = jax.random.key(0)

    class Network(eqx.Module):
        before: Any
        between: Any
        after: Any
        attention: Any
        first: Any
        second: Any
        out: Any

        def __init__(self) -> None:
            self.before, self.between, self.after = (eqx.nn.LayerNorm(WIDTH, eps=EPS) for _ in range(3))
            biases = {f"use_{n}_bias": True for n in ("query", "key", "value", "output")}
            self.attention = eqx.nn.MultiheadAttention(HEADS, WIDTH, key=key, **biases)
            self.first, self.second = eqx.nn.Linear(WIDTH, HIDDEN, key=key), eqx.nn.Linear(HIDDEN, WIDTH, key=key)
            self.out = eqx.nn.Linear(WIDTH, CLASSES, key=key)

        def __call__(self, x: Any) -> Any:
            y = jax.vmap(self.before)(x)
            x = x + self.attention(y, y, y)
            y = jax.vmap(self.first)(jax.vmap(self.between)(x))
            x = x + jax.vmap(self.second)(jax.nn.gelu(y, approximate=tanh))
            return self.out(jax.vmap(self.after)(x).mean(0))

    net, w = Network(), {name: jnp.asarray(value) for name, value in weights().items()}
    places: dict[str, Callable[[Any], Any]] = {
        **{n: (lambda net, n=n: getattr(net, n)) for n in (*NORMS, "first", "second", "out")},
        **{n: (lambda net, n=n: getattr(net.attention, f"{n}_proj")) for n in ("query", "key", "value")},
        "mixed": lambda net: net.attention.output_proj,
    }
    for n, place in places.items():
        new = (w[f"{n}.weight"], w[f"{n}.bias"])
        net = eqx.tree_at(lambda net, place=place: (place(net).weight, place(net).bias), net, new)
    return net


BUILD: dict[str, Callable[..., Any]] = {
    "keras": keras_transformer, "linen": linen_transformer, "nnx": nnx_transformer, "equinox": equinox_transformer,
}  # fmt: skip
