"""Explanations and reports in a run of Weights & Biases."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from pellucid.errors import InputError, MissingExtra
from pellucid.explanation import Explanation
from pellucid.interop.tracked import existing, plain, tracked
from pellucid.scenes.words import Language


def log_wandb(
    run: Any,  # noqa: ANN401
    logged: Explanation | str | os.PathLike[str],
    *,
    name: str = "explanation",
    language: Language = "en",
) -> Any:  # noqa: ANN401
    """Logs an explanation, or the file of a report, to a run of Weights & Biases, online or offline as the run is.

    Of an explanation: an artifact ``name`` of type ``explanation`` with ``explanation.safetensors``, ``explanation.png``,
    ``narration.txt``, and where it comes from as metadata; in the history the picture, and each check as ``name/deletion`` and
    ``name/deletion_reference`` (means over the rows), with ``name/rows_supported`` and so on.

    Args:
        run: what ``wandb.init()`` returned.
        logged: an Explanation, or the path of a report or archive.
        name: of the artifact, and before every number.
        language: of picture and narration.

    Returns:
        The artifact.

    Raises:
        MissingExtra: wandb is not installed. InputError: this is no run. FileError: no such file.
    """
    try:
        wandb: Any = import_module("wandb")
    except ImportError as error:
        raise MissingExtra("wandb", "wandb") from error
    if not hasattr(run, "log_artifact"):
        received = type(run).__name__
        raise InputError("This is no run of Weights & Biases", received=received, remedy="give what wandb.init() returned")
    called = plain(name).replace(" ", "_")
    if not isinstance(logged, Explanation):
        artifact = wandb.Artifact(called, type="report")
        artifact.add_file(str(existing(logged)))
        run.log_artifact(artifact)
        return artifact
    found = tracked(logged, language=language)
    artifact = wandb.Artifact(called, type="explanation", metadata=dict(found.facts))
    with tempfile.TemporaryDirectory() as place:
        for path in found.write(Path(place)):
            artifact.add_file(str(path), policy="mutable")  # copied now: the folder is gone when the run is uploaded
        told = {f"{called}/{metric}": value for metric, value in found.metrics.items()}
        run.log({**told, f"{called}/picture": wandb.Image(str(Path(place) / "explanation.png"))})
    run.log_artifact(artifact)
    return artifact
