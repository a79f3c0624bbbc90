"""Tables with gaps and categories, and files whose names hold spaces and Chinese characters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from ordinary.twins import close
from pellucid.errors import InputError

pd = pytest.importorskip("pandas", reason="needs pandas")


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [40.0, np.nan, 61.0, 25.0],
            "children": [0, 2, 1, 3],
            "job": pd.Categorical(["nurse", "cook", None, "nurse"], categories=["cook", "nurse"]),
            "smokes": [True, False, False, True],
        }
    )


def risk(rows: pd.DataFrame) -> np.ndarray:
    """Takes the frame as it is: gaps, categories, truth values."""
    age = rows["age"].fillna(50.0).to_numpy()
    job = rows["job"].astype(object).map({"cook": 1.0, "nurse": 3.0}).fillna(0.0).to_numpy(dtype=float)
    return age / 10 + rows["children"].to_numpy() * 0.5 + job + rows["smokes"].to_numpy(dtype=float) * 2


def test_a_function_of_the_frame_itself():
    spec = pl.ModelSpec(inputs=(pl.InputSpec(missing=True),))
    with pytest.raises(InputError, match=r"not-a-number.*missing=True"):
        pl.explain(risk, frame(), "occlusion")
    found = pl.explain(risk, frame(), "occlusion", spec=spec)
    wanted = np.zeros((4, 4))
    removed = {"age": 0.0, "children": 0, "job": "cook", "smokes": False}  # zero, and the category of code zero
    for i in range(4):
        for k, (name, value) in enumerate(removed.items()):
            one = frame().iloc[[i]].reset_index(drop=True)
            gone = one.copy()
            gone[name] = pd.Categorical([value], categories=["cook", "nurse"]) if name == "job" else [value]
            wanted[i, k] = risk(one)[0] - risk(gone)[0]
    np.testing.assert_allclose(found.arrays[0].values, wanted, atol=1e-9)
    assert found.arrays[0].coordinates["feature"] == ("age", "children", "job", "smokes")
    assert found.inputs[0].cells[1][0] == "missing"
    assert found.inputs[0].cells[2][2] == "missing"
    assert found.inputs[0].cells[0][2] == "nurse"


def test_columns_whose_names_are_numbers():
    rows = pd.DataFrame(np.arange(8.0).reshape(2, 4))
    found = pl.explain(lambda given: given[3].to_numpy() * 2 - given[0].to_numpy(), rows, pl.Occlusion(baseline=pl.Constant(0.0)))
    np.testing.assert_allclose(found.arrays[0].values, [[0, 0, 0, 6], [-4, 0, 0, 14]], atol=1e-12)


@pytest.mark.parametrize("method", ["gradient_times_input", "integrated_gradients", "occlusion"])
def test_a_network_behind_a_preparation(method):
    rows = frame()
    preparation = pl.TablePreparation.fit(rows)
    encoded = torch.from_numpy(preparation.apply(rows))
    assert len(preparation.names) == 7  # age, children, two jobs and none, two truth values
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, 2)).eval()
    chosen = {
        "integrated_gradients": pl.IntegratedGradients(steps=6, baseline=pl.Constant(0.0), rule="midpoint"),
        "occlusion": pl.Occlusion(baseline=pl.Constant(0.0)),
    }
    found = pl.explain(net, rows, chosen.get(method, method), target=1, preparation=preparation)
    from ordinary.twins import gradient, integrated, occluded

    score = lambda row: net(row)[:, 1]  # noqa: E731
    groups = torch.from_numpy(preparation.groups)
    parts = [groups == k for k in range(4)]
    columns = {
        "gradient_times_input": lambda: gradient(score, encoded) * encoded,
        "integrated_gradients": lambda: integrated(score, encoded),
        "occlusion": lambda: occluded(score, encoded, parts),
    }[method]()
    wanted = torch.stack([columns[:, part].sum(1) for part in parts], 1)
    close(found.arrays[0].values, wanted, 1e-4)
    assert found.arrays[0].coordinates["feature"] == ("age", "children", "job", "smokes")
    assert found.inputs[0].cells[1][0] == "missing"
    assert found.inputs[0].cells[2][2] == "missing"


def test_missing_values_that_the_network_takes():
    class Takes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.linear = nn.Linear(14, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            absent = x.isnan()
            return self.linear(torch.cat([torch.where(absent, torch.zeros_like(x), x), absent.float()], 1))

    rows, net = frame(), Takes().eval()
    preparation = pl.TablePreparation.fit(rows, missing="allow")
    found = pl.explain(net, rows, pl.Occlusion(baseline=pl.Constant(0.0)), target=1, preparation=preparation)
    encoded = torch.from_numpy(preparation.apply(rows))
    gone = encoded.clone()
    gone[:, 0] = 0.0
    falls = (net(encoded) - net(gone))[:, 1].detach().numpy()
    np.testing.assert_allclose(found.arrays[0].values[:, 0], falls, atol=1e-6)
    assert abs(falls[1]) > 1e-3  # the gap itself speaks
    assert found.inputs[0].cells[1][0] == "missing"


def test_a_network_is_not_fed_with_codes_of_our_own():
    with pytest.raises(InputError, match=r"categories.*job.*TablePreparation"):
        pl.explain(nn.Linear(4, 2).double(), frame().fillna({"age": 1.0}).dropna(), "gradient", target=1)
    numbers = frame()[["children", "smokes"]].astype(float)
    net = nn.Linear(2, 2)
    found = pl.explain(net, numbers, "gradient", target=1)
    np.testing.assert_allclose(found.arrays[0].values, net.weight[1].detach().expand(4, 2), rtol=1e-6)


@pytest.mark.parametrize("name", ["a cat on a wall.png", "猫在墙上.png", "猫 在 墙上 (1).png"])
def test_file_names_with_spaces_and_chinese_characters(tmp_path, name):
    from PIL import Image

    folder = tmp_path / "我的 图片"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
    Image.fromarray(pixels).save(folder / name)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(400, 2)).eval()
    preparation = pl.ImagePreparation(size=12, mean=(0.5,) * 3, std=(0.25,) * 3)
    found = pl.explain(net, folder / name, "gradient", target=1, preparation=preparation)
    np.testing.assert_allclose(found.inputs[0].data.values[0] * 255, pixels, atol=0.5)
    from_pixels = pl.explain(net, pixels, "gradient", target=1, preparation=preparation)
    np.testing.assert_array_equal(found.arrays[0].values, from_pixels.arrays[0].values)
    saved = found.save(folder / name.replace(".png", ".safetensors"))
    again = pl.load(saved)
    assert again.arrays[0].values.tobytes() == found.arrays[0].values.tobytes()
    assert sorted(entry.name for entry in folder.iterdir()) == sorted([name, saved.name])
