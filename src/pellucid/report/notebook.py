"""A scene in JupyterLab, VS Code and marimo without a widget library: a sandboxed frame that needs no kernel."""

from __future__ import annotations

from html import escape

from pellucid.report.page import page
from pellucid.report.report import Language
from pellucid.scenes import Panel, Scene

_ROW = 26  # pixels per table or category row, as the style sheet sets them


def mimebundle(scene: Scene, language: Language | None = None) -> dict[str, str]:
    """What a notebook shows of a scene: an ``iframe`` whose page is inside the ``srcdoc`` attribute.

    The frame is sandboxed: it runs its own script and may save a download, but reaches neither the notebook nor the network. Its height is
    estimated from the scene, since a sandboxed frame can not tell its own; it can be dragged at its corner.
    """
    content = page(scene, scene.title, language or scene.language)
    style = f"width:100%;height:{height(scene)}px;border:0;resize:vertical;overflow:auto"
    frame = (
        f'<iframe title="{escape(scene.title)}" sandbox="allow-scripts allow-downloads" loading="lazy" '
        f'style="{style}" srcdoc="{escape(content)}"></iframe>'
    )
    return {"text/html": frame, "text/plain": f"{scene.title}\n{scene.summary}"}


def height(scene: Scene) -> int:
    """An estimate of the height in pixels that a scene takes at the width of a notebook."""
    rows = [scene.panels[i : i + scene.columns] for i in range(0, len(scene.panels), max(1, scene.columns))]
    head = 150 + 24 * len(scene.notes) + 24 * len(scene.badge.reasons if scene.badge else ()) + (48 if scene.code else 0)
    return head + sum(max(_panel_height(panel) for panel in row) for row in rows)


def _panel_height(panel: Panel) -> int:
    if panel.x is None or panel.y is None:
        return 110 + 34 * len(panel.table.rows)
    if panel.equal:
        return 560
    return 220 + max(260, _ROW * len(panel.y.ticks) if panel.y.kind == "category" else 0)
