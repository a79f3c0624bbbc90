# ruff: noqa: RUF001 (signs of set text are meant)
"""The words in pictures of decision boundaries in English."""

from __future__ import annotations

BOUNDARY: dict[str, str] = {
    "method.decision_boundary": "Decision boundary",
    "boundary.exact": "Where {model} changes its class: exact lines from {regions} linear regions",
    "boundary.traced": "Where {model} changes its class: exact lines where a grid of {points} × {points} points saw it change",
    "boundary.sampled": "Where {model} changes its class: sampled at {points} × {points} points",
    "boundary.one": "{model} says {name} everywhere here",
    "boundary.inputs": "The two inputs",
    "boundary.samples": "A slice of {elements} inputs through rows {items}",
    "boundary.pca": "A slice of {elements} inputs along the two directions of largest variance ({share} of it)",
    "boundary.off": "rows lie off it by {median} (median) and up to {most}",
    "boundary.shown": "{shown} of {count} rows lie in it",
    "boundary.right": "{wrong} of {count} rows are misread",
    "boundary.map": "The fainter, the less confident",
    "boundary.slice_note": (
        "A slice shows what the network says on one plane. Rows are drawn where they lie seen at a right angle; what the network "
        "says of a row can differ from what it says of its place ({differ} of {count} do)."
    ),
    "boundary.why.bends": "Sampled, since the network is not linear in pieces: {detail}.",
    "boundary.why.hidden": "Sampled, since the operations of this model can not be followed.",
    "boundary.why.many": (
        "There are more than {detail} linear regions here; span= looks at a smaller part, most= allows for more. Lines that "
        "no point of the grid lies beyond are missing."
    ),
    "boundary.agreement": (
        "The polygons are computed in float64; the network itself, asked at {points} × {points} points, says the same class at "
        "{share} of them."
    ),
    "boundary.says": "says {name}",
    "boundary.line": "change of class",
    "boundary.wrong": "misread (ringed)",
    "boundary.true": "row of class {name}",
    "boundary.called": "row called {name}",
    "boundary.other": "other classes",
    "boundary.other_rows": "rows of other classes",
    "boundary.sample": "row {row}",
    "boundary.confidence": "confidence",
    "boundary.point": "Row {row}: {truth}says {said}, {distance} from a change of class",
    "boundary.truth": "is {name}, ",
    "boundary.axis": "direction {number}",
    "boundary.axis_input": "input {number}",
    "boundary.axis_pca": "direction {number} ({share} of the variance)",
    "boundary.summary": "{how}; lines: {segments} pieces, {length} long in all; largest share of the area: {name} ({share})",
    "regions.title": "{regions} linear regions of {model}",
    "regions.finding": "In each area the network is one linear function; neighbors differ in color",
    "regions.size": "areas from {least} to {most} of the whole, median {median}",
    "regions.summary": "{regions} polygons with {corners} corners on average, {size}",
    "regions.unit": "regions",
    "regions.sample": "the largest {shown} of {count} regions are drawn; a closer view has the others",
    "regions.rest": "smaller regions, not drawn",
    "regions.point": "Region {row}: {label}",
    "regions.class": "says",
    "regions.along": "slope of its score to the right",
    "regions.up": "upwards",
    "regions.corners": "corners",
    "regions.share": "share of the area, %",
    "regions.name": "region",
    "regions.table": "the largest regions",
    "distances.title": "How far rows are from a change of class",
    "distances.finding": "Half of the rows are closer than {median} to a change of class, the closest {least}",
    "distances.axis": "distance to the nearest change of class on this plane",
    "distances.rows": "rows",
    "distances.right": "read right",
    "distances.wrong": "misread",
    "distances.bin": "{low} to {high}: {count} {what}",
    "distances.unsure": "Of {count} rows a change of class outside of the part shown may be nearer: their distances are upper limits.",
    "distances.slice": "Distances are along the slice; off it a change may be nearer.",
    "distances.summary": "{count} rows: {least} to {most} from a change of class, median {median}",
    "distances.wrong_closer": "misread rows are at {wrong} (median), others at {right}",
}
