# ruff: noqa: RUF001 (an en dash between numbers is meant)
"""An image, its signed attribution map, and the one over the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.provenance import FUSED
from pellucid.scenes import Axis, ColorScale, Image, Mark, Panel, Scene, Table
from pellucid.scenes.numbers import number, percent, signed
from pellucid.scenes.words import Language, joined, words
from pellucid.views.framing import framed
from pellucid.views.rasters import PERCENTILE, Limit, blocks, enlarged, limit_of, photo, quiet_gray, richest_region
from pellucid.views.reading import is_refused, one_row, reduced, shown_input, speaks_for, summed_note, value_label

STRONGEST_OPACITY = 0.92


def image_overlay(explanation: Explanation, *, row: int = 0, language: Language = "en", cells: bool = False) -> Scene:
    """Three panels: the image, its attributions (sample, y, x[, channel]) as they were computed, and both together.

    Colors are symmetric about zero and end where the legend says. A map coarser than the image is smoothed in the overlay,
    or drawn as its true cells with ``cells=True``.
    """
    one = one_row(explanation, row)
    panels = image_panels(one, 0, language, cells=cells)
    return framed(one, panels, language, columns=len(panels))


@dataclass(frozen=True, eq=False)
class SignedMap:
    """A map (y, x) with the limit of its colors and the scale that says so."""

    values: np.ndarray
    limit: Limit
    scale: ColorScale
    note: str


def signed_map(explanation: Explanation, index: int, language: Language) -> SignedMap:
    """The map of array ``index`` of a one-row explanation, summed over channels."""
    array, gone = reduced(explanation.arrays[index], ("y", "x"))
    limit = limit_of(array.values)
    return SignedMap(
        array.values.astype(np.float32),
        limit,
        color_scale(limit, explanation, language),
        summed_note(gone, language),
    )


def color_scale(limit: Limit, explanation: Explanation, language: Language) -> ColorScale:
    """A scale whose label says where its colors end: diverging about zero, but sequential for sizes, which have no sign."""
    sizes = explanation.provenance.meaning == "magnitude" and not any(np.nanmin(array.values) < 0 for array in explanation.arrays)
    template = words(language)["image.scale_cut" if limit.cut else "image.scale_all"]
    shown = ("" if sizes else "±") + number(limit.value if limit.largest else 0.0)
    text = template.format(label=value_label(explanation, language), limit=shown, percent=number(PERCENTILE), largest=number(limit.largest))
    return ColorScale("sequential" if sizes else "diverging", (0.0 if sizes else -limit.value, limit.value), text)


def image_panels(explanation: Explanation, index: int, language: Language, *, cells: bool = False) -> tuple[Panel, ...]:
    """The three panels; the map alone where the input is not known as an image."""
    found = signed_map(explanation, index, language)
    shown = shown_input(explanation, index)
    if shown is None or shown.kind != "image":
        return (_map_panel(explanation, index, found, found.values.shape, language),)
    pixels = photo(shown.data)
    size = pixels.shape[:2]
    return (
        _input_panel(index, pixels, language),
        _map_panel(explanation, index, found, size, language),
        _overlay_panel(explanation, index, found, pixels, language, cells=cells),
    )


def frame_axes(size: tuple[int, ...]) -> tuple[Axis, Axis]:
    """Hidden axes of a picture (height, width), row 0 at the top."""
    height, width = size[:2]
    return Axis("", (0.0, float(width)), hidden=True), Axis("", (0.0, float(height)), reverse=True, hidden=True)


def _input_panel(index: int, pixels: np.ndarray, language: Language) -> Panel:
    say = words(language)
    height, width = pixels.shape[:2]
    x, y = frame_axes(pixels.shape)
    size = say["image.size"].format(width=width, height=height)
    mean = float(pixels.mean() / 255)
    return Panel(
        f"input{index}",
        say["image.input"],
        say["image.input_summary"].format(width=width, height=height, mean=number(mean)),
        Table((say["image.columns"], say["image.rows"], say["image.brightness"]), ((float(width), float(height), mean),)),
        (Image("", (0.0, float(width), 0.0, float(height)), pixels=pixels),),
        x=x,
        y=y,
        subtitle=size,
        equal=True,
    )


def _map_panel(explanation: Explanation, index: int, found: SignedMap, size: tuple[int, ...], language: Language) -> Panel:
    say = words(language)
    x, y = frame_axes(size)
    height, width = found.values.shape
    fused = FUSED in explanation.layer
    key = "image.cells_fused" if fused else "image.size" if (height, width) == size else "image.cells"
    extent = (0.0, float(size[1]), 0.0, float(size[0]))
    return Panel(
        f"map{index}",
        say["image.map"],
        map_summary(found.values, language),
        map_table(found.values, language),
        (Image(value_label(explanation, language), extent, values=found.values, scale=found.scale),),
        x=x,
        y=y,
        subtitle=joined([say[key].format(width=width, height=height), found.note], language),
        scale=found.scale,
        equal=True,
        hatched=is_refused(explanation),
    )


def _overlay_panel(explanation: Explanation, index: int, found: SignedMap, pixels: np.ndarray, language: Language, *, cells: bool) -> Panel:
    say = words(language)
    x, y = frame_axes(pixels.shape)
    height, width = pixels.shape[:2]
    coarse = found.values.shape[0] < height or found.values.shape[1] < width
    smoothed = coarse and not cells
    values = enlarged(found.values, height, width).astype(np.float32) if smoothed else found.values
    refused = is_refused(explanation)
    finding = "" if refused else _where(explanation, found.values, language)
    return Panel(
        f"overlay{index}",
        say["image.overlay"],
        map_summary(found.values, language),
        map_table(found.values, language),
        overlay_marks(quiet_gray(pixels), values, found.scale, value_label(explanation, language)),
        x=x,
        y=y,
        subtitle=joined([finding, say["image.smoothed"] if smoothed else ""], language),
        equal=True,
        hatched=refused,
    )


def _where(explanation: Explanation, values: np.ndarray, language: Language) -> str:
    """Which ninth of the picture holds most of what speaks for the target (of |value| where a sign does not speak for it)."""
    signed = speaks_for(explanation)
    mass = np.clip(values, 0, None) if signed else np.abs(values)
    if not np.nansum(mass) > 0:
        return ""
    region, share = richest_region(mass)
    say = words(language)
    key = "image.region_for" if signed else "image.region"
    return say[key].format(share=percent(share, language, 2), region=say[f"region.{region}"])


def overlay_marks(pixels: np.ndarray, values: np.ndarray, scale: ColorScale, name: str) -> tuple[Mark, ...]:
    """A photo and, over it, a map that is the more opaque the larger its values are."""
    extent = (0.0, float(pixels.shape[1]), 0.0, float(pixels.shape[0]))
    opacity = np.clip(np.abs(np.nan_to_num(values)) / scale.domain[1], 0, 1) * STRONGEST_OPACITY
    return Image("", extent, pixels=pixels), Image(name, extent, values=values, scale=scale, opacity=opacity.astype(np.float32))


def map_table(values: np.ndarray, language: Language) -> Table:
    """Sums over blocks of a map; its single cells where it is small."""
    say = words(language)
    rows = tuple((_range(t, b), _range(left, right), total) for t, b, left, right, total in blocks(values))
    single = all(t == b and left == right for t, b, left, right, _ in blocks(values))
    return Table((say["image.rows"], say["image.columns"], say["attribution" if single else "image.sum"]), rows)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def map_summary(values: np.ndarray, language: Language) -> str:
    """The extremes of a map and where they are; rows and columns are counted from 0."""
    known = np.nan_to_num(values)
    high_y, high_x = np.unravel_index(int(np.argmax(known)), known.shape)
    low_y, low_x = np.unravel_index(int(np.argmin(known)), known.shape)
    return words(language)["image.summary"].format(
        width=known.shape[1],
        height=known.shape[0],
        high=signed(float(known[high_y, high_x])),
        high_y=high_y,
        high_x=high_x,
        low=signed(float(known[low_y, low_x])),
        low_y=low_y,
        low_x=low_x,
    )
