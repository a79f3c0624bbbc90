"""Losses and reach, on both sides of each threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pellucid.training.diagnoses import loss, overfitting, reach
from pellucid.training.diagnoses.evidence import Evidence, Seen
from pellucid.training.runs.contents import Event
from training.diagnoses.made import activations, curve, layers, seen


def told(values: object) -> Evidence:
    return Evidence(numbers={"loss": curve(np.asarray(values, float))})


def test_a_loss_that_is_not_finite():
    finding = loss.not_finite(told([1, 1, np.nan, np.inf]))
    assert finding is not None
    assert dict(finding.numbers) == {"step": 3, "count": 2, "total": 4}
    assert finding.steps == (3, 4)
    assert loss.not_finite(told([1, 1, 1])) is None
    assert loss.not_finite(Evidence()) is None


def test_weights_that_are_not_finite_name_their_layer():
    finding = loss.not_finite(Evidence(layers=seen(layers({"a.weight": 1}), layers({"a.weight": 1}, broken=0.1))))
    assert finding is not None
    assert finding.layer == "a"
    assert finding.steps == (20, 20)


def test_a_loss_without_a_lower_bound():
    time = np.arange(40)
    assert loss.unbounded(told(0.7 - time**2 / 40)) is not None
    assert loss.unbounded(told((0.7 - time**2 / 40)[:19])) is None  # too few
    assert loss.unbounded(told(0.7 - time)) is None  # no faster and faster
    assert loss.unbounded(told(0.7 - 3 * np.log1p(time))) is None  # a likelihood of densities
    assert loss.unbounded(told(0.7 - time**2 / 800)) is None  # hardly below 0
    assert loss.unbounded(told(np.where(time == 30, np.nan, 0.7 - time**2))) is None


def test_a_loss_over_all_pairs_is_what_the_recorder_saw():
    event = Event("broadcast_loss", {"rows": 32})
    finding = loss.broadcast(Evidence(events=seen(Event("note", {}), event)))
    assert finding is not None
    assert (finding.steps, finding.numbers) == ((20, 20), (("rows", 32.0),))
    assert loss.broadcast(Evidence(events=seen(Event("note", {})))) is None


NAMES = ("a.weight", "a.bias", "b.weight", "c.weight")


def reached(*gradients: dict[str, float], ran: tuple[str, ...] = ("a", "b", "c"), **facts: object) -> Evidence:
    return Evidence(
        layers=seen(*[layers(one, names=NAMES) for one in gradients]),
        activations=seen(activations(dict.fromkeys(ran, "Linear"))) if ran else Seen(),
        facts=facts,
    )


def test_parameters_without_a_gradient():
    some = {"b.weight": 1.0, "c.weight": 1.0}
    finding = reach.unreached(reached(some, some, some))
    assert finding is not None
    assert finding.layers == ("a",)
    zero = {**some, "a.weight": 0.0, "a.bias": 0.0}
    assert reach.unreached(reached(zero, zero, zero)) is not None
    assert reach.unreached(reached(some, some)) is None  # two frames are too few
    assert reach.unreached(reached(some, some, some, optimizers=["Adam", "Adam"])) is None  # they may take turns
    assert reach.unreached(reached(some, some, {**some, "a.bias": 1e-9})) is None
    assert reach.unreached(reached(some, some, some, frozen=["a.weight", "a.bias"])) is None


def test_what_the_user_froze_is_not_called_unreached():
    some = {"b.weight": 1.0, "c.weight": 1.0}
    evidence = reached(some, some, some)
    frozen = Evidence(layers=evidence.layers, activations=evidence.activations, events=seen(Event("freeze", {"layer": "a"})))
    assert reach.unreached(frozen) is None


def test_layers_that_never_ran():
    some = {"b.weight": 1.0, "c.weight": 1.0}
    finding = reach.unused(reached(some, some, some, ran=("b", "c")))
    assert finding is not None
    assert finding.layers == ("a",)
    assert reach.unreached(reached(some, some, some, ran=("b", "c"))) is None  # said once
    assert reach.unused(reached(some, some, some)) is None
    assert reach.unused(reached(some, some, some, ran=())) is None  # not known
    assert reach.unused(reached(some, some, some, ran=("a.inner", "b", "c"))) is None  # a module inside it ran


def test_rows_that_are_pinned_do_not_tell_what_ran_in_the_training():
    some = {"a.weight": 0.0, "b.weight": 1.0, "c.weight": 1.0}
    frame = activations({"b": "Linear"}, pinned=True)
    evidence = replace(reached(some, some, some), activations=seen(frame))
    assert reach.unused(evidence) is None
    finding = reach.unreached(evidence)
    assert finding is not None
    assert finding.layers == ("a",)


def held_out(valid: list[float], train: object) -> Evidence:
    return Evidence(numbers={"loss": curve(np.asarray(train, float)), "valid_loss": curve(valid, every=10)})


def test_a_held_out_loss_that_turns():
    falls = np.linspace(1, 0.1, 100)
    turned = [1, 0.6, 0.4, 0.4, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6]
    finding = overfitting.overfitting(held_out(turned, falls))
    assert finding is not None
    assert dict(finding.numbers)["lowest"] == pytest.approx(0.4)
    assert 20 <= finding.steps[0] <= 40
    assert overfitting.overfitting(held_out(turned, np.linspace(0.1, 1, 100))) is None  # that of the training rises too
    assert overfitting.overfitting(held_out(turned[:7], falls)) is None  # too few
    assert overfitting.overfitting(held_out([1, 0.6, 0.4, 0.4, 0.45, 0.45, 0.45, 0.45, 0.45, 0.45], falls)) is None  # hardly
    assert overfitting.overfitting(held_out([1 / k for k in range(1, 11)], falls)) is None
    assert overfitting.overfitting(held_out([0.5] * 10, falls)) is None  # it never moved
    assert overfitting.overfitting(held_out([0.5] * 3 + [0.54] * 7, falls)) is None
    assert overfitting.overfitting(held_out([0.5] * 3 + [0.56] * 7, falls)) is not None  # it only ever rose
    assert overfitting.overfitting(told(falls)) is None
