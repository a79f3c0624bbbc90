"""What pictures of the inside share: shortened names, small pictures side by side, classes inside phrases."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from inside.subjects import inspected
from pellucid.scenes import Image, Text
from pellucid.views.inside import inside
from pellucid.views.inside.activation_tiles import Tiles
from pellucid.views.inside.classes import COLORS, colors_of
from pellucid.views.inside.names import LETTERS, tail


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("conv1", "conv1"),
        ("encoder.layers.0.linear1", "…layers.0.linear1"),
        ("encoder.layers.0.self_attn.out_proj", "…0.self_attn.out_proj"),
        ("lstm.weight_hh_l0.forget", "…weight_hh_l0.forget"),
        ("a_part_that_is_longer_than_the_room.w", "…nger_than_the_room.w"),
    ],
)
def test_a_shortened_name_begins_with_a_part(name: str, shown: str) -> None:
    assert tail(name) == shown
    assert len(shown) <= LETTERS


def test_words_are_nearer_to_their_own_tile_than_to_the_one_above() -> None:
    tiles = Tiles(2)
    for place in range(6):
        tiles.picture(place, np.zeros((8, 8, 3), np.uint8))
        tiles.say(place, "0.24 · 2")
    x, y = tiles.axes()
    pictures = [mark.extent for mark in tiles.marks if isinstance(mark, Image)]
    words = [mark.y for mark in tiles.marks if isinstance(mark, Text)]
    for (_, _, top, _), said, above in zip(pictures[2:], words[2:], pictures, strict=False):
        assert above[3] < said < top
        assert said - above[3] >= 1.5 * (top - said)
    assert all(x.domain[0] < left < right < x.domain[1] for left, right, _, _ in pictures)
    assert y.domain[0] < min(words) and max(bottom for *_, bottom in pictures) < y.domain[1]


def test_a_class_without_a_name_is_called_a_class() -> None:
    unnamed, named = inspected("LSTM", "activations"), inspected("patient MLP", "activations")
    assert isinstance(unnamed, pl.Explanation) and isinstance(named, pl.Explanation)
    assert "row 1 (class 0)" in inside(unnamed, view="feature_maps").title
    assert "(benign)" in inside(named, view="top_examples").summary
    assert "类别 0" in inside(unnamed, view="feature_maps", language="zh-CN").title


def test_a_class_keeps_its_color_where_others_are_not_shown() -> None:
    assert colors_of([0, 1, 2])[2] == colors_of([0, 2])[2] == colors_of([2])[2] == COLORS[2]
    many = colors_of([3, 40, 999])
    assert tuple(many.values()) == COLORS[:3]
    assert colors_of([]) == {}


def test_where_no_input_is_flat_none_is_called_the_flattest() -> None:
    lstm, patient = inspected("LSTM", "activations"), inspected("patient MLP", "activations")
    assert isinstance(lstm, pl.Explanation) and isinstance(patient, pl.Explanation)
    assert inside(lstm, view="operating_shares").panels[0].title == "No input lies where a function is flat"
    assert inside(patient, view="operating_shares").panels[0].title.startswith("Most flat is ")
