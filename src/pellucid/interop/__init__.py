"""Explanations of other tools taken in, and explanations handed on to other tools; each tool is loaded only where it is asked for."""

from pellucid.interop.arrays import from_arrays, to_arrays, to_captum
from pellucid.interop.lime import from_lime, to_lime_list
from pellucid.interop.mlflow import log_mlflow
from pellucid.interop.model_card import insert_section, model_card
from pellucid.interop.shap import from_shap, to_shap
from pellucid.interop.wandb import log_wandb

__all__ = [
    "from_arrays",
    "from_lime",
    "from_shap",
    "insert_section",
    "log_mlflow",
    "log_wandb",
    "model_card",
    "to_arrays",
    "to_captum",
    "to_lime_list",
    "to_shap",
]
