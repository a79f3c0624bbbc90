"""compare(): the ranking follows what the network confirms, agreement is what it says, and one method that can not run ends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.protocol import Attribution
from pellucid.methods.run import Evaluator

WEIGHTS = torch.linspace(2.0, 0.1, 12)


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.stack([WEIGHTS, -WEIGHTS]))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights.T


@dataclass(frozen=True)
class Fixed:
    """Says the same of every row."""

    values: tuple[float, ...]
    id: ClassVar[str] = "fixed"
    needs: ClassVar[frozenset[Any]] = frozenset()
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Any] = "contribution"
    caution: ClassVar[Any] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        return Attribution((torch.tensor(self.values).expand(evaluator.rows, -1).clone(),))


RIGHT, WRONG = Fixed(tuple(WEIGHTS.tolist())), Fixed(tuple(WEIGHTS.flip(0).tolist()))


def compared(**options: Any) -> pl.Comparison:
    return pl.compare(Linear(), torch.ones(3, 12), [WRONG, "random", RIGHT, "gradcam"], target=0, **options)


def test_the_order_that_the_network_confirms_comes_first() -> None:
    found = compared()
    assert found.names[0] == "fixed 2"
    assert found.names[-1] == "fixed 1"
    assert found.best.provenance.method == "fixed"
    np.testing.assert_allclose(found.best.arrays[0].values[0], WEIGHTS)
    assert found.ranked[0].faithfulness > 1.96 > found.ranked[-1].faithfulness
    assert found.ranked[-1].faithfulness < -1.96


def test_a_method_that_can_not_run_is_listed_with_its_reason() -> None:
    found = compared()
    assert [name for name, _ in found.failed] == ["gradcam"]
    assert "no layer" in found.failed[0][1].lower()


def test_agreement() -> None:
    found = compared()
    right, wrong = found.names.index("fixed 2"), found.names.index("fixed 1")
    np.testing.assert_allclose(found.rank_correlation[right, right], 1.0)
    np.testing.assert_allclose(found.rank_correlation[right, wrong], -1.0)
    np.testing.assert_allclose(found.top_overlap[right, right], 1.0)
    np.testing.assert_allclose(found.top_overlap[right, wrong], 0.0)
    assert found.disagreement.shape == (3, 12)
    assert found.disagreement.argmax(1).tolist() == [0, 0, 0] or found.disagreement.argmax(1).tolist() == [11, 11, 11]
    middle = found.disagreement[0, 5:7]
    assert (middle < found.disagreement[0, [0, 11]]).all()


def test_maps_of_cells_are_compared_on_the_input_s_patches() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3))
    x = torch.randn(2, 1, 8, 8)
    found = pl.compare(net, x, ["gradcam", "gradient_times_input"], target=1)
    cam = found.ranked[found.names.index("gradcam")]
    assert cam.explanation.arrays[0].values.shape == (2, 4, 4)
    assert cam.strengths.shape == (2, 64)
    np.testing.assert_allclose(cam.strengths.sum(1), cam.explanation.arrays[0].values.sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(cam.strengths[0].reshape(8, 8)[::2, ::2] * 4, cam.explanation.arrays[0].values[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("methods", "message"), [(["gradient"], "at least two methods"), (["gradcam", "layercam"], "Fewer than two of these methods")]
)
def test_errors(methods: list[str], message: str) -> None:
    with pytest.raises(pl.PellucidError, match=message):
        pl.compare(Linear(), torch.ones(3, 12), methods, target=0)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_is_told_and_drawn(language: Any) -> None:
    found = compared()
    text = found.narrate(language)
    assert ("most clearly" if language == "en" else "最明确") in text
    assert "{" not in text
    figure = found.plot(language=language, row=1)
    assert len(figure.axes) >= 3


def test_a_row_that_does_not_exist_is_refused() -> None:
    with pytest.raises(pl.PellucidError, match="no such row"):
        compared().plot(row=3)


def test_when_nothing_beats_chance_nothing_is_praised() -> None:
    found = pl.compare(Linear(), torch.ones(3, 12), [WRONG, "random"], target=0)
    assert "should be trusted" in found.narrate()


def test_methods_that_agree_are_not_said_to_contradict_one_another() -> None:
    alike = pl.compare(Linear(), torch.ones(3, 12), ["integrated_gradients", "gradient_times_input", "occlusion"], target=0)
    assert alike.rank_correlation.min() > 0.9
    assert "nearly the same" in alike.narrate() and "at most one" not in alike.narrate()
    apart = pl.compare(Linear(), torch.ones(3, 12), ["integrated_gradients", WRONG, "occlusion"], target=0)
    assert "at most one" in apart.narrate()
