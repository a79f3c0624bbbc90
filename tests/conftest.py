"""Settings that every test shares."""

from __future__ import annotations

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # no test opens a window
