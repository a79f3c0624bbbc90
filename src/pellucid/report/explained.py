"""From a model and rows to a report in one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import FileError
from pellucid.harness.explain import explain
from pellucid.harness.result import Depth
from pellucid.report.page import write_report
from pellucid.report.report import Language
from pellucid.report.sections import report_of

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.spec import ModelSpec
    from pellucid.harness.progress import Progress
    from pellucid.narration.decision import Quality

METHODS = ("integrated_gradients", "occlusion")


def report(
    model: Any,  # noqa: ANN401
    inputs: Any,  # noqa: ANN401
    path: str | os.PathLike[str],
    *,
    methods: Sequence[Any] | None = None,
    target: Any = None,  # noqa: ANN401
    background: Any = None,  # noqa: ANN401
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    labels: Sequence[Any] | None = None,
    quality: Quality | None = None,
    checks: Depth = "fast",
    seed: int = 0,
    title: str = "",
    languages: Sequence[Language] = ("en", "zh-CN"),
    progress: bool | Progress = False,
) -> Path:
    """Explains rows by several methods and writes one HTML file that opens from disk without a network.

    Args:
        model, inputs, target, background, spec, preparation, class_names, labels, checks, seed, progress: as for :func:`pellucid.explain`.
        path: of the file; written whole or not at all.
        methods: ids, classes or Method objects; integrated gradients and occlusion if not given (occlusion alone without gradients).
        quality: what :func:`pellucid.evaluate` returned: a network no better than guessing is called that, above anything else.
        title: of the page.
        languages: the first is what opens.

    Returns:
        The path of the report.

    Raises:
        PellucidError: as for :func:`pellucid.explain`, or when the path can not be written (looked at before any work is done).
    """
    from pellucid.models.wrap import wrap

    place = Path(path)
    if place.is_dir() or not place.parent.is_dir():
        problem = "The path to write is a folder" if place.is_dir() else "The folder to write into does not exist"
        raise FileError(problem, received=str(place), remedy="give the name of an HTML file in a folder that exists")
    wrapped = wrap(model, spec)
    chosen = methods or (METHODS if "gradient" in wrapped.can else METHODS[1:])
    made = [
        explain(
            wrapped,
            inputs,
            method,
            target=target,
            background=background,
            preparation=preparation,
            class_names=class_names,
            labels=labels,
            checks=checks,
            seed=seed,
            progress=progress,
        )
        for method in chosen
    ]
    return write_report(report_of(made, title=title, languages=languages, quality=quality), place)
