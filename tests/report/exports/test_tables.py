"""Numbers of a run as a table: nothing is lost, nothing is rounded."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import pytest
from torch import nn

import pellucid as pl
from pellucid.report.exports.tensorboard_protocol import protocol


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pl.Run:
    folder = tmp_path_factory.mktemp("run")
    with pl.watch(nn.Linear(2, 2), None, folder) as recorder:
        for step in range(1, 50):
            recorder.step(loss=1 / step, accuracy=step / 7)
            if step % 10 == 0:
                recorder.log(valid_loss=0.1 * step, **{'a, "name"': -step})
        recorder.step(loss=float("nan"))
        recorder.step(loss=float("-inf"))
    return pl.Run(folder)


def told(run: pl.Run) -> dict[str, list[tuple[int, float, float]]]:
    """What the run says, by name."""
    return {
        name: list(zip(one.steps.tolist(), one.times.tolist(), one.values.tolist(), strict=True)) for name, one in run.all_scalars().items()
    }


def alike(found: dict[str, list[tuple[int, float, float]]], expected: dict[str, list[tuple[int, float, float]]]) -> bool:
    """The same numbers to the last bit, not-a-number like itself."""
    return repr(found) == repr(expected)


def test_a_csv_holds_every_number_with_all_digits(run: pl.Run, tmp_path: Path) -> None:
    path = run.export(tmp_path / "out.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "time", "name", "value"]
    found: dict[str, list[tuple[int, float, float]]] = {}
    for row in rows:
        found.setdefault(row["name"], []).append((int(row["step"]), float(row["time"]), float(row["value"])))
    assert len(rows) == 49 * 2 + 8 + 2
    assert alike(dict(sorted(found.items())), dict(sorted(told(run).items())))
    steps = [int(row["step"]) for row in rows]
    assert steps == sorted(steps)
    assert math.isnan(found["loss"][-2][2])


def test_a_parquet_file_holds_the_same(run: pl.Run, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    table = parquet.read_table(run.export(tmp_path / "out.parquet"))
    assert table.column_names == ["step", "time", "name", "value"]
    found: dict[str, list[tuple[int, float, float]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["name"], []).append((row["step"], row["time"], row["value"]))
    assert alike(dict(sorted(found.items())), dict(sorted(told(run).items())))
    assert json.loads(table.schema.metadata[b"pellucid"])["model"] == "Linear"
    pandas = pytest.importorskip("pandas")
    assert pandas.read_parquet(tmp_path / "out.parquet")["name"].nunique() == 4


def test_a_run_without_numbers_gives_an_empty_table(tmp_path: Path) -> None:
    with pl.watch(nn.Linear(2, 2), None, tmp_path / "run"):
        pass
    path = pl.Run(tmp_path / "run").export(tmp_path / "out.csv")
    assert path.read_text() == "step,time,name,value\n"


@pytest.mark.parametrize(("package", "name"), [("pyarrow", "out.parquet"), ("tensorboard.compat.proto.event_pb2", "out.tensorboard")])
def test_what_is_not_installed_is_told(run: pl.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str) -> None:
    protocol.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(pl.PellucidError, match=r"not installed.*pip install 'pellucid\[(export|tensorboard)\]'"):
        run.export(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_what_is_asked_wrongly_is_told(run: pl.Run, tmp_path: Path) -> None:
    with pytest.raises(pl.PellucidError, match="not clear from the name"):
        run.export(tmp_path / "out")
    with pytest.raises(pl.PellucidError, match=r"no format of that name.*csv"):
        run.export(tmp_path / "out", format="excel")
    with pytest.raises(pl.PellucidError, match="Only TensorBoard takes a network"):
        run.export(tmp_path / "out.csv", net=nn.Linear(2, 2))
    with pytest.raises(pl.PellucidError, match="does not exist"):
        run.export(tmp_path / "nowhere" / "out.csv")
    assert run.export(tmp_path / "out.txt", format="csv").stat().st_size > 0
