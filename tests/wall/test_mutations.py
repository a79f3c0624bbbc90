"""The wall can fail: each rule, wrong by one part in a million, is seen on a network that uses it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.bodies.table import BODIES
from pellucid.models.rules.deeplift import extrema, multipliers, normalizers, ordering, products, slopes, steps
from pellucid.models.rules.deeplift.normalizers import NORMALIZERS
from wall.cases import CASES
from wall.promises import BOUND, PROMISES

WRONG = 1 + 1e-6


@dataclass(frozen=True)
class Mutation:
    """A rule and where it is looked up, and a network that needs it."""

    module: ModuleType
    name: str
    case: str


RULES = (
    Mutation(multipliers, "ratio", "SiLU"),
    Mutation(multipliers, "midpoint", "lerp"),
    Mutation(products, "midpoint", "addcmul"),
    Mutation(products, "mul", "its own square"),
    Mutation(products, "matmul", "matmul"),
    Mutation(products, "quotient", "division"),
    Mutation(extrema, "pool", "max_pool2d"),
    Mutation(extrema, "reduced", "amax"),
    Mutation(extrema, "of_two", "maximum"),
    Mutation(steps, "step", "times a mask"),
    Mutation(steps, "midpoint", "logic"),
    Mutation(steps, "ordered", "sort"),
)
NORMS = {
    "softmax": "softmax",
    "softmin": "softmin",
    "log_softmax": "log_softmax",
    "logsumexp": "logsumexp",
    "layer_norm": "layer norm",
    "rms_norm": "RMS norm",
    "group_norm": "group norm",
    "instance_norm": "instance norm",
    "normalize": "F.normalize",
}
SLOPES = {"square": "norm", "sqrt": "deviation", "rsqrt": "rsqrt", "reciprocal": "as a reciprocal", "exp": "augmented"}


def tilted(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule with the multipliers of its first operand too large."""

    def wrong(*given: Any) -> Any:
        found = rule(*given)
        return found * WRONG if isinstance(found, Tensor) else (found[0] * WRONG, *found[1:])

    return wrong


def red(name: str) -> bool:
    """Whether the wall sees something wrong on this network."""
    case = CASES[name]
    try:
        sides = [PROMISES["deeplift"](case.network(), case.rows(), baseline) for baseline in case.baselines().values()]
    except UnsupportedOperation:
        return True
    return max(one.scores().max() for one in sides) > BOUND


@pytest.mark.parametrize("mutation", RULES, ids=lambda m: f"{m.module.__name__.rpartition('.')[2]}.{m.name}")
def test_a_wrong_rule_is_seen(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not red(mutation.case)
    monkeypatch.setattr(mutation.module, mutation.name, tilted(getattr(mutation.module, mutation.name)))
    assert red(mutation.case)


@pytest.mark.parametrize("name", NORMS)
def test_a_wrong_normalization_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not red(NORMS[name])
    monkeypatch.setitem(NORMALIZERS, name, replace(NORMALIZERS[name], backward=tilted(NORMALIZERS[name].backward)))
    assert red(NORMS[name])


@pytest.mark.parametrize("name", SLOPES)
def test_a_wrong_slope_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not red(SLOPES[name])
    monkeypatch.setitem(slopes.CLOSED, name, tilted(slopes.CLOSED[name]))
    assert red(SLOPES[name])


def test_a_wrong_relu_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipliers, "relu", tilted(multipliers.relu))
    assert red("F.relu")


def test_a_wrong_choice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps._Roles, "select", tilted(steps._Roles.select))
    assert red("where")


BODY_CASES = {
    "scaled_dot_product_attention": "attention",
    "glu": "GLU",
    "lstm": "biLSTM, 2 layers",
    "gru": "GRU, packed",
    "rnn_tanh": "RNN without batch",
    "rnn_relu": "RNN, ReLU",
    "lstm_cell": "cells",
    "gru_cell": "cells",
    "rnn_relu_cell": "cells",
    "var": "variance",
    "std": "deviation",
    "var_mean": "var_mean",
    "norm": "norm",
    "vector_norm": "3-norm",
    "cosine_similarity": "cosine",
    "pairwise_distance": "distance",
    "cdist": "cdist",
    "prod": "prod",
    "cumprod": "cumprod",
    "floor_divide": "floor division",
    "remainder": "remainder",
    "addcdiv": "addcdiv",
    "xlogy": "xlogy",
    "logaddexp": "logaddexp",
    "hypot": "hypot",
    "_pack_padded_sequence": "GRU, packed",
    "_pad_packed_sequence": "GRU, packed",
}


@pytest.mark.parametrize("name", BODY_CASES)
def test_a_body_that_computes_something_else_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = BODIES[name]

    def wrong(*given: Any, **named: Any) -> Any:
        found = body(*given, **named)
        return found * 1.001 if isinstance(found, Tensor) else (found[0] * 1.001, *found[1:])

    monkeypatch.setitem(BODIES, name, wrong)
    assert red(BODY_CASES[name])


def test_every_rule_is_mutated() -> None:
    """Whatever takes (operation, seen here, seen there, multipliers) is a rule."""
    known = {m.name for m in RULES} | {rule.backward.__name__ for name, rule in NORMALIZERS.items() if name in NORMS}
    for module in (multipliers, products, extrema, steps, ordering, normalizers):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if list(inspect.signature(function).parameters) == ["call", "actual", "other", "gradient"]:
                assert name in known, f"{module.__name__}.{name} has no mutation"
    assert set(NORMS) == set(NORMALIZERS)
    assert set(SLOPES) == set(slopes.CLOSED)
    missing = set(BODIES) - set(BODY_CASES)
    assert missing <= {"std_mean", "rnn_tanh_cell", "fmod", "dist", "multi_dot", "chain_matmul"}  # two lines each, like their neighbors
