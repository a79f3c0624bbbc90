"""The palette keeps its promises: readable text, a neutral middle, order in lightness, gray for what is unknown."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.scenes.palette import MAPS, ROLES, colorize, rgb

TEXT_ROLES = ("ink", "muted", "supported", "weak", "refused", "unchecked")
THEMES = ("light", "dark")


def luminance(color: np.ndarray) -> np.ndarray:
    """Relative luminance after WCAG 2."""
    linear = np.where(color <= 0.03928, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((float(luminance(rgb(one))), float(luminance(rgb(other)))), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["surface", "page"])
@pytest.mark.parametrize("role", TEXT_ROLES)
def test_text_can_be_read(role, ground, theme):
    assert contrast(ROLES[role][theme], ROLES[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("role", ["positive", "negative", "series1", "series2", "series3"])
def test_marks_stand_out(role, theme):
    assert contrast(ROLES[role][theme], ROLES["surface"][theme]) >= 3


def test_contrast_can_tell_bad_from_good():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#999999", "#ffffff") < 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_counts_written_over_the_lower_half_of_the_sequential_map_can_be_read(theme):
    ink = luminance(rgb(ROLES["ink"][theme]))
    cells = luminance(colorize(np.linspace(0, 1, 101), "sequential", (0, 2), theme))
    ratio = (np.maximum(cells, ink) + 0.05) / (np.minimum(cells, ink) + 0.05)
    assert ratio.min() >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_the_sequential_map_is_monotone_in_lightness(theme):
    steps = np.diff(luminance(colorize(np.linspace(0, 1, 200), "sequential", (0, 1), theme)))
    assert np.all(steps < 0) if theme == "light" else np.all(steps > 0)


@pytest.mark.parametrize("theme", THEMES)
def test_the_diverging_map_is_neutral_in_the_middle_and_monotone_on_both_sides(theme):
    values = np.linspace(-1, 1, 401)
    light = luminance(colorize(values, "diverging", (-1, 1), theme))
    away = np.diff(light) * (1 if theme == "light" else -1)
    assert np.all(away[:200] > 0)
    assert np.all(away[200:] < 0)
    assert np.ptp(colorize(np.array(0.0), "diverging", (-1, 1), theme)) < 0.06
    sides = len(MAPS["diverging"][theme])
    assert sides % 2 == 1


@pytest.mark.parametrize("theme", THEMES)
def test_warm_is_positive(theme):
    red, _, blue = colorize(np.array(0.6), "diverging", (-1, 1), theme)
    assert red > blue
    red, _, blue = colorize(np.array(-0.6), "diverging", (-1, 1), theme)
    assert blue > red


@pytest.mark.parametrize("theme", THEMES)
def test_unknown_values_take_the_role_line_and_values_outside_the_ends(theme):
    colors = colorize(np.array([np.nan, np.inf, 5.0, -5.0]), "diverging", (-1, 1), theme)
    assert np.allclose(colors[0], rgb(ROLES["line"][theme]))
    assert np.allclose(colors[2], rgb(MAPS["diverging"][theme][-1]))
    assert np.allclose(colors[3], rgb(MAPS["diverging"][theme][0]))
