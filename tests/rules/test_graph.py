"""The operator graph as recorded: operations, modules, lines, shapes, parameters and cost."""

from __future__ import annotations

import inspect

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.models.rules.graph import Graph, record


class Looped(nn.Module):
    """A loop over a reused layer, a branch that depends on the data, and a residual sum in place."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv1d(3, 8, 3, padding=1)
        self.block = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x).transpose(1, 2)
        for _ in range(3):
            h = h + self.block(h)
        if x.sum() > -1e9:
            h += 1
        return self.head(F.gelu(h).mean(1))


def graph(net: nn.Module, x: Tensor) -> Graph:
    return record(net, (x,), lambda batch: net(*batch))


def test_every_call_of_a_reused_module_is_a_node() -> None:
    found = graph(Looped().eval(), torch.randn(2, 3, 5))
    linear = [n for n in found.nodes if n.operation == "linear"]
    assert [(n.module, n.call) for n in linear] == [("block.0", 0), ("block.0", 1), ("block.0", 2), ("head", 0)]
    assert linear[0].parameters == ("block.0.weight", "block.0.bias")
    assert [n.operation for n in found.nodes if n.module == "block.1"] == ["relu"] * 3
    assert found.nodes[found.output - 1].operation == "linear"


def test_shapes_cost_and_lines() -> None:
    rows, length = 2, 5
    found = graph(Looped().eval(), torch.randn(rows, 3, length))
    conv = next(n for n in found.nodes if n.operation == "conv1d")
    assert conv.shapes == ((rows, 8, length),)
    assert conv.flops == 2 * rows * length * 8 * 3 * 3
    assert conv.bytes == rows * 8 * length * 4
    linear = next(n for n in found.nodes if n.operation == "linear")
    assert linear.flops == 2 * rows * length * 8 * 8
    lines, start = inspect.getsourcelines(Looped.forward)
    gelu = next(n for n in found.nodes if n.operation == "gelu")
    assert gelu.source is not None
    assert gelu.source.path == __file__
    assert "F.gelu" in lines[gelu.source.line - start]
    assert gelu.source.function == "forward"


def test_edges_lead_to_the_input() -> None:
    found = graph(Looped().eval(), torch.randn(2, 3, 5))
    reached, waiting = set(), [found.output]
    while waiting:
        number = waiting.pop()
        if number < 0:
            reached.add(number)
        elif number not in reached:
            reached.add(number)
            waiting.extend(found.nodes[number - 1].arguments)
    assert -1 in reached
    used = {n.operation for n in found.nodes if n.number in reached}
    assert {"conv1d", "transpose", "linear", "relu", "add", "gelu", "mean"} <= used


def test_attention_and_recurrence_stay_whole() -> None:
    net = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True).eval()
    names = [n.operation for n in graph(net, torch.randn(2, 4, 6)).nodes]
    assert "multi_head_attention_forward" in names
    lstm = nn.LSTM(6, 5, batch_first=True)
    found = record(lstm, (torch.randn(2, 4, 6),), lambda batch: lstm(*batch)[0])
    assert [n.operation for n in found.nodes] == ["lstm"]
    assert found.nodes[0].shapes == ((2, 4, 5), (1, 2, 5), (1, 2, 5))


def test_nothing_stays_behind() -> None:
    net = Looped().eval()
    graph(net, torch.randn(2, 3, 5))
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
