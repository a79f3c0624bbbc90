"""What goes in: several inputs, tokens, layouts, frozen weights, inputs that the forward edits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from ordinary.twins import (
    FEATURES,
    STEPS,
    check_right,
    close,
    each_pixel,
    gradient,
    images,
    integrated,
    methods,
    occluded,
    table,
    table_net,
)
from pellucid.errors import CapabilityError, InputError, LayerError
from registration.subjects import differences, record


class ImageAndTable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.see, self.mix = nn.Conv2d(1, 3, 3), nn.Linear(3 * 16 + 5, 3)

    def forward(self, image: Tensor, facts: Tensor) -> Tensor:
        seen = torch.tanh(self.see(image)).flatten(1)
        return self.mix(torch.cat([seen, facts * seen.mean(1, keepdim=True)], 1))


@pytest.mark.parametrize("form", ["by position", "by keyword"])
def test_two_inputs(form):
    net, image, facts = ImageAndTable().double().eval(), images(3), table()
    given = (image, facts) if form == "by position" else {"facts": facts, "image": image}
    order = (0, 1) if form == "by position" else (1, 0)
    for name, method in methods().items():
        found = pl.explain(net, given, method, target=1, checks="none")
        for at, wanted in zip(order, _two(net, image, facts, name), strict=True):
            close(found.arrays[at].values, wanted, 1e-9, name)
    if form == "by keyword":
        assert [array.name for array in found.arrays] == ["facts", "image"]
        assert set(found.values) == {"facts", "image"}


def _two(net: nn.Module, image: Tensor, facts: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Row by row, both inputs varied together along the path, and one at a time when occluded."""
    if name == "occlusion":
        first = [occluded(lambda im, i=i: net(im, facts[i : i + 1])[:, 1], image[i : i + 1], each_pixel(1, 6)) for i in range(3)]
        second = [occluded(lambda f, i=i: net(image[i : i + 1], f)[:, 1], facts[i : i + 1], FEATURES) for i in range(3)]
        return torch.cat(first), torch.cat(second)
    parts = [1.0] if name == "gradient" else [(k + 0.5) / STEPS for k in range(STEPS)]
    totals = [torch.zeros_like(image), torch.zeros_like(facts)]
    for part in parts:
        leaves = [(t * part).requires_grad_() for t in (image, facts)]
        for total, g in zip(totals, torch.autograd.grad(net(*leaves)[:, 1].sum(), leaves), strict=True):
            total += g / len(parts)
    return (totals[0], totals[1]) if name == "gradient" else (totals[0] * image, totals[1] * facts)


def test_gradcam_finds_the_image_among_the_inputs():
    net, image, facts = ImageAndTable().double().eval(), images(3), table()
    for given in ((image, facts), {"facts": facts, "image": image}):
        found = pl.explain(net, given, "gradcam", target=1)
        assert found.layer == "see"
        assert found.arrays[0].name == ("input 1" if isinstance(given, tuple) else "image")
        leaf = net.see(image).detach().requires_grad_()
        seen = torch.tanh(leaf).flatten(1)
        score = net.mix(torch.cat([seen, facts * seen.mean(1, keepdim=True)], 1))[:, 1].sum()
        slope = torch.autograd.grad(score, leaf)[0].mean((2, 3), keepdim=True)
        close(found.arrays[0].values, (slope * leaf).sum(1), 1e-9)


class Words(nn.Module):
    """Tokens through one embedding, or more ways."""

    def __init__(self, way: str = "one") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.way, self.first, self.second = way, nn.Embedding(12, 4), nn.Embedding(12, 3)
        self.mix = nn.Linear(7, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        if self.way == "functional":
            return self.mix(torch.cat([functional.embedding(tokens, self.first.weight)] * 2, -1)[..., :7].tanh().mean(1))
        first = self.first(input=tokens) if self.way == "keyword" else self.first(tokens.long())
        second = torch.zeros_like(first[..., :3]) if self.way in ("one", "keyword", "mask") else self.second(tokens)
        if self.way == "same twice":
            second = self.first(tokens)[..., :3] ** 2
        both = torch.cat([first, second], -1).tanh()
        if self.way == "mask":
            return self.mix((both * (tokens != 0)[..., None]).mean(1))
        return self.mix((both * both.roll(1, 1)).mean(1))


TOKENS = torch.tensor([[1, 5, 0, 2, 11], [3, 3, 4, 0, 1]])


def _embedded(net: Words, first: Tensor, second: Tensor, tokens: Tensor) -> Tensor:
    """The network from its embeddings on."""
    both = torch.cat([first, second], -1).tanh()
    mixed = (both * (tokens != 0)[..., None]) if net.way == "mask" else both * both.roll(1, 1)
    return net.mix(mixed.mean(1))[:, 1]


@pytest.mark.parametrize("way", ["one", "keyword", "two embeddings", "same twice", "mask"])
def test_tokens_are_explained_at_the_embeddings_they_feed(way):
    net = Words(way).double().eval()
    wanted = torch.zeros(2, 5, dtype=torch.float64)
    for k in range(STEPS):
        part = (k + 0.5) / STEPS
        first = (net.first(TOKENS).detach() * part).requires_grad_()
        second = {"two embeddings": net.second(TOKENS).detach() * part, "same twice": (net.first(TOKENS).detach() * part)[..., :3] ** 2}
        leaves = [first]
        second = second.get(way, torch.zeros(2, 5, 3, dtype=torch.float64))
        if way == "two embeddings":
            leaves.append(second.requires_grad_())
        if way == "same twice":
            second = first[..., :3] ** 2
        slopes = torch.autograd.grad(_embedded(net, first, second, TOKENS).sum(), leaves)
        for leaf, slope in zip(leaves, slopes, strict=True):
            wanted += (slope * leaf.detach() / part).sum(-1) / STEPS
    found = pl.explain(net, TOKENS, pl.IntegratedGradients(steps=STEPS, rule="midpoint"), target=1)
    close(found.arrays[0].values, wanted, 1e-9)
    assert found.arrays[0].axes == ("sample", "token")
    assert (found.inputs[0].data.values == TOKENS.numpy()).all()
    assert any("another way" in guess for guess in found.provenance.guesses) == (way == "mask")


def test_a_token_removed_is_a_zero_embedding():
    net = Words().double().eval()
    found = pl.explain(net, TOKENS, "occlusion", target=1)
    second = torch.zeros(1, 5, 3, dtype=torch.float64)
    for i in range(2):
        first = net.first(TOKENS[i : i + 1]).detach()
        here = _embedded(net, first, second, TOKENS[i : i + 1])
        for k in range(5):
            gone = first.clone()
            gone[0, k] = 0
            fall = here - _embedded(net, gone, second, TOKENS[i : i + 1])
            assert found.arrays[0].values[i, k] == pytest.approx(float(fall.detach()), abs=1e-12)


def test_two_token_inputs_of_equal_values_are_told_apart():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.words, self.types, self.mix = nn.Embedding(6, 4), nn.Embedding(6, 4), nn.Linear(4, 2)

        def forward(self, words: Tensor, types: Tensor) -> Tensor:
            second = self.types(types)  # the second input is embedded first
            return self.mix((self.words(words) * 3 + second).tanh().mean(1))

    net, same = Two().double().eval(), torch.tensor([[0, 1, 2, 1]])
    found = pl.explain(net, (same, same.clone()), "gradient_times_input", target=0)
    leaves = [net.words(same).detach().requires_grad_(), net.types(same).detach().requires_grad_()]
    slopes = torch.autograd.grad(net.mix((leaves[0] * 3 + leaves[1]).tanh().mean(1))[:, 0].sum(), leaves)
    for array, leaf, slope in zip(found.arrays, leaves, slopes, strict=True):
        close(array.values, (leaf * slope).sum(-1), 1e-9)


@pytest.mark.parametrize("net", [Words("functional"), nn.Sequential(nn.EmbeddingBag(12, 4), nn.Linear(4, 2))], ids=["functional", "bag"])
def test_tokens_embedded_in_another_way_are_refused_with_the_way_out(net):
    with pytest.raises(InputError, match=r"no input whose values can be varied.*int64.*nn\.Embedding.*blank"):
        pl.explain(net.eval(), TOKENS, "gradient", target=1)
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tokens", blank=0),))

    def scores(tokens: np.ndarray) -> np.ndarray:
        return net(torch.from_numpy(tokens)).detach().numpy()

    found = pl.explain(scores, TOKENS.numpy(), "occlusion", target=1, spec=spec)
    for i in range(2):
        for k in range(5):
            gone = TOKENS[i : i + 1].clone()
            gone[0, k] = 0
            fall = float((net(TOKENS[i : i + 1]) - net(gone))[0, 1].detach())
            assert found.arrays[0].values[i, k] == pytest.approx(fall, abs=1e-6)


def test_integers_beside_floats_are_held_fixed_and_said_to_be():
    class Lengths(nn.Module):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            kept = torch.arange(x.shape[1]) < lengths[:, None]
            return torch.stack([(x.sin() * kept).sum(1), x.sum(1)], 1)

    net, x, lengths = Lengths(), table(), torch.tensor([2, 4, 5])
    found = pl.explain(net, (x, lengths), "gradient", target=0, batch_size=2)
    kept = torch.arange(5) < lengths[:, None]
    close(found.arrays[0].values, x.cos() * kept, 1e-12)
    assert len(found.arrays) == 1
    assert any("held fixed" in guess for guess in found.provenance.guesses)


def test_frozen_parameters():
    net = table_net().requires_grad_(requires_grad=False)
    check_right(net, table(), lambda row: net(row)[:, 1], FEATURES, target=1)


def test_inputs_that_are_not_contiguous_or_channels_last():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 16, 3)).double().eval()
    plain = images(channels=3)
    for x in (
        plain.contiguous(memory_format=torch.channels_last),
        plain.flip(3).flip(3),
        plain.transpose(2, 3).contiguous().transpose(2, 3),
    ):
        assert torch.equal(x, plain)
        check_right(net, x, lambda row: net(row)[:, 1], each_pixel(3, 6), target=1)
    strided = np.asfortranarray(plain.numpy())[:, :, ::-1][:, :, ::-1]
    close(pl.explain(net, strided, "gradient", target=1).arrays[0].values, gradient(lambda row: net(row)[:, 1], plain), 1e-9)


def test_a_forward_that_edits_its_input():
    class Editing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = table_net()

        def forward(self, x: Tensor) -> Tensor:
            x.mul_(2.0)
            x[:, 0] = x[:, 0].clone() ** 2
            return self.net(x)

    net, x = Editing().eval(), table()
    check_right(net, x, lambda row: net(row.clone())[:, 1], FEATURES, target=1)
    pixels = images()
    whole = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 2)).double().eval()
    before = record(whole, pixels)
    pl.explain(whole, pixels, "gradcam", target=1)
    assert not differences(before, record(whole, pixels))
    given = table().numpy()
    kept = given.copy()
    pl.explain(Editing().eval(), given, "occlusion", target=1)
    np.testing.assert_array_equal(given, kept)


def test_an_input_cut_off_by_detach_is_not_shown_as_zero():
    class Half(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.stack([x.sum(1) + y.detach().square().sum(1), x.sum(1)], 1)

    with pytest.raises(CapabilityError, match=r"input 2.*occlusion"):
        pl.explain(Half(), (table(), table()), "gradient", target=0)
    unused = pl.explain(Half(), (table(), table()), "gradient", target=1)
    assert not unused.arrays[1].values.any()


def test_integrated_gradients_from_given_rows():
    net, x = table_net(), table()
    start = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    found = pl.explain(net, x, pl.IntegratedGradients(steps=STEPS, baseline=pl.Rows(start.numpy()), rule="midpoint"), target=1)
    close(found.arrays[0].values, integrated(lambda row: net(row)[:, 1], x, start), 1e-9)


def test_volumes():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 27, 2)).double().eval()
    x = torch.randn(2, 1, 5, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    close(pl.explain(net, x, "gradient", target=1).arrays[0].values, gradient(lambda row: net(row)[:, 1], x), 1e-9)
    found = pl.explain(net, x, pl.Occlusion(baseline=pl.Constant(0.0)), target=1)
    columns = [part.reshape(1, 1, 5, 5).expand(1, 5, 5, 5) for part in torch.eye(25).bool()]
    close(found.arrays[0].values, occluded(lambda row: net(row)[:, 1], x, columns), 1e-9)
    with pytest.raises(LayerError, match=r"space.*occlusion"):
        pl.explain(net, x, "gradcam", target=1)


def test_an_image_of_many_channels():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(8, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 2)).double().eval()
    check_right(net, images(channels=8), lambda row: net(row)[:, 1], each_pixel(8, 6), target=1)
