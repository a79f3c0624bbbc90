"""A function is no module: each inspection says what it needs of one, and what works instead does."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import CapabilityError
from pellucid.methods.internals.registry import INSPECTIONS, inspection_class

ROWS = np.random.default_rng(0).normal(size=(20, 2))


def scores(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows) @ np.array([[1.0, -1.0], [0.5, 2.0]])


NEEDS = {
    "structure": "structure looks at the operations of a torch module's forward pass",
    "source": "source looks at the operations of a torch module's forward pass",
    "activations": "activations looks at the operations of a torch module's forward pass",
    "representations": "representations looks at what the layers of a torch module give",
    "feature_visualization": "feature_visualization looks at the gradients of a torch module",
    "pruning": "pruning looks at the operations of a torch module's forward pass",
    "gradient_flow": "gradient_flow looks at the gradients of a torch module",
    "loss_landscape": "loss_landscape looks at the weights of a torch module",
    "weights": "weights looks at the weights of a torch module",
}


@pytest.mark.parametrize("what", [what for what in INSPECTIONS if inspection_class(what).needs])
def test_what_needs_a_module_says_so(what: str) -> None:
    with pytest.raises(CapabilityError) as caught:
        pl.inspect(scores, what, ROWS)
    said = str(caught.value)
    assert said.startswith(NEEDS[what]) and "the function scores" in said
    assert "give the torch.nn.Module that it calls" in said and "decision_boundary" in said and "'occlusion'" in said


def test_what_is_said_to_work_works() -> None:
    found = pl.inspect(scores, "decision_boundary", ROWS)
    assert found.content is not None
    assert pl.explain(scores, ROWS[:1], method="occlusion").values is not None
