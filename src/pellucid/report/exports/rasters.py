"""Frames of a run as small pictures in the colors of the film strips: the decision over the plane, attributions of pinned rows."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from pellucid.scenes import ColorScale, Image
from pellucid.views.rasters import colored, limit_of
from pellucid.views.runs.reading import chosen_frames
from pellucid.views.runs.strips import are_images, plane, summed_map

if TYPE_CHECKING:
    from pellucid.training.runs.contents import AttributionFrame
    from pellucid.training.runs.run import Run

SIDE = 192  # pixels that the shorter side of a picture has at least
PICTURES = 100  # frames that become pictures; of more those at even steps


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture of one frame: ``pixels`` (y, x, 3) of uint8, and when it was recorded."""

    tag: str
    step: int
    time: float
    pixels: np.ndarray

    def png(self) -> bytes:
        """The picture as a file."""
        from PIL import Image as Pillow

        made = io.BytesIO()
        Pillow.fromarray(self.pixels).save(made, "png")
        return made.getvalue()


def boundary_pictures(run: Run) -> Iterator[Picture]:
    """The predicted class over the plane, the paler the less confident; empty where nothing of the kind was recorded."""
    frames = run.frames("boundary")
    for at, frame in frames.read(chosen_frames(frames, PICTURES)):
        step = int(frames.steps[at])
        image = cast(Image, plane(step, frame, run.pinned, "en").marks[0])
        yield Picture("boundary", step, float(frames.times[at]), enlarged_pixels(image))


def attribution_pictures(run: Run) -> Iterator[Picture]:
    """Attributions: of images one picture a row, of other rows one picture with a line for each; warm speaks for the class."""
    frames = run.frames("attributions")
    maps = {at: _maps(frame) for at, frame in frames.read(chosen_frames(frames, PICTURES))}
    limit = limit_of(np.concatenate([one.ravel() for found in maps.values() for one in found.values()])).value if maps else 1.0
    scale = ColorScale("diverging", (-limit, limit), "")
    for at, found in maps.items():
        for tag, values in found.items():
            height, width = values.shape
            image = Image("", (0.0, float(width), 0.0, float(height)), values, scale)
            yield Picture(tag, int(frames.steps[at]), float(frames.times[at]), enlarged_pixels(image))


def _maps(frame: AttributionFrame) -> dict[str, np.ndarray]:
    """(y, x) by tag."""
    if are_images(frame):
        return {f"attributions/row {int(row)}": summed_map(one).astype(float) for row, one in zip(frame.rows, frame.values, strict=True)}
    return {"attributions": frame.values.reshape(len(frame.rows), -1).astype(float)}


def enlarged_pixels(image: Image) -> np.ndarray:
    """An image in its colors on white, each cell a square of as many pixels as make it large enough to be seen."""
    colors = colored(image, "light")
    if colors.shape[-1] == 4:
        colors = 1 - colors[..., 3:] * (1 - colors[..., :3])
    times = max(1, -(-SIDE // min(colors.shape[:2]))) if max(colors.shape[:2]) < 4 * SIDE else 1
    return np.round(255 * colors).astype(np.uint8).repeat(times, 0).repeat(times, 1)
