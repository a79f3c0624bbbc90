"""Where the cat is: a polygon drawn by hand on scikit-image's cat photo, to measure whether an explanation points at it.

The cat fills the photo: 74 % of the whole (300 x 451), 95 % of the crop that EfficientNet-Lite0 sees. A map that knows nothing puts as
large a share of its mass there, so that mass inside the cat says nothing on that crop. :func:`cat_among_others` is the picture to measure
on: the cat is one of four photos in a 2 x 2 grid (the grid pointing game of Böhle, Fritz & Schiele 2021) and covers 23 % of what the
network sees.
"""

from __future__ import annotations

import numpy as np

from pellucid.data.image import ImagePreparation, open_photo

# (x, y) in pixels of the 451 x 300 photo: head, ears and chest; the whiskers that stick out and the blurred furniture are left out
OUTLINE: tuple[tuple[int, int], ...] = (
    *((41, 0), (36, 30), (31, 62), (32, 92), (36, 116), (24, 121), (0, 124), (0, 299), (296, 299)),
    *((302, 284), (312, 266), (316, 246), (314, 226), (322, 214), (336, 200), (350, 180), (358, 160)),
    *((364, 134), (365, 116), (361, 96), (357, 72), (366, 62), (374, 44), (386, 22), (402, 0)),
)
PHOTO_SHAPE = (300, 451)
TILE = 256


def cat_outline() -> np.ndarray:
    """The mask on the whole photo: bool (300, 451)."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", (PHOTO_SHAPE[1], PHOTO_SHAPE[0]))
    ImageDraw.Draw(mask).polygon(OUTLINE, fill=255)
    return np.asarray(mask) > 0


def cat_mask(preparation: ImagePreparation) -> np.ndarray:
    """The mask in the prepared crop of the cat photo: bool (size, size). Its ``.mean()`` is the share that chance reaches."""
    return preparation.apply_mask(cat_outline())


def cat_among_others() -> tuple[np.ndarray, np.ndarray]:
    """A grid of cat, coffee, flower and china (uint8, 512 x 512 x 3) and where in it the cat is (bool, 512 x 512).

    Each tile is the middle square of its photo. Prepare both with a preparation that crops nothing away
    (``dataclasses.replace(preparation, shorter_side=None)``).
    """
    from pellucid.data.datasets import photos

    shelf = photos()
    tiles = [_tile(shelf[name]) for name in ("chelsea", "coffee", "flower", "china")]
    mask = np.zeros((2 * TILE, 2 * TILE), bool)
    mask[:TILE, :TILE] = _tile(cat_outline().astype(np.uint8) * 255)[..., 0] > 127
    return np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])]), mask


def _tile(photo: np.ndarray) -> np.ndarray:
    from PIL import Image

    image = open_photo(photo).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.resize((TILE, TILE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)))
