"""Keras on torch: exported, and read as a list of torch operations with Keras' own layer names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import UnsupportedOperation
from pellucid.explanation.spec import ModelSpec
from pellucid.models.programs.exported_reader import ExportedReader
from pellucid.models.programs.passes import simplified
from pellucid.models.programs.program import Program
from pellucid.models.read_model import hashed
from pellucid.models.twin_model import Twin, as_tensors


class _Evaluating(nn.Module):
    """A Keras model called as it is at inference."""

    def __init__(self, model: Any, names: tuple[str, ...]) -> None:  # noqa: ANN401
        super().__init__()
        self.model, self._names = model, names

    def forward(self, *inputs: Tensor) -> Any:  # noqa: ANN401
        return self.model(packed(inputs, self._names), training=False)


def packed(inputs: tuple[Any, ...], names: tuple[str, ...]) -> Any:  # noqa: ANN401
    """Inputs as a Keras model takes them: one alone, several as a list, or by name."""
    if names:
        return dict(zip(names, inputs, strict=True))
    return inputs[0] if len(inputs) == 1 else list(inputs)


@dataclass(frozen=True, eq=False)
class KerasTorchSource:
    """A Keras model on the torch backend."""

    owner: Any
    name: str
    names: tuple[str, ...] = ()  # of the inputs, where they are given by name

    @property
    def framework(self) -> tuple[str, str]:
        """Keras and its version."""
        return "Keras on torch", keras.__version__

    @property
    def dtype(self) -> torch.dtype | None:
        """In which it computes."""
        return next((v.value.dtype for v in self.owner.variables if v.value.is_floating_point()), None)

    def version(self) -> object:
        """Where the variables lie and how often they were written to."""
        return tuple((v.value.data_ptr(), v.value._version) for v in self.owner.variables)

    def fingerprint(self) -> str:
        """A hash of all variables."""
        return hashed(v.value.detach().cpu().numpy() for v in self.owner.variables)

    def twin(self, example: tuple[Tensor, ...]) -> Twin:
        """The network as torch operations."""
        rows = tuple(t[:1].repeat_interleave(3, 0) for t in example)
        dynamic = (tuple({0: torch.export.Dim.DYNAMIC} for _ in rows),)
        try:
            program = torch.export.export(_Evaluating(self.owner, self.names), rows, dynamic_shapes=dynamic, strict=False)
        except Exception as error:  # whatever a forward does that can not be exported, such as a branch on values
            raise UnsupportedOperation(
                "torch.export can not follow this network",
                received=str(error).partition("\n")[0][:80] or "its forward",
                remedy="use it as it is",
            ) from error
        paths = {v.value.data_ptr(): v.path.replace("/", ".") for v in self.owner.variables}
        read = ExportedReader().read(program, paths)
        return Twin(Program(simplified(read, rows)), self.evaluate, self.name, self.framework)

    def bridge(self, example: tuple[Tensor, ...], spec: ModelSpec, reason: str) -> Twin:  # noqa: ARG002
        """The network as the torch module that it is; its layers can not be told apart."""
        return Twin(self.owner, self.evaluate, self.name, self.framework, holds=True)

    def evaluate(self, *inputs: np.ndarray) -> Any:  # noqa: ANN401
        """What Keras answers."""
        with torch.no_grad():
            return as_tensors(self.owner(packed(tuple(map(torch.from_numpy, inputs)), self.names), training=False))
