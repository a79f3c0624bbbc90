"""The CAM family against slow twins written from the papers, against pytorch-grad-cam, with its limits."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.peers import import_grad_cam, missing
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from methods.cams import CAMS, Net, cam, close, explained, images, slow_scorecam, twin
from pellucid.errors import LayerError, UnknownName
from pellucid.methods.attribution.layer_maps import strongest_channels
from pellucid.models.tail import Tail


@pytest.mark.parametrize("inplace", [False, True], ids=["", "in place"])
@pytest.mark.parametrize("act", [torch.relu, functional.silu], ids=["relu", "silu"])
@pytest.mark.parametrize("name", CAMS)
def test_each_is_what_its_paper_says(name: str, act: Any, inplace: bool) -> None:
    """Activations of both signs, an in-place ReLU right after the layer, a hidden layer above it."""
    net, plain, x = Net(act, inplace=inplace).double().eval(), Net(act).double().eval(), images()
    found = explained(net, x, cam(name, layer="layer"))
    close(found, twin(name, plain, x, lambda out: out[:, 1]), 1e-9)  # the twin's differences are right to 1e-10


@pytest.mark.parametrize("name", CAMS)
def test_a_contrastive_target(name: str) -> None:
    net, x = Net().double().eval(), images()
    found = explained(net, x, cam(name, layer="layer"), target=pl.Margin(2, 0))
    close(found, twin(name, net, x, lambda out: out[:, 2] - out[:, 0]), 1e-9)
    other = explained(net, x, cam(name, layer="layer"), target=pl.Margin(0, 2))
    assert np.allclose(found, other) == (name == "eigencam")
    if name in ("gradcam", "hirescam", "ablationcam"):  # linear in the score
        np.testing.assert_allclose(found, -other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CAMS)
def test_predicted_classes_row_by_row(name: str) -> None:
    net, x = Net().double().eval(), images(6)
    classes = net(x).argmax(1).tolist()
    assert len(set(classes)) > 1
    np.testing.assert_allclose(explained(net, x, cam(name), None, batch_size=4), explained(net, x, cam(name), classes), rtol=1e-9)


# ---- pytorch-grad-cam -------------------------------------------------------------------------------------------------------

needs_peer = pytest.mark.skipif(
    bool(missing("pytorch-grad-cam")), reason="pytorch-grad-cam is not installed (pip install 'pellucid[bench]')"
)
PEERS = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "scorecam": "ScoreCAM",
    "ablationcam": "AblationCAM",
    "eigencam": "EigenCAM",
}


def peer_maps(name: str, net: nn.Module, layer: nn.Module, x: Tensor, target: int) -> np.ndarray:
    """The peer's map before its ReLU, scaling and resizing."""
    package = import_grad_cam()
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = getattr(package, PEERS[name])(model=net, target_layers=[layer])
        taken: list[np.ndarray] = []
        made = peer.get_cam_image
        peer.get_cam_image = lambda *a, **o: taken.append(made(*a, **o)) or taken[-1]
        peer(x, targets=[ClassifierOutputTarget(target)] * len(x))
        peer.activations_and_grads.release()
    return taken[0]


@needs_peer
@pytest.mark.parametrize("name", CAMS)
def test_the_same_as_pytorch_grad_cam(name: str) -> None:
    """On a layer that ends in ReLU, has as many cells as the image and is followed by nothing in place: there the peer is right."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1), nn.Sequential(nn.Conv2d(5, 6, 3, padding=1), nn.ReLU()), nn.Conv2d(6, 4, 3), nn.Tanh(), nn.Flatten()
    )
    net.append(nn.Linear(64, 3))
    net, x = net.double().eval(), images()
    if name == "gradcam++":  # the peer adds 1e-6 to its denominator, next to the square of a gradient
        with torch.no_grad():
            net[-1].weight.mul_(1e4)
    fields = {"centered": True} if name == "eigencam" else {"channels": None} if name in ("scorecam", "ablationcam") else {}
    found = explained(net, x, cam(name, layer="1", **fields))
    theirs = peer_maps(name, net, net[1], x, 1)
    if name == "ablationcam":
        theirs = theirs * net(x)[:, 1].detach().numpy()[:, None, None]  # the peer divides by the score
    if name == "eigencam":  # without a rule for the sign
        theirs = theirs * np.sign((theirs * found).sum((1, 2), keepdims=True))
    assert np.linalg.norm(found - theirs) <= 1e-6 * np.linalg.norm(theirs)  # float32 inside the peer: 6e-8 of scores near 1


# ---- channels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scorecam", "ablationcam"])
def test_the_strongest_channels_are_taken(name: str) -> None:
    net, x = Net().double().eval(), images()
    all_of_them = explained(net, x, cam(name, layer="layer", channels=None))
    for channels in (6, 7, 64):
        np.testing.assert_allclose(all_of_them, explained(net, x, cam(name, layer="layer", channels=channels)), rtol=1e-9, atol=1e-14)
    some = explained(net, x, cam(name, layer="layer", channels=2))
    assert not np.allclose(some, all_of_them)
    with torch.no_grad():
        for row in range(3):
            a = net.below(x[row : row + 1])[0]
            best = a.square().sum((1, 2)).argsort(descending=True)[:2].sort().values
            if name == "scorecam":
                expected = slow_scorecam(None, a[best], x[row], lambda one: net(one[None])[0, 1])
            else:
                falls = [net.above(a[None])[0, 1] - net.above((a * (torch.arange(6) != k)[:, None, None])[None])[0, 1] for k in best]
                expected = sum(fall * a[k] for fall, k in zip(falls, best, strict=True))
            close(some[row], expected, 1e-10)
    for wrong in (0, -1, 1.5, True, "many"):
        with pytest.raises(pl.PellucidError, match="number of channels"):
            explained(net, x, cam(name, channels=wrong))


def test_equal_energies_are_taken_in_order() -> None:
    assert strongest_channels(torch.ones(2, 5, 3, 3), 2).tolist() == [[0, 1], [0, 1]]


def test_a_channel_without_differences_lets_nothing_through() -> None:
    net, x = Net().double().eval(), images()
    with torch.no_grad():
        net.layer.weight[2], net.layer.bias[2] = 0, 1.5  # its map is constant
        weights = []
        for k in range(6):
            a = net.below(x[:1])[:, k]
            mask = (a - a.min()) / (a.max() - a.min()) if k != 2 else torch.zeros_like(a)
            weights.append(net(x[:1] * mask[:, None])[0, 1])
        expected = torch.einsum("k,kyx->yx", torch.stack(weights).softmax(0), net.below(x[:1])[0])
    close(explained(net, x[:1], pl.ScoreCAM(layer="layer"))[0], expected, 1e-12)


# ---- limits -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CAMS)
def test_layers_that_can_not_be_used(name: str) -> None:
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).double().eval()
    x = images()
    for layer, error, words in (
        ("1", LayerError, r"no space.*\(4, 1, 1\).*usable: 0"),
        (("0", "3"), LayerError, r"no space.*3 with output shape \(3,\)"),
        ("conv", UnknownName, "no layer of that name"),
        ((), pl.PellucidError, "No layer is named"),
    ):
        with pytest.raises(error, match=words):
            explained(net, x, cam(name, layer=layer))
    flat = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3)).double()
    with pytest.raises(LayerError, match="No layer of this network has space"):
        explained(flat, torch.randn(2, 4, dtype=torch.float64), name)


@pytest.mark.parametrize("name", CAMS)
def test_inputs_without_space_and_functions_without_layers(name: str) -> None:
    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.mix, self.head = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(torch.relu(self.mix(self.words(tokens))).mean(1))

    with pytest.raises(LayerError, match=r"No layer of this network has space.*occlusion"):
        explained(Text(), torch.randint(0, 9, (2, 5)), name)
    with pytest.raises(pl.PellucidError, match=f"{re.escape(name)} needs a model with"):
        explained(lambda x: x.sum((1, 2))[:, :2], np.ones((2, 3, 4, 4)), name)


@pytest.mark.parametrize("name", CAMS)
def test_series_and_images_among_several_inputs(name: str) -> None:
    class Series(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.head = nn.Conv1d(4, 5, 3, padding=1), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.relu(self.conv(x.transpose(1, 2))).mean(2))

    series = torch.randn(2, 9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    made = pl.explain(Series().double().eval(), series, name, target=1, checks="none", spec=pl.ModelSpec((pl.InputSpec(kind="series"),)))
    assert made.arrays[0].axes == ("sample", "time")
    assert made.arrays[0].values.shape == (2, 9)

    class Both(Net):
        def forward(self, row: Tensor, x: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x) * row.sum(1, keepdim=True)

    net, x = Both().double().eval(), images()
    made = pl.explain(net, (torch.ones(3, 4, dtype=torch.float64), x), cam(name, layer="layer"), target=1, checks="none")
    close(made.arrays[0].values, twin_of_both(name, net, x), 1e-9)


def twin_of_both(name: str, net: Any, x: Tensor) -> Tensor:
    plain = Net().double().eval()
    plain.load_state_dict(net.state_dict())
    return twin(name, plain, x, lambda out: 4 * out[:, 1])


@pytest.mark.parametrize("name", ["scorecam", "ablationcam"])
def test_a_budget_is_kept(name: str) -> None:
    net, x = Net().double().eval(), images()
    with pytest.raises(pl.PellucidError, match="budget"):
        explained(net, x, cam(name, layer="layer"), budget=pl.Budget(calls=6))
    assert explained(net, x, cam(name, layer="layer", channels=2), budget=pl.Budget(calls=8)).shape == (3, 6, 6)


def test_eigencam_is_the_same_for_every_class() -> None:
    net, x = Net().double().eval(), images()
    np.testing.assert_array_equal(explained(net, x, "eigencam", 0), explained(net, x, "eigencam", 2))


@pytest.mark.parametrize("rows", [1, 3])
def test_where_the_whole_network_has_to_be_run_it_is_said(rows: int) -> None:
    class Eye(nn.Module):
        seen: Tensor

        def forward(self, x: Tensor) -> Tensor:
            self.seen = x
            return x

    class Side(Net):
        """What lies below reaches the end through an attribute."""

        def __init__(self) -> None:
            super().__init__()
            self.eye = Eye()

        def forward(self, x: Tensor) -> Tensor:
            self.eye(self.first(x))
            return self.above(self.layer(self.act(self.eye.seen))) + self.eye.seen.mean((1, 2, 3))[:, None]

    net, x = Side().double().eval(), images()
    made = pl.explain(net, x, pl.AblationCAM(layer="layer"), target=1, checks="none", batch_size=rows)
    if rows == 3:  # what the attribute holds of a single row fits every edit of it
        assert any("the whole network was run again" in guess for guess in made.provenance.guesses)
    plain = Net().double().eval()
    plain.load_state_dict(net.state_dict())
    close(made.arrays[0].values, twin("ablationcam", plain, x, lambda out: out[:, 1]), 1e-10)


def test_memory_that_runs_out_while_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = Net().double().eval(), images(4)
    expected = explained(net, x, pl.AblationCAM(layer="layer"))
    record = Tail.record

    def scarce(self: Tail, batch: tuple[Tensor, ...], rows: Tensor) -> Any:
        if len(rows) > 2:
            raise RuntimeError("out of memory")
        return record(self, batch, rows)

    monkeypatch.setattr(Tail, "record", scarce)
    found = explained(net, x, pl.AblationCAM(layer="layer"), batch_size=4)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["scorecam", "eigencam", "ablationcam"])
def test_a_quantized_network_has_no_gradient_but_layers(name: str) -> None:
    torch.manual_seed(0)
    stubs = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
    net = nn.Sequential(stubs[0], nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), stubs[1], nn.Flatten(), nn.Linear(16, 3)).eval()
    net.qconfig, net[5].qconfig = torch.ao.quantization.get_default_qconfig("x86"), None
    prepared, x = torch.ao.quantization.prepare(net), images().float()
    prepared(x)
    quantized = torch.ao.quantization.convert(prepared)
    assert np.isfinite(explained(quantized, x, name)).all()
    inside = cam(name, layer="1")
    if name == "ablationcam":
        with pytest.raises(LayerError, match=r"can not be edited.*quint8.*scorecam"):
            explained(quantized, x, inside)
    else:
        assert explained(quantized, x, inside).shape == (3, 4, 4)
