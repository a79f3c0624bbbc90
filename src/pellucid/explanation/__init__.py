"""Results: explanations, targets, checks, provenance, and the frame they travel in."""

from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check, Reason, Verdict
from pellucid.explanation.explanation import Decision, Explanation, ShownInput, load
from pellucid.explanation.provenance import Provenance

__all__ = ["Check", "Decision", "Explanation", "LabelledArray", "Provenance", "Reason", "ShownInput", "Verdict", "load"]
