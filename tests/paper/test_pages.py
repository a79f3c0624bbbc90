"""Every view in both themes and languages: nothing overlaps, nothing is cut off, all words are there, no trace is left."""

from __future__ import annotations

import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from paper.extents import cut_off, overlaps, texts_of
from pellucid.paper import draw, png_bytes
from pellucid.scenes import Panel, Scene, Table
from views.scenes_by_hand import SCENES

PAGES = [(name, theme, language) for name in SCENES for theme, language in (("light", "en"), ("dark", "zh-CN"))]


@pytest.fixture(scope="module")
def pages() -> dict[tuple[str, str, str], Figure]:
    return {(name, theme, language): draw(SCENES[name](language), theme=theme) for name, theme, language in PAGES}


@pytest.mark.parametrize("page", PAGES, ids="-".join)
def test_no_text_overlaps_another_or_is_cut_off(pages, page):
    figure = pages[page]
    assert len(texts_of(figure)) > 3
    assert overlaps(figure) == []
    assert cut_off(figure) == []


@pytest.mark.parametrize("name", ["patient", "photo", "faithfulness", "confusion_named", "layers"])
@pytest.mark.parametrize("width", [5.2, 12.0])
def test_other_widths_hold_too(name, width):
    figure = draw(SCENES[name]("en"), width=width)
    assert overlaps(figure) == []
    assert cut_off(figure) == []
    assert figure.get_size_inches()[0] == pytest.approx(width)


def test_the_test_of_overlaps_can_fail():
    figure = draw(SCENES["patient"]("en"))
    assert overlaps(figure) == []
    figure.text(0.05, 0.5, "a text across the labels of the bars")
    assert overlaps(figure)


def test_the_test_of_cut_off_text_can_fail():
    figure = draw(SCENES["patient"]("en"))
    figure.text(0.97, 0.99, "over the edge")
    assert cut_off(figure) == ["over the edge"]


@pytest.mark.parametrize("name", sorted(SCENES))
def test_title_verdict_and_panel_titles_are_written(pages, name):
    scene = SCENES[name]("en")
    written = " ".join(text for text, _ in texts_of(pages[name, "light", "en"]))
    for wanted in (scene.title, scene.subtitle, scene.badge.label if scene.badge else "", *(p.title for p in scene.panels)):
        assert wanted in written
    for note in scene.notes:
        assert note in written


def test_a_chart_that_is_left_for_the_last_row_has_all_of_it():
    name = "a name that needs much more room than half a page has"
    panel = Panel("effects", "Effects", "one effect", Table(("feature", "range", "mean"), ((name, 1.0, 2.0),)))
    pages = (draw(Scene("Effects", (panel,) * count, "", columns=2), width=6) for count in (3, 2))
    written = [[text for text, _ in texts_of(page)].count(name) for page in pages]
    assert written == [1, 0]


def test_the_theme_colors_the_page(pages):
    assert mpl.colors.to_hex(pages["patient", "light", "en"].get_facecolor()) == "#ffffff"
    assert mpl.colors.to_hex(pages["patient", "dark", "zh-CN"].get_facecolor()) == "#1a2027"


def test_drawing_leaves_no_trace():
    from matplotlib import _pylab_helpers

    before, open_before = dict(mpl.rcParams), len(_pylab_helpers.Gcf.figs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png_bytes(draw(SCENES["photo"]("zh-CN"), theme="dark"), dpi=60)
    assert dict(mpl.rcParams) == before
    assert len(_pylab_helpers.Gcf.figs) == open_before


def test_a_users_settings_do_not_spoil_the_page():
    scene = SCENES["patient"]("en")
    plain = png_bytes(draw(scene), dpi=60)
    loud = {
        "axes.grid": True,
        "axes.facecolor": "red",
        "savefig.bbox": "tight",
        "figure.autolayout": True,
        "font.size": 30,
        "xtick.top": True,
        "axes.prop_cycle": mpl.cycler(color=["k"]),
        "lines.marker": "o",
        "ytick.labelright": True,
        "xtick.minor.visible": True,
    }
    with mpl.rc_context(loud):
        assert png_bytes(draw(scene), dpi=60) == plain


def test_the_same_scene_gives_the_same_bytes():
    scene = SCENES["digit"]("en")
    assert png_bytes(draw(scene), dpi=60) == png_bytes(draw(scene), dpi=60)


def test_a_refused_picture_is_hatched_and_others_are_not(pages):
    def dark_share(name: str) -> int:
        figure = pages[name, "light", "en"]
        return sum(len(axes.collections) for axes in figure.axes)

    assert dark_share("photo_refused") == 4  # two lines' worth over the map and over the overlay
    assert dark_share("photo") == 0


def test_whole_pictures_reach_the_page(pages):
    """The digit's first panel shows its very pixels, crisp."""
    figure = pages["digit", "light", "en"]
    shown = figure.axes[0].images[0].get_array()
    pixels = SCENES["digit"]("en").panels[0].marks[0].pixels
    assert np.allclose(shown * 255, pixels)
