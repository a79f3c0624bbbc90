"""Explanations and reports in a run of MLflow."""

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


def log_mlflow(
    logged: Explanation | str | os.PathLike[str],
    *,
    name: str = "explanation",
    run_id: str | None = None,
    step: int = 0,
    language: Language = "en",
) -> str:
    """Logs an explanation, or the file of a report, to MLflow's active run, wherever MLflow keeps it.

    Of an explanation: the artifacts ``explanation.safetensors``, ``explanation.png`` and ``narration.txt`` in a folder ``name``; each check
    as the metrics ``name.deletion`` and ``name.deletion_reference`` (means over the rows); ``name.rows_supported`` and so on; tags with
    method, target, model and verdict.

    Args:
        logged: an Explanation, or the path of a report or archive.
        name: of the folder, and before every metric.
        run_id: another run than the active one.
        step: of the metrics.
        language: of picture and narration.

    Returns:
        The id of the run.

    Raises:
        MissingExtra: mlflow is not installed. InputError: no run is active. FileError: no such file.
    """
    try:
        mlflow: Any = import_module("mlflow")
    except ImportError as error:
        raise MissingExtra("mlflow", "mlflow") from error
    active = mlflow.active_run()
    if run_id is None and active is None:
        raise InputError(
            "No run of MLflow is active", received="run_id=None", remedy="log inside `with mlflow.start_run():`, or give run_id"
        )
    client, run, folder = mlflow.MlflowClient(), run_id or active.info.run_id, plain(name)
    if not isinstance(logged, Explanation):
        client.log_artifact(run, str(existing(logged)), folder)
        return run
    found = tracked(logged, language=language)
    with tempfile.TemporaryDirectory() as place:
        for path in found.write(Path(place)):
            client.log_artifact(run, str(path), folder)
    for metric, value in found.metrics.items():
        client.log_metric(run, f"{folder}.{metric}", value, step=step)
    for tag, text in found.facts.items():
        client.set_tag(run, f"{folder}.{tag}", text)
    return run
