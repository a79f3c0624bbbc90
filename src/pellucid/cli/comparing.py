"""``pellucid compare``: several methods on the same decisions, ranked by what the network confirms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pellucid.cli import loaded
from pellucid.cli.commands import STYLES, Depth, Outputs, Speech, SpeechOption, inputs_of, preparation_of, spec_of, writable, written
from pellucid.explanation.frame import write_whole
from pellucid.methods.run import Budget

if TYPE_CHECKING:
    from pellucid.harness.comparison import Comparison
    from pellucid.scenes.words import Language

SUFFIXES = (".html", ".png", ".json")


def compare(  # noqa: PLR0913 (a command line has as many options as it has)
    model: Annotated[
        str, typer.Option(help="package.module:factory; or a .pt2, .onnx, .keras, .h5 or .skops file, or the folder of a SavedModel")
    ],
    inputs: Annotated[list[Path], typer.Option("--input", help="photos, or one .csv, .npy or .npz file")],
    methods: Annotated[str, typer.Option(help="ids with commas between them: gradcam,lime,shap")],
    weights: Annotated[Path | None, typer.Option(help="safetensors, or a state dict; no pickle is opened")] = None,
    target: Annotated[str | None, typer.Option(help="class index or name; the prediction if not given")] = None,
    out: Annotated[list[Path] | None, typer.Option(help=".html, .png or .json; may be repeated")] = None,
    rows: Annotated[str | None, typer.Option(help="of a table: 3, 0:5 or 1,4,7")] = None,
    background: Annotated[Path | None, typer.Option(help="a table of rows that stand for nothing special")] = None,
    names: Annotated[str | None, typer.Option("--class-names", help="a text file, or package.module:name")] = None,
    outputs: Annotated[Outputs | None, typer.Option(help="what the network gives, where that is not clear")] = None,
    missing: Annotated[bool, typer.Option(help="not-a-number is a value that the network takes")] = False,
    prepare: Annotated[str | None, typer.Option(help="package.module:name of a preparation, instead of --size")] = None,
    size: Annotated[int | None, typer.Option(help="of photos: pixels of height and width after the crop")] = None,
    shorter_side: Annotated[int | None, typer.Option(help="of photos: the shorter side before the crop")] = None,
    mean: Annotated[str | None, typer.Option(help="of photos, for pixels in 0..1: 0.485,0.456,0.406")] = None,
    std: Annotated[str | None, typer.Option(help="of photos, for pixels in 0..1: 0.229,0.224,0.225")] = None,
    checks: Annotated[Depth, typer.Option(help="how much to check")] = Depth.FAST,
    calls: Annotated[int | None, typer.Option(help="model rows that each method may spend on each explained row")] = None,
    seed: Annotated[int, typer.Option(help="of every draw")] = 0,
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Explains the same rows or photos by several methods, and ranks these by what the network confirms."""
    from pellucid.harness.compare import compare as compare_methods

    places = [writable(path, SUFFIXES) for path in out or ()]
    found = compare_methods(
        loaded.network(model, weights),
        inputs_of(inputs, rows),
        [loaded.method_of(name.strip(), ()) for name in methods.split(",") if name.strip()],
        target=loaded.target_of(target),
        background=loaded.rows_of(background) if background else None,
        spec=spec_of(outputs, missing=missing),
        preparation=preparation_of(inputs, prepare, size, shorter_side, mean, std),
        class_names=loaded.class_names(names),
        checks=checks.value,
        seed=seed,
        budget=Budget(calls=calls) if calls is not None else None,
        progress=sys.stderr.isatty(),
    )
    say(found, language.value)
    for place in places:
        write(found, place, language.value)


def say(found: Comparison, language: Language) -> None:
    """Prints the ranking as a table, and under it what it means in words."""
    from pellucid.scenes.numbers import number
    from pellucid.scenes.words import compared_name, words

    word = words(language)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    table.add_column(word["method"], no_wrap=True)
    for key in ("comparison.lead", "comparison.with_best", "comparison.spent"):
        table.add_column(word[key], justify="right")
    table.add_column(word["comparison.verdicts"])
    for place, row in enumerate(ranking(found), 1):
        verdicts = Text(", ").join(
            Text(f"{count} {word[f'verdict.{level}']}", style=STYLES[level]) for level, count in row["verdicts"].items()
        )
        lead, agreement = (number(np.nan if row[key] is None else row[key]) for key in ("lead", "agreement_with_best"))
        table.add_row(str(place), compared_name(row["name"], language), lead, agreement, str(row["model_rows"]), verdicts)
    console = Console(highlight=False)
    console.print(table)
    console.print()
    console.print(found.narrate(language), markup=False)


def ranking(found: Comparison) -> list[dict[str, Any]]:
    """The methods as plain values, most faithful first; ``None`` stands for what could not be measured."""
    agreement = found.rank_correlation.mean(2)
    rows = []
    for place, one in enumerate(found.ranked):
        levels = [verdict.level for verdict in one.explanation.verdicts]
        origin = one.explanation.provenance
        rows.append(
            {
                "name": one.name,
                "lead": plain(one.faithfulness),
                "lead_by_row": [plain(value) for value in one.lead],
                "agreement_with_best": plain(agreement[0, place]),
                "model_rows": origin.evaluations,
                "seconds": round(origin.seconds, 4),
                "verdicts": {level: levels.count(level) for level in STYLES if level in levels},
                "parameters": origin.parameters,
            }
        )
    return rows


def plain(value: float) -> float | None:
    """A number that JSON can hold."""
    return float(value) if np.isfinite(value) else None


def write(found: Comparison, path: Path, language: Language) -> None:
    """Writes the numbers, a picture of the first row, or a page with it, by the suffix."""
    from pellucid.views import comparison

    if path.suffix == ".json":
        origin = found.best.provenance
        content = {
            "model": origin.model, "target": origin.target, "rows": len(found.best), "seed": origin.seed, "infill": found.infill,
            "model_rows": found.evaluations, "ranked": ranking(found),
            "rank_correlation": [[plain(v) for v in row] for row in found.rank_correlation.mean(2)],
            "top_overlap": [[plain(v) for v in row] for row in found.top_overlap.mean(2)],
            "failed": [{"name": name, "why": why} for name, why in found.failed],
        }  # fmt: skip
        written(write_whole(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()))
        return
    scene = comparison(found, language=language)
    if path.suffix == ".png":
        from pellucid.paper import save_png

        written(save_png(scene, path))
        return
    from pellucid.report.page import page

    written(write_whole(path, page(scene, scene.title, language).encode()))
