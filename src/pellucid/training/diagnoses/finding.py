"""One fault that was found in a recorded training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pellucid.explanation import renderers

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """A fault, and the numbers that it rests on.

    Attributes:
        id: which of the diagnoses, such as ``dead_rectifiers``.
        severity: ``error`` where the training can not succeed like this, ``warning`` where it is likely harmed, ``note`` where it may
            pass or be meant.
        steps: the first and the last step of the evidence.
        numbers: (name, value) of every number that the sentences speak of; a name that ends with ``share`` is a part of 1.
        layers: that are concerned, the worst first; empty where the fault is none of layers.
    """

    id: str
    severity: Severity
    steps: tuple[int, int]
    numbers: tuple[tuple[str, float], ...]
    layers: tuple[str, ...] = ()

    kind = "diagnosis"

    @property
    def layer(self) -> str:
        """The layer that is concerned most, "" where the fault is none of layers."""
        return self.layers[0] if self.layers else ""

    def narrate(self, language: Literal["en", "zh-CN"] = "en") -> str:
        """What was found, its likely cause, and what to try, in three sentences or a few more."""
        return renderers.find("narrate", self.kind)(self, language=language)
