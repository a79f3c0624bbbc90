"""Every inspection on the page about the inside of a network: what it shows, its options, and each of its pictures of a real network."""

from __future__ import annotations

import dataclasses
import inspect
from functools import cache
from typing import Any

import pellucid as pl
from pellucid import paper
from pellucid.demo.networks import train_digits, train_patient
from pellucid.methods.dynamics.gradient_flow import LookAtGradientFlow
from pellucid.methods.dynamics.loss_landscape import LookAtLossLandscape
from pellucid.methods.internals.registry import INSPECTIONS, inspection_class
from pellucid.methods.internals.representations import LookAtRepresentations
from pellucid.views.inside import View, inside_views

DPI = 100


def pictures() -> dict[str, bytes]:
    """All pictures of all inspections by name; one that can not be made ends the build."""
    found: dict[str, bytes] = {}
    for what in INSPECTIONS:
        for name, (seen, view) in _views(what).items():
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
    shown = "\n\n".join(f'`plot(view="{name}")`\n\n![{what}: {name}](inside/{what}-{name}.png)' for name in _views(what))
    told = "\n>\n".join(f"> {paragraph}" for paragraph in seen.narrate("en").split("\n\n"))
    options = f"Options of `pl.{cls.__name__}`: {fields}\n\n" if fields else ""
    return f"## `{what}`\n\n{text}\n\n{options}{told}\n\n{shown}"


def _views(what: str) -> dict[str, tuple[pl.Explanation, View]]:
    """The pictures of the inspection shown on the page, and those that only other networks or options have."""
    found = {name: (seen, view) for seen in (*_others(what), inspected(what)) for name, view in inside_views(seen).items()}
    first = inside_views(inspected(what))
    return {name: found[name] for name in (*first, *(other for other in found if other not in first))}


@cache
def _others(what: str) -> tuple[pl.Explanation, ...]:
    """A network of a table, and two digits networks, for the pictures that one digits network does not have."""
    if what not in ("structure", "representations"):
        return ()
    patient = train_patient()
    rows, told = patient.split.test, {"preparation": patient.preparation, "class_names": patient.dataset.class_names}
    table = pl.inspect(patient.net, what, rows.inputs, labels=rows.labels, **told)
    if what == "structure":
        return (table,)
    digits = train_digits()
    two = LookAtRepresentations(other=train_digits(seed=1).net, tsne=())
    return (table, pl.inspect(digits.net, two, digits.inputs(digits.split.test)))


@cache
def inspected(what: str) -> pl.Explanation:
    """The digits network, or for regions a network on two moons."""
    if what == "decision_boundary":
        return _moons()
    digits = train_digits()
    rows = digits.split.test
    options: dict[str, Any] = {"labels": rows.labels, "class_names": digits.dataset.class_names}
    looks = {
        "loss_landscape": lambda: LookAtLossLandscape(other=train_digits(seed=1).net, resolution=41),
        "gradient_flow": lambda: LookAtGradientFlow(resolution=31),
    }
    return pl.inspect(digits.net, looks[what]() if what in looks else what, digits.inputs(rows), **options)


def _moons() -> pl.Explanation:
    import torch
    from sklearn.datasets import make_moons
    from torch import nn

    points, labels = make_moons(300, noise=0.2, random_state=0)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    pl.fit(net, points.astype("float32"), labels, epochs=60, seed=0)
    return pl.inspect(net, "decision_boundary", points.astype("float32"), labels=labels)
