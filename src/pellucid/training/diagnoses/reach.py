"""Parameters that the loss does not reach, and layers that never run."""

from __future__ import annotations

from pellucid.training.diagnoses.by_layer import layer_of
from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding

FRAMES = 3  # of layers, that a branch which some steps leave out is not called unreached


def unreached(evidence: Evidence) -> Finding | None:
    """Parameters that run but never get a gradient, though they are to be trained."""
    silent = [layer for layer in _silent(evidence) if layer not in _never_ran(evidence)]
    return _found("unreached_parameters", silent, evidence)


def unused(evidence: Evidence) -> Finding | None:
    """Layers with parameters that never ran and never got a gradient."""
    return _found("unused_layers", _never_ran(evidence), evidence)


def _found(diagnosis: str, layers: list[str], evidence: Evidence) -> Finding | None:
    if not layers:
        return None
    numbers = (("layers", float(len(layers))), ("frames", float(len(evidence.layers))))
    return Finding(diagnosis, "error" if diagnosis.startswith("unreached") else "warning", evidence.layers.span, numbers, tuple(layers))


def _silent(evidence: Evidence) -> list[str]:
    """Layers none of whose parameters had a gradient other than 0 at any frame."""
    several = len(evidence.facts.get("optimizers", ())) > 1  # that take turns: at the step of one, the others have no gradients
    if several or len(evidence.layers) < FRAMES or all(frame.gradients is None for frame in evidence.layers.frames):
        return []
    reached: set[str] = set()
    for frame in evidence.layers.frames:
        if frame.gradients is not None:
            reached |= {name for name, norm in zip(frame.gradients.names, frame.gradients.norm, strict=True) if norm != 0}
    frozen = set(evidence.facts.get("frozen", ()))
    told = [str(event.details.get("layer")) for event in evidence.events.frames if event.what == "freeze"]
    known = [name for name in evidence.layers.frames[-1].weights.names if name not in frozen and not _inside(name, told)]
    layers = list(dict.fromkeys(layer_of(name) for name in known))
    return [layer for layer in layers if not any(layer_of(name) == layer for name in reached)]


def _never_ran(evidence: Evidence) -> list[str]:
    """Silent layers that no forward pass went through; none is known where activations were not seen in the training itself."""
    if not len(evidence.activations) or evidence.activations.frames[-1].pinned:
        return []
    ran = {layer for frame in evidence.activations.frames for layer in frame.layers}
    return [layer for layer in _silent(evidence) if not any(one == layer or one.startswith(f"{layer}.") for one in ran)]


def _inside(name: str, layers: list[str]) -> bool:
    return any(name == layer or name.startswith(f"{layer}.") for layer in layers)
