# ruff: noqa: RUF001 (signs of set text are meant)
"""The words in pictures of loss landscapes in English."""

from __future__ import annotations

LANDSCAPE: dict[str, str] = {
    "method.loss_landscape": "Loss landscape",
    "landscape.cross_entropy": "cross-entropy",
    "landscape.mse": "mean squared error",
    "landscape.loss": "loss",
    "landscape.accuracy": "accuracy",
    "landscape.surface.title": "The loss around the weights of {model}, {count} points",
    "landscape.surface.finding": "Loss {own} at the trained weights, from {least} to {most} on this plane",
    "landscape.accuracy.finding": "Accuracy {own} at the trained weights, down to {least} on this plane",
    "landscape.along.random": "a slice along two random directions, filter-normalized",
    "landscape.along.hessian": "a slice along the two top eigenvectors of the Hessian",
    "landscape.along.trajectory": "a slice along the training: {share} of the squared distances of {count} checkpoints",
    "landscape.rows": "{loss}, mean of {rows} rows",
    "landscape.axis.random": "random direction {number}",
    "landscape.axis.hessian": "eigenvector {number} (eigenvalue {value}), distance",
    "landscape.axis.trajectory": "direction {number} ({share}), distance",
    "landscape.scale": "loss, from {least} to {most}",
    "landscape.scale.log": "log₁₀ of the loss, which goes from {least} to {most}",
    "landscape.scale.accuracy": "share of rows answered rightly",
    "landscape.contour": "contour lines of equal loss",
    "landscape.level": "loss {value}",
    "landscape.model": "the trained weights",
    "landscape.path": "checkpoints, seen at a right angle",
    "landscape.start": "first checkpoint",
    "landscape.end": "last checkpoint",
    "landscape.checkpoint": "checkpoint {number}: loss {loss}, {off} off the plane",
    "landscape.note.random": (
        "Two random directions are a slice, not the landscape. At 1 every filter has moved by its own length (Li et al. 2018); "
        "{still} of {parameters} parameters (biases, normalization layers) stay."
    ),
    "landscape.note.hessian": "Along these two directions the loss bends most at the trained weights; other directions are flatter there.",
    "landscape.note.trajectory": (
        "Checkpoints lie {off} off the plane (median) and up to {most}: the color under them is the loss of the plane, not their own."
    ),
    "landscape.note.eval": "The network's buffers (the statistics of batch normalization) stay as they are.",
    "landscape.note.beyond": "Gray: the loss is too large for numbers.",
    "landscape.summary": "{finding}; {about}",
    "landscape.a": "first direction",
    "landscape.b": "second direction",
    "landscape.lines.title": "The loss of {model} along two lines through its weights",
    "landscape.lines.loss": "Loss {own} at 0, up to {far} away from it",
    "landscape.lines.accuracy": "Accuracy {own} at 0, down to {far} away from it",
    "landscape.direction.random": "random direction {number}",
    "landscape.direction.hessian": "eigenvector {number}",
    "landscape.direction.trajectory": "direction {number}",
    "landscape.lines.axis.random": "along the direction, in lengths of the filters",
    "landscape.lines.axis.distance": "distance from the trained weights",
    "landscape.lines.axis.log": "loss, log scale",
    "landscape.quadratic": "as the eigenvalue alone foretells",
    "landscape.point": "{position}: {value}",
    "landscape.between.title": "From {model} straight to another {other}",
    "landscape.between.none": "No barrier: the loss never rises above the line between both ends",
    "landscape.between.barrier": "A barrier of {barrier} at {at}: the loss rises that far above the line between both ends",
    "landscape.between.accuracy": "Accuracy {first} and {last} at the ends, lowest {least} on the way",
    "landscape.between.axis": "0 = {model}, 1 = the other network",
    "landscape.between.line": "line between both ends",
    "landscape.between.note": (
        "Straight lines only: networks with a barrier between them can be joined by a curve, or by another order of their units."
    ),
    "landscape.between.distance": "{distance} apart in the space of the weights",
    "landscape.spectrum.title": "Curvature of the loss of {model} at its weights",
    "landscape.spectrum.finding": "Sharpness {value}, the largest eigenvalue of the Hessian",
    "landscape.spectrum.stable": "Sharpness {value}, below 2 / learning rate = {limit}",
    "landscape.spectrum.unstable": "Sharpness {value}, above 2 / learning rate = {limit}",
    "landscape.spectrum.axis": "eigenvalue",
    "landscape.spectrum.limit": "2 / learning rate",
    "landscape.spectrum.name": "λ{number}",
    "landscape.spectrum.bar": "λ{number} = {value}, residual {residual}",
    "landscape.spectrum.residual": "residual ‖Hv − λv‖",
    "landscape.spectrum.trace": "trace {value} ± {error} (standard error, {probes} probes)",
    "landscape.spectrum.about": "lowest value found {lowest} (residual at most {residual})",
    "landscape.spectrum.steps": "{steps} steps of Lanczos",
    "landscape.spectrum.gradient": "norm of the gradient {gradient}",
    "landscape.spectrum.note.double_backward": (
        "Exact Hessian-vector products (double backward). Sharpness alone does not say how a network generalizes."
    ),
    "landscape.spectrum.note.differences": (
        "Hessian-vector products are central differences of gradients, since torch can not differentiate twice here ({why}). "
        "Sharpness alone does not say how a network generalizes."
    ),
}
