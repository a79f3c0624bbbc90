"""What the pictures of representations share."""

from __future__ import annotations

from pellucid.explanation import Explanation
from pellucid.explanation.contents import Representations
from pellucid.scenes import Panel, Scene
from pellucid.scenes.words import Language, words
from pellucid.views.framing import code


def content(explanation: Explanation) -> Representations:
    """What was seen."""
    if not isinstance(explanation.content, Representations):
        raise TypeError(f"This picture shows Representations, received {type(explanation.content).__name__}")
    return explanation.content


def scene(
    explanation: Explanation, title: str, panels: tuple[Panel, ...], language: Language, notes: tuple[str, ...] = (), columns: int = 1
) -> Scene:
    """Panels under a title and how many layers and rows were looked at."""
    seen, say = content(explanation), words(language)
    key = ("rep.rows" if seen.rows == seen.given else "rep.some") + ("_one" if len(seen.layers) == 1 else "")
    return Scene(
        say[title].format(model=explanation.provenance.model),
        panels,
        panels[0].summary,
        subtitle=say[key].format(rows=f"{seen.rows:,}", given=f"{seen.given:,}", layers=len(seen.layers)),
        columns=min(columns, len(panels)),
        notes=notes,
        code=code(explanation),
        language=language,
    )
