"""The CAM family against slow twins written from the papers, against pytorch-grad-cam, on token grids, several layers, any target."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.peers import import_grad_cam, missing
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.errors import LayerError, UnknownName
from pellucid.methods.attribution.layer_maps import fused, resized, strongest_channels
from pellucid.methods.registry import method_class
from pellucid.models.tail import Tail

CAMS = ("gradcam", "gradcam++", "hirescam", "layercam", "scorecam", "ablationcam", "eigencam")


class Net(nn.Module):
    """A classifier whose layer has as many cells as the image has pixels, and a hidden layer above it."""

    def __init__(self, act: Callable[[Tensor], Tensor] = torch.relu, *, inplace: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.layer = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(5, 6, 3, padding=1)
        self.act, self.after = act, nn.ReLU(inplace=inplace)
        self.last, self.head = nn.Conv2d(6, 4, 3, stride=2), nn.Linear(4 * 2 * 2, 3)

    def below(self, x: Tensor) -> Tensor:
        return self.layer(self.act(self.first(x)))

    def above(self, a: Tensor) -> Tensor:
        return self.head(functional.gelu(self.last(self.after(a))).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.above(self.below(x))


def images(rows: int = 3, size: tuple[int, int] = (6, 6), channels: int = 2) -> Tensor:
    return torch.randn(rows, channels, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def explained(net: nn.Module, x: Tensor, method: Any, target: Any = 1, **options: Any) -> np.ndarray:
    return pl.explain(net, x, method, target=target, checks="none", **options).arrays[0].values


def cam(name: str, **fields: Any) -> Any:
    return method_class(name)(**fields)


# ---- slow twins: one row, one channel, one cell at a time ------------------------------------------------------------------


def gradient_of(above: Callable[[Tensor], Tensor], a: Tensor) -> Tensor:
    """By central differences: no backward pass is shared with what is tested."""
    found = torch.zeros_like(a)
    for at in np.ndindex(*a.shape):
        step = torch.zeros_like(a)
        step[at] = 1e-5
        found[at] = (above(a + step) - above(a - step)) / 2e-5
    return found


def slow_gradcam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    g, found = gradient_of(above, a), torch.zeros(a.shape[1:], dtype=a.dtype)
    for k in range(len(a)):
        found += sum(g[k].reshape(-1).tolist()) / g[k].numel() * a[k]
    return found


def slow_gradcam_plus_plus(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    g, found = gradient_of(above, a), torch.zeros(a.shape[1:], dtype=a.dtype)
    for k in range(len(a)):
        total, weight = max(float(a[k].sum()), 0.0), 0.0
        for at in np.ndindex(*a.shape[1:]):
            slope = float(g[k][at])
            if slope > 0:  # alpha relu(g), from the second and third derivative of exp(S)
                weight += slope**2 / (2 * slope**2 + total * slope**3) * slope
        found += weight * a[k]
    return found


def slow_hirescam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    return (gradient_of(above, a) * a).sum(0)


def slow_layercam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    return sum(torch.relu(g) * one for g, one in zip(gradient_of(above, a), a, strict=True))  # type: ignore[return-value]


def slow_scorecam(_above: Any, a: Tensor, x: Tensor, score: Any) -> Tensor:
    scores = []
    for one in a:
        large = functional.interpolate(one[None, None], x.shape[-2:], mode="bilinear")[0, 0]
        mask = (large - large.min()) / (large.max() - large.min())
        scores.append(float(score(x * mask)) - float(score(torch.zeros_like(x))))
    total = sum(math.exp(s) for s in scores)
    return sum(math.exp(s) / total * one for s, one in zip(scores, a, strict=True))  # type: ignore[return-value]


def slow_ablationcam(above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    found = torch.zeros(a.shape[1:], dtype=a.dtype)
    for k in range(len(a)):
        without = a.clone()
        without[k] = 0
        found += (above(a) - above(without)) * a[k]
    return found


def slow_eigencam(_above: Any, a: Tensor, _x: Tensor, _f: Any) -> Tensor:
    cells = a.flatten(1).T
    v = torch.ones(len(a), dtype=a.dtype)
    for _ in range(20_000):  # power iteration
        v = cells.T @ (cells @ v)
        v = v / v.norm()
    found = cells @ v
    return (found if float((found * cells.norm(dim=1)).sum()) > 0 else -found).reshape(a.shape[1:])


SLOW = {
    "gradcam": slow_gradcam,
    "gradcam++": slow_gradcam_plus_plus,
    "hirescam": slow_hirescam,
    "layercam": slow_layercam,
    "scorecam": slow_scorecam,
    "ablationcam": slow_ablationcam,
    "eigencam": slow_eigencam,
}


def close(found: np.ndarray, expected: Tensor, bound: float) -> None:
    wanted = expected.detach().numpy()
    assert found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= bound * np.linalg.norm(wanted)
    assert np.linalg.norm(wanted) > 0


def twin(name: str, net: Net, x: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    maps = []
    with torch.no_grad():
        for row in x:
            a = net.below(row[None])[0]
            maps.append(SLOW[name](lambda one: score(net.above(one[None]))[0], a, row, lambda one: score(net(one[None]))[0]))
    return torch.stack(maps)


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


# ---- tokens -----------------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).chunk(3, -1)
        x = x + self.proj(functional.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0])
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Patches of 4 x 4 pixels, ``extra`` tokens before them, read out from the first token or from the mean of the patches."""

    def __init__(self, extra: int = 1, *, conv: bool = True, pooled: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patch = nn.Conv2d(3, 12, 4, stride=4) if conv else nn.Linear(48, 12)
        self.extra = nn.Parameter(torch.randn(1, extra, 12))
        self.blocks, self.norm, self.head = nn.ModuleList([Block(12) for _ in range(3)]), nn.LayerNorm(12), nn.Linear(12, 3)
        self.conv, self.pooled = conv, pooled
        self.heads = nn.Identity()  # sees (row, head, token, channel), which is no plane

    def tokens(self, x: Tensor) -> Tensor:
        if self.conv:
            return self.patch(x).flatten(2).transpose(1, 2)
        return self.patch(functional.unfold(x, 4, stride=4).transpose(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.extra.expand(len(x), -1, -1), self.tokens(x)], 1)
        for block in self.blocks:
            y = block(y)
        y = self.norm(y)
        self.heads(y.unflatten(2, (3, 4)).transpose(1, 2))
        self.heads((y @ y.mT)[:, None])
        return self.head(y[:, self.extra.shape[1] :].mean(1) if self.pooled else y[:, 0])


@pytest.mark.parametrize("conv", [True, False], ids=["conv", "unfold"])
@pytest.mark.parametrize("extra", [1, 2, 5])
@pytest.mark.parametrize("name", CAMS)
def test_a_vision_transformer_by_itself(name: str, extra: int, conv: bool) -> None:
    """Not square; the class token reads the patches in the last attention for the last time, so the layer is what enters it."""
    if not conv and extra == 5:
        return  # without a convolution five of 25 tokens may be anything
    net, x = ViT(extra, conv=conv).double().eval(), images(2, (24, 16), 3)
    made = pl.explain(net, x, cam(name), target=1, checks="none")
    assert made.layer == "blocks.2.norm1"
    assert made.arrays[0].values.shape == (2, 6, 4)
    assert np.abs(made.arrays[0].values).max() > 0
    assert any(f"grid of 6 x 4, the first {extra} left out" in guess for guess in made.provenance.guesses)


@pytest.mark.parametrize("name", CAMS)
def test_the_values_on_a_token_grid(name: str) -> None:
    """Against the twin, whose layer is a plane: the same network with its tokens laid out as an image."""
    net, x = ViT(pooled=True).double().eval(), images(2, (24, 24), 3)
    maps = []
    with torch.no_grad():
        for row in x:
            kept: list[Tensor] = []
            handle = net.norm.register_forward_hook(lambda _m, _a, out, kept=kept: kept.append(out))
            net(row[None])
            handle.remove()
            plane = kept[0][0, 1:].T.reshape(12, 6, 6)
            above = lambda a: net.head(a.flatten(1).mean(1))[1]  # noqa: E731
            maps.append(SLOW[name](above, plane, row, lambda one: net(one[None])[0, 1]))
    made = pl.explain(net, x, cam(name), target=1, checks="none")
    assert made.layer == "norm"
    close(made.arrays[0].values, torch.stack(maps), 1e-8)


def test_layers_without_a_say_are_refused() -> None:
    net, x = ViT().double().eval(), images(2, (24, 24), 3)
    for layer in ("norm", "blocks.2", "blocks.2.mlp"):
        with pytest.raises(LayerError, match="only on its extra tokens"):
            explained(net, x, pl.GradCAM(layer=layer))
    assert explained(net, x, pl.GradCAM(layer="blocks.2.qkv")).shape == (2, 6, 6)  # named, any layer may be taken


def test_post_norm_encoder_with_fused_kernels() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.patch, self.first = nn.Conv2d(3, 12, 4, stride=4), nn.Parameter(torch.randn(1, 1, 12))
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 2, 24, batch_first=True), 2)
            self.head = nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = torch.cat([self.first.expand(len(x), -1, -1), self.patch(x).flatten(2).transpose(1, 2)], 1)
            return self.head(self.encoder(y)[:, 0])

    net, x = Encoder().double().eval(), images(2, (16, 16), 3)
    for name in CAMS:
        made = pl.explain(net, x, cam(name), target=1, checks="none")
        assert made.layer == "encoder.layers.0"
        assert made.arrays[0].values.shape == (2, 4, 4)
    layer = pl.explain(net, x, pl.AblationCAM(layer="encoder.layers.0.norm2"), target=1, checks="none").arrays[0].values
    np.testing.assert_allclose(layer, pl.explain(net, x, pl.AblationCAM(), target=1, checks="none").arrays[0].values, rtol=1e-9, atol=1e-12)


class SwinLike(nn.Module):
    """Channels last, (sample, y, x, channel), windows of 4 x 4 in the batch, patches merged two by two."""

    def __init__(self, *, flat: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patch, self.norm0 = nn.Conv2d(3, 8, 2, stride=2), nn.LayerNorm(8)
        self.block0, self.merge, self.block1 = Block(8), nn.Linear(32, 16), Block(16)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 3)
        self.flat = flat

    def windowed(self, block: Block, y: Tensor) -> Tensor:
        n, h, w, c = y.shape
        cut = y.reshape(n, h // 4, 4, w // 4, 4, c).transpose(2, 3).reshape(-1, 16, c)
        return block(cut).reshape(n, h // 4, w // 4, 4, 4, c).transpose(2, 3).reshape(n, h, w, c)

    def forward(self, x: Tensor) -> Tensor:
        y = self.windowed(self.block0, self.norm0(self.patch(x).permute(0, 2, 3, 1)))
        y = torch.cat([y[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], -1)
        y = self.windowed(self.block1, self.merge(y))
        return self.head((self.norm(y.flatten(1, 2)) if self.flat else self.norm(y).flatten(1, 2)).mean(1))


@pytest.mark.parametrize("flat", [False, True], ids=["planes", "tokens"])
@pytest.mark.parametrize("name", CAMS)
def test_a_shifted_window_transformer_by_itself(name: str, flat: bool) -> None:
    net, x = SwinLike(flat=flat).double().eval(), images(2, (32, 16), 3)
    made = pl.explain(net, x, cam(name), target=1, checks="none")
    assert made.layer == "norm"
    assert made.arrays[0].values.shape == (2, 8, 4)
    other = pl.explain(SwinLike(flat=not flat).double().eval(), x, cam(name), target=1, checks="none")
    np.testing.assert_allclose(made.arrays[0].values, other.arrays[0].values, rtol=1e-9, atol=1e-12)
    guessed = any("taken for a grid of 8 x 4" in guess for guess in made.provenance.guesses)
    assert guessed == flat


@pytest.mark.parametrize("case", ["rows one by one", "queries", "a hidden layer"])
def test_what_is_no_grid(case: str) -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.see, self.rnn = nn.Conv2d(3, 4, 8, stride=8), nn.GRU(48, 5, batch_first=True)
            self.queries, self.wide, self.head = nn.LayerNorm(7), nn.LayerNorm(25), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            if case == "rows one by one":
                return self.head(self.norm5(self.rnn(x.transpose(1, 2).flatten(2))[0]).mean(1))
            y = self.see(x).mean((2, 3))  # (row, 4), whose 2 x 2 cells are gone
            if case == "queries":  # 25 of them make a square, but the network has no such plane
                return self.head(self.queries(y[:, :1, None].expand(-1, 25, 7)).mean((1, 2))[:, None] * torch.ones(5, dtype=x.dtype))
            return self.head(self.wide(y[:, :1].expand(-1, 25))[:, :5])

    net = Rows()
    net.norm5 = nn.LayerNorm(5)
    x = images(2, (16, 16), 3)
    if case == "rows one by one":
        del net.see
        with pytest.raises(LayerError, match="No layer"):
            explained(net.double().eval(), x, "gradcam")
        return
    assert pl.explain(net.double().eval(), x, "gradcam", target=1, checks="none").layer == "see"


def test_timm_s_transformers() -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    try:
        make = timm.create_model
        vit = make("vit_tiny_patch16_224", img_size=64, depth=2, num_classes=5)
        swin = make("swin_tiny_patch4_window7_224", img_size=56, window_size=7, depths=(1, 1, 1, 1), embed_dim=12, num_classes=5)
    except (RuntimeError, AttributeError, ImportError) as error:  # its torchvision may not load beside a CPU build of torch
        pytest.skip(f"timm's models do not load here: {error}")
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    made = pl.explain(vit.eval(), x, "ablationcam", target=1, checks="none")
    assert (made.layer, made.arrays[0].values.shape) == ("blocks.1.norm1", (1, 4, 4))
    assert not any("run again" in guess for guess in made.provenance.guesses)
    made = pl.explain(swin.eval(), x[..., :56, :56], pl.LayerCAM(layer=("layers.1", "norm")), target=1, checks="none")
    assert made.arrays[0].values.shape == (1, 7, 7)


# ---- several layers ---------------------------------------------------------------------------------------------------------


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.early, self.late = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(5, 6, 4, stride=2, padding=1)
        self.shared, self.head = nn.ReLU(inplace=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.shared(self.early(x))
        return self.head(self.shared(self.late(y)).mean((2, 3)) + y.mean((1, 2, 3))[:, None])


@pytest.mark.parametrize("name", CAMS)
def test_several_layers_are_fused(name: str) -> None:
    net, x = Deep().double().eval(), images(3, (8, 12))
    early, late = (explained(net, x, cam(name, layer=layer)) for layer in ("early", "late"))
    made = pl.explain(net, x, cam(name, layer=("late", "early", "late")), target=1, checks="none")
    assert made.layer == "late + early"
    large = functional.interpolate(torch.from_numpy(late)[:, None], (8, 12), mode="bilinear")[:, 0].numpy()
    expected = np.zeros_like(early)
    for row in range(3):
        one, other = early[row] / np.abs(early[row]).max(), large[row] / np.abs(large[row]).max()
        expected[row] = np.where(np.abs(other) > np.abs(one), other, one)
    np.testing.assert_allclose(made.arrays[0].values, expected, rtol=1e-8, atol=1e-10)
    single = pl.explain(net, x, cam(name, layer=("early",)), target=1, checks="none")
    np.testing.assert_allclose(single.arrays[0].values, early, rtol=1e-10, atol=1e-14)


def test_one_pass_for_all_layers() -> None:
    net, x = Deep().double().eval(), images(3, (8, 12))
    for name in ("gradcam", "layercam", "eigencam"):
        pl.explain(net, x, name, target=1, checks="none")  # looks for layers, once
        assert pl.explain(net, x, cam(name, layer=("early", "late")), target=1, checks="none").provenance.evaluations == 3


def test_fusing_keeps_sign_and_zero() -> None:
    first, second = torch.tensor([[[2.0, -4.0], [0.0, 1.0]]]), torch.zeros(1, 2, 2)
    torch.testing.assert_close(fused([first, second]), first / 4)
    torch.testing.assert_close(fused([second, second]), second)
    torch.testing.assert_close(resized(torch.tensor([[0.0, 1.0]]), (4,)), torch.tensor([[0.0, 0.25, 0.75, 1.0]]))


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
