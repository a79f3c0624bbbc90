"""The English sentences on faults of a training."""

from __future__ import annotations

TRAINING = {
    "diagnosis.step": "Seen at step {first}.",
    "diagnosis.steps": "Seen at steps {first} to {last}.",
    "diagnosis.where": "Where: {layers}.",
    "diagnosis.where.more": "Where: {layers}, and {more} more.",
    "diagnosis.not_finite.found": (
        "From step {step} on, numbers are infinite or not a number; among {total} losses that were told, {count} are not finite."
    ),
    "diagnosis.not_finite.cause": (
        "Likely a value that is missing in the data, a logarithm or root of 0, a division by 0, or steps so large that numbers overflow."
    ),
    "diagnosis.not_finite.try": (
        "Check the inputs for what is not finite; take losses that begin from logits; lower the learning rate or clip the gradient."
    ),
    "diagnosis.unbounded_loss.found": "The loss falls below 0 faster and faster: from {first} to {last}.",
    "diagnosis.unbounded_loss.cause": (
        "Likely its sign is wrong, or nothing holds it from below, so it can be lowered for ever without learning."
    ),
    "diagnosis.unbounded_loss.try": "Check the sign of each term of the loss, and which value a perfect network would reach.",
    "diagnosis.broadcast_loss.found": (
        "The loss compares each of {rows} rows with all {rows}: output and target were spread to a square of {rows} by {rows}."
    ),
    "diagnosis.broadcast_loss.cause": (
        "The output has the shape (rows, 1) and the target (rows,), or the other way round; what is learned is the mean of all targets."
    ),
    "diagnosis.broadcast_loss.try": "Give both the same shape, such as net(x).squeeze(1), or target.unsqueeze(1).",
    "diagnosis.unreached_parameters.found": (
        "Layers whose parameters got no gradient, or one of exactly 0, at all {frames} steps that were looked at: {layers}."
    ),
    "diagnosis.unreached_parameters.cause": (
        "Likely the way from the loss is cut: a detach(), a no_grad(), a step through numpy, an output that the loss leaves out, "
        "or units behind it that are all dead."
    ),
    "diagnosis.unreached_parameters.try": (
        "Follow the output of this layer to the loss; where the layer shall not be trained, set requires_grad to False, and "
        "this is not said."
    ),
    "diagnosis.unused_layers.found": "Layers that have parameters but never ran in the training: {layers}.",
    "diagnosis.unused_layers.cause": "Likely they were made and then forgotten in forward(), or another layer is called in their place.",
    "diagnosis.unused_layers.try": "Call them in forward(), or take them out.",
    "diagnosis.equal_units.found": "Layers all of whose units still have the same weights after training began: {layers}.",
    "diagnosis.equal_units.cause": (
        "They began with the same value, so all units get the same gradient and stay alike: the layer does the work of a single unit."
    ),
    "diagnosis.equal_units.try": (
        "Draw the weights at random (Kaiming, Xavier); only biases and the scales of normalizations may begin alike."
    ),
    "diagnosis.initialization_shrinks.found": (
        "At the beginning the signal fades with depth: the spread of outputs goes from {first} in the first layer to {last} "
        "in the last hidden one, "
        "{ratio} times as much."
    ),
    "diagnosis.initialization_shrinks.cause": "Likely the weights were drawn too small for the number of inputs of their layer.",
    "diagnosis.initialization_shrinks.try": "Draw them by Kaiming or Xavier, or put a normalization between the layers.",
    "diagnosis.initialization_grows.found": (
        "At the beginning the signal grows with depth: the spread of outputs goes from {first} in the first layer to {last} "
        "in the last hidden one, "
        "{ratio} times as much."
    ),
    "diagnosis.initialization_grows.cause": "Likely the weights were drawn too large for the number of inputs of their layer.",
    "diagnosis.initialization_grows.try": "Draw them by Kaiming or Xavier, or put a normalization between the layers.",
    "diagnosis.dead_rectifiers.found": (
        "Rectifiers are dead: of the units of the worst layer {share} gave 0 for every row looked at; "
        "{layers} of {of} such layers have lost half of their units or more."
    ),
    "diagnosis.dead_rectifiers.cause": (
        "Likely a step that was too large pushed the biases far below 0, or they began there; no gradient passes and the units stay silent."
    ),
    "diagnosis.dead_rectifiers.try": "Lower the learning rate, begin with biases at 0, normalize the inputs, or take LeakyReLU or GELU.",
    "diagnosis.saturated_units.found": (
        "Sigmoid or tanh units are saturated: in the worst layer {share} of the values lie where the slope is less than a "
        "twentieth of its largest; "
        "layers concerned: {layers} of {of}."
    ),
    "diagnosis.saturated_units.cause": (
        "Likely the weights before them are too large or the inputs are not scaled; hardly any gradient passes."
    ),
    "diagnosis.saturated_units.try": "Scale the inputs to a spread of 1, draw smaller weights (Xavier), or normalize before these units.",
    "diagnosis.vanishing_gradients.found": (
        "Gradients vanish on their way back: that of the first layer is {ratio} times the largest; layers below a thousandth: {layers}."
    ),
    "diagnosis.vanishing_gradients.cause": (
        "Likely many sigmoid or tanh layers in a row, or weights that are too small, shrink it at each layer."
    ),
    "diagnosis.vanishing_gradients.try": (
        "Take rectifiers, residual connections or normalizations, draw larger weights, or take fewer layers."
    ),
    "diagnosis.exploding_gradients.found": "Gradients explode: the whole gradient is {ratio} times as long as the weights themselves.",
    "diagnosis.exploding_gradients.cause": (
        "Likely weights that are too large multiply it at each layer or time step, or inputs or targets are not scaled."
    ),
    "diagnosis.exploding_gradients.try": (
        "Clip the gradient (clip_grad_norm_), scale inputs and targets, draw smaller weights, lower the learning rate."
    ),
    "diagnosis.learning_rate_too_high.found": (
        "Single steps changed a typical layer by up to {ratio} of its size, and the loss does not come down for good: "
        "{first} at first, up to {largest}, {last} now, at a learning rate of {rate}."
    ),
    "diagnosis.learning_rate_too_high.cause": "Likely the learning rate is too high: about 0.001 of the size per step is usual.",
    "diagnosis.learning_rate_too_high.try": "Divide the learning rate by 10, begin with a warm-up, or clip the gradient.",
    "diagnosis.learning_rate_too_low.found": (
        "A step changes a typical layer by only {ratio} of its size, and the loss hardly moves: {first} at first, {last} now, "
        "at a learning rate of {rate}."
    ),
    "diagnosis.learning_rate_too_low.cause": (
        "Likely the learning rate is too low: about 0.001 of the size per step is usual. In fine-tuning it may be meant."
    ),
    "diagnosis.learning_rate_too_low.try": "Multiply the learning rate by 10, and again, until the loss falls.",
    "diagnosis.class_collapse.found": (
        "The network answers class {class} for all {rows} pinned rows, though only {share} of them are of this class."
    ),
    "diagnosis.class_collapse.cause": (
        "Likely class weights or unequal classes that drive it to one answer, or a network that no longer reacts to its input."
    ),
    "diagnosis.class_collapse.try": "Check class weights and labels, and whether the layers before the output still react to the input.",
    "diagnosis.no_better_than_base_rate.found": (
        "On the {rows} pinned rows the network is right in {share}; always answering the most common class would be right in {base_share} "
        "(p = {p}). Its scores and the true classes correlate by {correlation}, where learning gives more than 0.4."
    ),
    "diagnosis.no_better_than_base_rate.cause": (
        "Likely the labels do not belong to the inputs, the inputs do not say enough, or the network does not learn, for a "
        "reason named beside."
    ),
    "diagnosis.no_better_than_base_rate.try": (
        "See that inputs and labels are shuffled together; try to learn twenty rows by heart; compare with a linear model."
    ),
    "diagnosis.no_better_than_mean.found": (
        "On the {rows} pinned rows the network is nearer to the truth than their mean is in {share}; guessing gives {base_share} (p = {p})."
    ),
    "diagnosis.no_better_than_mean.cause": (
        "Likely the targets do not belong to the inputs, the inputs do not say enough, or the network does not learn, for a "
        "reason named beside."
    ),
    "diagnosis.no_better_than_mean.try": (
        "See that inputs and targets are shuffled together; scale the targets; try to learn twenty rows by heart; compare "
        "with a linear model."
    ),
    "diagnosis.overfitting.found": (
        "Since step {step} the held-out loss rises, from {lowest} to {last}, while that of the training falls from "
        "{train_then} to {train_now}."
    ),
    "diagnosis.overfitting.cause": "The network learns its training rows by heart: too few rows for its size, or too long a training.",
    "diagnosis.overfitting.try": "Stop at that step, gather or augment data, add weight decay or dropout, or take a smaller network.",
}
