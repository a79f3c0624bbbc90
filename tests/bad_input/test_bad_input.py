"""What can be wrong about a call: each an error that says what was wrong, what was received and what to do; the model as it was."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.errors import CapabilityError, FileError, InputError, LayerError, ModelError, PellucidError, TargetError, UnknownName
from registration.subjects import differences, record


class Net(nn.Module):
    """A CNN in train mode with a hook, a frozen layer and dropout; it gives one row of three scores."""

    def __init__(self, tail=lambda y: y) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
        self.tail = tail
        self.features[0].weight.requires_grad_(requires_grad=False)
        self.features.register_forward_hook(lambda _m, _a, output: output * 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.head(self.pool(self.features(x)).flatten(1)))


X = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(1))
TOKENS = torch.tensor([[1, 2, 3]])


def refused(
    error: type[PellucidError], words: tuple[str, ...], net: nn.Module | None = None, inputs=X, method="gradient", **options
) -> None:
    """The call raises that error with those words in it, in its three parts, and the network is as it was."""
    net = net or Net()
    recorded = inputs if isinstance(inputs, Tensor) and inputs.device.type == "cpu" and not inputs.is_sparse else X
    before = record(net, recorded) if isinstance(net, nn.Module) else {}
    with pytest.raises(error) as caught:
        pl.explain(net, inputs, method, **options)
    told = str(caught.value)
    assert isinstance(caught.value, PellucidError)
    assert "Received: " in told
    assert "What to do: " in told
    for word in words:
        assert word in told, f"{word!r} is not in: {told}"
    assert not before or not differences(before, record(net, recorded))
    assert not isinstance(net, nn.Module) or all(p.grad is None for p in net.parameters())


def rank(*shape: int) -> Tensor:
    return torch.zeros(shape)


@pytest.mark.parametrize("method", ["gradient", "integrated_gradients", "gradcam", "occlusion"])
@pytest.mark.parametrize(
    ("target", "words"),
    [
        (3, ("no class 3", "0 to 2")),
        (-1, ("no class -1", "negative", "0 to 2")),
        (10**9, ("no class 1000000000", "0 to 2")),
        (True, ("truth value", "True")),
        (np.True_, ("truth value", "True")),
        (1.0, ("not a target", "1.0", "class index")),
        (torch.tensor(1.5), ("not a target", "1.5")),
        ("cat", ("class names", "'cat'", "class_names")),
        ([0, 1, 2], ("one entry per row", "3 targets for 2 rows")),
        ([0, 5], ("no class 5", "0 to 2")),
        ([[0], [1]], ("not a target",)),
        (pl.Class(True), ("whole number", "True")),
        (pl.Class(1.5), ("whole number", "1.5")),
        (pl.Output(3), ("no output 3", "0 to 2")),
        (pl.Margin(1, 1), ("two classes", "Margin")),
        (pl.Margin(1, 7), ("no class 7",)),
        (pl.Pixels(1, np.ones((2, 2), bool)), ("pixel mask", "(2, 3)")),
        (lambda y: y, ("one number per row", "(2, 3)")),
        (lambda y: float(y.sum()), ("one number per row", "float")),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_targets(method, target, words):
    if callable(target):
        words = tuple(word.replace("(2, 3)", "of shape (") for word in words)
    refused(TargetError, words, method=method, target=target)


def test_class_names():
    refused(UnknownName, ("'cst'", "did you mean 'cat'", "dog"), target="cst", class_names=["cat", "dog", "cow"])
    refused(TargetError, ("One class name is needed per output", "2 names, 3 outputs"), target=0, class_names=["cat", "dog"])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (rank(6), ("raised", "shape (1,)", "check shape")),
        (rank(1, 6, 6), ("shape", "row")),
        (rank(2, 3, 6, 6), ("raised RuntimeError", "(1, 3, 6, 6)", "channels")),
        (rank(2, 1, 1, 1), ("raised RuntimeError", "(1, 1, 1, 1)")),
        (rank(0, 1, 6, 6), ("no rows", "(0, 1, 6, 6)", "at least one row")),
        (rank(2, 0, 6, 6), ("no rows", "(2, 0, 6, 6)")),
        (torch.tensor(1.0), ("no row axis", "single number", "(rows, ...)")),
        (X.double(), ("different dtypes", "float64", "float32", "x.to(torch.float32)")),
        (X.to("meta"), ("meta device", "no values", "(2, 1, 6, 6)", "real rows")),
        (X.to_sparse(), ("sparse", "x.to_dense()")),
        (X.to(torch.complex64), ("complex", "real numbers")),
        (torch.full_like(X, float("nan")), ("not-a-number", "nan at index (0, 0, 0, 0)", "missing=True")),
        (torch.full_like(X, float("inf")), ("infinity", "inf at index", "impute")),
        (X.clone().index_fill_(3, torch.tensor([5]), float("nan")).numpy(), ("not-a-number", "index (0, 0, 0, 5)")),
        (torch.ones(2, 1, 6, 6, dtype=torch.int64), ("no input whose values can be varied", "int64", "x.float()")),
        (torch.ones(2, 1, 6, 6, dtype=torch.uint8), ("no input whose values can be varied", "uint8", "x.float()")),
        (np.array([["a", "b"]]), ("no numbers", "TablePreparation")),
        ([[1.0, 2.0], [1.0]], ("rectangular", "equal length")),
        ((), ("nothing to explain", "tuple")),
        ({}, ("nothing to explain", "dict")),
        ((X, X[:1]), ("different numbers of rows", "first axis")),
        ((X, X), ("raised TypeError", "positional")),
        ({"image": X}, ("raised TypeError", "image")),
        ("cat.jpg", ("no numbers", "str")),
        (None, ("no numbers", "NoneType")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and value and isinstance(value[0], str) else None,
)
def test_inputs(inputs, words):
    refused(PellucidError, words, inputs=inputs, target=0)


def test_missing_values_are_allowed_where_the_spec_says_so():
    gaps = X.clone()
    gaps[0, 0, 0, 0] = float("nan")
    spec = pl.ModelSpec(inputs=(pl.InputSpec(missing=True),))

    class Takes(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.nan_to_num(x))

    assert np.isfinite(pl.explain(Takes(), gaps, pl.Occlusion(baseline=pl.Constant(0.0)), target=0, spec=spec).arrays[0].values).all()
    refused(InputError, ("infinity", "inf at index (0, 0, 0, 0)"), inputs=gaps.nan_to_num(float("inf")), spec=spec, target=0)


@pytest.mark.parametrize("method", ["gradient", "gradcam", "occlusion", "random"])
@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (lambda y: None, ("no floating-point tensor", "NoneType")),
        (lambda y: "text", ("no floating-point tensor", "str", "select")),
        (lambda y: y.detach().numpy(), ("no floating-point tensor", "ndarray")),
        (lambda y: y.argmax(1), ("no floating-point tensor", "int64", "scores")),
        (lambda y: y.sum(), ("one row for each input row", "shape ()")),
        (lambda y: torch.cat([y, y]), ("one row for each input row", "2, 3")),
        (lambda y: {"a": y, "b": y}, ("several outputs", "a, b", "select")),
        (lambda y: 1 / 0, ("raised ZeroDivisionError", "division by zero", "call the model")),
    ],
    ids=["None", "text", "numpy", "argmax", "sum", "more rows", "two outputs", "raises"],
)
def test_outputs(method, tail, words):
    refused(ModelError, words, net=Net(tail), method=method, target=0)


def test_a_selection_that_is_not_there():
    refused(UnknownName, ("'c'", "legal: a, b"), net=Net(lambda y: {"a": y, "b": y}), spec=pl.ModelSpec(select="c"))
    refused(ModelError, ("no output 4", "position"), net=Net(lambda y: (y, y)), spec=pl.ModelSpec(select=4))


class Broken(nn.Module):
    """A network whose gradient is cut."""

    def __init__(self, cut) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.see, self.head, self.cut = nn.Conv2d(1, 4, 3), nn.Linear(4, 3), cut

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cut(self.see(x)).mean((2, 3)))


def _under_no_grad(y: Tensor) -> Tensor:
    with torch.no_grad():
        return y * 2


CUTS = {
    "detach": lambda y: y.detach(),
    "argmax": lambda y: y.argmax(1, keepdim=True).float().expand_as(y),
    "numpy": lambda y: torch.from_numpy(np.tanh(y.detach().numpy())),
    "numpy without detach": lambda y: torch.from_numpy(np.tanh(y.numpy())),
    "no_grad": _under_no_grad,
}


@pytest.mark.parametrize("method", ["gradient", "integrated_gradients", "smoothgrad", "gradient_times_input", "gradcam"])
@pytest.mark.parametrize("name", list(CUTS))
def test_networks_without_a_gradient(method, name):
    net = Broken(CUTS[name])
    # the one layer with space lies below the cut: Grad-CAM says so, or that the forward leaves torch
    words = ("layer",) if method == "gradcam" and name != "numpy without detach" else ("occlusion",)
    refused(PellucidError, words, net=net, method=method, target=0)
    assert pl.explain(net, X, "occlusion", target=0).arrays[0].values.any()


def test_layers():
    refused(UnknownName, ("'faetures.0'", "did you mean 'features.0'", "legal"), method=pl.GradCAM(layer="faetures.0"), target=0)
    refused(UnknownName, ("no layer", "''"), method=pl.GradCAM(layer=""), target=0)
    refused(LayerError, ("no space", "head.1 with output shape (3,)", "features.2"), method=pl.GradCAM(layer="head.1"), target=0)
    refused(LayerError, ("no space", "pool", "(4, 1, 1)", "features"), method=pl.GradCAM(layer="pool"), target=0)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    refused(LayerError, ("No layer of this network has space", "occlusion"), net=flat, method="gradcam", target=0)

    class Unused(Net):
        def __init__(self) -> None:
            super().__init__()
            self.spare = nn.Conv2d(1, 2, 3)

    refused(UnknownName, ("'spare'",), net=Unused(), method=pl.GradCAM(layer="spare"), target=0)


class Halfway(nn.Module):
    """Raises at its n-th row, after having written wherever it could."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.norm, self.error = nn.Linear(36, 3), nn.BatchNorm1d(3), error
        self.register_buffer("rows", torch.zeros(1))
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.rows += len(x)
        self.seen.append(len(x))
        if self.rows >= 12:
            raise self.error
        return self.norm(self.linear(x.mul_(2).flatten(1)))


@pytest.mark.parametrize("method", ["integrated_gradients", "smoothgrad", "occlusion"])
def test_a_network_that_raises_half_way(method):
    refused(ModelError, ("Halfway raised ValueError: half-way", "(", "call the model"), net=Halfway(ValueError("half-way")), method=method)
    net = Halfway(KeyboardInterrupt())
    before = record(net, X)
    with pytest.raises(KeyboardInterrupt):
        pl.explain(net, X, method, target=0)
    assert not differences(before, record(net, X))


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("integratd_gradients", ("no method", "'integratd_gradients'", "did you mean 'integrated_gradients'")),
        ("", ("no method", "legal", "gradcam")),
        (None, ("no method", "None", "gradcam")),
        (7, ("no method", "7", "GradCAM()")),
        (np.tanh, ("no method", "ufunc")),
        (pl.IntegratedGradients(steps=1), ("at least two steps", "1")),
        (pl.SmoothGrad(samples=5), ("even number", "5")),
        (pl.SmoothGrad(sigma=0.0), ("positive sigma", "0.0")),
        (pl.Occlusion(window=9), ("window", "9", "6 x 6", "stride <= window")),
        (pl.Occlusion(window=2, stride=3), ("window", "stride 3")),
        (pl.IntegratedGradients(baseline=pl.Rows(np.zeros((1, 5, 5)))), ("baseline does not fit", "(1, 5, 5)", "(1, 6, 6)")),
        (pl.IntegratedGradients(baseline=pl.BackgroundMean()), ("background rows", "no background", "background=")),
        (pl.Occlusion(baseline=lambda values, spec, background: values[:1, :, :2]), ("another shape", "(1, 1, 2, 6)", "(2, 1, 6, 6)")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_methods(method, words):
    refused(PellucidError, words, method=method, target=0)


class Predicts:
    def predict(self, rows):
        return rows


def test_an_estimator_is_no_method_and_must_be_fitted():
    from sklearn.linear_model import LogisticRegression

    refused(InputError, ("no method", "LogisticRegression", "gradcam"), method=LogisticRegression(), target=0)
    with pytest.raises(ModelError, match=r"not fitted.*LogisticRegression.*fit\(x, y\)"):
        pl.explain(LogisticRegression(), X, "occlusion")
    with pytest.raises(ModelError, match=r"no adapter knows it.*Predicts.*model\.predict"):
        pl.explain(Predicts(), X, "occlusion")
    with pytest.raises(ModelError, match=r"class, not a model.*Net.*Net\(\.\.\.\)"):
        pl.explain(Net, X, "occlusion")
    with pytest.raises(ModelError, match=r"no model.*int.*torch\.nn\.Module"):
        pl.explain(7, X, "occlusion")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, ("batch size", "0", "batch_size=8")),
        ({"batch_size": -2}, ("batch size", "-2")),
        ({"batch_size": 2.5}, ("batch size", "2.5")),
        ({"batch_size": True}, ("batch size", "True")),
        ({"checks": "fasst"}, ("depth of checks", "'fasst'", "did you mean 'fast'")),
        ({"checks": True}, ("depth of checks", "True", "fast, full, none")),
        ({"mode": "train"}, ("mode", "'train'", "as_is, eval")),
        ({"background": torch.zeros(3, 1, 5, 5)}, ("background", "(1, 5, 5)", "(1, 6, 6)")),
        ({"background": torch.zeros(0, 1, 6, 6)}, ("background", "at least one row")),
        ({"background": (X, X)}, ("background", "2 parts for 1 inputs")),
        ({"labels": [1]}, ("One label per row", "1 labels for 2 rows")),
        ({"spec": pl.ModelSpec(inputs=(pl.InputSpec(), pl.InputSpec()))}, ("spec does not fit", "1 inputs, 2 InputSpecs")),
        ({"budget": pl.Budget(calls=3), "method": "integrated_gradients"}, ("budget", "budget.calls is 3", "fewer steps")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_options(options, words):
    refused(PellucidError, words, **{"target": 0, **options})


def test_functions():
    with pytest.raises(ModelError, match=r"raised KeyError.*ndarray of shape.*call the function"):
        pl.explain(lambda x: {}["a"], X, "occlusion")
    with pytest.raises(ModelError, match=r"no numbers.*str"):
        pl.explain(lambda x: "text", X, "occlusion")
    with pytest.raises(ModelError, match=r"one row for each input row.*1 rows in, scores of shape \(5,\)"):
        pl.explain(lambda x: np.zeros(5), X, "occlusion")
    with pytest.raises(InputError, match=r"integer tokens.*int64.*blank"):
        pl.explain(lambda x: np.zeros(len(x)), TOKENS.numpy(), "occlusion")
    for method in ("gradient", "gradcam", "integrated_gradients"):
        with pytest.raises(CapabilityError, match=r"gradient.*black-box.*occlusion"):
            pl.explain(lambda x: np.zeros(len(x)), X, method)


def test_pictures(tmp_path):
    preparation = pl.ImagePreparation(size=6, mean=(0.5,), std=(0.5,))
    kept = set(tmp_path.iterdir())
    from PIL import Image

    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)).save(whole)
    cut, text = tmp_path / "cut.png", tmp_path / "text.png"
    cut.write_bytes(whole.read_bytes()[:900])
    text.write_text("no picture")
    for path, words in (
        (cut, ("truncated or is no image", "cut.png", "900 bytes")),
        (text, ("truncated or is no image", "text.png")),
        (tmp_path / "absent.png", ("no image file", "absent.png", "whole.png")),
        (tmp_path, ("no image file",)),
    ):
        refused(FileError, words, inputs=path, preparation=preparation, target=0)
    assert set(tmp_path.iterdir()) - kept == {whole, cut, text}


@pytest.fixture
def explained() -> pl.Explanation:
    return pl.explain(Net(), X, "gradient", target=0)


def test_where_to_save(explained, tmp_path):
    for path, words in (
        (tmp_path, r"is a folder.*give a file name"),
        (tmp_path / "absent" / "why.safetensors", r"folder to write into does not exist.*absent"),
    ):
        with pytest.raises(FileError, match=words):
            explained.save(path)
    assert not list(tmp_path.iterdir())


def test_a_save_that_fails_leaves_the_old_file_whole(explained, tmp_path, monkeypatch):
    path = tmp_path / "why.safetensors"
    explained.save(path)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FileError, match=r"could not be written.*No space left.*free space"):
        explained.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["why.safetensors"]


def test_archives(explained, tmp_path):
    path = explained.save(tmp_path / "why.safetensors")
    whole = path.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = whole[8 : 8 + size]
    versioned = header.replace(b'\\"format\\": 1', b'\\"format\\": 9')
    assert versioned != header
    for broken, words in (
        (b"", "not a Pellucid frame"),
        (whole[:100], "not a Pellucid frame"),
        (whole[:-7], "not a Pellucid frame"),
        (b"PK\x03\x04" + whole, "not a Pellucid frame"),
        (whole[:8] + versioned + whole[8 + size :], r"unknown format version.*9"),
    ):
        path.write_bytes(broken)
        with pytest.raises(FileError, match=words) as caught:
            pl.load(path)
        assert "What to do" in str(caught.value)
    with pytest.raises(FileError, match=r"can not be read.*absent"):
        pl.load(tmp_path / "absent.safetensors")
    with pytest.raises(FileError, match=r"can not be read"):
        pl.load(tmp_path)


def test_a_report_path_that_is_a_folder(tmp_path):
    from pellucid.report import Edition, Report, write_report
    from pellucid.report.page import FRONT

    if not FRONT.is_dir():
        pytest.skip("the front end is not built")
    made = Report("2026-01-01T00:00:00", "0", (Edition("en", "Why", (), (), ()),))
    with pytest.raises(FileError, match=r"is a folder.*give a file name"):
        write_report(made, tmp_path)
    with pytest.raises(FileError, match=r"does not exist"):
        write_report(made, tmp_path / "absent" / "report.html")
    assert not list(tmp_path.iterdir())


def test_every_part_of_a_message_is_there():
    with pytest.raises(PellucidError) as caught:
        pl.explain(Net(), X, "gradient", target=5)
    assert re.fullmatch(r".+\. Received: .+\. What to do: .+\.", str(caught.value))
