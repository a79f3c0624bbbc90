"""Targets: one scalar per row, or a clear error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.errors import PellucidError
from pellucid.explanation.target import Class, Margin, Output, OutputSpace, Pixels, Predicted, as_target, probabilities

LOGITS = np.array([[1.0, 3.0, -2.0], [0.5, 0.0, 4.0]])
NAMES = ("cat", "dog", "owl")
SPACE = OutputSpace(LOGITS, "logits", NAMES)
ROWS = torch.tensor([1, 0, 1])  # a batch in which rows repeat


def scores(target: object, space: OutputSpace = SPACE) -> list[float]:
    selection = as_target(target).resolve(space)
    return selection.score(torch.from_numpy(space.outputs)[ROWS], ROWS).tolist()


def test_shorthands() -> None:
    assert scores(1) == scores("dog") == scores(Class(1)) == scores(np.int64(1)) == [0.0, 3.0, 0.0]
    assert scores(None) == scores(Predicted()) == [4.0, 3.0, 4.0]
    assert scores([0, 2]) == scores(torch.tensor([0, 2])) == scores(("cat", "owl")) == [4.0, 1.0, 4.0]
    assert scores(Margin("dog", 0)) == [-0.5, 2.0, -0.5]
    assert scores(Output(2)) == [4.0, -2.0, 4.0]
    assert scores(lambda outputs: outputs[:, 0] * 2) == [1.0, 2.0, 1.0]


def test_labels_say_what_is_explained() -> None:
    assert Predicted().resolve(SPACE).labels == ("dog", "owl")
    assert Margin(1, 0).resolve(SPACE).labels == ("dog rather than cat",) * 2
    assert Predicted().resolve(OutputSpace(LOGITS, "logits", ())).labels == ("class 1", "class 2")


def test_single_logit() -> None:
    space = OutputSpace(np.array([[2.0], [-1.0]]), "logits", ("no", "yes"))
    assert scores("no", space) == [1.0, -2.0, 1.0]
    assert scores(1, space) == [-1.0, 2.0, -1.0]
    assert scores(None, space) == [1.0, 2.0, 1.0]  # row 1 predicts "no", whose score is the negative logit
    flat = OutputSpace(np.array([2.0, -1.0]), "logits", ())
    assert scores(0, flat) == [1.0, -2.0, 1.0]
    unknown = OutputSpace(np.array([[2.0], [-1.0]]), "unknown", ())
    assert scores(None, unknown) == [-1.0, 2.0, -1.0]
    with pytest.raises(PellucidError, match=r"one output.*Output\(0\)"):
        scores(0, unknown)


def test_probabilities_are_explained_as_log_odds_also_when_saturated() -> None:
    logits = torch.tensor([[40.0, 1.0, 0.0], [0.0, 2.0, 1.0]], dtype=torch.float32)
    space = OutputSpace(torch.softmax(logits, 1).numpy(), "probabilities", ())
    wanted = logits[:, 0].double() - torch.logsumexp(logits[:, 1:].double(), 1)
    found = Class(0).resolve(space).score(torch.softmax(logits, 1), torch.arange(2))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=1e-6)
    assert Class(0).resolve(space).scale == "log-odds"
    sigmoid = OutputSpace(np.array([[0.9]]), "probabilities", ())
    assert Class(1).resolve(sigmoid).score(torch.tensor([[0.9]]).double(), torch.tensor([0])).item() == pytest.approx(np.log(9))


def test_pixels() -> None:
    outputs = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    space = OutputSpace(outputs, "logits", NAMES)
    mask = np.zeros((2, 4, 5), bool)
    mask[0, 1, 1:3], mask[1, 3] = True, True
    wanted = [outputs[i, 1][mask[i]].mean() for i in ROWS.tolist()]
    assert scores(Pixels("dog", mask), space) == pytest.approx(wanted)
    assert scores(Pixels(1, mask[0]), space)[1] == pytest.approx(wanted[1])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (3, "There is no class 3"),
        (-1, "negative indices are not counted from the end"),
        ("cot", "did you mean 'cat'"),
        (True, "truth value"),
        ([0], "one entry per row"),
        (Output(3), "no output 3"),
        (1.5, "This is not a target"),
        (object(), "This is not a target"),
        (Pixels(0, np.ones((2, 2), bool)), "needs an output of shape"),
        (lambda outputs: outputs, "one number per row"),
        (lambda outputs: outputs.sum(), "one number per row"),
    ],
)
def test_what_is_no_target(target: object, said: str) -> None:
    with pytest.raises(PellucidError, match=said) as caught:
        scores(target)
    assert "What to do" in str(caught.value)


def test_segmentation_asks_for_a_mask() -> None:
    space = OutputSpace(np.zeros((2, 3, 4, 4)), "logits", ())
    for target in (0, None):
        with pytest.raises(PellucidError, match="Pixels"):
            scores(target, space)
    with pytest.raises(PellucidError, match="selects no pixel"):
        scores(Pixels(0, np.zeros((4, 4), bool)), space)
    with pytest.raises(PellucidError, match="does not fit"):
        scores(Pixels(0, np.ones((5, 4), bool)), space)


def test_probabilities_for_display() -> None:
    np.testing.assert_allclose(probabilities(SPACE).sum(1), 1)
    two = probabilities(OutputSpace(np.array([[0.0], [800.0]]), "logits", ()))
    np.testing.assert_allclose(two, [[0.5, 0.5], [0.0, 1.0]])
    assert probabilities(OutputSpace(LOGITS, "values", ())) is None
