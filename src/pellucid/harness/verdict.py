"""The verdict: one rule, in one function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.explanation.check import Check, Level, Reason, Verdict
from pellucid.explanation.provenance import Caution

CONFIDENCE = 0.05  # one-sided


def verdicts(checks: Sequence[Check], *, finite: np.ndarray, caution: Caution = "") -> tuple[Verdict, ...]:
    """The verdict of every row.

    *refused*: a score or value is not finite, an identity the method promises is broken beyond its stated error, what it fitted does not
    describe the network, or removal in its order is not better than random order (one-sided 95 %). *weak*: something is known against the
    method whatever it is used on, an interval includes its reference, the strongest players change
    with the seed, or
    the explanation hardly depends on what the network learned. *unchecked*: nothing could be measured. Otherwise *supported*.
    """
    return tuple(_verdict(checks, row, finite=bool(finite[row]), caution=caution) for row in range(len(finite)))


def _verdict(checks: Sequence[Check], row: int, *, finite: bool, caution: Caution) -> Verdict:
    if not finite:
        return Verdict("refused", (Reason("not_finite", "scores", None, None),))
    refused = [reason for check in checks if (reason := _refusal(check, row))]
    weak = [reason for check in checks if (reason := _weakness(check, row))]
    known = [Reason(caution, "", None, None)] if caution else []
    if refused:
        return Verdict("refused", (*refused, *known))
    if weak or known:
        return Verdict("weak", (*weak, *known))
    level: Level = "supported" if any(check.role == "faithfulness" for check in checks) else "unchecked"
    return Verdict(level, () if level == "supported" else (Reason("unchecked", "", None, None),))


def _refusal(check: Check, row: int) -> Reason | None:
    value, reference = float(check.value[row]), float(check.reference[row])
    if not (np.isfinite(value) and np.isfinite(reference)):
        return Reason("not_finite", check.name, None, None)
    if check.role == "identity" and value > reference:
        return Reason("identity_broken", check.name, value, reference)
    if check.role == "fit" and value < reference:
        return Reason("poor_fit", check.name, value, reference)
    if check.role == "resolution" and value < reference:
        return Reason("unresolved", check.name, value, reference)
    if check.role == "faithfulness" and not check.p_value[row] <= CONFIDENCE:
        return Reason("not_better_than_random", check.name, value, reference)
    return None


def _weakness(check: Check, row: int) -> Reason | None:
    value, reference = float(check.value[row]), float(check.reference[row])
    if check.role == "faithfulness" and check.low[row] <= reference <= check.high[row]:
        return Reason("interval_includes_random", check.name, value, reference)
    if check.role == "stability" and value < reference:
        return Reason("unstable_over_seeds", check.name, value, reference)
    if check.role == "sensitivity" and check.high[row] >= reference:
        return Reason("ignores_parameters", check.name, value, reference)
    return None
