"""Data sets that arrive inside scikit-learn and scikit-image; nothing is fetched.

The names of the loaders are the names of the data sets; each says its units, its source and its license.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from pellucid.errors import FileError, InputError, MissingExtra, UnknownName

Task = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a data set: inputs, labels, and where they stood in the whole (``index``)."""

    inputs: np.ndarray
    labels: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Split:
    """Three parts of one data set without a row in common; ``validation`` is empty if no share was asked for."""

    train: Part
    validation: Part
    test: Part


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs, labels and what they mean.

    Attributes:
        inputs: (sample, feature) or (sample, channel, y, x), float64, in the units of ``units``.
        labels: (sample); int64 class indices, or float64 values for a regression.
        feature_names: one per column; empty for images.
        class_names: in label order; empty for a regression.
        units: one per feature, or one for all pixels; an empty text where the source gives none or the feature has none.
        value_range: smallest and largest value that an input can take, where there is one.
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    units: tuple[str, ...]
    kind: Literal["tabular", "image"]
    source: str
    license: str
    value_range: tuple[float, float] | None = None

    @property
    def task(self) -> Task:
        """Classification if there are class names, else regression."""
        return "classification" if self.class_names else "regression"

    def __len__(self) -> int:
        return len(self.labels)

    def split(self, *, seed: int = 0, test_share: float = 0.25, validation_share: float = 0.15) -> Split:
        """Draws test and validation rows at random, each class with its share of them; the same seed, the same rows.

        Args:
            seed: of the draw; the global random state is not touched.
            test_share: share of all rows, above 0 and below 1.
            validation_share: share of all rows; 0 for none.

        Raises:
            InputError: shares that leave nothing to train on.
        """
        if not (0 < test_share < 1 and 0 <= validation_share < 1 - test_share):
            received = f"test_share {test_share}, validation_share {validation_share}"
            raise InputError(
                "The shares do not leave rows to train on", received=received, remedy="give positive shares with a sum below 1"
            )
        rest, test = self._cut(np.arange(len(self)), test_share, seed)
        train, validation = rest, rest[:0]
        if validation_share:
            train, validation = self._cut(rest, validation_share / (1 - test_share), seed + 1)
        return Split(*(Part(self.inputs[rows], self.labels[rows], rows) for rows in (train, validation, test)))

    def _cut(self, rows: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        selection = _require("sklearn.model_selection", "scikit-learn")
        stratify = self.labels[rows] if self.task == "classification" else None
        first, second = selection.train_test_split(rows, test_size=share, random_state=seed, stratify=stratify)
        return np.sort(first), np.sort(second)


def digits() -> Dataset:
    """1,797 handwritten digits, 8 x 8 pixels: inputs (1797, 1, 8, 8) in 0..1.

    Source: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits" (UCI), test part, as scikit-learn ships it. Each value
    counts the inked pixels in a 4 x 4 block of a 32 x 32 scan, divided here by 16; 0 is paper, 1 is ink.
    """
    raw = _require("sklearn.datasets", "scikit-learn").load_digits()
    return Dataset(
        name="digits",
        inputs=np.asarray(raw.images, float)[:, None] / 16.0,
        labels=np.asarray(raw.target, np.int64),
        feature_names=(),
        class_names=tuple(str(digit) for digit in raw.target_names),
        units=("share of ink",),
        kind="image",
        source="Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits (doi:10.24432/C50P49), by scikit-learn",
        license="CC BY 4.0",
        value_range=(0.0, 1.0),
    )


def breast_cancer() -> Dataset:
    """569 breast masses, 30 features of the cell nuclei in a fine-needle aspirate; malignant (0) or benign (1).

    Source: Street, Wolberg & Mangasarian 1993, "Nuclear feature extraction for breast tumor diagnosis" (UCI, Diagnostic). The features are
    measured on digitized microscope images: radius, perimeter and area in pixels of that image (the published data give no physical
    length), the others are ratios or deviations of gray values; so ``units`` is empty. "mean", "error" (standard error) and "worst"
    (mean of the three largest) are over the nuclei of one image.
    """
    text = "Street, Wolberg & Mangasarian 1993, UCI Breast Cancer Wisconsin (Diagnostic) (doi:10.24432/C5DW2B), by scikit-learn"
    return _table("breast_cancer", "load_breast_cancer", text)


def wine() -> Dataset:
    """178 Italian wines, 13 chemical measurements, three cultivars. Source: Aeberhard & Forina 1992 (UCI); the data state no units."""
    return _table("wine", "load_wine", "Aeberhard & Forina 1992, UCI Wine (doi:10.24432/C5PC7J), by scikit-learn")


def iris() -> Dataset:
    """150 irises, lengths and widths of sepal and petal in cm, three species. Source: Fisher 1936 (UCI)."""
    return _table("iris", "load_iris", "Fisher 1936, UCI Iris (doi:10.24432/C56C76), by scikit-learn", unit="cm")


def diabetes() -> Dataset:
    """442 patients, ten measurements; the label is a measure of disease progression after one year (25 to 346, no unit).

    Source: Efron, Hastie, Johnstone & Tibshirani 2004, "Least angle regression". Inputs are as published (scikit-learn's ``scaled=False``):
    age in years, body mass index (kg/m² by definition), average blood pressure and six blood serum values for which no units are given; sex
    is coded 1 and 2 and the source does not say which is which.
    """
    raw = _require("sklearn.datasets", "scikit-learn").load_diabetes(scaled=False)
    names = tuple(str(name) for name in raw.feature_names)
    known = {"age": "years", "bmi": "kg/m²"}
    return Dataset(
        name="diabetes",
        inputs=np.asarray(raw.data, float),
        labels=np.asarray(raw.target, float),
        feature_names=names,
        class_names=(),
        units=tuple(known.get(name, "") for name in names),
        kind="tabular",
        source="Efron, Hastie, Johnstone & Tibshirani 2004, by scikit-learn",
        license="published with the article; no license stated",
    )


def photos() -> Mapping[str, np.ndarray]:
    """RGB photos, uint8 (y, x, 3), by name: astronaut, chelsea (a cat), coffee, retina, rocket; china, flower.

    The first five come with scikit-image (public domain or CC0; the docstrings of ``skimage.data`` name the photographers), the last two
    with scikit-learn (CC BY 2.0; china by danielbuechele, flower by vultilion, on Flickr). Each is read when it is asked for.
    """
    return _Photos()


class _Photos(Mapping[str, np.ndarray]):
    def __init__(self) -> None:
        self._readers: dict[str, Callable[[], np.ndarray]] = {}
        for name in ("astronaut", "chelsea", "coffee", "retina", "rocket"):
            self._readers[name] = lambda name=name: _skimage_photo(name)
        for name in ("china", "flower"):
            self._readers[name] = lambda name=name: _sklearn_photo(name)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._readers:
            raise UnknownName("photo", name, self._readers)
        return np.array(self._readers[name](), np.uint8)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._readers))

    def __len__(self) -> int:
        return len(self._readers)


def _skimage_photo(name: str) -> np.ndarray:
    data = _require("skimage.data", "scikit-image")
    try:
        return np.asarray(getattr(data, name)())
    except (OSError, ImportError) as error:  # it would be fetched: this build of the wheel does not hold it
        remedy = "pip install --force-reinstall scikit-image"
        raise FileError(f"This scikit-image does not hold the photo {name!r}", received=str(error), remedy=remedy) from error


def _sklearn_photo(name: str) -> np.ndarray:
    datasets = _require("sklearn.datasets", "scikit-learn")
    if datasets.__file__ is None:
        raise MissingExtra("scikit-learn", "data")
    from pellucid.data.image import open_photo

    return np.asarray(open_photo(Path(datasets.__file__).parent / "images" / f"{name}.jpg"))


def _table(name: str, loader: str, source: str, *, unit: str = "") -> Dataset:
    raw: Any = getattr(_require("sklearn.datasets", "scikit-learn"), loader)()
    names = tuple(str(feature).replace(f" ({unit})", "") for feature in raw.feature_names)
    return Dataset(
        name=name,
        inputs=np.asarray(raw.data, float),
        labels=np.asarray(raw.target, np.int64),
        feature_names=names,
        class_names=tuple(str(label) for label in raw.target_names),
        units=(unit,) * len(names),
        kind="tabular",
        source=source,
        license="CC BY 4.0",
    )


def _require(module: str, package: str) -> ModuleType:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(package, "data") from error
