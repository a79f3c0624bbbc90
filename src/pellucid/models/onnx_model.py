"""ONNX: ``onnx.ModelProto``. Its graph is read as torch operations (:mod:`pellucid.models.programs`), held against ONNX Runtime's answers.

An operator that has no counterpart in torch is computed by ONNX Runtime, alone in a graph of its own: layers can be looked at, and there is
no gradient. Where that can not be done, as for operators on text, the model is a function of its inputs.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from weakref import WeakSet

import numpy as np
import onnx
import onnx.inliner
import torch
from torch import Tensor

from pellucid.errors import InputError, ModelError, UnsupportedOperation
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.models.function_model import FunctionModel
from pellucid.models.inputs import RowInputs
from pellucid.models.programs.onnx_operators import TABLE
from pellucid.models.programs.onnx_reader import OnnxReader
from pellucid.models.programs.passes import simplified
from pellucid.models.programs.program import Program
from pellucid.models.protocol import Capability
from pellucid.models.read_model import ReadModel
from pellucid.models.twin_model import SEEN, Twin, as_tensors, completed

CLASS_NAMES = ("class_names", "classes", "labels", "names")  # keys of metadata under which exporters write them
REMEMBERED = 4  # models, the last ones that were given
PLAIN_DOMAINS = ("", "ai.onnx")
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
BLACK_BOX = "use a black-box method such as 'occlusion'"
CHANCE = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial")


def adapt(model: Any, spec: ModelSpec | None) -> ReadModel | FunctionModel | None:  # noqa: ANN401
    """The model interface of an ONNX model; None if it is none."""
    return behind_interface(_remembered(model), spec) if isinstance(model, onnx.ModelProto) else None


def behind_interface(source: OnnxSource, spec: ModelSpec | None) -> ReadModel | FunctionModel:
    """A network, of which ONNX Runtime computes the operators that are not known."""
    known = completed(spec, source.known)
    if not source.foreign:
        return ReadModel(source, known)
    return PartlyRead(source, known) if source.parts else OnnxFunction(source, known)


@dataclass(frozen=True, eq=False)
class OnnxSource:
    """An ONNX model.

    Attributes:
        run: named arrays, for as many rows as the model takes at once, to the list of its outputs.
        owner: lives as long as the model, and stands for it.
        holder: what must not be gone while the model is used.
        given: the names under which rows come, in their order; () for the model's own order.
    """

    model: onnx.ModelProto
    run: Callable[[dict[str, np.ndarray]], Sequence[np.ndarray]]
    runner: tuple[str, str]
    owner: Any
    hashed: str
    holder: Any = None
    given: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The graph's name, or that of what wrote it."""
        return self.model.graph.name or self.model.producer_name or "onnx"

    @property
    def framework(self) -> tuple[str, str]:
        """What evaluates it, and its version."""
        return self.runner

    @cached_property
    def flat(self) -> onnx.ModelProto:
        """The model without functions: its own are written out, and those of ONNX for which torch has no operation."""
        model = onnx.inliner.inline_local_functions(self.model) if self.model.functions else self.model
        foreign = [one for one in operators(model.graph) if one not in _known()]
        if not any(domain in PLAIN_DOMAINS and onnx.defs.has(kind) for domain, kind in foreign):
            return model
        return onnx.inliner.inline_selected_functions(model, foreign, inline_schema_functions=True)

    @cached_property
    def foreign(self) -> tuple[str, ...]:
        """Operators that have no counterpart in torch."""
        found = dict.fromkeys(one for one in operators(self.flat.graph) if one not in _known())
        return tuple(f"{domain}.{kind}".removeprefix(".") for domain, kind in found)

    @cached_property
    def parts(self) -> bool:
        """Whether rows are numbers, and each operator gives the same whenever it is asked, so that it may be computed apart."""
        floats = all(one.type.tensor_type.elem_type in FLOATS for one in self.inputs)
        whole = any(node.domain not in PLAIN_DOMAINS or node.op_type not in TABLE for node in self.flat.graph.node if _has_graphs(node))
        return floats and not whole and not any(kind in CHANCE for _, kind in operators(self.flat.graph))

    @cached_property
    def inputs(self) -> tuple[onnx.ValueInfoProto, ...]:
        """What comes from outside."""
        held = {one.name for one in self.model.graph.initializer}
        return tuple(one for one in self.model.graph.input if one.name not in held)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs, in the order in which rows come."""
        return self.given or tuple(one.name for one in self.inputs)

    @cached_property
    def batch(self) -> int:
        """The number of rows to which the model is fixed; 0 where it takes any."""
        shapes = [one.type.tensor_type.shape.dim for one in self.inputs]
        return next((int(dims[0].dim_value) for dims in shapes if len(dims) > 1 and dims[0].dim_value > 0), 0)

    @cached_property
    def known(self) -> ModelSpec:
        """Names of inputs, where there are several, and of classes, where the model holds them."""
        inputs = tuple(InputSpec(name=one.name) for one in self.inputs) if len(self.inputs) > 1 else ()
        return ModelSpec(inputs=inputs, class_names=class_names(self.model))

    def version(self) -> object:
        """The bytes of the model."""
        return self.hashed, self.given

    def fingerprint(self) -> str:
        """A hash of the whole model."""
        return self.hashed

    @property
    def dtype(self) -> torch.dtype | None:
        """That of the first input with fractions, or else of the first parameter."""
        kinds = (*(one.type.tensor_type.elem_type for one in self.inputs), *(one.data_type for one in self.model.graph.initializer))
        names = (onnx.helper.tensor_dtype_to_np_dtype(kind).name for kind in kinds if kind)
        return next((getattr(torch, name) for name in names if name in ("float32", "float64", "float16", "bfloat16")), None)

    def named(self, names: tuple[str, ...]) -> OnnxSource:
        """The same model for rows that come by name."""
        legal = {one.name for one in self.inputs}
        if set(names) != legal:
            raise InputError("The inputs do not fit the ONNX model", received=", ".join(names), remedy=f"give {', '.join(sorted(legal))}")
        return replace(self, given=names)

    def twin(self, example: tuple[Tensor, ...]) -> Twin:
        """The network as torch operations."""
        if len(example) != len(self.names):
            received = f"{len(example)} inputs"
            raise InputError("The inputs do not fit the ONNX model", received=received, remedy=f"give {', '.join(self.names)}, as a dict")
        version = next((one.version for one in self.flat.opset_import if one.domain in PLAIN_DOMAINS), 1)
        read = OnnxReader(version, self.batch, self._alone if self.parts else lambda _: None).read(self.flat.graph, self.names, example)
        guesses = (f"{self.name}: written for {self.batch} rows at a time; it is explained as if for any",) if self.batch else ()
        if any(kind == "QuantizeLinear" for _, kind in operators(self.flat.graph)):
            guesses += (f"{self.name}: it rounds to whole numbers on the way, through which no gradient passes",)

        net = Program(simplified(read, example))
        return Twin(net, self.evaluate, self.name, self.framework, self.known, guesses, partly=bool(self.foreign))

    def _alone(self, node: onnx.NodeProto) -> Callable[..., Any] | None:
        """A node as a function of tensors, without gradient; None for one with graphs inside, which may take what is around it."""
        if _has_graphs(node):
            return None
        names, outputs = tuple(filter(None, node.input)), [onnx.helper.make_empty_tensor_value_info(one) for one in node.output if one]
        runs: dict[tuple[str, ...], Any] = {}  # by the dtypes of what goes in

        def compute(*given: Tensor) -> Any:  # noqa: ANN401
            arrays = {name: np.ascontiguousarray(one.detach().cpu().numpy()) for name, one in zip(names, given, strict=True)}
            kinds = tuple(array.dtype.name for array in arrays.values())
            if kinds not in runs:
                inputs = [
                    onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim)
                    for name, array in arrays.items()
                ]
                graph = onnx.helper.make_graph([node], node.op_type, inputs, outputs)
                model = onnx.helper.make_model(graph, opset_imports=self.flat.opset_import, ir_version=self.flat.ir_version)
                runs[kinds] = _runner(model.SerializeToString(), model)[0]
            try:
                made = [torch.from_numpy(np.array(one)) for one in runs[kinds](arrays)]
            except Exception as error:  # those of ONNX Runtime have no common class; or what it gives are no numbers
                told = f"{node.op_type}: {str(error).splitlines()[0][:120]}"
                raise UnsupportedOperation("This operator can not be computed alone", received=told, remedy=BLACK_BOX) from error
            return tuple(made) if len(made) > 1 else made[0]

        return compute

    def evaluate(self, *rows: np.ndarray, **named: np.ndarray) -> Any:  # noqa: ANN401
        """What ONNX Runtime answers, a tensor, or a dict of tensors by name where there are several."""
        given = named or dict(zip(self.names, rows, strict=True))
        kinds = {one.name: onnx.helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type) for one in self.inputs}
        arrays = {name: np.ascontiguousarray(array, kinds[name]) for name, array in given.items()}
        outputs = self._in_parts(arrays) if self.batch else self.run(arrays)
        titles = [one.name for one in self.model.graph.output]
        found = {
            title: as_tensors(one)
            for title, one in zip(titles, outputs, strict=True)
            if isinstance(one, np.ndarray) and one.dtype.kind in "fiub"
        }
        return next(iter(found.values())) if len(found) == 1 else found

    def _in_parts(self, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        """So many rows at a time as the model takes; the last ones are filled up with the last row."""
        count, made = len(next(iter(arrays.values()))), []
        for start in range(0, count, self.batch):
            part = {name: array[start : start + self.batch] for name, array in arrays.items()}
            short = self.batch - len(next(iter(part.values())))
            made.append(
                self.run({name: np.concatenate([one, np.repeat(one[-1:], short, 0)]) if short else one for name, one in part.items()})
            )
        return [np.concatenate(outputs)[:count] for outputs in zip(*made, strict=True)]


def _has_graphs(node: onnx.NodeProto) -> bool:
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


class PartlyRead(ReadModel):
    """An ONNX model with operators that torch does not have. Without gradients and rules; a function where it can not be taken apart."""

    source: OnnxSource

    @property
    def can(self) -> frozenset[Capability]:  # type: ignore[override]
        """What is seen of it, until it is known to be a function."""
        return frozenset() if self.source.owner in _WHOLE else SEEN

    def model(self, inputs: RowInputs) -> Any:  # noqa: ANN401
        """The network read for rows of this shape, or the function."""
        if self.source.owner not in _WHOLE and not (inputs.frame and inputs.frame.categorical):
            try:
                return super().model(inputs)
            except UnsupportedOperation:
                _WHOLE.add(self.source.owner)
        return OnnxFunction(self.source.named(inputs.keywords) if inputs.keywords else self.source, self.spec)

    def why_not(self, capability: Capability) -> str:
        """It names the operator."""
        return OnnxFunction(self.source, self.spec).why_not(capability)


class OnnxFunction(FunctionModel):
    """An ONNX model with operators that torch does not have: a function of its inputs."""

    def __init__(self, source: OnnxSource, spec: ModelSpec) -> None:
        super().__init__(source.evaluate, spec)
        self.source, self.name = source, source.name

    @property
    def owner(self) -> object:
        """What stands for the user's model."""
        return self.source.owner

    def why_not(self, capability: Capability) -> str:
        """It names the operator."""
        foreign = ", ".join(self.source.foreign[:3])
        lacking = f"the ONNX operator {foreign} has no counterpart in torch, which leaves no {capability}"
        return f"{lacking}; {BLACK_BOX}"

    def respecified(self, spec: ModelSpec) -> OnnxFunction:
        """The same function with another spec."""
        return OnnxFunction(self.source, spec)

    def fingerprint(self) -> str:
        """A hash of the whole model."""
        return self.source.fingerprint()


_WHOLE: WeakSet[Any] = WeakSet()  # owners of models that could not be taken apart


class Owner:
    """Stands for a model, which nothing can refer to weakly."""


_SOURCES: dict[str, OnnxSource] = {}


def _remembered(model: onnx.ModelProto) -> OnnxSource:
    """The source of a model with these very bytes."""
    try:
        data = model.SerializeToString(deterministic=True)
    except ValueError as error:
        raise ModelError(
            "The ONNX model is too large to be handled in memory", received="over 2 GB", remedy="explain a smaller one"
        ) from error
    key = hashlib.sha256(data).hexdigest()[:16]
    if key not in _SOURCES:
        while len(_SOURCES) >= REMEMBERED:
            del _SOURCES[next(iter(_SOURCES))]
        copy = onnx.ModelProto()
        copy.ParseFromString(data)
        _SOURCES[key] = OnnxSource(copy, *_runner(data, copy), Owner(), key)
    return _SOURCES[key]


def _runner(data: bytes, model: onnx.ModelProto) -> tuple[Callable[[dict[str, np.ndarray]], Any], tuple[str, str]]:
    """What evaluates a model: ONNX Runtime, or the reference of ONNX where that is not installed."""
    if find_spec("onnxruntime"):
        return import_module("pellucid.models.onnxruntime_model").runner(data)
    from onnx.reference import ReferenceEvaluator

    reference = ReferenceEvaluator(model)
    return lambda arrays: reference.run(None, arrays), ("ONNX", onnx.__version__)


def operators(graph: onnx.GraphProto) -> Iterator[tuple[str, str]]:
    """(domain, operator) of all nodes, those in graphs inside nodes included."""
    for node in graph.node:
        yield node.domain, node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from operators(attribute.g)


def _known() -> frozenset[tuple[str, str]]:
    return frozenset((domain, kind) for domain in PLAIN_DOMAINS for kind in TABLE)


def class_names(model: onnx.ModelProto) -> tuple[str, ...]:
    """The names of classes in the metadata of a model, written as a list or as a dict by number; () where there are none."""
    for entry in model.metadata_props:
        if entry.key in CLASS_NAMES:
            try:
                found: Any = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                found = [part.strip() for part in entry.value.split("," if "," in entry.value else "\n") if part.strip()]
            if isinstance(found, dict) and sorted(found) == list(range(len(found))):
                found = [found[i] for i in range(len(found))]
            if isinstance(found, (list, tuple)):
                return tuple(map(str, found))
    return ()
