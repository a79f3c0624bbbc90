"""What several commands are tried on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of six rows for ``inside.source_models.loop:Net``."""
    path = tmp_path / "rows.npy"
    np.save(path, np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32))
    return path
