"""All weights of a network in one picture: how they are distributed, how large they are, how many directions they use."""

from __future__ import annotations

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents.weights import QUANTILES, Weight
from pellucid.scenes import Axis, Bars, LegendEntry, Panel, Points, Scene, Table
from pellucid.scenes.numbers import number
from pellucid.scenes.ticks import padded
from pellucid.scenes.words import Language, words
from pellucid.views.inside.names import tail
from pellucid.views.inside.weights_change import change
from pellucid.views.inside.weights_choice import content, largest, matrices, remarks, scene, some, told
from pellucid.views.inside.weights_maps import kernels, matrix
from pellucid.views.inside.weights_units import units
from pellucid.views.inside.weights_values import distribution, embedding, spectrum
from pellucid.views.signed_bars import category_axis

AT = {share: place for place, share in enumerate(QUANTILES)}


def layers(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The spread of every weight from the first layer to the last, and beside it the share of its directions that it uses."""
    seen, say = content(explanation), words(language)
    everything = matrices(seen) or list(seen.weights)
    shown, _ = largest(everything)
    title = say["weights.layers.title"].format(
        model=explanation.provenance.model, parameters=f"{seen.parameters:,}", count=len(seen.weights)
    )
    panels = (_spreads(shown, everything, seen.weights, language), *_ranks(shown, language))
    notes = (say["weights.layers.note"], *remarks(seen.weights, language))
    return scene(explanation, title, panels, language, columns=len(panels), notes=notes)


def norms(explanation: Explanation, *, language: Language = "en") -> Scene:
    """How large every weight is: the root mean square of its elements, and the most by which it can lengthen what comes in."""
    seen, say = content(explanation), words(language)
    everything = matrices(seen) or list(seen.weights)
    shown, _ = largest(everything)
    sizes = np.array([one.rms for one in shown])
    most = max(shown, key=lambda one: one.rms)
    reach = [float(one.spectrum.values[0]) if one.spectrum is not None else float("nan") for one in shown]
    strongest = int(np.nanargmax(reach)) if np.isfinite(reach).any() else 0
    summary = say["weights.norms.summary"].format(
        low=number(float(sizes.min())), high=number(float(sizes.max())), spectral=number(reach[strongest]), name=shown[strongest].name
    )
    table = _table(seen.weights, language)
    panels = [
        Panel(
            "rms",
            say["weights.norms.rms"].format(name=most.name, value=number(most.rms)),
            summary,
            table,
            (_bars(shown, sizes, [number(one.rms) for one in shown], language),),
            x=Axis(say["weights.norms.rms_axis"], (0.0, 1.05 * float(sizes.max()) or 1.0)),
            y=category_axis([tail(one.name) for one in shown]),
            subtitle=some(everything, shown, language),
        )
    ]
    if np.isfinite(reach).any():
        values = np.nan_to_num(np.array(reach))
        panels.append(
            Panel(
                "spectral",
                say["weights.norms.spectral"].format(name=shown[strongest].name, value=number(reach[strongest])),
                summary,
                table,
                (_bars(shown, values, [number(value) for value in reach], language),),
                x=Axis(say["weights.norms.spectral_axis"], (0.0, 1.05 * float(values.max()) or 1.0)),
                y=category_axis([tail(one.name) for one in shown]),
            )
        )
    title = say["weights.norms.title"].format(model=explanation.provenance.model)
    notes = (say["weights.norms.note"], *remarks(shown, language))
    return scene(explanation, title, tuple(panels), language, columns=len(panels), notes=notes)


def shows(view: str, explanation: Explanation) -> bool:
    """Whether this picture has something to show: kernels of convolutions, units of layers, changes where an initial state was given."""
    seen = content(explanation)
    wanted = {
        "matrix": lambda one: one.map.size > 0,
        "kernels": lambda one: one.kernels.size > 0,
        "embedding": lambda one: one.layout is not None,
        "spectrum": lambda one: one.spectrum is not None,
        "change": lambda one: one.change is not None,
    }
    return bool(seen.units) if view == "units" else view not in wanted or any(map(wanted[view], seen.weights))


def _spreads(shown: list[Weight], everything: list[Weight], every: tuple[Weight, ...], language: Language) -> Panel:
    """From the 5 % to the 95 % quantile of every weight, the middle half of it, and the median."""
    say = words(language)
    quantiles = np.stack([one.quantiles for one in shown])
    low, inner, median, outer, high = (quantiles[:, AT[share]] for share in (0.05, 0.25, 0.5, 0.75, 0.95))
    places = np.arange(len(shown), dtype=float)
    labels = tuple(
        say["weights.layers.label"].format(name=one.name, size=f"{one.size:,}", low=number(a), high=number(b), median=number(m))
        for one, a, b, m in zip(shown, low, high, median, strict=True)
    )
    marks = (
        Bars(say["weights.layers.outer"], places, low, high - low, ("random",) * len(shown), labels, thickness=0.32),
        Bars(say["weights.layers.inner"], places, inner, outer - inner, ("series1",) * len(shown), labels, thickness=0.66),
        Points(say["weights.layers.median"], median, places, "ink", radius=2.0, labels=labels),
    )
    legend = (
        LegendEntry(say["weights.layers.outer"], "random"),
        LegendEntry(say["weights.layers.inner"], "series1"),
        LegendEntry(say["weights.layers.median"], "ink", "point"),
    )
    by_width = sorted(shown, key=lambda one: one.deviation)
    ends = {"widest": by_width[-1].name, "narrowest": by_width[0].name}
    ranked = min((one for one in shown if one.spectrum is not None), key=_share, default=None)
    numbers = {"count": len(every), "wide": number(by_width[-1].deviation), "narrow": number(by_width[0].deviation)}
    finding = say["weights.layers.spread"].format(**ends)
    summary = finding if ranked is None or ranked.spectrum is None else say["weights.layers.summary"].format(
        **ends, **numbers, lowest=ranked.name, rank=number(ranked.spectrum.stable_rank), full=ranked.spectrum.full
    )  # fmt: skip
    return Panel(
        "spread",
        finding,
        summary,
        _table(every, language),
        marks,
        x=Axis(say["weights.layers.weight"], padded(float(low.min()), float(high.max()))),
        y=category_axis([tail(one.name) for one in shown]),
        subtitle=some(everything, shown, language),
        legend=legend,
    )


def _ranks(shown: list[Weight], language: Language) -> tuple[Panel, ...]:
    """The stable rank of every matrix as a share of the most that it could be."""
    ranked = [one for one in shown if one.spectrum is not None]
    if not ranked:
        return ()
    say = words(language)
    shares = np.array([100 * _share(one) if one.spectrum is not None else 0.0 for one in shown])
    lowest = min(ranked, key=_share)
    labels = [
        "" if one.spectrum is None else say["weights.layers.ranked"].format(
            name=one.name, rank=number(one.spectrum.stable_rank), full=one.spectrum.full
        )
        for one in shown
    ]  # fmt: skip
    rank = lowest.spectrum.stable_rank if lowest.spectrum is not None else 0.0
    finding = say["weights.layers.rank"].format(name=lowest.name, rank=number(rank), full=min(lowest.units, lowest.inputs))
    places = np.arange(len(shown), dtype=float)
    bars = Bars(say["weights.column.rank"], places, np.zeros(len(shown)), shares, ("series2",) * len(shown), tuple(labels), thickness=0.66)
    columns = (say["weights.column.name"], say["weights.column.rank"], say["weights.column.spectral"])
    rows = tuple((one.name, one.spectrum.stable_rank, float(one.spectrum.values[0])) for one in ranked if one.spectrum is not None)
    return (
        Panel(
            "ranks",
            finding,
            finding,
            Table(columns, rows),
            (bars,),
            x=Axis(say["weights.layers.share"], (0.0, 105.0)),
            y=category_axis([tail(one.name) for one in shown]),
        ),
    )


def _share(one: Weight) -> float:
    return one.spectrum.stable_rank / one.spectrum.full if one.spectrum is not None else 1.0


def _bars(shown: list[Weight], values: np.ndarray, texts: list[str], language: Language) -> Bars:
    labels = told([one.name for one in shown], texts, language)
    return Bars("", np.arange(len(shown), dtype=float), np.zeros(len(shown)), values, ("series1",) * len(shown), labels, thickness=0.66)


def _table(weights: tuple[Weight, ...], language: Language) -> Table:
    say = words(language)
    heads = ("name", "kind", "shape", "size", "mean", "deviation", "low", "high", "norm", "spectral", "rank", "zeros")
    rows = tuple(
        (
            one.name,
            say[f"weights.kind.{one.kind}"],
            " x ".join(map(str, one.shape)),
            f"{one.size:,}",
            one.mean,
            one.deviation,
            float(one.quantiles[0]),
            float(one.quantiles[-1]),
            one.norm,
            float(one.spectrum.values[0]) if one.spectrum is not None else "",
            one.spectrum.stable_rank if one.spectrum is not None else "",
            f"{one.zeros:,}",
        )
        for one in weights
    )
    return Table(tuple(say[f"weights.column.{head}"] for head in heads), rows)


VIEWS = {
    "layers": layers,
    "matrix": matrix,
    "kernels": kernels,
    "distribution": distribution,
    "spectrum": spectrum,
    "norms": norms,
    "embedding": embedding,
    "units": units,
    "change": change,
}
