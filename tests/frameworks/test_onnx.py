"""Networks exported from torch by both of its exporters: the same answers as ONNX Runtime, the same explanations as the original's."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from frameworks.onnx_graphs import exported, graph, node
from frameworks.onnx_networks import Decoder, Recurrent, Residual, Tokens, Transformer, UNet, cnn, mlp
from pellucid.errors import CapabilityError, InputError, ModelError, UnsupportedOperation
from pellucid.models.inputs import collect
from pellucid.models.read_model import ReadModel
from pellucid.models.wrap import wrap

pytestmark = [pytest.mark.usefixtures("exporter"), pytest.mark.filterwarnings("ignore")]
ROWS = 4


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (mlp, (6,)), "cnn": (cnn, (3, 8, 8)), "residual": (Residual, (3, 8, 8)), "transformer": (Transformer, (5, 6)),
    "lstm": (lambda: Recurrent("LSTM"), (5, 4)), "gru": (lambda: Recurrent("GRU"), (5, 4)), "rnn": (lambda: Recurrent("RNN"), (5, 4)),
    "tokens": (Tokens, (5,)), "unet": (UNet, (1, 8, 8)),
}  # fmt: skip
PLAIN = tuple(name for name in NETWORKS if name not in ("rnn", "gru"))
SPACE = ("cnn", "residual", "unet")
METHODS = ["gradient", "integrated_gradients", "deeplift", "lrp", "occlusion", "shap", "lime", "gradcam"]


@cache
def original(name: str) -> tuple[nn.Module, Tensor]:
    """A network with the statistics of a trained one, and rows for it."""
    torch.manual_seed(1)
    make, shape = NETWORKS[name]
    net = make().eval()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
            if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_()
    return net, torch.randint(0, 20, (ROWS, *shape)) if name == "tokens" else torch.randn(ROWS, *shape)


@cache
def written(name: str, *, dynamo: bool, rows: int = 0) -> onnx.ModelProto:
    """The network as ONNX, for any number of rows or for so many."""
    net, x = original(name)
    return exported(net, x[: rows or 2], dynamo=dynamo, fixed=bool(rows))


def answers(model: Any, x: Tensor, spec: pl.ModelSpec | None = None) -> Tensor:
    inputs = collect(x, spec or pl.ModelSpec())
    with wrap(model, spec).open(inputs, mode="eval") as bound:
        return bound.outputs(bound.values, torch.arange(len(x)))


def values(explanation: pl.Explanation) -> np.ndarray:
    return np.asarray(explanation.values)


BOTH = pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "trace"])


FIXED = [(name, rows, dynamo) for name in NETWORKS for rows in (0, 1) for dynamo in (True, False)]
FIXED += [(name, rows, False) for name in ("mlp", "cnn", "transformer", "lstm") for rows in (2, 3)]
EXPLAINED = [(name, method) for name in PLAIN for method in METHODS if method != "gradcam" or name in SPACE]


@pytest.mark.parametrize(("name", "rows", "dynamo"), FIXED)
def test_answers_are_those_of_onnx_runtime_and_of_torch(name: str, rows: int, dynamo: bool) -> None:
    net, x = original(name)
    model = written(name, dynamo=dynamo, rows=rows)
    found = answers(model, x)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    given = x.numpy()
    asked = [given[i : i + rows] for i in range(0, ROWS, rows)] if rows in (1, 2) else [given] if not rows else []
    theirs = np.concatenate([session.run(None, {"x0": part})[0] for part in asked]) if asked else found.numpy()
    scale = float(net(x).abs().max())
    assert np.abs(found.numpy() - theirs).max() <= 1e-5 * scale
    assert float((found - net(x)).detach().abs().max()) <= 1e-5 * scale


@BOTH
@pytest.mark.parametrize(("name", "method"), EXPLAINED)
def test_explanations_are_those_of_the_original(name: str, method: str, dynamo: bool) -> None:
    net, x = original(name)
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tokens", blank=0),)) if name == "tokens" else None
    model = written(name, dynamo=dynamo)
    found, expected = (values(pl.explain(one, x[:2], method, target=1, spec=spec)) for one in (model, net))
    wide = x.double() if x.is_floating_point() else x
    exact = values(pl.explain(_double(name), wide[:2], method, target=1, spec=spec))
    rounding = np.abs(expected - exact).max()  # of float32, by torch itself
    assert np.abs(found - expected).max() <= 10 * rounding + 1e-6 * np.abs(expected).max()


@cache
def _double(name: str) -> nn.Module:
    import copy

    return copy.deepcopy(original(name)[0]).double()


@BOTH
@pytest.mark.parametrize("method", ["integrated_gradients", "deeplift", "lrp", "attention_rollout"])
def test_a_decoder_with_tied_weights_and_rows_of_which_all_is_masked(method: str, dynamo: bool) -> None:
    torch.manual_seed(0)
    net, ids, mask = Decoder().eval(), torch.randint(0, 30, (3, 7)), torch.ones(3, 7, dtype=torch.long)
    mask[1, :3] = 0  # the first places see nothing at all
    model = exported(net, ids, mask, dynamo=dynamo)
    found, expected = (values(pl.explain(one, (ids, mask), method, target=1)) for one in (model, net))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@BOTH
def test_layers_have_the_names_of_modules(dynamo: bool) -> None:
    net, x = original("transformer")
    model = wrap(written("transformer", dynamo=dynamo))
    assert isinstance(model, ReadModel)
    ours = {name for name, _ in model.model(collect(x, pl.ModelSpec())).net.named_modules()}
    own = {name for name, module in net.named_modules() if isinstance(module, nn.Linear | nn.LayerNorm) and "out_proj" not in name}
    assert own <= ours


@pytest.mark.parametrize("look", ["structure", "activations", "weights"])
def test_one_can_look_inside(look: str) -> None:
    _, x = original("residual")
    found = pl.inspect(written("residual", dynamo=True), look, x)
    assert found.narrate("en")
    if look == "structure":
        kinds = {operation.name for operation in found.content.operations}
        assert {"conv2d", "relu", "linear"} <= kinds
        assert sum(operation.parameters for operation in found.content.operations) > 500


def test_a_session_is_asked_and_left_as_it_was() -> None:
    net, x = original("cnn")
    session = onnxruntime.InferenceSession(written("cnn", dynamo=True).SerializeToString())
    before, held = session.run(None, {"x0": x.numpy()})[0], set(vars(session))
    found = values(pl.explain(session, x, "integrated_gradients", target=1))
    expected = values(pl.explain(net, x, "integrated_gradients", target=1))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert set(vars(session)) == held
    assert (session.run(None, {"x0": x.numpy()})[0] == before).all()


def test_a_session_is_let_go() -> None:
    _, x = original("mlp")
    wrapped = wrap(onnxruntime.InferenceSession(written("mlp", dynamo=True).SerializeToString()))
    found = values(pl.explain(wrapped, x, "gradient", target=1))  # nobody but the wrapped model holds the session
    assert np.isfinite(found).all()
    gone = weakref.ref(wrapped.source.holder)
    del wrapped
    gc.collect()
    assert gone() is None


def test_a_model_is_left_as_it_was_and_read_anew_when_it_changes() -> None:
    _, x = original("mlp")
    model = onnx.ModelProto()
    model.CopyFrom(written("mlp", dynamo=True))
    before = model.SerializeToString(deterministic=True)
    first = answers(model, x)
    assert model.SerializeToString(deterministic=True) == before
    bias = next(one for one in model.graph.initializer if one.name == "4.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 1, bias.name))
    torch.testing.assert_close(answers(model, x), first + 1, rtol=1e-5, atol=1e-5)


def test_inputs_come_by_name_in_any_order() -> None:
    left, right = torch.randn(3, 4), torch.randn(3, 2)
    held = {"a": np.ones((4, 2), np.float32)}
    model = graph(
        [node("MatMul", ["left", "a"], ["h"]), node("Mul", ["h", "right"])], {"left": left.numpy(), "right": right.numpy()}, constants=held
    )
    for given in ({"left": left, "right": right}, {"right": right, "left": left}):
        found = pl.explain(model, given, "integrated_gradients", target=0)
        assert set(found.values) == {"left", "right"}
        np.testing.assert_allclose(found.values["right"].sum(), (found.values["left"].sum()), rtol=1e-3)
    with pytest.raises(InputError, match="do not fit the ONNX model"):
        pl.explain(model, {"left": left, "wrong": right}, "gradient", target=0)
    with pytest.raises(InputError, match="fit"):
        pl.explain(model, left, "gradient", target=0)


def partly_known() -> tuple[onnx.ModelProto, np.ndarray]:
    """A CNN with an activation that only ONNX Runtime has, and pictures for it."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(4, 3, 12, 12)).astype(np.float32)
    held = {
        "first.weight": draw.normal(size=(6, 3, 3, 3)) / 3, "second.weight": draw.normal(size=(8, 6, 3, 3)) / 5,
        "head.weight": draw.normal(size=(8, 4)),
    }  # fmt: skip
    nodes = [
        node("Conv", ["x", "first.weight"], ["a"]), node("QuickGelu", ["a"], ["b"], domain="com.microsoft", alpha=1.7),
        node("Conv", ["b", "second.weight"], ["c"], strides=[2, 2]), node("Relu", ["c"], ["d"]),
        node("GlobalAveragePool", ["d"], ["e"]), node("Flatten", ["e"], ["f"]), node("MatMul", ["f", "head.weight"]),
    ]  # fmt: skip
    model = graph(nodes, {"x": x}, constants={name: value.astype(np.float32) for name, value in held.items()})
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    return model, x


def test_layers_of_a_network_with_an_operator_that_torch_lacks() -> None:
    model, x = partly_known()
    wrapped = wrap(model)
    assert wrapped.can == {"layers", "graph"}
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in "abd")
    *_, a, b, d = onnxruntime.InferenceSession(shown.SerializeToString()).run(None, {"x": x})
    with wrapped.open(collect(x, pl.ModelSpec()), mode="eval") as bound:
        _, found = bound.layer_outputs(bound.values, torch.arange(4), layers=("first", "quickgelu", "relu"))
    for expected, own in zip((a, b, d), found, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-5)
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="image"),))
    assert "quickgelu" in str(pl.inspect(model, "representations", np.concatenate([x, x + 1, x - 1]), spec=spec).content)
    assert [one.name for one in pl.inspect(model, "structure", x, spec=spec).content.operations][:3] == ["conv2d", "quickgelu", "conv2d"]
    assert pl.inspect(model, "activations", x, spec=spec).narrate("en")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    function = pl.explain(lambda rows: session.run(None, {"x": rows})[0], x, "occlusion", target=1, spec=spec)
    np.testing.assert_allclose(values(pl.explain(model, x, "occlusion", target=1, spec=spec)), values(function), atol=1e-5)
    assert np.isfinite(values(pl.explain(session, x, pl.ScoreCAM(layer="quickgelu"), target=1, spec=spec))).all()
    for method in ("gradient", "lrp", "gradcam"):
        with pytest.raises(CapabilityError, match=r"com\.microsoft\.QuickGelu"):
            pl.explain(model, x, method, target=1, spec=spec)


def test_attention_behind_an_operator_that_torch_lacks_is_left_out() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(9, 5, 4)).astype(np.float32)
    nodes = [
        node("QuickGelu", ["x"], ["g"], domain="com.microsoft"), node("Transpose", ["g"], ["t"], perm=[0, 2, 1]),
        node("MatMul", ["g", "t"], ["s"]), node("Softmax", ["s"], ["p"], axis=-1), node("MatMul", ["p", "g"], ["m"]),
        node("MatMul", ["m", "out.weight"]),
    ]  # fmt: skip
    model = graph(nodes, {"x": x}, constants={"out.weight": draw.normal(size=(4, 3)).astype(np.float32)})
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    found = pl.inspect(model, "activations", x)
    assert not found.content.attention
    with pytest.raises(CapabilityError, match="QuickGelu"):
        pl.explain(model, x, "attention", target=0)


def test_what_can_not_be_taken_apart_is_a_function() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    unique = [node("Unique", ["x"], ["u"], axis=1), node("ReduceSum", ["u"], ["s"], keepdims=1), node("Mul", ["x", "s"])]
    chance = [*unique[:2], node("RandomNormalLike", ["x"], ["r"], scale=1e-9), node("Add", ["r", "s"])]
    pieces = [*unique[:2], node("SplitToSequence", ["x"], ["q"], axis=1), node("ConcatFromSequence", ["q"], axis=1)]
    body = onnx.helper.make_graph(
        [node("Add", ["before", "now"], ["sum"]), node("Identity", ["sum"], ["kept"])], "body",
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [3]) for name in ("before", "now")],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [3]) for name in ("sum", "kept")],
    )  # fmt: skip
    start = [*unique[:2], node("ReduceSum", ["x", "zero"], ["begin"], keepdims=0)]
    loop = [*start, node("Scan", ["begin", "x"], ["last", "y"], body=body, num_scan_inputs=1)]
    with pytest.raises(CapabilityError):
        pl.inspect(graph(loop, {"x": x}, constants={"zero": np.array([0])}), "structure", x)
    for what in ("structure", "activations", "structure"):
        with pytest.raises(CapabilityError, match=what):
            pl.inspect(graph(pieces, {"x": x}), what, x)
    for nodes in (unique, chance, pieces):
        model = graph(nodes, {"x": x})
        with pytest.raises(CapabilityError, match="Unique"):
            pl.explain(model, x, "gradient", target=0)
        assert np.isfinite(values(pl.explain(model, x, "occlusion", target=0))).all()
    assert not wrap(graph(chance, {"x": x})).can
    words = np.array([["a"], ["b"]])
    lower = [node("StringNormalizer", ["x"], ["n"], case_change_action="LOWER"), node("StringConcat", ["n", "n"])]
    assert not wrap(graph(lower, {"x": words.astype(object)})).can


def test_names_of_classes_are_in_the_metadata() -> None:
    model = onnx.ModelProto()
    model.CopyFrom(written("mlp", dynamo=True))
    for text in ("['a', 'b', 'c']", "{0: 'a', 1: 'b', 2: 'c'}", "a,b,c"):
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {"names": text})
        assert wrap(model).spec.class_names == ("a", "b", "c")


def test_one_of_several_outputs_is_chosen_by_name() -> None:
    x = np.ones((3, 2), np.float32)
    model = graph([node("Exp", ["x"], ["p"]), node("Neg", ["x"], ["q"])], {"x": x}, ("p", "q"))
    with pytest.raises(ModelError, match="several outputs"):
        answers(model, torch.from_numpy(x))
    spec = pl.ModelSpec(select="q")
    assert answers(model, torch.from_numpy(x), spec).tolist() == [[-1.0, -1.0]] * 3


def test_a_wrapped_model_is_taken_as_it_is() -> None:
    wrapped = wrap(written("mlp", dynamo=True))
    assert wrap(wrapped) is wrapped
    assert wrap(wrapped, pl.ModelSpec(outputs="values")).spec.outputs == "values"


def test_what_can_not_be_read_is_named() -> None:
    x = np.ones((3, 2, 4), np.float32)
    condition = [node("ReduceSum", ["x"], ["s"], keepdims=0), node("Cast", ["s"], ["c"], to=onnx.TensorProto.BOOL)]
    branch = onnx.helper.make_graph(
        [node("Identity", ["x"], ["z"])], "branch", [], [onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, None)]
    )
    model = graph([*condition, node("If", ["c"], then_branch=branch, else_branch=branch)], {"x": x})
    with pytest.raises(UnsupportedOperation, match="where the input decides"):
        answers(model, torch.from_numpy(x))
