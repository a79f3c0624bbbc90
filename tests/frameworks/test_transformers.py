"""The same transformer in every framework: what each library writes in many operations is one, and explanations are those of torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

import pellucid as pl
from frameworks import transformers
from frameworks.answers import read
from frameworks.matrix import apart

BACKEND = os.environ.get("KERAS_BACKEND", "torch")
X = transformers.rows()
# these compute softmax, or all that is not a product, in single precision, whatever they are given
SINGLE = ("nnx", "keras-jax", "keras-torch")
LATE = ("nnx", "keras-jax", "keras-tensorflow")  # these scale the scores of attention, the others its queries
METHODS = tuple(row.id for row in pl.methods() if row.id != "sensitivity")  # which is for tables
COMPOSITES = ("epsilon", "epsilon_plus", "epsilon_plus_flat", "epsilon_gamma")
NEEDS = {"linen": "flax", "nnx": "flax", "equinox": "equinox", "keras": "keras"}
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def in_doubles() -> Iterator[None]:
    """Keras has one precision for all networks of a process."""
    if find_spec("keras") is None:
        yield
        return
    import keras

    kind, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(kind)
    keras.config.set_dtype_policy(policy)


def names() -> tuple[str, ...]:
    """Of the libraries that are tested here: those of JAX where Keras stands on it."""
    wanted = ("keras", "linen", "nnx", "equinox") if BACKEND == "jax" else ("keras",)
    return tuple(name for name in wanted if find_spec(NEEDS[name]))


@cache
def built(name: str, *, tanh: bool) -> Any:
    """The network of a library."""
    return transformers.BUILD[name](tanh=tanh)


def called(name: str) -> str:
    return f"keras-{BACKEND}" if name == "keras" else name


def reference(name: str, *, tanh: bool) -> Any:
    return transformers.torch_transformer(tanh=tanh, late=called(name) in LATE)


def explained(model: Any, method: Any) -> list[np.ndarray]:
    others = np.random.default_rng(9).standard_normal((8, *X.shape[1:]))
    options = {"background": others} if method in ("shap", "deepshap", "expected_gradients", "lime", "sobol") else {}
    e = pl.explain(model, X, method, target=1, checks="none", seed=3, batch_size=16, **options)
    return [np.asarray(array.values, np.float64) for array in e.arrays]


@pytest.mark.parametrize("tanh", [False, True], ids=["exact", "tanh"])
@pytest.mark.parametrize("name", names())
def test_what_a_library_writes_in_many_operations_is_one(name: str, tanh: bool) -> None:
    net = read(built(name, tanh=tanh), X).net
    found = [module.operation for module in net.modules() if hasattr(module, "operation")]
    assert [found.count(one) for one in ("layer_norm", "gelu", "linear", "mean")] == [3, 1, 7, 1]
    assert found.count("softmax") + found.count("scaled_dot_product_attention") == 1
    assert not {"rsqrt", "square", "tanh", "erf", "erfc", "exp", "pow"}.intersection(found)
    assert {"before", "between", "after", "first", "second", "out"} <= {name for name, _ in net.named_modules()}
    with torch.no_grad():
        rows = torch.from_numpy(X)
        gap = float((net(rows) - reference(name, tanh=tanh)(rows)).abs().max())
    assert gap < (1e-6 if called(name) in SINGLE else 1e-10)


@pytest.mark.parametrize(
    "method", [*METHODS, *(pl.LRP(composite=one) for one in COMPOSITES)], ids=lambda one: getattr(one, "composite", one)
)
@pytest.mark.parametrize("name", names())
def test_explanations_are_those_of_torch(name: str, method: Any) -> None:
    gap = apart(explained(built(name, tanh=False), method), explained(reference(name, tanh=False), method))
    assert gap < (3e-5 if called(name) in SINGLE else 1e-6)
