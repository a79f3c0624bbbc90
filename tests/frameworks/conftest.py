"""Which frameworks are tested: Keras on torch in every run, TensorFlow and JAX in an environment of their own (``make frameworks``)."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")  # before Keras is imported
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

collect_ignore = [] if os.environ.get("PELLUCID_FRAMEWORKS") else ["test_jax.py", "test_tensorflow.py"]
