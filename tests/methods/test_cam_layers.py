"""The CAM family on token grids and on several layers at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmarks.peers import import_timm, missing
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from methods.cams import CAMS, SLOW, cam, close, explained, images
from pellucid.errors import LayerError
from pellucid.methods.attribution.layer_maps import fused, resized

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


@pytest.mark.skipif(missing("timm") != (), reason=f"timm is not whole here, it lacks {missing('timm')}: make bench brings it")
def test_timm_s_transformers() -> None:
    make = import_timm().create_model
    vit = make("vit_tiny_patch16_224", img_size=64, depth=2, num_classes=5)
    swin = make("swin_tiny_patch4_window7_224", img_size=56, window_size=7, depths=(1, 1, 1, 1), embed_dim=12, num_classes=5)
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
