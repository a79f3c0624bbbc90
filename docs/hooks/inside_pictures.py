"""Every inspection on the page about the inside of a network: what it shows, its options, and each of its pictures of a real network."""

from __future__ import annotations

import dataclasses
import inspect
from functools import cache
from typing import Any

import pellucid as pl
from pellucid import paper
from pellucid.demo.networks import train_digits
from pellucid.methods.internals.registry import INSPECTIONS, inspection_class
from pellucid.views.inside import inside_views

DPI = 100


def pictures() -> dict[str, bytes]:
    """All pictures of all inspections by name; one that can not be made ends the build."""
    found: dict[str, bytes] = {}
    for what in INSPECTIONS:
        seen = inspected(what)
        for name, view in inside_views(seen).items():
            found[f"{what}-{name}"] = paper.png_bytes(paper.draw(view(seen, language="en")), dpi=DPI)
    return found


def inspections_list() -> str:
    """A section for each: its docstring, options, the words about one network, and the pictures."""
    return "\n\n".join(_section(what) for what in INSPECTIONS)


def _section(what: str) -> str:
    cls = inspection_class(what)
    fields = ", ".join(f"`{field.name}={field.default!r}`" for field in dataclasses.fields(cls))  # type: ignore[arg-type]
    text = (inspect.getdoc(cls) or "").partition("Raises:")[0].replace("``", "`").strip()
    seen = inspected(what)
    shown = "\n\n".join(f'`plot(view="{name}")`\n\n![{what}: {name}](inside/{what}-{name}.png)' for name in inside_views(seen))
    told = "\n>\n".join(f"> {paragraph}" for paragraph in seen.narrate("en").split("\n\n"))
    options = f"Options of `pl.{cls.__name__}`: {fields}\n\n" if fields else ""
    return f"## `{what}`\n\n{text}\n\n{options}{told}\n\n{shown}"


@cache
def inspected(what: str) -> pl.Explanation:
    """The digits network, or for regions a network on two moons."""
    if what == "decision_boundary":
        return _moons()
    digits = train_digits()
    rows = digits.split.test
    options: dict[str, Any] = {"labels": rows.labels, "class_names": digits.dataset.class_names}
    return pl.inspect(digits.net, what, digits.inputs(rows), **options)


def _moons() -> pl.Explanation:
    import torch
    from sklearn.datasets import make_moons
    from torch import nn

    points, labels = make_moons(300, noise=0.2, random_state=0)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    pl.fit(net, points.astype("float32"), labels, epochs=60, seed=0)
    return pl.inspect(net, "decision_boundary", points.astype("float32"), labels=labels)
