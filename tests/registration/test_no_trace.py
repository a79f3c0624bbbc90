"""Promise 3, for every registered method: the model, the input and the surroundings are as they were."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import types
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.methods.protocol import Attribution
from pellucid.methods.registry import method_class
from pellucid.methods.run import Evaluator
from registration.subjects import INTERRUPTS, METHODS, Interrupting, asked, busy, differences, live_tensors, record, subject, surroundings

EXPLAIN, ERROR, SUBJECT = pl.explain, pl.PellucidError, subject  # for the proofs below, which put something else in the place of pl


@pytest.mark.parametrize("mode", ["eval", "as_is"])
@pytest.mark.parametrize("method", METHODS)
def test_nothing_changes(method: str, mode: Any) -> None:
    net, x = subject(method)
    before = record(net, x)
    # methods that follow operations refuse batch normalization in training mode, in which rows are not apart
    refused = (pl.PellucidError,) if mode == "as_is" and "graph" in method_class(method).needs else ()
    with contextlib.suppress(*refused):
        pl.explain(net, x, asked(method), target=1, mode=mode, checks="full", batch_size=7)
    assert differences(before, record(net, x)) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("method", METHODS)
def test_nothing_changes_when_it_stops_half_way(method: str, error: type[BaseException]) -> None:
    inner, x = subject(method)
    net = Interrupting(inner, 2, lambda: error("stopped"))
    INTERRUPTS.clear()
    before = record(net, x)
    with pytest.raises((pl.PellucidError, KeyboardInterrupt)):
        pl.explain(net, x, asked(method), target=1, checks="full", batch_size=2)
    assert len(INTERRUPTS) >= 2
    assert differences(before, record(net, x)) == []


@pytest.mark.parametrize("method", METHODS)
def test_two_threads_at_once(method: str) -> None:
    net, x = subject(method)
    before = record(net, x)
    expected = pl.explain(net, x, asked(method), target=1, batch_size=3).arrays[0].values
    found: list[Any] = []

    def work() -> None:
        for _ in range(3):
            found.append((pl.explain(net, x, asked(method), target=1, batch_size=3).arrays[0].values, surroundings()["grad"]))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for values, grad in found:
        np.testing.assert_array_equal(values, expected)
        assert grad is True
    assert differences(before, record(net, x)) == []


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", dtype=torch.bfloat16)])
@pytest.mark.parametrize("method", METHODS)
def test_the_caller_s_context_stays_and_does_not_matter(method: str, context: Any) -> None:
    net, x = subject(method, dtype=torch.float32)
    expected = pl.explain(net, x, asked(method), target=1, batch_size=3).arrays[0].values
    with context():
        before = surroundings()
        found = pl.explain(net, x, asked(method), target=1, batch_size=3).arrays[0].values
        assert differences(before, surroundings()) == []
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("method", METHODS)
def test_no_tensor_is_leaked(method: str) -> None:
    net, x = subject(method)
    for _ in range(2):
        pl.explain(net, x, asked(method), target=1)
    before = live_tensors()
    for _ in range(3):
        pl.explain(net, x, asked(method), target=1)
    assert live_tensors() <= before  # what other tests left behind may go in the meantime


def _touch_buffer(net: nn.Module) -> None:
    net.get_buffer("calls").add_(1)


def _leave_gradient(net: nn.Module) -> None:
    parameter = next(p for p in net.parameters() if p.grad is None)
    parameter.grad = torch.zeros_like(parameter)


TOUCHES = {
    "a mode": lambda net: net.eval(),
    "a hook": lambda net: net.get_submodule("head").register_forward_hook(lambda *_: None),
    "a buffer": _touch_buffer,
    "a gradient": _leave_gradient,
    "requires_grad": lambda net: next(net.parameters()).requires_grad_(True),
    "a weight": lambda net: next(net.parameters()).data.mul_(2),
    "a replaced parameter": lambda net: setattr(net, "head", nn.Linear(72, 4).double()),
    "an attribute": lambda net: setattr(net, "last_mean", 1.0),
    "a list": lambda net: net.seen.append(1),
    "the torch rng": lambda _: torch.rand(1),
    "the numpy rng": lambda _: np.random.rand(),  # noqa: NPY002
    "the grad mode": lambda _: torch.set_grad_enabled(False),
    "the threads": lambda _: torch.set_num_threads(torch.get_num_threads() + 1),
}


@pytest.mark.parametrize("touched", TOUCHES)
def test_the_test_can_fail(touched: str) -> None:
    net, x = busy()
    before, threads = record(net, x), torch.get_num_threads()
    try:
        TOUCHES[touched](net)
        assert differences(before, record(net, x)) != []
    finally:
        torch.set_grad_enabled(True)
        torch.set_num_threads(threads)


def test_a_leak_would_be_seen() -> None:
    before = live_tensors()
    kept = [torch.zeros(3) for _ in range(2)]
    assert live_tensors() == before + len(kept)


def test_a_changed_input_would_be_seen() -> None:
    net, x = busy()
    before = record(net, x)
    x[0, 0, 0, 0] += 1
    assert differences(before, record(net, x)) == ["input"]


@dataclasses.dataclass(frozen=True, eq=False)
class Clumsy:
    """A method that does to the user's own network what the shadow is there to prevent: a mode flag and a hook stay behind."""

    net: nn.Module
    id = "clumsy"
    needs = frozenset({"gradient"})
    sampled = False
    meaning = "map"
    caution = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        for module in self.net.modules():
            module.training = False
        self.net.register_forward_hook(lambda *_: None)
        torch.set_grad_enabled(False)
        return Attribution(evaluator.gradient_at_inputs())


@pytest.mark.parametrize(
    "test",
    [
        lambda m: test_nothing_changes(m, "eval"),
        lambda m: test_nothing_changes_when_it_stops_half_way(m, KeyboardInterrupt),
        lambda m: test_two_threads_at_once(m),
    ],
)
def test_a_method_that_leaves_a_trace_would_be_seen(test: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[nn.Module] = []

    def clumsy_subject(*args: Any, **named: Any) -> Any:
        net, x = SUBJECT(*args, **named)
        made.append(net)
        return net, x

    def clumsy_explain(net: nn.Module, x: Any, method: Any, **options: Any) -> Any:
        return EXPLAIN(net, x, Clumsy(made[-1]), **options)

    monkeypatch.setitem(globals(), "subject", clumsy_subject)
    monkeypatch.setitem(globals(), "pl", types.SimpleNamespace(explain=clumsy_explain, PellucidError=ERROR))
    try:
        with pytest.raises(AssertionError):
            test("gradient")
    finally:
        torch.set_grad_enabled(True)


def test_a_context_that_mattered_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def obeying(net: nn.Module, x: Any, method: Any, **options: Any) -> Any:
        return EXPLAIN(net, x * (1 if torch.is_grad_enabled() else 2), method, **options)

    monkeypatch.setitem(globals(), "pl", types.SimpleNamespace(explain=obeying, PellucidError=ERROR))
    with pytest.raises(AssertionError):
        test_the_caller_s_context_stays_and_does_not_matter("gradient", torch.no_grad)
