"""What views read from an explanation: the parts of one row, and how to call them."""

from __future__ import annotations

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import Explanation, LabelledArray, ShownInput
from pellucid.explanation.provenance import FUSED
from pellucid.scenes.words import Language, spaced, words


def one_row(explanation: Explanation, row: int) -> Explanation:
    """The explanation of this row alone.

    Raises:
        InputError: there is no such row.
    """
    try:
        return explanation[row]
    except IndexError as error:
        raise InputError(
            "There is no such row", received=f"row {row} of {len(explanation)}", remedy=f"choose a row from 0 to {len(explanation) - 1}"
        ) from error


def shown_input(explanation: Explanation, index: int) -> ShownInput | None:
    """The input that array ``index`` explains: the one of its name, else the one at its place, else the only one."""
    name = explanation.arrays[index].name
    for candidate in explanation.inputs:
        if candidate.name == name:
            return candidate
    if index < len(explanation.inputs):
        return explanation.inputs[index]
    return explanation.inputs[0] if len(explanation.inputs) == 1 else None


def first_sample(array: LabelledArray) -> LabelledArray:
    """The array of the first sample, without its sample axis."""
    if "sample" not in array.axes:
        return array
    at = array.axes.index("sample")
    valid = None if array.valid is None else np.take(array.valid, 0, axis=at)
    labels = {axis: names for axis, names in array.coordinates.items() if axis != "sample"}
    return LabelledArray(array.name, np.take(array.values, 0, axis=at), tuple(a for a in array.axes if a != "sample"), labels, valid)


def reduced(array: LabelledArray, keep: tuple[str, ...]) -> tuple[LabelledArray, tuple[str, ...]]:
    """The array of one sample summed over every axis not in ``keep``, its axes in the order of ``keep``; and the axes summed over.

    An axis with a single entry is dropped without a word.
    """
    array = first_sample(array)
    gone = tuple(axis for axis in array.axes if axis not in keep)
    at = tuple(array.axes.index(axis) for axis in gone)
    values = np.asarray(array.values, float)
    valid = array.valid
    if valid is not None:
        values, valid = np.where(valid, values, 0.0), np.asarray(valid.any(axis=at))
    left = tuple(axis for axis in array.axes if axis in keep)
    order = tuple(left.index(axis) for axis in keep if axis in left)
    labels = {axis: names for axis, names in array.coordinates.items() if axis in left}
    summed = np.transpose(values.sum(axis=at), order)
    mask = None if valid is None else np.transpose(valid, order)
    told = tuple(axis for axis in gone if array.values.shape[array.axes.index(axis)] > 1)
    return LabelledArray(array.name, summed, tuple(axis for axis in keep if axis in left), labels, mask), told


def target_name(explanation: Explanation) -> str:
    """What is explained in the first row: the class by its name, where it is a class."""
    decision = explanation.decision
    index = int(decision.target_class[0])
    return decision.class_names[index] if 0 <= index < len(decision.class_names) else decision.target[0]


def predicted_name(explanation: Explanation) -> str | None:
    """The class predicted for the first row, or None where the network predicts no class."""
    index = int(explanation.decision.predicted[0])
    if index < 0:
        return None
    names = explanation.decision.class_names
    return names[index] if index < len(names) else str(index)


def scale_name(explanation: Explanation, language: Language) -> str:
    """What the explained score is: logit, log-odds, probability or value."""
    return words(language)[f"scale.{explanation.provenance.scale}"]


def is_complete(explanation: Explanation) -> bool:
    """Whether the values are parts of (score - baseline score) for the first row."""
    return bool(np.isfinite(explanation.decision.baseline_scores[0]))


def is_refused(explanation: Explanation) -> bool:
    """Whether the first row's explanation was refused; its pictures are hatched and claim nothing."""
    return explanation.verdicts[0].level == "refused"


def disagreement(explanation: Explanation) -> float:
    """How far the values of several baselines lie from their mean: half the spread, as a share of the size of all values."""
    apart = sum(float(np.nansum(array.values)) / 2 for array in explanation.spread)
    whole = sum(float(np.nansum(np.abs(array.values))) for array in explanation.arrays)
    return apart / whole if whole > 0 else 0.0


SIGNS = {"contribution": ("raises", "lowers"), "slope": ("raises_if_higher", "lowers_if_higher")}


def sign_words(explanation: Explanation) -> tuple[str, ...]:
    """The words for what a positive and a negative value mean; none where the sign tells nothing about the score."""
    return SIGNS.get(explanation.provenance.meaning, ())


def speaks_for(explanation: Explanation) -> bool:
    """Whether a positive value speaks for the target; that of a slope says which change would, a size says neither."""
    return explanation.provenance.meaning in ("contribution", "map")


def value_label(explanation: Explanation, language: Language) -> str:
    """What a value of this explanation is, for axes and color bars."""
    key = "contribution" if is_complete(explanation) else "attribution_fused" if FUSED in explanation.layer else "attribution_for"
    if key == "attribution_for" and explanation.provenance.meaning == "magnitude":
        key = "magnitude"
    return spaced(words(language)[key].format(scale=scale_name(explanation, language)))


def summed_note(axes: tuple[str, ...], language: Language) -> str:
    """``summed over channels``; empty where nothing was summed."""
    if not axes:
        return ""
    say = words(language)
    joiner = "、" if language == "zh-CN" else ", "
    return say["summed"].format(axes=joiner.join(say.get(f"axis.{axis}", axis) for axis in axes))
