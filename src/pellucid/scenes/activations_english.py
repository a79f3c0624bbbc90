# ruff: noqa: RUF001 (punctuation of set text is meant)
"""The words in pictures of activations in English."""

from __future__ import annotations

ACTIVATIONS: dict[str, str] = {
    "method.activations": "Activations",
    "act.row": "row {row}",
    "act.row.class": "row {row} ({label})",
    "act.unit": "unit {unit}",
    "act.unit.axis": "unit",
    "act.units.all": "all {count} units",
    "act.units.vary": "{shown} of {count} units, those that vary most",
    "act.units.related": "{shown} of {count} units, those most related to one feature",
    "act.units.classes": "{shown} of {count} units, those with most variance between classes",
    "act.layers.some": "{shown} of {count} layers, at even depths",
    "act.rows.some": "{shown} of {count} rows, at even distances",
    "act.value": "activation",
    "act.share": "share of values",
    "act.share.axis": "share of values, %",
    "act.place": "token or step",
    "act.step": "step",
    "act.step.n": "step {step}",
    "act.feature": "feature {number}",
    "act.averaged": "{count} places averaged to {shown}",
    "act.function": "function",
    "act.slope": "reference slope",
    "act.dead": "{count} of {units} units dead",
    "act.stuck": "{count} of {units} units always saturated",
    "act.dead.n": "{count} dead",
    "act.stuck.n": "{count} always saturated",
    "act.dead.head": "units dead",
    "act.stuck.head": "units always saturated",
    "act.never_flat": "flat nowhere",
    "act.zone.zero": "zero side",
    "act.zone.saturated": "saturated",
    "act.zone.linear": "linear",
    "act.zone.between": "between",
    "act.points.title": "Where {count} activation functions work, on {rows} rows",
    "act.points.bars": "bars: how often an input lies there",
    "act.points.some": "{shown} of {count} activation functions, at even depths",
    "act.points.share": "share of inputs",
    "act.points.zone": "where",
    "act.points.before": "input of the function",
    "act.points.after": "output",
    "act.points.several": "units have slopes of their own; the curve is of their mean",
    "act.points.summary": "{layer}, {function}: {shares}",
    "act.points.note": (
        "Flat: |slope| under 1 % of the reference slope (far out where the function goes on, the largest elsewhere). Zero side: flat "
        "where the function is 0. Saturated: flat elsewhere. Linear: slope within 5 % of the reference. A unit is dead if all its "
        "inputs, of every row and place, lie at the zero side."
    ),
    "act.shares.title": "{dead} of {units} units are dead, {stuck} always saturated",
    "act.shares.finding": "Most flat is {layer}: {share} of its inputs",
    "act.shares.axis": "share of inputs, %",
    "act.spread.title": "What {count} layers give on {rows} rows",
    "act.spread.finding": "Widest is {layer}: standard deviation {deviation}",
    "act.spread.ridge": "how often (each to its own height)",
    "act.spread.median": "median",
    "act.spread.line": "5 % to 95 %",
    "act.spread.mean": "mean",
    "act.spread.deviation": "standard deviation",
    "act.spread.low": "least",
    "act.spread.high": "largest",
    "act.spread.zeros": "exactly 0",
    "act.spread.missing": "not finite",
    "act.spread.told": (
        "{layer}: mean {mean}, standard deviation {deviation}, 90 % between {low} and {high}, median {median}, {zeros} exactly 0"
    ),
    "act.spread.short": "mean {mean} ± {deviation}, {zeros} exactly 0",
    "act.spread.note.lines": "Dashed: the 5 % quantile, the median, the 95 % quantile. ",
    "act.spread.note": (
        "Values that are exactly 0 are in no bar; they count in the quantiles. Drawn from the 0.5 % to the 99.5 % quantile of each layer."
    ),
    "act.maps.title": "What units give at several depths: {row}",
    "act.maps.title.layer": "What the units of {layer} give",
    "act.maps.title.rows": "What units give on single rows",
    "act.maps.finding": "strongest is unit {unit} ({value})",
    "act.maps.summary": "{layer}: {finding}",
    "act.maps.note": "Colors are comparable within a layer, not between layers.",
    "act.sequence.finding": "largest at place {place}, unit {unit} ({value})",
    "act.numbers.finding": "largest: unit {unit} in {row} ({value})",
    "act.top.title": "The rows in which units of {layer} are strongest",
    "act.top.finding": "Unit {unit} is strongest in {row}: {value}",
    "act.top.rank": "{rank}",
    "act.top.note": (
        "Out of {rows} rows; the number is the unit's largest activation in the row. Rows that a unit likes need not have in common "
        "what a person sees in them."
    ),
    "act.classes.title": "Which classes the units of {layer} respond to",
    "act.classes.relative": "mean by class, as a part of the unit's largest",
    "act.classes.index": "class selectivity",
    "act.classes.explained": "variance between classes",
    "act.classes.preferred": "class",
    "act.classes.some": "{shown} of {count} classes, those that a unit here prefers",
    "act.classes.finding": "Most selective is unit {unit}, for {label} ({index} {value})",
    "act.classes.note": (
        "Class selectivity (Morcos et al. 2018): (a − b) / (a + b), a the largest class mean and b the mean of the others; only "
        "where no class mean is negative. Variance between classes: the share of a unit's variance over rows (eta squared). "
        "Selective units are not always the ones that a network needs."
    ),
    "act.depths.finding": "Units tell classes apart best in {layer}: median {share}",
    "act.depths.unit": "one unit",
    "act.depths.chance": "by chance",
    "act.depths.median": "median of the layer",
    "act.input.title": "Units of {layer} against the input",
    "act.input.finding": "unit {unit} and {feature}: r\u00a0=\u00a0{r}",
    "act.input.related": "What units of {layer} are most related to",
    "act.input.rank": "feature {rank}",
    "act.input.note": "r is Pearson’s correlation over all rows. A unit depends on all features together.",
    "act.attention.title": "What attends to what: {row}",
    "act.attention.head": "{layer} · head\u00a0{head}",
    "act.attention.weight": "attention weight",
    "act.attention.key": "attended to",
    "act.attention.query": "attending",
    "act.attention.mean": "mean share",
    "act.attention.finding": "most to {token}: {share} % on average; {bits} bits",
    "act.attention.note": (
        "Each line of a map sums to 1. Bits: the entropy of a line, 0 where all attention is on one token. Where a head attends is "
        "not what decides the output."
    ),
    "act.heads.all": "all {count} heads",
    "act.heads.some": "{shown} of {count} heads",
    "act.states.title": "The hidden state of {layer} over time",
    "act.states.signal": "Input of {row}",
    "act.states.finding": "it changes most at step {step}: by {change} on average",
    "act.states.note": "A line for each unit, in their own order; colors are comparable between rows.",
}
