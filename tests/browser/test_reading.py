"""What hovering, keys and downloads give is what Python has."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from browser.gallery import CURVE, HEAT, LENGTHS, MAP, RANDOM, STEPS, gallery
from browser.gallery import report as gallery_report
from browser.screen import Screen, opened, settle, watch
from pellucid.report import mimebundle
from pellucid.scenes import Scene
from pellucid.scenes.numbers import MINUS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def screen(browser: Any, report: Path) -> Iterator[Screen]:
    with opened(browser, report, "theme=light&lang=en", accept_downloads=True) as found:
        yield found


def _figure(screen: Screen, index: int) -> Any:
    figure = screen.page.locator("figure").nth(index)
    figure.scroll_into_view_if_needed()
    return figure


def _hover(screen: Screen, figure: Any, left: float, top: float) -> dict[str, str]:
    """The read-out at a pixel of a figure's canvas: its name under "", then its rows."""
    box = figure.locator("canvas").bounding_box()
    screen.page.mouse.move(box["x"] + left, box["y"] + top)
    found = figure.locator(".pl-readout")
    if not found.is_visible():
        return {}
    rows = zip(found.locator("dt").all_inner_texts(), found.locator("dd").all_inner_texts(), strict=True)
    return {"": found.locator("strong").inner_text(), **dict(rows)}


def _same(text: str, value: float) -> bool:
    """Whether a text reads the same as a number of Python's, to four significant digits."""
    return float(text.replace(",", "").replace(MINUS, "-")) == float(f"{value:.4g}")


def test_a_map_is_read_cell_by_cell(screen: Screen) -> None:
    figure = _figure(screen, 1)
    box = figure.locator("canvas").bounding_box()
    for row, column in ((0, 0), (3, 5), (7, 7), (6, 1)):
        found = _hover(screen, figure, (column + 0.5) / 8 * box["width"], (row + 0.5) / 8 * box["height"])
        assert (found["x"], found["y"]) == (str(column), str(row))
        assert _same(found["attribution (logit)"], float(MAP[row, column]))
        assert not _same(found["attribution (logit)"], float(MAP[row, column - 1])), "the comparison can fail"


def test_bars_are_read_by_row(screen: Screen) -> None:
    figure = _figure(screen, 3)
    box = figure.locator("canvas").bounding_box()
    tall = (box["height"] - 8 - 48) / 7.2  # pixels per row, from the axis' domain
    for row, length in enumerate(LENGTHS):
        found = _hover(screen, figure, box["width"] * 0.8, 8 + (row + 0.6) * tall)
        assert _same(found["change of log-odds"], length), (row, found)
        low, high = found["interval"].split(" to ")
        assert _same(low, length - 0.2)
        assert _same(high, length + 0.2)


def test_curves_are_read_at_the_nearest_step(screen: Screen) -> None:
    figure = _figure(screen, 5)
    box = figure.locator("canvas").bounding_box()
    curves = {"in the order of the explanation": CURVE, "in random order": RANDOM}
    read: set[str] = set()
    for left in np.linspace(60, box["width"] - 30, 12):
        for top in np.linspace(40, box["height"] - 60, 7):
            found = _hover(screen, figure, float(left), float(top))
            if found.get("") not in curves:
                continue
            read.add(found[""])
            at = int(np.argmin(np.abs(STEPS - float(found["share of the input removed"]))))
            assert _same(found["share of the input removed"], STEPS[at])
            assert _same(found["probability of the class"], curves[found[""]][at])
    assert read == set(curves)


def test_a_hole_in_a_map_has_no_value(screen: Screen) -> None:
    figure = _figure(screen, 9)
    plot = figure.locator(".pl-plot")
    plot.focus()
    screen.page.keyboard.press("ArrowRight")
    screen.page.keyboard.press("ArrowUp")
    for _ in range(22):
        screen.page.keyboard.press("ArrowDown")
    for _ in range(32):
        screen.page.keyboard.press("ArrowRight")
    assert figure.locator(".pl-readout dd").last.inner_text() == "no value"
    for _ in range(8):
        screen.page.keyboard.press("ArrowRight")
    assert _same(figure.locator(".pl-readout dd").last.inner_text(), HEAT[22, 40])


def test_zoom_by_dragging_and_back(screen: Screen) -> None:
    figure = _figure(screen, 6)
    box = figure.locator("canvas").bounding_box()
    reset = figure.get_by_label("Reset zoom")
    assert not reset.is_visible()
    ticks = screen.page.evaluate("[...window.__pellucid.textBoxes.values()][6].map((b) => b.text)")
    screen.page.mouse.move(box["x"] + 120, box["y"] + 60)
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + 220, box["y"] + 140, steps=4)
    screen.page.mouse.up()
    assert reset.is_visible()
    assert screen.page.evaluate("[...window.__pellucid.textBoxes.values()][6].map((b) => b.text)") != ticks
    figure.locator(".pl-plot").dblclick(position={"x": 200, "y": 100})
    assert not reset.is_visible()
    assert screen.page.evaluate("[...window.__pellucid.textBoxes.values()][6].map((b) => b.text)") == ticks


def test_the_csv_holds_the_table(screen: Screen) -> None:
    figure = _figure(screen, 3)
    with screen.page.expect_download() as download:
        figure.get_by_label("Save the data as CSV").click()
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    table = gallery("en")[1].panels[0].table
    assert tuple(rows[0]) == table.columns
    assert [(name, float(value)) for name, value in rows[1:]] == [tuple(row) for row in table.rows]


def test_the_png_is_a_picture_with_its_verdict(screen: Screen) -> None:
    image = pytest.importorskip("PIL.Image")
    figure = _figure(screen, 3)
    with screen.page.expect_download() as download:
        figure.get_by_label("Save as PNG").click()
    assert download.value.suggested_filename == "bars.png"
    picture = image.open(download.value.path()).convert("RGB")
    assert picture.width >= 1280
    colors = {color for _, color in picture.getcolors(1 << 20)}
    for role in ("#b3261e", "#c8500a", "#2166ac"):  # verdict, positive, negative
        assert tuple(bytes.fromhex(role[1:])) in colors, role


def test_language_and_theme_change_in_place_and_in_the_address(browser: Any, report: Path) -> None:
    with opened(browser, report, "theme=light&lang=en") as screen:
        page = screen.page
        page.get_by_role("button", name="简体中文").click()
        page.get_by_role("button", name="深色").click()
        settle(page)
        assert page.locator("h1").inner_text() == gallery_report().editions[1].title
        assert "lang=zh-CN" in page.url
        assert "theme=dark" in page.url
        page.get_by_role("link", name="检验是如何测量的").click()
        assert "section=checks" in page.url
        expect(page.locator("#section-checks > h2")).to_be_in_viewport()
        page.reload()
        settle(page)
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert page.locator('a[aria-current="true"]').inner_text() == "检验是如何测量的"
        assert screen.complaints == []


def test_the_system_decides_the_theme_until_the_reader_does(browser: Any, report: Path) -> None:
    with opened(browser, report, "lang=en", color_scheme="dark") as screen:
        root = screen.page.locator("html")
        expect(root).to_have_attribute("data-theme", "dark")
        screen.page.emulate_media(color_scheme="light")
        expect(root).to_have_attribute("data-theme", "light")
        screen.page.get_by_role("button", name="Dark").click()
        expect(root).to_have_attribute("data-theme", "dark")


def test_paper_is_light_whatever_the_screen_is(browser: Any, report: Path) -> None:
    with opened(browser, report, "theme=dark&lang=en") as screen:
        root = screen.page.locator("html")
        screen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(root).to_have_attribute("data-theme", "light")
        assert {box["color"] for box in screen.lines() if box["where"] == "canvas"} <= {"#1b2430", "#55606e"}  # ink, muted
        screen.page.evaluate("dispatchEvent(new Event('afterprint'))")
        expect(root).to_have_attribute("data-theme", "dark")


def test_a_damaged_report_says_so(browser: Any, report: Path, tmp_path: Path) -> None:
    html = report.read_text(encoding="utf-8")
    start = html.index('id="pellucid-frame">') + len('id="pellucid-frame">')
    broken = tmp_path / "broken.html"
    broken.write_text(html[:start] + html[start : start + 400] + html[html.index("</script>", start) :], encoding="utf-8")
    page = browser.new_page()
    page.goto(broken.as_uri())
    page.wait_for_selector("[role=alert]")
    assert "can not be shown" in page.locator("[role=alert]").inner_text()
    page.close()


@pytest.fixture
def patient() -> Scene:
    return gallery("en")[1]


def test_a_notebook_shows_the_scene_in_a_sandboxed_frame(browser: Any, patient: Scene) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    seen = watch(page)
    page.set_content(f"<!doctype html><title>notebook</title>{mimebundle(patient)['text/html']}")
    frame = page.frame_locator("iframe")
    frame.locator("canvas").first.wait_for()
    assert frame.locator("h3").inner_text() == patient.title
    assert frame.locator(".pl-badge").inner_text().endswith("refused")
    inside = page.frames[1].evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert inside[0] <= inside[1] + 1, "the frame is as high as its scene"
    assert inside[0] >= 0.6 * inside[1], "and not much higher"
    assert seen.complaints == []
    assert not [url for url in seen.requests if url.startswith("http")]
    page.close()


def test_the_widget_module_renders_updates_and_cleans_up(browser: Any, patient: Scene) -> None:
    from pellucid.explanation.frame import to_frame
    from web.front import load_build

    page = browser.new_page()
    module = (load_build().OUTPUT / "notebook.js").read_text(encoding="utf-8")
    page.route(
        "**/*",
        lambda route: route.fulfill(
            body=module if route.request.url.endswith(".js") else "<div id=a></div>",
            content_type=("text/javascript" if route.request.url.endswith(".js") else "text/html"),
        ),
    )
    page.goto("http://notebook.test/")
    frames = [list(to_frame(scene)) for scene in (patient, gallery("zh-CN")[1])]
    titles = page.evaluate(
        """async (frames) => {
          const { default: widget } = await import("./notebook.js");
          // buffers arrive unaligned
          const views = frames.map((f) => { const b = new Uint8Array(f.length + 1); b.set(f, 1); return new DataView(b.buffer, 1); });
          let [now, act] = [views[0], null];
          const model = { get: () => now, on: (_, a) => { act = a; }, off: () => { act = null; } };
          const host = document.querySelector("#a").attachShadow({ mode: "open" });
          const el = host.appendChild(document.createElement("div"));
          const stop = widget.render({ model, el });
          const title = () => el.querySelector("h3").textContent;
          const found = [title(), getComputedStyle(el.querySelector(".pl-badge")).borderRadius];
          now = views[1]; act();
          found.push(title());
          stop();
          return [...found, el.childElementCount, act];
        }""",
        frames,
    )
    assert titles == [patient.title, "99px", gallery("zh-CN")[1].title, 0, None]
    page.close()
