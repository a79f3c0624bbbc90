"""Maps for "tiger cat" lie on the cat, where a map that knows nothing does not."""

from __future__ import annotations

import os
from functools import cache

import pytest

from pellucid.demo.chapters import POINTING, Pointing, pointing_game
from pellucid.demo.efficientnet import efficientnet_lite0
from pellucid.errors import MissingExtra
from pellucid.models.wrap import wrap

SHUFFLED = (0, 1)


@cache
def game(seed: int | None) -> Pointing:
    """The game on the trained network (None), or on one whose weights were dealt out at random among themselves.

    Weights as PyTorch initializes them would not do: without trained statistics this network's logits differ by 1e-10 only.
    """
    try:
        net = efficientnet_lite0()
        if seed is not None:
            net = wrap(net).randomized(seed).net
        return pointing_game(net, checks="none")
    except MissingExtra as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_most_of_the_positive_mass_is_on_the_cat(method: str) -> None:
    played = game(None)
    share = {e.provenance.method: played.share(e) for e in played.explanations}
    assert played.mask.mean() < 0.25  # what chance reaches
    assert share[method] >= POINTING, share


def test_the_control_fails() -> None:
    played = game(None)
    control = next(e for e in played.explanations if e.provenance.method == "random")
    assert played.share(control) == pytest.approx(played.mask.mean(), abs=0.02)
    assert played.share(control) < POINTING


@pytest.mark.parametrize("seed", SHUFFLED)
@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_a_network_with_random_weights_fails(method: str, seed: int) -> None:
    played = game(seed)
    share = {e.provenance.method: played.share(e) for e in played.explanations}
    assert share[method] < POINTING, share


def test_the_sentence_says_both_shares() -> None:
    played = game(None)
    lines = {e.provenance.method: played.line(e, "en") for e in played.explanations}
    assert "points there" in lines["gradcam"]
    assert "not pointing at it" in lines["random"]
    assert "23\u00a0%" in lines["random"]
