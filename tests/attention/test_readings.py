"""Attention methods against the weights that torch returns, computations by hand, and slow twins; however attention is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from attention.networks import HEADS, TOKENS, WAYS, WIDTH, Block, Reader, by_hand, reader, sentences, softmax_product

METHODS = ("attention", "attention_norm", "attention_rollout", "attention_gradient")


def values(net: nn.Module, x: Any, method: Any, **options: Any) -> np.ndarray:
    return pl.explain(net, x, method, target=1, checks="none", **{"batch_size": len(x), **options}).arrays[0].values


def two_blocks(way: str = "softmax_product", reads: str = "class") -> Reader:
    return reader(lambda: [Block(WAYS[way]), Block(WAYS[way])], reads)


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_layer_s_weights_are_those_that_torch_returns(norm_first: bool) -> None:
    net = reader(
        lambda: [nn.TransformerEncoderLayer(WIDTH, HEADS, 16, dropout=0.0, batch_first=True, norm_first=norm_first) for _ in range(2)]
    )
    x = sentences()
    with torch.no_grad():
        hidden = net.embed(x)
        for layer, block in enumerate(net.blocks):
            assert isinstance(block, nn.TransformerEncoderLayer)
            given = block.norm1(hidden) if norm_first else hidden
            weights = block.self_attn(given, given, given, need_weights=True, average_attn_weights=False)[1]
            for head in range(HEADS):
                for query in (0, 3):
                    found = values(net, x, pl.Attention(layer=layer, head=head, query=query))
                    np.testing.assert_allclose(found, weights[:, head, query, 1:], rtol=0, atol=1e-12)
            hidden = block(hidden)


@pytest.mark.parametrize("kind", ["causal", "boolean", "added"])
def test_masks_of_the_composite_are_kept(kind: str) -> None:
    allowed = (
        torch.ones(TOKENS, TOKENS).tril().bool() if kind == "causal" else torch.rand(TOKENS, TOKENS, generator=torch.Generator()) > 0.3
    )
    allowed |= torch.eye(TOKENS).bool()
    added = torch.zeros(TOKENS, TOKENS, dtype=torch.float64).masked_fill(~allowed, float("-inf"))

    class Masked(Block):
        def forward(self, x: Tensor) -> Tensor:
            q, k, v = (m(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (self.query, self.key, self.value))
            given: dict[str, Any] = {"causal": {"is_causal": True}, "boolean": {"attn_mask": allowed}, "added": {"attn_mask": added}}[kind]
            return x + self.mix(nn.functional.scaled_dot_product_attention(q, k, v, **given).transpose(1, 2).flatten(2))

    net, x = reader(lambda: [Masked(softmax_product)], "mean"), sentences()
    block: Any = net.blocks[0]
    with torch.no_grad():
        hidden = net.embed(x)
        q, k = (m(hidden).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (block.query, block.key))
        expected = (q @ k.mT / 2 + added).softmax(-1)
    for query in range(TOKENS):
        np.testing.assert_allclose(values(net, x, pl.Attention(head=1, query=query)), expected[:, 1, query], rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rows", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_every_way_to_write_attention_is_the_same(method: str, way: str, rows: int) -> None:
    x = sentences(rows)
    expected = values(two_blocks(), x, method)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(values(two_blocks(way), x, method), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", ["folded", "heads_first"])
def test_rows_and_heads_that_can_not_be_told_apart_are_run_one_by_one(way: str) -> None:
    class Gated(Block):  # nothing linear follows the heads at once, which would show which of them belong together
        def forward(self, x: Tensor) -> Tensor:
            return x + self.way(self.query(x), self.key(x), self.value(x)).tanh()

    net, x = reader(lambda: [Gated(WAYS[way])]), sentences()
    np.testing.assert_allclose(values(net, x, "attention"), values(net, x, "attention", batch_size=1), rtol=0, atol=1e-12)


def test_raw_attention_is_the_mean_over_layers_and_heads() -> None:
    net, x = two_blocks(), sentences()
    with torch.no_grad():
        expected = torch.stack([w[:, :, 0, 1:].mean(1) for w, _ in by_hand(net, x)]).mean(0)
    np.testing.assert_allclose(values(net, x, "attention"), expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(values(net, x, pl.Attention(layer="blocks.1")), values(net, x, pl.Attention(layer=1)))


@pytest.mark.parametrize("head", [None, 1])
def test_norms_are_those_of_the_vectors_themselves(head: int | None) -> None:
    net, x = two_blocks(), sentences()
    expected = torch.zeros(len(x), TOKENS, dtype=torch.float64)
    with torch.no_grad():
        for (weights, held), block in zip(by_hand(net, x), net.blocks, strict=True):
            mix: Any = block.mix
            for row in range(len(x)):
                for key in range(TOKENS):
                    total = torch.zeros(WIDTH, dtype=torch.float64)
                    for h in range(HEADS) if head is None else [head]:
                        columns = mix.weight[:, h * 4 : h * 4 + 4]
                        total += weights[row, h, 0, key + 1] * (columns @ held[row, h, key + 1])
                    expected[row, key] += total.norm() / 2
    np.testing.assert_allclose(values(net, x, pl.AttentionNorm(head=head)), expected, rtol=0, atol=1e-12)


def test_without_a_map_the_values_alone_count_and_that_is_said() -> None:
    class Bare(Block):
        def forward(self, x: Tensor) -> Tensor:
            return x + self.way(self.query(x), self.key(x), self.value(x))

    net, x = reader(lambda: [Bare(softmax_product)]), sentences()
    found = pl.explain(net, x, "attention_norm", target=1, checks="none")
    assert any("the values alone count" in guess for guess in found.provenance.guesses)
    block: Any = net.blocks[0]
    with torch.no_grad():
        hidden = net.embed(x)
        q, k, v = (m(hidden).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (block.query, block.key, block.value))
        handed = (q @ k.mT / 2).softmax(-1)[:, :, 0, 1:, None] * v[:, :, 1:]
    np.testing.assert_allclose(found.arrays[0].values, handed.square().sum((1, 3)).sqrt(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("reads", ["class", "mean"])
def test_rollout_is_the_product_of_matrices(reads: str) -> None:
    net, x = two_blocks(reads=reads), sentences()
    with torch.no_grad():
        maps = [w.mean(1).numpy() for w, _ in by_hand(net, x)]
    for row, found in enumerate(values(net, x, "attention_rollout")):
        product = np.eye(maps[0].shape[-1])
        for one in maps:
            product = (0.5 * one[row] + 0.5 * np.eye(len(product))) @ product
        expected = product[0, 1:] if reads == "class" else product.mean(0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("reads", ["class", "mean"])
def test_gradient_weighted_attention_follows_its_recursion(reads: str, signed: bool) -> None:
    net, x = two_blocks(reads=reads), sentences()
    found = values(net, x, pl.AttentionGradient(signed=signed))
    for row in range(len(x)):
        given = x[row : row + 1]
        maps = [w for w, _ in by_hand(net, given)]
        read = net.embed(given)
        for block, weights in zip(net.blocks, maps, strict=True):  # the forward again, from these very weights
            b: Any = block
            held = b.value(read).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            read = read + b.mix((weights @ held).transpose(1, 2).flatten(2))
            read = read + b.down(nn.functional.gelu(b.up(b.norm(read))))
        score = net.head(read[:, 0] if reads == "class" else read.mean(1))[0, 1]
        slow = [_slope(net, given, layer, reads) for layer in range(len(maps))]
        assert score.isfinite()
        carried = np.eye(maps[0].shape[-1])
        for weights, slope in zip(maps, slow, strict=True):
            weighted = (weights.detach() * slope)[0].numpy()
            carried = carried + (weighted if signed else np.maximum(weighted, 0)).mean(0) @ carried
        carried = carried - np.eye(len(carried))
        expected = carried[0, 1:] if reads == "class" else carried.mean(0)
        np.testing.assert_allclose(found[row], expected, rtol=0, atol=1e-12)


def _slope(net: Reader, tokens: Tensor, layer: int, reads: str) -> Tensor:
    """The gradient of the score with respect to the weights of one block, which alone are cut loose."""
    x = net.embed(tokens).detach()
    cut = torch.zeros(())
    for number, block in enumerate(net.blocks):
        b: Any = block
        q, k, v = (m(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (b.query, b.key, b.value))
        weights = (q @ k.mT / 2).softmax(-1)
        if number == layer:
            cut = weights = weights.detach().requires_grad_()
        x = x + b.mix((weights @ v).transpose(1, 2).flatten(2))
        x = x + b.down(nn.functional.gelu(b.up(b.norm(x))))
    score = net.head(x[:, 0] if reads == "class" else x.mean(1))[0, 1]
    return torch.autograd.grad(score, cut)[0]
