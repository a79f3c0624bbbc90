# ruff: noqa: RUF001 (signs of set text are meant)
"""The words in pictures of weights, in English."""

from __future__ import annotations

WEIGHTS: dict[str, str] = {
    "method.weights": "Weights",
    "weights.kind.dense": "dense",
    "weights.kind.convolution": "convolution",
    "weights.kind.recurrent": "recurrent",
    "weights.kind.attention": "attention",
    "weights.kind.embedding": "embedding",
    "weights.kind.gain": "gain",
    "weights.kind.bias": "bias",
    "weights.kind.other": "other",
    "weights.some": "{shown} of {count} weights shown, those with most parameters; the table has all",
    "weights.tied": "{name}: also used as {others}",
    "weights.made": "{name}: as the network applies it ({made})",
    "weights.strange": "{name}: {count} elements are not finite and are left out",
    # all layers
    "weights.layers.title": "{model}: {parameters} parameters in {count} weights",
    "weights.layers.spread": "Widest in {widest}, narrowest in {narrowest}",
    "weights.layers.summary": (
        "{count} weights; standard deviation from {narrow} ({narrowest}) to {wide} ({widest}); stable rank lowest in {lowest}: {rank} "
        "of {full}"
    ),
    "weights.layers.outer": "5 % to 95 % of the weights",
    "weights.layers.inner": "25 % to 75 %",
    "weights.layers.median": "median",
    "weights.layers.label": "{name}: 90 % of {size} weights from {low} to {high}, median {median}",
    "weights.layers.weight": "weight",
    "weights.layers.rank": "Lowest stable rank: {rank} of {full} in {name}",
    "weights.layers.share": "stable rank, % of the shorter side",
    "weights.layers.ranked": "{name}: stable rank {rank} of {full}",
    "weights.layers.note": (
        "Stable rank: squared Frobenius norm over squared largest singular value. A convolution is taken as the matrix of its kernels "
        "(unit × input channel and place). Biases and gains are in the table."
    ),
    # norms
    "weights.norms.title": "{model}: how large its weights are",
    "weights.norms.rms": "Root mean square largest in {name}: {value}",
    "weights.norms.rms_axis": "root mean square of the weights",
    "weights.norms.spectral": "Largest singular value in {name}: {value}",
    "weights.norms.spectral_axis": "largest singular value",
    "weights.norms.summary": "Root mean square from {low} to {high}; the largest singular value is {spectral} in {name}",
    "weights.norms.note": (
        "The largest singular value is the most by which a layer's matrix can lengthen what comes in; of a convolution, what comes in at "
        "one place."
    ),
    # table
    "weights.column.name": "weight",
    "weights.column.kind": "kind",
    "weights.column.shape": "shape",
    "weights.column.size": "elements",
    "weights.column.mean": "mean",
    "weights.column.deviation": "deviation",
    "weights.column.low": "lowest",
    "weights.column.high": "highest",
    "weights.column.norm": "norm",
    "weights.column.spectral": "σ max",
    "weights.column.rank": "stable rank",
    "weights.column.zeros": "zeros",
    # one layer's distribution
    "weights.distribution.title": "How the weights of {name} are distributed",
    "weights.distribution.finding": "{size} weights around {median}; half of them from {low} to {high}",
    "weights.distribution.summary": (
        "{name}: {size} weights, mean {mean}, standard deviation {deviation}, from {least} to {most}; half from {low} to {high}"
    ),
    "weights.distribution.normal": "a normal distribution of this mean and deviation",
    "weights.distribution.quantiles": "5 %, 50 % and 95 %",
    "weights.distribution.zeros": "{count} elements are exactly 0",
    "weights.quantile": "quantile",
    # heat map
    "weights.matrix.title": "The weights of {name}",
    "weights.matrix.finding": "{units} units with {inputs} inputs each; the largest weight is {value} (unit {unit}, input {input})",
    "weights.matrix.blocks": "{shown} cells of {count} weights: each the mean of {high} × {wide} weights; the largest mean is {value}",
    "weights.matrix.unit": "unit",
    "weights.matrix.input": "input",
    "weights.matrix.channel": "input channel and place in the kernel",
    "weights.matrix.column": "dimension",
    "weights.matrix.row": "entry",
    "weights.weight": "weight",
    "weights.mean_weight": "mean weight of a block",
    "weights.cut": "colors end at {value}; the largest is {largest}",
    # kernels
    "weights.kernels.title": "The kernels of {name}",
    "weights.kernels.all": "{units} units × {inputs} inputs, kernels of {size}",
    "weights.kernels.some": "{shown} of {count} kernels shown: those of the units and inputs with the largest weights",
    "weights.kernels.grid": "units by number in rows; the {inputs} input channels of each side by side",
    "weights.kernels.single": "units by number in rows",
    "weights.kernels.norm": "largest: unit {unit}, norm {value}",
    "weights.kernels.colors": "The same as colors; gray is 0",
    "weights.kernels.unit": "unit",
    "weights.kernels.input": "input channel",
    "weights.kernels.slice": "input channel and slice",
    # rows in the plane
    "weights.embedding.title": "The rows of {name} in the plane",
    "weights.embedding.pca": "The first two principal axes hold {share} of the variance of {count} rows of {wide} numbers",
    "weights.embedding.tsne": "t-SNE of {count} rows of {wide} numbers: near rows stay near, distances and sizes of groups mean nothing",
    "weights.embedding.drawn": "{shown} of {count} rows, drawn at random",
    "weights.embedding.axis": "principal axis {number} ({share})",
    "weights.embedding.tsne_axis": "t-SNE axis {number}",
    "weights.embedding.norm": "norm of the row",
    "weights.embedding.rows": "rows",
    "weights.embedding.row": "row {row}: {label}",
    "weights.embedding.named": "row {row}",
    # singular values
    "weights.spectrum.title": "The singular values of {name}",
    "weights.spectrum.finding": "{above} of {count} lie above what independent random weights reach; stable rank {rank}",
    "weights.spectrum.summary": "{name}: singular values from {high} down to {low}, stable rank {rank} of {full}; {above} lie above {edge}",
    "weights.spectrum.leading": (
        "the leading {shown} of {count} singular values, found from random directions (Halko et al. 2011), from below"
    ),
    "weights.spectrum.value": "singular value",
    "weights.spectrum.number": "singular value by size, the largest first",
    "weights.spectrum.edge": "largest of a matrix of independent random weights of the same size and mean square",
    "weights.spectrum.share": "half of the squared norm is in the first {count}",
    # units
    "weights.units.title": "The units of {name}",
    "weights.units.found": "{dead} of {count} units are dead, {doubled} have a near-duplicate",
    "weights.units.constant": "{count} give the same value whatever comes in",
    "weights.units.difference": "difference from the most similar unit, %",
    "weights.units.label.outgoing": "cosine of what goes out {cosine}",
    "weights.units.units": "units",
    "weights.units.norm": "norm of the incoming weights",
    "weights.units.outgoing": "norm of the outgoing weights",
    "weights.units.goes": "What {name} gives is read by {next}",
    "weights.units.goes_many": "What {name} gives is read by {next} and {count} more",
    "weights.units.limit": "near-duplicates up to {limit}",
    "weights.units.plain": "other units",
    "weights.units.dead": "dead",
    "weights.units.still": "constant",
    "weights.units.doubled": "near-duplicate",
    "weights.units.label": "unit {unit}: incoming norm {norm}",
    "weights.units.label.near": "unit {unit}: incoming norm {norm}; differs by {difference} from unit {nearest}",
    "weights.units.label.silent": "unit {unit}: all outgoing weights are 0",
    "weights.units.label.off": "unit {unit}: all incoming weights are 0, and so is what it gives",
    "weights.units.label.constant": "unit {unit}: all incoming weights are 0; it always gives the same",
    "weights.units.label.row": "unit {row}: {label}",
    "weights.units.all": "All layers: {dead} of {count} units are dead, {doubled} have a near-duplicate",
    "weights.units.layers": "{shown} of {count} layers",
    "weights.units.near": (
        "Near-duplicates: scaled to incoming weights of norm 1, two units differ by at most {limit} (cosine {cosine}), biases included and "
        "batch normalization folded in. By chance at most one in a thousand units of this layer would come as near: {count} units, "
        "directions of {dimension} dimensions."
    ),
    "weights.units.chance": (
        "Near-duplicates: scaled to incoming weights of norm 1, two units differ by at most {limit} (cosine {cosine}), biases included and "
        "batch normalization folded in. Chance sets this limit: with {count} units in directions of {dimension} dimensions at most one "
        "unit in a thousand comes as near."
    ),
    "weights.units.rule": (
        "Dead: all outgoing weights are 0, or all incoming ones and what the activation makes of the bias. 0 is what is at most "
        "{smallest} of the layer's largest norm or of the unit's own bias: rounding."
    ),
    "weights.units.rows": "Which layers read a unit is known from the given rows.",
    "weights.units.guess": "Which layers read a unit is known from a run on rows of zeros of shape {shape}.",
    "weights.units.none": (
        "Which layers read a unit is not known, so that no outgoing weights are seen: give data on which the network runs."
    ),
    "weights.units.draw": "{shown} of {count} units, drawn at random, were compared with one another.",
    "weights.column.layer": "layer",
    "weights.column.units": "units",
    "weights.column.dead": "dead",
    "weights.column.constant": "constant",
    "weights.column.doubled": "near-duplicates",
    "weights.column.limit": "limit",
    "weights.column.dimension": "dimensions",
    # initial and trained
    "weights.change.title": "What the training changed in {model}",
    "weights.change.relative": "{name} changed most: by {share} of its initial norm",
    "weights.change.relative_axis": "change, % of the initial norm",
    "weights.change.angle": "{name} turned most: by {angle}°",
    "weights.change.angle_axis": "angle between initial and trained, °",
    "weights.change.units": "In {name}, unit {unit} moved most: by {share} of a usual initial unit",
    "weights.change.units_some": "the {shown} of {count} that moved most",
    "weights.change.units_axis": "change, % of a usual unit's initial norm",
    "weights.change.unit": "unit {unit}",
    "weights.change.summary": "From {low} ({lowest}) to {high} ({highest}) of the initial norm",
    "weights.change.note": "A usual unit's initial norm: the root mean square over the units of the layer.",
    "weights.column.change": "change",
    "weights.column.angle": "angle, °",
}  # fmt: skip
