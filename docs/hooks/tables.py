"""Tables that are made from the code: methods, operations, decisions."""

from __future__ import annotations

from pathlib import Path

from method_entries import anchor  # while a hook is loaded its folder is searched, later it is not
from method_pictures import FAMILIES

from pellucid.methods.registry import methods
from pellucid.models.rules.operations import operations

KINDS = {
    "structural": "moves elements",
    "linear": "linear",
    "product": "products",
    "elementwise": "a function of every element",
    "max": "the largest or smallest",
    "comparison": "true or false",
    "softmax": "softmax",
    "norm": "normalization",
    "composite": "opened: computed from the others by our own body",
    "discrete": "order and places",
    "random": "dropout (evaluated); the rest draws numbers and is refused",
}
_REFUSED = frozenset({"quantile", "nanmedian", "mode", "unique", "histc"})  # known by name, so that the error can say more


def methods_table(folder: Path) -> str:
    """Every registered method under its family, which is called as its page is."""
    rows = {row.id: row for row in methods()}
    parts = []
    for family, members in FAMILIES.items():
        name = heading(folder / "methods" / f"{family}.md")
        parts += [f"## [{name}](methods/{family}.md)", "", "| id | needs | what it computes |", "|---|---|---|"]
        for method in members:
            row = rows[method]
            summary = row.summary.replace("``", "`").replace("|", "\\|")
            parts.append(f"| [`{method}`](methods/{family}.md#{anchor(method)}) | {', '.join(row.needs) or 'outputs only'} | {summary} |")
        parts.append("")
    return "\n".join(parts)


def operations_table() -> str:
    """Every operation that rules cover, by kind, from the table that catches them."""
    rows = ["| kind | operations |", "|---|---|"]
    for kind, about in KINDS.items():
        names = sorted(op.name.strip("_") for op in operations().values() if op.kind == kind and op.name not in _REFUSED)
        rows.append(f"| {about} | " + " ".join(f"`{name}`" for name in dict.fromkeys(names)) + " |")
    return "\n".join(rows)


def decisions_list(folder: Path) -> str:
    """Every decision by its first line."""
    pages = sorted((folder / "decisions").glob("[0-9]*.md"))
    return "\n".join(f"- [{heading(page)}]({page.name})" for page in pages)


def heading(page: Path) -> str:
    """The first line of a page."""
    return page.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
