"""Which operations of a network that was read are layers, and what they are called."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pellucid.models.layer_shapes import layer_shapes
from pellucid.models.programs.operation import Constant, Listing, Operation
from pellucid.models.programs.program import Program
from pellucid.training.recording.twin_layers import layers


class Script:
    """A network written operation by operation; every one takes the value before it unless others are named."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        torch.manual_seed(0)

    def add(self, name: str, call: Any, *constants: Constant, of: tuple[int, ...] = ()) -> int:
        made = len(self.operations) + 1
        inputs = (*(of or (made - 1,)), *constants)
        self.operations.append(Operation(name, call, inputs, (made,), structural=name == "reshape"))
        return made

    def dense(self, weight: Constant, *, of: tuple[int, ...] = ()) -> int:
        made = len(self.operations) + 1
        inputs = (*(of or (made - 1,)), weight)
        self.operations.append(Operation("linear", nn.functional.linear, inputs, (made,), affine=True, about={"channels_last": True}))
        return made

    def layers(self, rows: torch.Tensor) -> dict[str, type[nn.Module] | None]:
        net = Program(Listing(tuple(self.operations), (0,), (len(self.operations),)))
        return layers(net, layer_shapes(net, lambda: net(rows[:1])))


def weight(*shape: int, path: str) -> Constant:
    return Constant(torch.randn(shape), path)


def test_arithmetic_is_a_layer_only_where_it_ends_one() -> None:
    net = Script()
    net.dense(weight(4, 3, path="first.kernel"))
    net.add("mul", torch.mul, weight(4, path="norm.gamma"))
    net.add("add", torch.add, weight(4, path="norm.beta"))
    net.add("relu", torch.relu)
    net.add("mul", torch.mul, weight(4, path="spread.gamma"))
    net.add("neg", torch.neg)
    net.add("add", torch.add, weight(4, path="spread.beta"))
    net.dense(weight(2, 4, path="last.kernel"))
    found = net.layers(torch.randn(5, 3))
    assert found == {"first": nn.Linear, "norm.add": None, "relu": nn.ReLU, "last": nn.Linear}


def test_a_bias_that_comes_apart_is_seen_where_the_rows_are_rows_again() -> None:
    net = Script()
    net.add("reshape", lambda x: x.reshape(-1, 3))
    net.dense(weight(4, 3, path="first.kernel"))
    net.add("reshape", lambda x: x.reshape(-1, 6, 4))
    net.add("add", torch.add, weight(4, path="first.bias"))
    net.add("mean", lambda x: x.mean(1))
    net.dense(weight(2, 4, path="last.kernel"))
    assert net.layers(torch.randn(5, 6, 3)) == {"first.add": nn.Linear, "last": nn.Linear}


def test_a_recurrent_layer_is_seen_at_its_last_step_without_its_gates() -> None:
    net, again = Script(), weight(3, 3, path="cell.kernel")
    for _ in range(3):
        net.dense(again)
        total = net.add("add", torch.add, Constant(torch.ones(3), "cell.bias"))
        gate, state = net.add("sigmoid", torch.sigmoid), net.add("relu", torch.relu, of=(total,))
        net.add("mul", torch.mul, of=(gate, state))
    net.dense(weight(2, 3, path="last.kernel"))
    net.add("tanh", torch.tanh)
    found = net.layers(torch.randn(5, 3))
    assert found == {"cell.linear_1": None, "relu_2": nn.ReLU, "last": nn.Linear, "tanh": nn.Tanh}


def test_functions_inside_arithmetic_are_no_layers() -> None:
    net = Script()
    hidden = net.dense(weight(4, 3, path="first.kernel"))
    net.add("tanh", torch.tanh)  # of a gelu that is written out
    net.add("add", torch.add, Constant(1.0))
    bent = net.add("mul", torch.mul, of=(hidden, hidden + 2))
    net.add("square", torch.square)
    net.add("relu", torch.relu)  # a variance is not below 0
    net.add("reshape", lambda x: x.reshape(x.shape))
    net.add("add", torch.add, Constant(1e-3))
    net.add("div", torch.div, of=(bent, bent + 4))
    rectified = net.add("relu", torch.relu)
    net.add("add", torch.add, of=(rectified, hidden))  # a residual sum
    net.dense(weight(2, 4, path="last.kernel"))
    net.add("sigmoid", torch.sigmoid)
    assert net.layers(torch.randn(5, 3)) == {"first": nn.Linear, "relu_1": nn.ReLU, "last": nn.Linear, "sigmoid": nn.Sigmoid}


def test_layers_of_equal_weights_under_other_names_are_two() -> None:
    net = Script()
    for name in ("first", "second"):
        net.dense(Constant(torch.ones(3, 3), f"{name}.kernel"))
        net.add("tanh", torch.tanh)
    assert list(net.layers(torch.randn(5, 3)).values()) == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh]
