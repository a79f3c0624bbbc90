"""What the interceptor sees of a forward pass, and where it says that the rows of the batch lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.call import Call
from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.rows import RowAxis, by_row, pick

ROWS = 3


@dataclass
class Watching:
    """A rule set that changes nothing and remembers every operation."""

    differentiates: bool = False
    follows_rows: bool = True
    seen: list[tuple[Call, Any]] = field(default_factory=list)

    def opens(self, operation: Operation) -> bool:
        return operation.kind == "composite"

    def overwritten(self, tensor: Tensor) -> None:
        pass

    def apply(self, call: Call) -> Any:
        output = call.run(*call.operands)
        self.seen.append((call, output))
        return output

    @property
    def names(self) -> list[str]:
        return [call.operation.name for call, _ in self.seen]


def watched(function: Any, *, rows: int = ROWS, shape: tuple[int, ...] = (4, 6)) -> tuple[Watching, Tensor, Tensor]:
    """What a function does with rows under the interceptor, its output there and its output alone."""
    torch.manual_seed(0)
    x = torch.randn(rows, *shape, dtype=torch.float64)
    rules = Watching()
    with torch.no_grad():
        plain = function(x.clone())
        interceptor = Interceptor(rules, rows)
        entered = interceptor.enter(x.clone())
        with interceptor:
            output = function(entered)
    return rules, output, plain


def spellings() -> dict[str, Any]:
    module = nn.ReLU(inplace=True)
    return {
        "torch": torch.relu,
        "functional": F.relu,
        "method": lambda x: x.relu(),
        "in place": lambda x: x.relu_(),
        "functional in place": lambda x: F.relu(x, inplace=True),
        "module": module,
        "out": lambda x: torch.clamp_min(x, 0, out=torch.empty_like(x)),
    }


@pytest.mark.parametrize("spelling", spellings())
def test_an_operation_is_one_however_it_is_spelled(spelling: str) -> None:
    rules, output, plain = watched(spellings()[spelling])
    assert rules.names == (["clamp_min"] if spelling == "out" else ["relu"])
    torch.testing.assert_close(output, plain, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (lambda x: 2 - x, "sub"),
        (lambda x: 2 / x, "div"),
        (lambda x: 2**x, "pow"),
        (lambda x: x[:, 0] @ torch.ones(6, 2, dtype=x.dtype), "matmul"),
        (lambda x: x.mT, "t"),
        (lambda x: -x, "neg"),
    ],
)
def test_operators_compute_what_python_computes(written: Any, name: str) -> None:
    rules, output, plain = watched(written)
    assert rules.names[-1] == name
    torch.testing.assert_close(output, plain, rtol=1e-15, atol=0)


def test_in_place_writing_reaches_every_view() -> None:
    def forward(x: Tensor) -> Tensor:
        part = x[:, 1]
        part += 1
        part.mul_(2)
        x[:, 0] = part
        return x

    _, output, plain = watched(forward)
    torch.testing.assert_close(output, plain, rtol=0, atol=0)


def test_composites_are_opened_and_give_the_same() -> None:
    torch.manual_seed(1)
    attention = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True).double().eval()
    recurrent = nn.GRU(6, 5, 2, bidirectional=True, batch_first=True).double()
    for net in (attention, lambda x: recurrent(x)[0], nn.LSTM(6, 5, proj_size=2, batch_first=True).double()):
        rules, output, plain = watched(net)
        torch.testing.assert_close(output, plain, rtol=1e-12, atol=1e-13)
        assert "lstm" not in rules.names
        assert "multi_head_attention_forward" not in rules.names


def folded(x: Tensor) -> Tensor:
    heads = x.reshape(ROWS, 4, 2, 3).transpose(1, 2).reshape(ROWS * 2, 4, 3)  # (sample * head, token, feature)
    return torch.bmm(heads, heads.transpose(1, 2)).softmax(-1)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.transpose(0, 1), RowAxis(1, 1)),
        (lambda x: x.sum(1), RowAxis(0, 1)),
        (lambda x: x.permute(2, 1, 0).mean(0), RowAxis(1, 1)),
        (folded, RowAxis(0, 2)),
        (lambda x: x.transpose(0, 1).reshape(4 * ROWS, 6), RowAxis(0, 1)),
        (lambda x: torch.cat([x, torch.zeros(ROWS, 1, 6, dtype=x.dtype)], 1), RowAxis(0, 1)),
        (lambda x: torch.einsum("btf,buf->tbu", x, x), RowAxis(1, 1)),
        (lambda x: torch.where(x > 0, x, torch.zeros_like(x)).transpose(0, 2), RowAxis(2, 1)),
        (lambda x: x.unsqueeze(0).expand(2, -1, -1, -1).flatten(0, 1), RowAxis(0, 1)),
        (lambda x: F.conv1d(x, torch.ones(2, 4, 3, dtype=x.dtype)), RowAxis(0, 1)),
    ],
)
def test_rows_are_found_wherever_the_forward_puts_them(function: Any, expected: RowAxis) -> None:
    rules, output, _ = watched(function)
    found = rules.seen[-1][0].result_rows
    assert found == expected
    torch.manual_seed(0)
    x = torch.randn(ROWS, 4, 6, dtype=torch.float64)
    for row in range(ROWS):  # a row's elements are those that change with it
        changed = x.clone()
        changed[row] += torch.randn(4, 6, dtype=torch.float64)
        moved = (function(changed) != output).double()
        assert by_row(moved, found, ROWS)[row] > 0
        assert by_row(moved, found, ROWS).sum() == by_row(moved, found, ROWS)[row]


@pytest.mark.parametrize("function", [folded, lambda x: x.transpose(0, 1).relu(), lambda x: x.exp()])
def test_one_row_can_be_taken_for_all(function: Any) -> None:
    rules, output, _ = watched(function)
    at = rules.seen[-1][0].result_rows
    assert at is not None
    torch.manual_seed(0)
    x = torch.randn(ROWS, 4, 6, dtype=torch.float64)
    repeated = function(x[1:2].expand(ROWS, -1, -1))
    picked = pick(output, at, 1, rows=ROWS, times=ROWS)
    torch.testing.assert_close(picked.expand_as(repeated), repeated, rtol=1e-12, atol=1e-14)


def test_rows_that_are_mixed_lie_on_no_axis() -> None:
    rules, _, _ = watched(lambda x: x - x.mean(0, keepdim=True))
    assert rules.seen[0][0].result_rows is None


def test_exported_programs_are_followed() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4), nn.Tanh(), nn.Linear(4, 2)).eval()
    rows = torch.export.Dim("rows")
    exported = torch.export.export(net, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=({0: rows},), strict=False).module()
    x = torch.randn(3, 1, 8, 8)
    for method in ("deeplift", "lrp", "integrated_gradients"):
        found, plain = (pl.explain(one, x, method, target=1, checks="none").arrays[0].values for one in (exported, net))
        torch.testing.assert_close(torch.from_numpy(found), torch.from_numpy(plain), rtol=1e-5, atol=1e-6)


@torch.jit.script
def hidden(x: Tensor) -> Tensor:
    """Doubles, out of the interceptor's sight."""
    return x * 2


class Doubled(torch.autograd.Function):
    """Doubles, with a backward of its own that would pass every rule by."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * 2


@pytest.mark.parametrize("function", [hidden, Doubled.apply])
def test_a_value_from_an_unseen_operation_is_refused(function: Any) -> None:
    rules = Watching(differentiates=True)
    interceptor = Interceptor(rules, 2)
    entered = interceptor.enter(torch.ones(2, 3, requires_grad=True).clone())
    with pytest.raises(UnsupportedOperation, match="can not be followed"), interceptor:
        F.relu(function(entered))


def test_values_that_leave_torch_are_named_by_line() -> None:
    interceptor = Interceptor(Watching(), ROWS)
    with interceptor:
        float(interceptor.enter(torch.ones(ROWS, 2)).sum())
    assert interceptor.left
    assert interceptor.left[0].startswith("test_interceptor.py:")
