"""A scene in JupyterLab, VS Code and marimo without a widget library: a sandboxed frame that needs no kernel."""

from __future__ import annotations

import base64
from dataclasses import replace
from html import escape

from pellucid.explanation import Explanation
from pellucid.report.page import page
from pellucid.report.report import Language
from pellucid.scenes import Panel, Scene
from pellucid.scenes.sampling import limited, said

_DPI = 110
_SENT = 60_000  # marks of one panel: a notebook holds every picture that was ever shown in it
_WIDTH = 920  # pixels: a notebook's output cell on an ordinary screen, less the card's margins


def mimebundle(scene: Scene, language: Language | None = None) -> dict[str, str]:
    """What a notebook shows of a scene: an ``iframe`` whose page is inside the ``srcdoc`` attribute.

    The frame is sandboxed: it runs its own script and may save a download, but reaches neither the notebook nor the network. Its height is
    estimated from the scene, since a sandboxed frame can not tell its own; it can be dragged at its corner.
    """
    scene = limited(scene, _SENT)
    content = page(scene, scene.title, language or scene.language)
    style = f"width:100%;height:{height(scene)}px;border:0;resize:vertical;overflow:auto"
    frame = (
        f'<iframe title="{escape(scene.title)}" sandbox="allow-scripts allow-downloads" loading="lazy" '
        f'style="{style}" srcdoc="{escape(content)}"></iframe>'
    )
    return {"text/html": frame, "text/plain": f"{scene.title}\n{scene.summary}"}


def display(explanation: Explanation) -> dict[str, str]:
    """What a notebook shows of an explanation: the live picture of its main view, and a PNG for places that show no HTML.

    Of several rows, images are shown as a gallery; else the first row is, with a note that says so.
    """
    from pellucid import paper, views

    picture = len(explanation.inputs) == 1 and {"y", "x"} <= set(explanation.arrays[0].axes)
    if len(explanation) > 1 and picture:
        scene = views.gallery(explanation)
    elif len(explanation) > 1:
        first = views.attribution(explanation, row=0)
        scene = replace(first, notes=(*first.notes, f"Row 1 of {len(explanation)}: e[i] shows another"))
    else:
        scene = views.attribution(explanation)
    return {
        "text/html": mimebundle(scene)["text/html"],
        "image/png": base64.b64encode(paper.png_bytes(paper.draw(scene), dpi=_DPI)).decode(),
    }


def display_inspection(explanation: Explanation) -> dict[str, str]:
    """What a notebook shows of an inspection: the live picture of its main view, and a PNG for places that show no HTML."""
    from pellucid import paper
    from pellucid.views.inside import inside

    scene = inside(explanation)
    return {
        "text/html": mimebundle(scene)["text/html"],
        "image/png": base64.b64encode(paper.png_bytes(paper.draw(scene), dpi=_DPI)).decode(),
    }


def height(scene: Scene) -> int:
    """An estimate of the height in pixels that a scene takes at the width of a notebook; rather too high than too low."""
    columns = max(1, scene.columns)
    reasons = len(scene.badge.reasons) if scene.badge else 0
    head = 110 + 24 * (reasons + len(scene.notes)) + (20 if scene.notes else 0) + (46 if scene.code else 0)
    wide = [_alone(scene) and panel is scene.panels[-1] for panel in scene.panels]
    heights = [_panel_height(panel, _WIDTH if alone else _WIDTH / columns - 32) for panel, alone in zip(scene.panels, wide, strict=True)]
    return round(head + sum(max(heights[i : i + columns]) for i in range(0, len(heights), columns)))


def _alone(scene: Scene) -> bool:
    """Whether the last panel has a row for itself and takes it (as ``web/src/scene.ts`` arranges)."""
    return scene.columns > 1 and len(scene.panels) % scene.columns == 1 and not scene.panels[-1].equal


def _panel_height(panel: Panel, width: float) -> float:
    if panel.x is None or panel.y is None:
        return 100 + 34 * min(len(panel.table.rows), 13)
    title = 23 * (1 + len(panel.title) * 9 // max(120, int(width) - 120)) + (20 if panel.subtitle else 0) + 20 * len(said(panel)) + 10
    key = (34 if panel.legend or panel.hatched else 0) + (86 if panel.scale else 0)
    return title + _chart_height(panel, width) + key + 26


def _chart_height(panel: Panel, width: float) -> float:
    """The height of the canvas, as ``web/src/layout.ts`` decides it."""
    if panel.x is None or panel.y is None:
        return 0
    margins = (2 if panel.x.hidden else 48) + (1 if panel.y.hidden else 28)
    (left, right), (low, high) = panel.x.domain, panel.y.domain
    if panel.equal:
        return min(440, width * abs(high - low) / (abs(right - left) or 1) + margins)
    if panel.y.kind == "category":
        long = any(len(label) * 7 > 0.42 * width for label in panel.y.tick_labels)
        return max(2, abs(high - low)) * (38 if long else 28) + margins
    return min(320, max(190, 0.56 * (width - 60))) + margins
