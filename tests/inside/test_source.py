"""The user's own source: every line that runs has its words, its cost and its values, and they are right."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from inside.source_cases import LANGUAGES, NAMES, PLACE, annotated, inspected, network, rows
from inside.source_models import recurrent, residual
from pellucid.explanation.contents import Source
from pellucid.explanation.contents.source import LineCall, LineOperation, SourceFunction, SourceLine
from pellucid.models.rules.operations import NAMES as KINDS
from pellucid.models.rules.operations import operations
from pellucid.scenes.operations_chinese import OPERATIONS as CHINESE
from pellucid.scenes.operations_english import OPERATIONS as ENGLISH
from pellucid.views.inside import inside
from pellucid.views.inside.source_notes import phrase
from registration.subjects import busy, differences, record


def source_of(explanation: pl.Explanation) -> Source:
    assert isinstance(explanation.content, Source)
    return explanation.content


def line_with(seen: Source, text: str) -> tuple[SourceFunction, SourceLine]:
    """The line of the first function that holds a text."""
    for function in seen.functions:
        lines = seen.files[function.file].text.splitlines()
        for line in function.lines:
            if text in "\n".join(lines[line.first - 1 : line.last]):
                return function, line
    raise AssertionError(f"no line with {text!r} has notes")


def made_by(seen: Source, call: LineCall) -> list[LineOperation]:
    by_number = {operation.number: operation for operation in seen.operations}
    return [by_number[number] for step in call.steps for number in step.operations]


# ---- words ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_five_networks_read_as_they_did(name: str, language: str) -> None:
    assert annotated(name, language) == (PLACE / f"{name}.{language}.txt").read_text(encoding="utf-8")


def test_every_operation_has_words_in_both_languages() -> None:
    assert list(ENGLISH) == list(CHINESE)
    assert {f"kind:{kind}" for kind in KINDS} <= set(ENGLISH)
    fields = {key: set(re.findall(r"{(\w+)}", text)) for key, text in ENGLISH.items()}
    assert fields == {key: set(re.findall(r"{(\w+)}", text)) for key, text in CHINESE.items()}
    for operation in operations().values():  # those with facts are seen in the networks below
        plain = LineOperation(1, operation.name, operation.kind, {}, "", "", (), -1, 0, (), 0, 0, 0, 0.0)
        for language in LANGUAGES:
            try:
                said = phrase(plain, language)  # type: ignore[arg-type]
            except KeyError as missing:
                assert missing.args[0] in {"outputs", "inputs", "kernel", "size", "axis", "heads", "groups", "count", "rows", "share"}
            else:
                assert said and "{" not in said


class Widely(nn.Module):
    """Operations with facts: each must be told without a field left over."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(2, 4, 3, padding=1, groups=2)
        self.up = nn.ConvTranspose1d(4, 4, 2, stride=2)
        self.norms = nn.ModuleList([nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.LayerNorm(12)])
        self.cells = nn.ModuleList([nn.LSTMCell(12, 5), nn.GRUCell(5, 5), nn.RNNCell(5, 5)])
        self.layers = nn.ModuleList([nn.GRU(12, 5, batch_first=True), nn.RNN(5, 5, batch_first=True)])
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(self.first(x))[:, :, :12]
        for norm in self.norms:
            x = norm(x)
        y, _ = self.layers[1](self.layers[0](x)[0])
        h, _ = self.cells[0](x.amax(1))
        h = self.cells[2](self.cells[1](h))
        a = functional.scaled_dot_product_attention(y, y, y)
        p = functional.adaptive_avg_pool1d(functional.avg_pool1d(functional.max_pool1d(a, 2, 1), 2, 1), 1)
        z = torch.cat([p.flatten(1), h], 1) / 2 - 1 + torch.stack([h, h]).mean(0).sum(1, keepdim=True)
        z = (z * torch.ones(9)).clamp(-1, 1) ** 2
        return self.drop(z.log_softmax(-1).cumsum(-1)).logsumexp(1, keepdim=True)


def test_facts_fill_the_words() -> None:
    net = Widely().eval()
    explanation = pl.inspect(net, "source", torch.randn(6, 2, 8))
    said = [phrase(operation, language) for operation in source_of(explanation).operations for language in LANGUAGES]  # type: ignore[arg-type]
    assert all(text and "{" not in text for text in said)
    for words in (
        "2 channels in 2 groups",
        "spread by 2 filters",
        "running sum along axis 1",
        "ratio with 2",
        "dropout, which does nothing",
    ):
        assert any(words in text for text in said), (words, said)


# ---- where it stands -----------------------------------------------------------------------------------------------------------


def test_a_loop_shows_each_round() -> None:
    _, line = line_with(source_of(inspected("loop")), "self.step(state)")
    assert [len(call.steps[0].operations) for call in line.calls] == [3, 3, 3]
    assert [call.size for call in line.calls] == [30, 30, 30]


def test_a_class_of_the_users_own_is_a_function_of_its_own() -> None:
    seen = source_of(inspected("residual"))
    assert [function.name for function in seen.functions] == ["Net.forward", "Block.forward"]
    _, outer = line_with(seen, "x = block(x)")
    assert [[step.into for step in call.steps] for call in outer.calls] == [["Block.forward"]] * 2
    _, inner = line_with(seen, "self.norm(self.first(x))")
    assert [call.module for call in inner.calls] == ["blocks.0", "blocks.1"]
    whole = [sum(line.calls[i].flops for line in seen.functions[1].lines) for i in range(2)]
    assert whole == [call.flops for call in outer.calls]


def test_a_container_is_on_the_line_that_calls_it() -> None:
    seen = source_of(inspected("residual"))
    _, line = line_with(seen, "self.stem(x)")
    assert [(o.name, o.module) for o in made_by(seen, line.calls[0])] == [
        ("conv2d", "stem.0"),
        ("relu", "stem.1"),
        ("max_pool2d", "stem.2"),
    ]


def test_a_call_of_several_lines_is_one_line_of_code() -> None:
    _, line = line_with(source_of(inspected("residual")), "return self.head(")
    assert line.last == line.first + 2 and len(line.calls) == 1


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))
        self.act = lambda value: torch.relu(value)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.act(layer(x)) for layer in self.layers]
        return self.joined(*parts)

    def joined(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b if a.sum() > 0 else a - b


def test_lambdas_comprehensions_and_methods() -> None:
    seen = source_of(pl.inspect(Odd(), "source", torch.ones(4, 3)))
    assert [function.name for function in seen.functions] == ["Odd.forward", "Odd.__init__.<locals>.<lambda>", "Odd.joined"]
    forward = seen.functions[0]
    assert len(forward.lines[0].calls) == 2
    assert [step.into for step in forward.lines[1].calls[0].steps] == ["Odd.joined"]


def test_every_operation_stands_on_a_line() -> None:
    for name in NAMES:
        seen = source_of(inspected(name))
        outermost = next(function for function in seen.functions if function.name == "Net.forward")
        numbers = [n for line in outermost.lines for call in line.calls for step in call.steps for n in step.operations]
        assert sorted(numbers) == [operation.number for operation in seen.operations]


# ---- numbers -------------------------------------------------------------------------------------------------------------------


def test_parameters_and_flops_by_formula() -> None:
    seen = source_of(inspected("mlp"))
    assert [(line.calls[0].size, line.calls[0].flops) for line in seen.functions[0].lines] == [(56, 96), (72, 128), (27, 48)]
    seen = source_of(inspected("residual"))
    _, line = line_with(seen, "self.norm(self.first(x))")
    assert (line.calls[0].size, line.calls[0].flops) == (4 * 4 * 9 + 4 + 8, 2 * 4 * 4 * 9 * 16)  # statistics are no parameters
    seen = source_of(inspected("recurrent"))
    _, line = line_with(seen, "self.lstm(x)")
    weights = 4 * 6 * (3 + 6 + 6 + 6)
    assert (line.calls[0].size, line.calls[0].flops) == (weights + 2 * 2 * 4 * 6, 2 * weights * 7)


def test_tied_parameters_are_counted_once_a_line() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(x))

    seen = source_of(pl.inspect(Tied(), "source", torch.randn(4, 3)))
    assert seen.functions[0].lines[0].calls[0].size == 12


def test_the_axis_of_the_rows_is_named() -> None:
    places = {(o.name, o.rows) for o in source_of(inspected("transformer")).operations}
    assert ("embedding", 0) in places and ("transpose", 1) in places  # torch's attention works with the rows in the second place
    assert all(o.rows >= 0 and o.each == 1 for name in NAMES for o in source_of(inspected(name)).operations)


def test_values_are_those_of_all_rows_at_once() -> None:
    net, x = network("residual"), rows("residual")
    kept: list[Tensor] = []
    for layer in (net.stem[0], net.blocks[0].norm, net.head):  # type: ignore[index, union-attr]
        layer.register_forward_hook(lambda _m, _a, output: kept.append(output.clone()))
    with torch.no_grad():
        net(x)
    seen = source_of(inspected("residual"))  # in batches of 8 and 4
    spreads = [o.spread for o in seen.operations if o.module in ("stem.0", "blocks.0.norm", "head")]
    for values, spread in zip(kept, spreads, strict=True):
        assert spread is not None
        expected = values.mean(), values.std(correction=0), values.min(), values.max()
        found = spread.mean, spread.deviation, spread.low, spread.high
        torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), torch.stack(expected))


def test_planted_dead_and_saturated_units_are_counted() -> None:
    class Planted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 5, 3), nn.Linear(5, 8)
            with torch.no_grad():
                self.first.bias[:2] = -100.0  # type: ignore[index]
                self.second.bias[:3] = torch.tensor([50.0, -50.0, 50.0])  # type: ignore[index]

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.first(x)).mean((2, 3))
            return torch.sigmoid(self.second(x))

    torch.manual_seed(0)
    explanation = pl.inspect(Planted(), "source", torch.randn(40, 1, 6, 6), batch_size=7)
    spreads = {o.name: o.spread for o in source_of(explanation).operations}
    assert spreads["relu"] is not None and spreads["sigmoid"] is not None
    assert (spreads["relu"].units, spreads["relu"].share_dead, spreads["relu"].share_saturated) == (5, 0.4, 0.0)
    assert (spreads["sigmoid"].units, spreads["sigmoid"].share_dead, spreads["sigmoid"].share_saturated) == (8, 0.0, 0.375)
    assert "2 of 5 units never fire" in pl.annotated_source(explanation)
    assert "8 个单元中 3 个始终饱和" in pl.annotated_source(explanation, language="zh-CN")


def test_values_that_are_no_numbers_are_said() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.log().nan_to_num(0.0, neginf=-9.0)

    explanation = pl.inspect(Broken(), "source", torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    spread = source_of(explanation).operations[0].spread
    assert spread is not None and spread.not_finite == 2 and spread.mean == 0.0
    assert spread.low == 0.0 and spread.high == 0.0


def test_relevance_is_that_of_a_slow_twin() -> None:
    net, x = network("mlp"), rows("mlp").requires_grad_()
    first = functional.relu(net.fc1(x))  # type: ignore[operator]
    second = functional.relu(net.fc2(first))  # type: ignore[operator]
    score = net.out(second)[:, 1].sum()  # type: ignore[operator]
    values = (x, first, second)
    flows = [float((g * v).abs().sum().detach()) for g, v in zip(torch.autograd.grad(score, values), values, strict=True)]
    seen = source_of(inspected("mlp", pl.Class(1)))
    found = [o.relevance for o in seen.operations if o.name == "relu"]
    assert found == pytest.approx([flows[1] / flows[0], flows[2] / flows[0]])
    assert seen.target == "class 1"


def test_relevance_follows_in_place_operations_loops_and_tokens() -> None:
    for name in ("residual", "loop", "transformer"):
        seen = source_of(inspected(name, pl.Class(1)))
        reached = [o for o in seen.operations if o.relevance is not None]
        assert len(reached) == len(seen.operations) - (name == "transformer")  # a look-up of tokens has no gradient
        assert all(o.relevance > 0 for o in reached if o.relevance is not None)


# ---- what has no source --------------------------------------------------------------------------------------------------------

TEXT = (
    "from torch import nn\n"
    "class Net(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.fc = nn.Linear(4, 3)\n"
    "    def forward(self, x):\n"
    "        return self.fc(x).relu()\n"
)


def made_from_text(path: str) -> nn.Module:
    names: dict[str, Any] = {"__name__": "typed"}
    exec(compile(TEXT, path, "exec"), names)
    return names["Net"]()


def typed() -> nn.Module:
    return made_from_text("<stdin>")


def exported() -> nn.Module:
    rows = torch.export.Dim("rows", min=1, max=64)
    program = torch.export.export(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (torch.randn(5, 4),), dynamic_shapes=({0: rows},))
    return program.module(check_guards=False)


@pytest.mark.parametrize(
    ("make", "why", "words"),
    [
        (typed, "typed", "typed in or made from text"),
        (exported, "generated", "torch wrote this code"),
        (lambda: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 3), nn.ReLU())), "generated", "torch wrote this code"),
        (lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU()), "", "No code of yours"),
        (lambda: torch.compile(nn.Sequential(nn.Linear(4, 3), nn.ReLU())), "", "No code of yours"),
    ],
    ids=("typed", "exported", "traced", "plain", "compiled"),
)
def test_without_source_the_modules_stand_for_lines(make: Callable[[], nn.Module], why: str, words: str) -> None:
    explanation = pl.inspect(make(), "source", torch.randn(6, 4))
    seen = source_of(explanation)
    assert not seen.functions and [missing.why for missing in seen.missing] == ([why] if why else [])
    scene = inside(explanation)
    assert [panel.id for panel in scene.panels] == ["modules"] and len(scene.panels[0].table.rows) == 2
    assert any(words in note for note in scene.notes)
    assert "no line of source" in explanation.narrate()
    with pytest.raises(pl.PellucidError, match="There is no source to write comments into"):
        pl.annotated_source(explanation)


def test_a_cell_of_a_notebook_is_a_source() -> None:
    name = "<ipython-input-7-4f3a>"
    linecache.cache[name] = (len(TEXT), None, TEXT.splitlines(keepends=True), name)
    try:
        explanation = pl.inspect(made_from_text(name), "source", torch.randn(6, 4))
        assert source_of(explanation).files[0].cell
        assert "#= 3 weighted sums of 4 values each [fc]" in pl.annotated_source(explanation)
    finally:
        del linecache.cache[name]


def test_a_file_that_was_changed_after_it_was_loaded_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(TEXT)
    net = made_from_text(str(path))
    path.write_text("# one line more\n" + TEXT)
    seen = source_of(pl.inspect(net, "source", torch.randn(6, 4)))
    assert not seen.functions and [missing.why for missing in seen.missing] == ["changed"]


def test_rows_that_take_another_branch_are_said() -> None:
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            if x[0, 0] > 0:
                return self.fc(x)
            return -self.fc(x)

    explanation = pl.inspect(Branch(), "source", torch.cat([torch.ones(4, 2), -torch.ones(3, 2)]), batch_size=2)
    seen = source_of(explanation)
    assert (seen.rows, seen.apart) == (4, 3)
    assert any("3 rows took other branches" in note for note in inside(explanation).notes)


def test_needs_rows() -> None:
    with pytest.raises(pl.PellucidError, match="seen on rows"):
        pl.inspect(recurrent.Net(), "source")


@pytest.mark.parametrize("target", [None, pl.Class(1)], ids=("plain", "with relevance"))
def test_no_trace_is_left(target: Any) -> None:
    net, x = busy()
    before = record(net, x)
    pl.inspect(net, pl.LookAtSource(target=target), x)
    assert differences(before, record(net, x)) == []


def test_the_same_twice() -> None:
    net = residual.Net().eval()
    said = [pl.annotated_source(pl.inspect(net, "source", rows("residual").float()), times=False) for _ in range(2)]
    assert said[0] == said[1]
