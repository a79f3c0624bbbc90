"""The data sets say what they are, and a split loses no row, repeats none and keeps the classes' shares."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from pellucid.data import datasets
from pellucid.errors import FileError, InputError, MissingExtra, UnknownName

LOADERS = [datasets.digits, datasets.breast_cancer, datasets.wine, datasets.iris, datasets.diabetes]


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__name__)
def test_each_data_set_describes_every_row_column_and_class(load):
    data = load()
    assert len(data.inputs) == len(data.labels) == len(data)
    assert np.isfinite(data.inputs).all()
    assert data.source
    assert data.license
    if data.kind == "tabular":
        assert len(data.feature_names) == len(data.units) == data.inputs.shape[1]
        assert len(set(data.feature_names)) == len(data.feature_names)
    if data.task == "classification":
        assert sorted(set(data.labels)) == list(range(len(data.class_names)))
        assert data.labels.dtype == np.int64
    else:
        assert data.labels.dtype == np.float64


def test_digits_are_ink_in_0_to_1_and_class_names_are_the_digits():
    data = datasets.digits()
    assert data.inputs.shape == (1797, 1, 8, 8)
    assert (data.inputs.min(), data.inputs.max()) == data.value_range == (0.0, 1.0)
    assert data.class_names == tuple("0123456789")


def test_breast_cancer_names_its_classes_in_label_order_and_invents_no_unit():
    data = datasets.breast_cancer()
    assert data.inputs.shape == (569, 30)
    assert data.class_names == ("malignant", "benign")
    assert np.bincount(data.labels).tolist() == [212, 357]  # as the source counts them
    assert set(data.units) == {""}


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__name__)
def test_a_split_is_a_partition_that_keeps_the_shares_of_the_classes(load):
    data = load()
    split = data.split(seed=3, test_share=0.3, validation_share=0.2)
    parts = (split.train, split.validation, split.test)
    rows = np.concatenate([part.index for part in parts])
    assert sorted(rows) == list(range(len(data)))
    assert [len(part) / len(data) for part in parts] == pytest.approx([0.5, 0.2, 0.3], abs=0.01)
    for part in parts:
        np.testing.assert_array_equal(part.inputs, data.inputs[part.index])
        np.testing.assert_array_equal(part.labels, data.labels[part.index])
        if data.task == "classification":
            counts = np.bincount(part.labels, minlength=len(data.class_names))
            np.testing.assert_allclose(counts, len(part) * np.bincount(data.labels) / len(data), atol=2)  # two roundings


def test_the_seed_decides_the_split_and_nothing_else_does():
    data = datasets.wine()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = data.split(seed=1), data.split(seed=1), data.split(seed=2)
    np.testing.assert_array_equal(first.test.index, again.test.index)
    assert not np.array_equal(first.test.index, other.test.index)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_no_validation_rows_if_none_are_asked_for():
    split = datasets.iris().split(validation_share=0)
    assert len(split.validation) == 0
    assert len(split.train) + len(split.test) == 150


@pytest.mark.parametrize("shares", [(0, 0.1), (0.6, 0.4), (1.2, 0), (0.2, -0.1)])
def test_shares_that_leave_nothing_to_train_on_are_refused(shares):
    with pytest.raises(InputError, match="do not leave rows"):
        datasets.iris().split(test_share=shares[0], validation_share=shares[1])


def test_photos_are_rgb_and_a_wrong_name_lists_the_right_ones():
    shelf = datasets.photos()
    assert list(shelf) == ["astronaut", "chelsea", "china", "coffee", "flower", "retina", "rocket"]
    assert shelf["chelsea"].shape == (300, 451, 3)
    for name in shelf:
        assert shelf[name].dtype == np.uint8
        assert shelf[name].shape[2] == 3
    with pytest.raises(UnknownName, match="'chelsea'"):
        shelf["chelsey"]


def test_a_photo_can_be_written_on_without_changing_the_next_one():
    shelf = datasets.photos()
    shelf["coffee"][:] = 0
    assert shelf["coffee"].any()


@pytest.mark.parametrize(
    ("module", "package", "use"),
    [
        ("sklearn.datasets", "scikit-learn", datasets.digits),
        ("skimage.data", "scikit-image", lambda: datasets.photos()["coffee"]),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch, module, package, use):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{package} is not installed.*pellucid\[data\]"):
        use()


def test_a_photo_that_would_have_to_be_fetched_is_an_error_that_says_so(monkeypatch):
    import skimage.data

    def fetch():
        raise ModuleNotFoundError("pooch")

    monkeypatch.setattr(skimage.data, "coffee", fetch)
    with pytest.raises(FileError, match="does not hold the photo 'coffee'"):
        datasets.photos()["coffee"]
