"""Explanations as pandas tables, and as CSV."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import torch

import pellucid as pl
from interop.subjects import NAMES, image_rows, images, table
from pellucid.errors import InputError, UnknownName


def test_long() -> None:
    found = table().to_pandas()
    assert list(found.columns) == ["sample", "input", "feature", "value", "shown", "attribution", "error", "target", "verdict"]
    assert len(found) == 8 * 6
    for line in found.itertuples():
        column = NAMES.index(line.feature)
        assert line.attribution == table().arrays[0].values[line.sample, column]
        assert line.value == table().inputs[0].data.values[line.sample, column]
        assert line.shown == table().inputs[0].cells[line.sample][column]
        assert line.error == table().errors[0].values[line.sample, column]
        assert line.verdict == table().verdicts[line.sample].level


def test_an_image_has_a_line_for_each_element() -> None:
    found = images().to_pandas()
    assert list(found.columns) == ["sample", "input", "channel", "y", "x", "value", "attribution", "error", "target", "verdict"]
    line = found[(found["sample"] == 1) & (found["channel"] == 2) & (found["y"] == 5) & (found["x"] == 7)].iloc[0]
    assert line["attribution"] == images().arrays[0].values[1, 2, 5, 7]
    assert line["value"] == pytest.approx(float(image_rows()[1, 2, 5, 7]))


def test_wide() -> None:
    found = table().to_pandas("wide")
    assert found.index.names == ["sample", "target", "verdict"]
    assert list(found.columns) == list(NAMES)
    np.testing.assert_array_equal(found.to_numpy(), table().arrays[0].values)


def test_csv_there_and_back() -> None:
    text = table().to_pandas().to_csv(index=False)
    back = pd.read_csv(io.StringIO(text))
    np.testing.assert_allclose(back["attribution"].to_numpy(np.float32), table().arrays[0].values.ravel(), rtol=1e-6)
    assert back["verdict"].tolist() == table().to_pandas()["verdict"].tolist()
    wide = pd.read_csv(io.StringIO(table().to_pandas("wide").to_csv()), index_col=[0, 1, 2])
    assert wide.shape == (8, 6)


def test_several_inputs_stand_under_one_another() -> None:
    made = pl.interop.from_arrays((np.ones((2, 3)), np.ones((2, 4, 5))), (torch.ones(2, 3), torch.ones(2, 4, 5)))
    found = made.to_pandas()
    assert found["input"].value_counts().to_dict() == {"input 2": 40, "input 1": 6}
    assert found.columns[-1] == "verdict"
    with pytest.raises(InputError, match="form='long'"):
        made.to_pandas("wide")


def test_what_has_no_table() -> None:
    with pytest.raises(InputError, match="form='long'"):
        images().to_pandas("wide")
    with pytest.raises(UnknownName, match="long, wide"):
        table().to_pandas("broad")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no attributions"):
        pl.inspect(torch.nn.Sequential(torch.nn.Linear(2, 2)), "weights").to_pandas()
