# ruff: noqa: RUF001 (the real minus sign is meant)
"""Numbers keep their digits and their sign; ticks are round and inside."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.scenes.numbers import number, percent, signed
from pellucid.scenes.ticks import decade_ticks, padded, round_ticks, tick_texts

finite = st.floats(-1e12, 1e12, allow_subnormal=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1.234, "1.23"),
        (-0.01234, "−0.0123"),
        (2019.4, "2019"),
        (0.9996, "1.00"),
        (1.25e-5, "1.25e−5"),
        (math.nan, "–"),
        (math.inf, "∞"),
    ],
)
def test_numbers_as_text(value, text):
    assert number(value) == text


@given(finite)
def test_a_number_reads_back_to_three_digits(value):
    text = number(value).replace("−", "-")
    assert float(text) == pytest.approx(value, rel=5.1e-3)


@given(finite.filter(lambda v: v != 0))
def test_the_sign_is_always_written(value):
    assert signed(value)[0] == ("+" if value > 0 else "−")


@given(st.floats(1e-9, 1 - 1e-9))
def test_what_is_not_certain_is_not_called_certain(share):
    assert percent(share) not in ("0\u00a0%", "100\u00a0%", "0.00\u00a0%", "100.0\u00a0%")


def test_what_is_nearly_all_is_not_rounded_up_to_more_than_it_is():
    shares = (0.99, 0.9989, 0.9996, 0.9998, 0.99995)
    assert [percent(s, "zh-CN", digits=2) for s in shares] == ["99%", "99.9%", "99.96%", "99.98%", ">99.99%"]
    assert [percent(s, "zh-CN") for s in shares] == ["99.0%", "99.9%", "99.96%", "99.98%", ">99.99%"]


def test_percent_in_both_languages():
    assert (percent(0.998), percent(0.998, "zh-CN"), percent(1), percent(0)) == ("99.8\u00a0%", "99.8%", "100\u00a0%", "0\u00a0%")


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 10))
def test_ticks_are_inside_evenly_spaced_and_about_as_many(low, length, count):
    high = low + length
    if (high - low) < 1e-9 * max(abs(low), abs(high)):
        return
    ticks = round_ticks((low, high), count)
    slack = 1e-6 * (high - low)
    assert all(low - slack <= t <= high + slack for t in ticks)
    assert len(ticks) <= 2 * count + 1
    assert len(set(tick_texts(ticks))) == len(ticks)


def test_tick_labels_have_the_decimals_they_need():
    assert tick_texts((0.0, 0.25, 0.5)) == ("0.00", "0.25", "0.50")
    assert tick_texts((-2.0, 0.0, 2.0)) == ("−2", "0", "2")
    assert tick_texts((0.0, 2e6)) == ("0", "2e6")


def test_decades_and_padding():
    assert decade_ticks((0.5, 2000.0)) == (1.0, 10.0, 100.0, 1000.0)
    assert decade_ticks((2.0, 3.0)) == (2.0, 3.0)
    assert padded(0, 10) == (-0.5, 10.5)
    assert padded(3, 3) == pytest.approx((2.7, 3.3))
    assert padded(math.nan, 1) == (0.0, 1.0)
