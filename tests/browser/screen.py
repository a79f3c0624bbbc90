"""Opens pages in Chromium with the network off, and measures what a reader sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

MEASURES = (Path(__file__).parent / "measures.js").read_text(encoding="utf-8")


@dataclass
class Screen:
    """A page, and what it said and asked for since it was opened."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def lines(self) -> list[dict[str, Any]]:
        """Every line of text that is shown, on the page and on canvases."""
        return self.page.evaluate(f"({MEASURES})()")


@contextmanager
def context(browser: Browser, width: int, **options: Any) -> Iterator[BrowserContext]:
    """A browser context of its own, offline."""
    made = browser.new_context(viewport={"width": width, "height": 900}, timezone_id="UTC", **options)
    made.set_offline(True)
    try:
        yield made
    finally:
        made.close()


def watch(page: Page) -> Screen:
    """Begins to record errors and requests; whatever is not a file or data is refused."""
    screen = Screen(page)
    page.on("console", lambda message: screen.complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: screen.complaints.append(str(error)))
    page.on("request", lambda request: screen.requests.append(request.url))
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith(("file:", "data:", "blob:")) else route.abort())
    return screen


@contextmanager
def opened(browser: Browser, path: Path, state: str = "", width: int = 1280, **options: Any) -> Iterator[Screen]:
    """A page from disk, in the state of an address (``theme=dark&lang=en``), when it has drawn."""
    with context(browser, width, **options) as made:
        screen = watch(made.new_page())
        screen.page.goto(f"{path.as_uri()}#debug=1&{state}")
        settle(screen.page)
        yield screen


def settle(page: Page) -> None:
    """Waits until everything is drawn at its size: two frames after the last picture has its height."""
    page.wait_for_selector(".pl-scene")
    page.evaluate("document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))")


def measured(screen: Screen, axe: str, address: str, *, drawn: int = 10) -> None:
    """What must hold of every page: pictures are drawn, nothing overlaps, is cut off or pale, axe and the console are silent, one request.

    Args:
        axe: the source of axe-core. ``address``: of the page, the only thing that may be asked for. ``drawn``: fewest texts in pictures.
    """
    lines = screen.lines()
    assert sum(line["where"] == "canvas" for line in lines) > drawn, "the pictures are drawn"
    assert (overlapping(lines), cut_off(lines), pale(lines)) == ([], [], [])
    assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screen.page.evaluate(axe)
    assert screen.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id))") == []
    assert screen.complaints == []
    assert [url.split("#")[0] for url in screen.requests] == [address]


def overlapping(lines: list[dict[str, Any]]) -> list[str]:
    """Pairs of lines whose boxes share more than a pixel."""
    found: list[str] = []
    ordered = sorted(lines, key=lambda line: line["top"])
    for i, a in enumerate(ordered):
        for b in ordered[i + 1 :]:
            if b["top"] >= a["bottom"] - 1:
                break
            wide = min(a["right"], b["right"]) - max(a["left"], b["left"])
            high = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
            if wide > 1 and high > 1:
                found.append(f"{a['text']!r} and {b['text']!r}")
    return found


def cut_off(lines: list[dict[str, Any]]) -> list[str]:
    """Lines that run over the edge of what holds them."""
    return [line["text"] for line in lines if line["cut"]]


def pale(lines: list[dict[str, Any]]) -> list[str]:
    """Lines whose contrast with what lies behind them is below 4.5."""
    return [f"{line['text']!r}: {ratio:.2f}" for line in lines if (ratio := contrast(line["color"], line["behind"])) < 4.5]


def contrast(a: str, b: str) -> float:
    """The contrast ratio of two CSS colors (WCAG 2)."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    numbers = (
        [int(color[i : i + 2], 16) for i in (1, 3, 5)] if color.startswith("#") else [float(n) for n in re.findall(r"[\d.]+", color)[:3]]
    )
    linear = [v / 255 / 12.92 if v / 255 <= 0.03928 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in numbers]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
