"""``pellucid runs``: recorded trainings, listed, shown, compared and exported."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pellucid.cli.commands import Speech, SpeechOption, writable, written
from pellucid.cli.inspecting import table_of
from pellucid.errors import FileError, InputError, PellucidError
from pellucid.explanation.frame import write_whole

if TYPE_CHECKING:
    from pellucid.scenes import Scene
    from pellucid.scenes.words import Language
    from pellucid.training.runs.run import Run

SUFFIXES = (".html", ".png")
STATUSES = {"recording": "cyan", "finished": "green", "stopped": "yellow", "interrupted": "yellow", "killed": "red", "failed": "red"}
NONE = "–"  # noqa: RUF001 (where nothing was told)

runs = typer.Typer(help="Recorded trainings: listed, shown, compared, exported.", no_args_is_help=True, rich_markup_mode=None)

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="the folder that pl.watch records into")]
OutOption = Annotated[list[Path] | None, typer.Option(help=".html or .png; may be repeated")]


class Form(StrEnum):
    """What a run is exported as."""

    CSV = "csv"
    PARQUET = "parquet"
    TENSORBOARD = "tensorboard"


@runs.command("list")
def list_runs(
    folder: Annotated[Path, typer.Argument(help="where to look, with all folders below")] = Path(),
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Lists the runs below a folder: how each went, how far it is, and its last loss."""
    from pellucid.scenes.words import words
    from pellucid.training.runs.found import runs_below

    say = words(language.value)
    found = runs_below(folder)
    if not found:
        raise FileError(
            "There is no run in this folder or below", received=str(folder), remedy="record one with pl.watch(net, optimizer, 'runs/first')"
        )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for key, right in (
        ("runs.run", 0),
        ("facts.status", 0),
        ("facts.steps", 1),
        ("runs.last", 1),
        ("facts.model", 0),
        ("facts.started", 0),
    ):
        table.add_column(say[key], justify="right" if right else "left", overflow="fold", no_wrap=bool(right))
    for place in found:
        table.add_row(*_row(place, folder, language.value))
    Console(highlight=False).print(table)


@runs.command("show")
def show_run(
    run: RunArgument,
    out: OutOption = None,
    view: Annotated[str | None, typer.Option(help="one picture, such as curves, gradient_flow or weights")] = None,
    layer: Annotated[str | None, typer.Option(help="of a picture about single layers")] = None,
    attempt: Annotated[int | None, typer.Option(help="which of the trainings recorded there; the latest if not given")] = None,
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Tells what is known of a run, and writes a page of all its pictures, or one picture."""
    from pellucid.training.runs.run import Run
    from pellucid.views.runs import run_scene

    places = [writable(path, SUFFIXES) for path in out or ()]
    if (view or layer) and not places:
        raise InputError("A picture needs a file to be written to", received="no --out", remedy="give --out picture.png")
    seen = Run(run, attempt=attempt)
    one = run_scene(seen, view=view, layer=layer, language=language.value) if view or layer else None
    _say(seen, language.value)
    for place in places:
        if one is None and place.suffix == ".html":
            written(_page_of(seen, place, language.value))
        else:
            _write(one or run_scene(seen, language=language.value), place)


@runs.command("compare")
def compare_runs(
    run: Annotated[list[Path], typer.Argument(metavar="RUN...", help="folders of two runs or more")],
    name: Annotated[str, typer.Option(help="of the number to be compared")] = "loss",
    out: OutOption = None,
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Compares one number of several runs: a table, and on request a picture of the curves over one another."""
    from pellucid.training.runs.run import Run
    from pellucid.views.runs.curves import compared_curves

    places = [writable(path, SUFFIXES) for path in out or ()]
    if len(run) < 2:
        raise InputError("Comparing takes two runs or more", received=str(run[0]), remedy="name another, or use pellucid runs show")
    seen = [Run(one) for one in run]
    scene = compared_curves(seen, name=name, language=language.value)
    console = Console(highlight=False)
    console.print(_compared(seen, name, language.value))
    console.print(scene.subtitle, markup=False)
    for place in places:
        _write(scene, place)


@runs.command("export")
def export_run(
    run: RunArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="a .csv or .parquet file, or a folder for TensorBoard")],
    form: Annotated[Form | None, typer.Option("--format", help="where the name of the file does not tell it")] = None,
    attempt: Annotated[int | None, typer.Option(help="which of the trainings recorded there; the latest if not given")] = None,
) -> None:
    """Writes the numbers of a run for other programs."""
    from pellucid.training.runs.run import Run

    made = Run(run, attempt=attempt).export(out, format=form.value if form else None)
    if made.is_dir():
        files = sorted(path.name for path in made.iterdir())
        Console(highlight=False, soft_wrap=True).print(f"Wrote {made} ({', '.join(files)})", markup=False)
    else:
        written(made)


def _row(place: Path, top: Path, language: Language) -> tuple[str | Text, ...]:
    """One run as a row; of one that can not be read only that."""
    from pellucid.scenes.words import words
    from pellucid.training.runs.run import Run
    from pellucid.views.runs.facts import started, status_of

    called = str(place.relative_to(top)) if place != top else place.resolve().name
    try:
        run = Run(place)
        status = Text(status_of(run, language), style=STATUSES.get(run.status.partition(":")[0], ""))
        name = called if run.number == 1 else f"{called} ({run.number})"
        return name, status, f"{run.steps:,}", _last(run), str(run.facts.get("model", "?")), started(run)
    except PellucidError as error:
        return called, Text(f"{words(language)['runs.unread']}: {error.problem}", style="red"), "", "", "", ""


def _last(run: Run) -> str:
    from pellucid.views.runs.facts import value_text

    return value_text(float(run.scalars("loss").values[-1])) if "loss" in run.names else NONE


def _say(run: Run, language: Language) -> None:
    from pellucid.report.recorded import told_faults
    from pellucid.views.runs.facts import facts

    console = Console(highlight=False)
    for panel in facts(run, language=language).panels:
        table = table_of(panel)
        table.title_style = "bold"
        console.print(table)
        if panel.subtitle:
            console.print(panel.subtitle, markup=False, style="dim")
        console.print()
    for fault in told_faults(run, language):
        console.print(fault, markup=False)


def _compared(seen: list[Run], name: str, language: Language) -> Table:
    """The number of each run at its end, and where it was lowest."""
    from pellucid.scenes.words import words
    from pellucid.views.runs.facts import status_of, value_text

    say = words(language)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title=name, title_justify="left", title_style="bold")
    table.add_column(say["runs.run"], overflow="fold")
    table.add_column(say["facts.status"])
    for key in ("facts.steps", "facts.last", "runs.lowest", "runs.at"):
        table.add_column(say[key], justify="right")
    for run in seen:
        status, steps = status_of(run, language), f"{run.steps:,}"
        if name not in run.names:
            table.add_row(str(run.folder), status, steps, *3 * (NONE,))
            continue
        series = run.scalars(name)
        finite = np.where(np.isfinite(series.values), series.values, np.inf)
        best = int(finite.argmin())
        table.add_row(
            str(run.folder),
            status,
            steps,
            value_text(float(series.values[-1])),
            value_text(float(series.values[best])),
            f"{series.steps[best]:,}",
        )
    return table


def _page_of(run: Run, place: Path, language: Language) -> Path:
    from pellucid.report import write_report
    from pellucid.report.recorded import recording_report

    languages: tuple[Language, ...] = ("en", "zh-CN") if language == "en" else ("zh-CN", "en")
    return write_report(recording_report(run, languages=languages), place)


def _write(scene: Scene, place: Path) -> None:
    """A picture as a .png, or as a page of its own."""
    if place.suffix == ".png":
        from pellucid.paper import save_png

        written(save_png(scene, place))
        return
    from pellucid.report.page import page

    written(write_whole(place, page(scene, scene.title, scene.language).encode()))
