"""The words in pictures of gradient flows in English."""

from __future__ import annotations

FLOW: dict[str, str] = {
    "method.gradient_flow": "Gradient flow",
    "flow.title": "Where the gradient leads: {x} and {y}",
    "flow.surface.title": "The loss as a surface, seen from the side",
    "flow.surface.finding": "{x} grows to the right, {y} into the picture, the loss upwards",
    "flow.surface.high": "the darker, the higher the loss",
    "flow.about": "{loss}, mean of {rows} rows",
    "flow.finding": "Gradient from {least} to {most} on this plane",
    "flow.told": "{count} checkpoints, loss {first} to {last}",
    "flow.arrow": "downhill",
    "flow.way": "training, from the large dot",
    "flow.at": "gradient {size} on the plane, {whole} in all",
    "flow.gradient": "gradient along {name}",
    "flow.off": "off the plane",
    "flow.note.parameters": "The other {others} parameters stay as they are in the network.",
    "flow.note.trajectory": ("The plane holds {share} of the squared distances of all checkpoints from the network; the rest lies off it."),
    "flow.note.arrows": (
        "An arrow points against the gradient at its beginning; its length grows with the fourth root of the gradient. Momentum and "
        "Adam do not follow arrows."
    ),
}
