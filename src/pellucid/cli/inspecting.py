"""``pellucid inspect``: what a network is made of, and what goes on inside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pellucid.cli import loaded
from pellucid.cli.commands import Speech, SpeechOption, inputs_of, preparation_of, writable, written
from pellucid.cli.listing import listing
from pellucid.errors import InputError, PellucidError

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.scenes import Panel
    from pellucid.scenes.words import Language

SUFFIXES = (".html", ".png", ".safetensors", ".py")


def inspect(  # noqa: PLR0913 (a command line has as many options as it has)
    what: Annotated[list[str], typer.Argument(help="structure, ... (see the page on inspections), or all that apply")],
    model: Annotated[
        str, typer.Option(help="package.module:factory; or a .pt2, .onnx, .keras, .h5 or .skops file, or the folder of a SavedModel")
    ],
    inputs: Annotated[list[Path] | None, typer.Option("--input", help="photos, or one .csv, .npy or .npz file")] = None,
    weights: Annotated[Path | None, typer.Option(help="safetensors, or a state dict; no pickle is opened")] = None,
    out: Annotated[
        list[Path] | None, typer.Option(help=".html, .png, .safetensors, or .py for source with comments; may be repeated")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="true classes of the rows: a .csv or .npy file")] = None,
    option: Annotated[list[str] | None, typer.Option(help="of what is looked at, such as resolution=200")] = None,
    rows: Annotated[str | None, typer.Option(help="of a table: 3, 0:5 or 1,4,7")] = None,
    names: Annotated[str | None, typer.Option("--class-names", help="a text file, or package.module:name")] = None,
    prepare: Annotated[str | None, typer.Option(help="package.module:name of a preparation, instead of --size")] = None,
    size: Annotated[int | None, typer.Option(help="of photos: pixels of height and width after the crop")] = None,
    shorter_side: Annotated[int | None, typer.Option(help="of photos: the shorter side before the crop")] = None,
    mean: Annotated[str | None, typer.Option(help="of photos, for pixels in 0..1: 0.485,0.456,0.406")] = None,
    std: Annotated[str | None, typer.Option(help="of photos, for pixels in 0..1: 0.229,0.224,0.225")] = None,
    seed: Annotated[int, typer.Option(help="of every draw")] = 0,
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Looks inside a network: says what was seen, and writes pages, pictures or archives.

    Of several inspections those that do not apply are named with the reason, and the others are shown and written all the same.
    """
    from pellucid.cli.main import FAILED
    from pellucid.harness.inspect import inspect as look

    err = Console(stderr=True, soft_wrap=True, highlight=False)
    places = [writable(path, SUFFIXES) for path in out or ()]
    chosen = loaded.inspections_of(what, option or ())
    preparation = preparation_of(inputs, prepare, size, shorter_side, mean, std) if inputs else None
    net, data = loaded.network(model, weights), inputs_of(inputs, rows) if inputs else None
    told: dict[str, Any] = {
        "labels": loaded.labels_of(labels) if labels else None,
        "preparation": preparation,
        "class_names": loaded.class_names(names),
        "seed": seed,
        "progress": sys.stderr.isatty(),
    }
    found: list[Explanation] = []
    failed: list[PellucidError] = []
    for one in chosen:
        try:
            found.append(look(net, one, data, **told))
        except PellucidError as error:
            failed.append(error)
            if len(chosen) > 1:
                err.print(Text.assemble((f"{one.id}: ", "bold"), f"{error.problem}. {error.remedy}".rstrip(".") + "."))
        else:
            say(found[-1], language.value)
    if not found:
        raise failed[0]
    for place in places:
        write(found, place, language.value)
    if failed and loaded.EVERY not in what:
        raise typer.Exit(FAILED)


def say(one: Explanation, language: Language) -> None:
    """Prints what was seen in words, and the pictures that are tables."""
    from pellucid.scenes.words import method_name
    from pellucid.views.inside import inside_views

    console = Console(highlight=False)
    console.print(Text(f"{method_name(one.provenance.method, language)} · {one.provenance.model}", style="bold"))
    for view in inside_views(one).values():
        for panel in view(one, language=language).panels:
            if panel.x is None:
                console.print(listing(panel, console.width) if panel.table.code else table_of(panel))
    console.print(one.narrate(language), markup=False)


def table_of(panel: Panel) -> Table:
    """A panel that is its table, for the terminal: numbers to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title=panel.title, title_justify="left", title_style="")
    cells = list(zip(*panel.table.rows, strict=True)) or [()] * len(panel.table.columns)
    for name, column in zip(panel.table.columns, cells, strict=True):
        numeric = all(isinstance(cell, float) or cell.replace(",", "").replace(".", "").isdigit() or not cell for cell in column)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in panel.table.rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return table


def write(found: list[Explanation], path: Path, language: Language) -> None:
    """Writes a page of everything, the main picture of the first inspection, its archive, or source with comments, by the suffix."""
    if path.suffix == ".safetensors":
        written(found[0].save(path))
    elif path.suffix == ".py":
        from pellucid.report.annotated import write_annotated

        sources = [one for one in found if one.provenance.method == "source"]
        if not sources:
            raise InputError("Only an inspection of the source makes a .py file", received=str(path), remedy="pellucid inspect source ...")
        written(write_annotated(sources[0], path, language=language))
    elif path.suffix == ".png":
        from pellucid.paper import save_png
        from pellucid.views.inside import inside

        written(save_png(inside(found[0], language=language), path))
    else:
        from pellucid.report import write_report
        from pellucid.report.inspected import inspection_report

        languages: tuple[Language, ...] = ("en", "zh-CN") if language == "en" else ("zh-CN", "en")
        written(write_report(inspection_report(found, languages=languages), path))
