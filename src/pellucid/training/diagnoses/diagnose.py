"""From evidence to findings."""

from __future__ import annotations

from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import SEVERITIES, Finding
from pellucid.training.diagnoses.registry import DIAGNOSES


def diagnose(evidence: Evidence) -> tuple[Finding, ...]:
    """What is wrong with a training, the gravest first; nothing where the evidence is too thin.

    What it does not show: faults that leave no trace in what was recorded, such as wrong labels or data that gives the answer away.
    """
    found = [finding for look in DIAGNOSES if (finding := look(evidence)) is not None]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))
