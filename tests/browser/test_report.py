"""The report, opened from disk with the network off, in both themes and languages and at two widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.screen import Screen, contrast, cut_off, opened, overlapping, pale, watch

pytestmark = pytest.mark.browser
# each theme with each language, each of them at both widths
LOOKS = [
    ("light", "en", 1280),
    ("light", "en", 800),
    ("dark", "zh-CN", 1280),
    ("dark", "zh-CN", 800),
    ("dark", "en", 1280),
    ("light", "zh-CN", 800),
]


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: "-".join(map(str, look)))
def screen(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Screen]:
    theme, language, width = request.param
    with opened(browser, report, f"theme={theme}&lang={language}", width) as found:
        assert found.page.locator("html").get_attribute("lang") == language
        assert found.page.locator("html").get_attribute("data-theme") == theme
        yield found


def test_no_complaint_and_no_request(screen: Screen, report: Path) -> None:
    assert screen.complaints == []
    assert [url.split("#")[0] for url in screen.requests] == [report.as_uri()]


def test_text_neither_overlaps_nor_is_cut_off(screen: Screen) -> None:
    lines = screen.lines()
    assert sum(line["where"] == "page" for line in lines) > 50
    assert sum(line["where"] == "canvas" for line in lines) > 60
    assert overlapping(lines) == []
    assert cut_off(lines) == []
    assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_open_code_and_tables_fit_too(screen: Screen) -> None:
    before = len(screen.lines())
    screen.page.evaluate("document.querySelectorAll('details').forEach((el) => { el.open = true; })")
    screen.page.evaluate("document.querySelectorAll('.pl-icon[aria-pressed=false]').forEach((el) => el.click())")
    lines = screen.lines()
    assert any(line["text"].startswith("import pellucid") for line in lines)
    assert (overlapping(lines), cut_off(lines), pale(lines)) == ([], [], [])
    screen.page.evaluate("document.querySelectorAll('.pl-icon[aria-pressed=true]').forEach((el) => el.click())")
    screen.page.evaluate("document.querySelectorAll('details').forEach((el) => { el.open = false; })")
    assert len(screen.lines()) == before


def test_text_can_be_read(screen: Screen) -> None:
    assert pale(screen.lines()) == []


def test_axe_finds_nothing(screen: Screen, axe: str) -> None:
    assert _violations(screen, axe) == []


def _violations(screen: Screen, axe: str) -> list[str]:
    screen.page.evaluate(axe)
    found = screen.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)")
    return [f"{v['impact']}: {v['id']} ({v['nodes'][0]['html'][:120]})" for v in found]


def test_every_mark_is_there(screen: Screen) -> None:
    """A picture that stayed empty would pass every other test."""
    drawn = screen.page.evaluate("""() => [...document.querySelectorAll("canvas")].map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 250) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return seen.size;
    })""")
    assert len(drawn) == 10
    assert min(drawn) >= 3, drawn


class TestTheMeasuresCanFail:
    """Each guard above sees the flaw that it is there for."""

    @pytest.fixture
    def plain(self, browser: Any, report: Path) -> Iterator[Screen]:
        with opened(browser, report, "theme=light&lang=en") as found:
            yield found

    def test_overlap(self, plain: Screen) -> None:
        plain.page.locator(".pl-section h2").first.evaluate("(el) => { el.style.marginBottom = '-30px'; }")
        assert any("A digit" in pair for pair in overlapping(plain.lines()))

    def test_overlap_on_a_canvas(self, plain: Screen) -> None:
        lines = [line for line in plain.lines() if line["where"] == "canvas"]
        moved = {**lines[0], "left": lines[0]["left"] + 3, "right": lines[0]["right"] + 3}
        assert len(overlapping([*lines, moved])) == 1

    def test_cut_off(self, plain: Screen) -> None:
        plain.page.locator(".pl-scene h3").first.evaluate(
            "(el) => Object.assign(el.style, {overflow: 'hidden', whiteSpace: 'nowrap', width: '60px'})"
        )
        assert cut_off(plain.lines()) == ["Which pixels carried the digit"]

    def test_pale(self, plain: Screen) -> None:
        plain.page.locator(".pl-date").evaluate("(el) => { el.style.color = '#b0b0b0'; }")
        assert len(pale(plain.lines())) == 1
        assert contrast("#777777", "rgb(255, 255, 255)") == pytest.approx(4.478, abs=1e-3)

    def test_axe(self, plain: Screen, axe: str) -> None:
        plain.page.locator(".pl-icon:not([hidden])").first.evaluate(
            "(el) => { el.removeAttribute('aria-label'); el.removeAttribute('title'); }"
        )
        assert any("button-name" in line for line in _violations(plain, axe))

    def test_complaint_and_policy(self, plain: Screen) -> None:
        plain.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))")
        plain.page.evaluate("fetch('https://example.org/').catch(() => 0)")
        plain.page.wait_for_timeout(200)
        assert len([line for line in plain.complaints if "Content Security Policy" in line]) >= 2

    def test_request(self, browser: Any) -> None:
        page = browser.new_page()
        seen = watch(page)
        page.set_content("<img src='https://example.org/x.png'>")
        assert any("example.org" in url for url in seen.requests)
        page.close()
