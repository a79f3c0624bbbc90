"""The entry of every method: what its docstring says, what was true of its picture, and the picture."""

from __future__ import annotations

import re
from functools import cache

from method_pictures import FAMILIES, Drawn, drawn  # while a hook is loaded its folder is searched, later it is not

from pellucid.explanation import LabelledArray
from pellucid.methods.registry import MethodRow, method_class, methods
from pellucid.scenes.words import method_name, words

_NAME = r"[A-Z][a-z][\w-]*"
CITED = re.compile(
    rf"\b{_NAME}(?:(?:,| &| and) {_NAME})*(?: et al\.)? \(?(?:19|20)\d\d(?:, (?:eq\.|section|Algorithm) \d[\d.]*(?:(?:-| and )\d+)?)?"
)

made = cache(drawn)


def pictures() -> dict[str, bytes]:
    """Every picture of every registered method, by the file's name."""
    return {picture_name(row.id, number): one.png for row in methods() for number, one in enumerate(made(row.id))}


def picture_name(method: str, number: int = 0) -> str:
    """The file of a method's picture, without what an address would have to escape."""
    return f"{method.replace('+', '_plus')}{f'-{number + 1}' if number else ''}"


def entries(family: str) -> str:
    """The entries of one family's methods."""
    rows = {row.id: row for row in methods()}
    return "\n\n".join(entry(rows[method]) for method in FAMILIES[family])


def entry(row: MethodRow) -> str:
    """One method: its facts, its docstring, its pictures."""
    shown = "\n\n".join(_picture(row.id, number, one) for number, one in enumerate(made(row.id)))
    return f"## {method_name(row.id, 'en')} {{#{anchor(row.id)}}}\n\n{facts_table(row)}\n\n{_docstring(row.id)}\n\n{shown}"


def anchor(method: str) -> str:
    """What links to the entry name."""
    return picture_name(method).replace("_", "-")


def facts_table(row: MethodRow) -> str:
    """Id, class, options with what they are if not given, needs and sources."""
    options = " ".join(f"`{name}={value}`" for name, value in row.fields.items())
    facts = {
        "options": options or "none",
        "needs": ", ".join(f"`{need}`" for need in row.needs) or "the outputs only",
        "sources": "; ".join(sources(row.id)),
    }
    return "\n".join([f"| `{row.id}` | `pl.{row.name}` |", "|---|---|", *(f"| {name} | {fact} |" for name, fact in facts.items())])


def _docstring(method: str) -> str:
    cls = method_class(method)
    options = {"show_root_heading": "false", "show_root_toc_entry": "false", "members": "false", "docstring_section_style": "list"}
    return "\n".join(
        [f"::: {cls.__module__}.{cls.__qualname__}", "    options:", *(f"      {name}: {value}" for name, value in options.items())]
    )


def sources(method: str) -> tuple[str, ...]:
    """The papers that the docstring names, as it cites them; the one of its first line is the method's own."""
    text = " ".join((method_class(method).__doc__ or "").split())
    return tuple(dict.fromkeys(found.group().replace("(", "") for found in CITED.finditer(text)))


def _picture(method: str, number: int, one: Drawn) -> str:
    e, about = one.explanation, one.subject.about
    shown = f"![{method_name(method, 'en')} of {about}. Verdict: {words('en')[f'verdict.{e.verdict}']}]({picture_name(method, number)}.png)"
    shapes = f"In: {_shapes(tuple(shown.data for shown in e.inputs))}. Out: {_shapes(e.arrays)}."
    spent = f"Evaluations of the network: {e.provenance.evaluations:,}."
    caption = f"*{about[0].upper()}{about[1:]}. {_options(e.provenance.parameters, method)}{shapes} {spent}*"
    told = "\n".join(f"    {line}" for line in e.narrate("en").splitlines())
    return f'{shown}\n\n{caption}\n\n??? quote "What is said of it in words"\n{told}\n'


def _options(given: dict[str, str], method: str) -> str:
    usual = next(row.fields for row in methods() if row.id == method)
    other = [f"`{name}={value}`" for name, value in given.items() if usual.get(name) != value]
    return f"With {', '.join(other)}. " if other else ""


def _shapes(arrays: tuple[LabelledArray, ...]) -> str:
    times = " × "  # noqa: RUF001 (a real multiplication sign)
    return ", ".join(dict.fromkeys(f"({', '.join(array.axes)}) = {times.join(map(str, array.values.shape))}" for array in arrays))
