"""Tables: what goes in comes back, scikit-learn agrees, and what cannot be encoded is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pellucid.data import datasets
from pellucid.data.preparation import TablePreparation
from pellucid.data.table import number_text
from pellucid.errors import InputError

FRAME = pd.DataFrame(
    {
        "age": [31, 45, None, 22],
        "color": ["red", "blue", None, "red"],
        "smokes": [True, False, True, True],
        "dose": [1.5, 1.5, 1.5, 1.5],
        "grade": pd.Categorical(["low", "high", "low", "low"], categories=["low", "middle", "high"]),
    }
)


def test_numbers_are_standardized_as_scikit_learn_does():
    data = datasets.breast_cancer()
    preparation = TablePreparation.fit(data.inputs, names=data.feature_names)
    expected = StandardScaler().fit_transform(data.inputs)
    np.testing.assert_allclose(preparation.apply(data.inputs), expected, atol=1e-6 * np.abs(expected).max())
    assert preparation.names == preparation.raw_names == data.feature_names
    np.testing.assert_allclose(preparation.background_mean, 0, atol=1e-12)


def test_categories_are_one_hot_as_scikit_learn_does():
    colors = np.array([["red"], ["blue"], ["green"], ["red"]], dtype=object)
    preparation = TablePreparation.fit(colors, names=["color"])
    np.testing.assert_array_equal(preparation.apply(colors), OneHotEncoder(sparse_output=False).fit_transform(colors))
    assert preparation.names == ("color=blue", "color=green", "color=red")
    np.testing.assert_allclose(preparation.background_mean, [0.25, 0.25, 0.5])


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.floats(-1e6, 1e6)))
def test_numbers_come_back_to_float32_precision(table):
    preparation = TablePreparation.fit(table)
    back = preparation.invert(preparation.apply(table))
    # float32 rounds the standardized number, and scaling back multiplies that rounding by the column's scale
    scale = np.array([column.scale for column in preparation.columns])
    standardized = np.abs(table - [column.mean for column in preparation.columns]) / scale
    bound = np.finfo(np.float32).eps * scale * np.maximum(standardized, 1) + 1e-9 * np.maximum(np.abs(table), 1)
    assert (np.abs(back - table) <= bound).all()


def test_a_frame_comes_back_with_its_categories_exact():
    preparation = TablePreparation.fit(FRAME, indicator=True)
    back = preparation.invert(preparation.apply(FRAME))
    assert list(back.columns) == list(FRAME.columns)
    assert back["color"].isna().tolist() == [False, False, True, False]
    assert back["color"].tolist()[:2] == ["red", "blue"]
    assert back["smokes"].tolist() == FRAME["smokes"].tolist()
    assert back["grade"].tolist() == FRAME["grade"].tolist()
    np.testing.assert_allclose(back["age"], FRAME["age"], rtol=1e-6)


def test_one_hot_columns_and_missing_indicators_belong_to_one_player():
    preparation = TablePreparation.fit(FRAME, indicator=True)
    owner = dict(zip(preparation.names, np.array(preparation.raw_names)[preparation.groups], strict=True))
    assert owner == {
        "age": "age", "age is missing": "age",
        "color=blue": "color", "color=red": "color", "color=missing": "color",
        "smokes=False": "smokes", "smokes=True": "smokes",
        "dose": "dose",
        "grade=low": "grade", "grade=middle": "grade", "grade=high": "grade",
    }  # fmt: skip


def test_missing_numbers_are_filled_or_let_through():
    age = FRAME[["age"]]
    assert np.nanmedian(age) == 31
    median = TablePreparation.fit(age)
    assert median.invert(median.apply(age))["age"][2] == pytest.approx(31)
    constant = TablePreparation.fit(age, missing="constant", fill_value=-1)
    assert constant.invert(constant.apply(age))["age"][2] == pytest.approx(-1)
    through = TablePreparation.fit(age, missing="allow")
    assert np.isnan(through.apply(age)[:, 0]).tolist() == [False, False, True, False]
    assert np.isfinite(through.background_mean).all()


def test_a_constant_column_is_scaled_by_one():
    preparation = TablePreparation.fit(FRAME[["dose"]])
    assert preparation.columns[0].scale == 1
    assert (preparation.apply(FRAME[["dose"]]) == 0).all()


def test_cells_show_the_users_units():
    preparation = TablePreparation.fit(FRAME, units=["years", "", "", "mg", ""])
    assert preparation.cells(FRAME)[0] == ("31 years", "red", "True", "1.500 mg", "low")
    assert preparation.cells(FRAME)[2] == ("missing", "missing", "True", "1.500 mg", "low")
    assert preparation.cells(FRAME.iloc[1]) == (preparation.cells(FRAME)[1],)


def test_codes_are_numbers_in_the_users_units():
    codes = TablePreparation.fit(FRAME).codes(FRAME)
    np.testing.assert_array_equal(codes[:, 0], FRAME["age"])
    assert codes[:, 4].tolist() == [0, 2, 0, 0]  # positions in the declared order


@pytest.mark.parametrize(("value", "text"), [
    (17.99, "17.99"), (0.006399, "0.006399"), (1001.0, "1001"), (122.8, "122.8"), (0.0, "0.000"), (-3.14159, "-3.142"),
    (123456.7, "123457"), (2.5e7, "2.500e+07"), (1.2e-9, "1.200e-09"),
])  # fmt: skip
def test_numbers_are_written_with_four_digits(value, text):
    assert number_text(value) == text


def test_whole_numbers_are_written_whole():
    assert number_text(12345678.0, whole=True) == "12345678"
    assert number_text(7.5, whole=True) == "7.500"


def test_a_frame_is_read_by_name_in_any_order():
    preparation = TablePreparation.fit(FRAME)
    mixed = FRAME[list(reversed(FRAME.columns))].assign(label=1)
    np.testing.assert_array_equal(preparation.apply(mixed), preparation.apply(FRAME))


def test_codes_named_as_categories_are_one_hot():
    preparation = TablePreparation.fit([[1, 0.5], [3, 0.2], [1, 0.1]], names=["ward", "dose"], categories=["ward"])
    assert preparation.names == ("ward=1", "ward=3", "dose")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME.assign(color="green"), r"'color' holds a category.*green.*known are: blue, red, missing"),
        (FRAME.drop(columns="age"), r"no column.*'age'.*color, dose, grade, smokes"),
        (FRAME.assign(age="old"), r"'age' held numbers.*'old'"),
        (FRAME.assign(dose=np.inf), r"'dose' holds infinity.*row 0"),
        (FRAME.assign(grade=None), r"'grade' holds a category.*missing.*low, middle, high"),
    ],
)
def test_what_cannot_be_encoded_is_refused_by_name(frame, message):
    with pytest.raises(InputError, match=message):
        TablePreparation.fit(FRAME).apply(frame)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: TablePreparation.fit(FRAME.assign(age=np.nan)), "'age' holds no value"),
        (lambda: TablePreparation.fit(FRAME[:0]), "no rows"),
        (lambda: TablePreparation.fit(FRAME.assign(day=pd.Timestamp("2020-01-01"))), "'day' holds dates"),
        (lambda: TablePreparation.fit(FRAME, categories=["colour"]), "did you mean 'color'"),
        (lambda: TablePreparation.fit(FRAME, categories="color"), "list of columns"),
        (lambda: TablePreparation.fit(FRAME, names=list("abcde")), "has names already"),
        (lambda: TablePreparation.fit([[1, 2]], names=["a", "a"]), "same name"),
        (lambda: TablePreparation.fit([[1, 2]], names=["a"]), "1 names for 2 columns"),
        (lambda: TablePreparation.fit([[1, 2], [3]]), "different lengths"),
        (lambda: TablePreparation.fit([[1, 2]], units=["mg"]), "one unit per column"),
        (lambda: TablePreparation.fit([[1, 2]]).apply([[1, 2, 3]]), r"2 columns is needed.*\(1, 3\)"),
        (lambda: TablePreparation.fit([[1, 2]]).invert(np.zeros((1, 3))), r"\(sample, 2\)"),
    ],
)
def test_tables_that_cannot_be_fitted_are_refused(fit, message):
    with pytest.raises(InputError, match=message):
        fit()
