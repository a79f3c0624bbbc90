"""compare(): several methods on the same rows, ranked by measured faithfulness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import CapabilityError, InputError, LayerError
from pellucid.explanation.explanation import Explanation
from pellucid.harness.comparison import CLEAR, Compared, Comparison
from pellucid.harness.explain import explain
from pellucid.harness.judge import Given
from pellucid.harness.result import Depth
from pellucid.methods.registry import as_method

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.spec import ModelSpec
    from pellucid.harness.progress import Progress
    from pellucid.methods.run import Budget


def compare(
    model: Any,  # noqa: ANN401
    inputs: Any,  # noqa: ANN401
    methods: Sequence[Any],
    *,
    target: Any = None,  # noqa: ANN401
    background: Any = None,  # noqa: ANN401
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    checks: Depth = "fast",
    seed: int = 0,
    budget: Budget | None = None,
    progress: bool | Progress = False,
) -> Comparison:
    """Explains the same decisions by several methods, and says whose order of importance the network itself confirms best.

    Every method is measured on the same players (features, image patches, tokens) with the same in-fill, whatever its own baseline
    and resolution, so that the ranking compares like with like. A method that this model has no way to run (no gradient, no
    attention) is listed with its reason; it does not end the comparison.

    Args:
        model, inputs, target, background, spec, preparation, class_names, checks, seed, progress: as for :func:`pellucid.explain`.
        methods: at least two ids, classes or Method objects; the same id may come with several options.
        budget: for each method.

    Returns:
        A :class:`Comparison`: ``ranked``, ``rank_correlation``, ``top_overlap``, ``disagreement``, ``plot()``, ``narrate()``.

    Raises:
        InputError: fewer than two methods, or fewer than two that this model can be explained by; several inputs.
        PellucidError: as for :func:`pellucid.explain`.
    """
    chosen = [as_method(one) for one in methods]
    if len(chosen) < 2:
        raise InputError("A comparison needs at least two methods", received=f"{len(chosen)}", remedy='give ["gradcam", "occlusion"]')
    explained = partial(
        explain,
        model,
        inputs,
        target=target,
        background=background,
        spec=spec,
        preparation=preparation,
        class_names=class_names,
        seed=seed,
        progress=progress,
    )
    found: list[tuple[str, Explanation]] = []
    failed: list[tuple[str, str]] = []
    for name, method in zip(_names([one.id for one in chosen]), chosen, strict=True):
        try:
            found.append((name, explained(method, checks=checks, budget=budget)))
        except (CapabilityError, LayerError) as error:
            failed.append((name, str(error)))
    if len(found) < 2:
        raise InputError(
            "Fewer than two of these methods can explain this model",
            received="; ".join(f"{name}: {why}" for name, why in failed),
            remedy="choose others from pl.methods()",
        )
    return _compared(found, failed, partial(explained, checks="fast"))


def _compared(found: list[tuple[str, Explanation]], failed: list[tuple[str, str]], measure: Any) -> Comparison:  # noqa: ANN401
    if any(len(e.arrays) != 1 or len(e.inputs) != 1 for _, e in found):
        raise InputError(
            "Methods can be compared on networks with one explained input",
            received=f"{max(len(e.inputs) for _, e in found)} inputs",
            remedy="explain each method alone and compare its checks",
        )
    measured = [measure(Given(explanation.arrays[0].values, "")) for _, explanation in found]
    players = measured[0].inputs[0].players
    if players is None:
        raise InputError("This input has no players to compare on", received="no players", remedy="compare on features, pixels or tokens")
    ranked = [
        Compared(name, explanation, _by_player(same, players), _lead(same))
        for (name, explanation), same in zip(found, measured, strict=True)
    ]
    ranked.sort(key=lambda one: -np.nan_to_num(one.faithfulness, nan=-np.inf))
    spent = sum(e.provenance.evaluations + e.provenance.check_evaluations for e in (*measured, *(e for _, e in found)))
    infill = next((c.note.partition("in-fill: ")[2].partition(";")[0] for c in measured[0].checks if c.role == "faithfulness"), "")
    return Comparison(tuple(ranked), players, infill, tuple(failed), spent)


def _names(ids: list[str]) -> list[str]:
    """The ids, numbered where one comes several times."""
    totals, seen = Counter(ids), Counter[str]()
    names = []
    for one in ids:
        seen[one] += 1
        names.append(f"{one} {seen[one]}" if totals[one] > 1 else one)
    return names


def _by_player(measured: Explanation, players: np.ndarray) -> np.ndarray:
    """Sums over each player's elements, (sample, player)."""
    array = measured.arrays[0]
    values = array.values.astype(np.float64)
    if {"y", "x"} <= set(array.axes):  # players of images are labelled as pictures are shown
        order = [array.axes.index(axis) for axis in ("sample", "y", "x", "channel") if axis in array.axes]
        values = values.transpose(order)
    flat, labels = values.reshape(len(values), -1), players.reshape(-1)
    if flat.shape[1] != labels.size:  # grouped columns and embedded tokens have one value per player already
        return flat
    count = int(labels.max()) + 1
    return np.stack([np.bincount(labels, weights=row, minlength=count) for row in flat])


def _lead(measured: Explanation) -> np.ndarray:
    """How far the order beats random order, in standard deviations of the random orders; the mean of deletion and insertion."""
    leads = []
    for check in measured.checks:
        if check.role != "faithfulness":
            continue
        spread = np.maximum((check.high - check.low) / 2, 1e-300)  # the reach of the 95 % interval
        sign = 1.0 if check.direction == "higher" else -1.0
        leads.append(CLEAR * sign * (check.value - check.reference) / spread)
    if not leads:
        return np.full(len(measured), np.nan)
    return np.clip(np.mean(leads, axis=0), -99, 99)
