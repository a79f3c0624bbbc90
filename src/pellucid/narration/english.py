# ruff: noqa: RUF001 (the multiplication sign and real quotation marks are meant)
"""The English sentences. The Chinese catalog has the same keys and the same fields; a test compares them."""

from __future__ import annotations

from pellucid.narration.inside_english import INSIDE
from pellucid.narration.training_english import TRAINING

ENGLISH = {
    "quote": "“{name}”",
    "list.separator": ", ",
    "list.last": " and ",
    "list.clause": "; ",
    "list.sentence": " ",
    "name.the output": "the output",
    "unknown": "not stated",
    # the network itself
    "quality.guessing": (
        "This network is no better than guessing: {metric} {value} (95 % interval {low} to {high}), and guessing by the base "
        "rate gives {base}. Whatever is said below explains a network that has learned nothing of use."
    ),
    "quality.guessing.plain": (
        "This network is no better than guessing by the base rate. Whatever is said below explains a network that has learned "
        "nothing of use."
    ),
    "metric.accuracy": "accuracy",
    "metric.rmse": "root mean squared error",
    # what it decided
    "decision.only_just": "The network says {name} with a probability of {p}, only just ahead of {second} with {p2}.",
    "decision.ahead": "The network says {name} with a probability of {p}, ahead of {second} with {p2}.",
    "decision.far": "The network says {name} with a probability of {p}, far ahead of {second} with {p2}.",
    "decision.label": "The network gives {name} a probability of {p}.",
    "decision.value": "The network gives {name} the value {value}.",
    "decision.class": "The network says {name}; its outputs can not be read as probabilities.",
    "decision.right": "The true label is {truth}: the network is right.",
    "decision.wrong": "The true label is {truth}: the network is wrong.",
    "decision.truth": "The true value is {truth}.",
    "decision.other": "What is explained here is not that answer but {name}, with a probability of {p}.",
    "decision.other.score": "What is explained here is not that answer but {name}, with a score of {value}.",
    # what carried it
    "reasons.supported": "These carried the score of {target}: {items}.",
    "reasons.unstable": "These probably carried the score of {target}, though their order changes with the random seed: {items}.",
    "reasons.cautioned": "The method names these for {target}; the checks bear it out, but the method itself is open to doubt: {items}.",
    "reasons.weak": "These are named for {target}, but the checks can not tell them apart from a random choice: {items}.",
    "reasons.unchecked": "The method names these for {target}; no check has shown that it is right: {items}.",
    "reasons.together": "Together they hold {share} of all attribution over {count} entries.",
    "item.raises": "{name} raises it by {amount} ({share})",
    "item.lowers": "{name} lowers it by {amount} ({share})",
    "item.unsure": "{name}, whose sign can not be told ({amount} ± {error}; {share})",
    "item.up": "{name} ({share}; a higher value would raise it)",
    "item.down": "{name} ({share}; a higher value would lower it)",
    "item.share": "{name} ({share})",
    "item.token": "token {position}",
    "item.pair": "{target} from {origin}",
    "item.place": "{name} no. {position}",
    "reasons.none": "Nothing is named: every attribution is zero.",
    "inputs.shares": "Of all attribution, {items}.",
    "inputs.share": "{share} lies in the input {name}",
    # where in a picture or a series
    "where.supported": (
        "{share} of what speaks for {target} lies {region} ({area} of the picture); the strongest tenth of the picture holds {top}."
    ),
    "where.unstable": (
        "{share} of what speaks for {target} probably lies {region} ({area} of the picture), and {top} in the strongest tenth "
        "of the picture; this changes with the random seed."
    ),
    "where.cautioned": (
        "The map has {share} of what it holds for {target} {region} ({area} of the picture) and {top} in the strongest tenth of "
        "the picture; the checks bear it out, but the method itself is open to doubt."
    ),
    "where.weak": (
        "The map has {share} of what speaks for {target} {region} ({area} of the picture) and {top} in the strongest tenth of "
        "the picture; the checks can not tell this apart from a random map."
    ),
    "where.unchecked": (
        "The map has {share} of what speaks for {target} {region} ({area} of the picture) and {top} in the strongest tenth of "
        "the picture; no check has shown that it is right."
    ),
    "where.slope": "The score of {target} reacts most {region}: {share} of all sensitivity ({area} of the picture).",
    "where.magnitude": (
        "{share} of what the map holds lies {region} ({area} of the picture), and {top} in the strongest tenth of the picture; it does not "
        "say whether that speaks for {target} or against it."
    ),
    "where.doubt.unstable": "This changes with the random seed.",
    "where.doubt.cautioned": "The checks bear it out, but the method itself is open to doubt.",
    "where.doubt.weak": "The checks can not tell this apart from a random map.",
    "where.doubt.unchecked": "No check has shown that it is right.",
    "where.spread": "No part of the picture stands out: even the richest ninth holds less than twice its share.",
    "where.coarse": "The map has {rows} × {columns} cells, so a place can not be told more finely than that.",
    "where.none": "Nothing in the picture speaks for {target}: the map has no positive value.",
    "when.0": "first third",
    "when.1": "middle third",
    "when.2": "last third",
    "when.supported": (
        "{share} of all attribution for {target} lies in the {part} of the series; the strongest tenth of its steps holds {top}."
    ),
    "when.unstable": (
        "{share} of all attribution for {target} probably lies in the {part} of the series, and {top} in the strongest tenth "
        "of its steps; this changes with the random seed."
    ),
    "when.cautioned": (
        "The method puts {share} of all attribution for {target} into the {part} of the series and {top} into the strongest "
        "tenth of its steps; the checks bear it out, but the method itself is open to doubt."
    ),
    "when.weak": (
        "The method puts {share} of all attribution for {target} into the {part} of the series and {top} into the strongest "
        "tenth of its steps; the checks can not tell this apart from chance."
    ),
    "when.unchecked": (
        "The method puts {share} of all attribution for {target} into the {part} of the series and {top} into the strongest "
        "tenth of its steps; no check has shown that it is right."
    ),
    # what happens without it
    "scale.produced": "mean {scale} of the produced tokens, each in its own order,",
    "removal.falls": "Without the strongest {fraction} the {scale} falls from {start} to {after}",
    "removal.stays": "Without the strongest {fraction} the {scale} does not fall: {start} before, {after} after",
    "removal.random": "; without as much at random it is {mean} (95 % of random orders: {low} to {high})",
    "removal.clearly": ", so the loss is clearly more than chance.",
    "removal.probably": ", so the loss is more than on average at random, but can not be told apart from chance.",
    "removal.same": ", so the loss can not be told apart from chance.",
    # what the checks say
    "verdict.supported": "The checks support this explanation by {method}.",
    "verdict.weak": "This explanation by {method} is weak: {reasons}.",
    "verdict.refused": "This explanation by {method} is refused: {reasons}. What it marks must not be read as the network's reasons.",
    "verdict.unchecked": "This explanation by {method} is unchecked: {reasons}. Whether it is right is not known.",
    "reason.not_finite": "it holds values that are not finite",
    "reason.identity_broken": "{check} is broken: it is off by {value}, and the error that the method states for itself is {reference}",
    "reason.identity_broken.plain": "an identity that the method promises is broken",
    "reason.not_better_than_random": "{check} scores {value} against {reference} in random order, which is no better than chance",
    "reason.not_better_than_random.plain": "removing in its order does no more than removing in random order",
    "reason.interval_includes_random": "{check} scores {value}, and its interval holds the {reference} of random order too",
    "reason.interval_includes_random.plain": "its effect can not be told apart from that of a random order",
    "reason.unstable_over_seeds": "only {value} of the strongest entries stay when the random seed changes ({reference} are needed)",
    "reason.unstable_over_seeds.plain": "the strongest entries change with the random seed",
    "reason.ignores_parameters.plain": "it hardly changes when the network's parameters are shuffled",
    "reason.unresolved": "of the strongest entries another draw would name only {value} again ({check}; {reference} are needed)",
    "reason.unresolved.plain": "another draw would name other entries as the strongest",
    "reason.poor_fit": "what was fitted describes the network here only to {value} ({check}; {reference} are needed)",
    "reason.poor_fit.plain": "what was fitted does not describe the network here",
    "reason.fails_randomization.plain": "the method is known to draw nearly the same picture for a network that has learned nothing",
    "reason.attention_is_not_importance.plain": "where a network attends is known not to be what decides its output",
    "reason.ignores_target.plain": "the method does not look at the target and gives the same map for every class",
    "reason.unchecked": "no check was run",
    "reason.no_difference": "the score is the same with and without the input ({value}), so there is nothing to explain",
    "reason.no_difference.plain": "the score is the same with and without the input, so there is nothing to explain",
    "reason.other": "{code}",
    "identity.holds": (
        "The attributions add up to the change of the score: they miss it by {value}, and the stated error is {reference} ({check})."
    ),
    "identity.broken": (
        "The attributions do not add up to the change of the score: they miss it by {value}; the stated error is {reference} ({check})."
    ),
    "identity.conservation.holds": (
        "The ledger closes: what inputs and all else hold misses the score by {value}, and rounding may take {reference} ({check})."
    ),
    "identity.conservation.broken": (
        "The ledger does not close: what inputs and all else hold misses the score by {value}; rounding may take {reference} ({check})."
    ),
    "ledger": "Of the {scale} {score}, {items}.",
    "ledger.item": "{amount} ({share}) is with {entry}",
    "ledger.plain": "{amount} is with {entry}",
    "ledger.inputs": "the inputs",
    "ledger.biases": "biases",
    "ledger.constants": "constants inside the network",
    "ledger.softmax": "softmax functions, whose rule passes on a part only",
    "ledger.epsilon": "the stabilizer epsilon",
    "ledger.nonlinear": "functions that are not linear",
    "ledger.elsewhere": "what does not pass the chosen unit",
    "faithfulness.deletion": (
        "Removed strongest first, the {scale} averages {value} (95 % interval {low} to {high}), in random order {reference}"
    ),
    "faithfulness.insertion": (
        "Put back strongest first, the {scale} averages {value} (95 % interval {low} to {high}), in random order {reference}"
    ),
    "faithfulness.other": "The order scores {value} (95 % interval {low} to {high}), a random order {reference}",
    "faithfulness.all": ": better than all {orders} random orders ({check}{p}).",
    "faithfulness.clearly": ": clearly better than chance ({check}{p}).",
    "faithfulness.probably": ": probably better than chance, but its interval holds chance too ({check}{p}).",
    "faithfulness.same": ": it can not be told apart from chance ({check}{p}).",
    "faithfulness.worse": ": no better than chance ({check}{p}).",
    "p": ", {p}",
    "reason.ignores_parameters": (
        "it hardly changes when the network's parameters are shuffled (similarity {value}; all of its interval must lie below {reference})"
    ),
    "sensitivity.holds": "With shuffled parameters the explanation is another one: similarity {value}, below {reference} ({check}).",
    "sensitivity.broken": (
        "With shuffled parameters the explanation is hardly another one: similarity {value}, up to {high}, which must lie "
        "below {reference} ({check})."
    ),
    "resolution.holds": "Another draw would name {value} of the strongest entries again; {reference} are needed ({check}).",
    "resolution.broken": "Another draw would name only {value} of the strongest entries again; {reference} are needed ({check}).",
    "fit.holds": "What was fitted describes the network here to {value}; {reference} are needed ({check}).",
    "fit.broken": "What was fitted describes the network here only to {value}; {reference} are needed ({check}).",
    "comparison.best": (
        "Of {count} methods, the network confirms {method} most clearly: it beats random order by {lead} standard deviations."
    ),
    "comparison.none": "None of {count} methods is clearly better than random order, so none of them should be trusted here.",
    "comparison.ranked": "In order of measured faithfulness: {list}.",
    "comparison.agree": "{first} and {second} agree most (rank correlation {value}).",
    "comparison.differ": "{first} and {second} agree least ({value}): where they differ, at most one of them is right.",
    "comparison.alike": "Even {first} and {second}, which agree least, name nearly the same ({value}).",
    "comparison.refused": "{method} is refused for {count} of {rows} rows.",
    "comparison.failed": "{method} could not be used here: {why}",
    "permuted.found": "On {rows} labelled rows the {score} is {reference}; it gets worse most when these are permuted: {items}.",
    "permuted.item": "{name} ({value})",
    "permuted.clear": "{count} of {total} features clearly matter (their 95 % intervals over rows lie above zero).",
    "permuted.none": "On {rows} labelled rows the {score} is {reference}, and permuting no single feature makes it clearly worse.",
    "permuted.error": "Over {repeats} permutations the standard error is at most {error}.",
    "permuted.limit": (
        "This says what the network uses on these rows, not what causes the label. Features that say the same hide one another, and a "
        "permuted feature no longer fits the rest of its row, so that the network is asked about rows that may not exist."
    ),
    "comparison.how": "All were measured on the same parts, replaced by {infill}; the ranking does not settle what they disagree about.",
    "stability.holds": "With other random seeds {value} of the strongest entries stay the same; {reference} are needed ({check}).",
    "stability.broken": "With other random seeds only {value} of the strongest entries stay the same; {reference} are needed ({check}).",
    "check.unknown": "The result of {check} is not a number, so it shows nothing.",
    # what this does not show
    "limit.exact.shap": "Nothing was sampled: the values are exact up to rounding, for these background rows.",
    "limit.exact": "The integral is exact up to rounding along the straight line from the baseline; of what lies off it, it says nothing.",
    "limit.integrated_gradients": "Integrated gradients compares with one baseline ({baseline}); another baseline can give another answer.",
    "limit.deeplift": (
        "DeepLIFT compares with one baseline ({baseline}), and shares out each operation's difference by itself: how operations "
        "act together "
        "on the way from the baseline is not seen."
    ),
    "limit.lrp": (
        "LRP is one way to divide the score, and another rule divides it otherwise; it does not say what would happen if the input were "
        "another, and a value of zero gets nothing from most rules, however much it matters that it is zero."
    ),
    "limit.guided_backprop": (
        "Guided backpropagation restores the edges of the input; it hardly depends on what the network learned, or on which class is asked "
        "about."
    ),
    "limit.deconvolution": (
        "Deconvolution restores the edges of the input; it hardly depends on what the network learned, or on which class is asked about."
    ),
    "limit.fullgrad": (
        "FullGrad has no sign: it does not tell evidence for the answer from evidence against it, and every layer counts alike in its map."
    ),
    "limit.expected_gradients": (
        "Expected gradients compares with a whole background ({baseline}) and averages; another background can give another answer, and a "
        "mean does not say which of its rows a value comes from."
    ),
    "limit.conductance": (
        "Conductance follows what flows through one layer ({layer}) on the way from one baseline ({baseline}); what goes "
        "past that layer is "
        "not seen, nor how its units act together."
    ),
    "limit.deepshap": (
        "DeepSHAP is the mean over {baseline}: another background can give another answer. It shares out each operation's difference by "
        "itself, so it is no exact Shapley value where features act together."
    ),
    "limit.baselines": (
        "This is the mean over several baselines ({baseline}). From one to another the values change, summed over all of them, by up to "
        "±{share} of their size; yet another baseline can give another answer."
    ),
    "limit.gradient": (
        "A gradient says how the score reacts to a small change at this point; it does not say how much of the score a feature "
        "brought about."
    ),
    "limit.smoothgrad": (
        "SmoothGrad averages gradients around this point; it says how the score reacts nearby, not how much of it a feature brought about."
    ),
    "limit.gradient_times_input": (
        "Gradient × input is exact for linear networks only; elsewhere it takes the slope at this point for the slope all the way to zero."
    ),
    "limit.attention": (
        "Raw attention says where the network looks, not what it uses: weights say nothing of the values they weigh, and can be changed "
        "without changing the answer."
    ),
    "limit.attention_norm": (
        "Value-weighted attention measures how much a token hands over in the attention layers; whether that speaks for or against "
        "the answer, and what later layers make of it, is not in it."
    ),
    "limit.attention_rollout": (
        "Attention rollout multiplies raw attention through the layers and takes all that lies between them for the identity; it is the "
        "same whatever answer is explained."
    ),
    "limit.attention_gradient": (
        "Gradient-weighted attention follows attention to first order only; what passes through the values and around the attention "
        "layers is not in it."
    ),
    "limit.shap": (
        "A Shapley value is what a part adds on average over all orders in which parts come in, absent parts being replaced by {baseline}; "
        "another replacement asks another question, and what parts do only together is shared out between them."
    ),
    "limit.occlusion": (
        "Occlusion says what happens when a part is replaced by its in-fill ({baseline}); another in-fill can give another "
        "answer, and parts that stand in for each other are both rated too low."
    ),
    "response.row": "{name} moved from {low} to {high} takes the score of {target} from {start} to {end} (range {range})",
    "response.list": "All else held, {items}.",
    "response.average": "On average over background rows, {items}.",
    "response.mean": "{name} so moved changes it by {mean}, and by {ale} where each row stays near its own values",
    "response.surface": (
        "With {first} and {second} moved together the score of {target} goes from {low} to {high}, highest at {first} = {first_at} and "
        "{second} = {second_at}."
    ),
    "limit.sensitivity": (
        "A curve moves one feature and holds the others, also where no such row exists; only the accumulated local effect "
        "stays among the data."
    ),
    "limit.sobol": (
        "A Sobol index says how much of the score's variation a part is involved in when parts are blended with the in-fill "
        "({baseline}); it "
        "has no sign, and does not say whether a part acts alone or with others."
    ),
    "limit.mask": (
        "An optimized mask is one small part that keeps the score when all else is the in-fill ({baseline}); another part "
        "may keep it as well, "
        "and what speaks against the target is not in it."
    ),
    "limit.rise": (
        "RISE looks through random masks no finer than its cells, and what they hide is replaced by the in-fill ({baseline}): details "
        "smaller than a cell are not told apart, and another in-fill can give another answer."
    ),
    "limit.lime": (
        "LIME describes the network by a linear model of who is kept and who is replaced by the in-fill ({baseline}): what lies between "
        "a value and its in-fill, and what parts do only together, is not in it; another in-fill can give another answer."
    ),
    "limit.gradcam": (
        "Grad-CAM sees one layer ({layer}): what the layers before it did within a cell is not seen, and what the layers after it "
        "combine is taken for a sum."
    ),
    "limit.gradcam++": (
        "Grad-CAM++ sees nothing but {layer} and counts only what speaks for the target there; evidence against it, and detail "
        "below one cell, are not seen."
    ),
    "limit.hirescam": (
        "HiResCAM sees nothing but {layer}: what the layers before it did within a cell is not seen, and what the layers after it "
        "combine is taken for a sum."
    ),
    "limit.layercam": (
        "LayerCAM sees nothing but {layer} and counts only what speaks for the target there; evidence against it is not seen, and what "
        "the layers after it combine is taken for a sum."
    ),
    "limit.scorecam": (
        "Score-CAM masks the input with channels of {layer}, and what is masked becomes zero; evidence against the target is not seen, "
        "and where scores are large nearly all the weight falls to one channel."
    ),
    "limit.ablationcam": (
        "Ablation-CAM silences channels of {layer} one at a time: channels that stand in for each other are all rated too low, and "
        "detail below one cell is not seen."
    ),
    "limit.eigencam": ("Eigen-CAM says where {layer} responds most, whatever the target: it is the same map for every class."),
    "limit.random": "These numbers were drawn at random as a control. They say nothing about the network.",
    "limit.imported": (
        "The values were computed by another tool, and what they mean is that tool's word; only what the checks measured was measured here."
    ),
    "limit.other": "Another method can give another answer; compare several before acting on one.",
    "limit.causal": "This is what the network uses, not a cause in the world.",
    "limit.row": "It holds for this row alone.",
    "limit.rows": "It holds for these {count} rows alone.",
    "limit.probability": "The probability is the network's own word: how often it is then right was not measured here.",
    "limit.guesses": "Guesses about model or data: {count} (see the provenance).",
    # several rows
    "summary.rows": "{count} rows were explained: {levels}.",
    "summary.right": "In {count} of the {total} rows with a known label the network is right.",
    "summary.supported": "{count} supported",
    "summary.weak": "{count} weak",
    "summary.refused": "{count} refused",
    "summary.unchecked": "{count} unchecked",
    "summary.reason": "In {count} of {total} rows {reason}.",
    "summary.all_refused": "Nothing is named as a reason, since every row is refused.",
    "summary.features": "Most often among the three strongest of the {total} rows that are not refused: {items}.",
    "summary.regions": "Where most of what speaks for the target lies, over the {total} rows that are not refused: {items}.",
    "summary.item": "{name} ({count})",
    "summary.removal": (
        "In {count} of {total} rows the {scale} without the strongest {fraction} is below that of 95 % of random orders; its "
        "mean falls from {start} to {after}, at random to {mean}."
    ),
    **INSIDE,
    **TRAINING,
}
