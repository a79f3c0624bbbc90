"""The real inputs that methods are shown on, each beside the network that decides about it; a network is trained or loaded once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from digit_transformer import train_digit_transformer  # while a hook is loaded its folder is searched, later it is not

import pellucid as pl
from pellucid.demo.cat_mask import cat_among_others
from pellucid.demo.efficientnet import efficientnet_lite0, imagenet_class_names, preparation
from pellucid.demo.networks import Trained, train_digits, train_patient

if TYPE_CHECKING:
    from pellucid.methods.protocol import Method

    Explained = Callable[[str | Method], pl.Explanation]

ATTENDED = 48  # one of the few held-out digits where attention finds what counts: see docs/methods/attention.md

trained_patient, trained_digits, photo_network = cache(train_patient), cache(train_digits), cache(efficientnet_lite0)
trained_digit_transformer = cache(train_digit_transformer)


@dataclass(frozen=True)
class Subject:
    """One input: what it is, in a phrase, and how a method explains the decision about it."""

    about: str
    explained: Explained


def patient() -> Subject:
    """A breast mass in its own units."""
    return Subject("a held-out breast mass, and an MLP trained on scikit-learn's breast cancer data", _patient)


def digit(row: int = 0) -> Subject:
    """A handwritten digit, 8 x 8 pixels."""
    return Subject(
        "a held-out handwritten digit, and a CNN trained on scikit-learn's digits", lambda method: _digit(trained_digits(), row, method)
    )


def attended_digit() -> Subject:
    """A handwritten digit in 16 patches, which are tokens."""
    return Subject(
        "a held-out handwritten digit, and a small vision transformer trained on scikit-learn's digits; its tokens are 16 patches",
        lambda method: _digit(trained_digit_transformer(), ATTENDED, method),
    )


def four_photos() -> Subject:
    """A cat beside three photos without one."""
    whole = replace(preparation(), shorter_side=None)
    return Subject(
        "four photos in one, and EfficientNet-Lite0 asked about the cat",
        lambda method: _photo(cat_among_others()[0], "tiger cat", whole, method),
    )


def flower() -> Subject:
    """A daisy."""
    return Subject("a photo, and EfficientNet-Lite0", lambda method: _photo(pl.datasets.photos()["flower"], "daisy", preparation(), method))


def cat() -> Subject:
    """A cat that fills its photo."""
    return Subject(
        "a photo, and EfficientNet-Lite0", lambda method: _photo(pl.datasets.photos()["chelsea"], "tiger cat", preparation(), method)
    )


def _patient(method: str | Method) -> pl.Explanation:
    trained = trained_patient()
    rows, background = trained.split.test, trained.split.train.inputs
    return pl.explain(
        trained.net,
        rows.inputs[:1],
        method,
        preparation=trained.preparation,
        background=background,
        class_names=trained.dataset.class_names,
        labels=rows.labels[:1],
    )


def _digit(trained: Trained, row: int, method: str | Method) -> pl.Explanation:
    rows, one = trained.split.test, slice(row, row + 1)
    return pl.explain(trained.net, trained.inputs(rows)[one], method, class_names=trained.dataset.class_names, labels=rows.labels[one])


def _photo(photo: object, target: str, prepare: pl.ImagePreparation, method: str | Method) -> pl.Explanation:
    return pl.explain(photo_network(), photo, method, target=target, class_names=imagenet_class_names(), preparation=prepare)
