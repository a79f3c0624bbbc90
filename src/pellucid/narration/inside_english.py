"""The sentences about the inside of a network in English."""

from __future__ import annotations

INSIDE: dict[str, str] = {
    "inside.representations.rows": "{layers} layers of {model} were looked at on {rows} rows.",
    "inside.representations.one": "1 layer of {model} was looked at on {rows} rows.",
    "inside.representations.best": (
        "A linear probe reads the class best from {layer}: {value} of held-out rows, against {base} by guessing."
    ),
    "inside.representations.first": "The first layer from which it is clearly better than guessing is {layer} ({value}).",
    "inside.representations.never": "From no layer is it clearly better than guessing ({base}).",
    "inside.representations.own": "The network itself is right in {value} of these rows.",
    "inside.representations.change": "The representation changes most from {first} to {second} (similarity {value}; 1 is the same).",
    "inside.representations.trust": (
        "A t-SNE of {layer} keeps neighbors together with a trustworthiness of {value} (1 is best); sizes and distances of clusters "
        "mean little."
    ),
    "inside.representations.other": (
        "In the other network {same} of {count} layers find their closest counterpart in the layer of the same name; {first} and {second} "
        "are most alike ({value})."
    ),
    "inside.representations.other_unlike": "Of the other network's layers {second} is most like one here, {first} ({value}).",
    "inside.representations.parts": (
        "The two networks part most at {layer}: no layer of the other is more like it than {value}, where chance reaches {limit} in at "
        "most one of 20 pairings of rows."
    ),
    "inside.representations.relation": (
        "Of {count} features {feature} goes together most closely with an output, {output}: rank correlation {value} ({low} to {high})."
    ),
    "inside.representations.gradient": "Its mean gradient there is {value}, above 0 in {share} of the rows.",
    "inside.representations.opposed": (
        "In {opposed} of {count} pairs of feature and output the mean gradient has the other sign than the correlation: a relation is "
        "no cause."
    ),
    "inside.representations.limit": (
        "A probe shows what can be read from a layer linearly, not what the network uses. Two axes show a part of what a layer holds."
    ),
    "inside.pruning.apart": (
        "{choosing} rows rank the units and choose, {measuring} other rows measure; the network ran {runs} times with units set to 0."
    ),
    "inside.pruning.same": (
        "There are too few rows to part them: the same {measuring} rank the units, choose and measure, so that the score "
        "afterwards looks better than it is; the network ran {runs} times with units set to 0."
    ),
    "inside.pruning.suggested": (
        "{removed} of {units} units of {model} are suggested for removal, {zeroed} of its {parameters} parameters."
    ),
    "inside.pruning.nothing": "Not one of the {units} units of {model} could be removed within a fall of {tolerance}.",
    "inside.pruning.cost": (
        "The {measure} goes from {before} to {after} (95 % interval {low} to {high}); rows lost: {lost}, won: {won} (p = {p}){few}."
    ),
    "inside.pruning.beyond": (
        "That is a larger fall than the {tolerance} that was allowed, and kept, on the rows that chose ({before} to {after}): the choice "
        "fitted these rows; give more rows, or a smaller tolerance."
    ),
    "inside.pruning.few": "; on {rows} rows a small loss can not be told from none",
    "inside.pruning.cost_r2": "The {measure} goes from {before} to {after} (95 % interval {low} to {high}).",
    "inside.pruning.saved": (
        "Masks save no time; with the units cut out at least {cut} of the parameters and {flops} of the FLOPs would be gone."
    ),
    "inside.pruning.no_better": (
        "The whole network is right in {value} of these rows, and always giving the most frequent class in {base}: its score can not tell "
        "what may go."
    ),
    "inside.pruning.dead": "{count} of the {ablated} units that were removed alone move no output at all.",
    "inside.pruning.layers": (
        "Of layers alone, without {share} of their units, {most} leaves the lowest {measure}, {worst}; {least} loses least, with {best}."
    ),
    "inside.pruning.criterion": (
        "Of the cheap criteria {name} ranks units most like the measured cost (rank correlation {value}, 95 % interval {low} to {high})."
    ),
    "inside.pruning.limit": (
        "Nothing is trained after the removal, which could recover some of what is lost; what other rows need is not seen. The network is "
        "not changed: pl.apply_pruning(net, explanation) does that."
    ),
    "inside.decision_boundary.inputs": "{model} was looked at on the plane of its two inputs.",
    "inside.decision_boundary.samples": "{model} was looked at on a slice of its {elements} inputs through rows {items}.",
    "inside.decision_boundary.pca": (
        "{model} was looked at on a slice of its {elements} inputs along which {share} of the variance of {rows} rows lies."
    ),
    "inside.decision_boundary.exact": (
        "It is one linear function in each of {regions} polygons there, and the lines between classes follow exactly."
    ),
    "inside.decision_boundary.agreement": (
        "Asked at {points} points, the network itself says the same class as the polygons at {share} of them."
    ),
    "inside.decision_boundary.traced": (
        "It has more than {most} linear regions there; the lines are exact in "
        "the cells of a grid of {points} points in which it was seen to run."
    ),
    "inside.decision_boundary.sampled": "The lines are straight between {points} points at which it was sampled.",
    "inside.decision_boundary.area": "It says {name} on {share} of the area.",
    "inside.decision_boundary.never": "Never said there, of {classes} classes: {items}.",
    "inside.decision_boundary.never_many": "Of {classes} classes {count} are said nowhere there.",
    "inside.decision_boundary.distance": "Half of the {rows} rows are closer than {median} to a change of class, the closest {least}.",
    "inside.decision_boundary.wrong": "Of the {wrong} rows that are misread half are closer than {median}.",
    "inside.decision_boundary.off": "The rows lie {off} off the slice (median).",
    "inside.decision_boundary.limit": (
        "A plane shows what the network says on it alone. Elsewhere in the space of the inputs a change of class may be nearer, "
        "and the confidence says nothing about places "
        "that are far from every row."
    ),
    "inside.feature_visualization.made": (
        "Pictures were optimized for {units} units of {model} (layers: {layers}) in {steps} steps, and compared with real rows."
    ),
    "inside.feature_visualization.above_all": "{way}: all {count} pictures are stronger than the strongest of {rows} rows.",
    "inside.feature_visualization.above_some": (
        "{way}: {above} of {count} units are stronger on their picture than on the strongest of {rows} rows, the others are not."
    ),
    "inside.feature_visualization.above_none": "{way}: none of {count} pictures is stronger than the strongest of {rows} rows.",
    "inside.feature_visualization.class": "the output of {unit}",
    "inside.feature_visualization.output": "output {unit}",
    "inside.feature_visualization.unit": "unit {unit} of {layer}",
    "inside.feature_visualization.times": "The highest is that of {who}: {value}, {times} times the {top} of the strongest row.",
    "inside.feature_visualization.against": "The highest is that of {who}: {value}, against {top} of the strongest row.",
    "inside.feature_visualization.kept": (
        "Shifted by {shift} px, half of the pictures keep at least {share} of what they have above the median row."
    ),
    "inside.feature_visualization.gone": (
        "Shifted by {shift} px, half of the pictures keep at least {share} of what they have above the median row; {gone} of {count} keep "
        "less than {limit}: that hangs on the exact position."
    ),
    "inside.feature_visualization.rows": "The strongest rows themselves keep {share} (median).",
    "inside.feature_visualization.preparation": "Pictures have the values that a photo can have.",
    "inside.feature_visualization.spec": "Pictures keep to the range that the input is said to have.",
    "inside.feature_visualization.data": "Each channel of the pictures keeps to the range that it has in the rows.",
    "inside.feature_visualization.spectrum": (
        "The strength of waves in spectrum pictures is the mean of these {rows} rows, not of ImageNet as in the paper."
    ),
    "inside.feature_visualization.limit": (
        "An optimized picture is a superstimulus: it shows one way to make a unit strong, which may lie far from every real row, and is "
        "no evidence of what the unit means. Real rows help people more to foretell a unit (Zimmermann et al. 2021), and a network "
        "can be built whose pictures have nothing to do with what it does on real rows (Geirhos et al. 2023)."
    ),
    "inside.activations.rows": "On {rows} rows {layers} layers and {functions} activation functions were watched.",
    "inside.activations.zero": (
        "Dead are {dead} of {units} units behind functions with a zero side: all of their inputs lie where the function gives 0{where}."
    ),
    "inside.activations.where": " (most in {layer}, {dead} of {units})",
    "inside.activations.saturated": "Saturated on every row are {stuck} of {units} units behind functions that saturate.",
    "inside.activations.most_zero": "The zero side is used most by {layer} ({function}): {share} of its inputs.",
    "inside.activations.most_saturated": "Saturated most is {layer} ({function}): {share} of its inputs.",
    "inside.activations.most_linear": (
        "Most like a straight line is {layer} ({function}): {share} of its inputs lie where the slope is linear."
    ),
    "inside.activations.wide": "The widest values come from {layer}: standard deviation {deviation}, 90 % between {low} and {high}.",
    "inside.activations.missing": "{count} values in {layers} layers are not finite.",
    "inside.activations.selective": (
        "Units tell the classes apart best in {layer}: half of them have at least {share} of their variance between classes (by "
        "chance {chance})."
    ),
    "inside.activations.related": "The unit most related to a feature is unit {unit} of {layer}: r = {r} with {feature}.",
    "inside.activations.attention": (
        "{heads} heads of {layers} layers were seen attending; the most focused is head {head} of {layer}, with {bits} bits on average."
    ),
    "inside.activations.limit": (
        "This holds for the rows that were given: a unit that is dead here may fire on others. Flat is a slope under 1 % of the "
        "reference, linear within 5 % of it; what a unit is for is not shown."
    ),
    "inside.structure.size": (
        "{model} has {parameters} parameters, {trainable} of them trainable, and computes one row by {operations} operations "
        "with {flops} FLOPs."
    ),
    "inside.structure.most": "The layer with most parameters is {path}: {own}, {share} of all.",
    "inside.structure.work": "The layer with most work is {path}: {share} of the FLOPs.",
    "inside.structure.idle": "On these rows {count} layers with parameters are not called by themselves: {items}.",
    "inside.structure.again": "Called more than once: {items}.",
    "inside.structure.calls": "{path} ({calls} times)",
    "inside.structure.limit": (
        "This is what runs on the rows that were given; on other rows a network that branches may run other operations. "
        "Times are those of the fastest of a few passes."
    ),
    "inside.source.size": "{model} computes one row by {operations} operations (lines of code: {lines}; functions: {functions}).",
    "inside.source.none": "{model} computes one row by {operations} operations, and no line of source stands for them.",
    "inside.source.work": "Line {line}, in {function}, does most of the work: {share} of the FLOPs.",
    "inside.source.again": "Line {line}, in {function}, runs {calls} times.",
    "inside.source.idle": "Units that never fire on {rows} rows: {dead}; always saturated: {saturated}.",
    "inside.source.missing": "There is no source for {items}.",
    "inside.source.limit": (
        "This is what runs on the rows that were given; lines that did not run, in a branch not taken, have no notes. "
        "Times are those of the fastest batch."
    ),
    "inside.weights.size": (
        "{model} has {parameters} parameters in {weights} weights; the largest, {name}, holds {own} of them ({share})."
    ),
    "inside.weights.rank": (
        "The fewest of its directions are used by {name}: its stable rank is {rank} of {full}. In {beyond} of {count} matrices the largest "
        "singular value lies above what independent random weights of the same size reach."
    ),
    "inside.weights.strange": "{count} weights are not finite numbers: {items}.",
    "inside.weights.dead": "{count} of {total} units are dead by their weights alone: {items}.",
    "inside.weights.constant": "{count} of {total} units get nothing and always give the same value: {items}.",
    "inside.weights.doubled": "{count} of {total} units have a near-duplicate in their layer: {items}.",
    "inside.weights.sound": "Of the {total} units none is dead by its weights alone, and none has a near-duplicate in its layer.",
    "inside.weights.in": "{count} in {name}",
    "inside.weights.more": "{count} more",
    "inside.weights.rows": "The outgoing weights are known for {count} of {total} layers, from a run on the given rows.",
    "inside.weights.guess": "The outgoing weights are known for {count} of {total} layers, from a run on rows of zeros.",
    "inside.weights.none": "The outgoing weights are known for {count} of {total} layers, for the network was not run; give data for more.",
    "inside.weights.change": (
        "Training changed {most} most, by {far} of its initial norm (it turned by {angle}°), and {least} least, by {near}."
    ),
    "inside.weights.limit": (
        "Weights alone do not say how a network is used: a unit that is not dead by them may still never be active on real data, "
        "and a large weight may meet an input that hardly varies."
    ),
    "inside.gradient_flow.own": "{model} has a mean loss of {own} on {rows} rows; on the plane shown it is between {least} and {most}.",
    "inside.gradient_flow.parameters": "The axes are the parameters {x} and {y}; the other {others} stay as they are.",
    "inside.gradient_flow.both": "The axes are the two parameters of the network, {x} and {y}.",
    "inside.gradient_flow.trajectory": (
        "The axes are the two directions along which the checkpoints lie farthest from the network: {share} of their squared distances."
    ),
    "inside.gradient_flow.gradient": "At the {places} places of the arrows the gradient within the plane is between {least} and {most}.",
    "inside.gradient_flow.path": "{name}: {count} checkpoints, loss {first} at first and {last} at last, at most {off} off the plane.",
    "inside.gradient_flow.limit": (
        "A plane is a slice: what the other parameters would do is not seen, and momentum or Adam do not follow the arrows."
    ),
    "inside.loss_landscape.own": "{model} has a mean loss ({loss}) of {own} on {rows} rows.",
    "inside.loss_landscape.own_classes": ("{model} has a mean loss ({loss}) of {own} on {rows} rows, and is right in {accuracy} of them."),
    "inside.loss_landscape.guessing": (
        "Giving the same answer whatever the row has a loss of {base}: the network has learned nothing of these rows."
    ),
    "inside.loss_landscape.left_out": "{count} rows without a label were left out.",
    "inside.loss_landscape.random": (
        "Its weights were moved along two random directions, every filter as long as the network's own; {still} of {parameters} parameters "
        "(biases and normalization layers) stayed."
    ),
    "inside.loss_landscape.hessian": "Its weights were moved along the two directions in which the loss bends most.",
    "inside.loss_landscape.trajectory": (
        "Its weights were moved on the plane that lies closest to {count} checkpoints: {share} of their squared distances lie in it, and "
        "they are {off} off it (median), at most {most}. The loss of the first checkpoint is {first}, of the last {last}."
    ),
    "inside.loss_landscape.plane": "At {points} points of this plane the loss is between {least} and {most}.",
    "inside.loss_landscape.lines": "At {points} points of these two lines the loss is between {least} and {most}.",
    "inside.loss_landscape.lower": (
        "The lowest, {least}, is below that of the trained weights: these are no minimum of the loss on these rows."
    ),
    "inside.loss_landscape.beyond": "At {count} points it is too large for numbers.",
    "inside.loss_landscape.between_none": (
        "On the straight way to the other network, {distance} away, the loss goes from {first} to {last} and never rises above the line "
        "between them: there is no barrier."
    ),
    "inside.loss_landscape.between_small": (
        "On the straight way to the other network, {distance} away, the loss goes from {first} to {last}; it rises by {barrier} above the "
        "line between them (at {at} of the way), which is hardly a barrier."
    ),
    "inside.loss_landscape.between_barrier": (
        "On the straight way to the other network, {distance} away, the loss goes from {first} to {last} over a barrier: at {at} of the "
        "way it is {barrier} above the line between them."
    ),
    "inside.loss_landscape.between_accuracy": "The accuracy falls by up to {fall} below the line between both ends.",
    "inside.loss_landscape.sharpness": (
        "The largest of {count} eigenvalues of the Hessian, the sharpness, is {value} (residual {residual})."
    ),
    "inside.loss_landscape.stable": ("It is below 2 / learning rate = {limit}, up to which gradient descent is stable on a quadratic."),
    "inside.loss_landscape.unstable": (
        "It is above 2 / learning rate = {limit}, beyond which gradient descent is not stable on a quadratic."
    ),
    "inside.loss_landscape.trace": ("The trace of the Hessian is {trace}, with a standard error of {error} from {probes} random probes."),
    "inside.loss_landscape.saddle": "There is a direction of negative curvature ({lowest}): the loss has no minimum here.",
    "inside.loss_landscape.differences": (
        "Hessian-vector products are differences of gradients, which are less exact, since torch can not differentiate twice here: {why}."
    ),
    "inside.loss_landscape.no_curvature": "There is no curvature: {why}",
    "inside.loss_landscape.limit": (
        "A plane is a slice of a space with as many dimensions as there are parameters: what lies off it is not seen, and other directions "
        "give other pictures. A flat surrounding alone does not prove that a network generalizes (Dinh et al. 2017)."
    ),
}
