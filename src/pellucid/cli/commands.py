"""The commands and their options."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pellucid.cli import loaded
from pellucid.errors import FileError, InputError, UnknownName

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation import Explanation
    from pellucid.explanation.spec import ModelSpec
    from pellucid.scenes.words import Language

app = typer.Typer(
    help="Explains neural networks, and measures whether the explanation may be believed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help is plain text: a table cuts words off where the window is narrow
)
SUFFIXES = (".html", ".png", ".safetensors")
STYLES = {"supported": "green", "weak": "yellow", "refused": "bold red", "unchecked": "cyan", "limit": "dim", "fact": ""}


class Speech(StrEnum):
    """The languages of narration and pages."""

    ENGLISH = "en"
    CHINESE = "zh-CN"


class Depth(StrEnum):
    """How much is checked."""

    FAST = "fast"
    FULL = "full"
    NONE = "none"


class Outputs(StrEnum):
    """What the network's outputs are."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    VALUES = "values"


SpeechOption = Annotated[Speech, typer.Option("--language", help="of narration, pictures and pages")]


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,  # noqa: ARG001 (read in main)
    version: Annotated[bool, typer.Option("--version", help="print the version and stop", is_eager=True)] = False,
) -> None:
    """Explains neural networks, and measures whether the explanation may be believed."""
    if version:
        from importlib.metadata import version as installed

        Console().print(installed("pellucid"))
        raise typer.Exit


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="where the report and the pictures go")] = Path("pellucid-demo"),
    chapter: Annotated[list[str] | None, typer.Option(help="digits, patient or photo; all if not given")] = None,
    seed: Annotated[int, typer.Option(help="of training and of every draw")] = 0,
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Explains handwritten digits, a patient and a photo; writes a report and pictures."""
    from pellucid.demo.run import CHAPTERS, DemoOptions, run_demo

    for name in chapter or ():
        if name not in CHAPTERS:
            raise UnknownName("chapter", name, CHAPTERS)
    run_demo(DemoOptions(folder, language.value, tuple(chapter or CHAPTERS), seed), Console(highlight=False))


@app.command()
def explain(  # noqa: PLR0913 (a command line has as many options as it has)
    model: Annotated[
        str, typer.Option(help="package.module:factory; or a .pt2, .onnx, .keras, .h5 or .skops file, or the folder of a SavedModel")
    ],
    inputs: Annotated[list[Path], typer.Option("--input", help="photos, or one .csv, .npy or .npz file")],
    method: Annotated[str, typer.Option(help="see: pellucid methods")] = "integrated_gradients",
    weights: Annotated[Path | None, typer.Option(help="safetensors, or a state dict; no pickle is opened")] = None,
    target: Annotated[str | None, typer.Option(help="class index or name; the prediction if not given")] = None,
    out: Annotated[list[Path] | None, typer.Option(help=".html, .png or .safetensors; may be repeated")] = None,
    option: Annotated[list[str] | None, typer.Option(help="a field of the method, such as steps=100")] = None,
    infill: Annotated[list[str] | None, typer.Option(help="what replaces a part: mean, blur, zero, patches, noisy")] = None,
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
    seed: Annotated[int, typer.Option(help="of every draw")] = 0,
    batch_size: Annotated[int | None, typer.Option(help="rows per model call; measured if not given")] = None,
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Explains rows or photos, says what was found, and writes pages, pictures or archives."""
    from pellucid.harness.explain import explain as explain_rows

    places = [writable(path) for path in out or ()]
    preparation = preparation_of(inputs, prepare, size, shorter_side, mean, std)
    data = inputs_of(inputs, rows)
    found = explain_rows(
        loaded.network(model, weights),
        data,
        loaded.method_of(method, option or (), infill or ()),
        target=loaded.target_of(target),
        background=loaded.rows_of(background) if background else None,
        spec=spec_of(outputs, missing=missing),
        preparation=preparation,
        class_names=loaded.class_names(names),
        checks=checks.value,
        seed=seed,
        batch_size=batch_size,
        progress=sys.stderr.isatty(),
    )
    say(found, language.value)
    for place in places:
        write(found, place, language.value)


@app.command()
def report(
    saved: Annotated[list[Path], typer.Argument(help="explanations that were saved as .safetensors")],
    out: Annotated[Path, typer.Option(help="the page to write")] = Path("report.html"),
    title: Annotated[str, typer.Option(help="of the page")] = "",
    language: SpeechOption = Speech.ENGLISH,
) -> None:
    """Makes one page of saved explanations; it opens from disk with the network off."""
    from pellucid.explanation import load
    from pellucid.report import write_report
    from pellucid.report.sections import report_of

    written(write_report(report_of([load(path) for path in saved], title=title, languages=_languages(language.value)), out))


@app.command()
def methods() -> None:
    """Lists the methods: id, class, what they need of a network, and what they compute."""
    from pellucid.methods.registry import methods as rows

    table = Table.grid(padding=(0, 2))
    for row in rows():
        options = "".join(f" · {name}={value}" for name, value in row.fields.items())
        details = f"{row.name} · needs {', '.join(row.needs) or 'nothing but outputs'}{options}"
        table.add_row(Text(row.id, style="bold", no_wrap=True), Text.assemble(row.summary.replace("``", ""), "\n", (details, "dim")))
    Console().print(table)


@app.command()
def doctor() -> None:
    """Looks whether everything Pellucid can use is there, and says what to do where it is not."""
    from pellucid.cli.doctor import diagnoses

    table = Table.grid(padding=(0, 2))
    broken = False
    for diagnosis in diagnoses():
        mark = "[green]ok[/]" if diagnosis.fine else "[yellow]missing[/]" if diagnosis.optional else "[red]broken[/]"
        table.add_row(mark, Text(diagnosis.part, no_wrap=True), Text(diagnosis.found, overflow="fold"))
        broken |= not (diagnosis.fine or diagnosis.optional)
    Console().print(table)
    if broken:
        raise typer.Exit(1)


def say(explanation: Explanation, language: Language) -> None:
    """Prints what was found, each sentence in the color of its level; all rows together where there are several."""
    from pellucid.narration import findings
    from pellucid.scenes.words import method_name

    console = Console(highlight=False)
    console.print(Text(f"{method_name(explanation.provenance.method, language)} · {explanation.provenance.model}", style="bold"))
    for finding in findings(explanation, None, language):
        console.print(finding.text, style=STYLES[finding.level], markup=False)


def write(explanation: Explanation, path: Path, language: Language) -> None:
    """Writes a page, a picture of the first row, or the archive, by the suffix."""
    if path.suffix == ".safetensors":
        written(explanation.save(path))
    elif path.suffix == ".png":
        from pellucid.paper import save_png, scene_of

        written(save_png(scene_of(explanation, language=language), path))
    else:
        from pellucid.report import write_report
        from pellucid.report.sections import report_of

        written(write_report(report_of([explanation], languages=_languages(language)), path))


def written(path: Path) -> None:
    """Says what was written, and how large it is."""
    Console(highlight=False, soft_wrap=True).print(f"Wrote {path} ({loaded.size_of_file(path)})", markup=False)


def _languages(first: Language) -> tuple[Language, ...]:
    return ("en", "zh-CN") if first == "en" else ("zh-CN", "en")


def writable(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> Path:
    """The path, if something can be written there: found out before the work, not after it."""
    if path.suffix not in suffixes:
        legal = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        raise FileError("What to write is told by the suffix", received=str(path), remedy=f"end the name in {legal}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        problem = "The path to write is a folder, or lies in none"
        raise FileError(problem, received=str(path), remedy="give a file name in a folder that exists")
    return path


def _only(inputs: list[Path]) -> Path:
    if len(inputs) == 1:
        return inputs[0]
    names = ", ".join(map(str, inputs))
    raise InputError("Several inputs have to be photos", received=names, remedy="put the rows into one .csv, .npy or .npz file")


def inputs_of(inputs: list[Path], rows: str | None) -> Any:  # noqa: ANN401
    """The photos as they are, or the chosen rows of the one table."""
    photos = all(loaded.is_photo(path) for path in inputs)
    return list(inputs) if photos else loaded.chosen_rows(loaded.rows_of(_only(inputs)), rows)


def preparation_of(
    inputs: list[Path], prepare: str | None, size: int | None, shorter_side: int | None, mean: str | None, std: str | None
) -> Preparation | None:
    """The preparation that was named, or that of photos."""
    if prepare is not None:
        made: Any = loaded.called(loaded.named_object(prepare, "prepare"), "preparation")
        return made
    if not any(loaded.is_photo(path) for path in inputs):
        return None
    from pellucid.data.image import ImagePreparation

    if size is None:
        problem = "A photo has to be resized to what the network takes"
        raise InputError(problem, received="no --size", remedy="give --size 224 (or as the network was trained), --mean and --std")
    return ImagePreparation(size, loaded.numbers(mean, (0.0, 0.0, 0.0)), loaded.numbers(std, (1.0, 1.0, 1.0)), shorter_side)


def spec_of(outputs: Outputs | None, *, missing: bool) -> ModelSpec | None:
    """What is said about the network, if anything is."""
    from pellucid.explanation.spec import InputSpec, ModelSpec

    if outputs is None and not missing:
        return None
    return ModelSpec((InputSpec(missing=True),) if missing else (), outputs.value if outputs else "unknown")
