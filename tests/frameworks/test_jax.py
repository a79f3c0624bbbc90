"""JAX: pure functions, Flax, Equinox; whatever their forward does with the number of rows."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import pellucid as pl
from frameworks.answers import gap, incomplete, layers, read
from pellucid.errors import ModelError
from pellucid.models.bridge import Bridge
from pellucid.models.wrap import wrap

X = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
PICTURES = np.random.default_rng(1).standard_normal((4, 8, 8, 3)).astype(np.float32)
W = jnp.asarray(np.random.default_rng(2).standard_normal((6, 4)), jnp.float32)


class Convolutional(linen.Module):
    @linen.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        x = linen.relu(linen.Conv(6, (3, 3), padding="SAME", name="first")(x))
        x = linen.BatchNorm(use_running_average=not train, name="norm")(x)
        x = linen.avg_pool(x, (2, 2), (2, 2))
        x = linen.Dropout(0.5, deterministic=not train)(x)
        x = linen.gelu(linen.Dense(8, name="hidden")(x.reshape(len(x), -1)))
        return linen.log_softmax(linen.Dense(3, name="last")(linen.LayerNorm(name="normal")(x)))


def linen_network() -> tuple[Any, Any]:
    net = Convolutional()
    return net, net.init(jax.random.key(0), PICTURES)


class Normal(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv, self.norm = nnx.Conv(3, 6, (3, 3), rngs=rngs), nnx.BatchNorm(6, rngs=rngs)
        self.drop, self.out = nnx.Dropout(0.5, rngs=rngs), nnx.Linear(384, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.out(self.drop(nnx.silu(self.norm(self.conv(x)))).reshape(x.shape[0], -1))


def test_linen() -> None:
    assert gap(linen_network(), PICTURES) < 1e-5
    assert not incomplete(linen_network(), PICTURES)
    assert {"first", "hidden", "last"} <= set(layers(linen_network(), PICTURES))


def test_a_bound_linen_module() -> None:
    net, variables = linen_network()
    bound = pl.explain(net.bind(variables), PICTURES, "gradient", target=1)
    assert np.allclose(bound.arrays[0].values, pl.explain((net, variables), PICTURES, "gradient", target=1).arrays[0].values, atol=1e-6)
    with pytest.raises(ModelError, match="holds no parameters"):
        pl.explain(net, PICTURES, "gradient")


def test_nnx() -> None:
    net = Normal(nnx.Rngs(0))
    assert gap(net, PICTURES) < 1e-5
    assert not incomplete(net, PICTURES)
    assert {"conv", "norm", "out"} <= set(layers(net, PICTURES))


def test_nnx_weights_that_change_are_seen() -> None:
    net = Normal(nnx.Rngs(0))
    before = pl.explain(net, PICTURES, "gradient", target=1)
    net.out.kernel.set_value(net.out.kernel[...] * 2)
    assert not np.allclose(before.arrays[0].values, pl.explain(net, PICTURES, "gradient", target=1).arrays[0].values)


def test_equinox_maps_over_rows() -> None:
    net = eqx.nn.MLP(6, 3, 8, 2, key=jax.random.key(0))
    assert gap(net, X) < 1e-5
    assert not incomplete(net, X)
    e = pl.explain(net, X, "gradient")
    assert any("jax.vmap" in guess for guess in e.provenance.guesses)


def test_a_function_and_its_parameters() -> None:
    assert not incomplete((lambda params, x: jnp.tanh(x @ params["w"]) @ params["v"], {"w": W, "v": W.T[:, :3]}), X)


def test_a_compiled_function() -> None:
    assert not incomplete(jax.jit(lambda x: jax.nn.softplus(x @ W)), X)


def test_recurrence_is_written_out() -> None:
    def network(params: Any, x: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            state = jnp.tanh(row @ params["w"] + state)
            return state, state

        last, _ = jax.lax.scan(step, jnp.zeros((x.shape[0], 4)), jnp.moveaxis(x, 1, 0))
        return last

    series = np.random.default_rng(3).standard_normal((3, 5, 6)).astype(np.float32)
    assert gap((network, {"w": W}), series) < 1e-5
    assert not incomplete((network, {"w": W}), series)
    twin = read((network, {"w": W}), series)
    assert [len(list(one.parameters())) for one in (twin.net, twin.randomized(1).net)] == [1, 1]
    assert len(layers((network, {"w": W}), series)) == 3  # called in every step


def test_what_has_no_counterpart_is_differentiated_by_jax() -> None:
    def network(params: Any, x: Any) -> Any:
        return jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, jnp.tanh(s[1])), (0, x @ params))[1]

    def unrolled(params: Any, x: Any) -> Any:
        return jnp.tanh(jnp.tanh(jnp.tanh(x @ params)))

    differentiable = jax.lax.fori_loop  # a loop of known length is a scan, which is read
    assert gap(((lambda p, x: differentiable(0, 3, lambda _, y: jnp.tanh(y), x @ p)), W), X) < 1e-6
    assert isinstance(read((network, W), X).net, Bridge)
    e = pl.explain((network, W), X, "occlusion", target=1)
    other = pl.explain((unrolled, W), X, "occlusion", target=1)
    assert np.allclose(e.arrays[0].values, other.arrays[0].values, atol=1e-6)
    assert any("itself" in guess for guess in e.provenance.guesses)


def test_gradients_of_jax_are_those_of_torch() -> None:
    def network(params: Any, x: Any) -> Any:
        return jnp.linalg.norm(x @ params, axis=-1, keepdims=True) + jax.scipy.special.i1(x @ params)

    e = pl.explain((network, W), X, "gradient", target=1)
    wanted = jax.vmap(jax.grad(lambda row: network(W, row[None])[0, 1]))(X)
    assert np.allclose(e.arrays[0].values, wanted, atol=1e-5)
    with pytest.raises(pl.errors.PellucidError if hasattr(pl, "errors") else Exception, match="not known to torch"):
        pl.explain((network, W), X, "deeplift", target=1)


@pytest.mark.parametrize(
    "name", ["relu", "silu", "softplus", "elu", "selu", "gelu", "sigmoid", "hard_tanh", "leaky_relu", "celu", "mish", "relu6"]
)
def test_activation_functions(name: str) -> None:
    function = getattr(jax.nn, name)
    network = (lambda params, x: function(x @ params), W)
    assert gap(network, X) < 1e-5
    assert not incomplete(network, X)


PRIMITIVES: dict[str, Any] = {
    "abs": jnp.abs,
    "sqrt": lambda x: jnp.sqrt(x**2 + 1),
    "where": lambda x: jnp.where(x > 0, x, 0.1 * x),
    "clip": lambda x: jnp.clip(x, -1, 1),
    "concatenate": lambda x: jnp.concatenate([x, 2 * x], 1),
    "flip": lambda x: x[:, ::-1],
    "slice": lambda x: x[:, 1:3],
    "pad": lambda x: jnp.pad(x, ((0, 0), (1, 2))),
    "cumsum": lambda x: jnp.cumsum(x, 1),
    "sort": lambda x: jnp.sort(x, 1),
    "max": lambda x: jnp.maximum(x, x.mean(1, keepdims=True)),
    "prod": lambda x: x.prod(1, keepdims=True) * jnp.ones((1, 2)),
    "einsum": lambda x: jnp.einsum("ni,nj->nij", x, x).reshape(x.shape[0], -1),
    "take": lambda x: jnp.take(x, jnp.array([2, 0]), axis=1),
    "split": lambda x: jnp.split(x, 2, 1)[1],
    "erf": jax.scipy.special.erf,
    "logsumexp": lambda x: jax.nn.logsumexp(x, axis=1, keepdims=True) + x,
    "softmax": lambda x: jax.nn.softmax(x, axis=1),
    "roll": lambda x: jnp.roll(x, 1, axis=1),
    "tile": lambda x: jnp.tile(x, (1, 2)),
    "cube": lambda x: x**3,
    "var": lambda x: x + x.var(1, keepdims=True),
}


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_operations(name: str) -> None:
    assert gap((lambda params, x: PRIMITIVES[name](x @ params), W), X) < 1e-5


def test_it_leaves_no_trace() -> None:
    net = Normal(nnx.Rngs(0))
    net.train()
    counts = jax.tree_util.tree_map(np.asarray, nnx.state(net, nnx.BatchStat))
    pl.explain(net, PICTURES, "integrated_gradients")
    assert net.drop.deterministic is False
    after = nnx.state(net, nnx.BatchStat)
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree_util.tree_leaves(counts), jax.tree_util.tree_leaves(after), strict=True))


def test_random_weights_belong_to_a_copy() -> None:
    e = pl.explain(linen_network(), PICTURES, "integrated_gradients", checks="full")
    assert any(one.name == "parameter_randomization" for one in e.checks)


def test_a_wrapped_network_keeps_its_name() -> None:
    assert wrap(linen_network()).name == "Convolutional"


def test_products_of_two_precisions_are_of_the_finer_one() -> None:
    draw = np.random.default_rng(3)
    kernel, last = (jnp.asarray(draw.standard_normal(shape).astype(np.float32)) for shape in ((6, 8), (8, 3)))
    bias = jnp.asarray(draw.standard_normal(8))  # double where JAX is
    assert gap((lambda p, x: jax.nn.relu(x @ p[0] + p[1]) @ p[2], (kernel, bias, last)), X) < 1e-5
    assert gap((lambda p, x: (x @ p[0] + p[1])[:, None, :] @ (x @ p[0])[:, :, None], (kernel, bias)), X) < 1e-4


def test_parameters_may_be_called_as_attributes_of_modules_are() -> None:
    params = {name: {"kernel": jnp.asarray(np.eye(6, dtype=np.float32))} for name in ("type", "half", "own")}
    network = (lambda p, x: jax.nn.relu(jax.nn.relu(x @ p["type"]["kernel"]) @ p["half"]["kernel"]) @ p["own"]["kernel"], params)
    assert gap(network, X) < 1e-5
    assert [name for name in layers(network, X) if "relu" not in name] == ["type_", "half_", "own"]


def normalized(x: Any, axis: Any = -1, *, ddof: int = 0) -> Any:
    return (x - x.mean(axis, keepdims=True)) / jnp.sqrt(x.var(axis, keepdims=True, ddof=ddof) + 1e-6)


SCALE, SHIFT = (jnp.asarray(np.random.default_rng(seed).standard_normal(4), jnp.float32) for seed in (5, 6))
NORMS: dict[str, tuple[str, Any]] = {
    "plain": ("layer_norm", normalized),
    "scaled": ("layer_norm", lambda x: normalized(x) * SCALE + SHIFT),
    "shifted": ("layer_norm", lambda x: normalized(x) + SHIFT),
    "folded": ("layer_norm", lambda x: (g := jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-6)) * x + (SHIFT - x.mean(-1, keepdims=True) * g)),
    "of squares": (
        "layer_norm",
        lambda x: (x - (m := x.mean(-1, keepdims=True))) * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) - m * m + 1e-2),
    ),
    "two axes": ("layer_norm", lambda x: normalized(x.reshape(-1, 2, 2), (1, 2)).reshape(-1, 4)),
    "root mean square": ("rms_norm", lambda x: x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-6) * SCALE),
    "power": ("rms_norm", lambda x: x * ((x**2).mean(-1, keepdims=True) + 1e-6) ** -0.5),
    "another axis": ("", lambda x: normalized(x.reshape(-1, 2, 2), 1).reshape(-1, 4)),
    "unbiased": ("", lambda x: normalized(x, ddof=1)),
    "not centered": ("", lambda x: x * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-6)),
    "in groups": ("", lambda x: x - x.mean(-1, keepdims=True) * jax.lax.rsqrt(x.reshape(-1, 2, 2).var(-1).mean(-1, keepdims=True) + 1e-6)),
    "across": (
        "",
        lambda x: ((y := x[:, None] + jnp.ones((4, 1))) - y.mean(-1, keepdims=True)) * jax.lax.rsqrt(y.var(-1)[:, None, :] + 1e-6),
    ),
}


@pytest.mark.parametrize("name", sorted(NORMS))
def test_normalization_is_one_operation_where_it_is_one(name: str) -> None:
    wanted, function = NORMS[name]
    network = (lambda params, x: function(x @ params).reshape(x.shape[0], -1), W)
    found = [getattr(module, "operation", "") for module in read(network, X).net.modules()]
    assert [one for one in found if "norm" in one] == [wanted][: bool(wanted)]
    assert gap(network, X) < 1e-5


@pytest.mark.parametrize("name", ["exact", "tanh", "other constant", "other value", "of the root"])
def test_gelu_is_one_operation_where_it_is_one(name: str) -> None:
    function, wanted = {
        "exact": (lambda x: jax.nn.gelu(x, approximate=False), True),
        "tanh": (jax.nn.gelu, True),
        "other constant": (lambda x: 0.5 * x * (1 + jnp.tanh(0.7978845608 * (x + 0.05 * x**3))), False),
        "other value": (lambda x: 0.5 * x * (1 + jax.scipy.special.erf(2 * x / np.sqrt(2))), False),
        "of the root": (lambda x: 0.5 * x * (1 + jax.scipy.special.erf(x * 0.5**0.5)), True),
    }[name]
    network = (lambda params, x: function(x @ params), W)
    assert any(getattr(module, "operation", "") == "gelu" for module in read(network, X).net.modules()) == wanted
    assert gap(network, X) < 1e-5


CUBES = np.random.default_rng(7).standard_normal((5, 4, 4)).astype(np.float32)
SQUARE = jnp.asarray(np.random.default_rng(8).standard_normal((4, 4)), jnp.float32)


def spread(x: Any) -> tuple[Any, Any]:
    """Mean and standard deviation over the last axis, which is gone."""
    return x.mean(-1), jnp.sqrt(x.var(-1) + 1e-3)


def by_steps(x: Any) -> Any:
    """Normalizations that differ in what they add to the variance."""

    def step(h: Any, eps: Any) -> tuple[Any, None]:
        mean, squares = h.mean(-1, keepdims=True), h.var(-1, keepdims=True)
        return (h - mean) / jnp.sqrt(squares + eps) + 0.5 * x, None

    return jax.lax.scan(step, x, jnp.asarray([1e-5, 1.0, 5.0], jnp.float32))[0]


LOOK_ALIKE = {
    "mean of another axis": lambda x: (x - jnp.broadcast_to(spread(x)[0][:, None, :], x.shape)) / spread(x)[1][..., None],
    "spread of another axis": lambda x: (x - spread(x)[0][..., None]) / jnp.broadcast_to(spread(x)[1][:, None, :], x.shape),
    "filled sum": lambda x: jnp.pad(x.sum(-1), ((0, 0), (1, 1)), constant_values=1.0)[..., None] / 4,
    "share": lambda x: x * ((x > 0).astype(jnp.int32).sum(-1, keepdims=True).astype(jnp.float32) / 4),
    "turned": lambda x: jnp.tanh(x * SQUARE) + jnp.sin(x * SQUARE.T),
    "parts of one array": lambda x: jnp.tanh(x[:, :2] * SQUARE[::2]) + jnp.sin(x[:, 2:] * SQUARE[:2]),
    "steps": by_steps,
}


@pytest.mark.parametrize("name", LOOK_ALIKE)
def test_arithmetic_that_only_looks_like_something_else(name: str) -> None:
    weight = jnp.asarray([1.0, 2.0, 0.5], jnp.float32)
    apply = lambda params, x: LOOK_ALIKE[name](x).reshape(len(x), -1).sum(-1)[:, None] * params["w"]  # noqa: E731
    assert gap((apply, {"w": weight}), CUBES) < 1e-3


def test_blocks_with_weights_of_their_own_are_layers_of_their_own() -> None:
    def apply(params: Any, x: Any) -> Any:
        def block(h: Any, p: Any) -> tuple[Any, None]:
            return jax.nn.relu(h @ p["w"]) * p["scale"] + h, None

        return jax.lax.scan(block, x, params["blocks"])[0] @ params["out"]

    draw = np.random.default_rng(9)
    blocks = {"w": draw.standard_normal((3, 6, 6)), "scale": np.ones((3, 6))}
    params = jax.tree.map(lambda one: jnp.asarray(one, jnp.float32), {"blocks": blocks, "out": draw.standard_normal((6, 2))})
    net = read((apply, params), X)
    assert len([one for one in net.net.modules() if getattr(one, "operation", "") == "relu"]) == 3
    assert len({id(one) for one in net.net.parameters() if one.numel() == 36}) == 3
    assert gap((apply, params), X) < 1e-4
