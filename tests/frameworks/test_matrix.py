"""Every method gives the same explanation of the same network in every framework that these tests have."""

from __future__ import annotations

import pytest

from frameworks.matrix import in_process
from frameworks.networks import COLUMNS

HERE = ("keras-torch", "sklearn", "onnx")  # the others need an environment of their own: `make frameworks`


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_a_column(name: str) -> None:
    if COLUMNS[name].missing:
        pytest.skip(f"not installed: {', '.join(COLUMNS[name].missing)}")
    cells = in_process(name)
    assert len(cells) > 20
    assert {key: cell for key, cell in cells.items() if cell.startswith("FAIL")} == {}
    assert not any(
        cell.startswith("n/a") and "has no CNN" not in cell
        for key, cell in cells.items()
        if key.split()[0] in ("gradient", "integrated_gradients", "occlusion")
    )
