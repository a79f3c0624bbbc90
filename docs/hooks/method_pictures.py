"""What every method is shown on. A registered method that is not here has no picture, and the pages are not built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from subjects import Subject, attended_digit, cat, digit, flower, four_photos, patient  # while a hook is loaded its folder is searched

import pellucid as pl
from pellucid import paper, views

if TYPE_CHECKING:
    from pellucid.methods.protocol import Method
    from pellucid.scenes import Scene


WIDTH = 7.2  # inches: a page's column, so that words are as large as those around them


@dataclass(frozen=True)
class Picture:
    """One picture of a method: of what, with which options (the method's own where none are given), and drawn how."""

    subject: Subject
    method: Method | None = None
    view: Callable[[pl.Explanation], Scene] = views.attribution


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture that was made, and the explanation that it shows."""

    subject: Subject
    explanation: pl.Explanation
    png: bytes


MOVED = ("mean concave points", "worst radius", "worst compactness", "mean texture")  # of the patient, for a picture of a page's size

Family = Mapping[str, tuple[Picture, ...]]  # by method id

PATHS: Family = {
    "integrated_gradients": (Picture(digit(2)),),
    "expected_gradients": (Picture(patient()),),
    "conductance": (Picture(patient()), Picture(digit(2), pl.Conductance(layer="deep", unit=3))),
    "smoothgrad": (Picture(digit()),),
    "gradient": (Picture(digit()),),
    "gradient_times_input": (Picture(patient()),),
}
RULES: Family = {
    "deeplift": (Picture(digit(1)),),
    "deepshap": (Picture(patient()),),
    "lrp": (Picture(four_photos()),),
    "fullgrad": (Picture(four_photos()),),
    "guided_backprop": (Picture(cat()),),
    "deconvolution": (Picture(flower()),),
}
LAYER_MAPS: Family = {
    "gradcam": (Picture(flower()),),
    "gradcam++": (Picture(four_photos()),),
    "hirescam": (Picture(four_photos(), pl.HiResCAM(layer="blocks.15")),),
    "layercam": (Picture(four_photos()), Picture(four_photos(), pl.LayerCAM(layer=("blocks.4", "head")))),
    "scorecam": (Picture(four_photos()),),
    "ablationcam": (Picture(four_photos()),),
    "eigencam": (Picture(four_photos()),),
}
ATTENTION: Family = {
    "attention": (Picture(attended_digit()),),
    "attention_norm": (Picture(attended_digit()),),
    "attention_rollout": (Picture(attended_digit()),),
    "attention_gradient": (Picture(attended_digit()),),
}
GAMES: Family = {
    "shap": (
        Picture(patient(), view=views.waterfall),
        Picture(four_photos(), pl.SHAP(players="superpixels", segments=40, samples=400, baseline=pl.Blur(12))),
    ),
    "lime": (Picture(four_photos()),),
    "occlusion": (Picture(digit(5)),),
    "rise": (Picture(four_photos(), pl.RISE(masks=300)),),
    "sobol": (Picture(four_photos(), pl.Sobol(designs=8)),),
    "mask": (Picture(four_photos(), pl.Mask(areas=(0.1, 0.2, 0.3), cells=7, steps=60)),),
    "sensitivity": (Picture(patient(), pl.Sensitivity(features=MOVED)),),
}
CONTROL: Family = {"random": (Picture(digit()),)}

FAMILIES: Mapping[str, Family] = {  # by the page that shows them
    "paths": PATHS,
    "rules": RULES,
    "layer-maps": LAYER_MAPS,
    "attention": ATTENTION,
    "games": GAMES,
    "control": CONTROL,
}


def pictures_of(method: str) -> tuple[Picture, ...]:
    """The pictures of the method with this id.

    Raises:
        LookupError: it has none.
    """
    found = [family[method] for family in FAMILIES.values() if method in family]
    if not found or not found[0]:
        raise LookupError(f"The method {method!r} has no picture: give it one in {Path(__file__).name}, in the family it belongs to")
    return found[0]


def drawn(method: str) -> tuple[Drawn, ...]:
    """The pictures of one method, made now."""
    return tuple(_drawn(picture, method) for picture in pictures_of(method))


def _drawn(picture: Picture, method: str) -> Drawn:
    explanation = picture.subject.explained(picture.method or method)
    return Drawn(picture.subject, explanation, paper.png_bytes(paper.draw(picture.view(explanation), width=WIDTH), dpi=150))
