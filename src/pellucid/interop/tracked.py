"""What experiment trackers are given of an explanation: files, numbers and words."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.errors import FileError
from pellucid.explanation import Explanation
from pellucid.explanation.check import LEVELS
from pellucid.explanation.frame import to_frame, write_whole
from pellucid.scenes.words import Language

DPI = 110


@dataclass(frozen=True)
class Tracked:
    """The files of an explanation by name, its ``metrics`` by name, and ``facts`` as text.

    Metrics of a check are means over the rows: ``deletion``, and ``deletion_reference``, what a random explanation scores; those of the
    verdict count rows: ``rows_supported``. What is not finite is left out.
    """

    files: Mapping[str, bytes]
    metrics: Mapping[str, float]
    facts: Mapping[str, str]

    def write(self, folder: Path) -> list[Path]:
        """Writes the files into a folder that exists."""
        return [write_whole(folder / name, content) for name, content in self.files.items()]


def tracked(explanation: Explanation, *, language: Language = "en") -> Tracked:
    """The archive, a picture and the narration of an explanation, its measures, and where it comes from."""
    origin = explanation.provenance
    files = {
        "explanation.safetensors": to_frame(explanation),
        "explanation.png": picture(explanation, language),
        "narration.txt": (explanation.narrate(language=language) + "\n").encode(),
    }
    facts = {"method": origin.method, "target": origin.target, "model": origin.model, "model_fingerprint": origin.model_fingerprint}
    if explanation.content is None:
        facts["verdict"] = explanation.verdict
    return Tracked(files, metrics(explanation), {name: text for name, text in facts.items() if text})


def metrics(explanation: Explanation) -> dict[str, float]:
    """Means of checks over the rows, and counts of verdicts."""
    found: dict[str, float] = {}
    for check in explanation.checks:
        for name, values in ((check.name, check.value), (f"{check.name}_reference", check.reference)):
            finite = values[np.isfinite(values)]
            if len(finite):
                found[name] = float(finite.mean())
    counted = Counter(one.level for one in explanation.verdicts)
    return found | {f"rows_{level}": float(counted[level]) for level in LEVELS if len(explanation)}


def picture(explanation: Explanation, language: Language) -> bytes:
    """A PNG of the main view; of many rows a gallery of images or a beeswarm of features."""
    from pellucid import paper

    axes = explanation.arrays[0].axes if explanation.arrays else ()
    view: dict[str, str] = {}
    if len(explanation) > 1 and len(explanation.arrays) == 1 and explanation.kind in ("attribution", "layer_attribution"):
        view = {"view": "gallery"} if {"y", "x"} <= set(axes) else {"view": "beeswarm"} if axes == ("sample", "feature") else {}
    return paper.png_bytes(explanation.plot(language=language, **view), dpi=DPI)


def existing(path: str | os.PathLike[str]) -> Path:
    """The path of a report or archive to be handed on.

    Raises:
        FileError: there is no such file.
    """
    found = Path(path)
    if not found.is_file():
        raise FileError("There is no such file to log", received=str(path), remedy="give an Explanation, or the path of a report")
    return found


def plain(name: str) -> str:
    """A name that every tracker takes: letters, digits, ``_``, ``-``, ``.`` and spaces."""
    return re.sub(r"[^\w. -]", "_", name, flags=re.ASCII) or "explanation"
