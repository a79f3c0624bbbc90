"""Photos to network inputs and back: orientation, color, size, crop and scale, all of it invertible for display."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from pellucid.errors import FileError, InputError, MissingExtra

if TYPE_CHECKING:
    from PIL.Image import Image

Photo: TypeAlias = "np.ndarray | str | os.PathLike[str] | Image"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")


@dataclass(frozen=True)
class ImagePreparation:
    """Resizes a photo (bicubic, with anti-aliasing), cuts out its middle, and scales it channel by channel.

    Attributes:
        size: height and width of the result in pixels.
        mean, std: per channel, for values in 0..1; three of each for RGB, one of each for grayscale.
        shorter_side: the photo's shorter side is resized to this many pixels before the crop; ``None`` means ``size``, so that
            the crop loses nothing of the shorter side.

    What lies outside the crop is not seen by the network and is not in its explanation.
    """

    size: int
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    shorter_side: int | None = None
    kind: Literal["image"] = "image"

    def __post_init__(self) -> None:
        if len(self.mean) not in (1, 3) or len(self.mean) != len(self.std) or min(self.std) <= 0:
            received = f"mean {self.mean}, std {self.std}"
            raise InputError(
                "mean and std need one (grayscale) or three (RGB) values each, std above zero",
                received=received,
                remedy="give mean=(m,) and std=(s,), or three of each",
            )
        if self.size < 1 or (self.shorter_side or self.size) < self.size:
            received = f"size {self.size}, shorter_side {self.shorter_side}"
            raise InputError("The crop does not fit into the resized photo", received=received, remedy="give shorter_side >= size >= 1")

    def apply(self, photos: Photo | Sequence[Photo]) -> np.ndarray:
        """The network's input, float32 (sample, channel, y, x), for one photo or a list of them.

        Args:
            photos: a path, a PIL image, or an array: (y, x), (y, x, 3) or (y, x, 4), uint8, uint16 or floats in 0..1. The orientation
                that a camera wrote into the file is applied; transparency is laid over white; of an animation, the first frame.

        Raises:
            FileError: a file that is missing, truncated or no image.
            InputError: an array that is no photo.
        """
        many = list(photos) if isinstance(photos, (list, tuple)) else [cast("Photo", photos)]
        if not many:
            raise InputError("There is no photo to prepare", received="an empty list", remedy="give at least one")
        shown = np.stack([self._cropped(open_photo(photo)) for photo in many])
        scaled = (shown - np.asarray(self.mean)) / np.asarray(self.std)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)

    def invert(self, inputs: np.ndarray) -> np.ndarray:
        """The picture to show, (sample, y, x, channel) in 0..1, of network inputs (sample, channel, y, x); clipped to 0..1."""
        inputs = np.asarray(inputs, float)
        if inputs.ndim != 4 or inputs.shape[1] != len(self.mean):
            raise InputError(
                "Network inputs (sample, channel, y, x) are needed",
                received=f"shape {inputs.shape}, {len(self.mean)} channels",
                remedy="give what apply() returned",
            )
        return np.clip(inputs.transpose(0, 2, 3, 1) * np.asarray(self.std) + np.asarray(self.mean), 0, 1)

    def apply_mask(self, mask: np.ndarray) -> np.ndarray:
        """Where a mask (y, x) drawn on the whole photo lies in the prepared crop: bool (size, size)."""
        return self._cropped(open_photo(np.asarray(mask, bool).astype(np.uint8) * 255), channels=1)[..., 0] >= 0.5

    def placement(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(width, height) of the resized photo, and the (left, top) corner of the crop in it, in pixels."""
        scale = (self.shorter_side or self.size) / min(width, height)
        wide, high = max(round(width * scale), self.size), max(round(height * scale), self.size)
        return wide, high, (wide - self.size) // 2, (high - self.size) // 2

    def _cropped(self, photo: Image, channels: int | None = None) -> np.ndarray:
        from PIL.Image import Resampling

        photo = photo.convert("L" if (channels or len(self.mean)) == 1 else "RGB")
        wide, high, left, top = self.placement(*photo.size)
        small = photo.resize((wide, high), Resampling.BICUBIC).crop((left, top, left + self.size, top + self.size))
        return np.asarray(small, float).reshape(self.size, self.size, -1) / 255


DARKEST = 8  # of 255: no photo is as dark all over


def usual_range(low: float, high: float) -> tuple[float, float] | None:
    """0..1 or 0..255, whichever holds all values from the lowest to the highest; None if neither does, or if they are a brightened 0..1."""
    if low < 0 or high > 255 or 1 < high <= DARKEST:
        return None
    return (0.0, 1.0 if high <= 1 else 255.0)


def bright(values: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    """Values (sample, ...) stretched to 0..1 for display, from a range or, without one, from each row's own."""
    if value_range is not None:
        low, high = value_range
    else:
        flat = values.reshape(len(values), -1)
        form = (len(values), *[1] * (values.ndim - 1))
        low, high = flat.min(1).reshape(form), flat.max(1).reshape(form)
    stretched = values - low
    stretched = np.divide(stretched, np.maximum(high - low, 1e-12), out=stretched if stretched.dtype.kind == "f" else None)
    return np.clip(stretched, 0, 1, out=stretched)


def open_photo(photo: Photo) -> Image:
    """An upright PIL image in mode L or RGB of a path, a PIL image or an array."""
    if isinstance(photo, np.ndarray):
        return _from_array(photo)
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtra("Pillow", "data") from error
    if isinstance(photo, Image.Image):
        return _flat(ImageOps.exif_transpose(photo))
    if not isinstance(photo, (str, os.PathLike)):
        raise InputError("This is no photo", received=type(photo).__name__, remedy="give a path, a PIL image or an array (y, x, 3)")
    path = Path(photo)
    if not path.is_file():
        raise FileError("There is no image file of that name", received=str(path), remedy=_near(path))
    try:
        with Image.open(path) as opened:
            return _flat(ImageOps.exif_transpose(opened))
    except Image.DecompressionBombError as error:
        raise FileError("The image is too large to open safely", received=f"{path} ({error})", remedy="make a smaller copy") from error
    except PermissionError as error:
        raise FileError("The file may not be read", received=str(path), remedy="change its permissions, or copy it elsewhere") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow's own list of what a broken file may raise
        remedy = f"open it in a viewer; if it is whole, save it anew as one of {', '.join(SUFFIXES)}"
        raise FileError(
            "The file is truncated or is no image", received=f"{path} ({path.stat().st_size} bytes; {error})", remedy=remedy
        ) from error


def _near(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist; check the path"
    images = sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES)[:8]
    return f"check the path; images in that folder: {', '.join(images) or 'none'}"


def _flat(photo: Image) -> Image:
    """Mode L or RGB: sixteen bits reduced to eight, palettes resolved, transparency laid over white."""
    from PIL import Image

    if photo.mode.startswith("I") or photo.mode == "F":
        return _from_array(np.asarray(photo).astype(np.float64 if photo.mode == "F" else np.uint16))
    if photo.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo).convert("RGB")
    return photo.convert("L" if photo.mode in ("1", "L") else "RGB")


def _from_array(values: np.ndarray) -> Image:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("Pillow", "data") from error
    received = f"shape {values.shape}, {values.dtype}"
    values = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)) or 0 in values.shape:
        remedy = "give (y, x), (y, x, 3) or (y, x, 4); a batch as a list of photos"
        if values.ndim == 3 and values.shape[0] in (1, 3):
            remedy = f"channels come last here: photo.transpose(1, 2, 0); or {remedy}"
        raise InputError("This array is no photo", received=received, remedy=remedy)
    if values.dtype == np.uint16:
        values = np.rint(values / 257)  # 65535 is 255 * 257
    elif np.issubdtype(values.dtype, np.floating):
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise InputError(
                "Floats of a photo must be finite and in 0..1",
                received=f"{received}, from {values.min():.4g} to {values.max():.4g}",
                remedy="divide by the largest possible value, or give uint8",
            )
        values = np.rint(values * 255)
    elif values.dtype != np.uint8:
        raise InputError("This array is no photo", received=received, remedy="give uint8, uint16 or floats in 0..1")
    return _flat(Image.fromarray(np.ascontiguousarray(values.astype(np.uint8))))
