"""What is logged to MLflow and to Weights & Biases can be read back with their own readers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pellucid as pl
from interop.subjects import table
from pellucid.errors import InputError
from pellucid.interop import log_mlflow, log_wandb

FILES = {"explanation.safetensors", "explanation.png", "narration.txt"}


@pytest.mark.filterwarnings("ignore")
def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    e = table()
    with pytest.raises(InputError, match="No run of MLflow is active"):
        log_mlflow(e)
    page = tmp_path / "page.html"
    page.write_text("<p>report</p>")
    with mlflow.start_run() as active:
        assert log_mlflow(e, name="why", step=3, language="zh-CN") == active.info.run_id
        log_mlflow(page, name="why")
    log_mlflow(e, run_id=active.info.run_id, name="again")  # also of a run that has ended
    client = mlflow.MlflowClient()
    found = client.get_run(active.info.run_id)
    for folder, files in (("why", FILES | {"page.html"}), ("again", FILES)):
        assert {Path(one.path).name for one in client.list_artifacts(active.info.run_id, folder)} == files
        assert found.data.metrics[f"{folder}.rows_supported"] == sum(v.level == "supported" for v in e.verdicts)
        assert found.data.tags[f"{folder}.method"]
    assert [one.step for one in client.get_metric_history(active.info.run_id, "why.rows_supported")] == [3]
    back = client.download_artifacts(active.info.run_id, "why/explanation.safetensors", str(tmp_path))
    assert (pl.load(back).values.values == e.values.values).all()
    assert "。" in Path(client.download_artifacts(active.info.run_id, "why/narration.txt", str(tmp_path))).read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
def test_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    for name in ("CACHE_DIR", "DATA_DIR", "CONFIG_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / name))
    monkeypatch.setenv("WANDB_SILENT", "true")
    e = table()
    run = wandb.init(mode="offline", dir=tmp_path, project="why")
    try:
        artifact = log_wandb(run, e, name="why this")
        found = {name: run.summary[name] for name in run.summary.keys() if name.startswith("why")}  # noqa: SIM118
    finally:
        run.finish()
    assert set(artifact.manifest.entries) == FILES
    assert artifact.metadata["method"]
    assert found["why_this/rows_supported"] == sum(v.level == "supported" for v in e.verdicts)
    pictures = list(tmp_path.rglob("media/images/why_this/*.png"))
    assert len(pictures) == 1
    assert pictures[0].stat().st_size > 5_000
    stored = {path.name: path for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.stat().st_size == artifact.manifest.entries["narration.txt"].size for path in stored.values())
    json.dumps(artifact.metadata)
