# ruff: noqa: RUF001 (signs of set text are meant)
"""The words in pictures of feature visualization in English."""

from __future__ import annotations

FEATURES: dict[str, str] = {
    "method.feature_visualization": "Feature visualization",
    "feature.outputs": "outputs",
    "feature.layer": "layer {layer}",
    "feature.unit": "unit {unit}",
    "feature.output": "output {unit}",
    "feature.way.fourier": "Fourier",
    "feature.way.spectrum": "spectrum",
    "feature.row": "row {row}",
    "feature.pictures.title": "What makes units of {model} strong",
    "feature.pictures.panel": "{layer}: optimized pictures, and the strongest rows",
    "feature.pictures.more": "{layer}, continued",
    "feature.pictures.some": "{shown} of {count} units, those that vary most over the rows",
    "feature.pictures.classes": "{shown} of {count} outputs, those that are largest most often",
    "feature.pictures.chosen": "{shown} of {count} units, as chosen",
    "feature.pictures.all": "all {count} units",
    "feature.pictures.sees": "what the strongest place can see",
    "feature.pictures.note": (
        "Above each picture is the activation at the unit's strongest place (2× is twice that of the strongest "
        "row), over a row its number and, in brackets, its class, or one of them where both have no room; a frame is around what that "
        "place can see, where that is not all. Optimized pictures were measured as they are drawn, {steps} steps from noise."
    ),
    "feature.pictures.limit": (
        "An optimized picture is a superstimulus that may lie far from every row; it does not say what a unit is for."
    ),
    "feature.pictures.spectrum": "Spectrum: every wave is as strong as it is in {rows} rows on average; only where waves lie is optimized.",
    "feature.times": "{way}: {times} times the strongest row",
    "feature.against": "{way}: {value} against {top} of the strongest row",
    "feature.reached.title": "How strong units of {model} are on optimized pictures and on {rows} rows",
    "feature.reached.panel": "{layer}: {above} of {count} optimized pictures are stronger than every row",
    "feature.reached.axis": "activation: 0 the median row, 1 the strongest row",
    "feature.reached.rows": "rows: 5 to 95 %, and 25 to 75 %",
    "feature.reached.top": "strongest row",
    "feature.reached.shifted": "small: after a shift by {shift} px",
    "feature.reached.note": (
        "The activation at a unit's strongest place. Small points are means over eight shifts by {shift} px: where one lies far to the "
        "left of the large one, the activation hangs on the exact position."
    ),
    "feature.table.unit": "unit",
    "feature.table.reached": "{way}",
    "feature.table.shifted": "{way}, shifted",
    "feature.table.median": "median row",
    "feature.table.top": "strongest row",
    "feature.table.top_shifted": "strongest row, shifted",
    "feature.table.rank": "row {rank}",
    "feature.asked.title": "Where spectrum pictures of {model} matter",
    "feature.asked.finding": "most gathered: {unit}, half of all gradients on {share} of the pixels",
    "feature.asked.half": "pixels that hold half of all gradients, %",
    "feature.asked.note": (
        "Faded is where the gradient of the unit asked for little over all steps. With fixed magnitudes every part of a "
        "picture must show something; what is faded is there by chance."
    ),
}
