"""Units, gradients and steps, on both sides of each threshold."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.training.diagnoses import gradients, initialization, learning_rate, units
from pellucid.training.diagnoses.evidence import Evidence, Seen
from training.diagnoses.made import activations, curve, layers, parameters, seen

RELU = {"0": "Linear", "1": "ReLU", "2": "Linear"}


def relu(*dead: int, rows: int = 32, pinned: bool = False) -> Evidence:
    return Evidence(activations=seen(*[activations(RELU, dead=[-1, one, -1], rows=rows, pinned=pinned) for one in dead]))


def test_rectifiers_half_of_which_are_dead():
    finding = units.dead_rectifiers(relu(0, 5, 6))
    assert finding is not None
    assert (finding.layer, finding.severity, dict(finding.numbers)["share"]) == ("1", "warning", 0.5)
    assert units.dead_rectifiers(relu(5, 4)) is None
    assert units.dead_rectifiers(relu(9)) is None  # one frame is too few
    assert units.dead_rectifiers(relu(9, 9, rows=4)) is None  # four rows are too few
    assert units.dead_rectifiers(relu(9, 9, rows=8)) is not None
    assert units.dead_rectifiers(relu(9, 9, rows=8, pinned=True)) is None  # the same rows twice are eight rows still
    assert units.dead_rectifiers(relu(9, 9, rows=16, pinned=True)) is not None
    grave = units.dead_rectifiers(relu(10, 10))
    assert grave is not None
    assert grave.severity == "error"


def test_hidden_units_that_are_saturated():
    types = {"0": "Linear", "1": "Tanh", "2": "Linear", "3": "Sigmoid", "4": "Flatten"}

    def with_shares(tanh: float, sigmoid: float) -> Evidence:
        frame = activations(types, saturated=[np.nan, tanh, np.nan, sigmoid, np.nan])
        return Evidence(activations=seen(frame, frame))

    finding = units.saturated(with_shares(0.5, 0.9))
    assert finding is not None
    assert finding.layers == ("1",)
    assert units.saturated(with_shares(0.49, 0.99)) is None  # the output may be sure of itself


def flow(*by_depth: float, weight: float = 1.0, frames: int = 3) -> Evidence:
    frame = layers({f"{i}.weight": value for i, value in enumerate(by_depth)}, weight=weight)
    return Evidence(layers=seen(*[frame] * frames))


def test_gradients_that_vanish():
    finding = gradients.vanishing(flow(1e-5, 5e-4, 0.1, 1.0))
    assert finding is not None
    assert finding.layers == ("0", "1")
    assert gradients.vanishing(flow(2e-3, 0.1, 1.0)) is None
    assert gradients.vanishing(flow(1e-5, 1.0)) is None  # no depth
    assert gradients.vanishing(flow(0.0, 0.1, 1.0)) is None  # not reached, which is another fault
    assert gradients.vanishing(flow(1.0, 1e-5, 1e-5, 1e-5)) is None  # small toward the output
    assert gradients.vanishing(flow(1e-5, 0.1, 1.0, frames=1)) is None
    assert gradients.vanishing(Evidence()) is None


def test_the_order_is_that_in_which_layers_run():
    frame = layers({"out.weight": 1.0, "middle.weight": 0.1, "first.weight": 1e-5})
    ran = activations({"first": "Linear", "middle": "Linear", "out": "Linear"})
    assert gradients.vanishing(Evidence(layers=seen(frame, frame), activations=seen(ran))) is not None
    assert gradients.vanishing(Evidence(layers=seen(frame, frame))) is None


def test_gradients_that_explode():
    finding = gradients.exploding(flow(1.0, 30.0))
    assert finding is not None
    assert finding.layers == ("1",)
    assert gradients.exploding(flow(1.0, 10.0)) is None  # over both layers: 7
    assert gradients.exploding(flow(1.0, 30.0, frames=2)) is None
    assert gradients.exploding(flow(1.0, 30.0, weight=10.0)) is None


def moved(ratio: float, loss: object, *, frames: int = 3, rates: tuple[float, ...] = (0.1,)) -> Evidence:
    numbers = {"loss": curve(np.asarray(loss, float)), "learning_rate": curve(rates)}
    return Evidence(numbers=numbers, layers=seen(*[layers({"a.weight": 1.0}, ratio=ratio)] * frames))


FLAT, FALLS, SPIKES = np.full(60, 1.0), np.linspace(1, 0.2, 60), np.where(np.arange(60) == 9, 4.0, np.linspace(1, 0.2, 60))


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        (moved(0.1, FLAT), True),
        (moved(0.1, SPIKES), True),
        (moved(0.1, np.concatenate([FALLS, FALLS[::-1]])), True),
        (moved(0.09, FLAT), False),
        (moved(0.1, FALLS), False),
        (moved(0.1, FLAT[:19]), False),
        (moved(0.1, FLAT, frames=1), False),
    ],
)
def test_a_learning_rate_that_is_too_high(evidence: Evidence, found: bool):
    assert (learning_rate.too_high(evidence) is not None) is found


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        (moved(1e-4, FLAT), True),
        (moved(1.1e-4, FLAT), False),
        (moved(1e-4, FALLS), False),
        (moved(1e-4, FLAT[:49]), False),
        (moved(0.0, FLAT), False),
        (moved(1e-4, FLAT, rates=(0.01, 0.1)), False),  # it is being raised
        (moved(1e-4, FLAT, frames=1), False),
    ],
)
def test_a_learning_rate_that_is_too_low(evidence: Evidence, found: bool):
    assert (learning_rate.too_low(evidence) is not None) is found


DEEP = {"0": "Linear", "1": "ReLU", "2": "Linear", "3": "Linear", "4": "Linear"}


def scale(*response: float, first: int = 5) -> Evidence:
    return Evidence(activations=seen(activations(DEEP, response=response), first=first))


def test_a_signal_that_fades_or_grows():
    shrunk, grown = initialization.scale_by_depth(scale(1, 1, 0.1, 0.009, 1)), initialization.scale_by_depth(scale(1, 1, 101, 102, 1))
    assert shrunk is not None
    assert grown is not None
    assert (shrunk.id, shrunk.layers) == ("initialization_shrinks", ("3",))
    assert (grown.id, grown.layers) == ("initialization_grows", ("2", "3"))
    assert initialization.scale_by_depth(scale(1, 1, 0.1, 0.011, 1)) is None
    assert initialization.scale_by_depth(scale(1, 1, 0.1, 0.5, 1e-9)) is None  # the output is not looked at
    assert initialization.scale_by_depth(Evidence(activations=seen(activations(DEEP, response=[])))) is None  # recorded before it was kept
    late = Evidence(activations=Seen((100,), scale(1, 1, 0.1, 0.001, 1).activations.frames))
    assert initialization.scale_by_depth(late) is None


def test_units_that_are_all_alike():
    alike, drawn = np.ones((4, 3)) * [1, 2, 3], np.arange(12.0).reshape(4, 3)
    some = seen(layers({"a.weight": 1.0}))

    def at(step: int, **values: np.ndarray) -> Evidence:
        return Evidence(parameters=Seen((step,), (parameters(**values),)), layers=some)

    finding = initialization.symmetry(at(5, a__weight=alike, b__weight=drawn))
    assert finding is not None
    assert finding.layers == ("a",)
    assert initialization.symmetry(at(0, a__weight=alike)) is None  # training has not begun
    assert initialization.symmetry(at(5, a__weight=drawn, n__weight=np.ones(4))) is None  # a scale of a normalization
    assert initialization.symmetry(at(5, a__weight=np.ones((1, 3)))) is None
