"""Which token is read, cross-attention whose true alignment is known, sinks, tokens of images and series, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from attention.networks import HEADS, TOKENS, WIDTH, Block, reader, sentences, softmax_product
from attention.reversing import LENGTH, SPEC, VOCABULARY, Reversing, strings
from pellucid import views

METHODS = ("attention", "attention_norm", "attention_rollout", "attention_gradient")


def plain(net: Any, x: Any, method: Any, **options: Any) -> np.ndarray:
    return pl.explain(net, x, method, target=1, checks="none", **options).arrays[0].values


# ---- what is read ----------------------------------------------------------------------------------------------------------


def test_the_last_token_is_found_under_a_causal_mask() -> None:
    class Causal(Block):
        def forward(self, x: Tensor) -> Tensor:
            q, k, v = (m(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (self.query, self.key, self.value))
            found = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return x + self.mix(found.transpose(1, 2).flatten(2))

    net, x = reader(lambda: [Causal(softmax_product), Causal(softmax_product)], "last"), sentences()
    for layer in (0, 1):
        found = plain(net, x, pl.Attention(layer=layer))
        np.testing.assert_array_equal(found, plain(net, x, pl.Attention(layer=layer, query=TOKENS - 1)))
        assert np.abs(found - plain(net, x, pl.Attention(layer=layer, query="mean"))).max() > 0.01


def test_each_row_has_its_own_last_token() -> None:
    class Ends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.block, self.head = nn.Embedding(11, WIDTH), Block(softmax_product), nn.Linear(WIDTH, 3)

        def forward(self, tokens: Tensor, last: Tensor) -> Tensor:
            return self.head(self.block(self.words(tokens))[torch.arange(len(tokens)), last])

    torch.manual_seed(0)
    net, x, last = Ends().double().eval(), sentences(), torch.tensor([1, 4, 5], dtype=torch.int32)
    found = plain(net, (x, last), "attention")
    for row in range(3):
        np.testing.assert_array_equal(found[row], plain(net, (x, last), pl.Attention(query=int(last[row])))[row])


def test_a_pooling_with_a_learned_query_is_read_alone() -> None:
    class Pooled(nn.Module):
        def __init__(self, *, summed: bool) -> None:
            super().__init__()
            self.words, self.query, self.head, self.summed = nn.Embedding(11, WIDTH), nn.Linear(WIDTH, 1), nn.Linear(WIDTH, 3), summed

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.words(tokens).tanh()
            weights = self.query(x).softmax(1)
            return self.head((weights * x).sum(1) if self.summed else (weights.mT @ x)[:, 0])

    x = sentences()
    for summed in (False, True):
        torch.manual_seed(0)
        net = Pooled(summed=summed).double().eval()
        with torch.no_grad():
            expected = net.query(net.words(x).tanh()).softmax(1)[..., 0]
        for method in ("attention", pl.AttentionRollout()):
            found = plain(net, x, method, batch_size=3)
            np.testing.assert_allclose(found, expected * (1 if method == "attention" else 0.5), rtol=0, atol=1e-12)


def test_a_sink_is_named() -> None:
    class Drawn(Block):
        def forward(self, x: Tensor) -> Tensor:
            q, k, v = (m(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (self.query, self.key, self.value))
            bias = torch.zeros(x.shape[1], dtype=x.dtype)
            bias[2] = 4.0
            return x + self.mix(((q @ k.mT / 2 + bias).softmax(-1) @ v).transpose(1, 2).flatten(2))

    x = sentences()
    even = pl.explain(reader(lambda: [Block(softmax_product)], "mean"), x, "attention", target=1, checks="none")
    drawn = pl.explain(reader(lambda: [Drawn(softmax_product)], "mean"), x, "attention", target=1, checks="none")
    assert [g for g in drawn.provenance.guesses if "sink" in g and "token 3 " in g and "in every row" in g]
    assert not [g for g in even.provenance.guesses if "sink" in g]


# ---- images and series -----------------------------------------------------------------------------------------------------


class Vision(nn.Module):
    """Patches of 2 x 2 pixels as tokens behind a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.start = nn.Conv2d(1, WIDTH, 2, stride=2), nn.Parameter(torch.randn(1, 1, WIDTH))
        self.layer, self.head = nn.TransformerEncoderLayer(WIDTH, HEADS, 16, dropout=0.0, batch_first=True), nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.layer(torch.cat([self.start.expand(len(x), -1, -1), x], 1))[:, 0])


def test_patches_lie_where_they_were_cut_out() -> None:
    torch.manual_seed(0)
    net = Vision().double().eval()
    x = torch.zeros(1, 1, 8, 12, dtype=torch.float64)
    x[0, 0, 2:4, 6:8] = 9.0  # cell (1, 3) of 4 x 6
    for method in METHODS:
        made = pl.explain(net, x, method, target=1, checks="none")
        found = made.arrays[0].values[0]
        assert made.arrays[0].axes == ("sample", "y", "x")
        assert found.shape == (4, 6)
        others = np.delete(found.ravel(), 9)
        assert np.ptp(others) <= 1e-12 < abs(found[1, 3] - others[0]), method  # every empty patch is like every other


def test_windows_of_a_series() -> None:
    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cut, self.block, self.head = nn.Conv1d(2, WIDTH, 4, stride=4), Block(softmax_product), nn.Linear(WIDTH, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.block(self.cut(x.mT).mT).mean(1))

    torch.manual_seed(0)
    made = pl.explain(Windows().double().eval(), torch.randn(2, 24, 2, dtype=torch.float64), "attention_norm", target=1)
    assert made.arrays[0].axes == ("sample", "time")
    assert made.arrays[0].values.shape == (2, 6)


# ---- two inputs ------------------------------------------------------------------------------------------------------------


# measured 0.996, 0.996, 0.996, 0.992; chance is 0.125
@pytest.mark.parametrize("method", METHODS)
def test_cross_attention_finds_the_true_alignment(method: str, reversing: Any, record_property: Any) -> None:
    net, rows = reversing
    made = pl.explain(net, rows, method, target=pl.Token(), spec=SPEC, checks="none")
    found, truth = made.arrays[0], np.arange(LENGTH)[::-1]
    assert found.axes == ("sample", "produced", "token")
    accuracy = float((found.values.argmax(-1) == truth).mean())
    share = float((found.values[:, np.arange(LENGTH), truth] / found.values.sum(-1)).mean())
    record_property("alignment", f"{method}: accuracy {accuracy:.3f}, share of the true token {share:.3f}")
    assert accuracy >= 0.95
    assert share > {"attention": 0.6, "attention_norm": 0.6, "attention_rollout": 0.35, "attention_gradient": 0.7}[method]


def test_an_untrained_network_has_no_alignment(reversing: Any) -> None:
    torch.manual_seed(1)
    net, rows = Reversing().eval(), reversing[1]
    for method in METHODS:
        found = pl.explain(net, rows, method, target=pl.Token(), checks="none").arrays[0].values
        assert (found.argmax(-1) == np.arange(LENGTH)[::-1]).mean() < 0.5


def test_the_score_of_one_token_reads_one_row(reversing: Any) -> None:
    net, rows = reversing
    for method in METHODS:
        made = pl.explain(net, rows, method, target=pl.Token(position=3), checks="none").arrays[0].values
        assert np.flatnonzero(np.abs(made).sum((0, 2))).tolist() == [3], method
    checked = pl.explain(net, rows, "attention_gradient", target=pl.Token(position=3), checks="fast")
    assert checked.check("deletion").note.startswith(f"{LENGTH} players")  # what the decoder has seen stays
    better = checked.check("deletion").value < checked.check("deletion").reference
    assert better.mean() >= 0.9


def test_rollout_through_encoder_and_decoder_against_matrices() -> None:
    torch.manual_seed(0)
    net = Reversing(layers=2).double().eval()
    source, so_far, _ = strings(2, torch.Generator().manual_seed(3))
    source = source[:, :6]
    maps: dict[str, np.ndarray] = {}

    def weights_of(name: str) -> Any:
        def hook(module: Any, arguments: Any, named: Any, _output: Any) -> None:
            with torch.no_grad():
                mask = named.get("attn_mask")
                q, k, v = arguments[:3]
                maps[name] = nn.MultiheadAttention.forward(module, q, k, v, need_weights=True, attn_mask=mask)[1].numpy()

        return hook

    attentions = [(n, m) for n, m in net.named_modules() if isinstance(m, nn.MultiheadAttention)]
    for name, module in attentions:
        module.register_forward_hook(weights_of(name), with_kwargs=True)
    with torch.enable_grad():
        net(source, so_far)  # with a graph to make, torch takes no fast path past the hooks
    for _, module in attentions:
        module._forward_hooks.clear()
        module._forward_hooks_with_kwargs.clear()
    half = lambda m: 0.5 * m + 0.5 * np.eye(m.shape[-1])  # noqa: E731
    encoder = half(maps["core.encoder.layers.1.self_attn"]) @ half(maps["core.encoder.layers.0.self_attn"])
    decoder = np.zeros((2, LENGTH, 6))
    for layer in (0, 1):
        decoder = half(maps[f"core.decoder.layers.{layer}.self_attn"]) @ decoder
        decoder = 0.5 * decoder + 0.5 * maps[f"core.decoder.layers.{layer}.multihead_attn"] @ encoder
    found = pl.explain(net, (source, so_far), "attention_rollout", target=pl.Token(), checks="none").arrays[0].values
    np.testing.assert_allclose(found, decoder, rtol=0, atol=1e-12)


def test_the_grid_names_the_tokens(reversing: Any, tmp_path: Path) -> None:
    net, rows = reversing
    made = pl.explain(net, rows, "attention_gradient", target=pl.Token(position=3), spec=SPEC, checks="none")
    panel = views.attribution(made, row=0).panels[0]
    text = [VOCABULARY[i] for i in rows[0][0]]
    assert panel.x is not None
    assert panel.y is not None
    assert panel.x.tick_labels == tuple(text)
    assert panel.y.tick_labels == tuple(text[::-1])  # what the network produced, not what the decoder was given
    assert f"“{text[4]}”" in panel.title
    assert views.attribution(made, row=0).panels[0].summary == views.alignment_grid(made, row=0).panels[0].summary
    read = pl.load(made.save(tmp_path / "grid.safetensors"))
    assert views.alignment_grid(read, language="zh-CN").panels[0].x is not None
    judged = pl.judge(read, net, rows, target=pl.Token(position=3), spec=SPEC)
    assert judged.check("deletion").note.startswith(f"{LENGTH} players")
    with pytest.raises(pl.PellucidError, match="produced"):
        views.alignment_grid(pl.explain(net, rows, "gradient", target=pl.Token(), checks="none"))


# ---- targets and errors ----------------------------------------------------------------------------------------------------


def test_token_targets(reversing: Any) -> None:
    net, rows = reversing
    with torch.no_grad():
        outputs = net(*rows)
    best = outputs.argmax(-1)

    def scores(target: Any) -> np.ndarray:
        return pl.explain(net, rows, "gradient", target=target, checks="none", spec=SPEC).decision.scores

    np.testing.assert_allclose(
        scores(pl.Token()), outputs.amax(-1).sum(1), rtol=1e-4, atol=1e-4
    )  # float32 of scores around 10, by another kernel
    np.testing.assert_allclose(
        scores(pl.Token(2)), outputs.amax(-1)[:, 2], rtol=1e-4, atol=1e-4
    )  # float32 of scores around 10, by another kernel
    np.testing.assert_allclose(
        scores(pl.Token(2, "c")), outputs[:, 2, 3], rtol=1e-4, atol=1e-4
    )  # float32 of scores around 10, by another kernel
    made = pl.explain(net, rows, "gradient", target=pl.Token(2), checks="none", spec=SPEC)
    assert made.decision.target[0] == f"{VOCABULARY[best[0, 2]]} at position 3"
    for target, message in ((pl.Token(8), "position"), (pl.Token(0, 12), "class 12"), (None, "Token")):
        with pytest.raises(pl.PellucidError, match=message):
            scores(target)
    with pytest.raises(pl.PellucidError, match=r"\(sample, token, class\)"):
        pl.explain(nn.Linear(3, 2), torch.randn(2, 3), "gradient", target=pl.Token())


@pytest.mark.parametrize("method", METHODS)
def test_a_network_without_attention_is_told_what_works(method: str) -> None:
    with pytest.raises(pl.PellucidError, match=r"No attention was found.*integrated_gradients"):
        pl.explain(nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), torch.randn(2, 4), method, target=1)
    with pytest.raises(pl.PellucidError, match="a function has no attention"):
        pl.explain(lambda x: x[:, :2], np.zeros((2, 4)), method, target=1)


def test_attention_within_windows_is_refused() -> None:
    class Swin(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch, self.block, self.head = nn.Conv2d(1, WIDTH, 2, stride=2), Block(softmax_product), nn.Linear(WIDTH, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.patch(x).unfold(2, 2, 2).unfold(3, 2, 2).flatten(4).permute(0, 2, 3, 4, 1)
            return self.head(self.block(x.flatten(0, 2)).unflatten(0, (len(x), -1)).mean((1, 2)))

    torch.manual_seed(0)
    for rows in (1, 3):
        with pytest.raises(pl.PellucidError, match="within windows"):
            pl.explain(Swin().eval(), torch.randn(rows, 1, 8, 8), "attention", target=1, batch_size=rows)


def test_options_that_do_not_exist() -> None:
    net, x = reader(lambda: [Block(softmax_product)]), sentences()
    cases = [
        (pl.Attention(layer=1), "no such layer"),
        (pl.Attention(layer="blocks.7"), "blocks.0"),
        (pl.Attention(head=2), "no such head"),
        (pl.AttentionNorm(head=-1), "no such head"),
        (pl.AttentionRollout(query=7), "no such query"),
        (pl.AttentionGradient(query="first"), "mean"),  # type: ignore[arg-type]
    ]
    for method, message in cases:
        with pytest.raises(pl.PellucidError, match=message):
            pl.explain(net, x, method, target=1)


def test_every_method_costs_one_gradient_row() -> None:
    net, x = reader(lambda: [Block(softmax_product)]), sentences()
    expected = pl.explain(net, x, "gradient", target=1, checks="none").provenance.evaluations
    for method in METHODS:
        assert pl.explain(net, x, method, target=1, checks="none").provenance.evaluations == expected


def test_a_softmax_over_queries_is_no_attention() -> None:
    class Slots(Block):
        def forward(self, x: Tensor) -> Tensor:
            return x + self.mix((self.query(x) @ self.key(x).mT).softmax(1) @ self.value(x))

    with pytest.raises(pl.PellucidError, match="No attention was found"):
        pl.explain(reader(lambda: [Slots(softmax_product)]), sentences(), "attention", target=1)
