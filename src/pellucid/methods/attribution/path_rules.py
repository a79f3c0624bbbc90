"""The rules for integrating gradients along a path, and which of them ``auto`` takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pellucid.errors import CapabilityError
from pellucid.methods.attribution.adaptive_path import adaptive
from pellucid.methods.attribution.exact_path import exact
from pellucid.methods.attribution.midpoint_path import midpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.errors import PellucidError
    from pellucid.methods.attribution.path import Integral, Path

Rule = Literal["auto", "exact", "adaptive", "midpoint"]
MOST = 512 * 2**20  # bytes of one row's gradients that the exact and adaptive rules may keep
RULES: tuple[Rule, ...] = ("auto", "exact", "adaptive", "midpoint")


def integrate(path: Path, rule: Rule, *, steps: int, max_segments: int) -> Integral:
    """The integral along one path by one of the rules.

    Raises:
        CapabilityError: ``exact``, and the network is not piecewise linear.
        BudgetError: ``exact``, and the path has too many pieces.
    """
    if rule == "midpoint":
        return midpoint(path, steps)
    if rule == "adaptive":
        return adaptive(path, steps)
    if rule == "auto" or path.evaluator.stage == "checks":  # a check may explain another network by the same method
        return _auto(path, steps, max_segments)
    found = exact(path, max_segments=max_segments)
    for reason in found.reasons:
        raise reason
    return found.integral


def _auto(path: Path, steps: int, max_segments: int) -> Integral:
    """Exact where the network is piecewise linear and the path has few pieces, row by row; adaptive elsewhere; and by midpoints, which
    keep no gradient, where the gradients of one row would take too much memory."""
    needed = steps * sum(d[0].numel() * d.element_size() for d in path.difference)
    if needed > MOST:
        told = f"the gradients of a row would take {needed / 2**20:.0f} MiB, more than {MOST // 2**20}"
        return replace(midpoint(path, steps), choice=f"rule: midpoint, since {told}")
    try:
        found = exact(path, max_segments=max_segments, reserve=steps + 1)
    except CapabilityError as error:
        return replace(adaptive(path, steps), choice=_choice((error,)))
    rest = (~found.done).nonzero()[:, 0]
    if not len(rest):
        return replace(found.integral, choice="rule: exact in every row")
    whole = adaptive(path, steps, rest)
    done = found.done.nonzero()[:, 0]
    for ours, theirs in zip(
        (*found.integral.values, *found.integral.errors, found.integral.completeness),
        (*whole.values, *whole.errors, whole.completeness),
        strict=True,
    ):
        theirs[done.to(theirs.device)] = ours[done].to(theirs)
    which = "" if not len(done) else f" in {len(rest)} of {len(found.done)} rows"
    return replace(whole, choice=_choice(found.reasons, which))


def _choice(reasons: Sequence[PellucidError], which: str = "") -> str:
    told = "; ".join(f"{reason.problem[0].lower()}{reason.problem[1:]} ({reason.received})" for reason in reasons)
    return f"rule: adaptive{which}, since {told}"
