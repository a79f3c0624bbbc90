"""What networks are made of: hooks, shared and normalized weights, attention, recurrence, activations used twice or in place."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import pellucid as pl
from ordinary.twins import FEATURES, check_right, close, each_pixel, each_time, images, table, table_net
from pellucid.errors import LayerError
from registration.subjects import differences, record

TIMES = each_time(6, 4)


def series(rows: int = 3) -> Tensor:
    return torch.randn(rows, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_forward_hooks_change_the_output_and_backward_hooks_do_not_fire():
    net, x, fired = table_net(), table(), []
    plain = copy.deepcopy(net)
    net[0].register_forward_hook(lambda _m, _a, output: output * 2)
    net[1].register_forward_pre_hook(lambda _m, arguments: (arguments[0] + 0.5,))
    net[2].register_forward_pre_hook(lambda _m, a, named: ((a[0] * 3,), named), with_kwargs=True)
    net[2].register_forward_hook(lambda _m, _a, _k, output: output.square(), with_kwargs=True)
    net[0].register_full_backward_hook(lambda _m, grad_in, _o: fired.append(1) or tuple(g * 0 if g is not None else g for g in grad_in))
    net[1].register_full_backward_pre_hook(lambda _m, grad_out: fired.append(1) or tuple(g * 0 for g in grad_out))
    net[0].weight.register_hook(lambda g: fired.append(1) or g * 0)
    check_right(net, x, lambda row: plain[2](3 * torch.tanh(2 * plain[0](row) + 0.5)).square()[:, 1], FEATURES, target=1)
    assert not fired
    net(x).sum().backward()
    assert len(fired) == 3


def test_tied_weights():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.down, self.up = nn.Linear(5, 5), nn.Linear(5, 5)
            self.up.weight = self.down.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.up(torch.tanh(self.down(x)))

    net = Tied().double().eval()
    w, b, c = net.down.weight.detach(), net.down.bias.detach(), net.up.bias.detach()
    check_right(net, table(), lambda row: (torch.tanh(row @ w.T + b) @ w.T + c)[:, 1], FEATURES, target=1)


def _normalized(kind: str) -> nn.Module:
    torch.manual_seed(0)
    wrap = {
        "spectral_norm": nn.utils.spectral_norm,
        "spectral_norm parametrization": parametrizations.spectral_norm,
        "weight_norm parametrization": parametrizations.weight_norm,
        "orthogonal": parametrizations.orthogonal,
        "weight_norm": nn.utils.weight_norm,
    }[kind]
    return nn.Sequential(wrap(nn.Linear(5, 8)), nn.Tanh(), wrap(nn.Linear(8, 3))).double()


@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
@pytest.mark.parametrize(
    "kind", ["spectral_norm", "spectral_norm parametrization", "weight_norm", "weight_norm parametrization", "orthogonal"]
)
@pytest.mark.parametrize("training", [False, True])
def test_normalized_weights(kind, training):
    net = _normalized(kind)
    net(table())  # the first call in training mode takes a step of the power iteration
    net.train(training)
    still = _normalized(kind).eval()
    still.load_state_dict(net.state_dict())
    with torch.no_grad():
        still(table())
        first, second = (still[i].weight.detach().clone() for i in (0, 2))
    score = lambda row: (torch.tanh(row @ first.T + still[0].bias) @ second.T + still[2].bias)[:, 1]  # noqa: E731
    check_right(net, table(), score, FEATURES, target=1)
    before = record(net, table())
    pl.explain(net, table(), "integrated_gradients", target=1, mode="as_is", checks="full")
    assert not differences(before, record(net, table()))


class Attentive(nn.Module):
    """A transformer encoder with mean pooling, over all positions or those not masked."""

    def __init__(self, *, nested: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=nested), nn.Linear(4, 3)

    def forward(self, x: Tensor, padded: Tensor | None = None) -> Tensor:
        return self.head(self.encoder(x, src_key_padding_mask=padded).mean(1))


@pytest.mark.filterwarnings("ignore:.*nested tensors.*:UserWarning")
def test_transformer_encoder_on_its_fused_path():
    net = Attentive().double().eval()
    check_right(net, series(), lambda row: _slow(net, row)[:, 1], TIMES, target=1)
    net.train()
    check_right(net, series(), lambda row: _slow(copy.deepcopy(net).eval(), row)[:, 1], TIMES, target=1)


def _slow(net: Attentive, x: Tensor, padded: Tensor | None = None) -> Tensor:
    """The encoder by the book, one head and one position at a time."""
    for layer in net.encoder.layers:
        a = layer.self_attn
        q, k, v = (part.reshape(len(x), 6, 2, 2) for part in functional.linear(x, a.in_proj_weight, a.in_proj_bias).chunk(3, -1))
        heads = []
        for h in range(2):
            logits = q[:, :, h] @ k[:, :, h].transpose(1, 2) / 2**0.5
            if padded is not None:
                logits = logits.masked_fill(padded[:, None, :], float("-inf"))
            heads.append(logits.softmax(-1) @ v[:, :, h])
        x = layer.norm1(x + a.out_proj(torch.cat(heads, -1)))
        x = layer.norm2(x + layer.linear2(functional.relu(layer.linear1(x))))
    return net.head(x.mean(1))


@pytest.mark.filterwarnings("ignore:.*nested tensors.*:UserWarning")
def test_transformer_encoder_with_a_padding_mask():
    net, x = Attentive().double().eval(), series()
    padded = torch.tensor([[False] * 6, [False] * 4 + [True] * 2, [False] * 3 + [True] * 3])
    for i in range(3):
        rows, mask = x[i : i + 1], padded[i : i + 1]
        check_right(net, rows, lambda row, m=mask: _slow(net, row, m)[:, 1], TIMES, given=(rows, mask), target=1)
    together = pl.explain(net, (x, padded), "integrated_gradients", target=1, checks="none")
    alone = torch.cat(
        [
            torch.from_numpy(pl.explain(net, (x[i : i + 1], padded[i : i + 1]), "integrated_gradients", target=1).arrays[0].values)
            for i in range(3)
        ]
    )
    close(together.arrays[0].values, alone, 1e-9)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module], **options) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.head = kind(4, 5, batch_first=True, **options), nn.Linear(5 * (1 + options.get("bidirectional", False)), 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, -1])


def test_lstm_step_by_step():
    net = Recurrent(nn.LSTM).double().eval()
    c = net.cell

    def score(row: Tensor) -> Tensor:
        hidden = memory = torch.zeros(len(row), 5, dtype=torch.float64)
        for t in range(6):
            i, f, g, o = (row[:, t] @ c.weight_ih_l0.T + c.bias_ih_l0 + hidden @ c.weight_hh_l0.T + c.bias_hh_l0).chunk(4, 1)
            memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * memory.tanh()
        return net.head(hidden)[:, 1]

    check_right(net, series(), score, TIMES, target=1)
    check_right(net.train(), series(), score, TIMES, target=1)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "dropout": 0.3}], ids=["plain", "deep"])
@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
def test_recurrent_layers_in_train_mode(kind, options):
    net = Recurrent(kind, **options).double()
    still = copy.deepcopy(net).eval()
    check_right(net.train(), series(), lambda row: still(row)[:, 1], TIMES, target=1)
    full = pl.explain(net, series(), "gradient", target=1, checks="full")
    assert full.check("parameter_randomization").value.max() < 0.999  # the weights that the cell uses were shuffled


def test_multihead_attention():
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.attend, self.head = nn.MultiheadAttention(4, 2, batch_first=True, dropout=0.2), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.attend(x, x, x, need_weights=False)[0].mean(1))

    net = Attention().double()
    a = net.attend

    def score(row: Tensor) -> Tensor:
        q, k, v = (part.reshape(len(row), 6, 2, 2) for part in functional.linear(row, a.in_proj_weight, a.in_proj_bias).chunk(3, -1))
        heads = [(q[:, :, h] @ k[:, :, h].transpose(1, 2) / 2**0.5).softmax(-1) @ v[:, :, h] for h in range(2)]
        return net.head(a.out_proj(torch.cat(heads, -1)).mean(1))[:, 1]

    for training in (False, True):
        check_right(net.train(training), series(), score, TIMES, target=1)


class Twice(nn.Module):
    """One ReLU module used twice, a functional one, a residual sum."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.third = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 2, 3)
        self.act, self.head = nn.ReLU(inplace=inplace), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.first(x))
        x = x + self.act(self.second(x))
        return self.head(functional.relu(self.third(x), inplace=self.act.inplace).flatten(1))


@pytest.mark.parametrize("inplace", [False, True])
def test_one_relu_used_twice_and_a_functional_one(inplace):
    net = Twice(inplace=inplace).double().eval()
    plain = Twice(inplace=False).double().eval()
    plain.load_state_dict(net.state_dict())
    check_right(net, images(), lambda row: plain(row)[:, 1], each_pixel(1, 6), target=1)


@pytest.mark.parametrize("layer", ["first", "second", "third", "act", None])
@pytest.mark.parametrize("inplace", [False, True])
def test_gradcam_where_the_next_op_is_in_place(layer, inplace):
    net, x = Twice(inplace=inplace).double().eval(), images()
    plain = Twice(inplace=False).double().eval()
    plain.load_state_dict(net.state_dict())
    one = plain.first(x)
    two = plain.second(functional.relu(one))
    summed = functional.relu(one) + functional.relu(two)
    three = plain.third(summed)
    after = {
        "first": (one, lambda a: plain.third(functional.relu(a) + functional.relu(plain.second(functional.relu(a))))),
        "second": (two, lambda a: plain.third(functional.relu(one) + functional.relu(a))),
        "act": (functional.relu(two), lambda a: plain.third(functional.relu(one) + a)),  # the last of its two calls
        "third": (three, lambda a: a),
    }
    start, rest = after[layer or "third"]
    leaf = start.detach().requires_grad_()
    score = plain.head(functional.relu(rest(leaf)).flatten(1))[:, 1].sum()
    slope = torch.autograd.grad(score, leaf)[0]
    found = pl.explain(net, x, pl.GradCAM(layer=layer), target=1)
    assert found.layer == (layer or "third")
    close(found.arrays[0].values, (slope.mean((2, 3), keepdim=True) * leaf).sum(1), 1e-9)


def test_gradcam_on_channels_last_layers():
    class Last(nn.Module):
        """As in Swin and ConvNeXt: layers on (y, x, channel)."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.patch, self.norm, self.head = nn.Conv2d(1, 5, 2, stride=2), nn.LayerNorm(5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.norm(self.patch(x).permute(0, 2, 3, 1)).square().mean((1, 2)))

    net, x = Last().double().eval(), images()
    found = pl.explain(net, x, "gradcam", target=1)
    leaf = net.norm(net.patch(x).permute(0, 2, 3, 1)).detach().requires_grad_()
    slope = torch.autograd.grad(net.head(leaf.square().mean((1, 2)))[:, 1].sum(), leaf)[0]
    assert found.layer == "norm"
    close(found.arrays[0].values, (slope.mean((1, 2), keepdim=True) * leaf).sum(-1), 1e-9)


def test_gradcam_on_series_with_channels_first_and_last():
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.cell, self.head = nn.Conv1d(4, 5, 3), nn.TransformerEncoderLayer(5, 1, 8, batch_first=True), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.cell(self.conv(x.transpose(1, 2)).transpose(1, 2)).mean(1))

    net, x = Both().double().eval(), series()
    seen = net.conv(x.transpose(1, 2))
    for layer, leaf in (("conv", seen), (None, net.cell(seen.transpose(1, 2)))):
        leaf = leaf.detach().requires_grad_()
        rest = net.cell(leaf.transpose(1, 2)) if layer else leaf
        slope = torch.autograd.grad(net.head(rest.mean(1))[:, 1].sum(), leaf)[0]
        found = pl.explain(net, x, pl.GradCAM(layer=layer), target=1)
        assert found.layer == (layer or "cell")
        time, channel = (2, 1) if layer else (1, 2)
        close(found.arrays[0].values, (slope.mean(time, keepdim=True) * leaf).sum(channel), 1e-9)


def test_gradcam_refuses_layers_that_mix_rows():
    class Frames(nn.Module):
        """Frames of a clip go through the network as rows."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.see, self.head = nn.Conv2d(1, 3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            frames = x.reshape(-1, 1, 6, 6)
            return self.head(self.see(frames).mean((2, 3))).reshape(len(x), -1, 2).mean(1)

    net = Frames().double().eval()
    with pytest.raises(LayerError, match="space"):
        pl.explain(net, images(channels=3), "gradcam", target=1)
    check_right(net, images(channels=3), lambda row: net(row)[:, 1], each_pixel(3, 6), target=1)
