"""Every method on the same network in every framework: ``python -m frameworks.matrix [--columns a,b] [--write docs/frameworks_matrix.md]``.

In float64 an explanation must equal that of the torch network with the same weights to 1e-6 (relative L2), predictions to 1e-10; in
float32 to 10 times the distance between torch's own float32 and float64 answers, predictions to 1e-5. Keras has one backend in a process,
so each column is computed in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from frameworks.networks import CHANNELS, COLUMNS, FEATURES, SIDE, Column, Dtype, Kind, rows, torch_network

EXPLAINED = 1e-6
FURTHER = 10.0  # times torch's own distance between float32 and float64
LEAST = 1e-6  # of the size of an explanation, below which two float32 answers are not told apart
PREDICTED: dict[Dtype, float] = {"float64": 1e-10, "float32": 1e-5}
ATTENTION = "the networks have no attention"
TABLES = ("sensitivity",)
PICTURES = (
    "gradcam",
    "gradcam++",
    "hirescam",
    "layercam",
    "scorecam",
    "ablationcam",
    "eigencam",
    "fullgrad",
    "guided_backprop",
    "deconvolution",
    "mask",
    "rise",
)


def given(method: str, kind: Kind, dtype: Dtype, *, channels_last: bool) -> dict[str, Any]:
    """What the methods that compare with other rows are given."""
    shape = (8, FEATURES) if kind == "mlp" else (8, CHANNELS, SIDE, SIDE)
    others = np.random.default_rng(9).standard_normal(shape).astype(dtype)
    others = np.ascontiguousarray(np.moveaxis(others, 1, -1)) if channels_last and kind == "cnn" else others
    return {"background": others} if method in ("shap", "deepshap", "expected_gradients", "sensitivity", "lime", "sobol") else {}


def explained(model: Any, method: str, kind: Kind, dtype: Dtype, *, channels_last: bool) -> list[np.ndarray]:
    """The arrays of an explanation of class 1."""
    import pellucid as pl

    x = rows(kind, dtype, channels_last=channels_last)
    options = given(method, kind, dtype, channels_last=channels_last)
    e = pl.explain(model, x, method, target=1, checks="none", seed=3, batch_size=16, **options)
    return [np.asarray(array.values, np.float64) for array in e.arrays]


def apart(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """Relative L2 distance."""
    if [a.shape for a in found] != [a.shape for a in wanted]:
        return float("inf")
    gap = sum(float(np.nansum((a - b) ** 2)) for a, b in zip(found, wanted, strict=True)) ** 0.5
    size = sum(float(np.nansum(b**2)) for b in wanted) ** 0.5
    return gap / size if size else gap


def predicted(model: Any, kind: Kind, dtype: Dtype, *, channels_last: bool) -> float:
    """The largest difference between the network's answers, read by Pellucid, and torch's."""
    import torch

    from pellucid.explanation.spec import ModelSpec
    from pellucid.models.inputs import collect
    from pellucid.models.wrap import wrap

    x = rows(kind, dtype, channels_last=channels_last)
    with wrap(model).open(collect(x, ModelSpec()), mode="eval") as bound:
        found = bound.outputs(bound.values, torch.arange(len(x)))
    wanted = torch_network(kind, dtype, channels_last=channels_last)(torch.from_numpy(x))
    return float((found.double() - wanted.double()).abs().max())


def why_not(column: Column, method: str, kind: Kind) -> str:
    """Why a cell is empty, or ""."""
    if kind not in column.kinds:
        return "scikit-learn has no CNN"
    if method.startswith("attention"):
        return ATTENTION
    if kind == "cnn" and method in TABLES:
        return "for tables"
    if kind == "mlp" and method in PICTURES:
        return "for pictures and series"
    return ""


def column_cells(name: str, methods: tuple[str, ...] = ()) -> dict[str, str]:
    """``method kind dtype`` -> ``pass <distance>``, ``FAIL <distance or error>`` or ``n/a <reason>`` of one framework."""
    import pellucid as pl

    column = COLUMNS[name]
    cells: dict[str, str] = {}
    for kind in ("mlp", "cnn"):
        for dtype in ("float64", "float32"):
            if dtype not in column.dtypes:
                continue
            layout = {"channels_last": column.channels_last}
            if kind in column.kinds:
                gap = predicted(_built(column, kind, dtype), kind, dtype, **layout)
                cells[f"predictions {kind} {dtype}"] = f"{'pass' if gap <= PREDICTED[dtype] else 'FAIL'} {gap:.1e}"
            for method in methods or tuple(row.id for row in pl.methods()):
                reason = why_not(column, method, kind)
                cells[f"{method} {kind} {dtype}"] = f"n/a {reason}" if reason else _cell(column, method, kind, dtype)
    return cells


@cache
def _built(column: Column, kind: Kind, dtype: Dtype) -> Any:
    return column.build(kind, dtype)


@cache
def _reference(kind: Kind, dtype: Dtype, *, channels_last: bool) -> Any:
    return torch_network(kind, dtype, channels_last=channels_last)


def _cell(column: Column, method: str, kind: Kind, dtype: Dtype) -> str:
    layout = {"channels_last": column.channels_last}
    try:
        wanted = explained(_reference(kind, dtype, **layout), method, kind, dtype, **layout)
        found = explained(_built(column, kind, dtype), method, kind, dtype, **layout)
    except Exception as error:  # the table tells what happened
        return f"FAIL {type(error).__name__}: {error}"
    gap = apart(found, wanted)
    limit = EXPLAINED
    if dtype == "float32":
        wide = explained(_reference(kind, "float64", **layout), method, kind, "float64", **layout)
        limit = max(LEAST, FURTHER * apart(wanted, wide))
    return f"{'pass' if gap <= limit else 'FAIL'} {gap:.1e}"


def in_process(name: str) -> dict[str, str]:
    """One column, in a process of its own."""
    tests = Path(__file__).resolve().parents[1]
    environment = {
        **os.environ,
        "KERAS_BACKEND": COLUMNS[name].backend or "torch",
        "JAX_ENABLE_X64": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(tests.parent / "src"), str(tests)]),
    }
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "frameworks.matrix", "--column", name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"column {name}: {run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def table(cells: dict[str, dict[str, str]]) -> str:
    """All columns as Markdown: the largest distance of each method, over networks and dtypes."""
    names = list(cells)
    lines = [f"| method | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    methods = list(dict.fromkeys(key.split()[0] for column in cells.values() for key in column))
    for method in methods:
        shown = [_shown([value for key, value in cells[name].items() if key.split()[0] == method]) for name in names]
        lines.append(f"| {method} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _shown(values: list[str]) -> str:
    failed = [value for value in values if value.startswith("FAIL")]
    if failed:
        return failed[0]
    passed = [value.split()[1] for value in values if value.startswith("pass")]
    if passed:
        return f"pass {max(passed, key=float)}"
    return values[0] if values else "n/a"


def main() -> None:
    """Prints the matrix; the exit status says whether a cell failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", default="")
    parser.add_argument("--column", default="")
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    if arguments.column:
        print(json.dumps(column_cells(arguments.column)))
        return
    wanted = arguments.columns.split(",") if arguments.columns else list(COLUMNS)
    missing = {name: COLUMNS[name].missing for name in wanted if COLUMNS[name].missing}
    for name, packages in missing.items():
        print(f"{name}: not installed: {', '.join(packages)}", file=sys.stderr)
    cells = {name: in_process(name) for name in wanted if name not in missing}
    made = table(cells)
    print(made)
    if arguments.write:
        before = arguments.write.read_text(encoding="utf-8").partition("\n| method")[0].rstrip()
        arguments.write.write_text(f"{before}\n\n{made}\n", encoding="utf-8")
    failed = [f"{name} {key}: {value}" for name, column in cells.items() for key, value in column.items() if value.startswith("FAIL")]
    print("\n".join(failed), file=sys.stderr)
    raise SystemExit(1 if failed or missing else 0)


if __name__ == "__main__":
    main()
