"""The structure of a network: as torchinfo counts it, as torch counts FLOPs, as closed formulas say, and without a trace."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import pellucid as pl
from pellucid.demo.efficientnet import efficientnet_lite0
from pellucid.errors import CapabilityError, InputError, UnknownName
from pellucid.explanation.contents import Structure
from pellucid.views.inside import inside, inside_views
from pellucid.views.inside.structure import MOST, folded, joints


class Residual(nn.Module):
    """Functional activations, a sum, a reused module, a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.scale, self.head = nn.Parameter(torch.ones(8, 1, 1)), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first(x))
        for _ in range(2):
            y = y + functional.relu(self.inner(y)) * self.scale
        return self.head(y.mean((2, 3)))


class Encoder(nn.Module):
    """A transformer encoder classifier, which torch runs by a fused path in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x).mean(1))


class Recurrent(nn.Module):
    """An LSTM over a series."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(5, 7, num_layers=2, bidirectional=True, batch_first=True), nn.Linear(14, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 2, groups=2),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 3))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP": (mlp, (12,)),
    "CNN": (cnn, (1, 9, 9)),
    "residual": (Residual, (3, 6, 6)),
    "transformer encoder": (Encoder, (6, 16)),
    "LSTM": (Recurrent, (11, 5)),
    "EfficientNet-Lite0": (lambda: efficientnet_lite0(pretrained=False), (3, 64, 64)),
}


def seen(name: str) -> tuple[nn.Module, Tensor, pl.Explanation]:
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    net, x = make().eval(), torch.randn(2, *shape)
    return net, x, pl.inspect(net, "structure", x)


def content(explanation: pl.Explanation) -> Structure:
    assert isinstance(explanation.content, Structure)
    return explanation.content


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_shapes_are_torchinfo_s(name: str) -> None:
    torchinfo = pytest.importorskip("torchinfo")
    net, x, explanation = seen(name)
    shown = x.clone().requires_grad_()  # without it, it does not see the layers of the encoder
    summary = torchinfo.summary(copy.deepcopy(net), input_data=shown, depth=20, verbose=0)
    mine = {module.path: module for module in content(explanation).modules}
    assert mine[""].parameters == summary.total_params
    assert mine[""].trainable == summary.trainable_params
    theirs = {}
    for info in summary.summary_list:
        path, parent = info.var_name, info.parent_info
        while parent is not None and parent.parent_info is not None:
            path, parent = f"{parent.var_name}.{path}", parent.parent_info
        theirs["" if info.parent_info is None else path] = info  # the last call counts
    called = {path for path, module in mine.items() if module.calls}
    assert called == {path for path, info in theirs.items() if info.executed}
    for path in called:
        assert mine[path].parameters == theirs[path].num_params, path
        assert list(mine[path].outputs[0]) == list(theirs[path].output_size), path


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "LSTM"])
def test_flops_are_torch_s_with_gradients(name: str) -> None:
    net, x, explanation = seen(name)
    with FlopCounterMode(display=False) as counter, torch.enable_grad():
        net(x.clone().requires_grad_())
    found = content(explanation)
    assert found.modules[0].flops * len(x) == counter.get_total_flops()
    assert sum(operation.flops for operation in found.operations) == found.modules[0].flops


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [False, True])
def test_flops_of_recurrent_layers_are_their_formula(kind: type[nn.RNNBase], layers: int, *, both: bool) -> None:
    inputs, hidden, steps = 5, 7, 11
    net: nn.Module = kind(inputs, hidden, num_layers=layers, bidirectional=both, batch_first=True)

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)[0][:, -1]

    gates, ways = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}[kind], 2 if both else 1
    each = [gates * hidden * ((inputs if layer == 0 else ways * hidden) + hidden) for layer in range(layers)]
    found = content(pl.inspect(Last().eval(), "structure", torch.randn(3, steps, inputs)))
    assert found.modules[0].flops == 2 * steps * ways * sum(each)


def test_every_layer_of_an_encoder_in_eval_mode_is_seen() -> None:
    net, x, explanation = seen("transformer encoder")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(x)
    found = {module.path: module for module in content(explanation).modules}
    for layer in (0, 1):
        for name in ("self_attn", "linear1", "linear2", "norm1", "norm2", "dropout1"):
            assert found[f"encoder.layers.{layer}.{name}"].calls == 1
    assert found[""].flops * len(x) != counter.get_total_flops()  # torch's fused path hides what this sees


def test_calls_elements_and_joints() -> None:
    _, _, explanation = seen("residual")
    found = content(explanation)
    modules = {module.path: module for module in found.modules}
    assert modules["inner"].calls == 2
    assert modules["inner"].flops == 2 * 2 * 6 * 6 * 8 * 8 * 9
    assert [operation.call for operation in found.operations if operation.module == "inner"] == [0, 1]
    assert all(not (operation.flops and operation.elements) for operation in found.operations)
    relu = next(operation for operation in found.operations if operation.name == "relu")
    assert (relu.elements, relu.flops, relu.shape) == (8 * 6 * 6, 0, (2, 8, 6, 6))
    assert Path(relu.source.partition(":")[0]).name == Path(__file__).name
    blocks, _ = folded(found)
    assert sum(b - a > 1 for a, b in joints(blocks)) == 2  # the two residual sums


def test_a_deep_network_is_folded_until_it_can_be_read() -> None:
    _, _, explanation = seen("EfficientNet-Lite0")
    blocks, depth = folded(content(explanation))
    assert len(blocks) <= MOST and depth == 2
    assert sum(len(block.operations) for block in blocks) == len(content(explanation).operations)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_drawn_and_told(name: str, language: Any) -> None:
    _, _, explanation = seen(name)
    text = explanation.narrate(language)
    assert f"{content(explanation).modules[0].parameters:,}" in text and "{" not in text
    for view in inside_views(explanation):
        scene = inside(explanation, view=view, language=language)
        assert scene.summary and "{" not in scene.title + scene.summary
    assert explanation.plot(language=language).axes


def test_the_archive_holds_it(tmp_path: Path) -> None:
    _, _, explanation = seen("residual")
    again = pl.load(explanation.save(tmp_path / "structure.safetensors"))
    assert again.content == explanation.content
    assert (again.kind, again.provenance, len(again), again.verdict) == ("graph", explanation.provenance, 0, "unchecked")


@pytest.mark.parametrize("name", NETWORKS)
def test_it_leaves_no_trace(name: str) -> None:
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    net, x = make().train(), torch.randn(2, *shape)
    before, kept = copy.deepcopy(net.state_dict()), x.clone()
    draws = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    pl.inspect(net, "structure", x)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert torch.equal(x, kept) and torch.equal(draws[0], torch.get_rng_state())
    assert np.array_equal(draws[1], np.random.get_state()[1])  # noqa: NPY002
    for module in net.modules():
        assert module.training and not (module._forward_hooks or module._forward_pre_hooks)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())


def test_what_can_not_be_seen_is_an_error() -> None:
    with pytest.raises(InputError, match="none were given"):
        pl.inspect(mlp(), "structure")
    with pytest.raises(UnknownName, match="did you mean 'structure'"):
        pl.inspect(mlp(), "strukture", torch.randn(2, 12))
    with pytest.raises(CapabilityError, match="operations of a torch module"):
        pl.inspect(lambda x: x, "structure", np.ones((2, 3)))
    with pytest.raises(UnknownName, match="view"):
        pl.inspect(mlp(), "structure", torch.randn(2, 12)).plot(view="pie")
    with pytest.raises(InputError, match="not about one layer"):
        pl.inspect(mlp(), "structure", torch.randn(2, 12)).plot(layer="0")
