"""Views: one function each, from a result to a scene."""

from pellucid.views.alignment_grid import alignment_grid
from pellucid.views.attribution import attribution
from pellucid.views.beeswarm import beeswarm
from pellucid.views.checks_table import checks_table
from pellucid.views.comparison import comparison
from pellucid.views.confusion import confusion
from pellucid.views.decision_plot import decision_plot
from pellucid.views.dependence import dependence
from pellucid.views.faithfulness_curves import faithfulness_curves
from pellucid.views.feature_bars import feature_bars
from pellucid.views.gallery import gallery
from pellucid.views.histogram import histogram
from pellucid.views.image_overlay import image_overlay
from pellucid.views.importance_bars import importance_bars
from pellucid.views.interaction_matrix import interaction_matrix
from pellucid.views.layer_table import layer_table
from pellucid.views.permutation_bars import permutation_bars
from pellucid.views.reliability import ReliabilityBins, reliability
from pellucid.views.series import series
from pellucid.views.strongest_elements import strongest_elements
from pellucid.views.token_bars import token_bars
from pellucid.views.training_history import training_history
from pellucid.views.waterfall import waterfall

__all__ = [
    "ReliabilityBins",
    "alignment_grid",
    "attribution",
    "beeswarm",
    "checks_table",
    "comparison",
    "confusion",
    "decision_plot",
    "dependence",
    "faithfulness_curves",
    "feature_bars",
    "gallery",
    "histogram",
    "image_overlay",
    "importance_bars",
    "interaction_matrix",
    "layer_table",
    "permutation_bars",
    "reliability",
    "series",
    "strongest_elements",
    "token_bars",
    "training_history",
    "waterfall",
]
