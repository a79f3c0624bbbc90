"""The one-file page and the notebook frame, as bytes; how they look is tested in a browser."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import FileError
from pellucid.explanation import Explanation
from pellucid.explanation.codec import Packer
from pellucid.explanation.frame import from_frame, to_frame
from pellucid.report import Edition, Report, Section, display, mimebundle, page, write_report
from pellucid.scenes import Points, Scene
from pellucid.scenes.sampling import MOST, SENT, sample_of
from views import explanations_by_hand as by_hand
from web import golden


def _parts(html: str, element: str) -> list[str]:
    return re.findall(rf"<{element}[^>]*>(.*?)</{element}>", html, re.DOTALL)


def test_the_policy_forbids_all_but_this_script_and_this_style(tmp_path: Path) -> None:
    html = write_report(golden.report(), tmp_path / "report.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hashed(_parts(html, "script")[1])
    assert rules["style-src"] == hashed(_parts(html, "style")[0])
    assert "connect-src" not in rules
    assert "unsafe" not in policy[1]


def test_the_frame_inside_is_the_report(tmp_path: Path) -> None:
    html = write_report(golden.report(), tmp_path / "report.html").read_text(encoding="utf-8")
    frame = gzip.decompress(base64.b64decode(_parts(html, "script")[0]))
    assert frame == to_frame(golden.report())
    assert from_frame(frame, Report).editions[1].language == "zh-CN"


def test_two_languages_share_their_arrays() -> None:
    both = golden.report()
    one = replace(both, editions=both.editions[:1])
    assert len(page.page(both, "t", "en")) < 1.02 * len(page.page(one, "t", "en"))


def test_the_same_report_gives_the_same_bytes() -> None:
    assert page.page(golden.report(), "t", "en") == page.page(golden.report(), "t", "en")


def test_a_page_holds_no_more_marks_than_it_may_and_a_notebook_fewer() -> None:
    places = np.arange(SENT + 1, dtype=np.float32)
    points = Points("", places, places, sample=sample_of(places >= 0, MOST, "points", "en"))
    scene = replace(golden.scene(), panels=(replace(golden.scene().panels[0], marks=(points,)),), language="en")
    edition = replace(golden.report().editions[0], sections=(Section("s", "S", (), (scene,)),))

    def frame(html: str) -> bytes:
        return gzip.decompress(base64.b64decode(_parts(html, "script")[0]))

    report = from_frame(frame(page.page(Report("", "", (edition,)), "t", "en")), Report)
    notebook = from_frame(frame(unescape(mimebundle(scene)["text/html"])), Scene)
    for found, count in ((report.editions[0].sections[0].scenes[0], SENT), (notebook, 60_000)):
        mark = found.panels[0].marks[0]
        assert isinstance(mark, Points)
        assert len(mark.x) == count
        assert found.panels[0].subtitle == f"this file holds {count:,} of the 300,001 points: no zoom brings the others back"


def test_a_title_can_not_break_out() -> None:
    html = page.page(golden.report(), "</title><script>alert(1)</script>", "en")
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_text_in_the_bundle_can_not_close_its_element(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.js").write_text('x="</script><!--"')
    monkeypatch.setattr(page, "FRONT", tmp_path)
    assert page._inlined("evil.js") == 'x="<\\/script><\\!--"'


def test_a_folder_as_path_and_an_empty_report_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"folder.*report\.html"):
        write_report(golden.report(), tmp_path)
    with pytest.raises(FileError, match="at least one edition"):
        write_report(Report("2026-01-01", "0", ()), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_without_the_front_end_the_error_says_how_to_build_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "FRONT", tmp_path / "nowhere")
    page._inlined.cache_clear()
    with pytest.raises(FileError, match=r"hatch_build\.py build"):
        write_report(golden.report(), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_gets_a_sandboxed_frame_with_the_whole_page() -> None:
    frames: list[dict[str, str | None]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "iframe":
                frames.append(dict(attrs))

    bundle = mimebundle(golden.scene(), "zh-CN")
    Reader().feed(bundle["text/html"])
    assert len(frames) == 1
    assert frames[0]["sandbox"] == "allow-scripts allow-downloads"
    assert frames[0]["srcdoc"] == page.page(golden.scene(), "Golden", "zh-CN")
    assert "Every mark once." in bundle["text/plain"]


@pytest.mark.parametrize(
    ("made", "told"), [(by_hand.patient(), "malignant"), (by_hand.patient(rows=3), "Row 1 of 3"), (by_hand.digits(), "6 samples")]
)
def test_a_notebook_shows_an_explanation_live_and_as_a_png(made: Explanation, told: str) -> None:
    bundle = display(made)
    html = unescape(bundle["text/html"])
    frame = gzip.decompress(base64.b64decode(_parts(html, "script")[0]))
    assert told in json.dumps(Packer().pack(from_frame(frame, Scene)), ensure_ascii=False)
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_an_edition_keeps_its_order() -> None:
    edition = golden.report().editions[0]
    assert isinstance(edition, Edition)
    assert from_frame(to_frame(edition), Edition).sections[0].scenes[0].panels[0].marks[6].mark == "text"
