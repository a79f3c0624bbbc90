# ruff: noqa: RUF001 (signs of set text are meant)
"""The words of a network's structure and of its annotated source in English."""

from __future__ import annotations

STRUCTURE: dict[str, str] = {
    "method.source": "Annotated source",
    "method.structure": "Structure",
    "layers.title": "Layers",
    "layers.finding": "{count} layers, {parameters} parameters",
    "layers.summary": "{count} layers with {parameters} parameters; most in {name} ({most})",
    "layer.type": "type",
    "layer.shape": "output shape",
    "layer.parameters": "parameters",
    "layer.flops": "FLOPs",
    "layer.elements": "element-wise",
    "layer.memory": "output memory",
    "layer.time": "ms",
    "layer.idle": "not called",
    "layers.note": (
        "FLOPs: two for every multiply-add of matrix, convolution, attention and recurrent operations, for one row; element-wise work "
        "is counted in elements. Times are of {rows} rows, in the fastest of a few passes."
    ),
    "neurons.title": "The units of {model} and their weights",
    "neurons.sizes": "{sizes} units",
    "neurons.finding": "The largest weight is in {layer}: {first} to {second}, {value}",
    "neurons.summary": "{units} units, {edges} weights that are not 0",
    "neurons.cut": "{name}: {shown} of {count} units shown, those with the largest weights.",
    "neurons.note": "Width and color: the size of a weight beside the largest one of its layer.",
    "neurons.from": "from",
    "neurons.to": "to",
    "neurons.weight": "weight",
    "neurons.weights": "weights",
    "neurons.strongest": "The {shown} strongest of {count} weights shown",
    "neurons.positive": "positive weight",
    "neurons.negative": "negative weight",
    "neurons.feature": "input {number}",
    "neurons.unit": "{layer} unit {number}",
    "neurons.bias": "{unit} (bias {bias})",
    "structure.title": "{model}: {parameters} parameters, {flops} FLOPs for one row",
    "structure.folded": "{operations} operations drawn as {blocks} blocks: modules opened {depth} deep",
    "structure.whole": "all {operations} operations",
    "structure.input": "input",
    "structure.block": "block",
    "structure.chain": "From input to output, one block after another",
    "structure.flow": "From input to output; connections that skip blocks: {skips}",
    "structure.summary": "{model}: {parameters} parameters, {flops} FLOPs a row; blocks: {blocks}, connections that skip some: {skips}",
    "structure.skip": "skips blocks",
    "structure.weighted": "has parameters",
    "structure.joining": "joins several values",
    "structure.plain": "no parameters",
    "structure.label": "{name}: gives {shape}; {parameters} parameters, {flops} FLOPs",
    "structure.cost": "Most work is in {name}: {share} of all FLOPs",
    "structure.share": "share of FLOPs, %",
    "source.title": "{model}, line by line",
    "source.line": "line",
    "source.code": "code",
    "source.computes": "what it computes",
    "source.gives": "{text} → {shape}",
    "source.cost": "cost of one row",
    "source.seen": "values on {rows} rows",
    "source.call": "call {number} of {count}",
    "source.call.in": "call {number} of {count} ({module})",
    "source.like": "{call}, as call {number}",
    "source.more": "{count} more calls in between",
    "source.into": "runs {function} ({count} operations)",
    "source.into.times": "runs {function} {times} times ({count} operations)",
    "source.group": "{module} ({type}, {count} operations: {list})",
    "source.of": "{text} [{module}]",
    "source.rows": "rows",
    "source.scalar": "one number",
    "source.parameters": "{count}\u00a0parameters",
    "source.flops": "{count}\u00a0FLOPs",
    "source.values": "mean {mean} ± {deviation}, {low} … {high}",
    "source.not_finite": "{count} values are no finite numbers",
    "source.and": ", ",
    "source.then": "; ",
    "source.colon": ": ",
    "source.dead": "{count} of {units} units never fire",
    "source.saturated": "{count} of {units} units always saturated",
    "source.awake": "no dead or saturated unit among {units}",
    "source.relevance": "relevance {share} of the input's",
    "source.function": "{name}: FLOPs and time for one row, values of {rows} rows",
    "source.function.in": "{name} of {modules}: FLOPs and time for one row, values of {rows} rows",
    "source.note": (
        "FLOPs: two for every multiply-add of matrix, convolution, attention and recurrent operations, for one row. Time: of "
        "one row in the fastest batch. A unit never fires where every value lies at the flat side on which its activation function "
        "is 0; it is saturated where every value lies at another flat end."
    ),
    "source.note.relevance": (
        "Relevance: the sum of |gradient × activation| over what a line gives, for {target}, as a part of the same sum over "
        "the input. It adds up to nothing, and is above 100 % where positive and negative parts cancel."
    ),
    "source.short.relevance": "relevance: |gradient × activation| for {target}, as a part of the same sum over the input",
    "source.predicted": "what the network predicts for each row",
    "source.apart": "{apart} rows took other branches than the first ones and are not in these numbers.",
    "source.summary": "Operations: {operations}; lines of code that run them: {lines}; functions: {functions}",
    "source.missing.generated": (
        "{name}: torch wrote this code when the program was exported or traced; there is no source of yours to show."
    ),
    "source.missing.typed": "{name}: typed in or made from text, so its source was not kept.",
    "source.missing.changed": "{name}: its file was changed after it was loaded; reload it, or start Python again.",
    "source.missing.none": "{name}: there is no source, as for compiled code.",
    "source.bare": (
        "No code of yours lies between the network and torch's own layers, as in a plain nn.Sequential: its modules stand for lines."
    ),
    "source.module": "module",
    "source.modules": "Where there is no source: the modules",
}
