"""Where an explanation comes from: enough to make it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# what a value is: a part of the score, how the score reacts to a change, a map without a unit whose sign speaks for or against the target,
# or a size that says how much and not which way
Meaning = Literal["contribution", "slope", "map", "magnitude"]
# what is known against a method, whatever it is used on: it hardly depends on what the network learned; attention is not what decides;
# it is the same for every target
Caution = Literal["", "fails_randomization", "attention_is_not_importance", "ignores_target"]

BETWEEN = " | "  # between the names of several baselines
IMPORTED = " (imported)"  # ends the name of a method that another tool computed; before it stands what that tool calls itself
FUSED = " + "  # between the names of layers whose maps are fused


@dataclass(frozen=True)
class Provenance:
    """How an explanation was made.

    Attributes:
        method: the method's id, or a name that ends in " (imported)" where another tool computed the values;
            ``parameters`` its fields as text.
        target: what was explained, as the user would write it.
        scale: what the explained score is: ``logit``, ``log-odds``, ``probability`` or ``value``.
        baseline: what the method compared with, by input name, several baselines separated by " | "; the in-fill of checks is named in
            each check.
        mode: ``eval`` or ``as_is`` (the caller's train/eval flags kept).
        dtype, device, batch: how the model was run; ``batch`` is the largest number of rows in one call.
        versions: of pellucid, numpy, torch.
        model_fingerprint, input_fingerprint: hashes of parameters and of inputs.
        evaluations, check_evaluations: model rows spent on the method and on the checks (a gradient row counts as one).
        seconds, check_seconds: wall time likewise.
        guesses: what was guessed about the model or data, each a sentence.
        meaning: what a value of this method is.
        caution: what is known against the method, "" if nothing is; the verdict is then ``weak`` at best.
        choices: what the method decided by itself, such as the rule by which it integrated, each a sentence.
    """

    method: str
    parameters: dict[str, str]
    target: str
    scale: Literal["logit", "log-odds", "probability", "value"]
    baseline: dict[str, str]
    mode: Literal["eval", "as_is"]
    dtype: str
    device: str
    batch: int
    seed: int
    versions: dict[str, str]
    model: str
    model_fingerprint: str
    input_fingerprint: str
    evaluations: int
    check_evaluations: int
    seconds: float
    check_seconds: float
    guesses: tuple[str, ...] = ()
    meaning: Meaning = "map"
    caution: Caution = ""
    choices: tuple[str, ...] = ()
