"""What an inspection found, one frozen class for each thing that can be looked at; a result holds it as its ``content``."""

from pellucid.explanation.contents.activations import Activations
from pellucid.explanation.contents.decision_boundary import DecisionBoundary
from pellucid.explanation.contents.feature_visualization import FeatureVisualization
from pellucid.explanation.contents.gradient_flow import GradientFlow
from pellucid.explanation.contents.loss_landscape import LossLandscape
from pellucid.explanation.contents.pruning import Pruning
from pellucid.explanation.contents.representations import Representations
from pellucid.explanation.contents.source import Source
from pellucid.explanation.contents.structure import Structure
from pellucid.explanation.contents.weights import Weights

Content = (
    Activations
    | DecisionBoundary
    | FeatureVisualization
    | GradientFlow
    | LossLandscape
    | Pruning
    | Representations
    | Source
    | Structure
    | Weights
)  # told apart by ``what``

__all__ = [
    "Activations",
    "Content",
    "DecisionBoundary",
    "FeatureVisualization",
    "GradientFlow",
    "LossLandscape",
    "Pruning",
    "Representations",
    "Source",
    "Structure",
    "Weights",
]
