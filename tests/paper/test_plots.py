"""plot() and save_png(): the user's axes, notebooks, files, fonts and errors."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from paper.extents import cut_off, overlaps, texts_of
from pellucid.errors import FileError, InputError, UnknownName
from pellucid.paper import draw, fonts, plot, save_png
from views import explanations_by_hand as made
from views.scenes_by_hand import SCENES


def users_axes(width: float = 6, height: float = 6):
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.add_axes((0.42, 0.2, 0.5, 0.6))


@pytest.mark.parametrize(
    "name", ["patient", "patient_refused", "digit", "photo", "coarse", "tokens", "signal", "faithfulness", "confusion"]
)
def test_the_users_axes_are_drawn_into_and_their_figure_is_returned(name):
    figure, axes = users_axes()
    scene = SCENES[name]("en")
    assert draw(scene, ax=axes) is figure
    assert figure.axes == [axes]
    assert axes.patches or axes.images or axes.lines
    if scene.badge:
        assert any(scene.badge.label in text for text, _ in texts_of(figure))
    assert overlaps(figure) == []


def test_of_an_image_the_overlay_goes_into_the_users_axes():
    _, axes = users_axes()
    plot(made.photo(), ax=axes)
    assert len(axes.images) == 2
    assert "percentile" in axes.get_xlabel()  # what the colors mean is said there too


def test_a_coarse_map_can_be_laid_over_its_image_in_its_true_cells():
    drawn = {}
    for cells in (False, True):
        _, axes = users_axes()
        plot(made.coarse(), ax=axes, cells=cells)
        drawn[cells] = axes.images[-1].get_array().shape[:2]
        assert any("smoothed" in text for text, _ in texts_of(plot(made.coarse(), cells=cells))) is not cells
    true = made.coarse().arrays[0].values.shape[1:]
    assert drawn[True] == true
    assert drawn[False] != true
    with pytest.raises(InputError, match="lays no map over an image"):
        plot(made.coarse(), view="checks_table", cells=True)


def test_a_table_goes_into_the_users_axes():
    figure, axes = users_axes(width=11)
    plot(made.patient(), ax=axes, view="checks_table")
    assert "Completeness" in {text for text, _ in texts_of(figure)}
    assert overlaps(figure) == []
    assert cut_off(figure) == []


def test_views_by_name():
    assert plot(made.patient(), view="waterfall") is not None
    with pytest.raises(UnknownName, match="waterfal"):
        plot(made.patient(), view="waterfal")
    with pytest.raises(InputError, match="add up"):
        plot(made.coarse(), view="waterfall")
    with pytest.raises(InputError, match="row 7 of 1"):
        plot(made.patient(), row=7)


def test_notebooks_show_the_figure_once_and_at_its_natural_size():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    figure = plot(made.patient())
    shown, metadata = shell.display_formatter.format(figure)
    picture = Image.open(io.BytesIO(shown["image/png"]))
    width, height = figure.get_size_inches()
    assert picture.size == pytest.approx((192 * width, 192 * height), abs=2)
    assert metadata["image/png"] == {"width": round(96 * width), "height": round(96 * height)}


def test_pyplot_is_not_even_imported():
    code = (
        "import sys; sys.path[:0] = ['src', 'tests']\n"
        "from pellucid.paper import plot; from views import explanations_by_hand as made; plot(made.patient())\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    from pathlib import Path

    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_pngs_are_written_whole_from_scenes_and_figures(tmp_path):
    scene = SCENES["checks"]("zh-CN")
    one = save_png(scene, tmp_path / "检查 1.png", dpi=50)
    two = save_png(draw(scene), tmp_path / "two.png", dpi=50)
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(FileError, match="folder"):
        save_png(scene, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["two.png", "检查 1.png"]


def test_without_a_chinese_font_a_warning_names_some(monkeypatch):
    monkeypatch.setattr(fonts, "chinese_family", lambda: None)
    with pytest.warns(UserWarning, match=r"Noto Sans CJK SC.*fonts-wqy-zenhei"):
        assert fonts.families(["积分梯度"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fonts.families(["plain"])


@pytest.mark.skipif(fonts.chinese_family() is None, reason="no font with Chinese characters is installed")
def test_chinese_feature_names_have_glyphs_in_an_english_picture():
    assert fonts.chinese_family() in fonts.families(["plain"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of missing glyphs
        draw(SCENES["patient"]("en")).canvas.draw()


def test_every_verdicts_symbol_has_a_glyph():
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    from pellucid.paper.blocks import SYMBOLS

    known = FT2Font(findfont(fonts.SYMBOLS)).get_charmap()
    assert all(ord(symbol) in known for symbol in [*SYMBOLS.values(), "−", "…"])  # noqa: RUF001


def test_dollar_signs_in_names_are_no_formulas():
    from pellucid import views

    figure = draw(views.layer_table([("$x_1$", "a$b", "(1,)", 3)]))
    with mpl.rc_context({"text.parse_math": True}):
        assert any(text == "$x_1$" for text, _ in texts_of(figure))


def test_a_training_run_and_an_evaluation_are_drawn_as_they_come():
    import numpy as np

    from pellucid import views
    from pellucid.paper import plot_history
    from pellucid.training.evaluate import Reliability
    from pellucid.training.history import History

    history = History({"train_loss": np.array([2.0, 1.0]), "valid_loss": np.array([2.0, 1.5])}, 2, 2, stopped_early=False, seconds=0.1)
    assert "Loss" in {text for text, _ in texts_of(plot_history(history))}
    nan = np.array([np.nan, 0.9])
    curve = Reliability(np.array([0, 0.5, 1]), np.array([0, 12]), nan, nan - 0.1, nan - 0.2, nan)
    assert overlaps(draw(views.reliability(curve))) == []
