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
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.tree._tree import Tree

import pellucid as pl
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


TREES = {
    "tree": DecisionTreeRegressor(max_depth=4), "forest": RandomForestClassifier(5), "extra": ExtraTreesClassifier(5),
    "boosting": GradientBoostingClassifier(n_estimators=4), "histograms": HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=2),
    "regression": GradientBoostingRegressor(n_estimators=4), "bagging": BaggingClassifier(n_estimators=3),
    "voting": VotingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier())]),
    "pipeline": make_pipeline(StandardScaler(), RandomForestClassifier(3)), "calibrated": CalibratedClassifierCV(DecisionTreeClassifier()),
}  # fmt: skip


def opened_again(estimator: Any, classes: int, folder: Path) -> tuple[Any, Any]:
    """The estimator fitted to so many classes, and what its file holds."""
    net = clone(estimator).fit(X, np.arange(len(X)) % classes)
    skops.dump(net, folder / "net.skops")
    return net, network(str(folder / "net.skops"), None)


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("classes", [2, 3])
def test_trees_are_followed_and_loaded(name: str, classes: int, tmp_path: Path) -> None:
    net, found = opened_again(TREES[name], classes, tmp_path)
    assert np.array_equal(found.predict(X), net.predict(X))
    if name == "forest":
        e = pl.explain(found, X[:3], "shap", target=0, background=X)
        assert np.array_equal(e.values, pl.explain(net, X[:3], "shap", target=0, background=X).values)


def nodes(tree: Any, **changed: int) -> None:
    """Changes numbers of the root of a tree."""
    state = tree.__getstate__()
    for name, value in changed.items():
        state["nodes"][name][0] = value
    tree.__setstate__(state)


def masked(estimator: Any) -> None:
    """A child that is not there, behind a mask."""
    predictor = estimator._predictors[0][0]
    wrong = predictor.nodes.copy()
    wrong["left"][0] = 4_000_000_000
    mask = np.zeros(wrong.shape, np.ma.make_mask_descr(wrong.dtype))
    mask["left"][0] = True
    predictor.nodes = np.ma.MaskedArray(wrong, mask)


def other(estimator: Any, classes: list[int], values: int) -> None:
    """The same nodes in a tree of other values."""
    state = estimator.tree_.__getstate__()
    state["values"] = np.zeros((state["node_count"], len(classes), values))
    estimator.tree_ = Tree(3, np.array(classes, np.intp), len(classes))
    estimator.tree_.__setstate__(state)


def hidden(estimator: Any) -> None:
    nodes(estimator.tree_, left_child=10**9)
    estimator.__dict__["__globals__"] = {}


def bare(estimator: Any) -> None:
    del estimator.n_features_in_


def narrow(estimator: Any) -> None:
    estimator.n_features_in_ = 2


DAMAGE: dict[str, tuple[Any, Any]] = {
    "a child that is not there": (DecisionTreeClassifier(), lambda e: nodes(e.tree_, left_child=10**9)),
    "a child before its parent": (DecisionTreeClassifier(), lambda e: nodes(e.tree_, right_child=0)),
    "a feature that is not there": (RandomForestClassifier(2), lambda e: nodes(e.estimators_[1].tree_, feature=3)),
    "a negative feature": (RandomForestClassifier(2), lambda e: nodes(e.estimators_[0].tree_, feature=-7)),
    "a forest of wider trees": (RandomForestClassifier(2), narrow),
    "a tree of more features": (DecisionTreeClassifier(), narrow),
    "no number of features": (GradientBoostingClassifier(n_estimators=2), bare),
    "rows that nobody looks at": (RandomForestClassifier(2), lambda e: setattr(e, "_validate_X_predict", np.positive)),
    "columns for one tree of three": (GradientBoostingClassifier(n_estimators=2), lambda e: setattr(e, "n_trees_per_iteration_", 1)),
    "a beginning of two columns": (GradientBoostingClassifier(n_estimators=2), lambda e: setattr(e.init_, "class_prior_", np.ones(2))),
    "a beginning by another estimator": (
        GradientBoostingClassifier(n_estimators=2), lambda e: setattr(e, "init_", LogisticRegression().fit(X, Y)),
    ),
    "leaves of a histogram tree": (
        HistGradientBoostingClassifier(max_iter=2), lambda e: e._predictors[0][0].nodes["left"].__setitem__(0, 4_000_000_000),
    ),
    "categories": (HistGradientBoostingClassifier(max_iter=2), lambda e: e._predictors[0][0].nodes["is_categorical"].fill(1)),
    "a tree by itself": (LogisticRegression(), lambda e: setattr(e, "extra", DecisionTreeClassifier().fit(X, Y).tree_)),
    "a tree in an array": (
        LogisticRegression(), lambda e: setattr(e, "extra", np.array([{"x": DecisionTreeClassifier().fit(X, Y).tree_}], object)),
    ),
    "an isolation forest": (IsolationForest(n_estimators=2), lambda e: None),
    "nodes behind a mask": (HistGradientBoostingClassifier(max_iter=2), masked),
    "nodes of two axes": (
        HistGradientBoostingClassifier(max_iter=2), lambda e: setattr(e._predictors[0][0], "nodes", e._predictors[0][0].nodes[:, None]),
    ),
    "classes behind a mask": (RandomForestClassifier(2), lambda e: setattr(e, "classes_", np.ma.MaskedArray(e.classes_))),
    "a tree in a masked array": (
        LogisticRegression(),
        lambda e: setattr(e, "extra", np.ma.MaskedArray(np.array([DecisionTreeClassifier().fit(X, Y).tree_], object), [True])),
    ),
    "a tree that looks like a function": (DecisionTreeClassifier(), hidden),
    "a tree without values": (GradientBoostingClassifier(n_estimators=2), lambda e: other(e.estimators_[0, 0], [0], 0)),
    "a boosted tree of two outputs": (GradientBoostingClassifier(n_estimators=2), lambda e: other(e.estimators_[0, 0], [1, 1], 1)),
    "a boosted tree of two outputs, admitted": (
        GradientBoostingClassifier(n_estimators=2),
        lambda e: (other(e.estimators_[0, 0], [1, 1], 1), setattr(e.estimators_[0, 0], "n_outputs_", 2)),
    ),
    "a tree of other classes": (DecisionTreeClassifier(), lambda e: other(e, [2], 2)),
    "no loss": (GradientBoostingClassifier(n_estimators=2), lambda e: delattr(e, "_loss")),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_trees_that_lead_astray_are_refused(what: str, tmp_path: Path) -> None:
    net, damage = DAMAGE[what]
    net = clone(net).fit(X, np.arange(len(X)) % 3)
    damage(net)
    skops.dump(net, tmp_path / "net.skops")
    with pytest.raises(FileError, match=r"A tree of this estimator|can not be checked"):
        network(str(tmp_path / "net.skops"), None)


MACHINES = {
    **{f"svc {kernel}": SVC(kernel=kernel) for kernel in ("linear", "rbf", "poly", "sigmoid")},
    "svc probability": SVC(probability=True), "nu": NuSVC(nu=0.3), "nu linear": NuSVC(nu=0.3, kernel="linear", probability=True),
    "svr": SVR(), "svr poly": SVR(kernel="poly"), "svr linear": SVR(kernel="linear"), "svr of no vectors": SVR(epsilon=1e3),
    "nu svr": NuSVR(), "nu svr linear": NuSVR(kernel="linear"), "one class": OneClassSVM(), "one class poly": OneClassSVM(kernel="poly"),
    "pipeline": make_pipeline(StandardScaler(), SVC()), "bagging": BaggingClassifier(SVC(), n_estimators=2),
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("classes", [2, 3])
def test_support_vector_machines_are_loaded(name: str, classes: int, tmp_path: Path) -> None:
    net, found = opened_again(MACHINES[name], classes, tmp_path)
    for asked in ("predict", "decision_function", "predict_proba"):
        if hasattr(net, asked):
            assert np.array_equal(getattr(found, asked)(X), getattr(net, asked)(X))


UNEQUAL: dict[str, tuple[Any, Any]] = {
    "support vectors that are not there": (SVC(), {"_dual_coef_": np.zeros((2, 1))}),
    "fewer coefficients": (SVC(), {"_dual_coef_": np.zeros((1, 40))}),
    "narrower vectors": (SVC(), {"support_vectors_": np.zeros((40, 2))}),
    "rows of more features": (SVC(), {"n_features_in_": 4}),
    "more for a class than there are": (SVC(), {"_n_support": np.array([10**6, -(10**6), 40], np.int32)}),
    "classes without vectors": (SVC(), {"_n_support": np.array([20, 20], np.int32)}),
    "fewer intercepts": (NuSVC(nu=0.3), {"_intercept_": np.zeros(1)}),
    "fewer probabilities": (SVC(probability=True), {"_probA": np.zeros(1)}),
    "one list of probabilities": (SVC(probability=True), {"_probB": np.zeros(0)}),
    "more places": (SVR(), {"support_": np.zeros(1000, np.int32)}),
    "three classes of a regression": (NuSVR(), {"_n_support": np.ones(3, np.int32)}),
    "other kind of numbers": (OneClassSVM(), {"_intercept_": np.zeros(1, np.float32)}),
    "a mask": (SVC(), {"support_vectors_": np.ma.MaskedArray(np.zeros((40, 3)))}),
    "another machine": (SVR(), {"_impl": "c_svc"}),
    "another kernel": (SVC(), {"kernel": "precomputed"}),
    "said to be sparse": (SVC(), {"_sparse": True}),
    "a method": (SVC(), {"_validate_for_predict": np.positive}),
    "no vectors": (SVC(), {"support_vectors_": None}),
    "no classes": (SVC(), {"classes_": None}),
}


@pytest.mark.parametrize("what", UNEQUAL)
@pytest.mark.parametrize("within", [False, True])
def test_support_vector_machines_that_do_not_fit_together_are_refused(what: str, within: bool, tmp_path: Path) -> None:
    net, changed = UNEQUAL[what]
    net = clone(net).fit(X, np.arange(len(X)) % 3)
    vars(net).update(changed)
    skops.dump(make_pipeline(StandardScaler().fit(X), net) if within else net, tmp_path / "net.skops")
    with pytest.raises(FileError, match=r"do not fit together|can not be checked"):
        network(str(tmp_path / "net.skops"), None)


def test_a_tree_that_crashes_what_loads_it_crashes_another_process(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(skops.dumps(DecisionTreeClassifier().fit(X, Y)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, content in files.items():
        if name.endswith(".npy") and b"left_child" in content:
            buffer = BytesIO()
            np.save(buffer, np.float64(3))  # an array without axes, of whose length scikit-learn asks
            files[name] = buffer.getvalue()
    with zipfile.ZipFile(tmp_path / "net.skops", "w") as new:
        for name, content in files.items():
            new.writestr(name, content)
    with pytest.raises(FileError, match="crashes what reads it"):
        network(str(tmp_path / "net.skops"), None)


def test_trees_of_which_something_is_not_known_are_refused(tmp_path: Path) -> None:
    skops.dump(KNeighborsClassifier().fit(X, Y), tmp_path / "net.skops")
    with pytest.raises(FileError, match=r"sklearn\.neighbors\._kd_tree\.KDTree"):
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
