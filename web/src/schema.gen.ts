// Made by python -m pellucid.explanation.schema --write; do not edit.

import type { Tensor } from "./frame";

export const FORMAT = 1;

export interface Activations {
  readonly layers: readonly (LayerActivations)[];
  readonly functions: readonly (OperatingPoints)[];
  readonly attention: readonly (AttentionWeights)[];
  readonly attention_layers: number;
  readonly states: readonly (HiddenStates)[];
  readonly shown: ShownRows;
  readonly labels: Tensor;
  readonly class_names: readonly (string)[];
  readonly rows: number;
  readonly what: "activations";
}

export interface AttentionWeights {
  readonly layer: string;
  readonly rows: Tensor;
  readonly weights: Tensor;
}

export interface Axis {
  readonly label: string;
  readonly domain: readonly [number, number];
  readonly ticks: readonly (number)[];
  readonly tick_labels: readonly (string)[];
  readonly kind: "linear" | "log" | "category";
  readonly reverse: boolean;
  readonly hidden: boolean;
}

export interface Badge {
  readonly level: "supported" | "weak" | "refused" | "unchecked";
  readonly label: string;
  readonly reasons: readonly (string)[];
}

export interface Band {
  readonly name: string;
  readonly x: Tensor;
  readonly low: Tensor;
  readonly high: Tensor;
  readonly color: string;
  readonly mark: "band";
}

export interface Bars {
  readonly name: string;
  readonly positions: Tensor;
  readonly start: Tensor;
  readonly length: Tensor;
  readonly colors: readonly (string)[];
  readonly labels: readonly (string)[];
  readonly horizontal: boolean;
  readonly thickness: number;
  readonly low: Tensor | null;
  readonly high: Tensor | null;
  readonly mark: "bars";
}

export interface Check {
  readonly name: string;
  readonly role: "identity" | "faithfulness" | "stability" | "sensitivity" | "fit" | "resolution";
  readonly direction: "lower" | "higher";
  readonly value: Tensor;
  readonly reference: Tensor;
  readonly low: Tensor;
  readonly high: Tensor;
  readonly p_value: Tensor;
  readonly evaluations: number;
  readonly curves: readonly (LabelledArray)[];
  readonly note: string;
}

export interface ColorScale {
  readonly kind: "diverging" | "sequential";
  readonly domain: readonly [number, number];
  readonly label: string;
}

export interface Column {
  readonly name: string;
  readonly values: Tensor;
  readonly texts: readonly (string)[];
  readonly unit: string;
}

export interface Decision {
  readonly output_kind: "logits" | "probabilities" | "values" | "unknown";
  readonly outputs: LabelledArray | null;
  readonly probabilities: LabelledArray | null;
  readonly class_names: readonly (string)[];
  readonly predicted: Tensor;
  readonly target: readonly (string)[];
  readonly target_class: Tensor;
  readonly scores: Tensor;
  readonly baseline_scores: Tensor;
  readonly truth: readonly (string)[];
}

export interface DecisionBoundary {
  readonly how: "exact" | "traced" | "sampled";
  readonly why: "" | "bends" | "hidden" | "many";
  readonly detail: string;
  readonly plane: InputPlane;
  readonly class_names: readonly (string)[];
  readonly classes: Tensor;
  readonly confidence: Tensor;
  readonly boundary: Tensor;
  readonly between: Tensor;
  readonly regions: LinearRegions | null;
  readonly agreement: number | null;
  readonly rows: PlacedRows;
  readonly what: "decision_boundary";
}

export interface Distribution {
  readonly count: number;
  readonly mean: number;
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
  readonly missing: number;
  readonly zeros: number;
  readonly counted: number;
  readonly first: number;
  readonly width: number;
  readonly counts: Tensor;
}

export interface Edition {
  readonly language: "en" | "zh-CN";
  readonly title: string;
  readonly intro: readonly (string)[];
  readonly sections: readonly (Section)[];
  readonly disclosures: readonly (string)[];
}

export interface Explanation {
  readonly kind: "attribution" | "layer_attribution" | "curve" | "surface" | "graph" | "text" | "rules" | "examples" | "tree" | "regions" | "layers";
  readonly arrays: readonly (LabelledArray)[];
  readonly inputs: readonly (ShownInput)[];
  readonly decision: Decision;
  readonly provenance: Provenance;
  readonly checks: readonly (Check)[];
  readonly verdicts: readonly (Verdict)[];
  readonly errors: readonly (LabelledArray)[];
  readonly error_kind: "none" | "standard_error" | "bound" | "exact";
  readonly layer: string;
  readonly spread: readonly (LabelledArray)[];
  readonly content: Activations | DecisionBoundary | FeatureVisualization | GradientFlow | LossLandscape | Pruning | Representations | Source | Structure | Weights | null;
}

export interface FeatureVisualization {
  readonly layers: readonly (VisualizedLayer)[];
  readonly ways: readonly ("fourier" | "spectrum")[];
  readonly steps: number;
  readonly scale: "logits" | "log-odds" | "values";
  readonly low: Tensor;
  readonly high: Tensor;
  readonly bounds: "preparation" | "spec" | "data";
  readonly shift: number;
  readonly shown: Tensor;
  readonly shown_pixels: Tensor;
  readonly labels: Tensor;
  readonly class_names: readonly (string)[];
  readonly rows: number;
  readonly given: number;
  readonly what: "feature_visualization";
}

export interface Finding {
  readonly text: string;
  readonly badge: Badge | null;
}

export interface FlowPath {
  readonly name: string;
  readonly places: Tensor;
  readonly off: Tensor;
  readonly loss: Tensor;
}

export interface GradientFlow {
  readonly along: "parameters" | "trajectory";
  readonly names: readonly [string, string];
  readonly explained: Tensor;
  readonly across: Tensor;
  readonly up: Tensor;
  readonly loss: Tensor;
  readonly places: Tensor;
  readonly gradients: Tensor;
  readonly whole: Tensor;
  readonly own: Tensor;
  readonly own_loss: Tensor;
  readonly paths: readonly (FlowPath)[];
  readonly judged: string;
  readonly rows: number;
  readonly parameters: number;
  readonly what: "gradient_flow";
}

export interface HiddenStates {
  readonly layer: string;
  readonly operation: string;
  readonly rows: Tensor;
  readonly units: Tensor;
  readonly count: number;
  readonly values: Tensor;
}

export interface Image {
  readonly name: string;
  readonly extent: readonly [number, number, number, number];
  readonly values: Tensor | null;
  readonly scale: ColorScale | null;
  readonly pixels: Tensor | null;
  readonly opacity: Tensor | null;
  readonly roles: readonly (string)[];
  readonly texts: readonly (string)[];
  readonly told: Tensor | null;
  readonly mark: "image";
}

export interface InputPlane {
  readonly kind: "inputs" | "samples" | "pca";
  readonly origin: Tensor;
  readonly along: Tensor;
  readonly names: readonly (string)[];
  readonly samples: readonly (number)[];
  readonly explained: readonly (number)[];
  readonly span: readonly [number, number, number, number];
}

export interface LabelledArray {
  readonly name: string;
  readonly values: Tensor;
  readonly axes: readonly (string)[];
  readonly coordinates: Readonly<Record<string, readonly (string)[]>>;
  readonly valid: Tensor | null;
}

export interface LayerActivations {
  readonly layer: string;
  readonly operation: string;
  readonly module: string;
  readonly units: number;
  readonly places: readonly (number)[];
  readonly spread: Distribution;
  readonly mean: Tensor;
  readonly deviation: Tensor;
  readonly top_rows: Tensor;
  readonly top_values: Tensor;
  readonly classes: Tensor;
  readonly class_means: Tensor;
  readonly selectivity: Tensor;
  readonly explained: Tensor;
  readonly related: Tensor;
  readonly chosen: Tensor;
  readonly rows: Tensor;
  readonly maps: Tensor;
  readonly scatter_rows: Tensor;
  readonly scatter: Tensor;
}

export interface LayerUnits {
  readonly layer: string;
  readonly type: string;
  readonly fan_in: number;
  readonly compared: number;
  readonly norms: Tensor;
  readonly outgoing: Tensor;
  readonly nearest: Tensor;
  readonly difference: Tensor;
  readonly outgoing_cosine: Tensor;
  readonly dimension: number;
  readonly limit: number;
  readonly by_chance: boolean;
  readonly smallest: number;
  readonly silent: readonly (number)[];
  readonly off: readonly (number)[];
  readonly constant: readonly (number)[];
  readonly normalization: string;
  readonly activation: string;
  readonly next: readonly (string)[];
}

export interface LeftOut {
  readonly layer: string;
  readonly why: "output" | "single" | "unreached" | "attention" | "cell" | "projected" | "transposed" | "made" | "tied" | "normalization";
}

export interface LegendEntry {
  readonly label: string;
  readonly color: string;
  readonly shape: "square" | "line" | "dashed" | "point";
}

export interface Line {
  readonly name: string;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly color: string;
  readonly dashed: boolean;
  readonly mark: "line";
}

export interface LineCall {
  readonly module: string;
  readonly steps: readonly (LineStep)[];
  readonly size: number;
  readonly flops: number;
  readonly seconds: number;
}

export interface LineOperation {
  readonly number: number;
  readonly name: string;
  readonly kind: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly module: string;
  readonly type: string;
  readonly shape: readonly (number)[];
  readonly rows: number;
  readonly each: number;
  readonly parameters: readonly (string)[];
  readonly size: number;
  readonly flops: number;
  readonly elements: number;
  readonly seconds: number;
  readonly spread: Spread | null;
  readonly relevance: number | null;
}

export interface LineStep {
  readonly into: string;
  readonly operations: readonly (number)[];
}

export interface LinearRegions {
  readonly points: Tensor;
  readonly corners: Tensor;
  readonly counts: Tensor;
  readonly middles: Tensor;
  readonly levels: Tensor;
  readonly slopes: Tensor;
  readonly colors: Tensor;
}

export interface Lines {
  readonly name: string;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly roles: readonly (string)[];
  readonly role: Tensor | null;
  readonly labels: readonly (string)[] | RowLabels;
  readonly sample: Sample | null;
  readonly strength: Tensor | null;
  readonly mark: "lines";
}

export interface LossBetween {
  readonly name: string;
  readonly line: LossLine;
  readonly distance: number;
  readonly barrier: Tensor;
  readonly accuracy_barrier: Tensor;
  readonly at: number;
}

export interface LossCurvature {
  readonly how: "double_backward" | "differences";
  readonly why: string;
  readonly values: Tensor;
  readonly residuals: Tensor;
  readonly lowest: Tensor;
  readonly steps: number;
  readonly products: number;
  readonly trace: Tensor;
  readonly probes: number;
  readonly gradient: number;
  readonly learning_rate: number | null;
}

export interface LossLandscape {
  readonly directions: "random" | "hessian" | "trajectory";
  readonly lengths: Tensor;
  readonly cosine: number;
  readonly loss: string;
  readonly own: Tensor;
  readonly base: Tensor;
  readonly surface: LossSurface | null;
  readonly lines: readonly (LossLine)[];
  readonly trajectory: WeightTrajectory | null;
  readonly between: LossBetween | null;
  readonly curvature: LossCurvature | null;
  readonly no_curvature: string;
  readonly parameters: number;
  readonly still: number;
  readonly shared: readonly (string)[];
  readonly rows: number;
  readonly left_out: number;
  readonly evaluations: number;
  readonly what: "loss_landscape";
}

export interface LossLine {
  readonly positions: Tensor;
  readonly loss: Tensor;
  readonly accuracy: Tensor;
}

export interface LossSurface {
  readonly across: Tensor;
  readonly up: Tensor;
  readonly loss: Tensor;
  readonly accuracy: Tensor;
}

export interface Mask {
  readonly path: string;
  readonly parameter: string;
  readonly shape: readonly (number)[];
  readonly stays: Tensor;
}

export interface Missing {
  readonly name: string;
  readonly path: string;
  readonly why: "generated" | "typed" | "changed" | "none";
  readonly operations: readonly (number)[];
}

export interface Module {
  readonly path: string;
  readonly type: string;
  readonly calls: number;
  readonly inputs: readonly (readonly (number)[])[];
  readonly outputs: readonly (readonly (number)[])[];
  readonly parameters: number;
  readonly trainable: number;
  readonly own: number;
  readonly flops: number;
  readonly elements: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface Neighborhoods {
  readonly layer: string;
  readonly rows: Tensor;
  readonly places: Tensor;
  readonly perplexity: number;
  readonly trust: number;
  readonly nearest: number;
}

export interface Neurons {
  readonly layers: readonly (string)[];
  readonly activations: readonly (string)[];
  readonly sizes: readonly (number)[];
  readonly shown: readonly (Tensor)[];
  readonly weights: readonly (Tensor)[];
  readonly biases: readonly (Tensor)[];
  readonly features: readonly (string)[];
  readonly classes: readonly (string)[];
}

export interface OperatingPoints {
  readonly layer: string;
  readonly function: string;
  readonly module: string;
  readonly before: string;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly edges: readonly (number)[];
  readonly zones: readonly ("zero" | "saturated" | "linear" | "between")[];
  readonly slope: number;
  readonly spread: Distribution;
  readonly values: number;
  readonly zero: Tensor;
  readonly saturated: Tensor;
  readonly linear: Tensor;
  readonly several: boolean;
}

export interface Operation {
  readonly number: number;
  readonly name: string;
  readonly kind: string;
  readonly arguments: readonly (number)[];
  readonly module: string;
  readonly call: number;
  readonly source: string;
  readonly shape: readonly (number)[];
  readonly dtype: string;
  readonly parameters: number;
  readonly flops: number;
  readonly elements: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface OtherNetwork {
  readonly model: string;
  readonly fingerprint: string;
  readonly layers: readonly (string)[];
  readonly similarity: Tensor;
  readonly chance: number;
}

export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly table: Table;
  readonly marks: readonly (Image | Line | Lines | Polygons | Band | Bars | Points | Text)[];
  readonly x: Axis | null;
  readonly y: Axis | null;
  readonly subtitle: string;
  readonly legend: readonly (LegendEntry)[];
  readonly scale: ColorScale | null;
  readonly equal: boolean;
  readonly hatched: boolean;
}

export interface PlacedRows {
  readonly places: Tensor;
  readonly off: Tensor;
  readonly truth: Tensor;
  readonly predicted: Tensor;
  readonly there: Tensor;
  readonly distances: Tensor;
  readonly sure: Tensor;
}

export interface Points {
  readonly name: string;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly color: string;
  readonly radius: number;
  readonly labels: readonly (string)[] | RowLabels;
  readonly values: Tensor | null;
  readonly scale: ColorScale | null;
  readonly sample: Sample | null;
  readonly links: readonly (string)[];
  readonly mark: "points";
}

export interface Polygons {
  readonly name: string;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly roles: readonly (string)[];
  readonly role: Tensor;
  readonly strength: Tensor;
  readonly labels: readonly (string)[] | RowLabels;
  readonly sample: Sample | null;
  readonly mark: "polygons";
}

export interface Provenance {
  readonly method: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly target: string;
  readonly scale: "logit" | "log-odds" | "probability" | "value";
  readonly baseline: Readonly<Record<string, string>>;
  readonly mode: "eval" | "as_is";
  readonly dtype: string;
  readonly device: string;
  readonly batch: number;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly model: string;
  readonly model_fingerprint: string;
  readonly input_fingerprint: string;
  readonly evaluations: number;
  readonly check_evaluations: number;
  readonly seconds: number;
  readonly check_seconds: number;
  readonly guesses: readonly (string)[];
  readonly meaning: "contribution" | "slope" | "map" | "magnitude";
  readonly caution: "" | "fails_randomization" | "attention_is_not_importance" | "ignores_target";
  readonly choices: readonly (string)[];
}

export interface PrunedLayer {
  readonly layer: string;
  readonly type: string;
  readonly joined: readonly (string)[];
  readonly parameters: number;
  readonly l1: Tensor;
  readonly l2: Tensor;
  readonly taylor: Tensor;
  readonly cost: Tensor;
  readonly unchanged: Tensor;
  readonly order: Tensor;
  readonly removed: Tensor;
  readonly curve: Tensor;
  readonly suggested: Tensor;
  readonly agreement: Tensor;
}

export interface Pruning {
  readonly measure: "accuracy" | "agreement" | "r2";
  readonly criterion: "measured" | "taylor" | "l1" | "l2";
  readonly layers: readonly (PrunedLayer)[];
  readonly left_out: readonly (LeftOut)[];
  readonly known: number;
  readonly shares: Tensor;
  readonly equal: Tensor;
  readonly ranked: Tensor;
  readonly tolerance: number;
  readonly chosen: Tensor;
  readonly base: Tensor;
  readonly before: Tensor;
  readonly after: Tensor;
  readonly difference: Tensor;
  readonly lost: number;
  readonly won: number;
  readonly p: Tensor;
  readonly masks: readonly (Mask)[];
  readonly parameters: number;
  readonly zeroed: number;
  readonly cut: number;
  readonly flops: number;
  readonly saved: number;
  readonly agreement: Tensor;
  readonly ablated: number;
  readonly units: number;
  readonly taylor_rows: number;
  readonly choosing: number;
  readonly measuring: number;
  readonly apart: boolean;
  readonly runs: number;
  readonly given: number;
  readonly what: "pruning";
}

export interface Reason {
  readonly code: string;
  readonly check: string;
  readonly value: number | null;
  readonly reference: number | null;
}

export interface Relations {
  readonly features: readonly (string)[];
  readonly outputs: readonly (string)[];
  readonly count: number;
  readonly correlation: Tensor;
  readonly low: Tensor;
  readonly high: Tensor;
  readonly gradient: Tensor;
  readonly rising: Tensor;
  readonly deviation: Tensor;
}

export interface Report {
  readonly created: string;
  readonly version: string;
  readonly editions: readonly (Edition)[];
}

export interface Representations {
  readonly layers: readonly (string)[];
  readonly sizes: readonly (readonly [number, number])[];
  readonly pooled: readonly (boolean)[];
  readonly maps: Tensor;
  readonly explained: Tensor;
  readonly probes: Tensor;
  readonly base: Tensor;
  readonly own: Tensor;
  readonly similarity: Tensor;
  readonly labels: Tensor;
  readonly predicted: Tensor;
  readonly class_names: readonly (string)[];
  readonly rows: number;
  readonly given: number;
  readonly neighborhoods: readonly (Neighborhoods)[];
  readonly other: OtherNetwork | null;
  readonly relations: Relations | null;
  readonly what: "representations";
}

export interface RowLabels {
  readonly pattern: string;
  readonly rows: Tensor;
  readonly columns: readonly (Column)[];
  readonly missing: string;
  readonly together: boolean;
}

export interface RowLayout {
  readonly method: "pca" | "tsne";
  readonly points: Tensor;
  readonly rows: Tensor;
  readonly explained: Tensor;
}

export interface Sample {
  readonly first: number;
  readonly most: number;
  readonly count: number;
  readonly unit: string;
  readonly said: string;
}

export interface Scene {
  readonly title: string;
  readonly panels: readonly (Panel)[];
  readonly summary: string;
  readonly subtitle: string;
  readonly badge: Badge | null;
  readonly columns: number;
  readonly notes: readonly (string)[];
  readonly code: string;
  readonly language: "en" | "zh-CN";
}

export interface Section {
  readonly id: string;
  readonly heading: string;
  readonly findings: readonly (Finding)[];
  readonly scenes: readonly (Scene)[];
}

export interface ShownInput {
  readonly name: string;
  readonly kind: "tabular" | "image" | "tokens" | "audio" | "series" | "array";
  readonly data: LabelledArray;
  readonly cells: readonly (readonly (string)[])[];
  readonly players: Tensor | null;
}

export interface ShownRows {
  readonly rows: Tensor;
  readonly pixels: Tensor;
  readonly signal: Tensor;
  readonly texts: readonly (string)[];
  readonly features: readonly (string)[];
  readonly table_rows: Tensor;
  readonly table: Tensor;
}

export interface Source {
  readonly operations: readonly (LineOperation)[];
  readonly functions: readonly (SourceFunction)[];
  readonly files: readonly (SourceFile)[];
  readonly missing: readonly (Missing)[];
  readonly bare: readonly (number)[];
  readonly rows: number;
  readonly apart: number;
  readonly modules: Readonly<Record<string, string>>;
  readonly target: string;
  readonly what: "source";
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly encoding: string;
  readonly mark: boolean;
  readonly library: boolean;
  readonly cell: boolean;
}

export interface SourceFunction {
  readonly name: string;
  readonly file: number;
  readonly first: number;
  readonly last: number;
  readonly lines: readonly (SourceLine)[];
}

export interface SourceLine {
  readonly first: number;
  readonly last: number;
  readonly calls: readonly (LineCall)[];
}

export interface Spectrum {
  readonly values: Tensor;
  readonly full: number;
  readonly exact: boolean;
  readonly stable_rank: number;
  readonly edge: number;
}

export interface Spread {
  readonly mean: number;
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
  readonly not_finite: number;
  readonly units: number;
  readonly share_dead: number;
  readonly share_saturated: number;
}

export interface Structure {
  readonly operations: readonly (Operation)[];
  readonly modules: readonly (Module)[];
  readonly inputs: readonly (readonly (number)[])[];
  readonly output: number;
  readonly rows: number;
  readonly neurons: Neurons | null;
  readonly what: "structure";
}

export interface Table {
  readonly columns: readonly (string)[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly code: readonly (number)[];
  readonly links: readonly (string)[];
}

export interface Text {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly anchor: "start" | "middle" | "end";
  readonly color: string;
  readonly mark: "text";
}

export interface Verdict {
  readonly level: "supported" | "weak" | "refused" | "unchecked";
  readonly reasons: readonly (Reason)[];
}

export interface VisualizedLayer {
  readonly layer: string;
  readonly units: Tensor;
  readonly count: number;
  readonly places: readonly (number)[];
  readonly inputs: Tensor;
  readonly pixels: Tensor;
  readonly touched: Tensor;
  readonly reached: Tensor;
  readonly shifted: Tensor;
  readonly boxes: Tensor;
  readonly quantiles: Tensor;
  readonly top_rows: Tensor;
  readonly top_values: Tensor;
  readonly top_boxes: Tensor;
  readonly top_shifted: Tensor;
}

export interface Weight {
  readonly name: string;
  readonly parameter: string;
  readonly type: string;
  readonly kind: "dense" | "convolution" | "recurrent" | "attention" | "embedding" | "gain" | "bias" | "other";
  readonly tied: readonly (string)[];
  readonly made: string;
  readonly shape: readonly (number)[];
  readonly dtype: string;
  readonly units: number;
  readonly inputs: number;
  readonly mean: number;
  readonly deviation: number;
  readonly norm: number;
  readonly strange: number;
  readonly zeros: number;
  readonly quantiles: Tensor;
  readonly edges: Tensor;
  readonly counts: Tensor;
  readonly map: Tensor;
  readonly block: readonly [number, number];
  readonly kernels: Tensor;
  readonly kernel_units: Tensor;
  readonly kernel_inputs: Tensor;
  readonly spectrum: Spectrum | null;
  readonly layout: RowLayout | null;
  readonly change: WeightChange | null;
}

export interface WeightChange {
  readonly relative: Tensor;
  readonly angle: Tensor;
  readonly moved: Tensor;
}

export interface WeightTrajectory {
  readonly places: Tensor;
  readonly off: Tensor;
  readonly distance: Tensor;
  readonly explained: Tensor;
  readonly loss: Tensor;
}

export interface Weights {
  readonly weights: readonly (Weight)[];
  readonly units: readonly (LayerUnits)[];
  readonly parameters: number;
  readonly followed: "rows" | "guess" | "none";
  readonly guessed: readonly (number)[];
  readonly what: "weights";
}
