"""Estimators of scikit-learn from elsewhere: skops files of known types are loaded, others are refused, pickles are not opened."""

from __future__ import annotations

import json
import pickle
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from frameworks.mutations import Bomb
from pellucid.cli import main
from pellucid.cli.loaded import network
from pellucid.errors import FileError, InputError

skops: Any = pytest.importorskip("skops.io", reason="skops is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")
X = np.random.default_rng(0).standard_normal((40, 3))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


def odd(x: np.ndarray) -> np.ndarray:
    return x


@pytest.mark.parametrize("last", [LogisticRegression(), MLPClassifier((4,), max_iter=20, random_state=0)], ids=["linear", "perceptron"])
def test_a_sound_file_is_loaded_and_explained(last: Any, tmp_path: Path) -> None:
    net = make_pipeline(StandardScaler(), last).fit(X, Y)
    skops.dump(net, tmp_path / "net.skops")
    found = network(str(tmp_path / "net.skops"), None)
    assert np.array_equal(found.predict_proba(X), net.predict_proba(X))
    np.save(tmp_path / "rows.npy", X)
    given = [
        "explain",
        "--model",
        str(tmp_path / "net.skops"),
        "--input",
        str(tmp_path / "rows.npy"),
        "--rows",
        "0",
        "--method",
        "occlusion",
    ]
    assert main([*given, "--background", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "why.png")]) == 0
    with pytest.raises(InputError, match="has its weights inside"):
        network(str(tmp_path / "net.skops"), Path("w.safetensors"))


def test_types_that_are_not_known_are_named(tmp_path: Path) -> None:
    skops.dump(make_pipeline(FunctionTransformer(odd), LogisticRegression()).fit(X, Y), tmp_path / "net.skops")
    with pytest.raises(FileError, match=r"does not know whether they run code.*odd.*package\.module:factory"):
        network(str(tmp_path / "net.skops"), None)


def test_trees_are_refused(tmp_path: Path) -> None:
    """Their nodes lead to any place in memory, which is why skops does not trust them."""
    skops.dump(RandomForestClassifier(3, random_state=0).fit(X, Y), tmp_path / "net.skops")
    with pytest.raises(FileError, match=r"sklearn\.tree\._tree\.Tree"):
        network(str(tmp_path / "net.skops"), None)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.skops"
    data = skops.dumps(LogisticRegression().fit(X, Y))
    path.write_bytes(data[:-60])
    with pytest.raises(FileError, match="no skops file"):
        network(str(path), None)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    schema["__module__"], schema["__class__"], schema["__loader__"] = "os", "system", "ObjectNode"
    for changed, said in (({**files, "schema.json": json.dumps(schema).encode()}, r"os\.system"), ({"x": b""}, "can not load")):
        with zipfile.ZipFile(path, "w") as new:
            for name, content in changed.items():
                new.writestr(name, content)
        with pytest.raises(FileError, match=said):
            network(str(path), None)


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib"])
def test_pickles_are_refused_unopened(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
    with pytest.raises(FileError, match=r"A pickle can run any program.*skops\.io\.dump"):
        network(str(path), None)
    assert not (tmp_path / "mark").exists()
